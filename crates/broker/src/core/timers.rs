//! What falls due apart from single connections.

use std::collections::BTreeSet;

use super::ids::SessionId;
use super::time::Instant;

/// What can be due apart from the connections' own deadlines; of several due
/// at one moment the first variant goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A will has waited for its delay.
    Will(SessionId),
    /// A session has been without connection for its expiry interval.
    Expiry(SessionId),
    /// An acknowledgement was held back for long enough.
    Held(SessionId),
    /// The next round of `$SYS` messages.
    Sys,
}

/// All timers that run, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, at: Instant, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes a timer that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first()
    }
}
