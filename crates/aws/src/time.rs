//! The two times that a service needs.

use std::time::Duration;

/// The moment of a call, on both clocks. The driver gives it.
///
/// Spans are measured on `elapsed`, which never goes back; what people and
/// programs read is of `unix`, which may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Since the broker's core was made.
    pub elapsed: Duration,
    /// Since the beginning of 1970, by the wall clock.
    pub unix: Duration,
}

impl Time {
    /// Whole milliseconds of the wall clock, as in lifecycle events.
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.unix.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whole seconds of the wall clock, as in answers of shadows and jobs.
    #[must_use]
    pub fn unix_seconds(self) -> u64 {
        self.unix.as_secs()
    }
}
