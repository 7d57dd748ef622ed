//! What the broker decides.

use std::sync::Arc;

use evenkeel_codec::{PacketType, ReasonCode};
use serde::Serialize;

use super::end::{CloseReason, Closer};
use super::fields;
use crate::core::ids::ConnectionId;
use crate::core::quota::By;

/// Names the variants as text, too.
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
            $($(#[$vmeta])* $variant $({
                $($(#[$fmeta])* $field: $ty,)*
            })?,)*
        }

        impl $enum {
            /// The names of all kinds, in JSON.
            pub const NAMES: &[&str] = &[$($name),*];

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
    ///
    /// Serialises to the fields of version 2 that are its own; its name is in
    /// [`name`](Self::name).
    #[derive(Clone, Debug, PartialEq, Serialize)]
    #[serde(untagged)]
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
            alpn: Option<String>,
            /// The name that the client asked for.
            server_name: Option<String>,
            /// The version, such as `TLSv1_3`.
            #[serde(serialize_with = "fields::tls_version")]
            version: String,
            /// SHA-256 of the client's certificate in hexadecimal digits, as AWS
            /// names certificates, if it has shown one.
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
            /// Seconds between packets at most, as in force; 0 for no limit. In JSON
            /// every event of the connection has it from here on, as `keep_alive_s`.
            #[serde(skip)]
            keep_alive: u16,
            /// Seconds the session outlives the connection.
            #[serde(rename = "session_expiry_s")]
            session_expiry: u32,
        },
        /// CONNECT was refused.
        "refused" Refused {
            /// The reason code of MQTT 5, or for a fault the code as sent.
            #[serde(rename = "reason_code", serialize_with = "fields::code")]
            reason: ReasonCode,
            /// What was wrong.
            #[serde(serialize_with = "fields::snake")]
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
            #[serde(rename = "detail")]
            why: String,
        },
        /// SUBSCRIBE was answered, for one filter.
        "subscribed" Subscribed {
            /// The filter as asked for.
            filter: String,
            /// The code in SUBACK: granted QoS or failure.
            #[serde(rename = "reason_code", serialize_with = "fields::code")]
            reason: ReasonCode,
        },
        /// UNSUBSCRIBE was answered, for one filter.
        "unsubscribed" Unsubscribed {
            /// The filter.
            filter: String,
        },
        /// PUBLISH was received; only with
        /// [`Behaviour::message_events`](crate::core::Behaviour::message_events).
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
        /// [`Behaviour::message_events`](crate::core::Behaviour::message_events).
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
        /// [`Behaviour::message_events`](crate::core::Behaviour::message_events).
        "message_dropped" MessageDropped {
            /// The topic.
            topic: String,
            /// Why: queue_full, too_large, expired, not_authorized, forbidden.
            why: &'static str,
        },
        /// PINGREQ was received.
        "ping_received" PingReceived,
        /// PINGRESP was sent.
        "ping_answered" PingAnswered,
        /// The client was silent for too long.
        "keep_alive_timeout" KeepAliveTimeout {
            /// Seconds of silence: 1.5 times the keep alive in force.
            #[serde(rename = "silence_s", serialize_with = "fields::to_the_millisecond")]
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
            #[serde(rename = "delay_s")]
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
            #[serde(serialize_with = "fields::packet_or_null")]
            packet: Option<PacketType>,
        },
        /// A bound of [`Limits`](crate::core::Limits) was reached.
        "limit_reached" LimitReached {
            /// The field's name.
            #[serde(serialize_with = "fields::snake")]
            limit: &'static str,
        },
        /// A limit of the profile was broken, or made the service deliver later or
        /// end a connection; see [`Quota`](crate::core::Quota).
        "quota" Quota {
            /// Its name in the profile, or `deployment`.
            limit: &'static str,
            /// What is allowed, for people.
            value: String,
            /// What was seen, for people.
            seen: String,
            /// What the broker did, by the names of profiles: `rejects`,
            /// `disconnects-with`, `disconnects`, `throttles`, `ignores`, `clamps`.
            #[serde(serialize_with = "fields::snake")]
            action: &'static str,
            /// The reason code of MQTT 5 in the answer, if it has one.
            #[serde(rename = "reason_code")]
            code: Option<u8>,
            /// Whose doing it is.
            by: By,
            /// The metric of CloudWatch that counts it at AWS.
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
            #[serde(rename = "reason_code", serialize_with = "fields::code")]
            reason: ReasonCode,
            /// What happened, in words.
            detail: String,
        },
        /// An answer the client must get is larger than it accepts.
        "answer_too_large" AnswerTooLarge {
            /// The packet.
            #[serde(serialize_with = "fields::packet")]
            packet: PacketType,
        },
        /// An acknowledgement came for which no exchange waits.
        "unexpected_ack" UnexpectedAck {
            /// Its type.
            #[serde(serialize_with = "fields::packet")]
            packet: PacketType,
            /// Its packet identifier.
            packet_id: u16,
        },
        /// DISCONNECT was received.
        "disconnect_received" DisconnectReceived {
            /// Its reason code.
            #[serde(rename = "reason_code", serialize_with = "fields::code")]
            reason: ReasonCode,
        },
        /// DISCONNECT was sent.
        "disconnect_sent" DisconnectSent {
            /// Its reason code.
            #[serde(rename = "reason_code", serialize_with = "fields::code")]
            reason: ReasonCode,
        },
        /// The connection is over.
        "closed" Closed {
            /// What ended it.
            why: CloseReason,
            /// Who did.
            closer: Closer,
        },
        /// What a service behind the broker has to say.
        "service" Service {
            /// Which one.
            #[serde(serialize_with = "fields::snake")]
            service: &'static str,
            /// In words.
            #[serde(rename = "detail")]
            text: String,
        },
        /// A service's state could not be written down: the broker has stopped, as
        /// nothing may be answered that could be lost.
        "state_not_saved" StateNotSaved {
            /// The system's words.
            #[serde(rename = "detail")]
            text: String,
        },
        /// A step of a broker file failed.
        "step_failed" StepFailed {
            /// The system's words.
            #[serde(rename = "detail")]
            text: String,
        },
        /// The broker could not encode a packet it wanted to send: its own fault.
        "not_encodable" NotEncodable {
            /// The packet.
            #[serde(serialize_with = "fields::packet")]
            packet: PacketType,
            /// The rule that was in the way.
            rule: &'static str,
        },
    }
}
