//! Strings and topics: why one is refused, and the checks.

use core::fmt;

/// Why bytes are not an MQTT string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// More than 65,535 bytes.
    TooLong {
        /// The length in bytes.
        len: usize,
    },
    /// Not UTF-8, or a surrogate code point ([MQTT-1.5.4-1]).
    NotUtf8 {
        /// Bytes before the first bad one.
        valid_up_to: usize,
    },
    /// The null character U+0000 ([MQTT-1.5.4-2]).
    Null,
}

/// Why a text is not a topic name or filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// Not an MQTT string to begin with.
    Text(TextError),
    /// Empty ([MQTT-4.7.3-1]).
    Empty,
    /// `+` or `#` in a topic name ([MQTT-3.3.2-2]).
    WildcardInName,
    /// `#` not alone in the last level ([MQTT-4.7.1-1]).
    MisplacedHash,
    /// `+` not alone in its level ([MQTT-4.7.1-2]).
    MisplacedPlus,
    /// `$share/` without a share name, with a wildcard in it, or without a filter ([MQTT-4.8.2-1]).
    BadShare,
}

impl TextError {
    /// The rule that is broken, by the identifier of its normative statement
    /// or, if it has none, its section.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "section 1.5.4",
            Self::NotUtf8 { .. } => "MQTT-1.5.4-1",
            Self::Null => "MQTT-1.5.4-2",
        }
    }

    //= [MQTT-1.5.4-1]
    //= [MQTT-1.5.4-2]
    #[inline]
    pub(crate) fn check(bytes: &[u8]) -> Result<(), Self> {
        // Nearly all texts are plain ASCII.
        if all(bytes, is_plain) && bytes.len() <= usize::from(u16::MAX) {
            return Ok(());
        }
        Self::check_closely(bytes)
    }

    #[cold]
    fn check_closely(bytes: &[u8]) -> Result<(), Self> {
        if bytes.len() > usize::from(u16::MAX) {
            return Err(Self::TooLong { len: bytes.len() });
        }
        match core::str::from_utf8(bytes) {
            Ok(_) if bytes.contains(&0) => Err(Self::Null),
            Ok(_) => Ok(()),
            Err(error) => Err(Self::NotUtf8 { valid_up_to: error.valid_up_to() }),
        }
    }
}

impl TopicError {
    /// The rule that is broken, by the identifier of its normative statement.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Text(error) => error.rule(),
            Self::Empty => "MQTT-4.7.3-1",
            Self::WildcardInName => "MQTT-3.3.2-2",
            Self::MisplacedHash => "MQTT-4.7.1-1",
            Self::MisplacedPlus => "MQTT-4.7.1-2",
            Self::BadShare => "MQTT-4.8.2-1",
        }
    }

    /// True if bytes are a topic name beyond doubt, as nearly always: not
    /// empty, and ASCII without a wildcard.
    #[inline]
    pub(crate) fn is_plain_name(bytes: &[u8]) -> bool {
        !bytes.is_empty() && all(bytes, |byte| is_plain(byte) & !is_wildcard(byte))
    }

    //= [MQTT-3.3.2-2]
    //= [MQTT-4.7.3-1]
    #[inline]
    pub(crate) fn check_name(name: &[u8]) -> Result<(), Self> {
        if name.is_empty() {
            Err(Self::Empty)
        } else if has_wildcard(name) {
            Err(Self::WildcardInName)
        } else {
            Ok(())
        }
    }

    /// Checks a filter and returns where the pattern in it begins: behind
    /// `$share/NAME/`, or at 0.
    //= [MQTT-4.8.2-1]
    //= [MQTT-4.8.2-2]
    pub(crate) fn check_filter(filter: &[u8]) -> Result<usize, Self> {
        let Some(shared) = filter.strip_prefix(b"$share/") else {
            return Self::check_pattern(filter).map(|()| 0);
        };
        let mut parts = shared.splitn(2, |byte| *byte == b'/');
        match (parts.next(), parts.next()) {
            (Some(name @ [_, ..]), Some(pattern @ [_, ..])) if !has_wildcard(name) => {
                Self::check_pattern(pattern)?;
                Ok(filter.len() - pattern.len())
            }
            _ => Err(Self::BadShare),
        }
    }

    //= [MQTT-4.7.1-1]
    //= [MQTT-4.7.1-2]
    //= [MQTT-4.7.3-1]
    fn check_pattern(pattern: &[u8]) -> Result<(), Self> {
        if pattern.is_empty() {
            return Err(Self::Empty);
        }
        let mut levels = pattern.split(|byte| *byte == b'/').peekable();
        while let Some(level) = levels.next() {
            if level.contains(&b'#') && (level != b"#" || levels.peek().is_some()) {
                return Err(Self::MisplacedHash);
            }
            if level.contains(&b'+') && level != b"+" {
                return Err(Self::MisplacedPlus);
            }
        }
        Ok(())
    }
}

/// True if a topic name or a share name would not be allowed.
#[inline]
fn has_wildcard(bytes: &[u8]) -> bool {
    !all(bytes, |byte| !is_wildcard(byte))
}

#[inline]
const fn is_wildcard(byte: u8) -> bool {
    // The two differ in one bit.
    byte & !(b'+' ^ b'#') == b'#'
}

/// True for the characters of ASCII that a text may have.
#[inline]
const fn is_plain(byte: u8) -> bool {
    matches!(byte, 1..=0x7f)
}

/// True if all bytes pass, as nearly always. Looks at every one of eight,
/// the last eight over again if some are left, instead of stopping at the
/// first that fails: it takes them all at once.
#[inline(always)]
fn all(bytes: &[u8], passes: impl Fn(u8) -> bool) -> bool {
    let pass = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & passes(*byte));
    let Some(last) = bytes.last_chunk::<8>() else { return pass(bytes) };
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().all(|eight| pass(eight)) && pass(last)
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len } => {
                write!(f, "string of {len} bytes is longer than the 65535 MQTT allows")
            }
            Self::NotUtf8 { valid_up_to } => {
                write!(f, "string is not UTF-8 from byte {valid_up_to} on")
            }
            Self::Null => f.write_str("string holds the null character U+0000"),
        }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::Empty => f.write_str("topic is empty"),
            Self::WildcardInName => {
                f.write_str("topic name holds a wildcard, + or #, which only filters may")
            }
            Self::MisplacedHash => f.write_str("# must stand alone in the filter's last level"),
            Self::MisplacedPlus => f.write_str("+ must stand alone in its level"),
            Self::BadShare => f.write_str(
                "shared filter must be $share/NAME/FILTER, with no wildcard in NAME and a FILTER",
            ),
        }
    }
}

impl core::error::Error for TextError {}

/// Without a source: [`TopicError::Text`] has the text of the error that it holds.
impl core::error::Error for TopicError {}
