use core::fmt;

use alloc::boxed::Box;
use bytes::Bytes;

use crate::{Properties, QoS, Text, TopicName, Version};

/// CONNECT: the first packet of a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The protocol version of the whole connection.
    pub version: Version,
    /// Asks the server to forget an earlier session (Clean Session before MQTT 5).
    pub clean_start: bool,
    /// Seconds between packets of the client at most; 0 for no limit.
    pub keep_alive: u16,
    /// Names the session; empty asks the server to choose.
    pub client_id: Text,
    /// Published by the server when the connection ends without DISCONNECT.
    pub will: Option<Box<Will>>,
    /// Who connects.
    pub username: Option<Text>,
    /// A secret; never shown by `Debug`.
    pub password: Option<Bytes>,
    /// What the client announces and asks for.
    pub properties: Properties,
}

/// The message the server publishes for a client that has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// QoS of the message.
    pub qos: QoS,
    /// Whether the server keeps it as the topic's retained message.
    pub retain: bool,
    /// Where it is published.
    pub topic: TopicName,
    /// What is published.
    pub payload: Bytes,
    /// Will delay and the properties of the message.
    pub properties: Properties,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("username", &self.username.as_ref().map(|_| "<set>"))
            .field("password", &self.password.as_ref().map(|_| "<secret>"))
            .field("properties", &self.properties)
            .finish()
    }
}
