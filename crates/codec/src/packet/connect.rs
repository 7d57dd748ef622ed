//! CONNECT.

use core::fmt;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::property::{PropertyOwner, list_len};
use crate::reader::Reader;
use crate::writer::{Body, put_binary, put_text, put_u16};
use crate::{DecodeError, EncodeError, PacketType, Properties, QoS, Text, Version, Will};

/// CONNECT: the first packet of a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The protocol version of the whole connection.
    pub version: Version,
    /// Asks the server to forget an earlier session (Clean Session before MQTT 5).
    pub clean_start: bool,
    /// Seconds between packets of the client at most; 0 for no limit.
    pub keep_alive: u16,
    /// Names the session; empty asks the server to choose.
    pub client_id: Text,
    /// Published by the server when the connection ends without DISCONNECT.
    pub will: Option<Box<Will>>,
    /// The user name; `None` leaves the field out. Never shown by `Debug`.
    pub username: Option<Text>,
    /// A secret; never shown by `Debug`.
    pub password: Option<Bytes>,
    /// What the client announces and asks for.
    pub properties: Properties,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("username", &self.username.as_ref().map(|_| "<set>"))
            .field("password", &self.password.as_ref().map(|_| "<secret>"))
            .field("properties", &self.properties)
            .finish()
    }
}

const RESERVED: u8 = 0b0000_0001;
const CLEAN_START: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_QOS: u8 = 0b0001_1000;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USER_NAME: u8 = 0b1000_0000;

impl Connect {
    //= [MQTT-3.1.3-1]
    pub(crate) fn decode(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let version = read_version(&mut reader)?;
        let flags = reader.u8()?;
        check_flags(flags, version)?;
        let keep_alive = reader.u16()?;
        let mut properties = Properties::new();
        if version.has_properties() {
            properties = Properties::read(&mut reader, PropertyOwner::Packet(PacketType::Connect))?;
        }
        let client_id = reader.text()?;
        let mut will = None;
        if flags & WILL != 0 {
            //= [MQTT-3.1.2-12]
            let qos = QoS::from_level((flags & WILL_QOS) >> 3).ok_or(DecodeError::WillQos3)?;
            let retain = flags & WILL_RETAIN != 0;
            will = Some(Box::new(Will::decode(&mut reader, version, qos, retain)?));
        }
        // In MQTT 3.1 the remaining length outranks these two flags: a server
        // must accept a flag without its field.
        let present = |flag, reader: &Reader<'_>| {
            flags & flag != 0 && !(version == Version::V31 && reader.is_empty())
        };
        let username = if present(USER_NAME, &reader) { Some(reader.text()?) } else { None };
        let password = if present(PASSWORD, &reader) { Some(reader.binary()?) } else { None };
        reader.finish()?;
        let clean_start = flags & CLEAN_START != 0;
        Ok(Self {
            version,
            clean_start,
            keep_alive,
            client_id,
            will,
            username,
            password,
            properties,
        })
    }

    fn flags(&self) -> u8 {
        let mut flags = 0;
        if self.clean_start {
            flags |= CLEAN_START;
        }
        if let Some(will) = &self.will {
            flags |= WILL | will.qos.level() << 3;
            if will.retain {
                flags |= WILL_RETAIN;
            }
        }
        if self.username.is_some() {
            flags |= USER_NAME;
        }
        if self.password.is_some() {
            flags |= PASSWORD;
        }
        flags
    }
}

//= [MQTT-3.1.2-1]
//= [MQTT-3.1.2-2]
fn read_version(reader: &mut Reader<'_>) -> Result<Version, DecodeError> {
    let name = reader.binary()?;
    let mqtt = match &name[..] {
        b"MQTT" => true,
        b"MQIsdp" => false,
        _ => return Err(DecodeError::ProtocolName),
    };
    match (mqtt, reader.u8()?) {
        (false, 3) => Ok(Version::V31),
        (true, 4) => Ok(Version::V311),
        (true, 5) => Ok(Version::V5),
        (_, level) => Err(DecodeError::ProtocolLevel { level }),
    }
}

fn check_flags(flags: u8, version: Version) -> Result<(), DecodeError> {
    // MQTT 3.1 calls the lowest bit unused, not reserved.
    //= [MQTT-3.1.2-3]
    if flags & RESERVED != 0 && version != Version::V31 {
        return Err(DecodeError::ConnectReservedFlag);
    }
    if flags & WILL == 0 {
        //= [MQTT-3.1.2-11]
        if flags & WILL_QOS != 0 {
            return Err(DecodeError::WillQosWithoutWill);
        }
        //= [MQTT-3.1.2-13]
        if flags & WILL_RETAIN != 0 {
            return Err(DecodeError::WillRetainWithoutWill);
        }
    }
    //= [MQTT311-3.1.2-22]
    if flags & (USER_NAME | PASSWORD) == PASSWORD && !version.has_properties() {
        return Err(DecodeError::PasswordWithoutUserName);
    }
    Ok(())
}

impl Body for Connect {
    const PACKET_TYPE: PacketType = PacketType::Connect;

    fn measure(&self, version: Version) -> Result<usize, EncodeError> {
        // Name with its length, level, flags, keep-alive; then the identifier.
        let mut len = 2 + version.protocol_name().len() + 4 + 2 + self.client_id.len();
        if version.has_properties() {
            len += list_len(self.properties.measure(PropertyOwner::Packet(PacketType::Connect))?);
        } else if self.password.is_some() && self.username.is_none() {
            return Err(EncodeError::PasswordWithoutUserName);
        }
        if let Some(will) = &self.will {
            len += will.measure(version)?;
        }
        if let Some(username) = &self.username {
            len += 2 + username.len();
        }
        if let Some(password) = &self.password {
            len += binary_len(password)?;
        }
        Ok(len)
    }

    fn write(&self, version: Version, out: &mut Vec<u8>) {
        put_binary(version.protocol_name().as_bytes(), out);
        out.extend_from_slice(&[version.level(), self.flags()]);
        put_u16(self.keep_alive, out);
        if version.has_properties() {
            self.properties.write(out);
        }
        put_text(&self.client_id, out);
        if let Some(will) = &self.will {
            will.write(version, out);
        }
        if let Some(username) = &self.username {
            put_text(username, out);
        }
        if let Some(password) = &self.password {
            put_binary(password, out);
        }
    }
}

/// The length of binary data with its length field.
pub(super) const fn binary_len(bytes: &Bytes) -> Result<usize, EncodeError> {
    let len = bytes.len();
    if len > u16::MAX as usize { Err(EncodeError::BinaryTooLong { len }) } else { Ok(2 + len) }
}
