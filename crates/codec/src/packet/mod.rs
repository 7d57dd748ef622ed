//! The packets: what each carries, the same for all protocol versions.

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod publish;
mod suback;
mod subscribe;
mod unsubscribe;

use core::fmt;
use core::num::NonZeroU16;

pub use ack::Ack;
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, Will};
pub use disconnect::Disconnect;
pub use publish::Publish;
pub use suback::{SubAck, UnsubAck};
pub use subscribe::{RetainHandling, Subscribe, SubscribeFilter, SubscribeOptions};
pub use unsubscribe::Unsubscribe;

/// Ties an acknowledgement to what it acknowledges; never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The identifier with this value; `None` for 0.
    pub const fn new(value: u16) -> Option<Self> {
        match NonZeroU16::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The value on the wire.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Debug for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PacketId({})", self.get())
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

/// Any MQTT packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Asks the server for a connection.
    Connect(Connect),
    /// Accepts or refuses a connection.
    ConnAck(ConnAck),
    /// Carries a message.
    Publish(Publish),
    /// Ends a QoS 1 exchange.
    PubAck(Ack),
    /// Confirms that a QoS 2 message has arrived.
    PubRec(Ack),
    /// Releases a QoS 2 message.
    PubRel(Ack),
    /// Ends a QoS 2 exchange.
    PubComp(Ack),
    /// Asks for subscriptions.
    Subscribe(Subscribe),
    /// Answers SUBSCRIBE, one code per filter.
    SubAck(SubAck),
    /// Ends subscriptions.
    Unsubscribe(Unsubscribe),
    /// Answers UNSUBSCRIBE.
    UnsubAck(UnsubAck),
    /// Asks for a sign of life.
    PingReq,
    /// Gives a sign of life.
    PingResp,
    /// Announces the end of the connection.
    Disconnect(Disconnect),
    /// Carries a step of enhanced authentication.
    Auth(Auth),
}

/// The kind of a packet: the high four bits of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum PacketType {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl Packet {
    /// The kind of this packet.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}
