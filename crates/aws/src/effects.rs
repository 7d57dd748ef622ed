//! What a service wants done.

use std::fmt;

use evenkeel_codec::Bytes;
use serde_json::Value;

use crate::note::Note;
use crate::provisioning::RegistryChange;

/// The delivery of a message, as far as AWS IoT Core knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QoS {
    /// QoS 0.
    AtMostOnce,
    /// QoS 1.
    AtLeastOnce,
}

/// A message of a service.
///
/// Its payload may hold a private key, so `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its payload, JSON in most cases.
    pub payload: Bytes,
    /// How it is delivered at most.
    pub qos: QoS,
}

impl Message {
    /// A JSON message of a service; those of AWS are delivered at QoS 1.
    #[must_use]
    pub fn json(topic: String, payload: &Value) -> Self {
        Self { topic, payload: payload.to_string().into(), qos: QoS::AtLeastOnce }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, payload, qos } = self;
        write!(f, "Message({topic:?}, {} bytes, {qos:?})", payload.len())
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// To everybody who has subscribed.
    Publish(Message),
    /// To one client, past all subscriptions: it need not have any.
    Send {
        /// Its client id.
        client: String,
        /// What it gets.
        message: Message,
    },
    /// The registry of things and certificates changes.
    Registry(RegistryChange),
    /// Something for the log.
    Note(Note),
}

/// What is to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects(Vec<Effect>);

impl Effects {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// They, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Effect> {
        self.0.iter()
    }

    /// Takes all of them out, in order, and keeps the memory.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect> {
        self.0.drain(..)
    }

    pub(crate) fn publish(&mut self, message: Message) {
        self.0.push(Effect::Publish(message));
    }

    pub(crate) fn publish_json(&mut self, topic: String, payload: &Value) {
        self.publish(Message::json(topic, payload));
    }

    pub(crate) fn send(&mut self, client: &str, message: Message) {
        self.0.push(Effect::Send { client: client.to_owned(), message });
    }

    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    pub(crate) fn change(&mut self, change: RegistryChange) {
        self.0.push(Effect::Registry(change));
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.0.push(Effect::Note(note));
    }

    /// The messages to everybody that were added behind the first `from` effects.
    pub(crate) fn published_since(&self, from: usize) -> impl Iterator<Item = &Message> {
        self.0.iter().skip(from).filter_map(|effect| {
            if let Effect::Publish(message) = effect { Some(message) } else { None }
        })
    }
}
