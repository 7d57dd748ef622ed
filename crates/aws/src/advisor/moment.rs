//! What a client did, and when.

use std::fmt;
use std::time::Duration;

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the case began.
    pub at: Duration,
    /// The number of the connection, from 1 on.
    pub connection: u32,
    /// What was seen.
    pub what: What,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The client has opened the connection.
    Opened,
    /// The client has sent a packet.
    Received(Packet),
    /// The judge has sent a packet.
    Sent(Packet),
    /// The connection has ended.
    Closed(Side),
}

/// Who has closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The judge.
    Judge,
}

/// What kind of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CONNECT.
    Connect,
    /// CONNACK.
    ConnAck,
    /// PUBLISH.
    Publish,
    /// PUBACK.
    PubAck,
    /// SUBSCRIBE.
    Subscribe,
    /// SUBACK.
    SubAck,
    /// UNSUBSCRIBE.
    Unsubscribe,
    /// UNSUBACK.
    UnsubAck,
    /// PINGREQ.
    PingReq,
    /// PINGRESP.
    PingResp,
    /// DISCONNECT.
    Disconnect,
    /// Another one.
    Other,
}

impl Kind {
    /// The name in the specification.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Other => "another packet",
        }
    }
}

/// What matters of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What kind.
    pub kind: Kind,
    /// The packet identifier.
    pub id: Option<u16>,
    /// The topic of a PUBLISH, the filters of a SUBSCRIBE.
    pub topics: Vec<String>,
    /// The QoS of a PUBLISH.
    pub qos: u8,
    /// The session that a CONNACK has resumed.
    pub session_present: bool,
    /// The keep-alive of a CONNECT.
    pub keep_alive: Option<Duration>,
}

impl Packet {
    /// A packet of which nothing else matters.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        let topics = Vec::new();
        Self { kind, id: None, topics, qos: 0, session_present: false, keep_alive: None }
    }

    /// With a packet identifier.
    #[must_use]
    pub const fn id(mut self, id: u16) -> Self {
        self.id = Some(id);
        self
    }

    /// With one more topic or filter.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// With a QoS.
    #[must_use]
    pub const fn qos(mut self, qos: u8) -> Self {
        self.qos = qos;
        self
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(id) = self.id {
            write!(f, " id {id}")?;
        }
        if self.kind == Kind::Publish {
            write!(f, " QoS {}", self.qos)?;
        }
        if self.session_present {
            f.write_str(" session present")?;
        }
        if let Some(keep_alive) = self.keep_alive {
            write!(f, " keep-alive {} s", keep_alive.as_secs())?;
        }
        self.topics.iter().try_for_each(|topic| write!(f, " {topic:?}"))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Received(packet) => write!(f, "client: {packet}"),
            Self::Sent(packet) => write!(f, "judge: {packet}"),
            Self::Closed(Side::Client) => f.write_str("closed by the client"),
            Self::Closed(Side::Judge) => f.write_str("closed by the judge"),
        }
    }
}

impl What {
    /// The packet that the client has sent, if it is of this kind.
    #[must_use]
    pub fn received(&self, kind: Kind) -> Option<&Packet> {
        match self {
            Self::Received(packet) if packet.kind == kind => Some(packet),
            _ => None,
        }
    }

    /// The packet that the judge has sent, if it is of this kind.
    #[must_use]
    pub fn sent(&self, kind: Kind) -> Option<&Packet> {
        match self {
            Self::Sent(packet) if packet.kind == kind => Some(packet),
            _ => None,
        }
    }
}
