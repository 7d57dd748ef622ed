//! `evenkeel soak`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use evenkeel_broker::Strictness;

use super::{MetricsFlag, VerbosityFlags, values};

/// Prove clients against a broker that makes trouble at random.
#[derive(Args, Clone, Debug)]
pub(crate) struct SoakArgs {
    /// How long to make trouble; a minute at most to settle comes on top
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = values::soak_time)]
    pub(crate) lasts: Duration,
    /// How many clients
    #[arg(long, value_name = "COUNT", default_value = "200", value_parser = values::clients)]
    pub(crate) clients: usize,
    /// Make the trouble of an earlier run again; at random unless given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Make the trouble of a file in place of the random one, TOML, see docs/broker.md
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Bind the clients to a profile: a built-in one or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
    /// Have the broker enforce the profile: documented, observed or harsh; a packet of a client
    /// that breaks a limit is a violation
    #[arg(long, value_name = "LEVEL", value_parser = values::strictness, requires = "profile")]
    pub(crate) strictness: Option<Strictness>,
    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) metrics: MetricsFlag,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}
