//! Topic names.

use crate::{Text, TopicError};

/// The topic a message is published to: not empty, no wildcard.
///
/// Cloning shares the bytes. Publishing in a loop is cheapest with one name
/// made ahead.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Text);

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

    /// The name as text, without counting one more owner of its bytes.
    #[inline]
    pub fn into_text(self) -> Text {
        self.0
    }
}

text_like!(TopicName);
