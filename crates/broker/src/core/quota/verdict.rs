//! What follows when a limit is broken: one function for all limits, and the
//! event that tells of it.

use evenkeel_codec::{PacketType, Version};
use evenkeel_profile::{LimitInfo, OnBreak, Profile};
use serde::Serialize;

use crate::core::{EventKind, Instant};

/// A limit that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Break {
    /// The limit's name in the profile.
    pub(crate) limit: &'static str,
    /// What was seen, for people.
    pub(crate) seen: String,
    /// When it would no longer be broken, if time helps.
    pub(crate) until: Option<Instant>,
}

/// Who caused a [`quota`](EventKind::Quota) event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A packet of the client's: one that keeps to the profile causes none.
    Client,
    /// The service: what it delivers later, ends or cuts by its own rules.
    Service,
}

/// What the broker does about one packet that breaks a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answers with this code.
    Answer(u8),
    /// Sends DISCONNECT with this code, and closes.
    Disconnect(u8),
    /// Closes without a word.
    Close,
    /// Gives no answer, as if the packet had not come.
    Drop,
    /// Goes on with it, and reads on later.
    Delay,
    /// Goes on with the nearest value that is allowed.
    Clamp,
}

/// The packet that breaks a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    pub(crate) packet: PacketType,
    /// Whether it asks for an answer that can hold a code.
    pub(crate) is_answered: bool,
    pub(crate) version: Version,
}

impl Break {
    pub(crate) fn new(limit: &'static str, seen: impl Into<String>) -> Self {
        Self { limit, seen: seen.into(), until: None }
    }

    pub(crate) fn until(limit: &'static str, seen: impl Into<String>, until: Instant) -> Self {
        Self { limit, seen: seen.into(), until: Some(until) }
    }
}

/// What the profile says of a limit.
fn info<'a>(rules: &'a Profile, limit: &str) -> Option<LimitInfo<'a>> {
    rules.limits().into_iter().find(|info| info.name == limit)
}

/// What the profile says that follows, for this version.
pub(crate) fn consequence(rules: &Profile, limit: &str, version: Version) -> OnBreak {
    let Some(info) = info(rules, limit) else { return OnBreak::Unknown };
    match (version, info.on_break_v3) {
        (Version::V31 | Version::V311, Some(on_break)) => on_break,
        _ => info.on_break,
    }
}

/// What follows for a packet.
pub(crate) fn punish(rules: &Profile, broken: &Break, suspect: Suspect) -> Verdict {
    let stated = consequence(rules, broken.limit, suspect.version);
    let on_break = match stated {
        OnBreak::Clamps if !can_clamp(broken.limit) => assumed(broken.limit),
        OnBreak::Throttles if broken.until.is_none() => assumed(broken.limit),
        OnBreak::Refuses | OnBreak::Unknown => assumed(broken.limit),
        known => known,
    };
    match on_break {
        OnBreak::Clamps => Verdict::Clamp,
        OnBreak::Throttles => Verdict::Delay,
        OnBreak::Ignores => Verdict::Drop,
        OnBreak::Disconnects => Verdict::Close,
        OnBreak::DisconnectsWith(code) => suspect.disconnect(code),
        OnBreak::Rejects(code) => suspect.answer(code),
        // A kind that this broker does not know.
        _ => Verdict::Close,
    }
}

impl Suspect {
    /// No DISCONNECT goes before CONNACK, and none to older clients.
    const fn disconnect(self, code: u8) -> Verdict {
        match (self.packet, self.version) {
            (PacketType::Connect, _) => Verdict::Answer(code),
            (_, Version::V5) => Verdict::Disconnect(code),
            _ => Verdict::Close,
        }
    }

    /// An answer with a code, or what is nearest to it. Before MQTT 5 there is
    /// no way to refuse a message but to close.
    //= [MQTT311-3.3.5-2]
    const fn answer(self, code: u8) -> Verdict {
        match (self.packet, self.version) {
            (PacketType::Connect | PacketType::Subscribe, _) => {
                Verdict::Answer(fitting(self.packet, code))
            }
            (PacketType::Publish | PacketType::Unsubscribe, Version::V5) if self.is_answered => {
                Verdict::Answer(fitting(self.packet, code))
            }
            (PacketType::Publish, Version::V5) => Verdict::Drop,
            (PacketType::PingReq | PacketType::Unsubscribe, _) => Verdict::Drop,
            (_, Version::V5) => Verdict::Disconnect(code),
            _ => Verdict::Close,
        }
    }
}

/// The code in the acknowledgement of this packet: those of subscriptions have
/// one of their own for filters, and UNSUBACK none for quotas.
const fn fitting(packet: PacketType, code: u8) -> u8 {
    match (packet, code) {
        (PacketType::Subscribe | PacketType::Unsubscribe, 0x90) => 0x8F,
        (PacketType::Unsubscribe, 0x97) => 0x80,
        _ => code,
    }
}

/// Limits with a nearest value that is allowed.
fn can_clamp(limit: &str) -> bool {
    matches!(
        limit,
        "keep_alive"
            | "maximum_session_expiry"
            | "kept_sessions_available"
            | "will_available"
            | "maximum_qos"
            | "retain_available"
            | "maximum_message_expiry"
    )
}

/// What the broker does if the profile does not know: what MQTT 5 has a code for.
fn assumed(limit: &str) -> OnBreak {
    match limit {
        "maximum_session_expiry" | "maximum_message_expiry" => OnBreak::Clamps,
        "byte_rate" => OnBreak::Throttles,
        "min_ping_spacing" => OnBreak::Ignores,
        "keep_alive_grace" => OnBreak::DisconnectsWith(0x8D),
        "maximum_connection_age" => OnBreak::DisconnectsWith(0xA0),
        "forbidden_properties" => OnBreak::DisconnectsWith(0x82),
        "receive_maximum" => OnBreak::DisconnectsWith(0x93),
        "topic_alias_maximum" => OnBreak::DisconnectsWith(0x94),
        "maximum_packet_size" | "maximum_packet_size_v5" | "maximum_payload_size" => {
            OnBreak::DisconnectsWith(0x95)
        }
        "filters_per_subscribe" | "filters_per_unsubscribe" => OnBreak::DisconnectsWith(0x97),
        "retain_available" => OnBreak::DisconnectsWith(0x9A),
        "maximum_qos" => OnBreak::DisconnectsWith(0x9B),
        "identifiers_available" => OnBreak::DisconnectsWith(0xA1),
        "keep_alive" | "kept_sessions_available" | "will_available" => OnBreak::Rejects(0x83),
        "versions" => OnBreak::Rejects(0x84),
        "client_id_length" | "client_id_reserved_prefix" | "assigned_client_id_reusable" => {
            OnBreak::Rejects(0x85)
        }
        "publish_topics" => OnBreak::Rejects(0x87),
        "ban" => OnBreak::Rejects(0x8A),
        "enhanced_authentication_available" => OnBreak::Rejects(0x8C),
        "filters" | "maximum_share_name_length" => OnBreak::Rejects(0x8F),
        "maximum_topic_length" | "maximum_topic_levels" | "response_topic_length" => {
            OnBreak::Rejects(0x90)
        }
        "shared_available" => OnBreak::Rejects(0x9E),
        "connect_floor" | "account_connect_rate" => OnBreak::Rejects(0x9F),
        "wildcards_available" => OnBreak::Rejects(0xA2),
        // Rates, counts and sizes.
        _ => OnBreak::Rejects(0x97),
    }
}

impl Verdict {
    /// The name and the code in events.
    const fn named(self) -> (&'static str, Option<u8>) {
        match self {
            Self::Answer(code) => ("rejects", Some(code)),
            Self::Disconnect(code) => ("disconnects-with", Some(code)),
            Self::Close => ("disconnects", None),
            Self::Drop => ("ignores", None),
            Self::Delay => ("throttles", None),
            Self::Clamp => ("clamps", None),
        }
    }

    /// True if the connection does not survive it, or never comes to be.
    pub(crate) const fn ends(self, packet: PacketType) -> bool {
        match self {
            Self::Disconnect(_) | Self::Close => true,
            Self::Answer(_) => matches!(packet, PacketType::Connect),
            Self::Drop | Self::Delay | Self::Clamp => false,
        }
    }
}

/// The event of a verdict.
pub(crate) fn event(rules: &Profile, broken: &Break, verdict: Verdict, by: By) -> EventKind {
    let (action, code) = verdict.named();
    EventKind::Quota {
        limit: broken.limit,
        value: info(rules, broken.limit).map(|info| info.text()).unwrap_or_default(),
        seen: broken.seen.clone(),
        action,
        code,
        by,
        metric: metric(&rules.name, broken.limit),
    }
}

/// The metric of CloudWatch that would count it, at AWS. `Throttle` is for rates,
/// `ClientError` for quotas of shape: sizes and counts.
fn metric(profile: &str, limit: &str) -> Option<&'static str> {
    if !profile.starts_with("aws-") {
        return None;
    }
    Some(match limit {
        "connect_floor" => "Connect.ClientIDThrottle",
        "account_connect_rate" => "Connect.Throttle",
        "publish_rate" | "publish_rates" | "publish_rate_per_topic" | "receive_maximum" => {
            "PublishIn.Throttle"
        }
        "delivery_rate" | "replay_rate" | "delivery_receive_maximum" => "PublishOut.Throttle",
        "account_subscribe_rate" | "subscribe_packet_rate" => "Subscribe.Throttle",
        "filters_per_unsubscribe" => "Unsubscribe.ClientError",
        "filters_per_subscribe"
        | "subscriptions_per_connection"
        | "filters"
        | "wildcards_available"
        | "identifiers_available"
        | "shared_available"
        | "maximum_share_name_length" => "Subscribe.ClientError",
        "maximum_payload_size"
        | "maximum_packet_size"
        | "maximum_packet_size_v5"
        | "maximum_qos"
        | "retain_available"
        | "maximum_topic_length"
        | "maximum_topic_levels"
        | "publish_topics"
        | "topic_alias_maximum"
        | "user_properties_size"
        | "correlation_data_size"
        | "response_topic_length"
        | "content_type_length"
        | "maximum_message_expiry" => "PublishIn.ClientError",
        "versions"
        | "client_id_length"
        | "client_id_reserved_prefix"
        | "assigned_client_id_reusable"
        | "enhanced_authentication_available"
        | "will_available" => "Connect.ClientError",
        _ => return None,
    })
}
