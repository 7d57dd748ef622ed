use bytes::Bytes;

use crate::{PacketId, Properties, QoS, Text};

/// PUBLISH: a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Set where this may be a second delivery.
    pub dup: bool,
    /// The delivery promise.
    pub qos: QoS,
    /// From a client: keep as the topic's last value. From a server: was kept.
    pub retain: bool,
    /// A valid topic name; empty only beside a topic alias (MQTT 5).
    pub topic: Text,
    /// Present for QoS 1 and 2 exactly.
    pub packet_id: Option<PacketId>,
    /// The message itself, a slice of the input when decoded.
    pub payload: Bytes,
    /// Properties of the message and of this transfer.
    pub properties: Properties,
}
