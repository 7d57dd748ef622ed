//! What survives the process: written down before anything that rests on it is
//! answered.

use std::fmt;

use evenkeel_broker::core;

use super::written::Written;
use super::{Emulator, LeftOut, time};
use crate::{Parts, StateError, Time, WrittenState};

/// Why a written state cannot be taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read, or is not what the services know.
    State(StateError),
    /// What it says of the registry cannot be.
    Registry(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(error) => error.fmt(f),
            Self::Registry(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::State(error) => error.source(),
            Self::Registry(_) => None,
        }
    }
}

impl From<StateError> for LoadError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl Emulator {
    /// Takes what an earlier process has written, and says what of the account's files
    /// has no place beside it.
    ///
    /// # Errors
    /// If it is newer than this program, or damaged.
    pub fn load(
        &mut self,
        mut written: WrittenState,
        now: Time,
    ) -> Result<Vec<LeftOut>, LoadError> {
        let services = self.services.loaded(&mut written, now)?;
        let changes = Written::take(&mut written)?;
        written.end()?;
        let loaded = self.changes.load(changes, &mut self.gate.registry);
        let left_out = loaded.map_err(LoadError::Registry)?;
        self.services.become_loaded(services);
        Ok(left_out)
    }

    /// What has changed since the last call.
    pub(super) fn changed_parts(&mut self, now: core::Time) -> Parts {
        let mut parts = self.services.changes(time(now));
        self.changes.changes(&self.gate.registry, &mut parts);
        parts
    }

    /// The whole state; the version is first.
    pub(super) fn parts(&self, now: core::Time) -> impl Iterator<Item = (String, String)> {
        self.services.state(time(now)).chain(self.changes.state(&self.gate.registry))
    }
}
