//! SUBACK.

use alloc::vec::Vec;

use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::{Body, put_u16};
use crate::{DecodeError, EncodeError, PacketId, PacketType, Properties, ReasonCode, Version};

/// SUBACK: one code for each filter of the SUBSCRIBE, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// That of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Granted QoS or failure of each filter; before MQTT 5 every failure is
    /// [`ReasonCode::UNSPECIFIED_ERROR`] on the wire.
    pub codes: Vec<ReasonCode>,
    /// Reason string and user properties.
    pub properties: Properties,
}

impl SubAck {
    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let packet_type = PacketType::SubAck;
        let packet_id = reader.packet_id()?;
        let mut properties = Properties::new();
        if version.has_properties() {
            properties = Properties::read(&mut reader, PropertyOwner::Packet(packet_type))?;
        }
        let codes = reader.rest();
        if codes.is_empty() {
            return Err(DecodeError::ReasonCodesMissing { packet_type });
        }
        let codes =
            codes.iter().map(|&code| decode_code(code, version)).collect::<Result<_, _>>()?;
        Ok(Self { packet_id, codes, properties })
    }
}

//= [MQTT311-3.9.3-2]
fn decode_code(code: u8, version: Version) -> Result<ReasonCode, DecodeError> {
    let packet_type = PacketType::SubAck;
    if version.has_properties() || matches!(code, 0..=2 | 0x80) {
        packet_type.decode_reason(code)
    } else {
        Err(DecodeError::ReasonCode { packet_type, code })
    }
}

impl Body for SubAck {
    const PACKET_TYPE: PacketType = PacketType::SubAck;

    //= [MQTT-3.9.3-2]
    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        let packet_type = PacketType::SubAck;
        if self.codes.is_empty() {
            return Err(EncodeError::ReasonCodesMissing { packet_type });
        }
        for code in &self.codes {
            packet_type.check_reason(*code)?;
        }
        let mut len = 2 + self.codes.len();
        if version.has_properties() {
            len += list_len(self.properties.measure(PropertyOwner::Packet(packet_type))?);
        }
        Ok(len)
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        put_u16(self.packet_id.get(), out);
        if version.has_properties() {
            self.properties.write(out);
            out.extend(self.codes.iter().map(|code| code.0));
        } else {
            out.extend(self.codes.iter().map(|code| code.0.min(0x80)));
        }
    }
}
