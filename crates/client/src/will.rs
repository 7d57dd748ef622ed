//! The message that the server publishes if the client is lost.

use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Properties, Property, QoS, TopicError};

use crate::arguments::{IntoBytes, IntoTopic};

/// The message that the server publishes if the client is lost: if a connection
/// ends in any way but by a DISCONNECT of the client.
///
/// ```
/// use evenkeel::{Client, QoS, Will};
///
/// let will = Will::new("pump-17/state", "gone").qos(QoS::AtLeastOnce).retain(true);
/// let builder = Client::builder("mqtt://localhost").will(will);
/// ```
#[derive(Clone)]
#[must_use = "a will is part of a builder"]
pub struct Will {
    topic: Result<evenkeel_codec::TopicName, TopicError>,
    payload: Bytes,
    qos: QoS,
    retain: bool,
    properties: Properties,
}

impl Will {
    /// A will with QoS 0, not retained. A topic that is no topic name is an error of
    /// [`start`](crate::ClientBuilder::start).
    pub fn new(topic: impl IntoTopic, payload: impl IntoBytes) -> Self {
        Self {
            topic: topic.into_topic(),
            payload: payload.into_bytes(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
        }
    }

    /// The QoS it is published with.
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Whether the server keeps it as the topic's last value.
    pub const fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// How long the server waits for the client to come back, in whole
    /// seconds, before it publishes the will (MQTT 5).
    pub fn delay(self, delay: Duration) -> Self {
        let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
        self.property(Property::WillDelayInterval(seconds))
    }

    /// Any property of the will (MQTT 5).
    pub fn property(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn build(self) -> Result<evenkeel_codec::Will, TopicError> {
        Ok(evenkeel_codec::Will {
            qos: self.qos,
            retain: self.retain,
            topic: self.topic?,
            payload: self.payload,
            properties: self.properties,
        })
    }
}

impl std::fmt::Debug for Will {
    /// Shows the length of the payload, not its content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Will")
            .field("topic", &self.topic)
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("payload_len", &self.payload.len())
            .finish_non_exhaustive()
    }
}
