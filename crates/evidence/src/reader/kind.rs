//! What an input is, from its first bytes.

use super::EvidenceError;

/// Bytes from which it can be told, except that it is an archive.
const ENOUGH: usize = 6;

/// Where a tar archive says that it is one: the name of its first file stands before.
const TAR: core::ops::Range<usize> = 257..262;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// pcap or pcapng.
    Capture,
    /// Lines of text, behind a byte order mark of so many bytes.
    Text(usize),
}

/// Magic numbers of pcap, with micro- and nanoseconds, in both orders of bytes,
/// and of pcapng.
const CAPTURES: [[u8; 4]; 5] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x0a, 0x0d, 0x0d, 0x0a],
];

const COMPRESSED: [(&[u8], &str); 5] = [
    (&[0x1f, 0x8b], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
];

impl Kind {
    /// Whether more bytes may tell more. `waits`: they will come.
    pub(super) fn needs_more(first: &[u8], waits: bool) -> bool {
        let capture = CAPTURES.iter().any(|magic| first.starts_with(magic));
        first.len() < ENOUGH || waits && !capture && first.len() < TAR.end
    }

    pub(super) fn of(first: &[u8]) -> Result<Self, EvidenceError> {
        if first.is_empty() {
            return Err(EvidenceError::Empty);
        }
        if CAPTURES.iter().any(|magic| first.starts_with(magic)) {
            return Ok(Self::Capture);
        }
        if let Some((_, how)) = COMPRESSED.iter().find(|(magic, _)| first.starts_with(magic)) {
            return Err(EvidenceError::Compressed(how));
        }
        if first.get(TAR) == Some(b"ustar") {
            return Err(EvidenceError::Archive);
        }
        if first.starts_with(&[0xff, 0xfe]) || first.starts_with(&[0xfe, 0xff]) {
            return Err(EvidenceError::Utf16);
        }
        // Not those behind it, of which there are more or less: the size of the pieces
        // says nothing, and a log may have some after a power cut.
        if first.iter().take(ENOUGH).any(|byte| *byte == 0) {
            return Err(EvidenceError::Binary);
        }
        Ok(Self::Text(if first.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 }))
    }
}
