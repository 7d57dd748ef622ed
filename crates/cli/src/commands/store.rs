//! Stores as the commands open them, and how their failures end the program.

use evenkeel_store::{FileStore, StoreError};

use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::StoreSettings;

/// Opens the store of a client, or makes it.
pub(super) fn open(settings: &StoreSettings) -> Result<FileStore, Failure> {
    FileStore::options().fsync(settings.fsync).open(&settings.path).map_err(failure)
}

/// How a failure of the store ends the program.
pub(super) fn failure(error: StoreError) -> Failure {
    let exit = match &error {
        StoreError::Held { .. } => Exit::StoreHeld,
        _ => Exit::StoreUnusable,
    };
    Failure::new(exit, "the store cannot be used").why(&error).hint(error.hint())
}
