//! What bytes are that follow the last good batch of the newest segment (S5).
//!
//! In the boot in which they were written no power was cut: the file is what
//! was written, and a process that is killed leaves at most the beginning of
//! one batch. After another boot anything that was not durable may be lost in
//! any part, the last batch or many of them. What was durable once, and is bad
//! now, is damaged in any case.

use std::io;

use super::format::{FRAME_HEADER, FrameHeader};
use super::frames::{next_good, read_up_to};
use crate::disk::File;

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TailKind {
    /// A batch that was not written to its end; nothing of it counted.
    Torn,
    /// Batches that a power cut broke, with others behind them.
    Broken,
    /// They were good once.
    Damaged,
}

/// The newest segment, and where its good batches end.
pub(super) struct Tail<'f, F> {
    pub(super) file: &'f F,
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl<F: File> Tail<'_, F> {
    /// `same_boot` if this machine was not started since the segment was
    /// begun.
    pub(super) fn kind(&self, same_boot: bool) -> io::Result<TailKind> {
        if self.is_beginning()? {
            return Ok(TailKind::Torn);
        }
        if same_boot || self.was_durable()? {
            return Ok(TailKind::Damaged);
        }
        Ok(if self.is_empty()? { TailKind::Torn } else { TailKind::Broken })
    }

    /// Whether a whole frame lies anywhere behind that was written when the
    /// bytes at the offset were durable already.
    pub(super) fn was_durable(&self) -> io::Result<bool> {
        let later = |header: &FrameHeader| u64::from(header.synced) > self.offset;
        let from = self.offset + 1;
        next_good(self.file, self.segment, from, self.length, later).map(|found| found.is_some())
    }

    /// The beginning of one frame, and the end of the file.
    fn is_beginning(&self) -> io::Result<bool> {
        let left = self.length - self.offset;
        let mut bytes = Vec::new();
        read_up_to(self.file, self.offset, FRAME_HEADER, &mut bytes)?;
        let Some(header) = bytes.first_chunk() else { return Ok(true) };
        let header = FrameHeader::decode(header, self.segment, self.offset);
        Ok(header.is_some_and(|header| left < FRAME_HEADER as u64 + u64::from(header.length)))
    }

    /// Nothing but zeros, as file systems give for what was never written.
    fn is_empty(&self) -> io::Result<bool> {
        let mut at = self.offset;
        let mut bytes = Vec::new();
        while at < self.length {
            read_up_to(self.file, at, 64 * 1024, &mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += bytes.len() as u64;
        }
        Ok(true)
    }
}
