//! What is in force on one connection.

use core::time::Duration;

use evenkeel_codec::{ConnAck, Properties, QoS, Version};

use crate::config::Config;
use crate::pace::Rates;

/// Who set an effective limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SetBy {
    /// The protocol's default or bound.
    Protocol,
    /// This side's configuration.
    Client,
    /// A profile of the server.
    Profile,
    /// The server's CONNACK.
    Server,
}

/// An effective limit and who set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective<T> {
    /// The value in force.
    pub value: T,
    /// Who set it.
    pub set_by: SetBy,
}

/// What is in force on one connection: the strictest of protocol, client and
/// server. Dies with the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The protocol version spoken.
    pub version: Version,
    /// Keep-alive; zero is off.
    pub keep_alive: Effective<Duration>,
    /// QoS 1 and 2 publishes in flight from us.
    pub in_flight: Effective<u16>,
    /// The largest packet we may send, in bytes.
    pub packet_size: Effective<u32>,
    /// The highest QoS we may publish with.
    pub maximum_qos: QoS,
    /// Whether we may publish retained messages.
    pub retain: bool,
    /// The highest topic alias we may use.
    pub topic_alias_maximum: u16,
    /// Whether wildcards may be subscribed to.
    pub wildcard_subscriptions: bool,
    /// Whether shared subscriptions may be asked for.
    pub shared_subscriptions: bool,
    /// Whether subscription identifiers may be given.
    pub subscription_identifiers: bool,
    /// Seconds the server keeps the session; `u32::MAX` is forever.
    pub session_expiry: u32,
    /// How often we may send what, and who set each.
    pub rates: Rates,
}

/// The largest packet MQTT can frame: five bytes of fixed header and 268,435,455 more.
const LARGEST_PACKET: u32 = 268_435_460;

impl Limits {
    //= [MQTT-3.2.2-21]
    //= [MQTT-3.3.4-9]
    //= [MQTT-3.2.2-15]
    pub(crate) fn negotiate(config: &Config, version: Version, connack: &ConnAck) -> Self {
        let said = &connack.properties;
        Self {
            version,
            keep_alive: keep_alive(config, said),
            in_flight: smaller(
                Effective { value: config.bounds.in_flight, set_by: SetBy::Client },
                said.receive_maximum(),
            ),
            packet_size: smaller(
                config.bounds.packet_size.map_or(
                    Effective { value: LARGEST_PACKET, set_by: SetBy::Protocol },
                    |value| Effective { value, set_by: SetBy::Client },
                ),
                said.maximum_packet_size(),
            ),
            maximum_qos: said
                .maximum_qos()
                .and_then(QoS::from_level)
                .unwrap_or(QoS::ExactlyOnce)
                .min(config.bounds.maximum_qos),
            retain: said.retain_available() != Some(0),
            topic_alias_maximum: said.topic_alias_maximum().unwrap_or(0),
            wildcard_subscriptions: said.wildcard_subscription_available() != Some(0),
            shared_subscriptions: said.shared_subscription_available() != Some(0),
            subscription_identifiers: version.has_properties()
                && said.subscription_identifier_available() != Some(0),
            session_expiry: said.session_expiry_interval().unwrap_or(config.connect.session_expiry),
            rates: config.rates.clone(),
        }
    }
}

//= [MQTT-3.2.2-21]
//= [MQTT-3.1.2-21]
fn keep_alive(config: &Config, said: &Properties) -> Effective<Duration> {
    match said.server_keep_alive() {
        Some(seconds) => {
            Effective { value: Duration::from_secs(seconds.into()), set_by: SetBy::Server }
        }
        None => Effective {
            value: Duration::from_secs(config.connect.keep_alive.into()),
            set_by: SetBy::Client,
        },
    }
}

fn smaller<T: Ord>(ours: Effective<T>, theirs: Option<T>) -> Effective<T> {
    match theirs {
        Some(value) if value < ours.value => Effective { value, set_by: SetBy::Server },
        _ => ours,
    }
}
