//! What may be given where a topic or filter is asked for.

use evenkeel_codec::{Text, TopicError, TopicFilter, TopicName};

/// Anything that is, or may be, a topic name. A [`TopicName`] made ahead
/// costs nothing at each publish.
pub trait IntoTopic {
    /// The name, or what is wrong with it.
    fn into_topic(self) -> Result<TopicName, TopicError>;
}

impl IntoTopic for TopicName {
    #[inline]
    fn into_topic(self) -> Result<TopicName, TopicError> {
        Ok(self)
    }
}

impl IntoTopic for &TopicName {
    #[inline]
    fn into_topic(self) -> Result<TopicName, TopicError> {
        Ok(self.clone())
    }
}

impl IntoTopic for &str {
    fn into_topic(self) -> Result<TopicName, TopicError> {
        TopicName::try_from(self)
    }
}

impl IntoTopic for String {
    fn into_topic(self) -> Result<TopicName, TopicError> {
        TopicName::try_from(self)
    }
}

impl IntoTopic for &String {
    fn into_topic(self) -> Result<TopicName, TopicError> {
        TopicName::try_from(self.as_str())
    }
}

impl IntoTopic for Text {
    fn into_topic(self) -> Result<TopicName, TopicError> {
        TopicName::new(self)
    }
}

/// Anything that is, or may be, a topic filter.
pub trait IntoFilter {
    /// The filter, or what is wrong with it.
    fn into_filter(self) -> Result<TopicFilter, TopicError>;
}

impl IntoFilter for TopicFilter {
    fn into_filter(self) -> Result<TopicFilter, TopicError> {
        Ok(self)
    }
}

impl IntoFilter for &TopicFilter {
    fn into_filter(self) -> Result<TopicFilter, TopicError> {
        Ok(self.clone())
    }
}

impl IntoFilter for &str {
    fn into_filter(self) -> Result<TopicFilter, TopicError> {
        TopicFilter::try_from(self)
    }
}

impl IntoFilter for String {
    fn into_filter(self) -> Result<TopicFilter, TopicError> {
        TopicFilter::try_from(self)
    }
}

impl IntoFilter for &String {
    fn into_filter(self) -> Result<TopicFilter, TopicError> {
        TopicFilter::try_from(self.as_str())
    }
}
