//! What a client is made with, and the checks on it.

use alloc::boxed::Box;
#[cfg(feature = "profiles")]
use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{
    Connect, Disconnect, Properties, Property, PropertyId, QoS, ReasonCode, Text, Version, Will,
};

use crate::io::Credentials;
use crate::pace::Rates;
use crate::profile::{self, BrokenLimit};
use crate::reconnect::Reconnect;
use crate::record::Window;

/// Everything a [`Client`](crate::Client) is made with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How many servers the caller knows; they are tried in turn.
    pub servers: usize,
    /// The protocol version to begin with.
    pub version: Version,
    /// Whether a server that refuses MQTT 5 is asked for 3.1.1: for an hour
    /// if its CONNACK refuses it, in turn if it closes or is silent instead.
    pub fallback: bool,
    /// What CONNECT says.
    pub connect: ConnectConfig,
    /// From name resolution to CONNACK.
    pub connect_timeout: Duration,
    /// Keep-alive beyond what CONNECT says.
    pub keep_alive: KeepAliveConfig,
    /// When to open connections again.
    pub reconnect: Reconnect,
    /// The queue of accepted messages.
    pub queue: QueueConfig,
    /// What happens to a QoS 2 message that the server may have lost.
    pub when_uncertain: WhenUncertain,
    /// Whether subscriptions are asked for again when the server has lost the
    /// session. Default true. False forgets them instead, which
    /// [`SubscriptionsForgotten`](crate::Event::SubscriptionsForgotten) tells:
    /// for applications that subscribe anew at each connection. Operations
    /// that have no outcome yet are asked for in either case.
    pub restore_subscriptions: bool,
    /// Bounds of this side.
    pub bounds: Bounds,
    /// How often the client may send what. Default: as often as it likes.
    pub rates: Rates,
    /// Who gives outgoing topics their aliases. Default: the client.
    pub topic_aliases: TopicAliases,
    /// Properties of the DISCONNECT that ends a shutdown (MQTT 5): Session
    /// Expiry Interval, Reason String, user properties.
    pub disconnect_properties: Properties,
    /// What the broker allows, if that is more to obey than MQTT itself; set
    /// by [`obey`](Self::obey).
    #[cfg(feature = "profiles")]
    pub(crate) profile: Option<Arc<profile::Profile>>,
}

/// What CONNECT says.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectConfig {
    /// Names the session; empty asks the server to choose.
    pub client_id: Text,
    /// Asks the server to forget an earlier session at the first connect.
    pub clean_start: bool,
    /// Seconds the session outlives a connection; `u32::MAX` is forever.
    /// Before MQTT 5 any value but 0 asks for a session that is kept.
    pub session_expiry: u32,
    /// Seconds; 0 turns keep-alive off.
    pub keep_alive: u16,
    /// User name and password; a hook may replace them.
    pub credentials: Credentials,
    /// Published by the server if this client is lost.
    pub will: Option<Box<Will>>,
    /// Exchanges the server may have open with us; not 0.
    pub receive_maximum: u16,
    /// The largest packet we accept, in bytes; not 0.
    pub maximum_packet_size: u32,
    /// The highest topic alias we accept.
    pub topic_alias_maximum: u16,
    /// Enhanced authentication: method and first data.
    pub authentication: Option<(Text, Bytes)>,
    /// Further properties, such as user properties.
    pub properties: Properties,
}

impl core::fmt::Debug for ConnectConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ConnectConfig")
            .field("client_id", &self.client_id)
            .field("clean_start", &self.clean_start)
            .field("session_expiry", &self.session_expiry)
            .field("keep_alive", &self.keep_alive)
            .finish_non_exhaustive()
    }
}

/// Keep-alive beyond the interval in CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepAliveConfig {
    /// Least time between two pings of one connection.
    pub min_ping_spacing: Duration,
    /// Whether the first ping of a connection comes after any silence, from 0.025
    /// keep-alives to that of all others, so that clients which connect at one
    /// moment do not ping at one moment. Default true. False saves one ping for each
    /// connection, and a battery one wake-up of the radio.
    pub spread_first_ping: bool,
    /// How long a ping may stay unwritten, and how long the server may leave it
    /// without any byte back. `None`, the default, judges the server by its last
    /// byte: a link is dead when a ping is unanswered and no byte has come for
    /// 1.5 keep-alives, or for 120 s since the ping. That leaves each ping 0.65
    /// keep-alives at least (120 s at most), which is also how long it may stay
    /// unwritten. A link that needed longer is given more after a death: up to
    /// 2.25 keep-alives since the last byte, or with a value of yours twice and
    /// four times as much, up to 1.25 keep-alives since the ping. Further pings
    /// go out at the interval meanwhile.
    pub response_timeout: Option<Duration>,
}

/// Bounds and policy of the queue of accepted messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueConfig {
    /// Messages at most. Default 10,000.
    pub messages: usize,
    /// Bytes at most, of topic, payload and properties as they are held
    /// ([`Publish::weight`](evenkeel_codec::Publish::weight)). Default 64 MiB.
    pub bytes: usize,
    /// What happens to QoS 0 while offline. Default: queued.
    pub offline_qos0: OfflineQos0,
    /// What happens at the bound. Default: the publisher waits.
    pub when_full: WhenFull,
    /// With a store: how much of each priority's queue is held in memory; the
    /// rest is in the store alone. Default 1,000 messages, 4 MiB.
    pub window: Window,
    /// With a store: whether queued QoS 0 messages are stored too. Such a
    /// message is removed from it before it is sent: it is never sent twice, and
    /// lost if the connection or the process ends at that moment. Default
    /// false: they are held in memory.
    pub store_qos0: bool,
}

/// What happens to a message that the queue has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is refused for now; who can wait is told when there is room.
    #[default]
    Wait,
    /// It is refused at once.
    Refuse,
    /// The oldest queued messages of the lowest priority, up to its own, give
    /// way to it; each ends as [`Dropped`](crate::DeliveryError::Dropped). It
    /// is refused for now if there are none.
    DropOldest,
    /// It is accepted and ends at once as [`Dropped`](crate::DeliveryError::Dropped).
    DropNewest,
    /// Of each topic only the latest message is queued, also if there is
    /// room: the one before ends as [`Superseded`](crate::DeliveryError::Superseded).
    /// At the bound a message of a topic that is not queued is refused for
    /// now. With a store, only the messages held in memory give way.
    LatestPerTopic,
}

/// Who gives topics the aliases that stand for them on MQTT 5, if the server
/// takes any. A message that is sent again always has its topic, and so has one
/// that would be too large with an alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TopicAliases {
    /// The client: up to 256 topics have one, as far as the server takes so many.
    /// If there are more, those that are used again and again keep theirs; a
    /// topic of up to three bytes has none, as that would save nothing. A Topic
    /// Alias that a message has is not sent.
    #[default]
    Automatic,
    /// The application, by the Topic Alias property of its messages: for
    /// bindings whose users number their topics. The client still sees to it
    /// that the server knows the topic on each connection, so that a message may
    /// have both, or an empty topic once the alias was used with one. An alias
    /// above the server's maximum is refused while online; a message that
    /// waited for a connection goes out with its topic alone then.
    Manual,
    /// Nobody: topics are always written out. For servers that get aliases wrong.
    Off,
}

/// What happens to a QoS 2 message that the server took and may have lost with
/// its session before the exchange was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenUncertain {
    /// It ends as [`Uncertain`](crate::DeliveryError::Uncertain).
    #[default]
    Report,
    /// It is sent anew, and so may arrive twice: at least once, no longer
    /// exactly once. Until its exchange is over the message is kept, also in the
    /// store.
    SendAnew,
}

/// What happens to QoS 0 messages while offline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfflineQos0 {
    /// Queued like the others.
    #[default]
    Queue,
    /// Refused at once, which the caller sees; not in the gap of a planned renewal.
    Refuse,
}

/// Bounds of this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// QoS 1 and 2 publishes in flight; the server may allow fewer.
    pub in_flight: u16,
    /// QoS 2 publishes go out only while fewer than this many exchanges are in
    /// flight without PUBREL, before MQTT 5. Such a server cannot announce a
    /// Receive Maximum, nor refuse in PUBREC: mosquitto 2.0 drops what exceeds
    /// its own 20 without a word, and counts a message until PUBREL has come. With a
    /// store an exchange counts until PUBCOMP. Default 20.
    pub in_flight_qos2_before_v5: u16,
    /// The largest packet to send, whatever the server allows; `None` for no bound.
    pub packet_size: Option<u32>,
    /// The highest QoS to publish with; the server may allow less.
    pub maximum_qos: QoS,
    /// Filters in one SUBSCRIBE or UNSUBSCRIBE; more are sent in parts.
    pub filters_per_packet: usize,
    /// SUBSCRIBE and UNSUBSCRIBE operations waiting for an answer.
    pub operations: usize,
    /// Bytes waiting to be written before publishes are held back.
    pub write_buffer: usize,
    /// Messages received and not yet taken before reading stops.
    pub inbox_messages: usize,
    /// The same in bytes of topic, payload and properties as they are held, by
    /// [`Publish::weight`](evenkeel_codec::Publish::weight).
    pub inbox_bytes: usize,
    /// What becomes of a server that has more exchanges open with us than
    /// [`receive_maximum`](ConnectConfig::receive_maximum), on MQTT 5: true
    /// closes the connection with reason code 0x93, false holds the server back.
    /// Default false.
    pub strict_receive_maximum: bool,
    /// Connections that may die with the same packet in flight before it is
    /// quarantined; 0 never, and so without the feature `quarantine`.
    pub deaths_per_packet: u8,
    /// How many clients share what a profile allows an account as a whole, this one
    /// included: it keeps within its part of the rates of an account. Not 0. Default
    /// `None`: those rates are not applied, as nobody here knows the other clients.
    pub account_share: Option<u32>,
    /// How long the server lets a connection live, if it sets an end; not 0. The
    /// connection is renewed before: 5 to 20 % of that time, and at most 20
    /// minutes, before its end, at a moment that differs from connection to
    /// connection. What is published meanwhile waits for the new connection.
    /// Default `None`.
    pub connection_age: Option<Duration>,
    /// After how long what has no answer is sent again on its connection, under its
    /// identifier: PUBLISH with DUP, SUBSCRIBE and UNSUBSCRIBE, three times each at
    /// most, at distances that double. At least 1 s; for MQTT 3.1.1 alone, as MQTT 5
    /// forbids it: [`version`](Config::version) must be that. Subscribers may get a
    /// QoS 1 message twice by it. Default `None`: TCP loses nothing, and a connection
    /// that is dead is found by its pings.
    pub retry_unacked: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: 1,
            version: Version::V5,
            fallback: true,
            connect: ConnectConfig::default(),
            connect_timeout: Duration::from_secs(30),
            keep_alive: KeepAliveConfig {
                min_ping_spacing: Duration::from_millis(100),
                spread_first_ping: true,
                response_timeout: None,
            },
            reconnect: Reconnect::default(),
            queue: QueueConfig::default(),
            when_uncertain: WhenUncertain::default(),
            restore_subscriptions: true,
            bounds: Bounds::default(),
            rates: Rates::default(),
            topic_aliases: TopicAliases::default(),
            disconnect_properties: Properties::new(),
            #[cfg(feature = "profiles")]
            profile: None,
        }
    }
}

impl Default for ConnectConfig {
    fn default() -> Self {
        Self {
            client_id: Text::default(),
            clean_start: true,
            session_expiry: 0,
            keep_alive: 60,
            credentials: Credentials::default(),
            will: None,
            receive_maximum: 1024,
            maximum_packet_size: 16 * 1024 * 1024,
            topic_alias_maximum: 64,
            authentication: None,
            properties: Properties::new(),
        }
    }
}

impl ConnectConfig {
    //= [MQTT-3.1.0-1]
    //= [MQTT-3.1.2-20]
    //= [MQTT-3.1.3-2]
    /// The CONNECT that asks to resume a session. `first_data` replaces the
    /// configured data of enhanced authentication.
    pub(crate) fn packet(
        &self,
        version: Version,
        client_id: &Text,
        credentials: Credentials,
        first_data: Option<&Bytes>,
    ) -> Connect {
        Connect {
            version,
            clean_start: false,
            keep_alive: self.keep_alive,
            client_id: client_id.clone(),
            will: self.will.clone(),
            username: credentials.username,
            password: credentials.password,
            properties: self.packet_properties(version, first_data),
        }
    }

    fn packet_properties(&self, version: Version, first_data: Option<&Bytes>) -> Properties {
        let mut properties = Properties::new();
        if !version.has_properties() {
            return properties;
        }
        if self.session_expiry > 0 {
            properties.push(Property::SessionExpiryInterval(self.session_expiry));
        }
        properties.push(Property::ReceiveMaximum(self.receive_maximum));
        properties.push(Property::MaximumPacketSize(self.maximum_packet_size));
        if self.topic_alias_maximum > 0 {
            properties.push(Property::TopicAliasMaximum(self.topic_alias_maximum));
        }
        if let Some((method, data)) = &self.authentication {
            let data = first_data.unwrap_or(data);
            properties.push(Property::AuthenticationMethod(method.clone()));
            if !data.is_empty() {
                properties.push(Property::AuthenticationData(data.clone()));
            }
        }
        for property in &self.properties {
            properties.push(property.clone());
        }
        properties
    }
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            messages: 10_000,
            bytes: 64 << 20,
            offline_qos0: OfflineQos0::default(),
            when_full: WhenFull::default(),
            window: Window { messages: 1000, bytes: 4 << 20 },
            store_qos0: false,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            in_flight: 1024,
            in_flight_qos2_before_v5: 20,
            packet_size: None,
            maximum_qos: QoS::ExactlyOnce,
            filters_per_packet: 100,
            operations: 1024,
            write_buffer: 256 * 1024,
            inbox_messages: 1024,
            inbox_bytes: 1 << 20,
            strict_receive_maximum: false,
            deaths_per_packet: 2,
            account_share: None,
            connection_age: None,
            retry_unacked: None,
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No server to connect to.
    NoServer,
    /// Pings this far apart cannot keep a server content that closes after
    /// 1.5 times the keep-alive.
    PingSpacing {
        /// The configured or profile's least spacing.
        spacing: Duration,
        /// The keep-alive.
        keep_alive: Duration,
    },
    /// The response time-out is zero.
    ResponseTimeout,
    /// Receive maximum 0 ([MQTT-3.1.2-20] region: it is a protocol error).
    ReceiveMaximum,
    /// Maximum packet size 0.
    MaximumPacketSize,
    /// `in_flight` 0 would never send QoS 1 or 2.
    InFlight,
    /// A rate of nothing, in no time, or shared by no client would never send.
    Rate,
    /// `filters_per_packet` or `operations` 0 would never subscribe.
    Filters,
    /// `write_buffer` 0 would never send anything.
    WriteBuffer,
    /// `inbox_messages` or `inbox_bytes` 0 would never read anything.
    Inbox,
    /// MQTT 3.1.1 needs a client identifier unless the session is clean ([MQTT311-3.1.3-7]).
    ClientIdRequired,
    /// MQTT 3.1 needs a client identifier of 1 to 23 bytes.
    ClientIdLength {
        /// Its length.
        length: usize,
    },
    /// A password without user name before MQTT 5 ([MQTT311-3.1.2-22]).
    PasswordWithoutUsername,
    /// A property that has its own field, or no place in CONNECT.
    Property(PropertyId),
    /// Enhanced authentication needs MQTT 5.
    AuthenticationVersion,
    /// A property of CONNECT, the will or DISCONNECT needs MQTT 5.
    NeedsV5(PropertyId),
    /// Binary data of more than 65,535 bytes has no place in a packet.
    TooLong {
        /// Which.
        field: &'static str,
        /// Its length.
        length: usize,
    },
    /// A property that a client may not put into DISCONNECT.
    DisconnectProperty(PropertyId),
    /// A session that was to end with its connection cannot be given a longer
    /// life by DISCONNECT.
    DisconnectExpiry,
    /// A client does not send DISCONNECT with this reason code, or not before
    /// MQTT 5.
    DisconnectReason(ReasonCode),
    /// The queue's window holds no message.
    Window,
    /// A connection that lives for no time.
    ConnectionAge,
    /// Sending again on the same connection needs MQTT 3.1.1, and nothing else
    /// to be spoken.
    RetryVersion,
    /// Sending again after less than a second.
    RetryTime,
    /// The store holds the session of another client identifier.
    ClientIdOfStore,
    /// The broker's profile does not allow it.
    Profile(Box<BrokenLimit>),
}

/// The failures that DISCONNECT of a client may tell (MQTT 5 section 3.14.2.1).
const CLIENT_REASONS: [ReasonCode; 12] = [
    ReasonCode::UNSPECIFIED_ERROR,
    ReasonCode::MALFORMED_PACKET,
    ReasonCode::PROTOCOL_ERROR,
    ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
    ReasonCode::TOPIC_NAME_INVALID,
    ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
    ReasonCode::TOPIC_ALIAS_INVALID,
    ReasonCode::PACKET_TOO_LARGE,
    ReasonCode::MESSAGE_RATE_TOO_HIGH,
    ReasonCode::QUOTA_EXCEEDED,
    ReasonCode::ADMINISTRATIVE_ACTION,
    ReasonCode::PAYLOAD_FORMAT_INVALID,
];

/// The least time after which anything is sent again on its connection.
const LEAST_RETRY: Duration = Duration::from_secs(1);

impl Config {
    /// Checks what can be checked without a server.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_with(&self.connect.client_id)
    }

    /// The same for a client that has an identifier of its own.
    pub(crate) fn validate_with(&self, client_id: &Text) -> Result<(), ConfigError> {
        let connect = &self.connect;
        self.validate_keep_alive()?;
        self.validate_identity(client_id)?;
        if self.servers == 0 {
            return Err(ConfigError::NoServer);
        }
        if connect.receive_maximum == 0 {
            return Err(ConfigError::ReceiveMaximum);
        }
        if connect.maximum_packet_size == 0 {
            return Err(ConfigError::MaximumPacketSize);
        }
        self.validate_bounds()?;
        if self.bounds.connection_age == Some(Duration::ZERO) {
            return Err(ConfigError::ConnectionAge);
        }
        self.validate_retries()?;
        if connect.authentication.is_some() && self.version != Version::V5 {
            return Err(ConfigError::AuthenticationVersion);
        }
        if !self.version.has_properties()
            && let Some(id) = self.only_in_v5()
        {
            return Err(ConfigError::NeedsV5(id));
        }
        self.validate_lengths()?;
        let reserved = connect.properties.iter().find(|property| {
            !matches!(
                property,
                Property::UserProperty(..)
                    | Property::RequestProblemInformation(0 | 1)
                    | Property::RequestResponseInformation(0 | 1)
            )
        });
        if let Some(property) = reserved {
            return Err(ConfigError::Property(property.id()));
        }
        self.check_disconnect_properties(&self.disconnect_properties)?;
        match self.profile() {
            Some(limits) => {
                profile::connection::check(self, limits, client_id).map_err(ConfigError::Profile)
            }
            None => Ok(()),
        }
    }

    /// A property that only MQTT 5 can carry, if there is one: such a client is
    /// not to speak less.
    pub(crate) fn only_in_v5(&self) -> Option<PropertyId> {
        let will = self.connect.will.as_deref().and_then(|will| will.properties.iter().next());
        let others = self.connect.properties.iter().chain(&self.disconnect_properties);
        others.chain(will).next().map(Property::id)
    }

    fn validate_retries(&self) -> Result<(), ConfigError> {
        match self.bounds.retry_unacked {
            //= [MQTT-4.4.0-1]
            Some(_) if self.version != Version::V311 => Err(ConfigError::RetryVersion),
            Some(after) if after < LEAST_RETRY => Err(ConfigError::RetryTime),
            _ => Ok(()),
        }
    }

    fn validate_lengths(&self) -> Result<(), ConfigError> {
        let connect = &self.connect;
        let fields = [
            ("the password", connect.credentials.password.as_ref()),
            ("the authentication data", connect.authentication.as_ref().map(|(_, data)| data)),
            ("the payload of the will", connect.will.as_ref().map(|will| &will.payload)),
        ];
        for (field, data) in fields {
            let length = data.map_or(0, Bytes::len);
            if length > usize::from(u16::MAX) {
                return Err(ConfigError::TooLong { field, length });
            }
        }
        Ok(())
    }

    /// Whether a shutdown may end with this DISCONNECT in this version.
    //= [MQTT-3.14.2-1]
    pub(crate) fn check_disconnect(
        &self,
        disconnect: &Disconnect,
        version: Version,
    ) -> Result<(), ConfigError> {
        let reason = disconnect.reason;
        let has_it = match reason {
            // Before MQTT 5 a server publishes the will if there was no DISCONNECT.
            ReasonCode::SUCCESS | ReasonCode::DISCONNECT_WITH_WILL => true,
            _ => version.has_properties() && CLIENT_REASONS.contains(&reason),
        };
        if !has_it {
            return Err(ConfigError::DisconnectReason(reason));
        }
        if let Some(property) = disconnect.properties.iter().next()
            && !version.has_properties()
        {
            return Err(ConfigError::NeedsV5(property.id()));
        }
        self.check_disconnect_properties(&disconnect.properties)
    }

    fn check_disconnect_properties(&self, properties: &Properties) -> Result<(), ConfigError> {
        for property in properties {
            match property {
                Property::SessionExpiryInterval(1..) if self.connect.session_expiry == 0 => {
                    return Err(ConfigError::DisconnectExpiry);
                }
                Property::SessionExpiryInterval(_)
                | Property::ReasonString(_)
                | Property::UserProperty(..) => {}
                other => return Err(ConfigError::DisconnectProperty(other.id())),
            }
        }
        let broken = |limits| profile::connection::broken_by_disconnect(limits, properties);
        match self.profile().and_then(broken) {
            Some(broken) => Err(ConfigError::Profile(broken)),
            None => Ok(()),
        }
    }

    fn validate_bounds(&self) -> Result<(), ConfigError> {
        let bounds = &self.bounds;
        if bounds.in_flight == 0 || bounds.in_flight_qos2_before_v5 == 0 {
            return Err(ConfigError::InFlight);
        }
        if bounds.filters_per_packet == 0 || bounds.operations == 0 {
            return Err(ConfigError::Filters);
        }
        if bounds.write_buffer == 0 {
            return Err(ConfigError::WriteBuffer);
        }
        if bounds.inbox_messages == 0 || bounds.inbox_bytes == 0 {
            return Err(ConfigError::Inbox);
        }
        if !self.rates.are_possible() || bounds.account_share == Some(0) {
            return Err(ConfigError::Rate);
        }
        if self.queue.window.messages == 0 || self.queue.window.bytes == 0 {
            return Err(ConfigError::Window);
        }
        Ok(())
    }

    fn validate_keep_alive(&self) -> Result<(), ConfigError> {
        let keep_alive = Duration::from_secs(self.connect.keep_alive.into());
        let spacing = self.keep_alive.min_ping_spacing;
        // A ping exactly at the server's limit comes too late.
        if !keep_alive.is_zero() && spacing >= keep_alive * 3 / 2 {
            return Err(ConfigError::PingSpacing { spacing, keep_alive });
        }
        match self.keep_alive.response_timeout {
            Some(Duration::ZERO) => Err(ConfigError::ResponseTimeout),
            _ => Ok(()),
        }
    }

    fn validate_identity(&self, client_id: &Text) -> Result<(), ConfigError> {
        let credentials = &self.connect.credentials;
        match self.version {
            Version::V31 if client_id.is_empty() || client_id.len() > 23 => {
                return Err(ConfigError::ClientIdLength { length: client_id.len() });
            }
            Version::V311 if client_id.is_empty() && !self.clean_session() => {
                return Err(ConfigError::ClientIdRequired);
            }
            _ => {}
        }
        if self.version != Version::V5
            && credentials.password.is_some()
            && credentials.username.is_none()
        {
            return Err(ConfigError::PasswordWithoutUsername);
        }
        Ok(())
    }

    /// The Clean Session flag of MQTT 3.1.1, in which one flag stands for the
    /// clean start and for a session that ends with its connection.
    pub(crate) const fn clean_session(&self) -> bool {
        self.connect.clean_start && self.connect.session_expiry == 0
    }
}
