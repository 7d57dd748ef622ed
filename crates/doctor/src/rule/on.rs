//! The moments at which rules look.

use crate::event::{Event, PacketSeen, What};

/// A moment. The event of the moment has been taken in when rules look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// A connection is asked for, accepted, or joined.
    Open,
    /// CONNECT.
    Connect,
    /// CONNACK.
    ConnAck,
    /// PINGREQ.
    Ping,
    /// PINGRESP.
    PingAnswer,
    /// PUBLISH, of either side.
    Publish,
    /// PUBACK, PUBREC, PUBREL or PUBCOMP, of either side, with a code of success.
    Ack,
    /// One of these with a code of failure.
    Refused,
    /// SUBSCRIBE or UNSUBSCRIBE.
    Subscribe,
    /// SUBACK or UNSUBACK.
    SubAck,
    /// DISCONNECT or AUTH.
    Disconnect,
    /// Encrypted bytes that name no packet.
    Sealed,
    /// A retransmission, a window, a gap.
    Path,
    /// A hello or an alert of TLS.
    Tls,
    /// Anything of WebSocket.
    WebSocket,
    /// Bytes that are not MQTT, or no valid packet.
    Odd,
    /// Words of a log.
    Words,
    /// The connection has ended; its round is the newest of its client.
    End,
    /// About two seconds have passed: once for each live connection that has pinged.
    TickPings,
    /// The same, for each on which messages of the client are in flight.
    TickOutbound,
    /// The same, for each on which messages for the client are in flight or were
    /// acknowledged late, or which the client did not read.
    TickInbound,
    /// The same, for each on which the client's newest bytes have no answer, while a
    /// message or a ping of it waits for one.
    TickSilence,
    /// The same, for each whose client does not subscribe although its session,
    /// in which it had, is gone.
    TickSession,
    /// The evidence ends: once for each client; `View::connection` is its
    /// newest live connection, if it has one.
    Finish,
}

impl On {
    pub(crate) const COUNT: usize = Self::Finish as usize + 1;

    /// The moment that an event is; ends are told apart.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        Some(match event.what {
            What::Opening { .. } | What::Joined { .. } | What::Accepted => Self::Open,
            What::Resent { .. } | What::Window { .. } | What::Missing { .. } => Self::Path,
            What::ClientHello { .. } | What::ServerHello { .. } | What::Alert { .. } => Self::Tls,
            What::Upgrade { .. }
            | What::UpgradeAnswer { .. }
            | What::TextFrame { .. }
            | What::WebSocketClose { .. } => Self::WebSocket,
            What::Sealed { .. } => Self::Sealed,
            What::Malformed { .. } | What::NotMqtt { .. } => Self::Odd,
            What::Words(_) => Self::Words,
            What::Packet { ref packet, .. } => match packet {
                PacketSeen::Connect(_) => Self::Connect,
                PacketSeen::ConnAck(_) => Self::ConnAck,
                PacketSeen::Publish(_) => Self::Publish,
                PacketSeen::PubAck(_, 0x80..)
                | PacketSeen::PubRec(_, 0x80..)
                | PacketSeen::PubRel(_, 0x80..)
                | PacketSeen::PubComp(_, 0x80..) => Self::Refused,
                PacketSeen::PubAck(..)
                | PacketSeen::PubRec(..)
                | PacketSeen::PubRel(..)
                | PacketSeen::PubComp(..) => Self::Ack,
                PacketSeen::Subscribe(_) | PacketSeen::Unsubscribe(_) => Self::Subscribe,
                PacketSeen::SubAck(..) | PacketSeen::UnsubAck(..) => Self::SubAck,
                PacketSeen::PingReq => Self::Ping,
                PacketSeen::PingResp => Self::PingAnswer,
                PacketSeen::Disconnect(_) | PacketSeen::Auth(_) => Self::Disconnect,
            },
            What::OpenFailed(_)
            | What::Closing { .. }
            | What::Ended
            | What::Identified(_)
            | What::Heard { .. }
            | What::Forgotten => return None,
        })
    }
}
