//! One event of the timeline: what a source saw or says.

mod address;
mod packet;
mod words;

pub use address::{Address, Side};
pub use packet::{ConnAckSeen, ConnectSeen, PacketSeen, PublishSeen, SubscribeSeen};
pub use words::{Denied, Words};

use core::num::NonZeroU64;

use crate::source::SourceId;
use crate::texts::TextId;
use crate::time::Time;

/// The number of a connection within its source. Whoever gives the events
/// chooses the numbers, small ones, and may use one again after
/// [`What::Forgotten`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// Where in its source an event is: the number of a line, from 1, or the
/// offset of a byte in a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

/// An instant, and where its source has what happened then. The two are never told
/// apart, so that what a finding points at is what it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) at: Time,
    /// One more than the place: then an `Option` of it takes no more memory.
    beyond: NonZeroU64,
}

impl Moment {
    pub(crate) fn new(at: Time, place: Place) -> Self {
        Self { at, beyond: NonZeroU64::MIN.saturating_add(place.0) }
    }

    pub(crate) fn place(self) -> Place {
        Place(self.beyond.get() - 1)
    }
}

/// One thing that happened on one connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When. Events of one connection come in the order of their times;
    /// others may be some milliseconds late.
    pub at: Time,
    /// Who says so.
    pub source: SourceId,
    /// On which connection.
    pub connection: ConnectionId,
    /// Where in the source this is written.
    pub place: Place,
    /// What happened.
    pub what: What,
}

/// What happened. Wire and log say the same thing by the same kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// The client asks for a connection: its SYN, or a log's "connecting".
    Opening {
        /// The client's side; [`Address::UNKNOWN`] if the log has none.
        client: Address,
        /// The server's side.
        server: Address,
    },
    /// A connection whose beginning was not seen.
    Joined {
        /// The client's side.
        client: Address,
        /// The server's side.
        server: Address,
    },
    /// The server accepted: SYN and ACK.
    Accepted,
    /// The connection never came up.
    OpenFailed(OpenFailure),
    /// The same bytes again, a TCP retransmission.
    Resent {
        /// Who sent.
        from: Side,
        /// How many bytes.
        bytes: u32,
    },
    /// A side's receive window closed or opened again.
    Window {
        /// Whose window.
        of: Side,
        /// Whether it has room.
        open: bool,
    },
    /// Bytes that the capture did not hold.
    Missing {
        /// Who sent them.
        from: Side,
    },
    /// A side ended TCP.
    Closing {
        /// Which side.
        by: Side,
        /// How.
        how: CloseHow,
    },
    /// The connection is over, and the source does not say who ended it.
    Ended,
    /// A log names the client of this connection, apart from CONNECT.
    Identified(TextId),
    /// TLS ClientHello.
    ClientHello {
        /// The server name, if any.
        sni: TextId,
        /// The protocols offered.
        alpn: Alpn,
        /// Whether the server name is an address.
        sni_is_address: bool,
    },
    /// TLS ServerHello.
    ServerHello {
        /// The cipher suite.
        suite: u16,
        /// `0x0303` for TLS 1.2, `0x0304` for 1.3.
        version: u16,
    },
    /// A TLS alert that could be read.
    Alert {
        /// Who sent it.
        from: Side,
        /// Its code: 42 is `bad_certificate`.
        code: u8,
    },
    /// A request to upgrade to WebSocket.
    Upgrade {
        /// Whether it asks for the subprotocol `mqtt`.
        mqtt: bool,
        /// `X-Amz-Date` and expiry of a signed URL as one text.
        signed: TextId,
        /// The instant until which the signature holds, if it is signed.
        expires: Option<Time>,
    },
    /// The answer to it.
    UpgradeAnswer {
        /// HTTP's status.
        status: u16,
        /// Whether it names the subprotocol `mqtt`.
        mqtt: bool,
    },
    /// A WebSocket frame that MQTT forbids: text.
    TextFrame {
        /// Who sent it.
        from: Side,
    },
    /// A WebSocket Close frame.
    WebSocketClose {
        /// Who sent it.
        from: Side,
        /// Its code, 0 if none.
        code: u16,
    },
    /// Bytes came from this side; the source does not say which. Events of a client do so.
    Heard {
        /// Who sent them.
        from: Side,
    },
    /// Encrypted bytes of the application that name no packet by their size.
    Sealed {
        /// Who sent them.
        from: Side,
        /// How many, without what TLS adds; as on the wire if the suite is unknown.
        bytes: u32,
    },
    /// An MQTT packet.
    Packet {
        /// Who sent it.
        from: Side,
        /// What it is.
        packet: PacketSeen,
        /// Its size in bytes, fixed header included; 0 if a log does not say.
        bytes: u32,
        /// Known by its size alone, under TLS.
        inferred: bool,
    },
    /// Bytes that no MQTT packet can be.
    Malformed {
        /// Who sent them.
        from: Side,
        /// The rule of the specification that they break.
        rule: &'static str,
    },
    /// The first bytes are another protocol's.
    NotMqtt {
        /// Who sent them.
        from: Side,
        /// What they look like.
        begins: Begins,
    },
    /// What a log says beside packets.
    Words(Words),
    /// The source has no more of this connection; its number may come again.
    Forgotten,
}

/// Why a connection never came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenFailure {
    /// The host answered with RST, or the log says "refused".
    Refused,
    /// Nobody answered.
    Silent,
    /// The network said that there is no way.
    Unreachable,
    /// The name could not be resolved.
    Name,
    /// TLS failed, and the log does not say how.
    Tls,
    /// A log says no more.
    Other,
}

/// How TCP ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseHow {
    /// FIN.
    Fin,
    /// RST.
    Reset,
    /// A log says closed, no more.
    Unknown,
}

/// The protocols that a ClientHello offers, as far as MQTT cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alpn {
    /// Any at all.
    pub any: bool,
    /// `mqtt`.
    pub mqtt: bool,
    /// `x-amzn-mqtt-ca`.
    pub amazon: bool,
    /// `http/1.1` or `h2`.
    pub http: bool,
}

/// What a stream that is not MQTT begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// A TLS record, on a connection whose other side speaks without TLS.
    Tls,
    /// `HTTP/` or a method of it, without an upgrade to WebSocket.
    Http,
    /// `SSH-`.
    Ssh,
    /// A numeric greeting, as FTP and SMTP have.
    Greeting,
    /// The preface of a proxy protocol.
    ProxyPreface,
    /// Anything else.
    Other,
}

impl Event {
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.at, self.place)
    }

    /// Who sent bytes, if this event is about bytes.
    pub fn sender(&self) -> Option<Side> {
        match self.what {
            What::Sealed { from, .. }
            | What::Heard { from }
            | What::Packet { from, .. }
            | What::Malformed { from, .. }
            | What::NotMqtt { from, .. }
            | What::TextFrame { from }
            | What::WebSocketClose { from, .. }
            | What::Alert { from, .. } => Some(from),
            What::ClientHello { .. } | What::Upgrade { .. } => Some(Side::Client),
            What::ServerHello { .. } | What::UpgradeAnswer { .. } => Some(Side::Server),
            _ => None,
        }
    }
}
