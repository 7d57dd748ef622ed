//! Randomness from a seed.

use core::time::Duration;

/// SplitMix64: spreads jitter from the seed the caller gives; not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A span from `low` to `high`, both included; `low` if they cross.
    pub(crate) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let low = u64::try_from(low.as_micros()).unwrap_or(u64::MAX);
        let high = u64::try_from(high.as_micros()).unwrap_or(u64::MAX);
        let width = high.saturating_sub(low).saturating_add(1);
        Duration::from_micros(low.saturating_add(self.next() % width.max(1)))
    }
}
