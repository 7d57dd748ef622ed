//! The keep-alive of one client, as its server counts it.

use std::time::Duration;

use super::time::Instant;

/// Watches one client's silence: until CONNECT by the broker's patience,
/// afterwards by the keep alive in force.
///
/// Any bytes break the silence, those of a packet still incomplete included.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    patience: Option<Duration>,
    heard: Instant,
    longest: Duration,
}

impl KeepAlive {
    pub(crate) const fn before_connect(now: Instant, patience: Duration) -> Self {
        Self { patience: Some(patience), heard: now, longest: Duration::ZERO }
    }

    /// The keep alive in force, from CONNACK on; 0 ends the watch.
    //= [MQTT-3.1.2-22]
    pub(crate) fn start(&mut self, now: Instant, seconds: u16) {
        let patience = Duration::from_millis(u64::from(seconds) * 1500);
        self.patience = Some(patience).filter(|patience| !patience.is_zero());
        self.heard = now;
        self.longest = Duration::ZERO;
    }

    pub(crate) fn on_received(&mut self, now: Instant) {
        if self.patience.is_some() {
            self.longest = self.longest.max(now.since(self.heard));
        }
        self.heard = now;
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
        Some(self.heard + self.patience?)
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience.unwrap_or_default()
    }
}
