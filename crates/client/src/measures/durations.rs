//! How long something took, counted by powers of two.

use std::time::Duration;

/// The lowest bound is 2^7 microseconds.
const FIRST_POWER: u32 = 7;

/// Durations of one kind since the client was made, counted in buckets whose bounds
/// are powers of two from 128 microseconds to 67 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    counts: [u32; Self::BOUNDS + 1],
    /// In microseconds.
    sum: u64,
}

impl Durations {
    /// How many bounds there are.
    pub const BOUNDS: usize = 20;

    /// The bound of a bucket: it counts what took this long or less, and longer than
    /// the bound before. `None` for the last one, which has no bound.
    pub fn bound(bucket: usize) -> Option<Duration> {
        let power = FIRST_POWER + u32::try_from(bucket).ok()?;
        (bucket < Self::BOUNDS).then(|| Duration::from_micros(1 << power))
    }

    /// How many there were in each bucket.
    pub const fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The sum of all of them, each to the microsecond.
    pub const fn sum(&self) -> Duration {
        Duration::from_micros(self.sum)
    }

    #[inline]
    pub(crate) fn record(&mut self, took: Duration) {
        // In 64 bits: this is done for each acknowledgement.
        let micros = took.as_secs().saturating_mul(1_000_000);
        let micros = micros.saturating_add(took.subsec_micros().into());
        // The power of two that is the least not below it.
        let power = u64::BITS - micros.saturating_sub(1).leading_zeros();
        let bucket = (power.saturating_sub(FIRST_POWER) as usize).min(Self::BOUNDS);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_counts_up_to_its_bound_and_no_further() {
        for bucket in 0..Durations::BOUNDS {
            let bound = Durations::bound(bucket).unwrap();
            for (took, wanted) in [(bound, bucket), (bound + Duration::from_micros(1), bucket + 1)]
            {
                let mut durations = Durations::default();
                durations.record(took);
                let found = durations.counts().iter().position(|count| *count == 1);
                assert_eq!((found, durations.count()), (Some(wanted), 1), "{took:?}");
                assert_eq!(durations.sum(), took);
            }
        }
        assert_eq!(Durations::bound(Durations::BOUNDS), None);
    }

    #[test]
    fn nothing_and_eternity_have_a_bucket() {
        let mut durations = Durations::default();
        durations.record(Duration::ZERO);
        durations.record(Duration::MAX);
        assert_eq!((durations.counts()[0], durations.counts()[Durations::BOUNDS]), (1, 1));
        assert_eq!(durations.sum(), Duration::from_micros(u64::MAX), "it does not wrap");
    }
}
