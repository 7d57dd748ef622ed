//! The rules of property lists, the same when reading and when writing.

use super::table::PropertyOwner;
use super::{Properties, Property, PropertyId};
use crate::error::{PropertyError, TopicError};
use crate::{PacketType, varint};

/// Checks the properties of one list, one after the other.
pub(crate) struct Checker {
    owner: PropertyOwner,
    /// One bit per identifier seen; the highest is 0x2A.
    seen: u64,
}

impl Checker {
    pub(crate) const fn new(owner: PropertyOwner) -> Self {
        Self { owner, seen: 0 }
    }

    /// Refuses an identifier that has no place here or occurs too often.
    pub(crate) const fn admit(&mut self, id: PropertyId) -> Result<(), PropertyError> {
        if !id.may_occur(self.owner) {
            return Err(match self.owner {
                PropertyOwner::Packet(packet_type) => PropertyError::Misplaced { id, packet_type },
                PropertyOwner::Will => PropertyError::MisplacedInWill { id },
            });
        }
        let bit = 1 << id.0;
        if self.seen & bit != 0 && !id.may_repeat(self.owner) {
            return Err(PropertyError::Duplicate { id });
        }
        self.seen |= bit;
        Ok(())
    }

    const fn has(&self, id: PropertyId) -> bool {
        self.seen & (1 << id.0) != 0
    }

    /// Refuses a list that lacks what another property in it needs.
    pub(crate) const fn finish(&self) -> Result<(), PropertyError> {
        let needs_method =
            matches!(self.owner, PropertyOwner::Packet(PacketType::Connect | PacketType::Auth));
        if needs_method
            && self.has(PropertyId::AUTHENTICATION_DATA)
            && !self.has(PropertyId::AUTHENTICATION_METHOD)
        {
            return Err(PropertyError::AuthenticationDataWithoutMethod);
        }
        Ok(())
    }
}

impl Properties {
    /// Checks the whole list.
    pub(crate) fn check(&self, owner: PropertyOwner) -> Result<(), PropertyError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut checker = Checker::new(owner);
        for property in self {
            // It has a place wherever there are properties, any number of times.
            if let Property::UserProperty(..) = property {
                continue;
            }
            checker.admit(property.id())?;
            property.check_value()?;
        }
        checker.finish()
    }
}

impl Property {
    /// Refuses values outside the range of the property.
    pub(crate) fn check_value(&self) -> Result<(), PropertyError> {
        match self {
            Self::PayloadFormatIndicator(value)
            | Self::RequestProblemInformation(value)
            | Self::RequestResponseInformation(value)
            | Self::RetainAvailable(value)
            | Self::WildcardSubscriptionAvailable(value)
            | Self::SubscriptionIdentifierAvailable(value)
            | Self::SharedSubscriptionAvailable(value)
                if *value > 1 =>
            {
                Err(PropertyError::NotZeroOrOne { id: self.id(), value: *value })
            }
            Self::MaximumQoS(value) if *value > 1 => {
                Err(PropertyError::MaximumQoS { value: *value })
            }
            Self::ReceiveMaximum(0) => Err(PropertyError::ReceiveMaximumZero),
            Self::MaximumPacketSize(0) => Err(PropertyError::MaximumPacketSizeZero),
            //= [MQTT-3.3.2-8]
            Self::TopicAlias(0) => Err(PropertyError::TopicAliasZero),
            Self::SubscriptionIdentifier(0) => Err(PropertyError::SubscriptionIdentifierZero),
            Self::SubscriptionIdentifier(value) if *value > varint::MAX => {
                Err(PropertyError::SubscriptionIdentifierTooLarge { value: *value })
            }
            //= [MQTT-3.3.2-14]
            Self::ResponseTopic(topic) => TopicError::check_name(topic.as_bytes())
                .map_err(|error| PropertyError::ResponseTopic { error }),
            Self::CorrelationData(data) | Self::AuthenticationData(data)
                if data.len() > usize::from(u16::MAX) =>
            {
                Err(PropertyError::BinaryTooLong { id: self.id(), len: data.len() })
            }
            _ => Ok(()),
        }
    }
}
