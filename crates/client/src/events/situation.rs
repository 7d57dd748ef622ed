//! Where a client stood when an event happened, in little memory.

use std::time::Duration;

use evenkeel_proto::{ConnectionId, Instant};

/// No value: a number that none of them reaches.
const NONE: u32 = u32::MAX;

/// Where a client stood when an event happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    conn: ConnectionId,
    server: u16,
    /// In seconds.
    keep_alive: u32,
    /// In milliseconds.
    sent: u32,
    received: u32,
    in_flight: u32,
    queued: u32,
}

/// When a transport last took bytes, and when some last came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Activity {
    pub(crate) sent: Option<Instant>,
    pub(crate) received: Option<Instant>,
}

impl Situation {
    /// Nothing is known: before the first attempt.
    pub(crate) const NONE: Self = Self {
        conn: ConnectionId(0),
        server: 0,
        keep_alive: NONE,
        sent: NONE,
        received: NONE,
        in_flight: 0,
        queued: 0,
    };

    /// On this connection, or attempt.
    pub(crate) fn of(conn: ConnectionId, server: usize, keep_alive: Option<Duration>) -> Self {
        let server = u16::try_from(server).unwrap_or(u16::MAX);
        let keep_alive = keep_alive.map_or(NONE, |time| fit(time.as_secs().into()));
        Self { conn, server, keep_alive, ..Self::NONE }
    }

    pub(crate) fn with_activity(self, now: Instant, activity: Activity) -> Self {
        let age = |at: Option<Instant>| at.map_or(NONE, |at| fit(now.since(at).as_millis()));
        Self { sent: age(activity.sent), received: age(activity.received), ..self }
    }

    pub(crate) fn with_load(self, in_flight: usize, queued: usize) -> Self {
        let fit = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self { in_flight: fit(in_flight), queued: fit(queued), ..self }
    }

    /// The attempt or connection: the present one, or the last. `None` before the
    /// first attempt.
    pub fn connection(&self) -> Option<ConnectionId> {
        (self.conn != ConnectionId(0)).then_some(self.conn)
    }

    /// Index of its server among the configured ones; `None` before the first attempt.
    pub fn server(&self) -> Option<usize> {
        self.connection().map(|_| self.server.into())
    }

    /// The keep-alive that is in force on the connection, or was on the last: 0 if there
    /// are no pings; `None` before CONNACK.
    pub fn keep_alive(&self) -> Option<Duration> {
        known(self.keep_alive).map(Duration::from_secs)
    }

    /// How long ago bytes were last written on the connection, to the millisecond;
    /// `None` if none were.
    pub fn last_sent(&self) -> Option<Duration> {
        known(self.sent).map(Duration::from_millis)
    }

    /// How long ago bytes last came on the connection, to the millisecond; `None` if
    /// none did.
    pub fn last_received(&self) -> Option<Duration> {
        known(self.received).map(Duration::from_millis)
    }

    /// Exchanges in flight.
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Messages accepted and not yet sent.
    pub const fn queued(&self) -> u32 {
        self.queued
    }
}

fn known(value: u32) -> Option<u64> {
    (value != NONE).then(|| value.into())
}

/// What is longer than can be said is said as the longest.
fn fit(value: u128) -> u32 {
    u32::try_from(value).unwrap_or(NONE).min(NONE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_attempt_nothing_is_known() {
        let none = Situation::NONE;
        assert_eq!((none.connection(), none.server(), none.keep_alive()), (None, None, None));
        assert_eq!((none.last_sent(), none.last_received()), (None, None));
    }

    #[test]
    fn ages_are_told_to_the_millisecond_and_never_wrap() {
        let situation = Situation::of(ConnectionId(7), 2, Some(Duration::from_secs(65_535)));
        assert_eq!(situation.connection(), Some(ConnectionId(7)));
        assert_eq!(situation.server(), Some(2));
        assert_eq!(situation.keep_alive(), Some(Duration::from_secs(65_535)));
        let (sent, received) = (Some(Instant::from_micros(1_000)), None);
        let activity = Activity { sent, received };
        let later = situation.with_activity(Instant::from_micros(3_999), activity);
        assert_eq!(later.last_sent(), Some(Duration::from_millis(2)));
        assert_eq!(later.last_received(), None);
        let years = situation.with_activity(Instant::from_micros(u64::MAX), activity);
        assert_eq!(years.last_sent(), Some(Duration::from_millis(u64::from(NONE - 1))));
    }

    #[test]
    fn more_messages_than_can_be_told_are_told_as_the_most() {
        let loaded = Situation::NONE.with_load(3, usize::MAX);
        assert_eq!((loaded.in_flight(), loaded.queued()), (3, u32::MAX));
    }
}
