//! What the broker tells: one event for each decision.

use std::sync::Arc;

use evenkeel_codec::{PacketType, ReasonCode};
use serde::{Serialize, Serializer};

use super::ids::ConnectionId;
use super::quota::By;
use super::time::Instant;

/// One decision of the broker.
///
/// Serialises to one flat JSON object with stable field names: `time` (seconds
/// since the start), `connection`, `client_id` if known, `event`, and the
/// fields of that event. Payloads, passwords and authentication data are never
/// part of an event.
///
/// ```
/// use evenkeel_broker::{ConnectionId, Event, EventKind, Instant};
/// let event = Event {
///     time: Instant::from_micros(1_500_000),
///     connection: Some(ConnectionId::new(7)),
///     client_id: Some("pump-17".into()),
///     kind: EventKind::PingReceived,
/// };
/// assert_eq!(
///     event.to_json(),
///     r#"{"time":1.5,"connection":7,"client_id":"pump-17","event":"ping_received"}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// When, on the broker's clock.
    #[serde(serialize_with = "seconds")]
    pub time: Instant,
    /// The network connection it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// The client identifier it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Arc<str>>,
    /// What was decided.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Event {
    /// The event as one line of JSON, without a line break.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The name of the event in JSON, such as `ping_received`.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }
}

fn seconds<S: Serializer>(time: &Instant, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.since_start().as_secs_f64())
}

fn code_of<S: Serializer>(reason: &ReasonCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u8(reason.0)
}

fn name_of<S: Serializer>(packet: &PacketType, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(packet.name())
}

fn optional_name_of<S: Serializer>(packet: &Option<PacketType>, to: S) -> Result<S::Ok, S::Error> {
    match packet {
        Some(packet) => to.serialize_some(packet.name()),
        None => to.serialize_none(),
    }
}

/// Names the variants for JSON once more, as text.
macro_rules! kinds {
    (
        $(#[$meta:meta])*
        pub enum $enum:ident {
            $($(#[$vmeta:meta])* $name:literal $variant:ident $({
                $($(#[$fmeta:meta])* $field:ident: $ty:ty,)*
            })?,)*
        }
    ) => {
        $(#[$meta])*
        pub enum $enum {
            $($(#[$vmeta])* #[serde(rename = $name)] $variant $({
                $($(#[$fmeta])* $field: $ty,)*
            })?,)*
        }

        impl $enum {
            /// The name of the event in JSON.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// What was decided, with its evidence.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    #[serde(tag = "event")]
    #[non_exhaustive]
    pub enum EventKind {
        /// A listener is ready.
        "listening" Listening {
            /// Where, as a URL.
            url: String,
        },
        /// The broker went down; the listeners are closed.
        "stopped" Stopped {
            /// Whether sessions and retained messages were kept.
            keeps_sessions: bool,
        },
        /// A client opened a network connection.
        "opened" Opened {
            /// The transport: tcp, tls, ws, wss, https, alpn, unix or memory.
            transport: &'static str,
            /// The client's address.
            peer: Arc<str>,
        },
        /// The TLS handshake of a connection is over.
        "tls" Tls {
            /// The protocol agreed on by ALPN.
            #[serde(skip_serializing_if = "Option::is_none")]
            alpn: Option<String>,
            /// The name that the client asked for.
            #[serde(skip_serializing_if = "Option::is_none")]
            server_name: Option<String>,
            /// The version, such as `TLSv1_3`.
            version: String,
            /// SHA-256 of the client's certificate in hexadecimal digits, as AWS
            /// names certificates; absent if it has shown none.
            #[serde(skip_serializing_if = "Option::is_none")]
            client_certificate: Option<String>,
        },
        /// A request for a WebSocket was refused.
        "upgrade_refused" UpgradeRefused {
            /// The HTTP status.
            status: u16,
        },
        /// A request of the HTTP API was answered.
        "http_request" HttpRequest {
            /// The method.
            method: String,
            /// The path, without the query.
            path: String,
            /// The status of the answer.
            status: u16,
        },
        /// CONNECT was accepted.
        "connected" Connected {
            /// Protocol level: 3, 4 or 5.
            version: u8,
            /// Counts the connections of this client identifier, from 1.
            number: u64,
            /// What CONNECT asked for.
            clean_start: bool,
            /// Whether an earlier session goes on.
            session_present: bool,
            /// Seconds between packets at most, as in force; 0 for no limit.
            keep_alive: u16,
            /// Seconds the session outlives the connection.
            session_expiry: u32,
        },
        /// CONNECT was refused.
        "refused" Refused {
            /// The reason code of MQTT 5, or for a fault the code as sent.
            #[serde(serialize_with = "code_of")]
            reason: ReasonCode,
            /// What was wrong.
            why: &'static str,
        },
        /// An enhanced authentication succeeded.
        "authenticated" Authenticated {
            /// Whether the connection existed before.
            again: bool,
        },
        /// The gate has not allowed a client to do something.
        "denied" Denied {
            /// What: publish, subscribe or receive.
            act: &'static str,
            /// The topic or filter.
            topic: String,
            /// Why not, in words.
            why: String,
        },
        /// SUBSCRIBE was answered, for one filter.
        "subscribed" Subscribed {
            /// The filter as asked for.
            filter: String,
            /// The code in SUBACK: granted QoS or failure.
            #[serde(serialize_with = "code_of")]
            reason: ReasonCode,
        },
        /// UNSUBSCRIBE was answered, for one filter.
        "unsubscribed" Unsubscribed {
            /// The filter.
            filter: String,
        },
        /// PUBLISH was received; only with
        /// [`Behaviour::message_events`](super::Behaviour::message_events).
        "publish_received" PublishReceived {
            /// The topic.
            topic: String,
            /// The QoS.
            qos: u8,
            /// Length of the payload.
            bytes: usize,
            /// The packet identifier; none for QoS 0.
            packet_id: Option<u16>,
            /// The DUP flag.
            dup: bool,
        },
        /// PUBLISH was sent; only with
        /// [`Behaviour::message_events`](super::Behaviour::message_events).
        "publish_sent" PublishSent {
            /// The topic.
            topic: String,
            /// The QoS.
            qos: u8,
            /// Length of the payload.
            bytes: usize,
            /// The packet identifier; none for QoS 0.
            packet_id: Option<u16>,
            /// The DUP flag.
            dup: bool,
        },
        /// A message was dropped for one subscriber; for a full queue only with
        /// [`Behaviour::message_events`](super::Behaviour::message_events).
        "message_dropped" MessageDropped {
            /// The topic.
            topic: String,
            /// Why: queue_full, too_large, expired, not_authorized.
            why: &'static str,
        },
        /// PINGREQ was received.
        "ping_received" PingReceived,
        /// PINGRESP was sent.
        "ping_answered" PingAnswered,
        /// The client was silent for too long.
        "keep_alive_timeout" KeepAliveTimeout {
            /// Seconds of silence: 1.5 times the keep alive in force.
            silence: f64,
        },
        /// A newer connection took this one's session.
        "taken_over" TakenOver {
            /// The newer connection.
            by: ConnectionId,
        },
        /// A session ended.
        "session_ended" SessionEnded {
            /// Why: expired, clean_start, disconnected, restart, displaced.
            why: &'static str,
        },
        /// A will waits for its delay.
        "will_delayed" WillDelayed {
            /// Seconds.
            delay: u32,
        },
        /// A will was published.
        "will_published" WillPublished {
            /// The topic.
            topic: String,
        },
        /// A will was dropped because the client came back in time.
        "will_cancelled" WillCancelled,
        /// A fault rule was applied.
        "fault" Fault {
            /// The rule's name, or its number.
            rule: Arc<str>,
            /// The action's name as in a fault file.
            action: &'static str,
            /// The packet it was applied to.
            #[serde(serialize_with = "optional_name_of", skip_serializing_if = "Option::is_none")]
            packet: Option<PacketType>,
        },
        /// A bound of [`Limits`](super::Limits) was reached.
        "limit_reached" LimitReached {
            /// The field's name.
            limit: &'static str,
        },
        /// A limit of the profile was broken, or made the service deliver later or
        /// end a connection; see [`Quota`](super::Quota).
        "quota" Quota {
            /// Its name in the profile, or `deployment`.
            limit: &'static str,
            /// What is allowed, for people.
            value: String,
            /// What was seen, for people.
            seen: String,
            /// What the broker did, by the names of profiles: `rejects`,
            /// `disconnects-with`, `disconnects`, `throttles`, `ignores`, `clamps`.
            action: &'static str,
            /// The reason code of MQTT 5 in the answer, if it has one.
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<u8>,
            /// Whose doing it is.
            by: By,
            /// The metric of CloudWatch that counts it at AWS.
            #[serde(skip_serializing_if = "Option::is_none")]
            metric: Option<&'static str>,
        },
        /// An acknowledgement is held back: a subscriber's queue is half full.
        "ack_held" AckHeld {
            /// The slow subscriber.
            subscriber: Arc<str>,
        },
        /// The client broke a rule of MQTT.
        "protocol_error" ProtocolError {
            /// The rule: an id of the specification, or its section.
            rule: &'static str,
            /// The reason code of DISCONNECT.
            #[serde(serialize_with = "code_of")]
            reason: ReasonCode,
            /// What happened, in words.
            detail: String,
        },
        /// An answer the client must get is larger than it accepts.
        "answer_too_large" AnswerTooLarge {
            /// The packet.
            #[serde(serialize_with = "name_of")]
            packet: PacketType,
        },
        /// An acknowledgement came for which no exchange waits.
        "unexpected_ack" UnexpectedAck {
            /// Its type.
            #[serde(serialize_with = "name_of")]
            packet: PacketType,
            /// Its packet identifier.
            packet_id: u16,
        },
        /// DISCONNECT was received.
        "disconnect_received" DisconnectReceived {
            /// Its reason code.
            #[serde(serialize_with = "code_of")]
            reason: ReasonCode,
        },
        /// DISCONNECT was sent.
        "disconnect_sent" DisconnectSent {
            /// Its reason code.
            #[serde(serialize_with = "code_of")]
            reason: ReasonCode,
        },
        /// The connection is over.
        "closed" Closed {
            /// Who or what ended it.
            why: CloseReason,
        },
        /// What a service behind the broker has to say.
        "service" Service {
            /// Which one.
            service: &'static str,
            /// In words.
            text: String,
        },
        /// A service's state could not be written down: the broker has stopped, as
        /// nothing may be answered that could be lost.
        "state_not_saved" StateNotSaved {
            /// The system's words.
            text: String,
        },
        /// A step of a broker file failed.
        "step_failed" StepFailed {
            /// The system's words.
            text: String,
        },
        /// The broker could not encode a packet it wanted to send: its own fault.
        "not_encodable" NotEncodable {
            /// The packet.
            #[serde(serialize_with = "name_of")]
            packet: PacketType,
            /// The rule that was in the way.
            rule: &'static str,
        },
    }
}

/// Who or what ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CloseReason {
    /// The client sent DISCONNECT.
    Disconnected,
    /// The client closed the transport without DISCONNECT, or it broke.
    ConnectionLost,
    /// No whole CONNECT came in time, or the TLS or WebSocket handshake failed.
    NoConnect,
    /// CONNECT was refused.
    Refused,
    /// The client was silent for 1.5 times its keep alive.
    KeepAliveTimeout,
    /// A newer connection took the session.
    TakenOver,
    /// The client broke a rule of MQTT.
    ProtocolError,
    /// The client's Maximum Packet Size leaves no room for an answer it must get.
    AnswerTooLarge,
    /// A bound of the broker, such as its connections.
    Limit,
    /// A topic the client may not use.
    NotAuthorized,
    /// A limit of the profile, or an end that the service has planned.
    Quota,
    /// A fault rule.
    Fault,
    /// The broker's owner asked for it.
    Administrative,
    /// The broker went down.
    Stopped,
}
