//! Maps and sets as sorted lists, with those functions of B-trees that are needed.

// With the feature `trees` only the tests use it, and they not all of it.
#![cfg_attr(
    feature = "trees",
    expect(dead_code, unreachable_pub, reason = "the trees are used instead")
)]

use alloc::collections::vec_deque::{self, VecDeque};
use core::borrow::Borrow;
use core::ops::RangeInclusive;

/// Values by their keys. Mostly keys come at the end and go at the front, which moves none.
#[derive(Clone, Debug)]
pub struct Map<K, V>(VecDeque<(K, V)>);

/// Keys alone.
#[derive(Clone, Debug)]
pub struct Set<K>(Map<K, ()>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K, V> Map<K, V> {
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.0.into_iter().map(|(key, _)| key)
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Where the key is, or where it would be.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (_, value) = self.0.get(self.find(key).ok()?)?;
        Some(value)
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        let (_, value) = self.0.get_mut(place)?;
        Some(value)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Returns the value that had the key.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => {
                let (_, old) = self.0.get_mut(place)?;
                Some(core::mem::replace(old, value))
            }
            Err(place) => {
                self.0.insert(place, (key, value));
                None
            }
        }
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.0.remove(place).map(|(_, value)| value)
    }

    /// The entries whose keys are in the range.
    pub fn range(&self, range: RangeInclusive<K>) -> impl Iterator<Item = (&K, &V)> {
        let (Ok(start) | Err(start)) = self.find(range.start());
        let behind = self.0.range(start..).map(|(key, value)| (key, value));
        behind.take_while(move |(key, _)| **key <= *range.end())
    }

    /// Takes out this key and those behind it.
    pub fn split_off(&mut self, from: &K) -> Self {
        let (Ok(place) | Err(place)) = self.find(from);
        Self(self.0.split_off(place))
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = vec_deque::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K> Default for Set<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Set<K> {
    pub const fn new() -> Self {
        Self(Map::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0 = Map::new();
    }

    pub fn first(&self) -> Option<&K> {
        self.iter().next()
    }

    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }
}

impl<K: Ord> Set<K> {
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// False if it was there.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    /// False if it was not there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.remove(key).is_some()
    }

    pub fn range(&self, range: RangeInclusive<K>) -> impl Iterator<Item = &K> {
        self.0.range(range).map(|(key, ())| key)
    }

    /// Takes out this key and those behind it.
    pub fn split_off(&mut self, from: &K) -> Self {
        Self(self.0.split_off(from))
    }
}

impl<K: Ord> Extend<K> for Set<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl<K: Ord> FromIterator<K> for Set<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::new();
        set.extend(keys);
        set
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::rng::Rng;

    #[test]
    fn any_sequence_of_calls_goes_as_with_a_tree() {
        let mut rng = Rng::new(11);
        let mut any = |most: u64| rng.next() % most;
        let (mut list, mut tree) = (Map::new(), BTreeMap::new());
        for value in 0..20_000 {
            let key = any(48);
            match any(8) {
                0..3 => assert_eq!(list.insert(key, value), tree.insert(key, value)),
                3..6 => assert_eq!(list.remove(&key), tree.remove(&key)),
                6 => assert_eq!(list.get_mut(&key), tree.get_mut(&key)),
                _ if any(20) == 0 => {
                    let (a, b) = (list.split_off(&key), tree.split_off(&key));
                    assert!(a.into_iter().eq(b), "behind {key}");
                }
                _ => assert_eq!(list.contains_key(&key), tree.contains_key(&key)),
            }
            assert_eq!(list.get(&key), tree.get(&key));
            assert_eq!((list.len(), list.is_empty()), (tree.len(), tree.is_empty()));
            assert!(list.keys().eq(tree.keys()));
            assert!(list.values().eq(tree.values()) && list.iter().eq(&tree));
            assert!(list.range(key..=48).eq(tree.range(key..=key.max(48))), "{key} to 48");
        }
        assert!(list.clone().into_keys().eq(tree.keys().copied()));
    }

    #[test]
    fn a_set_goes_as_a_tree_does() {
        let mut rng = Rng::new(12);
        let mut any = |most: u64| rng.next() % most;
        let (mut list, mut tree) = (Set::new(), BTreeSet::new());
        for _ in 0..5_000 {
            let (key, other) = (any(64), any(64));
            match any(4) {
                0 | 1 => assert_eq!(list.insert(key), tree.insert(key)),
                2 => assert_eq!(list.remove(&key), tree.remove(&key)),
                _ => assert_eq!(list.contains(&key), tree.contains(&key)),
            }
            let (low, high) = (key.min(other), key.max(other));
            assert!(list.range(low..=high).eq(tree.range(low..=high)), "{low} to {high}");
            assert_eq!(list.first(), tree.first());
        }
        let doubled: Set<u64> = tree.iter().chain(&tree).copied().collect();
        assert!(doubled.iter().eq(&tree));
    }
}
