//! TCP segments.

use super::{Endpoint, Host};
use crate::capture::cursor::Cursor;

/// A segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::capture) struct Segment<'a> {
    pub(in crate::capture) from: Endpoint,
    pub(in crate::capture) to: Endpoint,
    pub(in crate::capture) seq: u32,
    pub(in crate::capture) ack: u32,
    pub(in crate::capture) flags: Flags,
    pub(in crate::capture) window: u16,
    /// What the capture holds of the payload.
    pub(in crate::capture) payload: &'a [u8],
    /// The length of the payload on the wire.
    pub(in crate::capture) len: u32,
}

/// The flags of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::capture) struct Flags(pub(in crate::capture) u8);

impl Flags {
    pub(in crate::capture) const fn fin(self) -> bool {
        self.0 & 1 != 0
    }

    pub(in crate::capture) const fn syn(self) -> bool {
        self.0 & 2 != 0
    }

    pub(in crate::capture) const fn rst(self) -> bool {
        self.0 & 4 != 0
    }

    pub(in crate::capture) const fn ack(self) -> bool {
        self.0 & 16 != 0
    }
}

impl<'a> Segment<'a> {
    /// Reads a segment of `len` bytes, of which `body` was captured.
    pub(super) fn read(from: Host, to: Host, body: &'a [u8], len: usize) -> Option<Self> {
        let mut header = Cursor(body);
        let (source, destination) = (header.u16()?, header.u16()?);
        let (seq, ack) = (header.u32()?, header.u32()?);
        let offset = usize::from(header.u8()? >> 4) * 4;
        let flags = Flags(header.u8()?);
        let window = header.u16()?;
        header.take(4)?;
        header.take(offset.checked_sub(20)?)?;
        Some(Self {
            from: from.port(source),
            to: to.port(destination),
            seq,
            ack,
            flags,
            window,
            payload: header.0,
            len: u32::try_from(len.checked_sub(offset)?).ok()?,
        })
    }
}
