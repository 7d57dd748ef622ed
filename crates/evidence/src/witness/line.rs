//! One clock by another: an offset, and how fast it grows.

use evenkeel_doctor::Time;

/// No clock drifts faster than this, in nanoseconds per nanosecond.
const FASTEST: f64 = 0.05;

/// Pairs from which a drift is told; with fewer, noise would be one.
const DRIFT: usize = 6;

/// Pairs that are compared with each other for it.
const SAMPLED: usize = 96;

/// Times of one clock by those of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// An instant by the first clock.
    pub(super) at: Time,
    /// How far the other clock is ahead then, in nanoseconds.
    pub(super) offset: i64,
    /// What it gains, in nanoseconds per nanosecond.
    pub(super) drift: f64,
}

impl Line {
    pub(super) fn level(at: Time, offset: i64) -> Self {
        Self { at, offset, drift: 0.0 }
    }

    /// The line through pairs of times: medians, which single wrong pairs do
    /// not move.
    pub(super) fn through(pairs: &[(Time, Time)]) -> Option<Self> {
        let ahead = |(one, other): &(Time, Time)| other.0.saturating_sub(one.0);
        let at = median(pairs.iter().map(|pair| pair.0.0).collect())?;
        let mut line = Self::level(Time(at), median(pairs.iter().map(ahead).collect())?);
        if pairs.len() < DRIFT {
            return Some(line);
        }
        let sampled: Vec<_> = pairs.iter().step_by(pairs.len().div_ceil(SAMPLED)).collect();
        let mut drifts = Vec::new();
        for (number, one) in sampled.iter().enumerate() {
            for other in sampled.iter().skip(number + 1) {
                let apart = other.0.0.saturating_sub(one.0.0);
                if apart > 0 {
                    let gained = ahead(other).saturating_sub(ahead(one));
                    drifts.push(gained as f64 / apart as f64);
                }
            }
        }
        drifts.sort_unstable_by(f64::total_cmp);
        let drift = drifts.get(drifts.len() / 2).copied().unwrap_or_default();
        if drift.abs() <= FASTEST {
            line.drift = drift;
            let rest = |pair: &(Time, Time)| ahead(pair).saturating_sub(line.gained(pair.0));
            line.offset = median(pairs.iter().map(rest).collect())?;
        }
        Some(line)
    }

    /// The same without drift.
    pub(super) fn leveled(pairs: &[(Time, Time)]) -> Option<Self> {
        let line = Self::through(pairs.get(..1)?)?;
        let ahead = pairs.iter().map(|(one, other)| other.0.saturating_sub(one.0));
        Some(Self { offset: median(ahead.collect())?, ..line })
    }

    fn gained(&self, at: Time) -> i64 {
        (self.drift * at.0.saturating_sub(self.at.0) as f64) as i64
    }

    /// A time of the first clock, by the other one.
    pub(super) fn there(&self, at: Time) -> Time {
        Time(at.0.saturating_add(self.offset).saturating_add(self.gained(at)))
    }

    /// A time of the other clock, by the first one.
    pub(super) fn back(&self, there: Time) -> Time {
        let since = there.0.saturating_sub(self.offset).saturating_sub(self.at.0);
        Time(self.at.0.saturating_add((since as f64 / (1.0 + self.drift)) as i64))
    }

    /// How far a pair is from it.
    pub(super) fn misses(&self, pair: &(Time, Time)) -> i64 {
        pair.1.0.saturating_sub(self.there(pair.0).0).saturating_abs()
    }
}

/// The middle one of some numbers.
pub(super) fn median(mut all: Vec<i64>) -> Option<i64> {
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(offset: i64, drift: f64, noise: i64) -> Vec<(Time, Time)> {
        let pair = |n: i64| {
            let at = 1_767_323_045_000_000_000 + n * 7_000_000_000;
            let gained = (drift * (n * 7_000_000_000) as f64) as i64;
            (Time(at), Time(at + offset + gained + n % 3 * noise))
        };
        (0..40).map(pair).collect()
    }

    #[test]
    fn a_line_goes_there_and_back() {
        for drift in [0.0, 0.0005, -0.02] {
            let all = pairs(3_600_000_000_000, drift, 0);
            let line = Line::through(&all).expect("there are pairs");
            assert!((line.drift - drift).abs() < 1e-6, "{drift}: {line:?}");
            for pair in &all {
                assert!(line.misses(pair) < 1000, "{drift}: {line:?}");
                assert!(line.back(pair.1).0.abs_diff(pair.0.0) < 1000, "{drift}: {line:?}");
            }
        }
    }

    #[test]
    fn single_wrong_pairs_do_not_move_it() {
        let mut all = pairs(-5_000_000_000, 0.0, 1_000_000);
        for number in [3, 17, 30] {
            all[number].1.0 += 90_000_000_000;
        }
        let line = Line::through(&all).expect("there are pairs");
        assert!(line.offset.abs_diff(-5_000_000_000) < 5_000_000, "{line:?}");
        assert_eq!(Line::through(&[]), None);
    }
}
