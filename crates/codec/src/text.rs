//! Strings as MQTT allows them.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use alloc::string::String;
use bytes::Bytes;

use crate::TextError;

/// A UTF-8 encoded string as MQTT allows it: at most 65,535 bytes, no U+0000.
///
/// Up to 23 bytes are held in place. Cloning a longer text shares its bytes;
/// a long text decoded from a PUBLISH is a slice of the input.
#[derive(Clone)]
pub struct Text(Form);

/// Most topics and names are short, and to count the owners of shared bytes
/// costs more than to copy them.
#[derive(Clone)]
enum Form {
    Short(Short),
    Long(Bytes),
}

/// The bytes, and their number in the last place. Aligned, so that it is copied
/// in large pieces.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Short([u8; SHORT + 1]);

/// What fits beside the length in the room that a [`Bytes`] takes anyway.
const SHORT: usize = 23;

impl Text {
    /// The empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self(Form::Short(Short([0; SHORT + 1])))
    }

    /// Checks the rules of MQTT strings and takes the bytes, those of a long
    /// text without a copy.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, TextError> {
        TextError::check(&bytes)?;
        Ok(Self(Form::short(&bytes).unwrap_or(Form::Long(bytes))))
    }

    /// Makes a text of a literal; a long one without a copy.
    pub fn from_static(text: &'static str) -> Result<Self, TextError> {
        Self::from_bytes(Bytes::from_static(text.as_bytes()))
    }

    /// The text that `bytes` were found to be, which are a part of `memory`.
    #[inline]
    pub(crate) fn of_checked(bytes: &[u8], memory: &Bytes) -> Self {
        Self(Form::short(bytes).unwrap_or_else(|| Form::Long(memory.slice_ref(bytes))))
    }

    /// The same in memory of its own.
    pub(crate) fn copy_of_checked(bytes: &[u8]) -> Self {
        Self(Form::short(bytes).unwrap_or_else(|| Form::Long(Bytes::copy_from_slice(bytes))))
    }

    /// The text. Checked UTF-8 since construction, so this never fails, yet
    /// costs a look at each byte; [`Text::as_bytes`] costs nothing.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Short(text) => text.as_bytes(),
            Form::Long(bytes) => bytes,
        }
    }

    /// The length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// The same text in memory of its own: that of a long decoded text is the
    /// whole buffer it was read into, which lives as long as the text. For
    /// texts that are kept while their packet is not.
    #[must_use]
    pub fn detached(&self) -> Self {
        match &self.0 {
            Form::Short(_) => self.clone(),
            Form::Long(bytes) => Self(Form::Long(Bytes::copy_from_slice(bytes))),
        }
    }

    /// Bytes that are not in place.
    pub(crate) const fn apart(&self) -> usize {
        match &self.0 {
            Form::Short(_) => 0,
            Form::Long(bytes) => bytes.len(),
        }
    }

    /// True for the empty string.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Form {
    /// A copy, if it is short enough.
    #[inline]
    fn short(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT + 1];
        let [place @ .., _] = &mut bytes;
        place.get_mut(..text.len())?.copy_from_slice(text);
        // A byte written on its own would hold up who reads the eight about it.
        if let Some(last) = bytes.last_chunk_mut() {
            *last = (u64::from_le_bytes(*last) | (text.len() as u64) << 56).to_le_bytes();
        }
        Some(Self::Short(Short(bytes)))
    }
}

impl Short {
    #[inline]
    fn as_bytes(&self) -> &[u8] {
        let [bytes @ .., len] = &self.0;
        bytes.get(..usize::from(*len)).unwrap_or_default()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
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
        TextError::check(text.as_bytes())?;
        // A short one is copied at once: to make shared bytes of it takes longer.
        let short = Form::short(text.as_bytes());
        Ok(Self(short.unwrap_or_else(|| Form::Long(Bytes::from(text.into_bytes())))))
    }
}

impl TryFrom<&str> for Text {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        let bytes = text.as_bytes();
        TextError::check(bytes)?;
        Ok(Self(Form::short(bytes).unwrap_or_else(|| Form::Long(Bytes::copy_from_slice(bytes)))))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_no_more_room_than_shared_bytes() {
        assert_eq!(size_of::<Text>(), size_of::<Bytes>());
    }

    #[test]
    fn a_text_says_the_same_at_both_sides_of_the_bound_however_it_was_made() {
        for len in [0, 1, SHORT - 1, SHORT, SHORT + 1, 100] {
            let expected = "x".repeat(len);
            let input = Bytes::from(["x".repeat(len), "rest".into()].concat());
            let texts = [
                Text::try_from(expected.as_str()).unwrap(),
                Text::try_from(expected.clone()).unwrap(),
                Text::from_bytes(Bytes::from(expected.clone())).unwrap(),
                Text::of_checked(&input[..len], &input),
            ];
            for text in texts {
                assert_eq!((text.as_str(), text.len()), (expected.as_str(), len));
                assert_eq!(text.is_empty(), len == 0);
                assert_eq!(matches!(text.0, Form::Short(_)), len <= SHORT);
                assert_eq!(text, text.clone());
            }
        }
    }

    #[test]
    fn texts_compare_by_their_bytes_whatever_their_length() {
        let text = |text: &str| Text::try_from(text).unwrap();
        let long = "a".repeat(SHORT + 1);
        assert!(text("a") < text(&long) && text(&long) < text("b"));
        assert_ne!(text("a"), text(&long));
        assert_ne!(text("ab"), text("aba"));
    }

    #[test]
    fn a_long_text_shares_the_bytes_it_is_made_of() {
        let bytes = Bytes::from("a".repeat(SHORT + 1));
        let text = Text::from_bytes(bytes.clone()).unwrap();
        let copy = text.clone();
        assert_eq!(text.as_bytes().as_ptr(), bytes.as_ptr());
        assert_eq!(copy.as_bytes().as_ptr(), bytes.as_ptr());
    }
}
