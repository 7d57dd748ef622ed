//! Every setting of a broker.

use std::time::Duration;

use evenkeel_codec::QoS;
use serde::Deserialize;

use super::access::Access;
use super::quota::Quota;
use crate::text;

/// Everything a broker can be told before it starts, and most of it later.
///
/// The defaults make an open, unrestricted broker. Each group is plain data
/// with public fields; the same names are the keys of a broker file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What CONNACK announces and the broker enforces.
    pub offer: Offer,
    /// Limits in number, bytes and time.
    pub limits: Limits,
    /// Bounds in bytes on what is kept for all.
    pub memory: Memory,
    /// Who may connect and do what.
    pub access: Access,
    /// How the broker behaves otherwise.
    pub behaviour: Behaviour,
    /// The limits of a service, enforced as it does.
    #[serde(skip)]
    pub quota: Option<Quota>,
}

/// What CONNACK announces to MQTT 5 clients; enforced for older ones too.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Offer {
    /// Highest QoS a client may publish with; subscriptions are granted no more.
    #[serde(deserialize_with = "text::qos")]
    pub maximum_qos: QoS,
    /// Whether retained messages are accepted.
    pub retain: bool,
    /// Whether filters may have wildcards.
    pub wildcard_subscriptions: bool,
    /// Whether `$share` subscriptions are accepted.
    pub shared_subscriptions: bool,
    /// Whether subscription identifiers are accepted.
    pub subscription_identifiers: bool,
    /// QoS 1 and 2 messages a client may have unacknowledged; at least 1.
    pub receive_maximum: u16,
    /// Largest packet accepted, in bytes.
    pub maximum_packet_size: u32,
    /// Highest topic alias accepted from clients; 0 for none.
    pub topic_alias_maximum: u16,
    /// Keep alive imposed on every client, in seconds; absent, the client's own counts.
    pub server_keep_alive: Option<u16>,
    /// Longest session expiry granted, in seconds; `u32::MAX` grants "never".
    pub session_expiry_maximum: u32,
    /// Prefix of the Response Information; absent, none is given.
    pub response_information: Option<String>,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            maximum_qos: QoS::ExactlyOnce,
            retain: true,
            wildcard_subscriptions: true,
            shared_subscriptions: true,
            subscription_identifiers: true,
            receive_maximum: 1_000,
            maximum_packet_size: 16 * 1024 * 1024,
            topic_alias_maximum: 32,
            server_keep_alive: None,
            session_expiry_maximum: u32::MAX,
            response_information: Some("response/".into()),
        }
    }
}

/// Bounds on what the broker keeps. Reaching one is an event, never silent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Network connections at a time; more are closed at accept.
    pub connections: usize,
    /// Sessions, with and without a connection. For one more, that without a
    /// connection for longest gives way, of the user (of the address, for
    /// clients without user name) who has most; if all have a connection,
    /// the new client is refused.
    pub sessions: usize,
    /// Retained messages, those of the broker below `$SYS` not counted; more are
    /// not retained. See also [`Memory`].
    pub retained_messages: usize,
    /// Subscriptions of one session; more are refused with Quota exceeded.
    pub subscriptions: usize,
    /// Topic levels of a filter; deeper ones are refused.
    pub topic_levels: usize,
    /// Filters in one SUBSCRIBE; more end the connection. AWS IoT Core allows 8.
    pub filters_per_subscribe: Option<usize>,
    /// Messages waiting for one session; see [`Limits::hold_acks_for`].
    pub queue_messages: usize,
    /// Bytes of one session's messages: those that wait, those on their way and
    /// its will, as they are held in memory, properties included.
    pub queue_bytes: usize,
    /// The same for all sessions together; a message that several wait for
    /// counts for each.
    pub queue_bytes_total: usize,
    /// QoS 1 and 2 messages on the way to one client, below its Receive Maximum.
    pub inflight: u16,
    /// Bytes encoded and not yet taken by the transport, per connection; beyond
    /// it messages wait in the queue, and nothing more is read from the client.
    pub output_bytes: usize,
    /// Time from the opened connection to a whole CONNECT.
    #[serde(deserialize_with = "text::duration")]
    pub connect_timeout: Duration,
    /// How long an acknowledgement may be held back because a connected
    /// subscriber's queue is more than half full. Zero never holds.
    #[serde(deserialize_with = "text::duration")]
    pub hold_acks_for: Duration,
    /// Clients with counters of their own in [`Stats`](crate::Stats).
    pub counted_clients: usize,
    /// Events kept for [`Broker::recorded`](crate::Broker::recorded); see also
    /// [`Memory::recorded_bytes`].
    pub recorded_events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            sessions: 10_000,
            retained_messages: 100_000,
            subscriptions: 10_000,
            topic_levels: 128,
            filters_per_subscribe: None,
            queue_messages: 50_000,
            queue_bytes: 64 * 1024 * 1024,
            queue_bytes_total: 512 * 1024 * 1024,
            inflight: 1_000,
            output_bytes: 256 * 1024,
            connect_timeout: Duration::from_secs(10),
            hold_acks_for: Duration::from_secs(10),
            counted_clients: 10_000,
            recorded_events: 100_000,
        }
    }
}

/// Bounds in bytes, as things are held in memory. Reaching one is an event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Retained messages, as in [`Limits::retained_messages`]. One that is too much
    /// is not retained, nor is the one it was to replace.
    pub retained_bytes: usize,
    /// Filters of all subscriptions; more are refused with Quota exceeded.
    pub subscription_bytes: usize,
    /// Events kept, with the texts in them; the oldest give way.
    pub recorded_bytes: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            retained_bytes: 256 * 1024 * 1024,
            subscription_bytes: 256 * 1024 * 1024,
            recorded_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What else can be chosen.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Time between two rounds of `$SYS` messages; absent, there are none.
    #[serde(deserialize_with = "text::optional_duration")]
    pub sys_interval: Option<Duration>,
    /// Assigns topic aliases to messages for clients that accept them.
    pub assign_topic_aliases: bool,
    /// Queues QoS 0 messages for sessions without a connection.
    pub queue_qos_0: bool,
    /// An event for each message received, sent and acknowledged.
    pub message_events: bool,
    /// Drops messages larger than a client's Maximum Packet Size; switched
    /// off, the broker sends them all the same, as a faulty one would.
    pub honour_maximum_packet_size: bool,
    /// Sends no more QoS 1 and 2 messages at a time than a client's Receive
    /// Maximum; switched off, the broker sends as many as
    /// [`Limits::inflight`] allows, as mosquitto 2.0 does after a restart.
    pub honour_receive_maximum: bool,
    /// Sends one copy of a message for all subscriptions of a client that match;
    /// switched off, one for each of them, which MQTT allows as well.
    pub merge_subscriptions: bool,
    /// Largest WebSocket frame sent, in bytes, so that packets are split over
    /// frames; absent, a frame holds whatever is ready, often several packets.
    pub websocket_frame_size: Option<usize>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            sys_interval: Some(Duration::from_secs(10)),
            assign_topic_aliases: false,
            queue_qos_0: false,
            message_events: false,
            honour_maximum_packet_size: true,
            honour_receive_maximum: true,
            merge_subscriptions: true,
            websocket_frame_size: None,
        }
    }
}
