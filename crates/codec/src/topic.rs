use core::fmt;
use core::ops::Deref;

use alloc::string::String;

use crate::error::has_wildcard;
use crate::{Text, TopicError};

/// The topic a message is published to: not empty, no wildcard.
///
/// Cloning shares the bytes. Publishing in a loop is cheapest with one name
/// made ahead.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Text);

/// What a subscription asks for: a topic with `+` and `#` wildcards, or
/// `$share/group/filter`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter {
    text: Text,
    /// Where the pattern begins: behind `$share/NAME/`, or at 0.
    pattern_start: usize,
}

impl TopicName {
    /// Checks the rules of topic names.
    pub fn new(text: Text) -> Result<Self, TopicError> {
        TopicError::check_name(text.as_bytes())?;
        Ok(Self(text))
    }

    /// The name as text.
    pub const fn text(&self) -> &Text {
        &self.0
    }
}

impl TopicFilter {
    /// Checks the rules of topic filters, shared subscriptions included.
    ///
    /// `$share/` has its meaning of MQTT 5 in every version, as brokers give
    /// it that for older clients too.
    pub fn new(text: Text) -> Result<Self, TopicError> {
        let pattern_start = TopicError::check_filter(text.as_bytes())?;
        Ok(Self { text, pattern_start })
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

    fn pattern_bytes(&self) -> &[u8] {
        self.text.as_bytes().get(self.pattern_start..).unwrap_or_default()
    }

    /// True where the pattern has a `+` or `#` level.
    pub fn has_wildcard(&self) -> bool {
        has_wildcard(self.pattern_bytes())
    }

    /// True where a message with this topic belongs to the subscription.
    ///
    /// A pattern that begins with a wildcard never matches a topic that
    /// begins with `$` ([MQTT-4.7.2-1]).
    pub fn matches(&self, topic: &TopicName) -> bool {
        matches(self.pattern_bytes(), topic.text().as_bytes())
    }
}

//= [MQTT-4.7.2-1]
//= [MQTT-4.7.3-4]
fn matches(mut pattern: &[u8], mut topic: &[u8]) -> bool {
    if topic.starts_with(b"$") && pattern.starts_with(b"+") | pattern.starts_with(b"#") {
        return false;
    }
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

macro_rules! text_like {
    ($name:ident) => {
        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                self.text().as_str()
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                self.text().as_str()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.text(), f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.text(), f)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = TopicError;

            fn try_from(text: &str) -> Result<Self, TopicError> {
                Self::new(Text::try_from(text).map_err(TopicError::Text)?)
            }
        }

        impl TryFrom<String> for $name {
            type Error = TopicError;

            fn try_from(text: String) -> Result<Self, TopicError> {
                Self::new(Text::try_from(text).map_err(TopicError::Text)?)
            }
        }
    };
}

text_like!(TopicName);
text_like!(TopicFilter);
