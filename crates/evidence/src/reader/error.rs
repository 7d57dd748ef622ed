//! Why evidence cannot be read.

use std::fmt;

use crate::capture::CaptureError;
use crate::logs::FormatError;

/// Why evidence cannot be read, or not further.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvidenceError {
    /// There is nothing in it.
    Empty,
    /// It is compressed, by this program. Who reads files decompresses them.
    Compressed(&'static str),
    /// A tar archive: its files are evidence, each by itself.
    Archive,
    /// Text in UTF-16.
    Utf16,
    /// Neither a capture nor text.
    Binary,
    /// A capture that is damaged.
    Capture(CaptureError),
    /// A log whose format is not clear.
    Format(FormatError),
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Compressed(how) => {
                write!(f, "it is compressed with {how}; decompress it first")
            }
            Self::Archive => {
                f.write_str("it is a tar archive; unpack it first, and name its files")
            }
            Self::Utf16 => f.write_str("it is text in UTF-16; convert it to UTF-8 first"),
            Self::Binary => {
                f.write_str("it is neither a pcap or pcapng capture nor the text of a log")
            }
            Self::Capture(error) => error.fmt(f),
            Self::Format(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EvidenceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Capture(error) => Some(error),
            Self::Format(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CaptureError> for EvidenceError {
    fn from(error: CaptureError) -> Self {
        Self::Capture(error)
    }
}

impl From<FormatError> for EvidenceError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}
