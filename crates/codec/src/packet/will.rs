//! The will in a CONNECT.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::connect::binary_len;
use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::{put_binary, put_text};
use crate::{DecodeError, EncodeError, Properties, QoS, TopicName, Version};

/// The message the server publishes for a client that has gone.
#[derive(Clone, PartialEq, Eq)]
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

impl Will {
    pub(super) fn decode(
        reader: &mut Reader<'_>,
        version: Version,
        qos: QoS,
        retain: bool,
    ) -> Result<Self, DecodeError> {
        let mut properties = Properties::new();
        if version.has_properties() {
            properties = Properties::read(reader, PropertyOwner::Will)?;
        }
        let topic =
            TopicName::new(reader.text()?).map_err(|error| DecodeError::WillTopic { error })?;
        Ok(Self { qos, retain, topic, payload: reader.binary()?, properties })
    }

    /// Checks the will and returns its length in the payload of CONNECT.
    pub(super) fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        let mut len = 2 + self.topic.text().len() + binary_len(&self.payload)?;
        if version.has_properties() {
            len += list_len(self.properties.measure(PropertyOwner::Will)?);
        }
        Ok(len)
    }

    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        if version.has_properties() {
            self.properties.write(out);
        }
        put_text(self.topic.text(), out);
        put_binary(&self.payload, out);
    }
}

impl fmt::Debug for Will {
    /// Shows the length of the payload, not its content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will")
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("topic", &self.topic)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("properties", &self.properties)
            .finish()
    }
}
