//! What may be given for a topic, a filter or bytes.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use evenkeel_codec::{Text, TopicError, TopicFilter, TopicName};

/// Anything that is, or may be, a topic name.
///
/// Each publish checks and copies a topic that is given as text; up to 23 bytes
/// of it without an allocation. A [`TopicName`] made ahead is checked once, and
/// a reference to it shares its bytes.
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

/// Anything that is, or may be, a topic filter; [`IntoFilters`] takes several.
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

impl IntoFilter for &&str {
    fn into_filter(self) -> Result<TopicFilter, TopicError> {
        TopicFilter::try_from(*self)
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

/// One filter, or an array, a slice or a vector of them.
///
/// ```no_run
/// # async fn run(client: evenkeel::Client, configured: &[String]) -> Result<(), Box<dyn std::error::Error>> {
/// let one = client.subscribe("site/+/alarm").await?;
/// let two = client.subscribe(["site/+/alarm", "site/+/level"]).await?;
/// let more = client.subscribe(configured).await?;
/// # Ok(())
/// # }
/// ```
pub trait IntoFilters {
    /// The filters in their order, or what is wrong with the first that is none.
    fn into_filters(self) -> Result<Vec<TopicFilter>, TopicError>;
}

impl<F: IntoFilter> IntoFilters for F {
    fn into_filters(self) -> Result<Vec<TopicFilter>, TopicError> {
        self.into_filter().map(|filter| vec![filter])
    }
}

impl<F: IntoFilter, const N: usize> IntoFilters for [F; N] {
    fn into_filters(self) -> Result<Vec<TopicFilter>, TopicError> {
        self.into_iter().map(IntoFilter::into_filter).collect()
    }
}

impl<F: IntoFilter> IntoFilters for Vec<F> {
    fn into_filters(self) -> Result<Vec<TopicFilter>, TopicError> {
        self.into_iter().map(IntoFilter::into_filter).collect()
    }
}

impl<'a, F> IntoFilters for &'a [F]
where
    &'a F: IntoFilter,
{
    fn into_filters(self) -> Result<Vec<TopicFilter>, TopicError> {
        self.iter().map(IntoFilter::into_filter).collect()
    }
}

impl<'a, F, const N: usize> IntoFilters for &'a [F; N]
where
    &'a F: IntoFilter,
{
    fn into_filters(self) -> Result<Vec<TopicFilter>, TopicError> {
        self.as_slice().into_filters()
    }
}

impl<'a, F> IntoFilters for &'a Vec<F>
where
    &'a F: IntoFilter,
{
    fn into_filters(self) -> Result<Vec<TopicFilter>, TopicError> {
        self.as_slice().into_filters()
    }
}

/// What may be given for a payload, a password or other bytes.
///
/// Owned bytes ([`Bytes`], `Vec<u8>`, `String`, [`BytesMut`] and boxes) are taken as
/// they are, and a reference to [`Bytes`] shares them. Borrowed text and bytes are
/// copied once, literals too: [`Bytes::from_static`] does without that copy.
pub trait IntoBytes {
    /// The bytes.
    fn into_bytes(self) -> Bytes;
}

/// These are taken as they are.
macro_rules! owned_bytes {
    ($($type:ty),*) => {
        $(impl IntoBytes for $type {
            #[inline]
            fn into_bytes(self) -> Bytes {
                self.into()
            }
        })*
    };
}

owned_bytes!(Bytes, BytesMut, Vec<u8>, Box<[u8]>, String);

impl IntoBytes for Box<str> {
    #[inline]
    fn into_bytes(self) -> Bytes {
        self.into_string().into()
    }
}

impl IntoBytes for &Bytes {
    /// Shares them.
    #[inline]
    fn into_bytes(self) -> Bytes {
        self.clone()
    }
}

/// These are copied.
macro_rules! borrowed_bytes {
    ($($type:ty),*) => {
        $(impl IntoBytes for $type {
            #[inline]
            fn into_bytes(self) -> Bytes {
                Bytes::copy_from_slice(self.as_ref())
            }
        })*
    };
}

borrowed_bytes!(&[u8], &str, &Vec<u8>, &String, &&str, &&[u8]);

impl<const N: usize> IntoBytes for &[u8; N] {
    #[inline]
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

impl<const N: usize> IntoBytes for [u8; N] {
    #[inline]
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self)
    }
}

impl IntoBytes for Cow<'_, [u8]> {
    #[inline]
    fn into_bytes(self) -> Bytes {
        match self {
            Cow::Borrowed(bytes) => bytes.into_bytes(),
            Cow::Owned(bytes) => bytes.into_bytes(),
        }
    }
}

impl IntoBytes for Cow<'_, str> {
    #[inline]
    fn into_bytes(self) -> Bytes {
        match self {
            Cow::Borrowed(text) => text.into_bytes(),
            Cow::Owned(text) => text.into(),
        }
    }
}
