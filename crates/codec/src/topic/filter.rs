//! Topic filters and what they match.

use crate::{Text, TextError, TopicError, TopicName};

/// What a subscription asks for: a topic with `+` and `#` wildcards, or
/// `$share/group/filter`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter {
    text: Text,
    /// Where the pattern begins: behind `$share/NAME/`, or at 0.
    pattern_start: usize,
    /// Where the pattern stops being plain text: at the end, at a `+`, or at
    /// the `/` before a `#`.
    wild_start: usize,
}

impl TopicFilter {
    /// Checks the rules of topic filters, shared subscriptions included.
    ///
    /// `$share/` has its meaning of MQTT 5 in every version, as brokers give
    /// it that for older clients too.
    pub fn new(text: Text) -> Result<Self, TopicError> {
        let pattern_start = TopicError::check_filter(text.as_bytes())?;
        let pattern = text.as_bytes().get(pattern_start..).unwrap_or_default();
        let wild_start = text.len() - wild_part(pattern).len();
        Ok(Self { text, pattern_start, wild_start })
    }

    /// The whole filter as text, with the `$share` prefix if it has one.
    pub const fn text(&self) -> &Text {
        &self.text
    }

    /// The share name of `$share/NAME/filter`.
    pub fn share_name(&self) -> Option<&str> {
        let name = self.text.as_str().get("$share/".len()..self.pattern_start.checked_sub(1)?)?;
        Some(name)
    }

    /// True for `$share/NAME/filter`.
    pub const fn is_shared(&self) -> bool {
        self.pattern_start != 0
    }

    /// The part that topics are compared with: the text less `$share/NAME/`.
    pub fn pattern(&self) -> &str {
        self.text.as_str().get(self.pattern_start..).unwrap_or_default()
    }

    /// The bytes of the [pattern](Self::pattern), which cost no look at each of them.
    pub fn pattern_bytes(&self) -> &[u8] {
        self.text.as_bytes().get(self.pattern_start..).unwrap_or_default()
    }

    /// True if the pattern has a `+` or `#` level.
    pub fn has_wildcard(&self) -> bool {
        self.wild_start < self.text.len()
    }

    /// True if a message with this topic belongs to the subscription.
    ///
    /// A text that is no topic name, such as the empty one or one with a
    /// wildcard, matches no filter. A pattern that begins with a wildcard
    /// never matches a topic that begins with `$` ([MQTT-4.7.2-1]).
    ///
    /// ```
    /// use evenkeel_codec::TopicFilter;
    ///
    /// let filter = TopicFilter::try_from("site/+/alarm")?;
    /// assert!(filter.matches("site/7/alarm"));
    /// assert!(!filter.matches("site/+/alarm"), "a filter is no topic name");
    /// # Ok::<(), evenkeel_codec::TopicError>(())
    /// ```
    pub fn matches(&self, topic: &str) -> bool {
        let bytes = topic.as_bytes();
        let is_name = TextError::check(bytes).is_ok() && TopicError::check_name(bytes).is_ok();
        is_name && self.matches_bytes(bytes)
    }

    /// [`matches`](Self::matches) for a topic name that is checked already.
    pub fn matches_name(&self, topic: &TopicName) -> bool {
        self.matches_text(topic.text())
    }

    /// [`matches`](Self::matches) for the topic of a received PUBLISH, which
    /// is a valid name by its decoding.
    pub fn matches_text(&self, topic: &Text) -> bool {
        self.matches_bytes(topic.as_bytes())
    }

    //= [MQTT-4.7.2-1]
    //= [MQTT-4.7.3-4]
    fn matches_bytes(&self, topic: &[u8]) -> bool {
        let filter = self.text.as_bytes();
        let plain = filter.get(self.pattern_start..self.wild_start).unwrap_or_default();
        let wild = filter.get(self.wild_start..).unwrap_or_default();
        let begins_wild = plain.is_empty() && matches!(wild, [b'+' | b'#', ..]);
        if begins_wild && topic.starts_with(b"$") {
            return false;
        }
        topic.strip_prefix(plain).is_some_and(|rest| matches(wild, rest))
    }
}

text_like!(TopicFilter);

/// The part of a pattern from its first wildcard on; from the separator before
/// it for a `#`, which stands for the level above, too.
fn wild_part(pattern: &[u8]) -> &[u8] {
    let wildcard = pattern.iter().position(|byte| matches!(byte, b'+' | b'#'));
    let start = match wildcard {
        None => pattern.len(),
        Some(at) if pattern.get(at) == Some(&b'#') => at.saturating_sub(1),
        Some(at) => at,
    };
    pattern.get(start..).unwrap_or_default()
}

/// Compares a pattern, from its beginning or from a separator on, with what is
/// left of a topic.
fn matches(mut pattern: &[u8], mut topic: &[u8]) -> bool {
    loop {
        match (pattern, topic) {
            // `level/#` matches the parent `level` as well.
            ([], []) | ([b'#'], _) | ([b'/', b'#'], []) => return true,
            ([b'+', rest @ ..], _) => {
                let level = topic.iter().position(|byte| *byte == b'/').unwrap_or(topic.len());
                pattern = rest;
                topic = topic.get(level..).unwrap_or_default();
            }
            ([wanted, pattern_rest @ ..], [found, topic_rest @ ..]) if wanted == found => {
                pattern = pattern_rest;
                topic = topic_rest;
            }
            _ => return false,
        }
    }
}
