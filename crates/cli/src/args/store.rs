//! `--store`: a session that outlives the program.

use std::path::PathBuf;

use clap::Args;
use evenkeel::store::Fsync;

use super::values;

/// The flags of the store.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Store")]
pub(crate) struct SessionStore {
    /// Folder that keeps the session, its messages of QoS 1 and 2 included, from one run to the
    /// next; made if there is none
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
    /// When the store is made safe from power cuts: every-commit (the default), never, or this
    /// long after a commit, such as 5ms
    #[arg(long, value_name = "WHEN", value_parser = values::fsync, allow_hyphen_values = true)]
    pub(crate) fsync: Option<Fsync>,
}
