//! What is in force on one connection.

use alloc::boxed::Box;
use core::time::Duration;

use evenkeel_codec::{ConnAck, Properties, PropertyId, QoS, Version};

use crate::config::Config;
use crate::pace::Rates;
use crate::profile::{self, Limit, Profile};

/// Who set an effective limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SetBy {
    /// The protocol's default or bound.
    Protocol,
    /// This side's configuration.
    Client,
    /// The broker's profile ([`Config::obey`]).
    Profile,
    /// The server's CONNACK.
    Server,
    /// This side, for a time, as the server withheld acknowledgements
    /// ([`AcknowledgementsWithheld`](crate::Event::AcknowledgementsWithheld)).
    Withheld,
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
    /// The largest payload we may send, in bytes, if its packet is not too large.
    pub payload_size: Effective<u32>,
    /// The longest message expiry interval we send, in seconds.
    pub message_expiry: Effective<u32>,
    /// The highest QoS we may publish with.
    pub maximum_qos: Effective<QoS>,
    /// Whether we may publish retained messages.
    pub retain: Effective<bool>,
    /// The highest topic alias we may use.
    pub topic_alias_maximum: Effective<u16>,
    /// Whether wildcards may be subscribed to.
    pub wildcard_subscriptions: Effective<bool>,
    /// Whether shared subscriptions may be asked for.
    pub shared_subscriptions: Effective<bool>,
    /// Whether subscription identifiers may be given.
    pub subscription_identifiers: Effective<bool>,
    /// Seconds the server keeps the session; `u32::MAX` is forever.
    pub session_expiry: Effective<u32>,
    /// How often we may send what now, and who set each; `None` if nothing has a rate.
    /// Those of PUBLISH are lower for a time after the server withheld acknowledgements,
    /// and rise within a connection.
    pub rates: Option<Box<Rates>>,
}

/// The largest packet MQTT can frame: five bytes of fixed header and 268,435,455 more.
const LARGEST_PACKET: u32 = 268_435_460;

impl Limits {
    //= [MQTT-3.2.2-21]
    //= [MQTT-3.3.4-9]
    //= [MQTT-3.2.2-15]
    pub(crate) fn negotiate(config: &Config, version: Version, connack: &ConnAck) -> Self {
        let said = &connack.properties;
        let ours = Ours::of(config);
        Self {
            version,
            keep_alive: ours.keep_alive(said),
            in_flight: smaller(ours.in_flight(), said.receive_maximum()),
            packet_size: smaller(ours.packet_size(version), said.maximum_packet_size()),
            payload_size: ours.payload_size(),
            message_expiry: ours.message_expiry(),
            maximum_qos: smaller(ours.maximum_qos(), said.maximum_qos().and_then(QoS::from_level)),
            retain: available(ours.has(|it| &it.publish.retain_available), said.retain_available()),
            topic_alias_maximum: ours.topic_alias_maximum(said.topic_alias_maximum()),
            wildcard_subscriptions: available(
                ours.has(|it| &it.subscribe.wildcards_available),
                said.wildcard_subscription_available(),
            ),
            shared_subscriptions: available(
                ours.has(|it| &it.subscribe.shared_available),
                said.shared_subscription_available(),
            ),
            subscription_identifiers: if version.has_properties() {
                let said = said.subscription_identifier_available();
                available(ours.subscription_identifiers(), said)
            } else {
                Effective { value: false, set_by: SetBy::Protocol }
            },
            session_expiry: match said.session_expiry_interval() {
                Some(value) => Effective { value, set_by: SetBy::Server },
                None => ours.session_expiry(),
            },
            rates: (!config.rates.is_empty()).then(|| Box::new(config.rates.clone())),
        }
    }
}

/// What this side brings to a connection.
#[derive(Clone, Copy)]
pub(crate) struct Ours<'a> {
    config: &'a Config,
    profile: Option<&'a Profile>,
}

impl<'a> Ours<'a> {
    pub(crate) fn of(config: &'a Config) -> Self {
        Self { config, profile: config.profile() }
    }

    /// The configuration's value, which [`Config::obey`] may have set.
    fn configured<T: PartialEq>(self, value: T, by_profile: Option<T>) -> Effective<T> {
        let set_by =
            if by_profile.as_ref() == Some(&value) { SetBy::Profile } else { SetBy::Client };
        Effective { value, set_by }
    }

    /// The profile's value if it is stricter.
    fn stricter<T: Ord>(self, value: T, set_by: SetBy, by_profile: Option<T>) -> Effective<T> {
        match by_profile {
            Some(by_profile) if by_profile < value => {
                Effective { value: by_profile, set_by: SetBy::Profile }
            }
            _ => Effective { value, set_by },
        }
    }

    fn has(self, limit: impl Fn(&Profile) -> &Option<Limit<bool>>) -> Effective<bool> {
        let said = self.profile.and_then(|profile| limit(profile).as_ref());
        self.stricter(true, SetBy::Protocol, said.map(|limit| limit.value))
    }

    //= [MQTT-3.2.2-21]
    //= [MQTT-3.1.2-21]
    fn keep_alive(self, said: &Properties) -> Effective<Duration> {
        let by_profile = self.profile.and_then(Profile::keep_alive).map(|range| range.zero_means);
        let (seconds, set_by) = match said.server_keep_alive() {
            Some(seconds) => (seconds, SetBy::Server),
            None => {
                let ours = self.configured(self.config.connect.keep_alive, by_profile);
                (ours.value, ours.set_by)
            }
        };
        let keep_alive = Duration::from_secs(seconds.into());
        let silence = self.profile.map(|it| profile::connection::longest_silence(it, keep_alive));
        self.stricter(keep_alive, set_by, silence)
    }

    fn in_flight(self) -> Effective<u16> {
        let by_profile = self.profile.and_then(Profile::receive_maximum);
        self.configured(self.config.bounds.in_flight, by_profile)
    }

    /// The largest packet in this version, as far as is known without a server.
    pub(crate) fn packet_size(self, version: Version) -> Effective<u32> {
        let limit = self.profile.and_then(|it| profile::connection::packet_size(it, version));
        let (own, set_by) = match self.config.bounds.packet_size {
            Some(own) => (own, SetBy::Client),
            None => (LARGEST_PACKET, SetBy::Protocol),
        };
        self.stricter(own, set_by, limit.map(|(_, limit)| limit.value))
    }

    fn payload_size(self) -> Effective<u32> {
        let by_profile = self.profile.and_then(Profile::maximum_payload_size);
        self.stricter(LARGEST_PACKET, SetBy::Protocol, by_profile)
    }

    fn message_expiry(self) -> Effective<u32> {
        let by_profile = self.profile.and_then(profile::publish::longest_expiry);
        self.stricter(u32::MAX, SetBy::Protocol, by_profile)
    }

    fn maximum_qos(self) -> Effective<QoS> {
        let by_profile = self.profile.and_then(Profile::maximum_qos).and_then(QoS::from_level);
        let own = self.config.bounds.maximum_qos;
        let set_by = if own == QoS::ExactlyOnce { SetBy::Protocol } else { SetBy::Client };
        self.stricter(own, set_by, by_profile)
    }

    fn topic_alias_maximum(self, said: Option<u16>) -> Effective<u16> {
        let forbids = |it: &Profile| {
            profile::properties::is_forbidden(it, "publish", PropertyId::TOPIC_ALIAS)
        };
        let most = match self.profile {
            Some(profile) if forbids(profile) => Some(0),
            profile => profile.and_then(Profile::topic_alias_maximum),
        };
        match said {
            Some(said) => self.stricter(said, SetBy::Server, most),
            None => Effective { value: 0, set_by: SetBy::Protocol },
        }
    }

    fn subscription_identifiers(self) -> Effective<bool> {
        let id = PropertyId::SUBSCRIPTION_IDENTIFIER;
        let forbids = |it: &Profile| profile::properties::is_forbidden(it, "subscribe", id);
        match self.profile {
            Some(profile) if forbids(profile) => Effective { value: false, set_by: SetBy::Profile },
            _ => self.has(|it| &it.subscribe.identifiers_available),
        }
    }

    fn session_expiry(self) -> Effective<u32> {
        let limit = self.profile.and_then(|it| it.connection.maximum_session_expiry.as_ref());
        let by_profile = limit.and_then(|limit| u32::try_from(limit.value.as_secs()).ok());
        self.configured(self.config.connect.session_expiry, by_profile)
    }
}

fn available(ours: Effective<bool>, said: Option<u8>) -> Effective<bool> {
    smaller(ours, said.map(|said| said != 0))
}

fn smaller<T: Ord>(ours: Effective<T>, theirs: Option<T>) -> Effective<T> {
    match theirs {
        Some(value) if value < ours.value => Effective { value, set_by: SetBy::Server },
        _ => ours,
    }
}
