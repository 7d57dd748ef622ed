//! The limits of messages, the will among them.

use alloc::boxed::Box;
use alloc::format;

use evenkeel_codec::{Properties, Publish, QoS, Will};
use evenkeel_profile::{Limit, Profile};

use crate::config::Config;

use super::topic::above;
use super::{BrokenLimit, properties, topic};

pub(super) fn obey(config: &mut Config, profile: &Profile) {
    let bounds = &mut config.bounds;
    if let Some(messages) = profile.receive_maximum() {
        bounds.in_flight = bounds.in_flight.min(messages);
    }
}

/// What a message and its parts are called.
struct Names {
    /// The list of its properties, as profiles name it.
    properties: &'static str,
    itself: &'static str,
    payload: &'static str,
    topic: &'static str,
}

const MESSAGE: Names =
    Names { properties: "publish", itself: "a message", payload: "a payload", topic: "a topic" };

const WILL: Names = Names {
    properties: "will",
    itself: "the will",
    payload: "a will's payload",
    topic: "a will's topic",
};

/// A message that is to be sent, or left as a will.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    names: &'static Names,
    topic: &'a str,
    payload: usize,
    qos: QoS,
    retain: bool,
    properties: &'a Properties,
}

impl<'a> Message<'a> {
    /// A PUBLISH with a payload of this length.
    pub(crate) fn new(publish: &'a Publish, payload: usize) -> Self {
        Self {
            names: &MESSAGE,
            topic: publish.topic.as_str(),
            payload,
            qos: publish.qos,
            retain: publish.retain,
            properties: &publish.properties,
        }
    }

    pub(super) fn of_will(will: &'a Will) -> Self {
        Self {
            names: &WILL,
            topic: will.topic.as_str(),
            payload: will.payload.len(),
            qos: will.qos,
            retain: will.retain,
            properties: &will.properties,
        }
    }

    /// The limit that the message of this client breaks, if any but the
    /// size of its packet.
    pub(crate) fn broken(self, profile: &Profile, client_id: &str) -> Option<Box<BrokenLimit>> {
        self.broken_by_shape(profile)
            .or_else(|| self.broken_by_topic(profile, client_id))
            .or_else(|| self.broken_by_properties(profile))
    }

    fn broken_by_shape(self, profile: &Profile) -> Option<Box<BrokenLimit>> {
        let limits = &profile.publish;
        let payload = limits.maximum_payload_size.as_ref();
        if let Some(limit) = &limits.maximum_qos
            && self.qos.level() > limit.value
        {
            let asked = format!("QoS {} of {}", self.qos.level(), self.names.itself);
            return Some(BrokenLimit::new("maximum_qos", limit, asked));
        }
        if let Some(limit @ Limit { value: false, .. }) = &limits.retain_available
            && self.retain
        {
            let asked = format!("the retain flag of {}", self.names.itself);
            return Some(BrokenLimit::new("retain_available", limit, asked));
        }
        above("maximum_payload_size", payload, self.payload, self.names.payload, "B")
    }

    /// An empty topic stands for one that was used, and checked, before.
    fn broken_by_topic(self, profile: &Profile, client_id: &str) -> Option<Box<BrokenLimit>> {
        if self.topic.is_empty() {
            return None;
        }
        topic::broken(profile, self.topic, self.names.topic).or_else(|| {
            let limit = profile.publish.publish_topics.as_ref()?;
            let known = limit.value.0.iter().any(|it| it.allows(self.topic, client_id));
            let asked = || format!("the topic {:?} of {}", self.topic, self.names.itself);
            (!known).then(|| BrokenLimit::new("publish_topics", limit, asked()))
        })
    }

    fn broken_by_properties(self, profile: &Profile) -> Option<Box<BrokenLimit>> {
        let (held, limits) = (self.properties, &profile.publish);
        if held.is_empty() {
            return None;
        }
        let user = held.user_properties().map(|(name, value)| name.len() + value.len()).sum();
        let correlation = held.correlation_data().map_or(0, |data| data.len());
        let response = held.response_topic().map_or(0, |topic| topic.len());
        let content = held.content_type().map_or(0, |text| text.len());
        let (user_limit, correlation_limit) =
            (limits.user_properties_size.as_ref(), limits.correlation_data_size.as_ref());
        let (response_limit, content_limit) =
            (limits.response_topic_length.as_ref(), limits.content_type_length.as_ref());
        properties::broken(profile, self.names.properties, held)
            .or_else(|| above("user_properties_size", user_limit, user, "user properties", "B"))
            .or_else(|| {
                let name = "correlation_data_size";
                above(name, correlation_limit, correlation, "correlation data", "B")
            })
            .or_else(|| {
                above("response_topic_length", response_limit, response, "a response topic", "B")
            })
            .or_else(|| above("content_type_length", content_limit, content, "a content type", "B"))
    }
}

/// The longest message expiry interval, in seconds.
pub(crate) fn longest_expiry(profile: &Profile) -> Option<u32> {
    let limit = profile.publish.maximum_message_expiry.as_ref()?;
    Some(u32::try_from(limit.value.as_secs()).unwrap_or(u32::MAX))
}
