use core::ops::{Add, Sub};
use core::time::Duration;

use crate::record::UnixMillis;

/// A point on the caller's clock, in microseconds since the caller's origin.
///
/// The core has no clock: every input carries one of these. The clock should
/// count time spent in suspend, and must never go backwards; an instant
/// earlier than the last one is read as the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The instant this many microseconds after the clock's origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the clock's origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time that has passed since `earlier`; zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of the clock.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Saturates at the clock's origin.
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// A point on two clocks, by which one is read from the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WallClock {
    at: Instant,
    wall: UnixMillis,
}

impl WallClock {
    pub(crate) const fn new(at: Instant, wall: UnixMillis) -> Self {
        Self { at, wall }
    }

    /// The wall-clock time of an instant.
    pub(crate) fn wall(&self, at: Instant) -> UnixMillis {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let later = self.wall.0.saturating_add(millis(at.since(self.at)));
        UnixMillis(later.saturating_sub(millis(self.at.since(at))))
    }

    /// The instant of a wall-clock time; the clock's origin for all before that.
    pub(crate) fn instant(&self, wall: UnixMillis) -> Instant {
        self.at + wall.since(self.wall) - self.wall.since(wall)
    }
}

/// What a deadline is for: the reason beside every [`Wait`](crate::Output::Wait).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The next connection is opened.
    Reconnect,
    /// The attempt to connect, from name resolution to CONNACK, is given up.
    ConnectTimeout,
    /// A ping is due.
    Ping,
    /// An outstanding ping is judged.
    PingResponse,
    /// A queued message expires.
    MessageExpiry,
    /// Draining ends, finished or not.
    Shutdown,
    /// Reading goes on although messages wait to be taken.
    Inbox,
    /// Records are committed, or a store that failed is tried again.
    Store,
    /// It is told that the application finishes no message.
    Stall,
}

/// When to call again and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// Why.
    pub timer: Timer,
}
