//! What packets are made of: topics, properties, reason codes.
//!
//! ```
//! use evenkeel::packet::{TopicFilter, TopicName};
//!
//! let filter = TopicFilter::try_from("site/+/alarm")?;
//! assert!(filter.matches("site/7/alarm"));
//! // Checked once, for many messages.
//! let level = TopicName::try_from("site/7/level")?;
//! # Ok::<(), evenkeel::error::TopicError>(())
//! ```

#[doc(inline)]
pub use evenkeel_codec::{
    Bytes, PacketId, PacketType, Properties, Property, PropertyId, QoS, ReasonCode, RetainHandling,
    SubscribeOptions, Text, TopicFilter, TopicName, Version,
};
