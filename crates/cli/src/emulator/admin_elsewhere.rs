//! In place of the operator's socket, on systems that have none: a lock, so that no two
//! brokers write one state.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use evenkeel_aws::emulator::Ask;
use evenkeel_broker::Broker;
use serde_json::Value;

use super::{Folder, NoAnswer};
use crate::error::Failure;
use crate::private;

/// The lock, which ends with this.
#[derive(Debug)]
pub(crate) struct Admin {
    _lock: File,
}

impl Admin {
    /// Takes the account for this process alone.
    pub(crate) fn listen(folder: &Path) -> Result<Self, Failure> {
        let path = Folder::new(folder).lock();
        let failed = |error: io::Error| {
            Failure::usage(format!("'{}' cannot be locked", path.display())).why(error)
        };
        let lock = private::append(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(super::served_already(&path)),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Nobody can ask.
    pub(crate) async fn serve(&self, _broker: &Broker) {
        std::future::pending().await
    }
}

/// Says that nobody can ask.
pub(crate) async fn ask(_folder: &Path, _ask: &Ask) -> Result<Value, NoAnswer> {
    Err(NoAnswer::Refused(
        Failure::usage("a running account cannot be asked on this system")
            .why("the operator's commands need Unix sockets")
            .hint("stop the broker, change the account's files, and start it again"),
    ))
}
