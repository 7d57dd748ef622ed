//! PUBLISH held against a profile: what it is like, and how many come.

use std::collections::BTreeMap;

use evenkeel_codec::{Publish, QoS};
use evenkeel_profile::{Profile, Rate};

use super::bucket::Window;
use super::shape::{self, Message, value};
use super::verdict::Break;
use crate::core::Instant;

/// Topics of one connection with a window of their own; of more, none is judged.
const TOPICS_MAX: usize = 1000;

/// Counts the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Inflow {
    /// Each with the limit it is of.
    rates: Vec<(&'static str, Window)>,
    per_topic: Option<Rate>,
    topics: BTreeMap<Box<str>, Window>,
}

impl Inflow {
    pub(crate) fn new(rules: &Profile) -> Self {
        let limits = &rules.publish;
        let one = value(&limits.publish_rate).map(|rate| ("publish_rate", rate));
        let several = limits.publish_rates.iter().flat_map(|limit| limit.value.0.iter());
        let several = several.map(|rate| ("publish_rates", *rate));
        let all = one.into_iter().chain(several);
        Self {
            rates: all.map(|(name, rate)| (name, Window::new(rate))).collect(),
            per_topic: value(&limits.publish_rate_per_topic),
            topics: BTreeMap::new(),
        }
    }

    /// One more message: counts by all rates, or by none.
    pub(crate) fn admit(&mut self, now: Instant, topic: &str) -> Result<(), Break> {
        for (name, window) in &mut self.rates {
            window.check(now).map_err(|over| {
                Break::until(name, format!("{} messages", over.count), over.until)
            })?;
        }
        self.admit_topic(now, topic)?;
        for (_, window) in &mut self.rates {
            // There is room: it was asked above.
            let _ = window.admit(now);
        }
        Ok(())
    }

    fn admit_topic(&mut self, now: Instant, topic: &str) -> Result<(), Break> {
        let Some(rate) = self.per_topic else { return Ok(()) };
        if self.topics.len() >= TOPICS_MAX {
            self.topics.retain(|_, window| !window.is_idle(now));
        }
        if self.topics.len() >= TOPICS_MAX && !self.topics.contains_key(topic) {
            return Ok(());
        }
        let window = self.topics.entry(topic.into()).or_insert_with(|| Window::new(rate));
        window.admit(now).map_err(|over| {
            let seen = format!("{} messages to {topic}", over.count);
            Break::until("publish_rate_per_topic", seen, over.until)
        })
    }
}

/// What is wrong with a message, its rate apart. `topic` is the one it means,
/// `unacknowledged` those that wait for an answer.
pub(crate) fn asked(
    rules: &Profile,
    publish: &Publish,
    topic: &str,
    client_id: &str,
    unacknowledged: usize,
) -> Vec<Break> {
    let mut breaks = Vec::new();
    let limits = &rules.publish;
    if let (Some(alias), Some(most)) =
        (publish.properties.topic_alias(), value(&limits.topic_alias_maximum))
        && alias > most
    {
        breaks.push(Break::new("topic_alias_maximum", format!("alias {alias}")));
    }
    let message = Message {
        qos: publish.qos,
        retain: publish.retain,
        topic,
        payload: publish.payload.len(),
        properties: &publish.properties,
        of: "",
    };
    shape::message(rules, &message, client_id, &mut breaks);
    if publish.qos > QoS::AtMostOnce
        && value(&limits.receive_maximum).is_some_and(|most| unacknowledged >= most.into())
    {
        let seen = format!("{} messages", unacknowledged + 1);
        breaks.push(Break::new("receive_maximum", seen));
    }
    breaks
}
