//! What a profile makes of the soak's clients.

use std::time::Duration;

use evenkeel::{ClientBuilder, QoS};
use evenkeel_broker::{Quota, Strictness};
use evenkeel_profile::Profile;

use super::{KEEP_ALIVE, QOS, SETTLES_WITHIN};
use crate::error::Failure;
use crate::settings::profile_named_or_read;

/// The limits of the clients; those of the soak alone without a profile.
#[derive(Clone, Debug)]
pub(super) struct ClientLimits {
    profile: Option<Profile>,
    /// How the broker enforces it, if it does.
    strictness: Option<Strictness>,
    /// The soak's, or the nearest that the profile allows.
    pub(super) keep_alive: Duration,
    /// A client that finds out late, and may not connect at once, needs longer.
    pub(super) settles_within: Duration,
    highest_qos: usize,
}

impl ClientLimits {
    /// Those of a profile by its name or file; `none` is none.
    pub(super) fn new(
        profile: Option<&str>,
        strictness: Option<Strictness>,
    ) -> Result<Self, Failure> {
        let named = profile.filter(|name| *name != "none");
        let profile = named.map(profile_named_or_read).transpose()?;
        let range = profile.as_ref().and_then(Profile::keep_alive);
        let wanted = u16::try_from(KEEP_ALIVE.as_secs()).unwrap_or(u16::MAX);
        let seconds = range.map_or(wanted, |range| wanted.clamp(range.minimum, range.maximum));
        let keep_alive = Duration::from_secs(seconds.into());
        let floor = profile.as_ref().and_then(Profile::connect_floor);
        // The back-off is added to the floor at each of several attempts.
        let waits = floor.map_or(Duration::ZERO, |floor| floor.spacing_after_short * 4);
        let highest_qos = profile.as_ref().and_then(Profile::maximum_qos).unwrap_or(2);
        Ok(Self {
            profile,
            strictness,
            keep_alive,
            settles_within: SETTLES_WITHIN + (keep_alive.saturating_sub(KEEP_ALIVE)) * 2 + waits,
            highest_qos: highest_qos.into(),
        })
    }

    pub(super) const fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// What the broker enforces.
    pub(super) fn quota(&self) -> Option<Quota> {
        let quota = Quota::new(self.profile.clone()?);
        Some(Quota { strictness: self.strictness?, ..quota })
    }

    /// A client within the limits.
    pub(super) fn bind(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = builder.keep_alive(self.keep_alive);
        match &self.profile {
            Some(profile) => builder.profile(profile.clone()),
            None => builder,
        }
    }

    /// What may be published with.
    pub(super) fn qos(&self) -> &'static [QoS] {
        QOS.get(..=self.highest_qos).unwrap_or(&QOS)
    }
}
