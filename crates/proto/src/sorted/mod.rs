//! Maps and sets in the order of their keys.
//!
//! With the feature `trees` they are B-trees, which stay fast with tens of thousands
//! of entries. Without it they are sorted lists: a tenth of the code, for programs
//! whose size counts more. (For the crates beside this one, and no part of its interface.)

#[cfg(any(test, not(feature = "trees")))]
mod list;

#[cfg(feature = "trees")]
pub use alloc::collections::{BTreeMap as Map, BTreeSet as Set};
#[cfg(not(feature = "trees"))]
pub use list::{Map, Set};
