//! A set of serials, a bit each.

use std::collections::BTreeMap;

/// A set of serials that lie close together: a bit each, 64 to a word.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    words: BTreeMap<u64, u64>,
}

impl Bits {
    pub(super) fn insert(&mut self, serial: u64) {
        *self.words.entry(serial / 64).or_default() |= 1 << (serial % 64);
    }

    /// False if it was not in the set.
    pub(super) fn remove(&mut self, serial: u64) -> bool {
        let (at, bit) = (serial / 64, 1 << (serial % 64));
        let Some(word) = self.words.get_mut(&at) else { return false };
        let was = *word & bit != 0;
        *word &= !bit;
        if *word == 0 {
            self.words.remove(&at);
        }
        was
    }

    pub(super) fn contains(&self, serial: u64) -> bool {
        self.words.get(&(serial / 64)).is_some_and(|word| word & (1 << (serial % 64)) != 0)
    }

    /// Ascending, none below `from`.
    pub(super) fn from(&self, from: u64) -> impl Iterator<Item = u64> + '_ {
        self.words.range(from / 64..).flat_map(move |(at, word)| {
            let below = if *at == from / 64 { (1 << (from % 64)) - 1 } else { 0 };
            ones(*word & !below).map(move |bit| at * 64 + bit)
        })
    }

    /// All, ascending.
    pub(super) fn into_all(self) -> impl Iterator<Item = u64> {
        self.words.into_iter().flat_map(|(at, word)| ones(word).map(move |bit| at * 64 + bit))
    }

    /// Takes the members of another set in.
    pub(super) fn extend(&mut self, other: &Self) {
        for (at, word) in &other.words {
            *self.words.entry(*at).or_default() |= word;
        }
    }
}

impl FromIterator<u64> for Bits {
    fn from_iter<I: IntoIterator<Item = u64>>(serials: I) -> Self {
        let mut bits = Self::default();
        serials.into_iter().for_each(|serial| bits.insert(serial));
        bits
    }
}

/// The places of the bits that are set.
fn ones(mut word: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros());
        word &= word.wrapping_sub(1);
        bit.map(u64::from)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_in_order(
            changes in vec((any::<bool>(), prop_oneof![0..300_u64, Just(u64::MAX)]), 0..200),
            from in 0..300_u64,
        ) {
            let (mut bits, mut model) = (Bits::default(), BTreeSet::new());
            for (insert, serial) in changes {
                if insert {
                    bits.insert(serial);
                    model.insert(serial);
                } else {
                    prop_assert_eq!(bits.remove(serial), model.remove(&serial));
                }
                prop_assert_eq!(bits.contains(serial), model.contains(&serial));
            }
            let expected: Vec<u64> = model.range(from..).copied().collect();
            prop_assert_eq!(bits.from(from).collect::<Vec<_>>(), expected);
            let mut all = Bits::default();
            all.extend(&bits);
            prop_assert_eq!(all.into_all().collect::<Vec<_>>(), Vec::from_iter(model));
        }
    }
}
