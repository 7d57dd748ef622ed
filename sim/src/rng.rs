//! Randomness from one seed. A part of the world that draws from a fork of
//! its own stays as it is when another part is left out, which is what makes
//! a failing run small.

use std::time::Duration;

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng {
    origin: u64,
    state: u64,
}

impl Rng {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self { origin: seed, state: seed }
    }

    /// A sequence of its own for one part of the world. Does not depend on
    /// what was drawn before.
    #[must_use]
    pub fn fork(&self, part: &str, number: u64) -> Self {
        let mut mixed = self.origin;
        for byte in part.bytes() {
            mixed = mix(mixed ^ u64::from(byte));
        }
        Self::new(mix(mixed ^ mix(number.wrapping_add(1))))
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// A number from `low` to `high`, both included.
    pub const fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// An index below `end`.
    pub const fn index(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }

    /// True once in so many times.
    pub const fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A span from `low` to `high`, both included.
    pub fn span(&mut self, low: Duration, high: Duration) -> Duration {
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.range(micros(low), micros(high)))
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// A span around `mean`, from none to four times as long, short ones more often.
    pub fn around(&mut self, mean: Duration) -> Duration {
        let percent = self.pick(&[0, 10, 30, 50, 70, 80, 100, 130, 180, 350]);
        self.span(mean * percent / 200, mean * percent / 100)
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
