//! Deadlines, from one process to the next.

use std::time::Duration;

use crate::Time;

/// Carries deadlines from one process to the next: `elapsed` begins anew, and
/// the time between the two has passed too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    /// On the old clock, now.
    was: Duration,
    /// On the new clock, now.
    is: Duration,
}

impl Shift {
    /// From the moment of saving to the present one. A wall clock that was set
    /// back counts as no time.
    pub(crate) fn new(saved: Time, now: Time) -> Self {
        let away = now.unix.saturating_sub(saved.unix);
        Self { was: saved.elapsed.saturating_add(away), is: now.elapsed }
    }

    /// The same instant on the new clock; what is over is due at once.
    pub(crate) fn apply(self, instant: Duration) -> Duration {
        self.is.saturating_add(instant.saturating_sub(self.was))
    }

    /// For an instant that has passed: how long ago is kept as far as the new
    /// clock reaches back.
    pub(crate) fn apply_past(self, instant: Duration) -> Duration {
        self.is.saturating_sub(self.was.saturating_sub(instant))
    }
}
