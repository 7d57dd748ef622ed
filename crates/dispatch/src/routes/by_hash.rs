//! Nodes or ends found by a hash of their names: however many there are, a name is
//! compared with about one of them.

use alloc::vec::Vec;

/// Room for the first one.
const LEAST: usize = 2;

/// A hash table with open addressing. It holds places in a list that has the names.
#[derive(Default)]
pub(super) struct ByHash {
    /// As many as a power of two; at least a quarter of them is free, if there is any.
    slots: Vec<Option<Entry>>,
    len: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    id: u32,
}

impl ByHash {
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().flatten().map(|entry| entry.id)
    }

    /// The one with this hash that `is_it`.
    #[inline]
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        while let Some(entry) = self.get(at) {
            if entry.hash == hash && is_it(entry.id) {
                return Some(entry.id);
            }
            at = self.after(at);
        }
        None
    }

    /// Adds one that is not among them.
    pub(super) fn insert(&mut self, hash: u32, id: u32) {
        if self.len >= self.slots.len() * 3 / 4 {
            self.resize((self.slots.len() * 2).max(LEAST));
        }
        self.put(Entry { hash, id });
        self.len += 1;
    }

    pub(super) fn remove(&mut self, hash: u32, id: u32) {
        let mut at = self.home(hash);
        while self.get(at).is_some_and(|entry| entry.id != id) {
            at = self.after(at);
        }
        if self.take(at).is_none() {
            return;
        }
        self.len -= 1;
        // Those behind it may have been put there as this slot was taken.
        at = self.after(at);
        while let Some(entry) = self.take(at) {
            self.put(entry);
            at = self.after(at);
        }
        if self.len * 8 < self.slots.len() {
            self.resize(if self.is_empty() { 0 } else { self.slots.len() / 2 });
        }
    }

    fn resize(&mut self, slots: usize) {
        let entries = core::mem::take(&mut self.slots);
        self.slots.resize(slots, None);
        entries.into_iter().flatten().for_each(|entry| self.put(entry));
    }

    /// There is a free slot.
    fn put(&mut self, entry: Entry) {
        let mut at = self.home(entry.hash);
        while self.get(at).is_some() {
            at = self.after(at);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some(entry);
        }
    }

    fn get(&self, at: usize) -> Option<Entry> {
        self.slots.get(at).copied().flatten()
    }

    fn take(&mut self, at: usize) -> Option<Entry> {
        self.slots.get_mut(at)?.take()
    }

    const fn home(&self, hash: u32) -> usize {
        hash as usize & self.slots.len().wrapping_sub(1)
    }

    const fn after(&self, at: usize) -> usize {
        (at + 1) & self.slots.len().wrapping_sub(1)
    }
}

/// The hash of a name, folded: half of it is enough for a table, and takes half the memory.
#[inline]
pub(super) fn hash(name: &[u8]) -> u32 {
    let hash = evenkeel_proto::hash(name);
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::format;
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few hashes, so that many want the same slots.
        #[test]
        fn each_one_is_found_until_it_is_removed(
            steps in prop::collection::vec((0..40_u32, 0..6_u32), 0..200),
        ) {
            let (mut table, mut known) = (ByHash::default(), BTreeMap::new());
            for (id, hash) in steps {
                match known.remove(&id) {
                    Some(hash) => table.remove(hash, id),
                    None => {
                        known.insert(id, hash);
                        table.insert(hash, id);
                    }
                }
                for id in 0..40 {
                    let hash = known.get(&id);
                    let found = table.find(*hash.unwrap_or(&0), |found| found == id);
                    prop_assert_eq!(found.is_some(), hash.is_some());
                }
                let mut all: Vec<_> = table.iter().collect();
                all.sort_unstable();
                prop_assert_eq!(all, known.keys().copied().collect::<Vec<_>>());
                prop_assert_eq!(table.is_empty(), known.is_empty());
                prop_assert!(table.slots.len() <= 8 * known.len());
            }
        }
    }

    /// As many as slots are taken if names are thrown at them at random, or more.
    #[test]
    fn names_that_are_alike_are_spread_over_the_slots() {
        let names: [fn(usize) -> String; 4] = [
            |number| format!("{number}"),
            |number| format!("device-{number:05}"),
            |number| format!("{number:032x}"),
            |number| "x".repeat(number),
        ];
        for name in names {
            let homes: BTreeSet<_> =
                (0..4096).map(|number| hash(name(number).as_bytes()) % 8192).collect();
            assert!(homes.len() > 3150, "{} of {}", homes.len(), name(1));
        }
    }
}
