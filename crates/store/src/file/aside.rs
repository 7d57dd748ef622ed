//! Bytes that a power cut broke are put aside before they are cut off: a file
//! each, with the header of a segment that says where they were.

use std::io;

use super::format::{Kind, SEGMENT_HEADER, SegmentHeader};
use super::frames::read_up_to;
use super::segments;
use crate::StoreError;
use crate::disk::{Directory, File};

/// Bytes that are kept of what is cut off.
pub(super) const MOST_BYTES: u64 = 8 << 20;
/// Files that are kept; the oldest gives way.
pub(super) const MOST_FILES: usize = 4;
/// Bytes that are copied at once.
const CHUNK: usize = 256 * 1024;

/// What is put aside, and what gives way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aside {
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// Bytes that are kept.
    pub(super) bytes: u64,
    pub(super) into: String,
    pub(super) gives_way: Vec<String>,
}

impl Aside {
    /// Plans it; `present` are the numbers of those that are there, ascending.
    pub(super) fn plan(segment: u64, offset: u64, bytes: u64, present: &[u64]) -> Self {
        let next = present.last().map_or(segments::FIRST, |last| last.saturating_add(1));
        let surplus = (present.len() + 1).saturating_sub(MOST_FILES);
        Self {
            segment,
            offset,
            bytes: bytes.min(MOST_BYTES),
            into: segments::aside_name(next),
            gives_way: present.iter().take(surplus).map(|it| segments::aside_name(*it)).collect(),
        }
    }

    /// Copies the bytes, durably, and removes what gives way.
    pub(super) fn put<D: Directory>(
        &self,
        directory: &D,
        from: &D::File,
    ) -> Result<(), StoreError> {
        let failed = |error| StoreError::disk(directory.path().join(&self.into), error);
        let file = directory.create(&self.into).map_err(failed)?;
        if let Err(error) = self.copy(from, &file).and_then(|()| directory.sync()) {
            let _ = directory.remove(&self.into);
            return Err(failed(error));
        }
        for name in &self.gives_way {
            directory
                .remove(name)
                .map_err(|error| StoreError::disk(directory.path().join(name), error))?;
        }
        Ok(())
    }

    fn copy<F: File>(&self, from: &F, to: &F) -> io::Result<()> {
        let header = SegmentHeader::new(Kind::Aside, self.segment, self.offset);
        to.write_at(&header.encode(), 0)?;
        let (mut at, mut bytes) = (0, Vec::new());
        while at < self.bytes {
            let most = usize::try_from(self.bytes - at).unwrap_or(CHUNK).min(CHUNK);
            read_up_to(from, self.offset + at, most, &mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            to.write_at(&bytes, SEGMENT_HEADER as u64 + at)?;
            at += bytes.len() as u64;
        }
        to.sync()
    }
}

/// What was put aside, read as if it were still in its segment.
pub(super) struct InPlace<F> {
    pub(super) file: F,
    /// Where it was.
    pub(super) offset: u64,
}

impl<F: File> InPlace<F> {
    const HEADER: u64 = SEGMENT_HEADER as u64;
}

impl<F: File> File for InPlace<F> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.len()?.saturating_sub(Self::HEADER) + self.offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match offset.checked_sub(self.offset) {
            Some(offset) => self.file.read_at(buffer, offset + Self::HEADER),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
