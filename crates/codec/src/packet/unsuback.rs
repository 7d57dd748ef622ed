//! UNSUBACK.

use alloc::vec::Vec;

use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::{Body, put_u16};
use crate::{DecodeError, EncodeError, PacketId, PacketType, Properties, ReasonCode, Version};

/// UNSUBACK: one code for each filter of the UNSUBSCRIBE; none before MQTT 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubAck {
    /// That of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Outcome for each filter; empty before MQTT 5.
    pub codes: Vec<ReasonCode>,
    /// Reason string and user properties.
    pub properties: Properties,
}

impl UnsubAck {
    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let packet_type = PacketType::UnsubAck;
        let packet_id = reader.packet_id()?;
        if !version.has_properties() {
            reader.finish()?;
            return Ok(Self { packet_id, codes: Vec::new(), properties: Properties::new() });
        }
        let properties = Properties::read(&mut reader, PropertyOwner::Packet(packet_type))?;
        let codes = reader.rest();
        if codes.is_empty() {
            return Err(DecodeError::ReasonCodesMissing { packet_type });
        }
        let codes =
            codes.iter().map(|&code| packet_type.decode_reason(code)).collect::<Result<_, _>>()?;
        Ok(Self { packet_id, codes, properties })
    }
}

impl Body for UnsubAck {
    const PACKET_TYPE: PacketType = PacketType::UnsubAck;

    //= [MQTT-3.11.3-2]
    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        let packet_type = PacketType::UnsubAck;
        if !version.has_properties() {
            return Ok(2);
        }
        if self.codes.is_empty() {
            return Err(EncodeError::ReasonCodesMissing { packet_type });
        }
        for code in &self.codes {
            packet_type.check_reason(*code)?;
        }
        let properties = self.properties.measure(PropertyOwner::Packet(packet_type))?;
        Ok(2 + list_len(properties) + self.codes.len())
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        put_u16(self.packet_id.get(), out);
        if version.has_properties() {
            self.properties.write(out);
            out.extend(self.codes.iter().map(|code| code.0));
        }
    }
}
