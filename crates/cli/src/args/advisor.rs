//! `evenkeel advisor`.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use evenkeel_aws::advisor::{Case, Operation, Suite};
use serde_json::Value;

use super::{VerbosityFlags, values};

/// Run the acceptance tests of AWS Device Advisor against any client, offline.
#[derive(Args, Clone, Debug)]
pub(crate) struct AdvisorArgs {
    /// Run this case; may be repeated
    #[arg(long = "case", value_name = "ID", value_parser = values::advisor_case)]
    pub(crate) cases: Vec<&'static Case>,
    /// Run these cases: qualification, mqtt, tls, shadow, job, security, all or, by itself,
    /// long; may be repeated [default: mqtt]
    #[arg(long = "suite", value_name = "NAME", value_parser = values::advisor_suite)]
    pub(crate) suites: Vec<Suite>,
    /// How long a case, or the client in a scenario, may take [default: 300s, as at AWS]
    #[arg(long, alias = "timeout", value_name = "TIME", value_parser = values::case_time)]
    pub(crate) execution_timeout: Option<Duration>,
    /// Serve all cases by TLS, as those about TLS are; {ca}, {cert} and {key} are files
    #[arg(long)]
    pub(crate) tls: bool,
    /// The topic that the client publishes to and subscribes to
    #[arg(long, value_name = "TOPIC", default_value = "evenkeel/advisor", value_parser = values::topic_name)]
    pub(crate) topic: String,
    /// The client identifier that the command is given
    #[arg(long, value_name = "ID", default_value = "advised")]
    pub(crate) client_id: String,
    /// Attempts to connect again that are waited for
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = values::advisor_attempts)]
    pub(crate) attempts: usize,
    #[command(flatten)]
    pub(crate) long: LongArgs,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// Let a warning count as a failure
    #[arg(long)]
    pub(crate) strict: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the report for CI, in the form of JUnit
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write the report as a page with timelines
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
    /// The client's command; {host}, {port}, {url}, {client_id}, {topic}, {ca}, {cert}, {key},
    /// {thing}, {shadow} and {case} are replaced, and are EVENKEEL_ADVISOR_HOST and so on in
    /// its environment
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// The case of hours.
#[derive(Args, Clone, Debug)]
pub(crate) struct LongArgs {
    /// What the client does in MQTT_Long_Duration: publish or subscribe; may be repeated
    /// [default: both]
    #[arg(long = "operation", value_name = "NAME", value_parser = values::advisor_operation)]
    pub(crate) operations: Vec<Operation>,
    /// Divide the times of MQTT_Long_Duration, but not the client's own
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) hasten: NonZeroU32,
}

/// What the account knows of the client.
#[derive(Args, Clone, Debug)]
pub(crate) struct DeviceArgs {
    /// The thing that the client is [default: the client identifier]
    #[arg(long, value_name = "NAME")]
    pub(crate) thing: Option<String>,
    /// The name of the thing's shadow; the classic one unless given
    #[arg(long, value_name = "NAME", value_parser = values::shadow_name)]
    pub(crate) shadow: Option<String>,
    /// What the shadow has to report, at least
    #[arg(long, value_name = "JSON", value_parser = values::json_object)]
    pub(crate) reported: Option<Value>,
    /// What is desired of the client [default: {"advised":true}]
    #[arg(long, value_name = "JSON", value_parser = values::json_object)]
    pub(crate) desired: Option<Value>,
    /// What the job is about [default: {"operation":"advised"}]
    #[arg(long, value_name = "JSON", value_parser = values::json_object)]
    pub(crate) job_document: Option<Value>,
    /// A policy of the device; may be repeated
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,
}
