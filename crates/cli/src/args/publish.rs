//! `evenkeel pub`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use evenkeel::QoS;

use super::{Connection, MetricsFlag, SessionStore, values};

/// Publish messages.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PublishArgs {
    /// Topic and message, or the topic alone, or the message alone after -t
    #[arg(value_names = ["TOPIC", "MESSAGE"], num_args = 0..=2, allow_negative_numbers = true)]
    pub(crate) words: Vec<OsString>,
    /// Topic to publish to; may be repeated
    #[arg(short, long, value_name = "TOPIC", allow_hyphen_values = true)]
    pub(crate) topic: Vec<String>,
    #[command(flatten)]
    pub(crate) payload: PayloadFlags,
    #[command(flatten)]
    pub(crate) stream: StreamFlags,
    /// QoS of the messages [default: 0]
    #[arg(short, long, value_name = "QOS", value_parser = values::qos, allow_hyphen_values = true)]
    pub(crate) qos: Option<QoS>,
    /// Have the server keep the message as the topic's last value
    #[arg(short, long)]
    pub(crate) retain: bool,
    /// Longest time to connect and to see every message acknowledged; with --stdin-line and
    /// --repeat for each message; 0 for no limit [default: 30]
    #[arg(short = 'W', long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// Send a QoS 2 message again that the server may have lost with its session; it may then
    /// arrive twice
    #[arg(long)]
    pub(crate) send_anew: bool,
    /// Print one JSON object per message
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) metrics: MetricsFlag,
    #[command(flatten)]
    pub(crate) store: SessionStore,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// What to publish.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Message")]
pub(crate) struct PayloadFlags {
    /// Message to publish
    #[arg(short, long, value_name = "MESSAGE", allow_hyphen_values = true)]
    pub(crate) message: Option<OsString>,
    /// File to publish as one message; a pipe is read to its end
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Publish an empty message
    #[arg(short, long)]
    pub(crate) null_message: bool,
    /// Publish all of stdin as one message
    #[arg(short, long, visible_alias = "stdin")]
    pub(crate) stdin_file: bool,
}

/// Many messages instead of one.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Message")]
pub(crate) struct StreamFlags {
    /// Publish each line of stdin as a message
    #[arg(short = 'l', long, visible_alias = "multiline")]
    pub(crate) stdin_line: bool,
    /// Publish the message this many times [default: 1]
    #[arg(long, value_name = "COUNT", value_parser = values::repetitions, allow_hyphen_values = true)]
    pub(crate) repeat: Option<u64>,
    /// Pause after each delivered repetition [default: 0]
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true)]
    pub(crate) repeat_delay: Option<Duration>,
}
