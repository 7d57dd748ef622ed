//! CONNACK.

use alloc::vec::Vec;

use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::Body;
use crate::{DecodeError, EncodeError, PacketType, Properties, ReasonCode, Version};

/// CONNACK: accepts or refuses a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnAck {
    /// True if the server still holds the session.
    pub session_present: bool,
    /// The outcome. Return codes 1 to 5 of MQTT 3.1.1 are translated; others
    /// become [`ReasonCode::UNSPECIFIED_ERROR`].
    pub reason: ReasonCode,
    /// The byte on the wire before translation. Only read when encoding an
    /// unspecified error before MQTT 5; 6 to 255 are written as they are.
    pub wire_code: u8,
    /// What the server announces.
    pub properties: Properties,
}

impl ConnAck {
    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let flags = reader.u8()?;
        let wire_code = reader.u8()?;
        let mut connack = Self {
            // MQTT 3.1 has no use for the byte.
            session_present: version != Version::V31 && flags & 1 != 0,
            reason: from_return_code(wire_code),
            wire_code,
            properties: Properties::new(),
        };
        //= [MQTT-3.2.2-1]
        if version != Version::V31 && flags > 1 {
            return Err(DecodeError::ConnAckReservedFlags { flags });
        }
        if version.has_properties() {
            connack.reason = PacketType::ConnAck.decode_reason(wire_code)?;
            let owner = PropertyOwner::Packet(PacketType::ConnAck);
            connack.properties = Properties::read(&mut reader, owner)?;
        }
        reader.finish()?;
        //= [MQTT-3.2.2-6]
        //= [MQTT311-3.2.2-4]
        if connack.session_present && wire_code != 0 {
            return Err(DecodeError::SessionPresentOnRefusal { code: wire_code });
        }
        Ok(connack)
    }

    /// The return code of the older versions nearest to the reason.
    const fn return_code(&self) -> u8 {
        match self.reason {
            ReasonCode::SUCCESS => 0,
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => 1,
            ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => 2,
            ReasonCode::BAD_USER_NAME_OR_PASSWORD | ReasonCode::BAD_AUTHENTICATION_METHOD => 4,
            ReasonCode::NOT_AUTHORIZED | ReasonCode::BANNED => 5,
            ReasonCode::UNSPECIFIED_ERROR if self.wire_code > 5 => self.wire_code,
            _ => 3,
        }
    }
}

/// Translates a return code of the older versions.
const fn from_return_code(code: u8) -> ReasonCode {
    match code {
        0 => ReasonCode::SUCCESS,
        1 => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
        2 => ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
        3 => ReasonCode::SERVER_UNAVAILABLE,
        4 => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
        5 => ReasonCode::NOT_AUTHORIZED,
        _ => ReasonCode::UNSPECIFIED_ERROR,
    }
}

impl Body for ConnAck {
    const PACKET_TYPE: PacketType = PacketType::ConnAck;

    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        //= [MQTT-3.2.2-6]
        if self.session_present && self.reason != ReasonCode::SUCCESS {
            return Err(EncodeError::SessionPresentOnRefusal { code: self.reason.0 });
        }
        if !version.has_properties() {
            return Ok(2);
        }
        PacketType::ConnAck.check_reason(self.reason)?;
        Ok(2 + list_len(self.properties.measure(PropertyOwner::Packet(PacketType::ConnAck))?))
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        out.push(u8::from(self.session_present && version != Version::V31));
        if version.has_properties() {
            out.push(self.reason.0);
            self.properties.write(out);
        } else {
            out.push(self.return_code());
        }
    }
}
