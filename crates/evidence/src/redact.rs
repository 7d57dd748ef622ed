//! Names that stand for identifiers which must not be shown.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The same name for the same identifier, from which it cannot be read.
pub(crate) fn id(id: &str) -> String {
    format!("client-{:08x}", digest(id))
}

/// A number that differs when the text differs; 32 bits of a 64-bit hash.
pub(crate) fn digest(text: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_name_for_one_identifier() {
        assert_eq!(super::id("pump-17"), super::id("pump-17"));
        assert_ne!(super::id("pump-17"), super::id("pump-18"));
        assert!(!super::id("pump-17").contains("pump"));
    }
}
