//! What people read, and what programs compare: the text of every error, cause,
//! event and state, and beside it a number and a short name that stay the same
//! from version to version. No text holds a secret or a payload.

mod cause;
mod config;
mod event;
mod labels;
mod names;
mod operation;
mod rate;

use evenkeel_codec::Version;

/// The version as people write it.
const fn version(version: Version) -> &'static str {
    match version {
        Version::V31 => "MQTT 3.1",
        Version::V311 => "MQTT 3.1.1",
        Version::V5 => "MQTT 5",
    }
}
