//! Short ways to say packets.

use evenkeel::{Bytes, Properties, Property, QoS, ReasonCode, Text, TopicFilter};
use evenkeel_codec::{
    Ack, ConnAck, Disconnect, Packet, PacketId, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe,
};

pub(crate) fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

pub(crate) fn filter(text: &str) -> TopicFilter {
    TopicFilter::try_from(text).unwrap()
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) fn accepted() -> ConnAck {
    ConnAck::default()
}

pub(crate) fn accepted_with(properties: impl IntoIterator<Item = Property>) -> ConnAck {
    ConnAck { properties: properties.into_iter().collect(), ..ConnAck::default() }
}

pub(crate) fn refused(reason: ReasonCode) -> ConnAck {
    ConnAck { reason, wire_code: reason.0, ..ConnAck::default() }
}

/// A message from the server: QoS 0 without identifier, else with this one.
pub(crate) fn message(topic: &str, payload: &str, qos: QoS, packet_id: u16) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: text(topic),
        packet_id: PacketId::new(packet_id),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        properties: Properties::new(),
    }
}

pub(crate) fn puback(packet_id: Option<PacketId>, reason: ReasonCode) -> Packet {
    Packet::PubAck(Ack::new(packet_id.unwrap(), reason))
}

pub(crate) fn pubrec(packet_id: Option<PacketId>) -> Packet {
    Packet::PubRec(Ack::new(packet_id.unwrap(), ReasonCode::SUCCESS))
}

pub(crate) fn pubcomp(packet_id: PacketId) -> Packet {
    Packet::PubComp(Ack::new(packet_id, ReasonCode::SUCCESS))
}

/// The answer to a SUBSCRIBE: one code for each filter.
pub(crate) fn suback(subscribe: &Subscribe, codes: &[u8]) -> Packet {
    let codes = codes.iter().copied().map(ReasonCode).collect();
    Packet::SubAck(SubAck { packet_id: subscribe.packet_id, codes, properties: Properties::new() })
}

/// The answer to an UNSUBSCRIBE: success for each filter.
pub(crate) fn unsuback(unsubscribe: &Unsubscribe) -> Packet {
    Packet::UnsubAck(UnsubAck {
        packet_id: unsubscribe.packet_id,
        codes: vec![ReasonCode::SUCCESS; unsubscribe.filters.len()],
        properties: Properties::new(),
    })
}

pub(crate) fn disconnect(reason: ReasonCode) -> Packet {
    Packet::Disconnect(Disconnect { reason, ..Disconnect::default() })
}
