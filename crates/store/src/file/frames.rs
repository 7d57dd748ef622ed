//! Reads the frames of a segment one after the other.

use std::io;

use bytes::{Buf, Bytes, BytesMut};

use super::format::{FRAME_HEADER, FrameHeader};
use crate::disk::File;

/// Bytes asked of the disk at once, unless a frame is longer.
const CHUNK: usize = 256 * 1024;

/// One frame, its checksums verified.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Where its header begins.
    pub(crate) offset: u64,
    /// Where the next frame begins.
    pub(crate) end: u64,
    pub(crate) body: Bytes,
}

/// Why there is no next frame.
#[derive(Debug)]
pub(crate) enum FrameFault {
    /// The bytes from here on are no frame: torn, damaged or never written.
    Bad {
        offset: u64,
    },
    Io(io::Error),
}

/// Reads forward from an offset to the end of the file.
pub(crate) struct Frames<'f, F> {
    file: &'f F,
    segment: u64,
    /// Where `buffer` begins in the file.
    offset: u64,
    length: u64,
    buffer: BytesMut,
}

impl<'f, F: File> Frames<'f, F> {
    /// The frames between two offsets; the first must be that of a frame.
    pub(crate) fn new(file: &'f F, segment: u64, offset: u64, length: u64) -> Self {
        Self { file, segment, offset, length, buffer: BytesMut::new() }
    }

    /// The offset of the next frame.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on at the frame that begins there.
    pub(crate) fn seek(&mut self, offset: u64) {
        match offset.checked_sub(self.offset).and_then(|skip| usize::try_from(skip).ok()) {
            Some(skip) if skip <= self.buffer.len() => self.buffer.advance(skip),
            _ => self.buffer.clear(),
        }
        self.offset = offset;
    }

    /// The next frame; `None` exactly at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameFault> {
        let bad = FrameFault::Bad { offset: self.offset };
        if self.offset >= self.length {
            return Ok(None);
        }
        self.fill(FRAME_HEADER)?;
        let Some(header) = self.buffer.first_chunk() else { return Err(bad) };
        let Some(header) = FrameHeader::decode(header, self.segment, self.offset) else {
            return Err(bad);
        };
        let size = FRAME_HEADER + header.length as usize;
        // Checked before a buffer of that size is made.
        if self.length - self.offset < size as u64 {
            return Err(bad);
        }
        self.fill(size)?;
        if self.buffer.len() < size {
            return Err(bad);
        }
        let body = self.buffer.split_to(size).freeze().slice(FRAME_HEADER..);
        if crc32fast::hash(&body) != header.body_sum {
            self.buffer.clear();
            return Err(bad);
        }
        let offset = self.offset;
        self.offset += size as u64;
        Ok(Some(Frame { offset, end: self.offset, body }))
    }

    /// Reads until the buffer holds so many bytes, or the file ends.
    fn fill(&mut self, wanted: usize) -> Result<(), FrameFault> {
        while self.buffer.len() < wanted {
            let from = self.offset + self.buffer.len() as u64;
            let left = usize::try_from(self.length.saturating_sub(from)).unwrap_or(usize::MAX);
            let ask = CHUNK.max(wanted - self.buffer.len()).min(left);
            let filled = self.buffer.len();
            self.buffer.resize(filled + ask, 0);
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let result = if ask == 0 { Ok(0) } else { self.file.read_at(room, from) };
            self.buffer.truncate(filled + *result.as_ref().unwrap_or(&0));
            if result.map_err(FrameFault::Io)? == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// The offset of the first whole frame from there on whose header is wanted.
pub(crate) fn next_good<F: File>(
    file: &F,
    segment: u64,
    from: u64,
    length: u64,
    wanted: impl Fn(&FrameHeader) -> bool,
) -> io::Result<Option<u64>> {
    let mut at = from;
    let mut buffer = Vec::new();
    while at + FRAME_HEADER as u64 <= length {
        read_up_to(file, at, CHUNK, &mut buffer)?;
        if buffer.len() < FRAME_HEADER {
            break;
        }
        for window in buffer.windows(FRAME_HEADER) {
            if let Some(header) = window.first_chunk()
                && FrameHeader::decode(header, segment, at).is_some_and(|header| wanted(&header))
                && let Ok(Some(_)) = Frames::new(file, segment, at, length).next()
            {
                return Ok(Some(at));
            }
            at += 1;
        }
    }
    Ok(None)
}

/// Fills the buffer with at most so many bytes of the file.
pub(crate) fn read_up_to<F: File>(
    file: &F,
    offset: u64,
    most: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    buffer.clear();
    buffer.resize(most, 0);
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    buffer.truncate(filled);
    Ok(())
}
