//! A stream of bytes, cut into packets.

use bytes::{Buf, Bytes, BytesMut};

use crate::packet::PlainPublish;
use crate::reader::{Memory, Reader};
use crate::varint::{self, Varint};
use crate::{
    Ack, Auth, ConnAck, Connect, DecodeError, Disconnect, Packet, PacketId, PacketType, Publish,
    ReasonCode, SubAck, Subscribe, UnsubAck, Unsubscribe, Version,
};

/// Cuts a byte stream into packets and decodes them.
///
/// Works on any split of the stream. Refuses a packet larger than the
/// maximum by its header, before its body is read, and one whose properties or
/// topic filters would take more memory than that, or than 64 KiB if it is less:
/// an empty user property is 5 bytes on the wire and more than 60 in memory.
///
/// Rules that depend on who sends are not checked: every packet type, and
/// every property the packet may hold in either direction, is decoded.
#[derive(Debug)]
pub struct Decoder {
    /// Unknown on a server until CONNECT says it.
    version: Option<Version>,
    maximum_packet_size: u32,
}

/// What the fixed header at the front of a buffer says.
#[derive(Clone, Copy)]
struct Header {
    packet_type: PacketType,
    flags: u8,
    /// Length of the fixed header itself.
    len: usize,
    body_len: usize,
}

impl Header {
    /// Takes the packet off the front of `buf`; `None` while it is incomplete.
    /// Called for every message: a call of its own costs as much as the work.
    #[inline(always)]
    fn take_body(self, buf: &mut BytesMut) -> Option<Bytes> {
        let end = self.len + self.body_len;
        if buf.len() < end {
            return None;
        }
        if self.body_len == 0 {
            // What has no content needs no memory of the buffer.
            buf.advance(end);
            return Some(Bytes::new());
        }
        let mut body = buf.split_to(end).freeze();
        body.advance(self.len);
        Some(body)
    }
}

impl Decoder {
    /// A decoder for packets of this version, none longer than
    /// `maximum_packet_size` bytes, fixed header included.
    ///
    /// A decoder for MQTT 5 that meets the CONNACK of an older server, which
    /// is shorter than any of MQTT 5, decodes it and goes on as one for
    /// MQTT 3.1.1; [`Decoder::version`] tells.
    #[must_use]
    pub const fn new(version: Version, maximum_packet_size: u32) -> Self {
        Self { version: Some(version), maximum_packet_size }
    }

    /// A decoder for what a client sends: the first packet must be CONNECT
    /// and says the version of all others.
    #[must_use]
    pub const fn for_server(maximum_packet_size: u32) -> Self {
        Self { version: None, maximum_packet_size }
    }

    /// The version packets are decoded by; `None` before CONNECT on a server.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Takes one whole packet off the front of `buf`; `None` while it is
    /// incomplete.
    ///
    /// Payload and long strings of a PUBLISH share the memory of `buf`; other
    /// packets have memory of their own.
    /// After an error the stream has lost its meaning: a packet that is
    /// malformed inside has been taken off, one that is refused by its header
    /// is left where it is.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
        if let Some((packet_type, packet_id)) = self.decode_plain_ack(buf) {
            return Ok(Some(plain_ack(packet_type, packet_id)));
        }
        let Some(header) = self.header(buf)? else { return Ok(None) };
        let Some(body) = header.take_body(buf) else { return Ok(None) };
        self.decode_body(header, body)
    }

    /// As [`Decoder::decode`], for a client: what only clients send is refused by its
    /// header. A program that calls no other leaves out what would decode it.
    pub fn decode_from_server(
        &mut self,
        buf: &mut BytesMut,
    ) -> Result<Option<Packet>, DecodeError> {
        if let Some((packet_type, packet_id)) = self.decode_plain_ack(buf) {
            return Ok(Some(plain_ack(packet_type, packet_id)));
        }
        let Some(header) = self.header(buf)? else { return Ok(None) };
        let packet_type = header.packet_type;
        let (Some(version), false) = (self.version, packet_type.is_of_clients()) else {
            return Err(DecodeError::ClientPacket { packet_type });
        };
        let Some(body) = header.take_body(buf) else { return Ok(None) };
        self.decode_any_sender(header, body, version)
    }

    /// Takes a SUBSCRIBE off the front of `buf`. `None`, and nothing taken, if another
    /// packet is there, or not the whole of it.
    pub fn decode_subscribe(&self, buf: &mut BytesMut) -> Result<Option<Subscribe>, DecodeError> {
        let Some(header) = self.header(buf)? else { return Ok(None) };
        let (Some(version), PacketType::Subscribe) = (self.version, header.packet_type) else {
            return Ok(None);
        };
        let Some(body) = header.take_body(buf) else { return Ok(None) };
        let memory = Memory::of_packets(self.maximum_packet_size);
        Subscribe::decode(Reader::new(&body, header.packet_type, memory), version).map(Some)
    }

    /// Takes an acknowledgement off the front of `buf` that is nothing but
    /// success, by far the most frequent, and says of what. `None`, and
    /// nothing taken, if [`Decoder::decode`] has to look.
    #[inline]
    #[must_use]
    pub fn decode_plain_ack(&self, buf: &mut BytesMut) -> Option<(PacketType, PacketId)> {
        const PUBACK: u8 = PacketType::PubAck.first_byte();
        const PUBREC: u8 = PacketType::PubRec.first_byte();
        const PUBREL: u8 = PacketType::PubRel.first_byte();
        const PUBCOMP: u8 = PacketType::PubComp.first_byte();
        let [first, 2, high, low] = *buf.first_chunk()? else { return None };
        let packet_type = match first {
            PUBACK => PacketType::PubAck,
            PUBREC => PacketType::PubRec,
            PUBREL => PacketType::PubRel,
            PUBCOMP => PacketType::PubComp,
            _ => return None,
        };
        let packet_id = PacketId::new(u16::from_be_bytes([high, low]))?;
        if self.version.is_none() || self.maximum_packet_size < 4 {
            return None;
        }
        buf.advance(4);
        Some((packet_type, packet_id))
    }

    /// Takes a PUBLISH off the front of `buf` that has no properties and a topic
    /// of ASCII, by far the most frequent. `None`, and nothing taken, if
    /// [`Decoder::decode`] has to look.
    #[inline]
    #[must_use]
    pub fn decode_plain_publish(&self, buf: &mut BytesMut) -> Option<Publish> {
        const PUBLISH: u8 = PacketType::Publish.first_byte();
        if buf.first()? & 0xf0 != PUBLISH {
            return None;
        }
        let version = self.version?;
        let header = self.header(buf).ok()??;
        let body = buf.get(header.len..header.len + header.body_len)?;
        let plain = PlainPublish::find(body, header.flags, version)?;
        Some(plain.with(header.take_body(buf)?))
    }

    /// Bytes still missing for the packet at the front of `buf`, for
    /// reserving room; 0 if its header is incomplete or refused.
    #[must_use]
    pub fn missing(&self, buf: &[u8]) -> usize {
        match self.header(buf) {
            Ok(Some(header)) => (header.len + header.body_len).saturating_sub(buf.len()),
            Ok(None) | Err(_) => 0,
        }
    }

    /// Reads the fixed header and refuses what it alone shows to be wrong.
    #[inline]
    fn header(&self, buf: &[u8]) -> Result<Option<Header>, DecodeError> {
        let [first, rest @ ..] = buf else { return Ok(None) };
        let packet_type =
            PacketType::from_first_byte(*first).ok_or(DecodeError::UnknownPacketType)?;
        let flags = first & 0x0f;
        self.check_first_byte(packet_type, flags)?;
        let (body_len, len) = match varint::read(rest) {
            Varint::Value(value, len) => (value, 1 + len),
            Varint::Incomplete => return Ok(None),
            Varint::TooLong => return Err(DecodeError::RemainingLengthTooLong),
        };
        //= [MQTT-3.1.2-24]
        let size = body_len + len as u32;
        if size > self.maximum_packet_size {
            return Err(DecodeError::PacketTooLarge { size, maximum: self.maximum_packet_size });
        }
        //= [MQTT-1.5.5-1]
        if self.version == Some(Version::V5) && len != 1 + varint::len(body_len) {
            return Err(DecodeError::VarintNotMinimal { value: body_len });
        }
        Ok(Some(Header { packet_type, flags, len, body_len: body_len as usize }))
    }

    #[inline]
    fn check_first_byte(&self, packet_type: PacketType, flags: u8) -> Result<(), DecodeError> {
        //= [MQTT-3.1.0-1]
        if self.version.is_none() && packet_type != PacketType::Connect {
            return Err(DecodeError::ConnectExpected { packet_type });
        }
        if packet_type == PacketType::Auth && self.version != Some(Version::V5) {
            return Err(DecodeError::AuthBeforeV5);
        }
        // MQTT 3.1 reserves none of the flags. Only the QoS 1 of three packet
        // types means something there, and DUP may stand beside it.
        let significant = match self.version {
            Some(Version::V31) => packet_type.flags(),
            _ => 0b1111,
        };
        //= [MQTT-2.1.3-1]
        if packet_type != PacketType::Publish && flags & significant != packet_type.flags() {
            return Err(DecodeError::ReservedFlags { packet_type, flags });
        }
        Ok(())
    }

    fn decode_body(&mut self, header: Header, body: Bytes) -> Result<Option<Packet>, DecodeError> {
        let memory = Memory::of_packets(self.maximum_packet_size);
        let reader = Reader::new(&body, header.packet_type, memory);
        let Some(version) = self.version else {
            let connect = Connect::decode(reader)?;
            self.version = Some(connect.version);
            return Ok(Some(Packet::Connect(connect)));
        };
        let packet = match header.packet_type {
            PacketType::Connect => Packet::Connect(Connect::decode(reader)?),
            PacketType::Subscribe => Packet::Subscribe(Subscribe::decode(reader, version)?),
            PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe::decode(reader, version)?),
            _ => return self.decode_any_sender(header, body, version),
        };
        Ok(Some(packet))
    }

    /// What servers send, or both sides.
    fn decode_any_sender(
        &mut self,
        header: Header,
        body: Bytes,
        version: Version,
    ) -> Result<Option<Packet>, DecodeError> {
        let memory = Memory::of_packets(self.maximum_packet_size);
        let reader = Reader::new(&body, header.packet_type, memory);
        let packet = match header.packet_type {
            PacketType::Publish => return Publish::decode(body, header.flags, version, memory),
            PacketType::ConnAck => self.decode_connack(reader, version)?,
            PacketType::PubAck => Packet::PubAck(Ack::decode(reader, version)?),
            PacketType::PubRec => Packet::PubRec(Ack::decode(reader, version)?),
            PacketType::PubRel => Packet::PubRel(Ack::decode(reader, version)?),
            PacketType::PubComp => Packet::PubComp(Ack::decode(reader, version)?),
            PacketType::SubAck => Packet::SubAck(SubAck::decode(reader, version)?),
            PacketType::UnsubAck => Packet::UnsubAck(UnsubAck::decode(reader, version)?),
            PacketType::PingReq => {
                reader.finish()?;
                Packet::PingReq
            }
            PacketType::PingResp => {
                reader.finish()?;
                Packet::PingResp
            }
            PacketType::Disconnect => Packet::Disconnect(Disconnect::decode(reader, version)?),
            PacketType::Auth => Packet::Auth(Auth::decode(reader)?),
            packet_type @ (PacketType::Connect
            | PacketType::Subscribe
            | PacketType::Unsubscribe) => return Err(DecodeError::ClientPacket { packet_type }),
        };
        Ok(Some(packet))
    }

    /// Two bytes are a whole CONNACK before MQTT 5 and never one of MQTT 5.
    fn decode_connack(
        &mut self,
        reader: Reader<'_>,
        version: Version,
    ) -> Result<Packet, DecodeError> {
        let version = match (version, reader.remaining()) {
            (Version::V5, 2) => Version::V311,
            (version, _) => version,
        };
        let connack = ConnAck::decode(reader, version)?;
        self.version = Some(version);
        Ok(Packet::ConnAck(connack))
    }
}

fn plain_ack(packet_type: PacketType, packet_id: PacketId) -> Packet {
    Ack::new(packet_id, ReasonCode::SUCCESS).into_packet(packet_type)
}
