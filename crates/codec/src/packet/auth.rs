//! AUTH.

use alloc::vec::Vec;

use crate::error::PropertyError;
use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::Body;
use crate::{DecodeError, EncodeError, PacketType, Properties, PropertyId, ReasonCode, Version};

/// AUTH: a step of enhanced authentication (MQTT 5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// Success, continue authentication or re-authenticate.
    pub reason: ReasonCode,
    /// Method, data, reason string, user properties.
    pub properties: Properties,
}

impl Auth {
    /// True for what the empty form of the packet says.
    fn is_plain(&self) -> bool {
        self.reason == ReasonCode::SUCCESS && self.properties.is_empty()
    }

    /// The method is required, yet the empty form is allowed to say success
    /// without it.
    fn check_method(&self) -> Result<(), PropertyError> {
        let method = PropertyId::AUTHENTICATION_METHOD;
        if self.is_plain() || self.properties.iter().any(|property| property.id() == method) {
            Ok(())
        } else {
            Err(PropertyError::AuthenticationMethodMissing)
        }
    }

    pub(crate) fn decode(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut auth = Self::default();
        if !reader.is_empty() {
            auth.reason = reader.reason()?;
        }
        if !reader.is_empty() {
            auth.properties =
                Properties::read(&mut reader, PropertyOwner::Packet(PacketType::Auth))?;
        }
        reader.finish()?;
        auth.check_method().map_err(|error| DecodeError::Property { error })?;
        Ok(auth)
    }
}

impl Body for Auth {
    const PACKET_TYPE: PacketType = PacketType::Auth;

    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        if !version.has_properties() {
            return Err(EncodeError::AuthBeforeV5);
        }
        PacketType::Auth.check_reason(self.reason)?;
        self.check_method().map_err(|error| EncodeError::Property { error })?;
        if self.is_plain() {
            return Ok(0);
        }
        Ok(1 + list_len(self.properties.measure(PropertyOwner::Packet(PacketType::Auth))?))
    }

    fn write(&self, _: Version, out: &mut Vec<u8>) {
        if !self.is_plain() {
            out.push(self.reason.0);
            self.properties.write(out);
        }
    }
}
