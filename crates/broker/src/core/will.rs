//! Wills: their delay, and what they take in memory.

use std::time::Duration;

use evenkeel_codec::{Bytes, TopicName, Will};

use super::message;
use super::time::Instant;

/// A will whose connection has ended and whose delay has not.
#[derive(Debug)]
pub(crate) struct PendingWill {
    pub(crate) will: Will,
    pub(crate) at: Instant,
}

/// What a will takes while it waits, in bytes (S4).
pub(crate) fn weight(will: &Will) -> usize {
    size_of::<Will>() + will.topic.len() + will.payload.len() + will.properties.weight()
}

/// The will in memory of its own: it lives longer than the packet it came in.
pub(crate) fn detached(will: &Will) -> Will {
    Will {
        qos: will.qos,
        retain: will.retain,
        topic: TopicName::try_from(will.topic.as_str()).unwrap_or_else(|_| will.topic.clone()),
        payload: Bytes::copy_from_slice(&will.payload),
        properties: will.properties.iter().map(message::detached).collect(),
    }
}

/// Time between the end of a connection and its will: never longer than the
/// session lives.
//= [MQTT-3.1.2-8]
//= [MQTT-3.1.3-9]
pub(crate) fn delay(will: &Will, session_expiry: u32) -> Duration {
    let seconds = will.properties.will_delay_interval().unwrap_or_default();
    Duration::from_secs(seconds.min(session_expiry).into())
}
