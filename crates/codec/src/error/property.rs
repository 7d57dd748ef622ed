//! Why a list of properties is refused.

use super::TopicError;
use crate::{PacketType, PropertyId, ReasonCode};

rules! {
    /// Why a list of properties is not allowed, read or written (MQTT 5).
    PropertyError;

    /// A property this packet must not hold.
    Misplaced {
        /// The property.
        id: PropertyId,
        /// The packet that holds it.
        packet_type: PacketType,
    } => "section 2.2.2.2", ReasonCode::MALFORMED_PACKET,
        "{packet_type} must not hold the property {id}; see table 2-4 of the MQTT 5 specification";
    /// A property a will must not hold.
    MisplacedInWill {
        /// The property.
        id: PropertyId,
    } => "section 2.2.2.2", ReasonCode::MALFORMED_PACKET,
        "a will must not hold the property {id}; it belongs to another property list";
    /// A property that may occur once occurs again.
    Duplicate {
        /// The property.
        id: PropertyId,
    } => "section 2.2.2.2", ReasonCode::PROTOCOL_ERROR,
        "property {id} occurs twice; only user properties may repeat, and in PUBLISH subscription identifiers";
    /// A yes or no property holds something else.
    NotZeroOrOne {
        /// The property.
        id: PropertyId,
        /// Its value.
        value: u8,
    } => "section 2.2.2.2", ReasonCode::PROTOCOL_ERROR, "property {id} is {value}; it may be 0 or 1";
    /// Maximum QoS other than 0 and 1; 2 is said by leaving it out.
    MaximumQoS {
        /// Its value.
        value: u8,
    } => "section 3.2.2.3.4", ReasonCode::PROTOCOL_ERROR,
        "Maximum QoS is {value}; it may be 0 or 1, and is left out to allow QoS 2";
    /// Receive Maximum 0.
    ReceiveMaximumZero => "section 3.1.2.11.3", ReasonCode::PROTOCOL_ERROR,
        "Receive Maximum is 0; it must be 1 or more";
    /// Maximum Packet Size 0.
    MaximumPacketSizeZero => "section 3.1.2.11.4", ReasonCode::PROTOCOL_ERROR,
        "Maximum Packet Size is 0; it must be 1 or more, and is left out for no limit";
    /// Topic Alias 0.
    TopicAliasZero => "MQTT-3.3.2-8", ReasonCode::TOPIC_ALIAS_INVALID,
        "Topic Alias is 0; it must be 1 or more";
    /// Subscription Identifier 0.
    SubscriptionIdentifierZero => "section 3.8.2.1.2", ReasonCode::PROTOCOL_ERROR,
        "Subscription Identifier is 0; it must be 1 or more";
    /// A Subscription Identifier that four bytes cannot hold.
    SubscriptionIdentifierTooLarge {
        /// Its value.
        value: u32,
    } => "section 3.8.2.1.2", ReasonCode::PROTOCOL_ERROR,
        "Subscription Identifier {value} is larger than the 268435455 MQTT allows";
    /// A Response Topic that is no topic name.
    ResponseTopic {
        /// What is wrong with it.
        error: TopicError,
    } => match error {
            TopicError::WildcardInName => "MQTT-3.3.2-14",
            other => other.rule(),
        }, ReasonCode::PROTOCOL_ERROR, "the Response Topic is no topic name" [Below error];
    /// Binary data longer than its length field can say.
    BinaryTooLong {
        /// The property.
        id: PropertyId,
        /// The length in bytes.
        len: usize,
    } => "section 1.5.6", ReasonCode::PACKET_TOO_LARGE,
        "property {id} of {len} bytes is longer than the 65535 MQTT allows";
    /// Authentication Data without Authentication Method.
    AuthenticationDataWithoutMethod => "section 3.1.2.11.10", ReasonCode::PROTOCOL_ERROR,
        "Authentication Data has no Authentication Method beside it; name the method";
    /// AUTH without Authentication Method.
    AuthenticationMethodMissing => "section 3.15.2.2.2", ReasonCode::PROTOCOL_ERROR,
        "AUTH has no Authentication Method; name the method of the CONNECT packet";
}
