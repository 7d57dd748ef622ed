//! Connections that nobody took for a while: a CONNECT among them is read later
//! than it came, by a time that nobody knows.

use std::time::Duration;

use crate::core::Instant;

/// How long after connections are taken again those that waited may still come up.
const SHOWS_FOR: Duration = Duration::from_secs(1);

/// The last span in which no connections were taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backlog {
    since: Option<Instant>,
    /// `None` as long as it lasts.
    until: Option<Instant>,
}

impl Backlog {
    /// New connections are taken from now on, or not.
    pub(crate) fn accepting(&mut self, now: Instant, accepts: bool) {
        if accepts {
            self.until = self.since.map(|_| now + SHOWS_FOR);
        } else {
            *self = Self { since: Some(self.earliest(now)), until: None };
        }
    }

    /// When a CONNECT may have come that is read now: the next one is measured from
    /// there, so that no client is blamed for what this broker did.
    pub(crate) fn earliest(&self, now: Instant) -> Instant {
        match self.since {
            Some(since) if self.until.is_none_or(|until| now <= until) => since,
            _ => now,
        }
    }
}
