//! Counts with their nouns.

use std::fmt::Display;

/// Such as `1 message` or `2 messages`.
pub(crate) fn plural(count: impl Display + PartialEq<usize>, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
