//! The files of a store: their names, and what their headers say.

use std::io;

use super::format::{HeaderFault, MAGIC, SEGMENT_HEADER, SegmentHeader, VERSION};
use super::frames::read_up_to;
use crate::disk::{Directory, File, LOCK};
use crate::{Fault, StoreError};

/// What a segment is called while it is written by compaction.
pub(super) const COMPACTING: &str = "compacting";
/// Where the end of the log is noted.
pub(super) const END: &str = "end";
/// The number of a store's first segment.
pub(super) const FIRST: u64 = 1;
const PREFIX: &str = "segment-";
const ASIDE: &str = "aside-";

/// The name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("{PREFIX}{number:010}")
}

/// The number in the name of a segment.
fn number(text: &str) -> Option<u64> {
    let number = text.strip_prefix(PREFIX)?.parse().ok()?;
    (name(number) == text).then_some(number)
}

/// The name of what was put aside.
pub(super) fn aside_name(number: u64) -> String {
    format!("{ASIDE}{number:010}")
}

/// The number in the name of what was put aside.
fn aside_number(text: &str) -> Option<u64> {
    let number = text.strip_prefix(ASIDE)?.parse().ok()?;
    (aside_name(number) == text).then_some(number)
}

/// True if a store gives this name to a file of its own.
fn is_ours(name: &str) -> bool {
    let known = [COMPACTING, END, LOCK].contains(&name);
    known || number(name).is_some() || aside_number(name).is_some()
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Numbers of the segments, ascending.
    pub(super) segments: Vec<u64>,
    /// Numbers of what was put aside, ascending.
    pub(super) asides: Vec<u64>,
    /// A compaction was cut short.
    pub(super) compacting: bool,
    /// The end of the log was noted.
    pub(super) end: bool,
}

impl Listing {
    /// The names of all files of the store.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.segments.iter().map(|number| name(*number)).collect();
        names.extend(self.asides.iter().map(|number| aside_name(*number)));
        names.extend(self.compacting.then(|| COMPACTING.to_owned()));
        names.extend(self.end.then(|| END.to_owned()));
        names
    }
}

/// Lists the files of a store. What has a name of ours and is none of ours, a
/// link or a folder for instance, is foreign (S6), and so is a folder with
/// files of others, unless a store lives there already.
pub(super) fn list<D: Directory>(directory: &D) -> Result<Listing, StoreError> {
    let failed = |error| StoreError::disk(directory.path(), error);
    let foreign = |path| StoreError::contents(path, Fault::Foreign);
    let others = directory.list_others().map_err(failed)?;
    if let Some(name) = others.iter().find(|name| is_ours(name)) {
        return Err(foreign(directory.path().join(name)));
    }
    let names = directory.list().map_err(failed)?;
    let mut listing = Listing::default();
    for name in &names {
        listing.segments.extend(number(name));
        listing.asides.extend(aside_number(name));
        listing.compacting |= name == COMPACTING;
        listing.end |= name == END;
    }
    listing.segments.sort_unstable();
    listing.asides.sort_unstable();
    if listing.segments.is_empty() && names.iter().any(|name| !is_ours(name)) {
        return Err(foreign(directory.path().to_owned()));
    }
    for number in &listing.asides {
        check_ours(directory, &aside_name(*number))?;
    }
    if listing.compacting {
        check_ours(directory, COMPACTING)?;
    }
    Ok(listing)
}

/// A file that is to be removed one day begins as ours do, or was cut short.
fn check_ours<D: Directory>(directory: &D, name: &str) -> Result<(), StoreError> {
    let path = || directory.path().join(name);
    let failed = |error| StoreError::disk(path(), error);
    let file = directory.open_to_read(name).map_err(failed)?;
    let mut bytes = Vec::new();
    read_up_to(&file, 0, SEGMENT_HEADER, &mut bytes).map_err(failed)?;
    if begins_with(&bytes, &MAGIC) {
        return Ok(());
    }
    Err(StoreError::contents(path(), Fault::Foreign))
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

/// The beginning of a header whose write may have been cut.
fn torn(bytes: &[u8]) -> Option<Opening> {
    begins_with(bytes, &MAGIC).then_some(Opening::Torn)
}

/// All of these bytes, or some of them and then zeros: a write that was cut.
pub(super) fn begins_with(bytes: &[u8], whole: &[u8]) -> bool {
    let written = bytes.iter().zip(whole).take_while(|(a, b)| a == b).count();
    let rest = bytes.get(written..).unwrap_or_default();
    written == whole.len() || rest.iter().all(|byte| *byte == 0)
}

/// Opens a segment with its length, to read it.
pub(super) fn open<D: Directory>(directory: &D, number: u64) -> io::Result<(D::File, u64)> {
    let file = directory.open_to_read(&name(number))?;
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
