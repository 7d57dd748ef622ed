//! How many CONNECTs a window of time may hold (R2).

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::Instant;

/// At most `connects` in any window of `window`, exactly (R2).
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    connects: usize,
    window: Duration,
    /// The latest connects, oldest first; never more than `connects`.
    recent: VecDeque<Instant>,
}

impl Budget {
    pub(crate) const fn new(connects: u32, window: Duration) -> Self {
        Self { connects: connects as usize, window, recent: VecDeque::new() }
    }

    /// The earliest instant at which one more connect keeps the bound.
    pub(crate) fn earliest(&self) -> Instant {
        if self.recent.len() < self.connects {
            return Instant::default();
        }
        // A window is half open: a connect `window` later is outside it.
        self.recent.front().map_or_else(Instant::default, |oldest| *oldest + self.window)
    }

    pub(crate) fn record(&mut self, now: Instant) {
        while self.recent.len() >= self.connects.max(1) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
    }
}
