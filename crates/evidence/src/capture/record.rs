//! What a reader of capture files finds next.

use evenkeel_doctor::Time;

/// The largest packet that is believed; tcpdump writes none that is larger.
pub(super) const PACKET: u32 = 256 << 10;

/// One packet as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Captured<'a> {
    pub(super) at: Time,
    /// The link type, as the file numbers them.
    pub(super) link: u32,
    pub(super) bytes: &'a [u8],
}

/// What is at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// Not enough: at least so many bytes from the front are needed.
    Need(usize),
    /// Nothing to look at: so many bytes to skip, maybe more than are there.
    Skip(u64),
    /// A packet, and how many bytes its record takes.
    Packet(Captured<'a>, usize),
    /// Lines of a TLS key log, and how many bytes their record takes.
    Keys(&'a [u8], usize),
}
