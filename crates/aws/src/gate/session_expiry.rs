//! How long sessions outlive their connections.

use std::time::Duration;

/// The account's persistent session expiry: sessions of MQTT 3.1.1 end so long after
/// their connection, those of MQTT 5 then or earlier, as their client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpiry(Duration);

impl SessionExpiry {
    /// The most that an account may have, in seconds: seven days.
    pub const LONGEST: u64 = 604_800;

    /// Of so many seconds; nothing if that is none, or more than AWS gives.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        let is_good = (1..=Self::LONGEST).contains(&seconds);
        is_good.then(|| Self(Duration::from_secs(seconds)))
    }

    /// How long that is.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// An hour, which an account has unless it asks for more.
impl Default for SessionExpiry {
    fn default() -> Self {
        Self(Duration::from_secs(3600))
    }
}
