use alloc::vec::Vec;

use crate::{PacketId, Properties, TopicFilter};

/// UNSUBSCRIBE: ends one or more subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Ties the UNSUBACK to this.
    pub packet_id: PacketId,
    /// At least one.
    pub filters: Vec<TopicFilter>,
    /// User properties.
    pub properties: Properties,
}
