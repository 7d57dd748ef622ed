//! What a client did, and when.

use std::fmt;
use std::time::Duration;

use evenkeel_codec::PacketType;
use serde_json::Value;

use super::{Hello, Scenario};

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
    /// The client has begun a handshake of TLS.
    Offered(Hello),
    /// The handshake is complete, with this version and suite.
    Secured(String),
    /// There is no TLS on the connection, for this reason.
    Unsecured(String),
    /// The client has sent a packet.
    Received(Packet),
    /// The judge has sent a packet.
    Sent(Packet),
    /// The shadow service now has this as the client's reported state.
    Reported(Value),
    /// The jobs service now has the client's job in this state.
    Job(String),
    /// The connection has ended.
    Closed(Side),
    /// A scenario has begun.
    Begun(Scenario),
    /// The server takes no connection any more.
    Away,
    /// The server takes connections again.
    Back,
}

/// Who has closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The judge.
    Judge,
}

/// What matters of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What kind.
    pub kind: PacketType,
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
    pub const fn new(kind: PacketType) -> Self {
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
        if self.kind == PacketType::Publish {
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

/// JSON as far as a line has room for it.
fn short(value: &Value) -> String {
    const LETTERS: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Offered(hello) => write!(f, "client: {hello}"),
            Self::Secured(with) => write!(f, "TLS: {with}"),
            Self::Unsecured(why) => write!(f, "no TLS: {why}"),
            Self::Reported(state) => write!(f, "shadow: reported {}", short(state)),
            Self::Job(status) => write!(f, "job: {status}"),
            Self::Received(packet) => write!(f, "client: {packet}"),
            Self::Sent(packet) => write!(f, "judge: {packet}"),
            Self::Closed(Side::Client) => f.write_str("closed by the client"),
            Self::Closed(Side::Judge) => f.write_str("closed by the judge"),
            Self::Begun(scenario) => write!(f, "scenario {}", scenario.name()),
            Self::Away => f.write_str("judge: away"),
            Self::Back => f.write_str("judge: back"),
        }
    }
}

impl What {
    /// The packet that the client has sent, if it is of this kind.
    #[must_use]
    pub fn received(&self, kind: PacketType) -> Option<&Packet> {
        match self {
            Self::Received(packet) if packet.kind == kind => Some(packet),
            _ => None,
        }
    }

    /// The packet that the judge has sent, if it is of this kind.
    #[must_use]
    pub fn sent(&self, kind: PacketType) -> Option<&Packet> {
        match self {
            Self::Sent(packet) if packet.kind == kind => Some(packet),
            _ => None,
        }
    }
}
