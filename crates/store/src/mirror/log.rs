//! The log: a header, then frames, each the length of its body and its checksum (both
//! four bytes, little endian), then the body, which is a list of entries. It grows by one
//! frame at a time, so that only the last one can be torn.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use evenkeel_proto::record::{Accepted, Record, Serial};

use super::{Mirror, MirrorError};
use crate::encoding::{Entries, Entry, Malformed, decode_entry, encode_record};

pub(super) const MAGIC: [u8; 6] = *b"evklog";
const VERSION: u16 = 1;
const HEADER: usize = MAGIC.len() + 2;
const FRAME: usize = 8;

/// What there was to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Bytes that count. Behind them lies a frame that a crash has torn, if anything:
    /// it was never answered for, and is to be cut off before the log grows again.
    pub length: usize,
}

/// Why a log cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogError {
    /// These bytes are no such log.
    Foreign,
    /// Written by a later version.
    Newer {
        /// The version of its format.
        found: u16,
    },
    /// Bytes changed that had been kept.
    Damaged {
        /// Where, in bytes from the beginning.
        offset: usize,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => {
                f.write_str("this is no session of Evenkeel; hint: give it a place of its own")
            }
            Self::Newer { found } => write!(
                f,
                "the session was written in format {found}; this version reads up to {VERSION}; \
                 hint: use the version that wrote it, or a later one"
            ),
            Self::Damaged { offset } => write!(
                f,
                "the bytes of the session from {offset} on are damaged; hint: bring back a copy, or \
                 begin with an empty place"
            ),
        }
    }
}

impl core::error::Error for LogError {}

pub(super) fn put_header(out: &mut Vec<u8>) {
    out.extend(MAGIC);
    out.extend(VERSION.to_le_bytes());
}

/// Appends a frame whose body is put by `body`; leaves `out` as it was if that fails.
pub(super) fn frame<E>(
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.extend([0; FRAME]);
    if let Err(error) = body(out) {
        out.truncate(start);
        return Err(error);
    }
    if out.len() == start + FRAME {
        // No frame is empty.
        out.truncate(start);
        return Ok(());
    }
    let (head, contents) = out.split_at_mut(start + FRAME);
    let length = u32::try_from(contents.len()).unwrap_or(u32::MAX);
    let sum = crc32fast::hash(contents);
    let parts = length.to_le_bytes().into_iter().chain(sum.to_le_bytes());
    head.iter_mut().skip(start).zip(parts).for_each(|(byte, part)| *byte = part);
    Ok(())
}

impl Mirror {
    /// Appends these records as one frame, if they may be applied. They count once they
    /// are kept, by [`apply`](Self::apply).
    ///
    /// # Errors
    ///
    /// Records that do not belong here; `out` is as it was.
    pub fn encode(&self, records: &[Record], out: &mut Vec<u8>) -> Result<(), MirrorError> {
        self.check(records)?;
        frame(out, |out| records.iter().try_for_each(|record| encode_record(record, out)))
            .map_err(|_| MirrorError::Unencodable)
    }

    /// Reads a log; an empty one is one that was never begun.
    ///
    /// # Errors
    ///
    /// It is no log, or not whole. Nothing is to be appended to it then.
    pub fn replay(&mut self, log: &[u8]) -> Result<Replayed, LogError> {
        if log.is_empty() {
            return Ok(Replayed { length: 0 });
        }
        let mut length = self.header(log)?;
        while let Some(body) = whole_frame(log, length)? {
            self.body(body).map_err(|Malformed| LogError::Damaged { offset: length })?;
            length += FRAME + body.len();
        }
        Ok(Replayed { length })
    }

    fn header(&self, log: &[u8]) -> Result<usize, LogError> {
        let (header, _) = log.split_at_checked(HEADER).ok_or(LogError::Foreign)?;
        let (magic, version) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(LogError::Foreign);
        }
        match version.try_into().map(u16::from_le_bytes) {
            Ok(VERSION) => Ok(HEADER),
            Ok(found) if found > VERSION => Err(LogError::Newer { found }),
            _ => Err(LogError::Foreign),
        }
    }

    fn body(&mut self, body: &[u8]) -> Result<(), Malformed> {
        for entry in Entries(Bytes::copy_from_slice(body)) {
            let (kind, contents) = entry?;
            match decode_entry(kind, &contents)? {
                Entry::Record(record) => self.replay_record(&record)?,
                Entry::Live(live) if live.runs.is_empty() => {
                    self.session.next_serial = self.session.next_serial.max(live.next_serial);
                }
                Entry::Releasing { serial, packet_id } => {
                    self.session.restore_released(serial, packet_id);
                }
                Entry::Live(_) | Entry::Boot(_) => return Err(Malformed),
            }
        }
        Ok(())
    }

    fn replay_record(&mut self, record: &Record) -> Result<(), Malformed> {
        if let Record::Accepted(Accepted { serial, .. }) = record
            && (*serial == Serial(u64::MAX) || self.messages.messages.contains_key(serial))
        {
            return Err(Malformed);
        }
        self.session.apply(record, &mut self.messages);
        Ok(())
    }
}

/// The body of the frame at `offset`; `None` if there is none, or a torn one at the end.
fn whole_frame(log: &[u8], offset: usize) -> Result<Option<&[u8]>, LogError> {
    let rest = log.get(offset..).unwrap_or_default();
    let Some((head, rest)) = rest.split_at_checked(FRAME) else { return Ok(None) };
    let (length, sum) = head.split_at(4);
    let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).unwrap_or_default();
    let Some(body) = rest.get(..number(length) as usize) else { return Ok(None) };
    // None is empty: zeros are what a crash leaves of a page that was not written.
    if body.is_empty() {
        return Ok(None);
    }
    if crc32fast::hash(body) == number(sum) {
        return Ok(Some(body));
    }
    // Sectors of the last frame may have been written in any order.
    if body.len() == rest.len() { Ok(None) } else { Err(LogError::Damaged { offset }) }
}
