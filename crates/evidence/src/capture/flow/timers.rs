//! What is due later, by the clock of the capture.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use evenkeel_doctor::Time;

use super::owed::WAIT;

/// What is due for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A record whose meaning depends on what follows it.
    Record,
    /// Bytes that the other side has and the capture lacks.
    Owed,
    /// Nothing was said: of which source is it?
    Guess,
    /// The server has not answered.
    Silent,
    /// It has ended: its number may be used again.
    Free,
}

impl Due {
    const fn after(self) -> Duration {
        match self {
            Self::Record => Duration::from_millis(50),
            Self::Owed => WAIT,
            Self::Guess => Duration::from_secs(3),
            // Three SYNs have gone out by then, after 1 s and 3 s.
            Self::Silent => Duration::from_secs(8),
            // Late segments of the connection find it still known.
            Self::Free => Duration::from_secs(10),
        }
    }
}

/// The timers of all connections. A connection has one of a kind at most.
#[derive(Debug, Default)]
pub(super) struct Timers(BinaryHeap<Reverse<Timer>>);

/// When, for which connection and its serial number, and what.
type Timer = (Time, u32, u64, Due);

impl Timers {
    /// The bytes of one, in a heap that may have grown to twice what is in it.
    pub(super) const EACH: usize = 2 * size_of::<Timer>();

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets the timers of connections that are gone.
    pub(super) fn keep_of(&mut self, lives: impl Fn(u32, u64) -> bool) {
        self.0.retain(|Reverse((_, slot, serial, _))| lives(*slot, *serial));
    }

    pub(super) fn set(&mut self, now: Time, due: Due, slot: u32, serial: u64) {
        self.0.push(Reverse((now.plus(due.after()), slot, serial, due)));
    }

    /// The next one that is due, with its connection.
    pub(super) fn due(&mut self, now: Time) -> Option<(u32, u64, Due)> {
        let Reverse((at, ..)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, slot, serial, due))| (slot, serial, due))
    }
}
