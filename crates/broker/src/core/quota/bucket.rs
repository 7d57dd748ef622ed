//! Counting on the core's time: a window for what is judged, a bucket for what
//! is slowed down.

use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_profile::Rate;

use crate::core::Instant;

/// What a network and a scheduler may do to the distance of two packets: two
/// per cent of it, half a second at most. A client that keeps to a limit to the
/// millisecond is not to be judged by its network.
const TOLERANCE_PARTS: u32 = 50;
const TOLERANCE_MAX: Duration = Duration::from_millis(500);

/// The least distance of two arrivals that passes for this one.
pub(crate) fn tolerated(distance: Duration) -> Duration {
    distance - (distance / TOLERANCE_PARTS).min(TOLERANCE_MAX)
}

/// Counts exactly: no more than the rate's amount in any period, however it is
/// cut out of time. What is over the rate does not count.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    amount: usize,
    period: Duration,
    /// When what counts has come, the oldest first; as many as the amount.
    times: VecDeque<Instant>,
}

impl Window {
    pub(crate) fn new(rate: Rate) -> Self {
        let amount = usize::try_from(rate.amount).unwrap_or(usize::MAX);
        Self { amount, period: tolerated(rate.period), times: VecDeque::new() }
    }

    /// Counts one more; else how many that would be, and when one may come.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Over> {
        self.check(now)?;
        self.times.push_back(now);
        Ok(())
    }

    /// The same without counting.
    pub(crate) fn check(&mut self, now: Instant) -> Result<(), Over> {
        while self.times.front().is_some_and(|first| *first + self.period <= now) {
            self.times.pop_front();
        }
        match self.times.front() {
            Some(first) if self.times.len() >= self.amount => {
                Err(Over { count: self.times.len() + 1, until: *first + self.period })
            }
            // A rate of nothing.
            None if self.amount == 0 => Err(Over { count: 1, until: now + self.period }),
            _ => Ok(()),
        }
    }

    /// True if nothing counts any more.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.times.back().is_none_or(|last| *last + self.period <= now)
    }
}

/// One too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    /// How many that makes within the period.
    pub(crate) count: usize,
    /// When there is room for one.
    pub(crate) until: Instant,
}

/// Bytes at a rate: a bucket as deep as the rate's amount, full at first. It may
/// be overdrawn; then nothing passes until the debt is paid.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// When the bucket is full again; the later, the emptier it is.
    full_at: Instant,
}

impl Bucket {
    pub(crate) const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// Takes so many; the moment at which the debt is paid if there is one.
    pub(crate) fn take(&mut self, now: Instant, count: usize) -> Option<Instant> {
        self.full_at = self.full_at.max(now) + self.time_for(count as u64);
        self.paid_at(now)
    }

    /// When the debt is paid, if there is one.
    pub(crate) fn paid_at(&self, now: Instant) -> Option<Instant> {
        let owed = self.full_at.since(now).saturating_sub(self.rate.period);
        (!owed.is_zero()).then(|| now + owed)
    }

    fn time_for(&self, count: u64) -> Duration {
        let nanos = self.rate.period.as_nanos() * u128::from(count);
        let nanos = nanos / u128::from(self.rate.amount.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn a_window_holds_in_every_period_wherever_it_begins() {
        let mut window = Window::new(Rate::per_second(3));
        for millis in [0, 900, 900] {
            assert_eq!(window.admit(at(millis)), Ok(()));
        }
        let over = Over { count: 4, until: at(980) };
        assert_eq!(window.admit(at(979)), Err(over), "1 s, less two per cent");
        assert_eq!(window.admit(at(980)), Ok(()));
        assert!(window.admit(at(980)).is_err(), "those of 900 still count");
        assert!(window.admit(at(1880)).is_ok() && window.admit(at(1880)).is_ok());
        assert!(!window.is_idle(at(2859)) && window.is_idle(at(2860)));
    }

    #[test]
    fn what_is_over_the_rate_does_not_count() {
        let mut window = Window::new(Rate::per_second(1));
        assert!(window.admit(at(0)).is_ok());
        for millis in 1..980 {
            assert!(window.admit(at(millis)).is_err());
        }
        assert!(window.admit(at(980)).is_ok());
        assert!(Window::new(Rate::per_second(0)).admit(at(0)).is_err());
    }

    #[test]
    fn a_bucket_is_as_deep_as_its_amount_and_pays_its_debt() {
        let mut bucket = Bucket::new(Rate::per_second(1000), at(0));
        assert_eq!(bucket.take(at(0), 1000), None);
        assert_eq!(bucket.take(at(0), 500), Some(at(500)));
        assert_eq!(bucket.paid_at(at(499)), Some(at(500)));
        assert_eq!(bucket.paid_at(at(500)), None);
        assert_eq!(bucket.take(at(500), 1), Some(at(501)));
        assert_eq!(bucket.take(at(60_000), 1000), None, "it holds no more than its amount");
        assert_eq!(bucket.take(at(60_000), 1), Some(at(60_001)));
    }

    #[test]
    fn the_tolerance_is_two_per_cent_and_half_a_second_at_most() {
        assert_eq!(tolerated(Duration::from_secs(1)), Duration::from_millis(980));
        assert_eq!(tolerated(Duration::from_millis(30_500)), Duration::from_secs(30));
    }
}
