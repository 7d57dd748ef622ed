//! What the services write down, and what comes back of it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::Time;

/// The version that this program writes. One that is newer is refused.
pub(crate) const VERSION: u64 = 1;

/// State that cannot be taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateError {
    /// It was written by a newer program.
    Newer {
        /// Its version.
        found: u64,
        /// The newest one known here.
        known: u64,
    },
    /// It is not what was written.
    Malformed {
        /// The part that is wrong.
        part: &'static str,
        /// What is wrong there.
        source: serde_json::Error,
    },
    /// It holds more than the limits allow.
    TooMuch {
        /// The limit.
        limit: &'static str,
        /// Its value.
        value: usize,
        /// How many there are.
        found: usize,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { found, known } => write!(
                f,
                "the state has version {found}, and this program knows up to {known}; \
                 hint: a newer program wrote it"
            ),
            Self::Malformed { part, source } => write!(
                f,
                "the state of {part} is damaged: {source}; hint: restore the file, or move it \
                 away to begin anew"
            ),
            Self::TooMuch { limit, value, found } => {
                write!(f, "the state has {found} {limit}, and at most {value} are allowed")
            }
        }
    }
}

impl Error for StateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Malformed { source, .. } = self { Some(source) } else { None }
    }
}

/// Takes one part out of the state, and refuses what is not as written.
pub(crate) fn part<T: for<'de> Deserialize<'de>>(
    part: &'static str,
    value: Value,
) -> Result<T, StateError> {
    T::deserialize(value).map_err(|source| StateError::Malformed { part, source })
}

/// Refuses a part that holds too much.
pub(crate) fn at_most(limit: &'static str, value: usize, found: usize) -> Result<(), StateError> {
    if found > value { Err(StateError::TooMuch { limit, value, found }) } else { Ok(()) }
}

/// Carries deadlines from one process to the next: `elapsed` begins anew, and
/// the time between the two has passed too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    /// On the old clock, now.
    was: Duration,
    /// On the new clock, now.
    is: Duration,
}

impl Shift {
    /// From the moment of saving to the present one. A wall clock that was set
    /// back counts as no time.
    pub(crate) fn new(saved: Time, now: Time) -> Self {
        let away = now.unix.saturating_sub(saved.unix);
        Self { was: saved.elapsed.saturating_add(away), is: now.elapsed }
    }

    /// The same instant on the new clock; what is over is due at once.
    pub(crate) fn apply(self, instant: Duration) -> Duration {
        self.is.saturating_add(instant.saturating_sub(self.was))
    }

    /// For an instant that has passed: how long ago is kept as far as the new
    /// clock reaches back.
    pub(crate) fn apply_past(self, instant: Duration) -> Duration {
        self.is.saturating_sub(self.was.saturating_sub(instant))
    }
}
