use core::fmt;
use core::ops::Deref;

use alloc::string::String;
use bytes::Bytes;

use crate::TextError;

/// A UTF-8 encoded string as MQTT allows it: at most 65,535 bytes, no U+0000.
///
/// Cloning shares the bytes; a decoded text is a slice of the input.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

impl Text {
    /// The empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    /// Checks the rules of MQTT strings and takes the bytes without a copy.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, TextError> {
        TextError::check(&bytes)?;
        Ok(Self(bytes))
    }

    /// Makes a text of a literal without a copy.
    pub fn from_static(text: &'static str) -> Result<Self, TextError> {
        Self::from_bytes(Bytes::from_static(text.as_bytes()))
    }

    /// The text. Checked UTF-8 since construction, so this never fails, yet
    /// costs a look at each byte; [`Text::as_bytes`] costs nothing.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The bytes, shared.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for the empty string.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl TryFrom<String> for Text {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        Self::from_bytes(Bytes::from(text.into_bytes()))
    }
}

impl TryFrom<&str> for Text {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        Self::from_bytes(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}
