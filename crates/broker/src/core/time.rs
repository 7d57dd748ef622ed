//! Instants, which the driver of the core hands in.

use std::ops::Add;
use std::time::Duration;

/// A moment, in microseconds since the broker was started.
///
/// The core reads no clock: whoever drives it says what time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment the broker was started.
    pub const START: Self = Self(0);

    /// The moment this many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time since the start.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// Time since an earlier moment; zero if that one is the later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// One moment on both clocks.
///
/// Spans are measured by `now`, which never goes back; what people and programs
/// read is of `unix`, which may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// On the core's clock.
    pub now: Instant,
    /// Since the beginning of 1970, by the wall clock.
    pub unix: Duration,
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of time, 584,000 years after the start.
    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}
