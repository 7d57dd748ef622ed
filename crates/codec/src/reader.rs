//! Reading the fields of a packet's body.

use bytes::Bytes;

use crate::varint::{self, Varint};
use crate::{DecodeError, PacketId, PacketType, Text, TextError};

/// Takes fields off the front of a packet's body, bounds checked.
///
/// What it returns of a PUBLISH shares the body's memory. What a session, a will
/// or an event keeps of other packets would keep the whole packet with it (S4):
/// that is copied, as it is little and rare.
pub(crate) struct Reader<'a> {
    body: &'a Bytes,
    /// The part of the body that is left.
    rest: &'a [u8],
    packet_type: PacketType,
    /// It reads a property list and nothing else.
    in_properties: bool,
    memory: Memory,
}

/// What the lists of a packet may take in memory.
///
/// An entry may take more than ten times its bytes on the wire, so the size of
/// the packet bounds nothing (S4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    left: usize,
    maximum: usize,
}

impl Memory {
    /// Any packet may have this much, 900 properties: what is dear is number.
    const LEAST: usize = 64 * 1024;

    /// For packets up to this size, which then bounds what they become too.
    pub(crate) const fn of_packets(maximum_packet_size: u32) -> Self {
        let size = maximum_packet_size as usize;
        let maximum = if size > Self::LEAST { size } else { Self::LEAST };
        Self { left: maximum, maximum }
    }
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(body: &'a Bytes, packet_type: PacketType, memory: Memory) -> Self {
        Self { body, rest: body, packet_type, in_properties: false, memory }
    }

    /// Makes room for one more entry in a list of the packet, or refuses it (S4).
    #[inline]
    pub(crate) fn room_for<T>(&mut self, _: &[T]) -> Result<(), DecodeError> {
        let Some(left) = self.memory.left.checked_sub(size_of::<T>()) else {
            let (packet_type, maximum) = (self.packet_type, self.memory.maximum);
            return Err(DecodeError::TooManyEntries { packet_type, maximum });
        };
        self.memory.left = left;
        Ok(())
    }

    pub(crate) const fn packet_type(&self) -> PacketType {
        self.packet_type
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What it means when a field reaches past the end.
    #[cold]
    const fn truncated(&self) -> DecodeError {
        let packet_type = self.packet_type;
        if self.in_properties {
            DecodeError::PropertyTruncated { packet_type }
        } else {
            DecodeError::Truncated { packet_type }
        }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.truncated());
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(self.truncated());
        };
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes a byte that is 0, if one comes next.
    #[inline]
    pub(crate) fn take_zero(&mut self) -> bool {
        let rest = self.rest.strip_prefix(&[0]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    //= [MQTT-1.5.5-1]
    pub(crate) fn varint(&mut self) -> Result<u32, DecodeError> {
        match varint::read(self.rest) {
            Varint::Value(value, len) if len == varint::len(value) => {
                self.take(len)?;
                Ok(value)
            }
            Varint::Value(value, _) => Err(DecodeError::VarintNotMinimal { value }),
            Varint::Incomplete => Err(self.truncated()),
            Varint::TooLong => Err(DecodeError::VarintTooLong),
        }
    }

    const fn shares(&self) -> bool {
        matches!(self.packet_type, PacketType::Publish)
    }

    pub(crate) fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let bytes = self.string()?;
        Ok(if self.shares() { self.body.slice_ref(bytes) } else { Bytes::copy_from_slice(bytes) })
    }

    pub(crate) fn text(&mut self) -> Result<Text, DecodeError> {
        let text = self.string()?;
        TextError::check(text).map_err(|error| DecodeError::String { error })?;
        Ok(if self.shares() {
            Text::of_checked(text, self.body)
        } else {
            Text::copy_of_checked(text)
        })
    }

    /// The bytes of a string, not checked yet.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = usize::from(self.u16()?);
        self.take(len)
    }

    //= [MQTT-2.2.1-3]
    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        let packet_type = self.packet_type;
        let Ok(id) = self.u16() else {
            return Err(DecodeError::PacketIdentifierMissing { packet_type });
        };
        PacketId::new(id).ok_or(DecodeError::PacketIdentifierZero { packet_type })
    }

    /// Takes over what a reader of a part has used up.
    pub(crate) const fn charge(&mut self, part: &Self) {
        self.memory = part.memory;
    }

    /// Cuts the next `len` bytes off as a reader of the property list they are.
    pub(crate) fn properties(&mut self, len: usize) -> Result<Self, DecodeError> {
        let rest = self.take(len)?;
        Ok(Self { rest, in_properties: true, ..*self })
    }

    /// Everything that is left.
    pub(crate) fn rest(self) -> Bytes {
        self.body.slice_ref(self.rest)
    }

    /// Refuses bytes behind the last field.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { packet_type: self.packet_type, count }),
        }
    }
}
