use bytes::{Buf, Bytes};

use crate::varint::{self, Varint};
use crate::{DecodeError, PacketId, PacketType, Text};

/// Takes fields off the front of a packet's body, bounds checked.
///
/// What it returns shares the body's memory.
pub(crate) struct Reader {
    bytes: Bytes,
    packet_type: PacketType,
    /// What it means when a field reaches past the end.
    truncated: DecodeError,
}

impl Reader {
    pub(crate) const fn new(bytes: Bytes, packet_type: PacketType) -> Self {
        Self { bytes, packet_type, truncated: DecodeError::Truncated { packet_type } }
    }

    pub(crate) const fn packet_type(&self) -> PacketType {
        self.packet_type
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    fn require(&self, count: usize) -> Result<(), DecodeError> {
        if self.bytes.len() < count { Err(self.truncated) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.require(1)?;
        Ok(self.bytes.get_u8())
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.require(2)?;
        Ok(self.bytes.get_u16())
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.require(4)?;
        Ok(self.bytes.get_u32())
    }

    //= [MQTT-1.5.5-1]
    pub(crate) fn varint(&mut self) -> Result<u32, DecodeError> {
        match varint::read(&self.bytes) {
            Varint::Value(value, len) if len == varint::len(value) => {
                self.bytes.advance(len);
                Ok(value)
            }
            Varint::Value(value, _) => Err(DecodeError::VarintNotMinimal { value }),
            Varint::Incomplete => Err(self.truncated),
            Varint::TooLong => Err(DecodeError::VarintTooLong),
        }
    }

    #[inline]
    pub(crate) fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let len = usize::from(self.u16()?);
        self.require(len)?;
        Ok(self.bytes.split_to(len))
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<Text, DecodeError> {
        let len = usize::from(self.u16()?);
        self.require(len)?;
        Text::split_off(&mut self.bytes, len).map_err(|error| DecodeError::String { error })
    }

    //= [MQTT-2.2.1-3]
    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        let packet_type = self.packet_type;
        if self.bytes.len() < 2 {
            return Err(DecodeError::PacketIdentifierMissing { packet_type });
        }
        PacketId::new(self.bytes.get_u16()).ok_or(DecodeError::PacketIdentifierZero { packet_type })
    }

    /// Cuts the next `len` bytes off as a reader of their own, in which
    /// `truncated` is the error of a field that reaches past their end.
    pub(crate) fn section(
        &mut self,
        len: usize,
        truncated: DecodeError,
    ) -> Result<Self, DecodeError> {
        self.require(len)?;
        Ok(Self { bytes: self.bytes.split_to(len), packet_type: self.packet_type, truncated })
    }

    /// Everything that is left.
    #[inline]
    pub(crate) fn rest(self) -> Bytes {
        self.bytes
    }

    /// Refuses bytes behind the last field.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        match self.bytes.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { packet_type: self.packet_type, count }),
        }
    }
}
