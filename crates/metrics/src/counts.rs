//! What only grows, of one client or summed over several.

use std::time::Duration;

use evenkeel::error::CauseClass;
use evenkeel::events::{Durations, Snapshot};

use crate::families::COUNTERS;

/// What only grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// In the order of [`COUNTERS`].
    pub(crate) stats: [u64; COUNTERS.len()],
    /// In the order of [`CauseClass::ALL`].
    pub(crate) ends: [u64; CauseClass::ALL.len()],
    pub(crate) round_trips: Spread,
    pub(crate) acknowledgements: Spread,
}

/// How long something took, counted in buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    counts: [u64; Durations::BOUNDS + 1],
    sum: Duration,
}

impl Counts {
    pub(crate) fn add_snapshot(&mut self, snapshot: &Snapshot) {
        let counters = self.stats.iter_mut().zip(&COUNTERS);
        counters.for_each(|(sum, counter)| add(sum, (counter.of)(&snapshot.stats)));
        let ends = self.ends.iter_mut().zip(&snapshot.ends);
        ends.for_each(|(sum, (_, count))| add(sum, *count));
        self.round_trips.add_durations(&snapshot.round_trips);
        self.acknowledgements.add_durations(&snapshot.acknowledgements);
    }
}

impl Spread {
    /// Each bucket's bound in seconds, infinity for the last, with how many were in it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bound = |bucket| Durations::bound(bucket).map_or(f64::INFINITY, |it| it.as_secs_f64());
        self.counts.iter().enumerate().map(move |(bucket, count)| (bound(bucket), *count))
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The sum of all of them.
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    #[cfg(test)]
    pub(crate) fn record(&mut self, took: Duration) {
        let bucket = self.buckets().position(|(bound, _)| took.as_secs_f64() <= bound).unwrap();
        self.counts[bucket] += 1;
        self.sum += took;
    }

    fn add_durations(&mut self, durations: &Durations) {
        let counts = self.counts.iter_mut().zip(durations.counts());
        counts.for_each(|(sum, more)| add(sum, u64::from(*more)));
        self.sum = self.sum.saturating_add(durations.sum());
    }
}

const fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
