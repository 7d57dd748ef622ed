//! The values of limits that are more than a number.

use alloc::borrow::Cow;
use core::time::Duration;

/// The keep-alive values a broker works with, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct KeepAliveRange {
    /// The smallest value other than 0.
    pub minimum: u16,
    /// The largest value.
    pub maximum: u16,
    /// What the broker makes of 0; 0 itself if that turns keep-alive off.
    pub zero_means: u16,
}

/// How soon after a CONNECT the same client identifier may send the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct ConnectFloor {
    /// Least time between two CONNECT packets, always.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds"))]
    pub spacing: Duration,
    /// Least time between the end of a short connection and the next CONNECT.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds"))]
    pub spacing_after_short: Duration,
    /// A connection that lived less than this counts as short.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds"))]
    pub short: Duration,
}

/// At most `amount` of something in each `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct Rate {
    /// Packets, filters or bytes; the field that holds the rate says which.
    pub amount: u32,
    /// The time they are counted over.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds"))]
    pub period: Duration,
}

/// Allowed lengths in bytes of UTF-8, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct LengthRange {
    /// The least length that is allowed.
    pub minimum: u16,
    /// The greatest length that is allowed.
    pub maximum: u16,
}

/// Beginnings of topics that length and level limits do not count, such as
/// `$share/+/`; `+` stands for any one level.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(transparent))]
pub struct TopicPrefixes(pub Cow<'static, [Cow<'static, str>]>);

impl KeepAliveRange {
    /// The keep-alive such a broker works with when a client asks for
    /// `requested` seconds; 0 is no keep-alive.
    pub const fn effective(self, requested: u16) -> u16 {
        if requested == 0 {
            self.zero_means
        } else if requested < self.minimum {
            self.minimum
        } else if requested > self.maximum {
            self.maximum
        } else {
            requested
        }
    }

    /// True if the broker takes the value as it is.
    pub const fn allows(self, requested: u16) -> bool {
        self.effective(requested) == requested
    }
}

impl Rate {
    /// So many per second.
    pub const fn per_second(amount: u32) -> Self {
        Self { amount, period: Duration::from_secs(1) }
    }
}

impl LengthRange {
    /// True if a text of this many bytes is within the limits.
    pub const fn allows(self, len: usize) -> bool {
        len >= self.minimum as usize && len <= self.maximum as usize
    }
}

impl TopicPrefixes {
    /// The part of a topic or filter that length and level limits count.
    pub fn counted<'t>(&self, topic: &'t str) -> &'t str {
        self.0.iter().find_map(|prefix| strip(topic, prefix)).unwrap_or(topic)
    }
}

/// What is left of the topic after the prefix, if it begins with it.
fn strip<'t>(topic: &'t str, prefix: &str) -> Option<&'t str> {
    let mut rest = topic;
    for wanted in prefix.trim_end_matches('/').split('/') {
        let (level, after) = rest.split_once('/')?;
        if wanted != "+" && wanted != level {
            return None;
        }
        rest = after;
    }
    Some(rest)
}
