//! What the services write down, and what comes back of it.
//!
//! A state is made of parts with names, such as `shadows/lamp/`, whose values are JSON.
//! It is written as lines of JSON objects that hold parts: the latest value of a part
//! counts, and null removes it. The first line has the version.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use serde::Serialize;

mod shift;
mod written;

pub(crate) use shift::Shift;
pub use written::WrittenState;

/// The version that this program writes. One that is newer is refused.
pub(crate) const VERSION: u64 = 1;

/// Parts of a state by name, as JSON; `None` for one that is gone.
pub type Parts = BTreeMap<String, Option<String>>;

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
    /// It does not begin with a version.
    NoVersion,
    /// A line is not what was written.
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A part is not what was written.
    Malformed {
        /// The line that it is from.
        line: usize,
        /// The part.
        part: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A part is of nothing that this program knows.
    Unknown {
        /// The line that it is from.
        line: usize,
        /// The part.
        part: String,
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
            Self::Newer { found, known } => {
                write!(f, "it has version {found}, and this program knows up to {known}")
            }
            Self::NoVersion => f.write_str("it does not begin with a version"),
            Self::Line { line, source } => write!(f, "line {line} is damaged: {source}"),
            Self::Malformed { line, part, source } => {
                write!(f, "line {line}: the part {part:?} is damaged: {source}")
            }
            Self::Unknown { line, part } => {
                write!(f, "line {line}: nobody knows the part {part:?}")
            }
            Self::TooMuch { limit, value, found } => {
                write!(f, "it has {found} {limit}, and at most {value} are allowed")
            }
        }
    }
}

impl Error for StateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Line { source, .. } | Self::Malformed { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A value as it is written.
pub(crate) fn text(value: &impl Serialize) -> String {
    // It cannot fail: all keys are texts. What is empty would not be read again.
    serde_json::to_string(value).unwrap_or_default()
}

/// Refuses a part that holds too much.
pub(crate) fn at_most(limit: &'static str, value: usize, found: usize) -> Result<(), StateError> {
    if found > value { Err(StateError::TooMuch { limit, value, found }) } else { Ok(()) }
}
