//! Why bytes are not a packet.

use super::{PropertyError, TextError, TopicError};
use crate::{PacketType, ReasonCode};

rules! {
    /// Why bytes are not a packet: one variant per rule.
    ///
    /// The stream cannot be trusted any further: close the connection, on
    /// MQTT 5 after a DISCONNECT (or CONNACK) with [`DecodeError::reason_code`].
    DecodeError;

    /// A first byte whose packet type is 0.
    UnknownPacketType => "section 2.1.2", ReasonCode::MALFORMED_PACKET,
        "packet type 0 does not exist; the peer may not speak MQTT on this port";
    /// Flags in the first byte that this packet type reserves.
    ReservedFlags {
        /// The packet.
        packet_type: PacketType,
        /// The low four bits of the first byte.
        flags: u8,
    } => flags_rule(*packet_type), ReasonCode::MALFORMED_PACKET,
        "{packet_type} has the reserved header flags {flags:#06b}; the sender or the framing is broken";
    /// A remaining length of more than four bytes.
    RemainingLengthTooLong => "section 1.5.5", ReasonCode::MALFORMED_PACKET,
        "the remaining length goes on after four bytes; the sender or the framing is broken";
    /// A variable byte integer, inside a packet, of more than four bytes.
    VarintTooLong => "section 1.5.5", ReasonCode::MALFORMED_PACKET,
        "a variable byte integer goes on after four bytes; the sender is broken";
    /// A variable byte integer in more bytes than it needs (MQTT 5).
    VarintNotMinimal {
        /// The value.
        value: u32,
    } => "MQTT-1.5.5-1", ReasonCode::MALFORMED_PACKET,
        "the variable byte integer {value} takes more bytes than it needs, which MQTT 5 forbids";
    /// A packet larger than the decoder accepts, known from its header.
    PacketTooLarge {
        /// Size of the whole packet in bytes, fixed header included.
        size: u32,
        /// The limit given to the decoder.
        maximum: u32,
    } => "MQTT-3.1.2-24", ReasonCode::PACKET_TOO_LARGE,
        "packet of {size} bytes is larger than the maximum of {maximum}; raise the maximum packet size to accept it";
    /// More properties or topic filters than the decoder gives memory for.
    TooManyEntries {
        /// The packet.
        packet_type: PacketType,
        /// The memory its lists may take in all, in bytes.
        maximum: usize,
    } => "section 4.13.2", ReasonCode::QUOTA_EXCEEDED,
        "the properties and topic filters of {packet_type} would take more than {maximum} bytes of memory; raise the maximum packet size to accept it";
    /// A first packet from a client that is no CONNECT.
    ConnectExpected {
        /// What it was.
        packet_type: PacketType,
    } => "MQTT-3.1.0-1", ReasonCode::PROTOCOL_ERROR,
        "the first packet is {packet_type}; a client must begin with CONNECT";
    /// A packet from a server that only clients send.
    ClientPacket {
        /// What it was.
        packet_type: PacketType,
    } => "section 2.1.2", ReasonCode::PROTOCOL_ERROR,
        "{packet_type} came from the server; only clients send it";
    /// AUTH on a connection of an older version.
    AuthBeforeV5 => "section 3.15", ReasonCode::PROTOCOL_ERROR,
        "AUTH came on a connection that does not speak MQTT 5, the first version that has it";
    /// A packet whose fields reach beyond its remaining length.
    Truncated {
        /// The packet.
        packet_type: PacketType,
    } => "section 2.1.4", ReasonCode::MALFORMED_PACKET,
        "{packet_type} ends inside a field; a length in it or its remaining length is wrong";
    /// Bytes behind the last field.
    TrailingBytes {
        /// The packet.
        packet_type: PacketType,
        /// How many.
        count: usize,
    } => "section 2.1.4", ReasonCode::MALFORMED_PACKET,
        "{packet_type} goes on for {count} bytes after its last field; its remaining length is wrong";
    /// Bytes that are no MQTT string.
    String {
        /// What is wrong with them.
        error: TextError,
    } => error.rule(), ReasonCode::MALFORMED_PACKET, "{error}" [Same error];
    /// A packet too short to hold its packet identifier.
    PacketIdentifierMissing {
        /// The packet.
        packet_type: PacketType,
    } => "section 2.2.1", ReasonCode::MALFORMED_PACKET, "{packet_type} ends before its packet identifier";
    /// Packet identifier 0.
    PacketIdentifierZero {
        /// The packet.
        packet_type: PacketType,
    } => "MQTT-2.2.1-3", ReasonCode::PROTOCOL_ERROR,
        "{packet_type} has the packet identifier 0; it must be 1 or more";
    /// A property list longer than what is left of the packet.
    PropertiesTooLong {
        /// The packet.
        packet_type: PacketType,
        /// The announced length in bytes.
        len: usize,
        /// What is left of the packet, in bytes.
        left: usize,
    } => "section 2.2.2.1", ReasonCode::MALFORMED_PACKET,
        "{packet_type} announces {len} bytes of properties but has only {left} left";
    /// A property that reaches beyond the property length.
    PropertyTruncated {
        /// The packet.
        packet_type: PacketType,
    } => "section 2.2.2.1", ReasonCode::MALFORMED_PACKET,
        "{packet_type} has a property that reaches beyond the property length";
    /// A property identifier that MQTT 5 does not define.
    UnknownProperty {
        /// The identifier.
        id: u32,
    } => "section 2.2.2.2", ReasonCode::MALFORMED_PACKET,
        "property identifier {id:#04x} does not exist in MQTT 5";
    /// Properties against the rules.
    Property {
        /// Which rule.
        error: PropertyError,
    } => error.rule(), error.reason_code(), "{error}" [Same error];
    /// A reason code that this packet must not hold.
    ReasonCode {
        /// The packet.
        packet_type: PacketType,
        /// The byte on the wire.
        code: u8,
    } => reason_rule(*packet_type), ReasonCode::PROTOCOL_ERROR,
        "{packet_type} has the reason code {code:#04x}, which the specification does not give it";
    /// SUBACK or UNSUBACK without any code.
    ReasonCodesMissing {
        /// The packet.
        packet_type: PacketType,
    } => match packet_type {
            PacketType::UnsubAck => "MQTT-3.11.3-1",
            _ => "MQTT-3.9.3-1",
        }, ReasonCode::PROTOCOL_ERROR, "{packet_type} has no reason code; it must have one for each filter";
    /// A CONNECT with a protocol name that is no version's.
    ProtocolName => "MQTT-3.1.2-1", ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
        "CONNECT has an unknown protocol name; it must be MQTT, or MQIsdp for MQTT 3.1";
    /// A CONNECT with a protocol level this codec does not speak.
    ProtocolLevel {
        /// The level on the wire.
        level: u8,
    } => "MQTT-3.1.2-2", ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
        "CONNECT has the protocol level {level}; MQTT 3.1 (MQIsdp 3), 3.1.1 (4) and 5 (5) are known";
    /// The reserved bit of the connect flags is set.
    ConnectReservedFlag => "MQTT-3.1.2-3", ReasonCode::MALFORMED_PACKET,
        "CONNECT has the reserved bit of its flags set; it must be 0";
    /// Will QoS without will.
    WillQosWithoutWill => "MQTT-3.1.2-11", ReasonCode::MALFORMED_PACKET,
        "CONNECT has a will QoS but no will; without the will flag it must be 0";
    /// Will retain without will.
    WillRetainWithoutWill => "MQTT-3.1.2-13", ReasonCode::MALFORMED_PACKET,
        "CONNECT has the will retain flag but no will; without the will flag it must be 0";
    /// Will QoS 3.
    WillQos3 => "MQTT-3.1.2-12", ReasonCode::MALFORMED_PACKET,
        "CONNECT has a will of QoS 3, which does not exist";
    /// A will topic that is no topic name.
    WillTopic {
        /// What is wrong with it.
        error: TopicError,
    } => error.rule(), ReasonCode::TOPIC_NAME_INVALID, "the will topic of CONNECT is no topic name" [Below error];
    /// A password without user name, before MQTT 5.
    PasswordWithoutUserName => "MQTT311-3.1.2-22", ReasonCode::MALFORMED_PACKET,
        "CONNECT has a password but no user name, which only MQTT 5 allows";
    /// Connect acknowledge flags that are reserved.
    ConnAckReservedFlags {
        /// The byte on the wire.
        flags: u8,
    } => "MQTT-3.2.2-1", ReasonCode::MALFORMED_PACKET,
        "CONNACK has the flags {flags:#010b}; all but the lowest bit must be 0";
    /// Session present on a refused connection.
    SessionPresentOnRefusal {
        /// The code on the wire.
        code: u8,
    } => "MQTT-3.2.2-6", ReasonCode::PROTOCOL_ERROR,
        "CONNACK says session present but refuses the connection with code {code:#04x}";
    /// PUBLISH with QoS 3.
    Qos3 => "MQTT-3.3.1-4", ReasonCode::MALFORMED_PACKET,
        "PUBLISH has QoS 3, which does not exist; the sender or the framing is broken";
    /// PUBLISH with QoS 0 marked as a second delivery.
    DupWithQos0 => "MQTT-3.3.1-2", ReasonCode::MALFORMED_PACKET,
        "PUBLISH has QoS 0 and the DUP flag; QoS 0 messages are never sent again";
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
    } => filters_rule(*packet_type), ReasonCode::PROTOCOL_ERROR,
        "{packet_type} has no topic filter; it must have at least one";
    /// A topic filter against the rules.
    Filter {
        /// Which rule.
        error: TopicError,
    } => error.rule(), ReasonCode::TOPIC_FILTER_INVALID, "a topic filter is invalid" [Below error];
    /// Reserved bits set in subscription options.
    SubscriptionOptionsReserved {
        /// The byte on the wire.
        options: u8,
    } => "MQTT-3.8.3-5", ReasonCode::MALFORMED_PACKET,
        "subscription options {options:#010b} have reserved bits set";
    /// A subscription that asks for QoS 3.
    SubscriptionQos3 => "section 3.8.3.1", ReasonCode::PROTOCOL_ERROR,
        "a subscription asks for QoS 3, which does not exist";
    /// Retain handling 3.
    RetainHandling3 => "section 3.8.3.1", ReasonCode::PROTOCOL_ERROR,
        "a subscription has retain handling 3, which does not exist";
    /// No Local on a shared subscription.
    NoLocalOnShared => "MQTT-3.8.3-4", ReasonCode::PROTOCOL_ERROR,
        "a shared subscription has the No Local option, which only others may have";
}

const fn flags_rule(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::PubRel => "MQTT-3.6.1-1",
        PacketType::Subscribe => "MQTT-3.8.1-1",
        PacketType::Unsubscribe => "MQTT-3.10.1-1",
        PacketType::Disconnect => "MQTT-3.14.1-1",
        PacketType::Auth => "MQTT-3.15.1-1",
        _ => "MQTT-2.1.3-1",
    }
}

const fn reason_rule(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::ConnAck => "MQTT-3.2.2-8",
        PacketType::PubAck => "MQTT-3.4.2-1",
        PacketType::PubRec => "MQTT-3.5.2-1",
        PacketType::PubRel => "MQTT-3.6.2-1",
        PacketType::PubComp => "MQTT-3.7.2-1",
        PacketType::SubAck => "MQTT-3.9.3-2",
        PacketType::UnsubAck => "MQTT-3.11.3-2",
        PacketType::Disconnect => "MQTT-3.14.2-1",
        PacketType::Auth => "MQTT-3.15.2-1",
        _ => "section 2.4",
    }
}

const fn filters_rule(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::Unsubscribe => "MQTT-3.10.3-2",
        _ => "MQTT-3.8.3-2",
    }
}
