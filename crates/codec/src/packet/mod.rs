//! The packets: what each carries, the same for all protocol versions.

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod filters;
mod id;
mod packet_type;
mod ping;
mod plain;
mod publish;
mod reason_codes;
mod suback;
mod subscribe;
mod transfer;
mod unsuback;
mod unsubscribe;
mod will;

use alloc::vec::Vec;

use crate::writer::Body;
use crate::{EncodeError, Version};

pub use ack::Ack;
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::Connect;
pub use disconnect::Disconnect;
pub use id::PacketId;
pub use packet_type::PacketType;
pub(crate) use plain::PlainPublish;

pub use ping::{encode_ping_req, encode_ping_resp};
pub use publish::Publish;
pub use suback::SubAck;
pub use subscribe::{RetainHandling, Subscribe, SubscribeFilter, SubscribeOptions};
pub use transfer::{TopicAliasUse, Transfer};
pub use unsuback::UnsubAck;
pub use unsubscribe::Unsubscribe;
pub use will::Will;

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

    /// Appends the packet as this version writes it; on an error `out` is as before.
    ///
    /// What a version has no place for is left out silently: before MQTT 5
    /// properties, reason codes and subscription options other than the QoS.
    /// CONNECT goes by the version it names itself.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Connect(connect) => connect.encode(connect.version, out),
            Self::ConnAck(connack) => connack.encode(version, out),
            Self::Publish(publish) => publish.encode_with(version, &publish.transfer(), out),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encode(self.packet_type(), version, out)
            }
            Self::Subscribe(subscribe) => subscribe.encode(version, out),
            Self::SubAck(suback) => suback.encode(version, out),
            Self::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out),
            Self::UnsubAck(unsuback) => unsuback.encode(version, out),
            Self::PingReq => {
                encode_ping_req(out);
                Ok(())
            }
            Self::PingResp => {
                encode_ping_resp(out);
                Ok(())
            }
            Self::Disconnect(disconnect) => disconnect.encode(version, out),
            Self::Auth(auth) => auth.encode(version, out),
        }
    }

    /// The number of bytes [`Packet::encode`] appends, fixed header included.
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        match self {
            Self::Connect(connect) => connect.frame_len(connect.version),
            Self::ConnAck(connack) => connack.frame_len(version),
            Self::Publish(publish) => publish.encoded_len_with(version, &publish.transfer()),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encoded_len(self.packet_type(), version)
            }
            Self::Subscribe(subscribe) => subscribe.frame_len(version),
            Self::SubAck(suback) => suback.frame_len(version),
            Self::Unsubscribe(unsubscribe) => unsubscribe.frame_len(version),
            Self::UnsubAck(unsuback) => unsuback.frame_len(version),
            Self::PingReq | Self::PingResp => Ok(2),
            Self::Disconnect(disconnect) => disconnect.frame_len(version),
            Self::Auth(auth) => auth.frame_len(version),
        }
    }
}
