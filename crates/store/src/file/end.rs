//! Where the log ended, beside the log: by it is seen that the newest segment
//! was emptied, cut at the end of a batch, or taken away, which nothing in the
//! segment itself can show.
//!
//! ```text
//!   0  magic      8  89 "EVKEND" 0a
//!   8  version    2  of everything that follows
//!  10  has boot   2  0 or 1
//!  12  segment    8  the newest one
//!  20  length     8  bytes it had at least
//!  28  synced     8  those of them that were durable
//!  36  boot      16  the boot in which that was noted
//!  52  checksum   4  CRC-32 of the 52 bytes before
//! ```
//!
//! It is written as a segment begins and as a store is closed, and never
//! synced: what it says held at that time, and a log only grows.

use std::io;

use evenkeel_proto::record::BootId;

use super::format::{Fields, VERSION};
use super::frames::read_up_to;
use super::segments;
use crate::disk::{Directory, File};
use crate::{Fault, StoreError};

const MAGIC: [u8; 8] = *b"\x89EVKEND\n";
const LENGTH: usize = 56;

/// What was noted of the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) segment: u64,
    pub(super) length: u64,
    pub(super) synced: u64,
    pub(super) boot: Option<BootId>,
}

impl End {
    /// Bytes that the newest segment must have: all that were written, in the
    /// boot in which that was noted, and after it those that were durable.
    pub(super) fn needs(&self, boot: Option<BootId>) -> u64 {
        if boot.is_some() && self.boot == boot { self.length } else { self.synced }
    }

    fn encode(&self) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        let (fields, sum) = out.split_at_mut(LENGTH - 4);
        let parts: [&[u8]; 7] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &u16::from(self.boot.is_some()).to_le_bytes(),
            &self.segment.to_le_bytes(),
            &self.length.to_le_bytes(),
            &self.synced.to_le_bytes(),
            &self.boot.map_or([0; 16], |boot| boot.0),
        ];
        for (to, from) in fields.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        sum.copy_from_slice(&crc32fast::hash(fields).to_le_bytes());
        out
    }

    /// `None` if a write of it was cut short, or it is damaged: then it
    /// says nothing.
    fn decode(bytes: &[u8; LENGTH]) -> Option<Self> {
        let (fields, sum) = bytes.split_at(LENGTH - 4);
        if crc32fast::hash(fields).to_le_bytes() != sum {
            return None;
        }
        let mut reader = Fields(fields);
        let known = reader.take() == MAGIC && u16::from_le_bytes(reader.take()) == VERSION;
        let has_boot = u16::from_le_bytes(reader.take()) == 1;
        let mut next = || u64::from_le_bytes(reader.take());
        let (segment, length, synced) = (next(), next(), next());
        let boot = has_boot.then(|| BootId(reader.take()));
        known.then_some(Self { segment, length, synced, boot })
    }

    /// Reads it; `None` if there is none that says anything.
    pub(super) fn read<D: Directory>(directory: &D) -> Result<Option<Self>, StoreError> {
        let path = || directory.path().join(segments::END);
        let failed = |error| StoreError::disk(path(), error);
        let file = match directory.open_to_read(segments::END) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let mut bytes = Vec::new();
        read_up_to(&file, 0, LENGTH + 1, &mut bytes).map_err(failed)?;
        if !segments::begins_with(&bytes, &MAGIC) || bytes.len() > LENGTH {
            return Err(StoreError::contents(path(), Fault::Foreign));
        }
        Ok(bytes.first_chunk().and_then(Self::decode))
    }
}

/// The file of the note.
pub(super) struct Note<F> {
    file: F,
    written: Option<End>,
}

impl<F: File> Note<F> {
    /// Opens it, or makes it; nothing of a store depends on it.
    pub(super) fn open<D: Directory<File = F>>(directory: &D) -> Option<Self> {
        let opened = directory.open(segments::END).or_else(|_| directory.create(segments::END));
        opened.ok().map(|file| Self { file, written: None })
    }

    /// Notes the end of the log, unless it is the one noted last.
    pub(super) fn write(&mut self, end: End) {
        if self.written != Some(end) {
            let written = self.file.write_at(&end.encode(), 0);
            self.written = written.is_ok().then_some(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_says_nothing_once_changed() {
        for boot in [None, Some(BootId([9; 16]))] {
            let end = End { segment: 3, length: 700, synced: 600, boot };
            let bytes = end.encode();
            assert_eq!(End::decode(&bytes), Some(end));
            for bit in 0..LENGTH * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(End::decode(&flipped), None, "bit {bit}");
            }
        }
    }

    #[test]
    fn after_another_boot_only_what_was_durable_must_be_there() {
        let (one, two) = (Some(BootId([1; 16])), Some(BootId([2; 16])));
        let end = |boot| End { segment: 3, length: 700, synced: 600, boot };
        assert_eq!(end(one).needs(one), 700);
        assert_eq!([end(one).needs(two), end(one).needs(None), end(None).needs(None)], [600; 3]);
    }
}
