//! Numbers that stand for texts which must not be shown.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A number that differs when the text differs; 32 bits of a 64-bit hash.
pub(crate) fn of(text: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}
