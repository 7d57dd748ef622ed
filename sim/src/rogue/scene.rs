//! What happened on the wire.

use evenkeel_codec::Version;
use evenkeel_doctor::{Side, Vantage};

/// A world with known truth.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// What is played.
    pub name: &'static str,
    /// Rules that name its root cause; none if nothing is wrong.
    pub accepted: &'static [&'static str],
    /// Files that hold enough to name it.
    pub shown_by: Vec<Vantage>,
    /// The profile that the doctor is given.
    pub profile: Option<&'static str>,
    /// What of a capture there is.
    pub camera: Camera,
    /// The program whose log there is of the client.
    pub program: Program,
    /// The version of its events: 1 or 2.
    pub events: u8,
    /// The connections, by their number.
    pub connections: Vec<Conn>,
    /// What happened, in the order of time.
    pub lines: Vec<Line>,
}

/// A program whose log has the form of a client's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// paho.mqtt.python: packets, hardly a word on ends.
    #[default]
    Paho,
    /// MQTT.js 5.3: packets, timers, ends; refusals look like success.
    MqttJs5_3,
    /// MQTT.js 5.16: packets and ends, and why it gives up.
    MqttJs5_16,
}

/// What of a capture there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Camera {
    /// The only side whose packets are captured.
    pub only: Option<Side>,
    /// The most bytes that are captured of a packet.
    pub snap: Option<usize>,
}

/// The two ends of a connection.
#[derive(Clone, Debug)]
pub struct Conn {
    /// The last part of the client's address: 10.0.0.N.
    pub host: u8,
    /// The client's port.
    pub port: u16,
    /// The server's port.
    pub server_port: u16,
    /// The client identifier of its CONNECT.
    pub id: String,
    /// The keep-alive of its CONNECT, in seconds.
    pub keep_alive: u16,
    /// Clean Start of its CONNECT.
    pub clean: bool,
    /// The user name of its CONNECT.
    pub user: Option<&'static str>,
    /// The version of MQTT.
    pub version: Version,
}

/// One thing at one time.
#[derive(Clone, Debug)]
pub struct Line {
    /// Seconds since the world began.
    pub at: f64,
    /// The number of the connection.
    pub connection: usize,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The client's SYN, answered by the server a round trip later.
    Syn,
    /// SYN and ACK.
    SynAck,
    /// The SYN was answered by RST.
    Refused,
    /// A packet, as bytes; several if they left in one write.
    Bytes(Side, Vec<u8>),
    /// The client's packet, which never arrives: nor does what it sends later.
    Lost(Vec<u8>),
    /// The same bytes again: TCP had no acknowledgement.
    Again(Side, Vec<u8>),
    /// A side's FIN.
    Fin(Side),
    /// A side's RST.
    Reset(Side),
    /// The client's timer looked whether its ping was answered, and what it did.
    Checked {
        /// It found no answer, and closes.
        closes: bool,
    },
    /// The client takes its ping for unanswered, and closes next.
    GivesUp,
    /// The client has waited for CONNACK long enough, and closes next.
    NoConnAck,
    /// The client sets the message to this topic aside, or the filter, as it
    /// ends connections.
    SetsAside(&'static str),
    /// The client stops reading, as its application does not keep up; or goes on.
    Pauses(bool),
    /// The broker's log says this of itself.
    Log(&'static str),
    /// The broker's log says this of the client, in mosquitto's words.
    Broker(&'static str),
}
