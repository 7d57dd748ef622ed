//! The limits of a profile, enforced: one file for each kind of limit, one
//! function for what follows ([`verdict::punish`]), one event for each verdict.
//!
//! Without a profile there is no judge, and nothing here runs.

mod acts;
mod backlog;
mod bucket;
mod clients;
mod connect;
mod delivery;
mod inflow;
mod meter;
mod outflow;
mod ping;
mod settings;
mod shape;
mod subscribe;
mod verdict;

use evenkeel_codec::{QoS, Version};
use evenkeel_profile::{KeepAliveGrace, OnBreak, Profile};

use super::config::Offer;
use super::time::Instant;
use backlog::Backlog;
use bucket::Window;
use clients::Clients;
use shape::value;

pub(crate) use connect::ASSIGNED;
pub(crate) use meter::Meter;
pub use settings::{Quota, Span, Strictness};
pub use verdict::By;

/// What the specification says: one and a half times the keep-alive.
const STANDARD_GRACE: KeepAliveGrace = KeepAliveGrace { percent: 150, longest: None };

/// The limits in force, and what is counted for all connections together.
#[derive(Debug)]
pub(crate) struct Judge {
    quota: Quota,
    rules: Profile,
    account_connects: Option<Window>,
    account_filters: Option<Window>,
    clients: Clients,
    backlog: Backlog,
    /// Largest packet of a client before MQTT 5, and from it on.
    packet_sizes: (u32, u32),
}

impl Judge {
    /// Enforces a profile; the offer of the broker becomes what that allows.
    pub(crate) fn new(quota: &Quota, offer: &mut Offer) -> Self {
        let rules = quota.enforced();
        let general = value(&rules.connection.maximum_packet_size);
        let modern = value(&rules.connection.maximum_packet_size_v5).or(general);
        let own = offer.maximum_packet_size;
        let bounded = |size: Option<u32>| size.map_or(own, |size| size.min(own));
        let packet_sizes = (bounded(general), bounded(modern));
        tighten(offer, &rules);
        offer.maximum_packet_size = packet_sizes.1;
        Self {
            account_connects: value(&rules.connection.account_connect_rate).map(Window::new),
            account_filters: value(&rules.subscribe.account_subscribe_rate).map(Window::new),
            clients: Clients::default(),
            backlog: Backlog::default(),
            packet_sizes,
            quota: quota.clone(),
            rules,
        }
    }

    /// True if this is what it enforces.
    pub(crate) fn is_of(&self, quota: &Quota) -> bool {
        self.quota == *quota
    }

    /// Largest packet of a client; of any before its version is known.
    pub(crate) fn packet_size(&self, version: Option<Version>) -> u32 {
        let (old, modern) = self.packet_sizes;
        match version {
            None => old.max(modern),
            Some(Version::V5) => modern,
            Some(Version::V31 | Version::V311) => old,
        }
    }

    /// The keep-alive in force for a client that asks for this one.
    pub(crate) fn keep_alive(&self, version: Version, asked: u16) -> u16 {
        let clamps = self.consequence("keep_alive", version) == OnBreak::Clamps;
        let granted = match value(&self.rules.connection.keep_alive) {
            Some(range) if clamps => range.effective(asked),
            _ => asked,
        };
        match self.quota.hidden_keep_alive() {
            Some(most) if granted == 0 || granted > most => most,
            _ => granted,
        }
    }

    /// How long the service waits for a silent client.
    pub(crate) fn grace(&self) -> KeepAliveGrace {
        value(&self.rules.connection.keep_alive_grace).unwrap_or(STANDARD_GRACE)
    }

    /// New connections are taken from now on, or not.
    pub(crate) fn accepting(&mut self, now: Instant, accepts: bool) {
        self.backlog.accepting(now, accepts);
    }

    /// A connection of this client is over.
    pub(crate) fn went(&mut self, now: Instant, client: &str) {
        self.clients.went(now, client);
    }

    /// How long a session of so many seconds lasts here.
    pub(crate) fn expiry(&self, seconds: u32) -> std::time::Duration {
        self.quota.hastened(std::time::Duration::from_secs(seconds.into()))
    }

    /// How identifiers begin that this broker assigns, if not as its own do.
    pub(crate) fn assigned_prefix(&self) -> Option<&'static str> {
        let reusable = self.rules.connection.assigned_client_id_reusable.as_ref()?;
        (!reusable.value).then_some(ASSIGNED)
    }

    /// Whether filters with a wildcard are sent retained messages.
    pub(crate) fn retains_on_wildcard(&self) -> bool {
        value(&self.rules.subscribe.retained_on_wildcard).unwrap_or(true)
    }

    /// Whether `a/#` matches `a`.
    pub(crate) fn hash_matches_parent(&self) -> bool {
        value(&self.rules.subscribe.hash_matches_parent).unwrap_or(true)
    }

    fn consequence(&self, limit: &str, version: Version) -> OnBreak {
        verdict::consequence(&self.rules, limit, version)
    }
}

/// What CONNACK announces, no more than the profile allows. What a service
/// clamps without a word it does not announce.
fn tighten(offer: &mut Offer, rules: &Profile) {
    let clamps = |limit| verdict::consequence(rules, limit, Version::V5) == OnBreak::Clamps;
    let (connection, publish, subscribe) = (&rules.connection, &rules.publish, &rules.subscribe);
    if let Some(level) = value(&publish.maximum_qos)
        && !clamps("maximum_qos")
    {
        offer.maximum_qos = offer.maximum_qos.min(match level {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        });
    }
    if !clamps("retain_available") {
        offer.retain &= value(&publish.retain_available).unwrap_or(true);
    }
    offer.wildcard_subscriptions &= value(&subscribe.wildcards_available).unwrap_or(true);
    offer.shared_subscriptions &= value(&subscribe.shared_available).unwrap_or(true);
    offer.subscription_identifiers &= value(&subscribe.identifiers_available).unwrap_or(true);
    let least = |own: u16, limit: Option<u16>| limit.map_or(own, |limit| limit.min(own));
    offer.receive_maximum = least(offer.receive_maximum, value(&publish.receive_maximum));
    let aliases = value(&publish.topic_alias_maximum);
    offer.topic_alias_maximum = least(offer.topic_alias_maximum, aliases);
    if let Some(longest) = value(&connection.maximum_session_expiry) {
        let longest = u32::try_from(longest.as_secs()).unwrap_or(u32::MAX);
        offer.session_expiry_maximum = offer.session_expiry_maximum.min(longest);
    }
    if value(&connection.kept_sessions_available) == Some(false) {
        offer.session_expiry_maximum = 0;
    }
}
