//! PUBLISH.

use alloc::vec::Vec;
use core::fmt;

use bytes::{Buf, Bytes};

use crate::error::{TextError, TopicError};
use crate::property::{PropertyOwner, list_len};
use crate::reader::{Memory, Reader};
use crate::writer::{frame_len, put_header, put_text, put_u16};
use crate::{
    DecodeError, EncodeError, Packet, PacketId, PacketType, Properties, Property, PropertyId, QoS,
    Text, TopicAliasUse, Transfer, Version, varint,
};

/// PUBLISH: a message. The default has no topic yet, and does not encode.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Publish {
    /// Set if this may be a second delivery.
    pub dup: bool,
    /// The delivery promise.
    pub qos: QoS,
    /// From a client: keep as the topic's last value. From a server: was kept.
    pub retain: bool,
    /// A valid topic name; empty only beside a topic alias (MQTT 5).
    pub topic: Text,
    /// Present for QoS 1 and 2 exactly.
    pub packet_id: Option<PacketId>,
    /// The message itself, a slice of the input when decoded.
    pub payload: Bytes,
    /// Properties of the message and of this transfer.
    pub properties: Properties,
}

/// A larger payload is most of the buffer it was read into.
const OWN_FROM: usize = 16 * 1024;

static NO_TOPIC: Text = Text::new();

pub(super) const RETAIN: u8 = 0b0001;
const QOS: u8 = 0b0110;
pub(super) const DUP: u8 = 0b1000;

//= [MQTT-3.3.1-4]
/// The QoS in the flags of the first byte; `None` if both bits are set.
pub(super) const fn qos_of(flags: u8) -> Option<QoS> {
    QoS::from_level((flags & QOS) >> 1)
}

/// Lengths of the parts of a PUBLISH that has been checked.
struct Plan {
    /// Bytes between the fixed header and the payload.
    head: usize,
    list: List,
}

/// The list of properties that is written. Mostly it is next to nothing, and
/// needs no check.
enum List {
    /// The version has none.
    Absent,
    Empty,
    /// A Topic Alias and nothing else.
    Alias([u8; 2]),
    /// So many bytes without the length field.
    Long(usize),
}

/// Identifier and value of a Topic Alias.
const ALIAS_LEN: usize = 3;

impl List {
    /// With the length field.
    const fn len(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Empty => 1,
            Self::Alias(_) => 1 + ALIAS_LEN,
            Self::Long(len) => list_len(*len),
        }
    }
}

impl Publish {
    /// The transfer that writes the packet as it stands.
    pub fn transfer(&self) -> Transfer {
        let topic_alias = match self.properties.topic_alias() {
            None => TopicAliasUse::None,
            Some(alias) if self.topic.is_empty() => TopicAliasUse::Use(alias),
            Some(alias) => TopicAliasUse::Define(alias),
        };
        Transfer { dup: self.dup, packet_id: self.packet_id, topic_alias, message_expiry: None }
    }

    /// What the message counts against bounds in bytes, wherever it is held:
    /// its topic, its payload, and its properties as [`Properties::weight`] says.
    ///
    /// The size of this type itself is not counted. Bounds in number account
    /// for that, or who holds messages adds it.
    #[inline]
    #[must_use]
    pub fn weight(&self) -> usize {
        self.topic.len() + self.payload.len() + self.properties.weight()
    }

    /// The same message in memory of its own, for one that is kept longer than
    /// those it came with: a payload and long texts are slices of the buffer they
    /// were read into, and keep all of it. A payload above 16 KiB stays where it
    /// is.
    #[must_use]
    pub fn detached(mut self) -> Self {
        if self.payload.len() <= OWN_FROM {
            self.payload = Bytes::copy_from_slice(&self.payload);
        }
        self.topic = self.topic.detached();
        self.properties = self.properties.detached();
        self
    }

    /// Appends the whole packet; on an error `out` is as before.
    #[inline]
    pub fn encode_with(
        &self,
        version: Version,
        transfer: &Transfer,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.encode_payload(&self.payload, version, transfer, out)
    }

    /// The same with this payload in place of its own: for one that is not in
    /// a [`Bytes`], and is copied into `out` only.
    #[inline]
    pub fn encode_payload(
        &self,
        payload: &[u8],
        version: Version,
        transfer: &Transfer,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.put_head(version, transfer, payload.len(), payload.len(), out)?;
        out.extend_from_slice(payload);
        Ok(())
    }

    /// Appends all but the payload, which must follow; for writing a big
    /// payload from where it is. On an error `out` is as before.
    #[inline]
    pub fn encode_head(
        &self,
        version: Version,
        transfer: &Transfer,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.put_head(version, transfer, self.payload.len(), 0, out)
    }

    /// The number of bytes [`Publish::encode_with`] appends.
    pub fn encoded_len_with(
        &self,
        version: Version,
        transfer: &Transfer,
    ) -> Result<usize, EncodeError> {
        self.encoded_len_of(self.payload.len(), version, transfer)
    }

    /// The same for a payload of this length in place of its own.
    pub fn encoded_len_of(
        &self,
        payload: usize,
        version: Version,
        transfer: &Transfer,
    ) -> Result<usize, EncodeError> {
        frame_len(self.plan(version, transfer)?.head + payload)
    }

    /// Appends all but the payload, with room for `payload_room` bytes more.
    fn put_head(
        &self,
        version: Version,
        transfer: &Transfer,
        payload: usize,
        payload_room: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let plan = self.plan(version, transfer)?;
        let len = plan.head + payload;
        put_header(self.first_byte(transfer), len, plan.head + payload_room, out)?;
        put_text(self.wire_topic(version, transfer), out);
        if let Some(packet_id) = transfer.packet_id {
            put_u16(packet_id.get(), out);
        }
        match plan.list {
            List::Absent => {}
            List::Empty => out.push(0),
            List::Alias([high, low]) => {
                let id = PropertyId::TOPIC_ALIAS.0;
                out.extend_from_slice(&[ALIAS_LEN as u8, id, high, low]);
            }
            List::Long(len) => self.put_properties(transfer, len, out),
        }
        Ok(())
    }

    /// Checks the properties and measures them.
    #[inline]
    fn list(&self, version: Version, transfer: &Transfer) -> Result<List, EncodeError> {
        if !version.has_properties() {
            return Ok(List::Absent);
        }
        if self.properties.is_empty() && transfer.message_expiry.is_none() {
            match transfer.topic_alias {
                TopicAliasUse::None => return Ok(List::Empty),
                TopicAliasUse::Define(0) | TopicAliasUse::Use(0) => {}
                TopicAliasUse::Define(alias) | TopicAliasUse::Use(alias) => {
                    return Ok(List::Alias(alias.to_be_bytes()));
                }
            }
        }
        self.measure_properties(transfer).map(List::Long)
    }

    fn first_byte(&self, transfer: &Transfer) -> u8 {
        PacketType::Publish.first_byte()
            | u8::from(transfer.dup) << 3
            | self.qos.level() << 1
            | u8::from(self.retain)
    }

    fn wire_topic(&self, version: Version, transfer: &Transfer) -> &Text {
        match transfer.topic_alias {
            TopicAliasUse::Use(_) if version.has_properties() => &NO_TOPIC,
            _ => &self.topic,
        }
    }

    /// Checks everything and measures. Done for every message: a call of its own
    /// costs a third of the work.
    #[inline(always)]
    fn plan(&self, version: Version, transfer: &Transfer) -> Result<Plan, EncodeError> {
        //= [MQTT-2.2.1-2]
        //= [MQTT-2.2.1-3]
        match (self.qos, transfer.packet_id) {
            (QoS::AtMostOnce, Some(_)) => return Err(EncodeError::PacketIdentifierUnexpected),
            (QoS::AtLeastOnce | QoS::ExactlyOnce, None) => {
                return Err(EncodeError::PacketIdentifierMissing);
            }
            _ => {}
        }
        //= [MQTT-3.3.1-2]
        if transfer.dup && self.qos == QoS::AtMostOnce {
            return Err(EncodeError::DupWithQos0);
        }
        let topic = self.wire_topic(version, transfer);
        check_topic(topic, version, transfer)?;
        let list = self.list(version, transfer)?;
        let mut head = 2 + topic.len() + list.len();
        if transfer.packet_id.is_some() {
            head += 2;
        }
        Ok(Plan { head, list })
    }

    #[inline(never)]
    fn measure_properties(&self, transfer: &Transfer) -> Result<usize, EncodeError> {
        self.check_properties(transfer)?;
        let mut len = 0;
        self.each_property(transfer, |property| len += property.encoded_len());
        Ok(len)
    }

    #[inline(never)]
    fn put_properties(&self, transfer: &Transfer, len: usize, out: &mut Vec<u8>) {
        varint::write(len as u32, out);
        self.each_property(transfer, |property| property.write(out));
    }

    fn check_properties(&self, transfer: &Transfer) -> Result<(), EncodeError> {
        let alias = match transfer.topic_alias {
            TopicAliasUse::None => Ok(()),
            TopicAliasUse::Define(alias) | TopicAliasUse::Use(alias) => {
                Property::TopicAlias(alias).check_value()
            }
        };
        alias
            .and_then(|()| self.properties.check(PropertyOwner::Packet(PacketType::Publish)))
            .map_err(|error| EncodeError::Property { error })
    }

    /// Goes through the properties with those of the transfer in place of
    /// their own, at the end if the message has none.
    fn each_property(&self, transfer: &Transfer, mut visit: impl FnMut(&Property)) {
        let mut alias = match transfer.topic_alias {
            TopicAliasUse::None => None,
            TopicAliasUse::Define(alias) | TopicAliasUse::Use(alias) => Some(alias),
        };
        let mut expiry = transfer.message_expiry;
        for property in &self.properties {
            match property {
                Property::TopicAlias(_) => {
                    if let Some(alias) = alias.take() {
                        visit(&Property::TopicAlias(alias));
                    }
                }
                Property::MessageExpiryInterval(own) => {
                    visit(&Property::MessageExpiryInterval(expiry.take().unwrap_or(*own)));
                }
                property => visit(property),
            }
        }
        if let Some(alias) = alias {
            visit(&Property::TopicAlias(alias));
        }
        if let Some(expiry) = expiry {
            visit(&Property::MessageExpiryInterval(expiry));
        }
    }

    /// The packet as [`Decoder::decode`](crate::Decoder::decode) returns it:
    /// to move a message once more would cost as much as to read it.
    pub(crate) fn decode(
        mut body: Bytes,
        flags: u8,
        version: Version,
        memory: Memory,
    ) -> Result<Option<Packet>, DecodeError> {
        let mut reader = Reader::new(&body, PacketType::Publish, memory);
        let qos = qos_of(flags).ok_or(DecodeError::Qos3)?;
        let (dup, retain) = (flags & DUP != 0, flags & RETAIN != 0);
        //= [MQTT-3.3.1-2]
        if dup && qos == QoS::AtMostOnce {
            return Err(DecodeError::DupWithQos0);
        }
        let topic = reader.string()?;
        let is_plain = TopicError::is_plain_name(topic);
        if !is_plain {
            TextError::check(topic).map_err(|error| DecodeError::String { error })?;
        }
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(reader.packet_id()?),
        };
        let mut properties = Properties::new();
        if version.has_properties() {
            properties = Properties::read(&mut reader, PropertyOwner::Packet(PacketType::Publish))?;
        }
        if !is_plain {
            check_decoded_topic(topic, version, &properties)?;
        }
        let topic = Text::of_checked(topic, &body);
        body.advance(body.len() - reader.remaining());
        let publish = Self { dup, qos, retain, topic, packet_id, payload: body, properties };
        Ok(Some(Packet::Publish(publish)))
    }
}

//= [MQTT-3.3.2-1]
//= [MQTT-3.3.2-2]
#[cold]
fn check_decoded_topic(
    topic: &[u8],
    version: Version,
    properties: &Properties,
) -> Result<(), DecodeError> {
    match TopicError::check_name(topic) {
        Err(TopicError::Empty) if version.has_properties() => match properties.topic_alias() {
            Some(_) => Ok(()),
            None => Err(DecodeError::NoTopicAndNoAlias),
        },
        checked => checked.map_err(|error| DecodeError::Topic { error }),
    }
}

//= [MQTT-3.3.2-2]
fn check_topic(topic: &Text, version: Version, transfer: &Transfer) -> Result<(), EncodeError> {
    match TopicError::check_name(topic.as_bytes()) {
        Err(TopicError::Empty) if version.has_properties() => match transfer.topic_alias {
            TopicAliasUse::Use(_) => Ok(()),
            _ => Err(EncodeError::NoTopicAndNoAlias),
        },
        checked => checked.map_err(|error| EncodeError::Topic { error }),
    }
}

impl fmt::Debug for Publish {
    /// Shows the length of the payload, not its content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("dup", &self.dup)
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("topic", &self.topic)
            .field("packet_id", &self.packet_id)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("properties", &self.properties)
            .finish()
    }
}
