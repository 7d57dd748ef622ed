//! Properties on the wire: identifier, then a value of one of seven types.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::check::Checker;
use super::table::PropertyOwner;
use super::{Properties, Property, PropertyId};
use crate::reader::{Memory, Reader};
use crate::writer::{put_binary, put_text, put_u16, put_u32};
use crate::{DecodeError, EncodeError, PacketType, Text, varint};

/// The value of a property by its type on the wire.
pub(super) enum Value<'a> {
    Byte(u8),
    TwoBytes(u16),
    FourBytes(u32),
    Varint(u32),
    Text(&'a Text),
    Binary(&'a Bytes),
    Pair(&'a Text, &'a Text),
}

impl Value<'_> {
    /// Adds the value to a tuple under `Debug`.
    pub(super) fn show<'a, 'b, 'c>(
        &self,
        tuple: &'c mut fmt::DebugTuple<'a, 'b>,
    ) -> &'c mut fmt::DebugTuple<'a, 'b> {
        match self {
            Self::Byte(value) => tuple.field(value),
            Self::TwoBytes(value) => tuple.field(value),
            Self::FourBytes(value) | Self::Varint(value) => tuple.field(value),
            Self::Text(text) => tuple.field(text),
            Self::Binary(bytes) => tuple.field(bytes),
            Self::Pair(name, value) => tuple.field(name).field(value),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Byte(_) => 1,
            Self::TwoBytes(_) => 2,
            Self::FourBytes(_) => 4,
            Self::Varint(value) => varint::len(*value),
            Self::Text(text) => 2 + text.len(),
            Self::Binary(bytes) => 2 + bytes.len(),
            Self::Pair(name, value) => 4 + name.len() + value.len(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Byte(value) => out.push(*value),
            Self::TwoBytes(value) => put_u16(*value, out),
            Self::FourBytes(value) => put_u32(*value, out),
            Self::Varint(value) => varint::write(*value, out),
            Self::Text(text) => put_text(text, out),
            Self::Binary(bytes) => put_binary(bytes, out),
            Self::Pair(name, value) => {
                put_text(name, out);
                put_text(value, out);
            }
        }
    }
}

impl Property {
    /// Bytes that the property holds apart from its entry in the list.
    fn apart(&self) -> usize {
        match self.value() {
            Value::Text(text) => text.apart(),
            Value::Binary(bytes) => bytes.len(),
            Value::Pair(name, value) => name.apart() + value.apart(),
            _ => 0,
        }
    }

    pub(super) const fn value(&self) -> Value<'_> {
        match self {
            Self::PayloadFormatIndicator(value)
            | Self::RequestProblemInformation(value)
            | Self::RequestResponseInformation(value)
            | Self::MaximumQoS(value)
            | Self::RetainAvailable(value)
            | Self::WildcardSubscriptionAvailable(value)
            | Self::SubscriptionIdentifierAvailable(value)
            | Self::SharedSubscriptionAvailable(value) => Value::Byte(*value),
            Self::ServerKeepAlive(value)
            | Self::ReceiveMaximum(value)
            | Self::TopicAliasMaximum(value)
            | Self::TopicAlias(value) => Value::TwoBytes(*value),
            Self::MessageExpiryInterval(value)
            | Self::SessionExpiryInterval(value)
            | Self::WillDelayInterval(value)
            | Self::MaximumPacketSize(value) => Value::FourBytes(*value),
            Self::SubscriptionIdentifier(value) => Value::Varint(*value),
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => Value::Text(text),
            Self::CorrelationData(bytes) | Self::AuthenticationData(bytes) => Value::Binary(bytes),
            Self::UserProperty(name, value) => Value::Pair(name, value),
        }
    }

    /// The length on the wire, identifier included.
    pub(crate) fn encoded_len(&self) -> usize {
        1 + self.value().len()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.id().0);
        self.value().write(out);
    }

    fn read(id: PropertyId, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match id {
            PropertyId::PAYLOAD_FORMAT_INDICATOR => Self::PayloadFormatIndicator(r.u8()?),
            PropertyId::MESSAGE_EXPIRY_INTERVAL => Self::MessageExpiryInterval(r.u32()?),
            PropertyId::CONTENT_TYPE => Self::ContentType(r.text()?),
            PropertyId::RESPONSE_TOPIC => Self::ResponseTopic(r.text()?),
            PropertyId::CORRELATION_DATA => Self::CorrelationData(r.binary()?),
            PropertyId::SUBSCRIPTION_IDENTIFIER => Self::SubscriptionIdentifier(r.varint()?),
            PropertyId::SESSION_EXPIRY_INTERVAL => Self::SessionExpiryInterval(r.u32()?),
            PropertyId::ASSIGNED_CLIENT_IDENTIFIER => Self::AssignedClientIdentifier(r.text()?),
            PropertyId::SERVER_KEEP_ALIVE => Self::ServerKeepAlive(r.u16()?),
            PropertyId::AUTHENTICATION_METHOD => Self::AuthenticationMethod(r.text()?),
            PropertyId::AUTHENTICATION_DATA => Self::AuthenticationData(r.binary()?),
            PropertyId::REQUEST_PROBLEM_INFORMATION => Self::RequestProblemInformation(r.u8()?),
            PropertyId::WILL_DELAY_INTERVAL => Self::WillDelayInterval(r.u32()?),
            PropertyId::REQUEST_RESPONSE_INFORMATION => Self::RequestResponseInformation(r.u8()?),
            PropertyId::RESPONSE_INFORMATION => Self::ResponseInformation(r.text()?),
            PropertyId::SERVER_REFERENCE => Self::ServerReference(r.text()?),
            PropertyId::REASON_STRING => Self::ReasonString(r.text()?),
            PropertyId::RECEIVE_MAXIMUM => Self::ReceiveMaximum(r.u16()?),
            PropertyId::TOPIC_ALIAS_MAXIMUM => Self::TopicAliasMaximum(r.u16()?),
            PropertyId::TOPIC_ALIAS => Self::TopicAlias(r.u16()?),
            PropertyId::MAXIMUM_QOS => Self::MaximumQoS(r.u8()?),
            PropertyId::RETAIN_AVAILABLE => Self::RetainAvailable(r.u8()?),
            PropertyId::USER_PROPERTY => Self::UserProperty(r.text()?, r.text()?),
            PropertyId::MAXIMUM_PACKET_SIZE => Self::MaximumPacketSize(r.u32()?),
            PropertyId::WILDCARD_SUBSCRIPTION_AVAILABLE => {
                Self::WildcardSubscriptionAvailable(r.u8()?)
            }
            PropertyId::SUBSCRIPTION_IDENTIFIER_AVAILABLE => {
                Self::SubscriptionIdentifierAvailable(r.u8()?)
            }
            PropertyId::SHARED_SUBSCRIPTION_AVAILABLE => Self::SharedSubscriptionAvailable(r.u8()?),
            PropertyId(id) => return Err(DecodeError::UnknownProperty { id: id.into() }),
        })
    }

    /// The same with its value checked, for one more entry in this list.
    fn read_checked(
        id: PropertyId,
        r: &mut Reader<'_>,
        list: &[Self],
    ) -> Result<Self, DecodeError> {
        let property = Self::read(id, r)?;
        property.check_value().map_err(|error| DecodeError::Property { error })?;
        r.room_for(list)?;
        Ok(property)
    }
}

impl PropertyId {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = r.varint()?;
        Self::from_wire(id).ok_or(DecodeError::UnknownProperty { id })
    }
}

/// Longer lists get memory of exactly their size. What is spare in a shorter
/// one is little, and not worth to ask for other memory.
const EXACT_FROM: usize = 64;

impl Properties {
    /// Memory that the list takes, in bytes, as it is after decoding: the room
    /// for its entries, and the text and binary data that do not fit in them.
    /// Zero for an empty list; never less than the list takes on the wire.
    ///
    /// Against bounds on what is held, this counts and not the encoded length:
    /// a small property takes more than ten times its encoded length.
    #[inline]
    #[must_use]
    pub fn weight(&self) -> usize {
        if self.is_empty() { 0 } else { self.weight_of_entries() }
    }

    #[inline(never)]
    fn weight_of_entries(&self) -> usize {
        let room = match self.iter().len() {
            len @ ..=EXACT_FROM => len.next_power_of_two().max(4),
            len => len,
        };
        room * size_of::<Property>() + self.iter().map(Property::apart).sum::<usize>()
    }

    /// Checks the list and returns its length on the wire, without the
    /// length field in front of it.
    pub(crate) fn measure(&self, owner: PropertyOwner) -> Result<usize, EncodeError> {
        self.check(owner).map_err(|error| EncodeError::Property { error })?;
        Ok(self.encoded_len())
    }

    /// Bytes the list takes in a packet, without the length field in front of it.
    #[inline]
    pub fn encoded_len(&self) -> usize {
        if self.is_empty() { 0 } else { self.encoded_len_of_entries() }
    }

    #[inline(never)]
    fn encoded_len_of_entries(&self) -> usize {
        self.iter().map(Property::encoded_len).sum()
    }

    /// Appends the length field and the list.
    //= [MQTT-2.2.2-1]
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        varint::write(self.encoded_len() as u32, out);
        for property in self {
            property.write(out);
        }
    }

    /// Appends the list as it stands in a packet, without the length field in front.
    pub fn to_wire(&self, out: &mut Vec<u8>) {
        for property in self {
            property.write(out);
        }
    }

    /// Reads a list as it stands in a packet of this type (in CONNECT for that of a will),
    /// without the length field in front: for bindings that are given properties in this
    /// form. What has no place in the packet, or is doubled, is refused when it is encoded.
    ///
    /// # Errors
    ///
    /// When the list is cut short, or holds an unknown property or a value that its
    /// property can't have.
    pub fn from_wire(of: PacketType, list: &Bytes) -> Result<Self, DecodeError> {
        let memory = Memory::of_packets(u32::try_from(list.len()).unwrap_or(u32::MAX));
        let mut section = Reader::new(list, of, memory).properties(list.len())?;
        let mut properties = Vec::new();
        while !section.is_empty() {
            let id = PropertyId::read(&mut section)?;
            properties.push(Property::read_checked(id, &mut section, &properties)?);
        }
        Ok(Self(properties))
    }

    /// Reads the length field and the list.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'_>, owner: PropertyOwner) -> Result<Self, DecodeError> {
        if reader.take_zero() { Ok(Self::new()) } else { Self::read_content(reader, owner) }
    }

    #[inline(never)]
    fn read_content(reader: &mut Reader<'_>, owner: PropertyOwner) -> Result<Self, DecodeError> {
        let len = reader.varint()? as usize;
        let (packet_type, left) = (reader.packet_type(), reader.remaining());
        if len > left {
            return Err(DecodeError::PropertiesTooLong { packet_type, len, left });
        }
        let mut section = reader.properties(len)?;
        let mut checker = Checker::new(owner);
        let mut properties = Vec::new();
        while !section.is_empty() {
            let id = PropertyId::read(&mut section)?;
            checker.admit(id).map_err(|error| DecodeError::Property { error })?;
            properties.push(Property::read_checked(id, &mut section, &properties)?);
        }
        checker.finish().map_err(|error| DecodeError::Property { error })?;
        reader.charge(&section);
        if properties.len() > EXACT_FROM {
            properties.shrink_to_fit();
        }
        Ok(Self(properties))
    }
}

/// The length of a property list with its length field.
pub(crate) const fn list_len(content: usize) -> usize {
    // A content longer than a varint can say is refused with the whole packet.
    varint::len(content as u32) + content
}
