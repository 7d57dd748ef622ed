//! What survives the process: written down before anything that rests on it is
//! answered.

use std::fmt;
use std::time::Duration;

use evenkeel_broker::core;
use serde::Deserialize;
use serde_json::{Value, json};

use super::changes::{Changes, Written};
use super::{Emulator, time};
use crate::{StateError, Time};

/// The version that this program writes. One that is newer is refused.
const VERSION: u64 = 1;
/// Numbers of connections are no answer to anybody; a crowd that connects would have
/// the whole state written for each of them.
const PRESENCE_EVERY: Duration = Duration::from_secs(1);

/// What was saved last.
#[derive(Debug, Default)]
pub(super) struct Saved {
    revision: u64,
    presence: u64,
    /// When that was, by the elapsed time.
    at: Duration,
}

/// Why a saved state cannot be taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It was written by a newer program.
    Newer {
        /// Its version.
        found: u64,
        /// The newest one known here.
        known: u64,
    },
    /// It is not what was written.
    Malformed(serde_json::Error),
    /// What it says of the registry cannot be.
    Registry(String),
    /// The state of the services.
    Services(StateError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { found, known } => {
                write!(f, "it has version {found}, and this program knows up to {known}")
            }
            Self::Malformed(_) => f.write_str("it is not what was written"),
            Self::Registry(why) => f.write_str(why),
            Self::Services(error) => error.fmt(f),
        }?;
        match self {
            Self::Malformed(error) if f.alternate() => write!(f, ": {error}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::Services(error) => error.source(),
            Self::Newer { .. } | Self::Registry(_) => None,
        }
    }
}

/// What is read first, whatever else a newer program may write.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    #[serde(rename = "version")]
    _version: u64,
    registry: Written,
    services: Value,
}

impl Emulator {
    /// Takes what an earlier process has saved.
    ///
    /// # Errors
    /// If it is newer than this program, or damaged.
    pub fn load(&mut self, state: Value, now: Time) -> Result<(), LoadError> {
        let Version { version } = Version::deserialize(&state).map_err(LoadError::Malformed)?;
        if version > VERSION {
            return Err(LoadError::Newer { found: version, known: VERSION });
        }
        let state = State::deserialize(state).map_err(LoadError::Malformed)?;
        self.services.load(state.services, now).map_err(LoadError::Services)?;
        self.changes =
            Changes::load(state.registry, &mut self.gate.registry).map_err(LoadError::Registry)?;
        self.saved.revision = self.revision();
        self.saved.presence = self.services.presence_revision();
        Ok(())
    }

    /// The state, if it has changed since it was saved last.
    pub(super) fn unsaved(&mut self, now: core::Time) -> Option<Value> {
        let elapsed = time(now).elapsed;
        let (revision, presence) = (self.revision(), self.services.presence_revision());
        let is_due = revision != self.saved.revision
            || self.presence_due().is_some_and(|due| due <= elapsed);
        if !is_due {
            return None;
        }
        self.saved = Saved { revision, presence, at: elapsed };
        Some(json!({
            "version": VERSION,
            "registry": self.changes.written(&self.gate.registry),
            "services": self.services.save(time(now)),
        }))
    }

    /// When numbers of connections are to be saved.
    pub(super) fn presence_due(&self) -> Option<Duration> {
        let has_changed = self.services.presence_revision() != self.saved.presence;
        has_changed.then(|| self.saved.at.saturating_add(PRESENCE_EVERY))
    }

    fn revision(&self) -> u64 {
        self.services.revision() + self.changes.revision()
    }
}
