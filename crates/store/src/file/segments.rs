//! The files of a store: their names, and what their headers say.

use std::io;

use super::format::{HeaderFault, Kind, SEGMENT_HEADER, SegmentHeader, VERSION};
use super::frames::read_up_to;
use crate::disk::{Directory, File};
use crate::{Fault, StoreError};

/// What a segment is called while it is written by compaction.
pub(super) const COMPACTING: &str = "compacting";
/// The number of a store's first segment.
pub(super) const FIRST: u64 = 1;
const PREFIX: &str = "segment-";

/// The name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("{PREFIX}{number:010}")
}

/// The number in the name of a segment.
fn number(text: &str) -> Option<u64> {
    let number = text.strip_prefix(PREFIX)?.parse().ok()?;
    (name(number) == text).then_some(number)
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Numbers of the segments, ascending.
    pub(super) segments: Vec<u64>,
    /// A compaction was cut short.
    pub(super) compacting: bool,
}

/// Lists the files of a store; a folder with files of others is foreign,
/// unless a store lives there already.
pub(super) fn list<D: Directory>(directory: &D) -> Result<Listing, StoreError> {
    let names = directory.list().map_err(|error| StoreError::disk(directory.path(), error))?;
    let mut listing = Listing::default();
    for name in &names {
        listing.segments.extend(number(name));
        listing.compacting |= name == COMPACTING;
    }
    listing.segments.sort_unstable();
    if listing.segments.is_empty() && names.iter().any(|name| name != COMPACTING) {
        return Err(StoreError::contents(directory.path(), Fault::Foreign));
    }
    Ok(listing)
}

/// What the beginning of a segment looks like.
pub(super) enum Opening {
    Good(SegmentHeader),
    /// As a power cut leaves one whose creation was under way.
    Torn,
}

/// Reads the header of a segment.
pub(super) fn read_header<D: Directory>(
    directory: &D,
    file: &D::File,
    number: u64,
) -> Result<Opening, StoreError> {
    let path = || directory.path().join(name(number));
    let mut bytes = Vec::new();
    read_up_to(file, 0, SEGMENT_HEADER, &mut bytes)
        .map_err(|error| StoreError::disk(path(), error))?;
    let Some(header) = bytes.first_chunk() else {
        return torn(&bytes).ok_or_else(|| StoreError::contents(path(), Fault::Foreign));
    };
    match SegmentHeader::decode(header) {
        Ok(header) if header.first == number => Ok(Opening::Good(header)),
        Ok(_) => Err(StoreError::contents(path(), Fault::Damaged { offset: 0 })),
        Err(HeaderFault::Newer(found)) => {
            Err(StoreError::contents(path(), Fault::Newer { found, supported: VERSION }))
        }
        Err(HeaderFault::Damaged) => Ok(Opening::Torn),
        Err(HeaderFault::Foreign) => {
            torn(header).ok_or_else(|| StoreError::contents(path(), Fault::Foreign))
        }
    }
}

/// Some of the header, then zeros: a write that was cut.
fn torn(bytes: &[u8]) -> Option<Opening> {
    let whole = SegmentHeader { kind: Kind::Log, first: 0, last: 0 }.encode();
    let written = bytes.iter().zip(whole.iter().take(8)).take_while(|(a, b)| a == b).count();
    let rest = bytes.get(written..).unwrap_or_default();
    (written == 8 || rest.iter().all(|byte| *byte == 0)).then_some(Opening::Torn)
}

/// Opens a segment with its length.
pub(super) fn open<D: Directory>(directory: &D, number: u64) -> io::Result<(D::File, u64)> {
    let file = directory.open(&name(number))?;
    let length = file.len()?;
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_as_they_are_written_are_segments() {
        assert_eq!(name(7), "segment-0000000007");
        assert_eq!(number("segment-0000000007"), Some(7));
        assert_eq!(number(&name(u64::MAX)), Some(u64::MAX));
        for other in ["segment-7", "segment-", "segment-000000000x", "x", "segment-0000000007~"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
