use alloc::vec::Vec;

use crate::{PacketId, Properties, QoS, TopicFilter};

/// SUBSCRIBE: asks for one or more subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Ties the SUBACK to this.
    pub packet_id: PacketId,
    /// At least one.
    pub filters: Vec<SubscribeFilter>,
    /// Subscription identifier and user properties.
    pub properties: Properties,
}

/// One filter of a SUBSCRIBE with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeFilter {
    /// Which topics.
    pub filter: TopicFilter,
    /// How.
    pub options: SubscribeOptions,
}

/// Options of one subscription; before MQTT 5 only the QoS is on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscribeOptions {
    /// The highest QoS the server may deliver with.
    pub qos: QoS,
    /// Leaves out messages this client published itself.
    pub no_local: bool,
    /// Keeps the retain flag as published.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
}

/// When the server sends retained messages for a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// At each subscribe.
    #[default]
    OnSubscribe = 0,
    /// Only where the subscription did not exist.
    OnNewSubscribe = 1,
    /// Never.
    Never = 2,
}
