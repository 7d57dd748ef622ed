//! Logs of clients and brokers: one file for each format, in `formats`.
//!
//! A line goes through few steps: what wraps it comes off (`line`), its time
//! becomes an instant (`clock`), the first text in it that its format knows
//! names who reads it (`format`), and what it says (`facts`) becomes events of
//! the connection it is about (`threads`).

mod clock;
mod detect;
mod facts;
mod format;
mod formats;
mod json;
mod line;
mod memory;
mod options;
mod read;
mod reasons;
mod scan;
mod threads;
#[cfg(test)]
mod told;
mod unnamed;

pub use detect::FormatError;
pub use options::Options;
pub use read::{Log, LogSummary};

use crate::reader::FormatInfo;

/// Every log format that can be read.
pub(crate) fn formats() -> impl Iterator<Item = FormatInfo> {
    formats::ALL.iter().map(|format| FormatInfo {
        name: format.name,
        of: format.of,
        vantage: format.vantage,
        shows: format.shows,
    })
}
