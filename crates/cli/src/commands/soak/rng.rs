//! Numbers that one seed determines: SplitMix64, good enough to choose trouble by.

use std::time::Duration;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed nobody chose, from the keys of the standard library's hasher.
    pub(super) fn random_seed() -> u64 {
        use std::hash::{BuildHasher, Hasher};

        // Short enough to be typed again.
        std::collections::hash_map::RandomState::new().build_hasher().finish() >> 32
    }

    /// The stream of a part, which differs from those of all others.
    pub(super) const fn fork(&self, part: u64) -> Self {
        let mut fork = Self(self.0 ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93));
        fork.next();
        fork
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to one below `count`; 0 if that is 0.
    pub(super) const fn below(&mut self, count: u64) -> u64 {
        // The bias is below one in a billion for the counts used here.
        if count == 0 { 0 } else { self.next() % count }
    }

    /// From `low` to `high`, both included.
    pub(super) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A time of so many milliseconds.
    pub(super) const fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let at = self.below(from.len() as u64);
        from.get(usize::try_from(at).unwrap_or_default()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_everything_and_parts_differ() {
        let take = |mut rng: Rng| -> Vec<u64> { (0..8).map(|_| rng.below(1000)).collect() };
        assert_eq!(take(Rng::new(7)), take(Rng::new(7)));
        assert_ne!(take(Rng::new(7)), take(Rng::new(8)));
        assert_ne!(take(Rng::new(7).fork(1)), take(Rng::new(7).fork(2)));
        assert_ne!(take(Rng::new(7).fork(0)), take(Rng::new(7)));
    }

    #[test]
    fn numbers_keep_to_their_bounds_and_reach_them() {
        let mut rng = Rng::new(1);
        let drawn: Vec<u64> = (0..200).map(|_| rng.between(3, 5)).collect();
        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&5));
        assert_eq!((rng.below(0), rng.between(4, 4), rng.pick::<u8>(&[])), (0, 4, None));
    }
}
