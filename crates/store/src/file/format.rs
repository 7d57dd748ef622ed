//! Headers of segments and frames, byte by byte. All numbers little-endian.
//!
//! ```text
//! segment   0  magic       8  89 "EVKLOG" 0a
//!           8  version     2  of everything that follows
//!          10  kind        2  0 log, 1 compacted, 2 put aside
//!          12  first       8  number of the segment
//!          20  last        8  the last number it stands for; of what was put
//!                             aside, the offset at which it was
//!          28  checksum    4  CRC-32 of the 28 bytes before
//!          32  frames
//!
//! frame     0  length      4  bytes of the body
//!           4  synced      4  end of what was durable when it was written
//!           8  body sum    4  CRC-32 of the body
//!          12  checksum    4  CRC-32 of segment, offset and the 12 bytes before
//!          16  body
//! ```
//!
//! The header of a segment keeps this layout in all versions. Version 2 has
//! the boot in its snapshots, the age of messages, and the time.

use crc32fast::Hasher;

/// The version this code writes, and the latest it reads.
pub(crate) const VERSION: u16 = 2;
/// Bytes before the first frame.
pub(crate) const SEGMENT_HEADER: usize = 32;
/// Bytes before a frame's body.
pub(crate) const FRAME_HEADER: usize = 16;
/// The longest body of a frame, so that offsets in a segment fit four bytes.
pub(crate) const MAX_BODY: usize = 1 << 30;

pub(crate) const MAGIC: [u8; 8] = *b"\x89EVKLOG\n";

/// How a segment came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Batches in order, the first frame a snapshot.
    Log,
    /// Messages alone, copied from segments that held little else.
    Compacted,
    /// No segment: the end of one, cut off after a power cut.
    Aside,
}

/// What the first bytes of a segment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) kind: Kind,
    pub(crate) first: u64,
    /// Beyond `first` only if it was compacted from several.
    pub(crate) last: u64,
    pub(crate) version: u16,
}

/// Why the header of a segment cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Foreign,
    Newer(u16),
    Damaged,
}

impl SegmentHeader {
    /// One in the present format.
    pub(crate) const fn new(kind: Kind, first: u64, last: u64) -> Self {
        Self { kind, first, last, version: VERSION }
    }

    /// True if this version of the format is the one written now.
    pub(crate) const fn is_present(&self) -> bool {
        self.version == VERSION
    }

    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let kind: u16 = match self.kind {
            Kind::Log => 0,
            Kind::Compacted => 1,
            Kind::Aside => 2,
        };
        let mut out = [0; SEGMENT_HEADER];
        let (fields, sum) = out.split_at_mut(28);
        let parts: [&[u8]; 5] = [
            &MAGIC,
            &self.version.to_le_bytes(),
            &kind.to_le_bytes(),
            &self.first.to_le_bytes(),
            &self.last.to_le_bytes(),
        ];
        for (to, from) in fields.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        sum.copy_from_slice(&crc32fast::hash(fields).to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER]) -> Result<Self, HeaderFault> {
        let (fields, sum) = bytes.split_at(28);
        let mut reader = Fields(fields);
        if reader.take() != MAGIC {
            return Err(HeaderFault::Foreign);
        }
        if crc32fast::hash(fields).to_le_bytes() != sum {
            return Err(HeaderFault::Damaged);
        }
        let version = u16::from_le_bytes(reader.take());
        if version > VERSION {
            return Err(HeaderFault::Newer(version));
        }
        let kind = match u16::from_le_bytes(reader.take()) {
            0 => Kind::Log,
            1 => Kind::Compacted,
            2 => Kind::Aside,
            _ => return Err(HeaderFault::Damaged),
        };
        let (first, last) = (u64::from_le_bytes(reader.take()), u64::from_le_bytes(reader.take()));
        if version == 0 || kind != Kind::Aside && last < first {
            return Err(HeaderFault::Damaged);
        }
        Ok(Self { kind, first, last, version })
    }
}

/// What the first bytes of a frame say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Bytes of the body.
    pub(crate) length: u32,
    /// Up to where the segment was durable when the frame was written. A bad
    /// frame before that offset was good once: it is damaged, not torn.
    pub(crate) synced: u32,
    pub(crate) body_sum: u32,
}

impl FrameHeader {
    /// Binds the header to its place, so that bytes of another place or of a
    /// file that had the name before are no frame.
    pub(crate) fn encode(&self, segment: u64, offset: u64) -> [u8; FRAME_HEADER] {
        let mut out = [0; FRAME_HEADER];
        let (fields, sum) = out.split_at_mut(12);
        let parts = [self.length, self.synced, self.body_sum].map(u32::to_le_bytes);
        for (to, from) in fields.iter_mut().zip(parts.iter().flatten()) {
            *to = *from;
        }
        sum.copy_from_slice(&checksum(segment, offset, fields).to_le_bytes());
        out
    }

    /// `None` if this is no header, or that of another place.
    pub(crate) fn decode(bytes: &[u8; FRAME_HEADER], segment: u64, offset: u64) -> Option<Self> {
        let (fields, sum) = bytes.split_at(12);
        if checksum(segment, offset, fields).to_le_bytes() != sum {
            return None;
        }
        let mut reader = Fields(fields);
        let mut next = || u32::from_le_bytes(reader.take());
        let header = Self { length: next(), synced: next(), body_sum: next() };
        (1..=MAX_BODY).contains(&(header.length as usize)).then_some(header)
    }
}

fn checksum(segment: u64, offset: u64, fields: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(fields);
    hasher.finalize()
}

/// Takes fields of fixed size off a header that is long enough for them.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_segment_is_these_bytes() {
        let header = SegmentHeader::new(Kind::Compacted, 3, 5);
        let bytes = header.encode();
        assert_eq!(&bytes[..8], b"\x89EVKLOG\n");
        assert_eq!(&bytes[8..12], [2, 0, 1, 0]);
        assert_eq!(&bytes[12..20], 3_u64.to_le_bytes());
        assert_eq!(&bytes[20..28], 5_u64.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
    }

    #[test]
    fn one_flipped_bit_makes_a_header_foreign_or_damaged() {
        let bytes = SegmentHeader::new(Kind::Log, 1, 1).encode();
        for bit in 0..SEGMENT_HEADER * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit < 64 { HeaderFault::Foreign } else { HeaderFault::Damaged };
            assert_eq!(SegmentHeader::decode(&flipped), Err(expected), "bit {bit}");
        }
    }

    #[test]
    fn a_later_version_is_told_apart_from_damage() {
        let mut bytes = SegmentHeader::new(Kind::Log, 1, 1).encode();
        for (version, expected) in [
            (0, Err(HeaderFault::Damaged)),
            (1, Ok(SegmentHeader { kind: Kind::Log, first: 1, last: 1, version: 1 })),
            (3, Err(HeaderFault::Newer(3))),
        ] {
            bytes[8] = version;
            let sum = crc32fast::hash(&bytes[..28]);
            bytes[28..].copy_from_slice(&sum.to_le_bytes());
            assert_eq!(SegmentHeader::decode(&bytes), expected);
        }
    }

    #[test]
    fn a_frame_is_bound_to_its_segment_and_offset() {
        let header = FrameHeader { length: 7, synced: 32, body_sum: 9 };
        let bytes = header.encode(4, 1000);
        assert_eq!(FrameHeader::decode(&bytes, 4, 1000), Some(header));
        assert_eq!(FrameHeader::decode(&bytes, 5, 1000), None);
        assert_eq!(FrameHeader::decode(&bytes, 4, 1001), None);
        for bit in 0..FRAME_HEADER * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&flipped, 4, 1000), None, "bit {bit}");
        }
    }

    #[test]
    fn the_length_of_a_frame_has_bounds_on_both_sides() {
        let decoded = |length| {
            let bytes = FrameHeader { length, synced: 0, body_sum: 0 }.encode(1, 32);
            FrameHeader::decode(&bytes, 1, 32).is_some()
        };
        assert!(!decoded(0));
        assert!(decoded(1));
        assert!(decoded(MAX_BODY as u32));
        assert!(!decoded(MAX_BODY as u32 + 1));
    }
}
