//! ICMP: what routers say about a connection.

use super::{Endpoint, Host};
use crate::capture::cursor::Cursor;

/// A message about a TCP segment that did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::capture) struct Icmp {
    pub(in crate::capture) notice: Notice,
    /// Who sent the segment, and to whom.
    pub(in crate::capture) from: Endpoint,
    pub(in crate::capture) to: Endpoint,
}

/// What the network says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::capture) enum Notice {
    /// There is no way.
    Unreachable,
    /// The segment is larger than the path allows.
    TooBig,
}

const TCP: u8 = 6;

impl Icmp {
    pub(super) fn read_v4(body: &[u8]) -> Option<Self> {
        let mut message = Cursor(body);
        let (kind, code) = (message.u8()?, message.u8()?);
        message.take(6)?;
        let notice = match (kind, code) {
            (3, 4) => Notice::TooBig,
            (3, _) => Notice::Unreachable,
            _ => return None,
        };
        let mut segment = message;
        let words = usize::from(segment.u8()? & 0x0F);
        segment.take(8)?;
        let protocol = segment.u8()?;
        segment.take(2)?;
        let (from, to) = (Host::v4(segment.array()?), Host::v4(segment.array()?));
        segment.take((words * 4).checked_sub(20)?)?;
        Self::about(notice, protocol, from, to, segment)
    }

    pub(super) fn read_v6(body: &[u8]) -> Option<Self> {
        let mut message = Cursor(body);
        let kind = message.u8()?;
        message.take(7)?;
        let notice = match kind {
            1 => Notice::Unreachable,
            2 => Notice::TooBig,
            _ => return None,
        };
        let mut segment = message;
        segment.take(6)?;
        let protocol = segment.u8()?;
        segment.take(1)?;
        let (from, to) = (Host::v6(segment.array()?), Host::v6(segment.array()?));
        Self::about(notice, protocol, from, to, segment)
    }

    fn about(
        notice: Notice,
        protocol: u8,
        from: Host,
        to: Host,
        mut segment: Cursor<'_>,
    ) -> Option<Self> {
        if protocol != TCP {
            return None;
        }
        let (source, destination) = (segment.u16()?, segment.u16()?);
        Some(Self { notice, from: from.port(source), to: to.port(destination) })
    }
}
