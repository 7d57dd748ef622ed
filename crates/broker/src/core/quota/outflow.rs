//! Messages to a client, no faster than the service delivers.

use evenkeel_profile::Profile;

use super::bucket::{Bucket, Window};
use super::shape::value;
use super::verdict::Break;
use crate::core::Instant;

/// Counts what goes to one connection. What is over a rate waits.
#[derive(Debug)]
pub(crate) struct Outflow {
    rate: Option<Window>,
    replay: Option<Window>,
    bytes: Option<Bucket>,
    /// Stored messages that are still to be replayed.
    stored: usize,
    /// Until when nothing is sent.
    held: Option<Instant>,
    /// That something waits was told, and it has not all been sent since.
    was_told: bool,
}

impl Outflow {
    /// For a client for which so many messages were stored.
    pub(crate) fn new(rules: &Profile, now: Instant, stored: usize) -> Self {
        let limits = &rules.publish;
        Self {
            rate: value(&limits.delivery_rate).map(Window::new),
            replay: value(&limits.replay_rate).map(Window::new),
            bytes: value(&rules.connection.byte_rate).map(|rate| Bucket::new(rate, now)),
            stored,
            held: None,
            was_told: false,
        }
    }

    /// Whether one more may be sent now; if not, what is in the way, told once
    /// for all that waits.
    pub(crate) fn ready(&mut self, now: Instant) -> Result<(), Option<Break>> {
        let Some((limit, count, until)) = self.obstacle(now) else {
            self.held = None;
            return Ok(());
        };
        self.held = Some(until);
        let was_told = std::mem::replace(&mut self.was_told, true);
        let seen = format!("{count} to be delivered");
        Err((!was_told).then(|| Break::until(limit, seen, until)))
    }

    fn obstacle(&mut self, now: Instant) -> Option<(&'static str, String, Instant)> {
        let messages = |count: usize| format!("{count} messages");
        if self.stored > 0
            && let Some(Err(over)) = self.replay.as_mut().map(|window| window.check(now))
        {
            return Some(("replay_rate", messages(over.count), over.until));
        }
        if let Some(Err(over)) = self.rate.as_mut().map(|window| window.check(now)) {
            return Some(("delivery_rate", messages(over.count), over.until));
        }
        let paid = self.bytes.as_ref().and_then(|bucket| bucket.paid_at(now))?;
        Some(("byte_rate", "more bytes".into(), paid))
    }

    /// A message of so many bytes was sent.
    pub(crate) fn sent(&mut self, now: Instant, bytes: usize) {
        if self.stored > 0 {
            self.stored -= 1;
            let _ = self.replay.as_mut().map(|window| window.admit(now));
        }
        let _ = self.rate.as_mut().map(|window| window.admit(now));
        let _ = self.bytes.as_mut().map(|bucket| bucket.take(now, bytes));
    }

    /// Nothing waits any more.
    pub(crate) const fn rest(&mut self) {
        self.held = None;
        self.was_told = false;
    }

    /// True if what waits may go on now.
    pub(crate) fn release(&mut self, now: Instant) -> bool {
        self.held.take_if(|until| *until <= now).is_some()
    }

    /// When something that waits may be sent.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.held
    }
}
