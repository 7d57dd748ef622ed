use core::fmt;
use core::ops::Deref;

use alloc::string::String;

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
pub struct TopicFilter(Text);

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
    pub fn new(text: Text) -> Result<Self, TopicError> {
        TopicError::check_filter(text.as_str())?;
        Ok(Self(text))
    }

    /// The whole filter as text, with the `$share` prefix if it has one.
    pub const fn text(&self) -> &Text {
        &self.0
    }

    /// The share name of `$share/NAME/filter`.
    pub fn share_name(&self) -> Option<&str> {
        self.split_share().0
    }

    /// The part that topics are compared with: the text less `$share/NAME/`.
    pub fn pattern(&self) -> &str {
        self.split_share().1
    }

    /// True where the pattern has a `+` or `#` level.
    pub fn has_wildcard(&self) -> bool {
        self.pattern().split('/').any(|level| level == "+" || level == "#")
    }

    /// True where a message with this topic belongs to the subscription.
    ///
    /// A pattern that begins with a wildcard never matches a topic that
    /// begins with `$` ([MQTT-4.7.2-1]).
    pub fn matches(&self, topic: &TopicName) -> bool {
        matches(self.pattern(), topic.as_str())
    }

    fn split_share(&self) -> (Option<&str>, &str) {
        let whole = self.0.as_str();
        match whole.strip_prefix("$share/").and_then(|rest| rest.split_once('/')) {
            Some((name, pattern)) => (Some(name), pattern),
            None => (None, whole),
        }
    }
}

//= [MQTT-4.7.2-1]
//= [MQTT-4.7.3-4]
fn matches(pattern: &str, topic: &str) -> bool {
    if topic.starts_with('$') && pattern.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in pattern.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

macro_rules! text_like {
    ($name:ident) => {
        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                self.0.as_str()
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
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
