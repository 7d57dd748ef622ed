//! From when on the next CONNECT may follow: the floor between two CONNECTs
//! (R2), and the time for which a broker keeps the client out (R15).

use core::time::Duration;

use crate::rng::Rng;
use crate::time::Instant;

use super::policy::Reconnect;

/// How long a broker keeps a client out that broke one of its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// After the first time. It doubles each time, until a connection was
    /// stable and useful.
    pub first: Duration,
    /// What it grows to.
    pub longest: Duration,
}

/// How far the next attempt has to be from the last CONNECT and from a ban.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distance {
    /// When CONNECT was sent last.
    last_connect: Option<Instant>,
    /// That connection lived too short for the next to follow at once.
    short_lived: bool,
    banned_until: Instant,
    /// Bans since the last stable connection.
    bans: u32,
}

impl Distance {
    pub(crate) const fn on_connect(&mut self, now: Instant) {
        self.last_connect = Some(now);
    }

    /// A connection has ended, or an attempt that never became one.
    pub(crate) fn on_end(&mut self, policy: &Reconnect, lived: Option<Duration>) {
        self.short_lived = lived.is_none_or(|lived| lived < policy.short_life);
    }

    /// The last connection was stable: the next ban is the first again.
    pub(crate) const fn on_stable(&mut self) {
        self.bans = 0;
    }

    /// The server has ended the connection so that it may keep this client out.
    pub(crate) fn on_ban(&mut self, now: Instant, ban: Ban) {
        let length = ban.first.saturating_mul(1 << self.bans.min(31)).min(ban.longest);
        self.bans = self.bans.saturating_add(1);
        self.banned_until = now + length;
    }

    /// The end of the ban.
    pub(crate) const fn banned_until(&self) -> Instant {
        self.banned_until
    }

    /// The end of the floor, from CONNECT to CONNECT. A tenth of jitter above it
    /// keeps a fleet from marching in step if no back-off follows.
    pub(crate) fn floor_end(&self, policy: &Reconnect, rng: &mut Rng) -> Instant {
        let floor = self.floor(policy, self.short_lived);
        match self.last_connect {
            Some(last) if !floor.is_zero() && policy.jitter => {
                last + rng.between(floor, floor.saturating_add(floor / 10))
            }
            Some(last) => last + floor,
            None => Instant::default(),
        }
    }

    /// The latest end of the floor if the connection ended after such a life.
    pub(crate) fn latest_floor_end(&self, policy: &Reconnect, lived: Duration) -> Instant {
        let floor = self.floor(policy, lived < policy.short_life);
        self.last_connect
            .map_or_else(Instant::default, |last| last + floor.saturating_add(floor / 10))
    }

    fn floor(&self, policy: &Reconnect, short_lived: bool) -> Duration {
        if short_lived { policy.floor.max(policy.spacing) } else { policy.spacing }
    }
}
