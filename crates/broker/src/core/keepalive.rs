//! The keep-alive of one client, as its server counts it.

use std::time::Duration;

use super::time::Instant;

/// Watches one client's silence: until CONNECT by the broker's timeout,
/// afterwards by the keep alive in force.
///
/// Any bytes break the silence, those of a packet still incomplete included.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    timeout: Option<Duration>,
    heard: Instant,
    longest: Duration,
    /// In seconds, from CONNACK on.
    in_force: Option<u16>,
    /// When bytes last came.
    received: Option<Instant>,
}

impl KeepAlive {
    pub(crate) const fn before_connect(now: Instant, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            heard: now,
            longest: Duration::ZERO,
            in_force: None,
            received: None,
        }
    }

    /// This keep alive is in force from CONNACK on, with this timeout; zero ends the
    /// watch.
    pub(crate) fn start(&mut self, now: Instant, in_force: u16, timeout: Duration) {
        self.in_force = Some(in_force);
        self.timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self.heard = now;
        self.longest = Duration::ZERO;
    }

    pub(crate) fn on_received(&mut self, now: Instant) {
        if self.timeout.is_some() {
            self.longest = self.longest.max(now.since(self.heard));
        }
        self.heard = now;
        self.received = Some(now);
    }

    /// The broker itself was deaf until now: that silence is not the client's.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.heard = now;
    }

    /// The longest silence that ended, since CONNACK.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// The moment at which the silence is too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        Some(self.heard + self.timeout?)
    }

    /// The keep alive in force, in seconds.
    pub(crate) const fn in_force(&self) -> Option<u16> {
        self.in_force
    }

    /// When bytes last came.
    pub(crate) const fn received(&self) -> Option<Instant> {
        self.received
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or_default()
    }
}
