//! PUBACK, PUBREC, PUBREL and PUBCOMP.

use alloc::vec::Vec;

use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::{frame_len, put_header, put_u16};
use crate::{
    DecodeError, EncodeError, Packet, PacketId, PacketType, Properties, ReasonCode, Version,
};

/// The content of PUBACK, PUBREC, PUBREL and PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The exchange this belongs to.
    pub packet_id: PacketId,
    /// The outcome; always success before MQTT 5.
    pub reason: ReasonCode,
    /// Reason string and user properties.
    pub properties: Properties,
}

/// How much of an acknowledgement is written; MQTT 5 leaves out what says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Identifier,
    Reason,
    Full { len: usize },
}

impl Ack {
    /// An acknowledgement without properties.
    #[must_use]
    pub const fn new(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self { packet_id, reason, properties: Properties::new() }
    }

    /// The acknowledgement as a packet of this type; of all types but PUBACK,
    /// PUBREC and PUBREL a PUBCOMP is made.
    #[must_use]
    pub fn into_packet(self, packet_type: PacketType) -> Packet {
        match packet_type {
            PacketType::PubAck => Packet::PubAck(self),
            PacketType::PubRec => Packet::PubRec(self),
            PacketType::PubRel => Packet::PubRel(self),
            _ => Packet::PubComp(self),
        }
    }

    /// Appends the packet of this type: one of PUBACK, PUBREC, PUBREL and
    /// PUBCOMP. On an error `out` is as before.
    ///
    /// Before MQTT 5 only the packet identifier is written.
    #[inline]
    pub fn encode(
        &self,
        packet_type: PacketType,
        version: Version,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let form = self.form(packet_type, version)?;
        if form == Form::Identifier {
            let [high, low] = self.packet_id.get().to_be_bytes();
            out.extend_from_slice(&[packet_type.first_byte(), 2, high, low]);
            return Ok(());
        }
        self.put(packet_type, form, out)
    }

    fn put(
        &self,
        packet_type: PacketType,
        form: Form,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        put_header(packet_type.first_byte(), form.len(), form.len(), out)?;
        put_u16(self.packet_id.get(), out);
        out.push(self.reason.0);
        if let Form::Full { .. } = form {
            self.properties.write(out);
        }
        Ok(())
    }

    /// The number of bytes [`Ack::encode`] appends.
    pub fn encoded_len(
        &self,
        packet_type: PacketType,
        version: Version,
    ) -> Result<usize, EncodeError> {
        frame_len(self.form(packet_type, version)?.len())
    }

    #[inline]
    fn form(&self, packet_type: PacketType, version: Version) -> Result<Form, EncodeError> {
        use PacketType::{PubAck, PubComp, PubRec, PubRel};
        if !matches!(packet_type, PubAck | PubRec | PubRel | PubComp) {
            return Err(EncodeError::NotAnAck { packet_type });
        }
        // Nearly all say nothing but success, which every one of them may.
        let is_plain = self.properties.is_empty() && self.reason == ReasonCode::SUCCESS;
        if is_plain || !version.has_properties() {
            return Ok(Form::Identifier);
        }
        packet_type.check_reason(self.reason)?;
        if self.properties.is_empty() {
            return Ok(Form::Reason);
        }
        let properties = self.properties.measure(PropertyOwner::Packet(packet_type))?;
        Ok(Form::Full { len: 3 + list_len(properties) })
    }

    pub(crate) fn decode(mut reader: Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let mut ack = Self::new(reader.packet_id()?, ReasonCode::SUCCESS);
        if version.has_properties() && !reader.is_empty() {
            ack.reason = reader.reason()?;
            if !reader.is_empty() {
                let owner = PropertyOwner::Packet(reader.packet_type());
                ack.properties = Properties::read(&mut reader, owner)?;
            }
        }
        reader.finish()?;
        Ok(ack)
    }
}

impl Form {
    const fn len(self) -> usize {
        match self {
            Self::Identifier => 2,
            Self::Reason => 3,
            Self::Full { len } => len,
        }
    }
}
