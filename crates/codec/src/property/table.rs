//! Where each property may occur (MQTT 5 table 2-4).

use super::PropertyId;
use crate::PacketType::{
    self, Auth, ConnAck, Connect, Disconnect, PubAck, PubComp, PubRec, PubRel, Publish, SubAck,
    Subscribe, UnsubAck, Unsubscribe,
};

/// A list of properties on the wire: a packet's own or that of a will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PropertyOwner {
    /// The properties in the variable header.
    Packet(PacketType),
    /// The will properties in the payload of CONNECT.
    Will,
}

impl PropertyOwner {
    /// Will is bit 0, a packet the bit of its type, which is never 0.
    const fn bit(self) -> u16 {
        match self {
            Self::Packet(packet_type) => 1 << packet_type as u16,
            Self::Will => 1,
        }
    }
}

const fn set(packets: &[PacketType]) -> u16 {
    match packets {
        [first, rest @ ..] => PropertyOwner::Packet(*first).bit() | set(rest),
        [] => 0,
    }
}

const WILL: u16 = PropertyOwner::Will.bit();
const MESSAGE: u16 = set(&[Publish]) | WILL;
const CONNECT: u16 = set(&[Connect]);
const CONNACK: u16 = set(&[ConnAck]);
const HANDSHAKE: u16 = CONNECT | CONNACK;
const ANSWER: u16 =
    set(&[ConnAck, PubAck, PubRec, PubRel, PubComp, SubAck, UnsubAck, Disconnect, Auth]);
const EVERYWHERE: u16 = ANSWER | CONNECT | MESSAGE | set(&[Subscribe, Unsubscribe]);

impl PropertyId {
    /// Who may hold this property; none for an identifier MQTT does not define.
    const fn owners(self) -> u16 {
        match self {
            Self::PAYLOAD_FORMAT_INDICATOR
            | Self::MESSAGE_EXPIRY_INTERVAL
            | Self::CONTENT_TYPE
            | Self::RESPONSE_TOPIC
            | Self::CORRELATION_DATA => MESSAGE,
            Self::SUBSCRIPTION_IDENTIFIER => set(&[Publish, Subscribe]),
            Self::SESSION_EXPIRY_INTERVAL => HANDSHAKE | set(&[Disconnect]),
            Self::AUTHENTICATION_METHOD | Self::AUTHENTICATION_DATA => HANDSHAKE | set(&[Auth]),
            Self::REQUEST_PROBLEM_INFORMATION | Self::REQUEST_RESPONSE_INFORMATION => CONNECT,
            Self::WILL_DELAY_INTERVAL => WILL,
            Self::SERVER_REFERENCE => CONNACK | set(&[Disconnect]),
            Self::REASON_STRING => ANSWER,
            Self::RECEIVE_MAXIMUM | Self::TOPIC_ALIAS_MAXIMUM | Self::MAXIMUM_PACKET_SIZE => {
                HANDSHAKE
            }
            Self::TOPIC_ALIAS => set(&[Publish]),
            Self::USER_PROPERTY => EVERYWHERE,
            Self::ASSIGNED_CLIENT_IDENTIFIER
            | Self::SERVER_KEEP_ALIVE
            | Self::RESPONSE_INFORMATION
            | Self::MAXIMUM_QOS
            | Self::RETAIN_AVAILABLE
            | Self::WILDCARD_SUBSCRIPTION_AVAILABLE
            | Self::SUBSCRIPTION_IDENTIFIER_AVAILABLE
            | Self::SHARED_SUBSCRIPTION_AVAILABLE => CONNACK,
            _ => 0,
        }
    }

    /// True if a list of this owner may hold the property.
    pub(crate) const fn may_occur(self, owner: PropertyOwner) -> bool {
        self.owners() & owner.bit() != 0
    }

    /// True if a list of this owner may hold the property more than once.
    pub(crate) const fn may_repeat(self, owner: PropertyOwner) -> bool {
        match self {
            Self::USER_PROPERTY => true,
            Self::SUBSCRIPTION_IDENTIFIER => matches!(owner, PropertyOwner::Packet(Publish)),
            _ => false,
        }
    }
}
