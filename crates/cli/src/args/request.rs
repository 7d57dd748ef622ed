//! `evenkeel rr`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use evenkeel::QoS;

use super::publish::PayloadFlags;
use super::subscribe::OutputFlags;
use super::{Connection, values};

/// Publish a request and print the response.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RequestArgs {
    /// Topic and message, or the topic alone, or the message alone after -t
    #[arg(value_names = ["TOPIC", "MESSAGE"], num_args = 0..=2, allow_negative_numbers = true)]
    pub(crate) words: Vec<OsString>,
    /// Topic of the request
    #[arg(short, long, value_name = "TOPIC", allow_hyphen_values = true)]
    pub(crate) topic: Option<String>,
    /// Topic of the response; one of its own unless given, which needs MQTT 5
    #[arg(short = 'e', long, value_name = "TOPIC", allow_hyphen_values = true)]
    pub(crate) response_topic: Option<String>,
    #[command(flatten)]
    pub(crate) payload: PayloadFlags,
    /// QoS of the request and of the subscription to the response [default: 0]
    #[arg(short, long, value_name = "QOS", value_parser = values::qos, allow_hyphen_values = true)]
    pub(crate) qos: Option<QoS>,
    /// Longest time until the response, connecting and subscribing included; 0 for no limit
    /// [default: 30]
    #[arg(short = 'W', long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// Do not take a retained message for the response
    #[arg(short = 'R', long)]
    pub(crate) no_retained: bool,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(flatten)]
    pub(crate) connection: Connection,
}
