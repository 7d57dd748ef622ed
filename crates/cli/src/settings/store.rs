//! `--store` checked.

use std::path::PathBuf;

use evenkeel::store::Fsync;

use super::Context;
use crate::args::SessionStore;
use crate::error::Failure;

/// Where the session is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreSettings {
    pub(crate) path: PathBuf,
    pub(crate) fsync: Fsync,
}

/// Checks the flags of the store.
pub(super) fn collect(
    flags: &SessionStore,
    context: Context<'_>,
) -> Result<Option<StoreSettings>, Failure> {
    let given = match flags {
        SessionStore { store: Some(_), .. } => Some("--store"),
        SessionStore { fsync: Some(_), .. } => Some("--fsync"),
        _ => None,
    };
    if let Some(flag) = given
        && context.is_mosquitto()
    {
        return Err(Failure::usage(format!("there is no flag '{flag}'"))
            .why(format!("{} has none like it", context.personality.program()))
            .hint("call the program by its own name, evenkeel"));
    }
    match (&flags.store, flags.fsync) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Failure::usage("--fsync needs --store")
            .why("without a store nothing is written to disk")
            .hint("give --store PATH, or leave --fsync out")),
        (Some(path), fsync) => {
            Ok(Some(StoreSettings { path: path.clone(), fsync: fsync.unwrap_or_default() }))
        }
    }
}
