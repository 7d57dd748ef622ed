//! Tracing of packets, if it is wanted.

use bytes::Bytes;
use evenkeel_codec::{Packet, Property, Publish, TopicAliasUse, Transfer};

use crate::io::ConnectionId;
use crate::trace::Direction;

use super::Client;

impl Client {
    #[inline]
    pub(super) fn is_traced(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.trace.is_some())
    }

    #[inline]
    pub(super) fn trace_sent(&mut self, packet: impl FnOnce() -> Packet) {
        if self.is_traced() {
            self.trace(Direction::Sent, packet());
        }
    }

    #[inline]
    pub(super) fn trace_received(&mut self, packet: impl FnOnce() -> Packet) {
        if self.is_traced() {
            self.trace(Direction::Received, packet());
        }
    }

    #[cold]
    fn trace(&mut self, direction: Direction, packet: Packet) {
        if let Some(conn) = self.conn() {
            self.trace_of(conn, direction, packet);
        }
    }

    /// The same for a connection that is over.
    #[cold]
    pub(super) fn trace_of(&mut self, conn: ConnectionId, direction: Direction, packet: Packet) {
        if let Some(extras) = &mut self.extras
            && let Some(trace) = &mut extras.trace
        {
            trace.push(conn, direction, packet);
        }
    }
}

/// A message as the packet that it is sent in.
pub(super) fn publish_packet(
    publish: &Publish,
    payload: Option<&[u8]>,
    transfer: &Transfer,
) -> Packet {
    let mut properties: evenkeel_codec::Properties = (publish.properties.iter())
        .filter(|property| !matches!(property, Property::TopicAlias(_)))
        .map(|property| match (property, transfer.message_expiry) {
            (Property::MessageExpiryInterval(_), Some(left)) => {
                Property::MessageExpiryInterval(left)
            }
            (property, _) => property.clone(),
        })
        .collect();
    if let TopicAliasUse::Define(alias) | TopicAliasUse::Use(alias) = transfer.topic_alias {
        properties.push(Property::TopicAlias(alias));
    }
    Packet::Publish(Publish {
        dup: transfer.dup,
        qos: publish.qos,
        retain: publish.retain,
        topic: publish.topic.clone(),
        packet_id: transfer.packet_id,
        payload: payload.map_or_else(|| publish.payload.clone(), Bytes::copy_from_slice),
        properties,
    })
}
