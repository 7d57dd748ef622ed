use crate::{PacketId, Properties, ReasonCode};

/// The content of PUBACK, PUBREC, PUBREL and PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The exchange this belongs to.
    pub packet_id: PacketId,
    /// The outcome; always success before MQTT 5.
    pub reason: ReasonCode,
    /// Reason string and user properties.
    pub properties: Properties,
}

impl Ack {
    /// An acknowledgement without properties.
    pub const fn new(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self { packet_id, reason, properties: Properties::new() }
    }
}
