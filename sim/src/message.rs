//! Messages that can be told apart wherever they appear.

use std::fmt;

use bytes::Bytes;
use evenkeel_codec::QoS;

/// Names one message of the world: the `number`th, counted from 1, that this
/// client published to this topic with this QoS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Index of the client.
    pub publisher: u16,
    /// Index of the topic among the client's.
    pub topic: u8,
    /// Level of the QoS it was published with.
    pub qos: u8,
    /// Counted apart for each topic and QoS.
    pub number: u32,
}

/// Bytes that hold the name.
const LENGTH: usize = 12;
const MAGIC: [u8; 4] = *b"EVEN";

impl MessageId {
    /// A payload of this length, or as long as the name needs.
    pub fn payload(self, length: usize) -> Bytes {
        let mut bytes = Vec::with_capacity(length.max(LENGTH));
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.publisher.to_be_bytes());
        bytes.extend_from_slice(&[self.topic, self.qos]);
        bytes.extend_from_slice(&self.number.to_be_bytes());
        let filler = self.number as u8;
        bytes.resize(length.max(LENGTH), filler);
        bytes.into()
    }

    /// The name in a payload; `None` if the payload is not of this world,
    /// or was changed on its way.
    pub fn of(payload: &[u8]) -> Option<Self> {
        let (head, rest) = payload.split_at_checked(LENGTH)?;
        let [m0, m1, m2, m3, p0, p1, topic, qos, n0, n1, n2, n3] = *head else { return None };
        let number = u32::from_be_bytes([n0, n1, n2, n3]);
        let is_whole = [m0, m1, m2, m3] == MAGIC && rest.iter().all(|byte| *byte == number as u8);
        let publisher = u16::from_be_bytes([p0, p1]);
        is_whole.then_some(Self { publisher, topic, qos, number })
    }

    /// The topic it is published to.
    pub fn topic_name(self) -> String {
        topic_name(self.publisher.into(), self.topic)
    }

    /// The QoS it is published with.
    pub fn qos(self) -> QoS {
        QoS::from_level(self.qos).unwrap_or_default()
    }

    /// What it shares with the messages whose order is kept.
    pub const fn stream(self) -> (u16, u8, u8) {
        (self.publisher, self.topic, self.qos)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}/{}:q{}#{}", self.publisher, self.topic, self.qos, self.number)
    }
}

/// The name of a client's topic.
pub fn topic_name(client: usize, topic: u8) -> String {
    format!("from/{client}/{topic}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_names_its_message_until_it_is_changed() {
        let id = MessageId { publisher: 3, topic: 1, qos: 2, number: 70_000 };
        for length in [0, 12, 13, 5000] {
            let payload = id.payload(length);
            assert_eq!(payload.len(), length.max(12));
            assert_eq!(MessageId::of(&payload), Some(id));
        }
        let mut changed = id.payload(40).to_vec();
        changed[39] ^= 1;
        assert_eq!(MessageId::of(&changed), None);
        assert_eq!(MessageId::of(b"short"), None);
    }
}
