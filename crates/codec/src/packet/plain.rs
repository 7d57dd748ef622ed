//! The most frequent packet of all: a PUBLISH that needs no close look.

use bytes::{Buf, Bytes};

use crate::error::TopicError;
use crate::{PacketId, Properties, Publish, QoS, Text, Version};

use super::publish::{DUP, RETAIN, qos_of};

/// What a PUBLISH without properties says in front of its payload, and where.
pub(crate) struct PlainPublish {
    flags: u8,
    qos: QoS,
    /// The topic stands behind two bytes of length.
    topic_end: usize,
    packet_id: Option<PacketId>,
    payload_begin: usize,
}

impl PlainPublish {
    /// `None` if there are properties, a topic that is not plain, or an
    /// error.
    #[inline]
    pub(crate) fn find(body: &[u8], flags: u8, version: Version) -> Option<Self> {
        let (topic_len, rest) = body.split_first_chunk()?;
        let topic_len = usize::from(u16::from_be_bytes(*topic_len));
        let (topic, mut rest) = rest.split_at_checked(topic_len)?;
        if !TopicError::is_plain_name(topic) {
            return None;
        }
        let qos = qos_of(flags)?;
        let mut packet_id = None;
        if qos != QoS::AtMostOnce {
            let (id, behind) = rest.split_first_chunk()?;
            packet_id = Some(PacketId::new(u16::from_be_bytes(*id))?);
            rest = behind;
        } else if flags & DUP != 0 {
            return None;
        }
        if version.has_properties() {
            rest = rest.strip_prefix(&[0])?;
        }
        let payload_begin = body.len() - rest.len();
        Some(Self { flags, qos, topic_end: 2 + topic_len, packet_id, payload_begin })
    }

    /// The packet with this body, in which it was found. Made in place: to move it
    /// costs as much as to make it.
    #[inline(always)]
    pub(crate) fn with(self, mut body: Bytes) -> Publish {
        let topic = body.get(2..self.topic_end).unwrap_or_default();
        let topic = Text::of_checked(topic, &body);
        body.advance(self.payload_begin);
        Publish {
            dup: self.flags & DUP != 0,
            qos: self.qos,
            retain: self.flags & RETAIN != 0,
            topic,
            packet_id: self.packet_id,
            payload: body,
            properties: Properties::new(),
        }
    }
}
