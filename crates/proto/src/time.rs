//! Instants, deadlines, and the times that a store keeps.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::{Add, Sub};
use core::time::Duration;

use crate::record::{Age, Moment, StoredMessage, StoredTime, UnixMillis};

/// A point on the caller's clock, in microseconds since the caller's origin.
///
/// The core has no clock: every input carries one of these. The clock should
/// count time spent in suspend, and must never go backwards; an instant
/// earlier than the last one is read as the last one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// One more, so that an instant that may be missing takes no more room.
    NonZeroU64,
);

impl Instant {
    /// The instant this many microseconds after the clock's origin; the last there
    /// is, one microsecond before `u64::MAX`, for those behind it.
    pub const fn from_micros(micros: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(micros))
    }

    /// Microseconds since the clock's origin.
    pub const fn as_micros(self) -> u64 {
        self.0.get() - 1
    }

    /// Time that has passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Instant {
    /// The clock's origin.
    fn default() -> Self {
        Self::from_micros(0)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.as_micros()).finish()
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
        let span = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self::from_micros(self.as_micros().saturating_sub(span))
    }
}

/// One moment on all clocks, by which stored times are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoreClock {
    at: Instant,
    moment: Moment,
    age: Age,
}

impl StoreClock {
    /// For a store that knows this moment of an earlier process, if any.
    #[cfg(feature = "store")]
    pub(crate) fn new(at: Instant, moment: Moment, known: Option<&StoredTime>) -> Self {
        let age = known.map_or(Age(0), |known| known.age_at(at, &moment));
        Self { at, moment, age }
    }

    /// The wall clock was read anew; no age changes by that.
    pub(crate) fn set_wall(&mut self, at: Instant, wall: UnixMillis) {
        self.age = self.age(at);
        self.moment.wall = wall;
        self.at = self.at.max(at);
    }

    /// The wall-clock time of an instant.
    pub(crate) fn wall(&self, at: Instant) -> UnixMillis {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let later = self.moment.wall.0.saturating_add(millis(at.since(self.at)));
        UnixMillis(later.saturating_sub(millis(self.at.since(at))))
    }

    /// How old the store is; at least as old as when this process began.
    pub(crate) fn age(&self, now: Instant) -> Age {
        self.age.after(now.since(self.at))
    }

    /// The present moment, to be stored.
    pub(crate) fn present(&self, now: Instant) -> StoredTime {
        StoredTime { boot: self.moment.boot, at: now, wall: self.wall(now), age: self.age(now) }
    }

    /// How long ago a message was accepted. One of version 0.1.0 has only the
    /// wall clock to go by, and the age of the store since.
    pub(crate) fn waited(&self, message: &StoredMessage, now: Instant) -> Duration {
        let age = self.age(now);
        match message.age {
            Some(accepted) => age.since(accepted),
            None => age.since(Age(0)).max(self.wall(now).since(message.accepted)),
        }
    }

    /// When a message expires that an earlier process accepted, or this one:
    /// never later than its publisher said.
    pub(crate) fn expiry(&self, message: &StoredMessage, now: Instant) -> Option<Instant> {
        let interval = message.expires?.since(message.accepted);
        let waited = self.waited(message, now);
        Some(now + interval.saturating_sub(waited) - waited.saturating_sub(interval))
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
    /// What was in flight at a cut goes out without a sign of life.
    SignOfLife,
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
    /// A server is waited for no longer that answers no PUBREL for packet
    /// identifiers of a session that is not known.
    Identifiers,
    /// What waits for a rate has its turn, or rates that were lowered rise.
    Rate,
    /// The connection is to be renewed, or the wait for its last answers ends.
    Renewal,
    /// It is looked for acknowledgements that the server withholds.
    Acknowledgements,
    /// What has no answer is sent again on its connection.
    Retry,
}

/// When to call again and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline {
    /// The client is to be polled then, or later if the host is late.
    pub at: Instant,
    /// What is due then, for logs and tests.
    pub timer: Timer,
}
