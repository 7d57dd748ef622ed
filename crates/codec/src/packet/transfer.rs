//! What differs between two sendings of one message.

use crate::PacketId;

/// What differs from one sending of a message to the next. Stands in for what
/// the [`Publish`](crate::Publish) says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Set if this may be a second delivery.
    pub dup: bool,
    /// Present for QoS 1 and 2 exactly.
    pub packet_id: Option<PacketId>,
    /// What stands for the topic; nothing before MQTT 5.
    pub topic_alias: TopicAliasUse,
    /// Seconds the message has left, in place of its own Message Expiry
    /// Interval; `None` writes its own.
    pub message_expiry: Option<u32>,
}

/// How a PUBLISH names its topic (MQTT 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicAliasUse {
    /// By the topic alone.
    #[default]
    None,
    /// By the topic, which the alias stands for from now on.
    Define(u16),
    /// By the alias alone.
    Use(u16),
}
