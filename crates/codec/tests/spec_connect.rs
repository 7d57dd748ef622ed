//! The form of CONNECT: which fields it has, in which order, and that the
//! connect flags say so.

use bytes::{Bytes, BytesMut};
use evenkeel_codec::{
    Connect, DecodeError, Decoder, Packet, PacketType, Properties, QoS, Text, TopicName, Version,
    Will,
};

const WILL: u8 = 0x04;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

/// A CONNECT with the fields these flags announce.
fn connect(version: Version, flags: u8) -> Connect {
    let will = Will {
        qos: QoS::AtMostOnce,
        retain: false,
        topic: TopicName::try_from("will/topic").unwrap(),
        payload: Bytes::from_static(b"gone"),
        properties: Properties::new(),
    };
    Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        client_id: Text::from_static("id").unwrap(),
        will: (flags & WILL != 0).then(|| Box::new(will)),
        username: (flags & USER_NAME != 0).then(|| Text::from_static("user").unwrap()),
        password: (flags & PASSWORD != 0).then(|| Bytes::from_static(b"pass")),
        properties: Properties::new(),
    }
}

/// Each set of fields the version allows, as connect flags.
fn allowed_flags(version: Version) -> impl Iterator<Item = u8> {
    let all = [0, WILL, USER_NAME, PASSWORD, WILL | USER_NAME, WILL | PASSWORD];
    let both = USER_NAME | PASSWORD;
    all.into_iter()
        .chain([both, WILL | both])
        .filter(move |flags| version == Version::V5 || flags & both != PASSWORD)
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// The payload of [`connect`], written from the specification.
fn payload(version: Version, flags: u8) -> Vec<u8> {
    let mut payload = field(b"id");
    if flags & WILL != 0 {
        if version == Version::V5 {
            payload.push(0); // will properties: none
        }
        payload.extend(field(b"will/topic"));
        payload.extend(field(b"gone"));
    }
    if flags & USER_NAME != 0 {
        payload.extend(field(b"user"));
    }
    if flags & PASSWORD != 0 {
        payload.extend(field(b"pass"));
    }
    payload
}

/// The whole packet around such a payload.
fn packet(version: Version, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut body = field(version.protocol_name().as_bytes());
    body.extend([version.level(), flags, 0, 60]);
    if version == Version::V5 {
        body.push(0); // properties: none
    }
    body.extend(payload);
    [&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

fn decode(bytes: &[u8]) -> Result<Packet, DecodeError> {
    let packet = Decoder::for_server(1024).decode(&mut BytesMut::from(bytes))?;
    Ok(packet.expect("the packet is whole"))
}

const CLEAN_START: u8 = 0x02;
const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

//= [MQTT-3.1.2-9] test
//= [MQTT-3.1.2-11] test
//= [MQTT-3.1.2-13] test
//= [MQTT-3.1.2-16] test
//= [MQTT-3.1.2-17] test
//= [MQTT-3.1.2-18] test
//= [MQTT-3.1.2-19] test
//= [MQTT-3.1.3-1] test
//= [MQTT-3.1.3-3] test
//= [MQTT311-3.1.2-9] test
//= [MQTT311-3.1.2-11] test
//= [MQTT311-3.1.3-1] test
#[test]
fn fields_follow_the_flags_in_their_order() {
    for version in VERSIONS {
        for flags in allowed_flags(version) {
            let connect = Packet::Connect(connect(version, flags));
            let expected = packet(version, flags | CLEAN_START, &payload(version, flags));
            let mut bytes = Vec::new();
            connect.encode(version, &mut bytes).unwrap();
            assert_eq!(bytes, expected, "{version:?} with flags {flags:#04x}");
            assert_eq!(decode(&bytes), Ok(connect), "{version:?} with flags {flags:#04x}");
        }
    }
}

//= [MQTT-3.1.2-16] test
//= [MQTT-3.1.2-17] test
//= [MQTT-3.1.2-18] test
//= [MQTT-3.1.2-19] test
//= [MQTT-3.1.2-9] test
//= [MQTT-3.1.3-3] test
#[test]
fn fields_that_the_flags_do_not_announce_are_refused_and_so_are_missing_ones() {
    // MQTT 3.1 lets a client leave out what its flags announce.
    for version in [Version::V311, Version::V5] {
        for flags in allowed_flags(version) {
            let payload = payload(version, flags);
            let more = [&payload[..], &field(b"more")].concat();
            assert_eq!(
                decode(&packet(version, flags, &more)),
                Err(DecodeError::TrailingBytes { packet_type: PacketType::Connect, count: 6 }),
                "{version:?} with flags {flags:#04x}"
            );
            for end in 0..payload.len() {
                let error = decode(&packet(version, flags, &payload[..end])).unwrap_err();
                assert_eq!(
                    error,
                    DecodeError::Truncated { packet_type: PacketType::Connect },
                    "{version:?} with flags {flags:#04x}, cut at {end}"
                );
            }
        }
    }
}

//= [MQTT-2.2.2-1] test
#[test]
fn without_properties_the_property_length_is_zero() {
    let bytes = packet(Version::V5, WILL, &payload(Version::V5, WILL));
    let without_length = |at: usize| {
        let mut bytes = bytes.clone();
        assert_eq!(bytes.remove(at), 0, "a property length");
        bytes[1] -= 1;
        decode(&bytes)
    };
    assert!(decode(&bytes).is_ok());
    assert!(without_length(12).is_err(), "CONNECT without property length");
    assert!(without_length(17).is_err(), "will without property length");
}
