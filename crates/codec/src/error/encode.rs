//! Why a packet cannot be encoded.

use super::{PropertyError, TopicError};
use crate::{PacketType, ReasonCode};

rules! {
    /// Why a packet cannot be put on the wire: one variant per rule.
    EncodeError;

    /// A packet larger than any MQTT packet may be.
    PacketTooLarge {
        /// Length in bytes of what follows the fixed header.
        len: usize,
    } => "section 2.1.4", ReasonCode::PACKET_TOO_LARGE,
        "packet of {len} bytes is larger than the 268435455 MQTT allows; split the message";
    /// Binary data longer than its length field can say.
    BinaryTooLong {
        /// The length in bytes.
        len: usize,
    } => "section 1.5.6", ReasonCode::PACKET_TOO_LARGE,
        "will payload or password of {len} bytes is longer than the 65535 MQTT allows";
    /// A packet that the protocol version does not have.
    AuthBeforeV5 => "section 3.15", ReasonCode::PROTOCOL_ERROR,
        "AUTH cannot be sent on this connection; it exists from MQTT 5 on";
    /// An acknowledgement asked for under another packet's type.
    NotAnAck {
        /// The type asked for.
        packet_type: PacketType,
    } => "section 2.1.2", ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
        "{packet_type} is none of PUBACK, PUBREC, PUBREL and PUBCOMP";
    /// Properties against the rules.
    Property {
        /// Which rule.
        error: PropertyError,
    } => error.rule(), error.reason_code(), "{error}" [Same error];
    /// A reason code that this packet must not hold.
    ReasonCode {
        /// The packet.
        packet_type: PacketType,
        /// The code.
        code: u8,
    } => "section 2.4", ReasonCode::PROTOCOL_ERROR,
        "{packet_type} must not hold the reason code {code:#04x}";
    /// SUBACK or UNSUBACK without any code.
    ReasonCodesMissing {
        /// The packet.
        packet_type: PacketType,
    } => match packet_type {
            PacketType::UnsubAck => "MQTT-3.11.3-1",
            _ => "MQTT-3.9.3-1",
        }, ReasonCode::PROTOCOL_ERROR,
        "{packet_type} has no reason code; it must have one for each filter";
    /// A password without user name, before MQTT 5.
    PasswordWithoutUserName => "MQTT311-3.1.2-22", ReasonCode::PROTOCOL_ERROR,
        "a password needs a user name beside it before MQTT 5";
    /// Session present on a refused connection.
    SessionPresentOnRefusal {
        /// The reason of the refusal.
        code: u8,
    } => "MQTT-3.2.2-6", ReasonCode::PROTOCOL_ERROR,
        "CONNACK cannot say session present and refuse the connection with code {code:#04x}";
    /// PUBLISH with QoS 1 or 2 without a packet identifier.
    PacketIdentifierMissing => "MQTT-2.2.1-3", ReasonCode::PROTOCOL_ERROR,
        "PUBLISH with QoS 1 or 2 needs a packet identifier";
    /// PUBLISH with QoS 0 and a packet identifier.
    PacketIdentifierUnexpected => "MQTT-2.2.1-2", ReasonCode::PROTOCOL_ERROR,
        "PUBLISH with QoS 0 must not have a packet identifier";
    /// PUBLISH with QoS 0 marked as a second delivery.
    DupWithQos0 => "MQTT-3.3.1-2", ReasonCode::PROTOCOL_ERROR,
        "PUBLISH with QoS 0 must not have the DUP flag";
    /// A PUBLISH topic that is no topic name.
    Topic {
        /// What is wrong with it.
        error: TopicError,
    } => error.rule(), ReasonCode::TOPIC_NAME_INVALID, "the topic of PUBLISH is no topic name" [Below error];
    /// PUBLISH with neither topic nor topic alias (MQTT 5).
    NoTopicAndNoAlias => "section 3.3.2.1", ReasonCode::PROTOCOL_ERROR,
        "PUBLISH has an empty topic and no topic alias; it needs one of them";
    /// SUBSCRIBE or UNSUBSCRIBE without a topic filter.
    NoFilters {
        /// The packet.
        packet_type: PacketType,
    } => match packet_type {
            PacketType::Unsubscribe => "MQTT-3.10.3-2",
            _ => "MQTT-3.8.3-2",
        }, ReasonCode::PROTOCOL_ERROR, "{packet_type} has no topic filter; it must have at least one";
    /// No Local on a shared subscription.
    NoLocalOnShared => "MQTT-3.8.3-4", ReasonCode::PROTOCOL_ERROR,
        "a shared subscription must not have the No Local option";
}
