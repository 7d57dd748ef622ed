//! The message that the server publishes if the client is lost.

use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Properties, Property, QoS, TopicError};

use crate::topic::IntoTopic;

/// What the server publishes if this client is lost.
#[derive(Debug)]
#[must_use = "a will is part of a builder"]
pub struct Will {
    topic: Result<evenkeel_codec::TopicName, TopicError>,
    payload: Bytes,
    qos: QoS,
    retain: bool,
    properties: Properties,
}

impl Will {
    /// A will with QoS 0, not retained.
    pub fn new(topic: impl IntoTopic, payload: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into_topic(),
            payload: payload.into(),
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
