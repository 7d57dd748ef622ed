//! The world's time, and the clocks of its machines, which differ from it.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use evenkeel_proto::Instant;

/// A moment of the world, in microseconds since its beginning. The broker's
/// clock shows exactly this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// Later than any moment of a run.
    pub const NEVER: Self = Self(u64::MAX);

    /// Time since an earlier moment; zero if that one is the later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment this long after the beginning.
    pub fn after(span: Duration) -> Self {
        Self(0) + span
    }

    /// The same moment for the broker.
    pub const fn broker(self) -> evenkeel_broker::Instant {
        evenkeel_broker::Instant::from_micros(self.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    /// `h:mm:ss.micros`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{hours}:{minutes:02}:{:02}.{:06}", seconds % 60, self.0 % 1_000_000)
    }
}

/// A machine's clock: it begins anywhere and drifts. It counts the time that
/// the machine sleeps, as the core asks of its caller.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What it shows at the world's beginning, in microseconds.
    pub origin: u64,
    /// Microseconds gained in a second; negative if it is slow.
    pub drift: i64,
}

impl Clock {
    const MILLION: i128 = 1_000_000;

    /// What the clock shows at a moment of the world.
    pub fn local(self, time: Time) -> Instant {
        let rate = Self::MILLION + i128::from(self.drift);
        let gone = i128::from(time.0) * rate / Self::MILLION;
        let shown = i128::from(self.origin) + gone;
        Instant::from_micros(u64::try_from(shown.max(0)).unwrap_or(u64::MAX))
    }

    /// The first moment of the world at which the clock shows this.
    pub fn world(self, local: Instant) -> Time {
        let rate = Self::MILLION + i128::from(self.drift);
        let gone = i128::from(local.as_micros()) - i128::from(self.origin);
        let micros = (gone.max(0) * Self::MILLION + rate - 1) / rate;
        let mut time = Time(u64::try_from(micros).unwrap_or(u64::MAX));
        // Rounding may leave it one microsecond short.
        while time < Time::NEVER && self.local(time) < local {
            time = Time(time.0 + 1);
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_of_a_drifting_clock_is_never_met_early() {
        for drift in [-900, -1, 0, 1, 900] {
            let clock = Clock { origin: 77_000_003, drift };
            for micros in [0, 1, 999, 1_000_001, 43_200_000_007] {
                let local = clock.local(Time(micros));
                let back = clock.world(local);
                assert!(clock.local(back) >= local, "{drift} {micros}");
                assert!(back <= Time(micros), "{drift} {micros}: the first such moment");
            }
        }
    }
}
