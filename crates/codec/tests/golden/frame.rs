//! The decoder on streams of packets.

use bytes::BytesMut;
use evenkeel_codec::{
    DecodeError, Decoder, Packet, PacketId, PacketType, Properties, QoS, ReasonCode, Version,
};

use crate::vectors::wire;

fn connack(packet: Result<Option<Packet>, DecodeError>) -> (ReasonCode, u8) {
    match packet {
        Ok(Some(Packet::ConnAck(connack))) => (connack.reason, connack.wire_code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_adopts_the_version_of_connect() {
    let mut decoder = Decoder::for_server(64);
    assert_eq!(decoder.version(), None);
    let mut buf =
        BytesMut::from(&wire("10 0d 0004 'MQTT' 05 02 003c 00 0000  30 04 0001 'a' 00  c0 00")[..]);
    assert!(matches!(decoder.decode(&mut buf), Ok(Some(Packet::Connect(_)))));
    assert_eq!(decoder.version(), Some(Version::V5));
    assert!(matches!(decoder.decode(&mut buf), Ok(Some(Packet::Publish(_)))));
    assert_eq!(decoder.decode(&mut buf), Ok(Some(Packet::PingReq)));
    assert_eq!(decoder.decode(&mut buf), Ok(None));
}

#[test]
fn an_old_servers_answer_to_a_v5_connect_is_recognised() {
    let mut decoder = Decoder::new(Version::V5, 64);
    let refused = decoder.decode(&mut BytesMut::from(&[0x20, 2, 0, 1][..]));
    assert_eq!(connack(refused), (ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, 1));
    assert_eq!(decoder.version(), Some(Version::V311));

    // One that accepts goes on in MQTT 3.1.1: no property length in PUBLISH.
    let mut decoder = Decoder::new(Version::V5, 64);
    let mut buf = BytesMut::from(&wire("20 02 00 00  30 03 0001 'a'")[..]);
    assert_eq!(connack(decoder.decode(&mut buf)), (ReasonCode::SUCCESS, 0));
    assert!(matches!(decoder.decode(&mut buf), Ok(Some(Packet::Publish(_)))));
}

#[test]
fn a_v5_servers_answer_keeps_the_version() {
    let mut decoder = Decoder::new(Version::V5, 64);
    let refused = decoder.decode(&mut BytesMut::from(&[0x20, 3, 0, 0x84, 0][..]));
    assert_eq!(connack(refused), (ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, 0x84));
    assert_eq!(decoder.version(), Some(Version::V5));
}

//= [MQTT-3.1.2-24] test
#[test]
fn an_oversized_packet_is_refused_by_its_header() {
    // Header of two bytes and a body of 98: exactly the limit.
    let mut decoder = Decoder::new(Version::V311, 100);
    let mut buf = BytesMut::from(&[0x30, 98][..]);
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert_eq!(decoder.missing(&buf), 98);

    let mut buf = BytesMut::from(&[0x30, 99][..]);
    let refused = Err(DecodeError::PacketTooLarge { size: 101, maximum: 100 });
    assert_eq!(decoder.decode(&mut buf), refused);
    assert_eq!(decoder.missing(&buf), 0);
    assert_eq!(buf, [0x30, 99][..]);
}

#[test]
fn the_largest_packet_of_all_is_awaited_without_reserving_for_it() {
    let mut decoder = Decoder::new(Version::V5, u32::MAX);
    let mut buf = BytesMut::from(&[0x30, 0xff, 0xff, 0xff, 0x7f, 0][..]);
    let capacity = buf.capacity();
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert_eq!(decoder.missing(&buf), 268_435_454);
    assert_eq!(buf.capacity(), capacity);
}

#[test]
fn missing_says_what_to_reserve() {
    let decoder = Decoder::new(Version::V311, 1024);
    assert_eq!(decoder.missing(&[]), 0);
    assert_eq!(decoder.missing(&[0x30]), 0);
    assert_eq!(decoder.missing(&[0x30, 0x80]), 0);
    assert_eq!(decoder.missing(&[0x30, 0x80, 0x01]), 128);
    assert_eq!(decoder.missing(&[0x30, 5, 0, 3]), 3);
    assert_eq!(decoder.missing(&[0x30, 2, 0, 0]), 0);
    assert_eq!(decoder.missing(&[0x30, 2, 0, 0, 0xc0]), 0);
    assert_eq!(decoder.missing(&[0x00, 2]), 0);
}

#[test]
fn a_malformed_packet_is_taken_off_so_that_an_analyser_can_go_on() {
    let mut decoder = Decoder::new(Version::V311, 64);
    let mut buf = BytesMut::from(&wire("40 02 0000  30 04 0000 'hi'  d0 00")[..]);
    assert!(decoder.decode(&mut buf).is_err());
    assert!(decoder.decode(&mut buf).is_err());
    assert_eq!(decoder.decode(&mut buf), Ok(Some(Packet::PingResp)));
}

#[test]
fn payload_and_long_topic_share_the_memory_of_the_input() {
    let mut buf = BytesMut::from(&wire("30 1c 0018 'site/7/floor/2/room/lamp' 'hi'")[..]);
    let input = buf.as_ptr_range();
    let mut decoder = Decoder::new(Version::V311, 64);
    let Ok(Some(Packet::Publish(publish))) = decoder.decode(&mut buf) else { panic!() };
    assert_eq!(publish.topic.len(), 24);
    assert_eq!(publish.topic.as_bytes().as_ptr(), input.start.wrapping_add(4));
    assert_eq!(publish.payload.as_ptr(), input.start.wrapping_add(28));
}

#[test]
fn a_short_topic_leaves_the_memory_of_the_input_to_the_payload() {
    let mut buf = BytesMut::from(&wire("30 07 0003 'a/b' 'hi'")[..]);
    let input = buf.as_ptr_range();
    let mut decoder = Decoder::new(Version::V311, 64);
    let Ok(Some(Packet::Publish(publish))) = decoder.decode(&mut buf) else { panic!() };
    assert_eq!(publish.topic, "a/b");
    assert!(!input.contains(&publish.topic.as_bytes().as_ptr()));
    assert_eq!(publish.payload.as_ptr(), input.start.wrapping_add(7));
}

#[test]
fn a_plain_acknowledgement_is_taken_off_and_nothing_else() {
    let decoder = Decoder::new(Version::V5, 4);
    let id = PacketId::new(0x0102).unwrap();
    let types = [
        ("40", PacketType::PubAck),
        ("50", PacketType::PubRec),
        ("62", PacketType::PubRel),
        ("70", PacketType::PubComp),
    ];
    for (first, packet_type) in types {
        let mut buf = BytesMut::from(&wire(&format!("{first} 02 0102 d0 00"))[..]);
        assert_eq!(decoder.decode_plain_ack(&mut buf), Some((packet_type, id)));
        assert_eq!(buf[..], wire("d0 00")[..]);
    }
    // Incomplete, of identifier 0, with a code, with flags, of another type.
    for other in ["", "40 02 01", "40 02 0000", "40 03 0102 10", "60 02 0102", "30 02 0000"] {
        let mut buf = BytesMut::from(&wire(other)[..]);
        assert_eq!(decoder.decode_plain_ack(&mut buf), None, "{other}");
        assert_eq!(buf[..], wire(other)[..]);
    }
    let mut buf = BytesMut::from(&wire("40 02 0102")[..]);
    assert_eq!(Decoder::new(Version::V5, 3).decode_plain_ack(&mut buf), None, "too large");
    assert_eq!(Decoder::for_server(64).decode_plain_ack(&mut buf), None, "before CONNECT");
    assert_eq!(buf.len(), 4);
}

#[test]
fn a_plain_publish_is_taken_off_and_nothing_else() {
    let decoder = Decoder::new(Version::V5, 0x0c);
    let id = PacketId::new(0x0102);
    for (bytes, qos, packet_id) in [
        ("30 08 0001 'a' 00 'hi' 0102", QoS::AtMostOnce, None),
        ("31 08 0001 'a' 00 'hi' 0102", QoS::AtMostOnce, None),
        ("32 0a 0001 'a' 0102 00 'hi' 0102", QoS::AtLeastOnce, id),
        ("3c 0a 0001 'a' 0102 00 'hi' 0102", QoS::ExactlyOnce, id),
    ] {
        let bytes = wire(bytes);
        let mut buf = BytesMut::from(&bytes[..]);
        buf.extend_from_slice(b"next");
        let publish = decoder.decode_plain_publish(&mut buf).unwrap();
        assert_eq!(buf, "next");
        assert_eq!((publish.qos, publish.packet_id), (qos, packet_id));
        assert_eq!((publish.retain, publish.dup), (bytes[0] & 1 != 0, bytes[0] & 8 != 0));
        assert_eq!((publish.topic.as_str(), &publish.payload[..]), ("a", &b"hi\x01\x02"[..]));
        assert_eq!(publish.properties, Properties::new());
    }
    // Incomplete, with another topic, with properties, malformed, too large,
    // of another type.
    for other in [
        "30 05 0001 'a' 00",
        "30 04 0000 00 'h'",
        "30 05 0001 '+' 00 'h'",
        "30 05 0001 80 00 'h'",
        "30 05 0001 00 00 'h'",
        "30 07 0001 'a' 02 01 01 'h'",
        "30 04 0003 'a' 00",
        "38 05 0001 'a' 00 'h'",
        "36 07 0001 'a' 0102 00 'h'",
        "32 07 0001 'a' 0000 00 'h'",
        "32 04 0001 'a' 01",
        "30 85 00 0001 'a' 00 'h'",
        "30 0b 0001 'a' 00 'hi' 01020304 05",
        "30 00",
        "30",
        "e0 05 0001 'a' 00 'h'",
        "00 05 0001 'a' 00 'h'",
        "",
    ] {
        let mut buf = BytesMut::from(&wire(other)[..]);
        assert_eq!(decoder.decode_plain_publish(&mut buf), None, "{other}");
        assert_eq!(buf[..], wire(other)[..]);
    }
    let mut buf = BytesMut::from(&wire("30 05 0001 'a' 00 'h'")[..]);
    assert_eq!(Decoder::for_server(64).decode_plain_publish(&mut buf), None, "before CONNECT");
    assert_eq!(buf.len(), 7);
}
