//! `evenkeel advisor`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use evenkeel_aws::advisor::Case;

use super::{VerbosityFlags, values};

/// Run the acceptance tests of AWS Device Advisor against any client, offline.
#[derive(Args, Clone, Debug)]
pub(crate) struct AdvisorArgs {
    /// Run this case; may be repeated; all about MQTT unless given
    #[arg(long = "case", value_name = "ID", value_parser = values::advisor_case)]
    pub(crate) cases: Vec<&'static Case>,
    /// How long a case may take [default: 300s, as at AWS]
    #[arg(long, value_name = "TIME", value_parser = values::case_time)]
    pub(crate) timeout: Option<Duration>,
    /// The topic that the client publishes to and subscribes to
    #[arg(long, value_name = "TOPIC", default_value = "evenkeel/advisor", value_parser = values::topic_name)]
    pub(crate) topic: String,
    /// The client identifier that the command is given
    #[arg(long, value_name = "ID", default_value = "advised")]
    pub(crate) client_id: String,
    /// Attempts to connect again that are waited for
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = values::advisor_attempts)]
    pub(crate) attempts: usize,
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
    /// The client's command; {host}, {port}, {client_id} and {topic} are replaced
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
