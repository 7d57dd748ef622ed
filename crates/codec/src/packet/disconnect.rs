//! DISCONNECT.

use alloc::vec::Vec;

use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::Body;
use crate::{DecodeError, EncodeError, PacketType, Properties, ReasonCode, Version};

/// DISCONNECT: announces the end of the connection; from the server only in MQTT 5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disconnect {
    /// Why; success stands for a normal disconnection.
    pub reason: ReasonCode,
    /// Session expiry, reason string, user properties, server reference.
    pub properties: Properties,
}

impl Disconnect {
    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let mut disconnect = Self::default();
        if version.has_properties() {
            if !reader.is_empty() {
                disconnect.reason = reader.reason()?;
            }
            if !reader.is_empty() {
                let owner = PropertyOwner::Packet(PacketType::Disconnect);
                disconnect.properties = Properties::read(&mut reader, owner)?;
            }
        }
        reader.finish()?;
        Ok(disconnect)
    }
}

impl Body for Disconnect {
    const PACKET_TYPE: PacketType = PacketType::Disconnect;

    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        if !version.has_properties() {
            return Ok(0);
        }
        PacketType::Disconnect.check_reason(self.reason)?;
        Ok(match (self.properties.is_empty(), self.reason) {
            (true, ReasonCode::SUCCESS) => 0,
            (true, _) => 1,
            (false, _) => {
                1 + list_len(
                    self.properties.measure(PropertyOwner::Packet(PacketType::Disconnect))?,
                )
            }
        })
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        if !version.has_properties() {
            return;
        }
        if !self.properties.is_empty() {
            out.push(self.reason.0);
            self.properties.write(out);
        } else if self.reason != ReasonCode::SUCCESS {
            out.push(self.reason.0);
        }
    }
}
