//! Appends packets and the data types in them to a buffer. Everything is checked before
//! anything is written, so nothing here fails.

use alloc::vec::Vec;

use crate::{EncodeError, PacketType, Text, Version, varint};

#[inline]
pub(crate) fn put_u16(value: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[inline]
pub(crate) fn put_u32(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[inline]
pub(crate) fn put_text(text: &Text, out: &mut Vec<u8>) {
    put_binary(text.as_bytes(), out);
}

/// Two bytes of length, then the bytes; at most 65,535 of them.
#[inline]
pub(crate) fn put_binary(bytes: &[u8], out: &mut Vec<u8>) {
    put_u16(bytes.len() as u16, out);
    out.extend_from_slice(bytes);
}

/// A packet whose fixed header is told by its type: all but PUBLISH and the
/// four that share [`crate::Ack`].
pub(crate) trait Body {
    const PACKET_TYPE: PacketType;

    /// Checks the content and returns the length of what follows the fixed
    /// header.
    fn measure(&self, version: Version) -> Result<usize, EncodeError>;

    /// Appends what follows the fixed header. Called after `measure`.
    fn write(&self, version: Version, out: &mut Vec<u8>);

    /// Appends the whole packet, or nothing.
    fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let len = self.measure(version)?;
        put_header(Self::PACKET_TYPE.first_byte(), len, len, out)?;
        self.write(version, out);
        Ok(())
    }

    /// The length of the whole packet.
    fn frame_len(&self, version: Version) -> Result<usize, EncodeError> {
        frame_len(self.measure(version)?)
    }
}

/// The length of a packet with a body of `len` bytes.
#[inline]
pub(crate) fn frame_len(len: usize) -> Result<usize, EncodeError> {
    Ok(1 + varint::len(remaining_length(len)?) + len)
}

/// Reserves room for header and the `room` bytes of body that are to follow
/// it, and appends the header.
#[inline]
pub(crate) fn put_header(
    first_byte: u8,
    len: usize,
    room: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let remaining = remaining_length(len)?;
    out.reserve(5 + room);
    if remaining <= 0x7f {
        out.extend_from_slice(&[first_byte, remaining as u8]);
    } else {
        put_long_header(first_byte, remaining, out);
    }
    Ok(())
}

/// Not inlined, as most packets are short.
#[inline(never)]
fn put_long_header(first_byte: u8, remaining: u32, out: &mut Vec<u8>) {
    out.push(first_byte);
    varint::write(remaining, out);
}

#[inline]
fn remaining_length(len: usize) -> Result<u32, EncodeError> {
    match u32::try_from(len) {
        Ok(value) if value <= varint::MAX => Ok(value),
        _ => Err(EncodeError::PacketTooLarge { len }),
    }
}
