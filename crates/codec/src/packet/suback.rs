use alloc::vec::Vec;

use crate::{PacketId, Properties, ReasonCode};

/// SUBACK: one code for each filter of the SUBSCRIBE, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// That of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Granted QoS or failure of each filter.
    pub codes: Vec<ReasonCode>,
    /// Reason string and user properties.
    pub properties: Properties,
}

/// UNSUBACK: one code for each filter of the UNSUBSCRIBE; none before MQTT 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubAck {
    /// That of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Outcome for each filter; empty before MQTT 5.
    pub codes: Vec<ReasonCode>,
    /// Reason string and user properties.
    pub properties: Properties,
}
