//! Steps: what happens to the whole broker at a set time.

use std::time::Duration;

use evenkeel_codec::{Bytes, Properties, QoS, TopicName, Will};
use serde::Deserialize;

use crate::text;

/// Something that happens to the whole broker at a time of its own, whatever
/// the clients do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Time from the broker's start.
    #[serde(deserialize_with = "text::duration")]
    pub at: Duration,
    /// Time from one repetition's end to the next; absent, it happens once.
    #[serde(default, deserialize_with = "text::some_duration")]
    pub every: Option<Duration>,
    /// How often it happens; absent, without end if it is repeated.
    pub times: Option<u64>,
    /// What happens.
    pub action: Happening,
}

/// What can happen to the whole broker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Happening {
    /// It goes down as if killed, and comes back at the same addresses.
    /// Connecting is refused meanwhile.
    Restart {
        /// How long it is down.
        #[serde(deserialize_with = "text::duration")]
        down_for: Duration,
        /// Whether sessions and retained messages survive.
        #[serde(default)]
        keeps_sessions: bool,
    },
    /// New connections are left in the kernel's queue: TCP opens, nothing answers.
    BlackHole(#[serde(deserialize_with = "text::duration")] Duration),
    /// Clients are disconnected, on MQTT 5 with this reason.
    Disconnect {
        /// Whose identifier fits; `*` stands for any text.
        client: String,
        /// One of DISCONNECT's reason codes.
        reason: u8,
    },
    /// The broker publishes a message of its own.
    Publish(Message),
}

/// A message as in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The topic.
    #[serde(deserialize_with = "text::topic_name")]
    pub topic: TopicName,
    /// The payload, as text.
    #[serde(default)]
    pub payload: String,
    /// The QoS.
    #[serde(default, deserialize_with = "text::qos")]
    pub qos: QoS,
    /// Whether it is retained.
    #[serde(default)]
    pub retain: bool,
}

impl Message {
    pub(crate) fn to_will(&self) -> Will {
        Will {
            qos: self.qos,
            retain: self.retain,
            topic: self.topic.clone(),
            payload: Bytes::copy_from_slice(self.payload.as_bytes()),
            properties: Properties::new(),
        }
    }
}
