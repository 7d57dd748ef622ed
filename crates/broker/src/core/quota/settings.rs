//! What a broker is told about the limits it enforces.

use std::num::NonZeroU32;
use std::time::Duration;

use evenkeel_profile::{Confidence, Profile, aws_iot_core_vpc};
use serde::Deserialize;

/// Spans from here on are divided by [`Quota::hasten`].
const LONG: Duration = Duration::from_secs(3600);

/// Which limits of a profile are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// Those that the vendor states. Of an observed floor between CONNECT packets
    /// this is its `spacing`.
    Documented,
    /// Those that were observed or are disputed, too.
    #[default]
    Observed,
    /// All, the unconfirmed ones too, and what such services have been seen to do
    /// on bad days: the longer floor between any two CONNECT packets, connections
    /// cut at random as when a new version is deployed, and for AWS IoT Core the
    /// keep-alive of a VPC endpoint.
    Harsh,
}

/// A profile that the broker enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limits.
    pub profile: Profile,
    /// Which of them.
    pub strictness: Strictness,
    /// Divides the age of connections, the expiry of sessions and bans, if they
    /// last an hour or more; never keep-alive, the spacing of packets or rates.
    pub hasten: NonZeroU32,
    /// Decides when connections are cut at random.
    pub seed: u64,
}

/// A span of the profile, and how long it lasts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The limit's name.
    pub limit: &'static str,
    /// As the profile has it.
    pub real: Duration,
    /// As it is enforced.
    pub hastened: Duration,
}

impl Quota {
    /// The profile with [`Strictness::Observed`], in real time.
    pub const fn new(profile: Profile) -> Self {
        let strictness = Strictness::Observed;
        Self { profile, strictness, hasten: NonZeroU32::MIN, seed: 0 }
    }

    /// The limits in force.
    pub fn enforced(&self) -> Profile {
        let mut rules = self.profile.clone();
        rules.retain(|name, confidence| self.is_enforced(name, confidence));
        match (self.strictness, &mut rules.connection.connect_floor) {
            (Strictness::Documented, Some(floor)) if floor.confidence != Confidence::Documented => {
                floor.value.spacing_after_short = floor.value.spacing;
            }
            (Strictness::Harsh, Some(floor)) => {
                floor.value.spacing = floor.value.spacing.max(floor.value.spacing_after_short);
            }
            _ => {}
        }
        rules
    }

    /// The names of the limits that the profile has and nobody enforces.
    pub fn left_out(&self) -> Vec<&'static str> {
        let limits = self.profile.limits();
        let out = limits.iter().filter(|limit| !self.is_enforced(limit.name, limit.confidence));
        out.map(|limit| limit.name).collect()
    }

    fn is_enforced(&self, name: &str, confidence: Confidence) -> bool {
        match self.strictness {
            Strictness::Documented => {
                confidence == Confidence::Documented
                    || (name == "connect_floor" && confidence == Confidence::Observed)
            }
            Strictness::Observed => confidence <= Confidence::Disputed,
            Strictness::Harsh => true,
        }
    }

    /// A keep-alive that the service cuts all to, without a word before MQTT 5.
    pub(crate) fn hidden_keep_alive(&self) -> Option<u16> {
        let is_hidden = self.strictness == Strictness::Harsh && self.profile.name == "aws-iot-core";
        if is_hidden { aws_iot_core_vpc().keep_alive().map(|range| range.maximum) } else { None }
    }

    /// How long a span of the profile lasts here.
    pub(crate) fn hastened(&self, real: Duration) -> Duration {
        if real < LONG { real } else { real / self.hasten.get() }
    }

    /// The spans that [`Quota::hasten`] divides.
    pub fn spans(&self) -> Vec<Span> {
        let rules = self.enforced();
        let connection = &rules.connection;
        let age = connection.maximum_connection_age.as_ref().map(|limit| limit.value);
        let expiry = connection.maximum_session_expiry.as_ref().map(|limit| limit.value);
        let ban = connection.ban.as_ref().map(|limit| limit.value.longest);
        let named =
            [("maximum_connection_age", age), ("maximum_session_expiry", expiry), ("ban", ban)];
        let real = named.into_iter().filter_map(|(limit, real)| Some((limit, real?)));
        let long = real.filter(|(_, real)| *real >= LONG);
        long.map(|(limit, real)| Span { limit, real, hastened: self.hastened(real) }).collect()
    }
}

impl From<Profile> for Quota {
    fn from(profile: Profile) -> Self {
        Self::new(profile)
    }
}
