//! An application message in memory of its own.

use bytes::Bytes;
use evenkeel_codec::{Properties, Property, PropertyId, Publish, QoS, Text, TopicName, Will};

use super::ids::SessionId;
use super::time::Instant;

/// Payloads up to this size are copied out of the read buffer, which is as
/// large, so that a message does not keep more alive than it counts.
const COPIED_BYTES_MAX: usize = 64 * 1024;

/// A message on its way through the broker, shared by all who receive it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: TopicName,
    pub(crate) payload: Bytes,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// What is forwarded unchanged, in its order.
    pub(crate) properties: Properties,
    pub(crate) expires: Option<Instant>,
    /// The publisher, for No Local.
    pub(crate) from: Option<SessionId>,
    /// It tells of the broker itself, below `$SYS/broker/`.
    pub(crate) is_of_broker: bool,
    /// What topic, payload and properties take, in bytes.
    content: usize,
}

impl Message {
    //= [MQTT-3.3.2-4]
    //= [MQTT-3.3.2-15]
    //= [MQTT-3.3.2-16]
    //= [MQTT-3.3.2-17]
    //= [MQTT-3.3.2-18]
    //= [MQTT-3.3.2-20]
    pub(crate) fn new(now: Instant, topic: &TopicName, publish: Publish, from: SessionId) -> Self {
        let expires = expiry(now, &publish.properties);
        let properties = forwarded(publish.properties);
        let (topic, payload) = detach(topic, publish.payload, &properties);
        Self {
            content: topic.len() + payload.len() + properties.weight(),
            topic,
            payload,
            qos: publish.qos,
            retain: publish.retain,
            properties,
            expires,
            from: Some(from),
            is_of_broker: false,
        }
    }

    pub(crate) fn of_will(now: Instant, will: Will) -> Self {
        let expires = expiry(now, &will.properties);
        let properties = forwarded(will.properties);
        let (topic, payload) = detach(&will.topic, will.payload, &properties);
        Self {
            content: topic.len() + payload.len() + properties.weight(),
            topic,
            payload,
            qos: will.qos,
            retain: will.retain,
            properties,
            expires,
            from: None,
            is_of_broker: false,
        }
    }

    pub(crate) fn of_broker(topic: TopicName, payload: String) -> Self {
        Self {
            content: topic.len() + payload.len(),
            topic,
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: true,
            properties: Properties::new(),
            expires: None,
            from: None,
            is_of_broker: true,
        }
    }

    /// What this message takes in memory, in bytes (S4).
    pub(crate) const fn weight(&self) -> usize {
        // It is shared, with two counters beside it.
        size_of::<Self>() + 2 * size_of::<usize>() + self.content
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// Seconds left, rounded up, to be forwarded in place of the publisher's.
    //= [MQTT-3.3.2-6]
    pub(crate) fn seconds_left(&self, now: Instant) -> Option<u32> {
        let left = self.expires?.since(now);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

fn expiry(now: Instant, properties: &Properties) -> Option<Instant> {
    let seconds = properties.message_expiry_interval()?;
    Some(now + std::time::Duration::from_secs(seconds.into()))
}

fn forwarded(mut properties: Properties) -> Properties {
    for id in [
        PropertyId::MESSAGE_EXPIRY_INTERVAL,
        PropertyId::TOPIC_ALIAS,
        PropertyId::SUBSCRIPTION_IDENTIFIER,
        PropertyId::WILL_DELAY_INTERVAL,
    ] {
        properties.remove(id);
    }
    properties.iter().map(detached).collect()
}

/// Copies what points into the read buffer.
pub(super) fn detached(property: &Property) -> Property {
    let text = Text::detached;
    match property {
        Property::ContentType(value) => Property::ContentType(text(value)),
        Property::ResponseTopic(value) => Property::ResponseTopic(text(value)),
        Property::CorrelationData(value) => {
            Property::CorrelationData(Bytes::copy_from_slice(value))
        }
        Property::UserProperty(name, value) => Property::UserProperty(text(name), text(value)),
        other => other.clone(),
    }
}

/// Puts topic and payload into one allocation of their own, unless the
/// payload is large enough to be worth its buffer, in which the properties lie too.
fn detach(topic: &TopicName, payload: Bytes, properties: &Properties) -> (TopicName, Bytes) {
    if payload.len() > COPIED_BYTES_MAX && payload.len() >= properties.weight() {
        return (topic.clone(), payload);
    }
    let mut joined = Vec::with_capacity(topic.len() + payload.len());
    joined.extend_from_slice(topic.as_bytes());
    joined.extend_from_slice(&payload);
    let mut name = Bytes::from(joined);
    let copy = name.split_off(topic.len());
    // The copy of a valid name is a valid name.
    match Text::from_bytes(name).ok().and_then(|text| TopicName::new(text).ok()) {
        Some(name) => (name, copy),
        None => (topic.clone(), payload),
    }
}
