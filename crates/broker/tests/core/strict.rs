//! Each packet type with each property, with each flag, in each version: what
//! the specification does not allow ends the connection, with its code.

use evenkeel_broker::{CloseReason, EventKind};
use evenkeel_codec::{
    Connect, Packet, PacketType, Properties, Property, QoS, ReasonCode, SubscribeOptions, Version,
};

use crate::world::*;

/// One valid property of each kind, as it is on the wire.
const PROPERTIES: [&[u8]; 27] = [
    b"\x01\x01",
    b"\x02\0\0\0\x01",
    b"\x03\0\x01t",
    b"\x08\0\x01t",
    b"\x09\0\x01t",
    b"\x0b\x01",
    b"\x11\0\0\0\x01",
    b"\x12\0\x01t",
    b"\x13\0\x01",
    b"\x15\0\x01t",
    b"\x16\0\x01t",
    b"\x17\x01",
    b"\x18\0\0\0\x01",
    b"\x19\x01",
    b"\x1a\0\x01t",
    b"\x1c\0\x01t",
    b"\x1f\0\x01t",
    b"\x21\0\x01",
    b"\x22\0\x01",
    b"\x23\0\x01",
    b"\x24\x01",
    b"\x25\x01",
    b"\x26\0\x01k\0\x01v",
    b"\x27\0\0\x10\0",
    b"\x28\x01",
    b"\x29\x01",
    b"\x2a\x01",
];

/// What a client sends: first byte, the bytes before and behind its property
/// list, and the properties of table 2-4.
type Place = (u8, &'static [u8], &'static [u8], &'static [u8]);

const PLACES: [Place; 11] = [
    (0x10, b"\0\x04MQTT\x05\x02\0\x3c", b"\0\x01x", b"\x11\x15\x16\x17\x19\x21\x22\x26\x27"),
    (0x10, b"\0\x04MQTT\x05\x06\0\x3c\0\0\x01x", b"\0\x01w\0\0", b"\x01\x02\x03\x08\x09\x18\x26"),
    (0x30, b"\0\x01a", b"", b"\x01\x02\x03\x08\x09\x0b\x23\x26"),
    (0x40, b"\0\x01\0", b"", b"\x1f\x26"),
    (0x50, b"\0\x01\0", b"", b"\x1f\x26"),
    (0x62, b"\0\x01\0", b"", b"\x1f\x26"),
    (0x70, b"\0\x01\0", b"", b"\x1f\x26"),
    (0x82, b"\0\x01", b"\0\x01a\0", b"\x0b\x26"),
    (0xa2, b"\0\x01", b"\0\x01a", b"\x26"),
    (0xe0, b"\0", b"", b"\x11\x1c\x1f\x26"),
    (0xf0, b"\x18", b"", b"\x15\x16\x1f\x26"),
];

fn packet((first, before, behind, _): Place, property: &[u8]) -> Vec<u8> {
    let list = [&[u8::try_from(property.len()).unwrap()], property].concat();
    let body = [before, &list, behind].concat();
    [&[first, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

/// A broker, and a client that has sent this: as its first packet if that
/// is a CONNECT, after its connection was accepted otherwise.
fn told(version: Version, bytes: &[u8]) -> (World, Peer) {
    let mut world = World::new();
    let peer = match bytes[0] >> 4 {
        1 => world.open(version),
        _ => world.connect(connect(version, "a")),
    };
    world.send_bytes(peer, bytes);
    (world, peer)
}

/// The rule that the broker says was broken.
fn rule(world: &mut World) -> Option<&'static str> {
    world.events().iter().find_map(|event| match event.kind {
        EventKind::ProtocolError { rule, .. } => Some(rule),
        _ => None,
    })
}

/// The code in the last packet the client received.
fn last_code(world: &mut World, peer: Peer) -> Option<ReasonCode> {
    match world.recv(peer).pop() {
        Some(Packet::ConnAck(packet)) => Some(packet.reason),
        Some(Packet::Disconnect(packet)) => Some(packet.reason),
        _ => None,
    }
}

//= [MQTT-3.1.4-1] test
#[test]
fn a_property_in_a_packet_that_must_not_hold_it_is_malformed() {
    for place in PLACES {
        for property in PROPERTIES {
            let name = format!("{:02x} {property:02x?}", place.0);
            let (mut world, peer) = told(Version::V5, &packet(place, property));
            if place.3.contains(&property[0]) {
                assert_ne!(rule(&mut world), Some("section 2.2.2.2"), "{name}");
                continue;
            }
            assert_eq!(rule(&mut world), Some("section 2.2.2.2"), "{name}");
            assert_eq!(last_code(&mut world, peer), Some(ReasonCode::MALFORMED_PACKET), "{name}");
            assert_eq!(world.why_closed(peer), CloseReason::ProtocolError, "{name}");
        }
    }
}

#[test]
fn before_version_5_a_property_is_a_field_too_many() {
    for place in PLACES.into_iter().filter(|place| place.0 != 0x10) {
        for property in PROPERTIES {
            for version in [Version::V31, Version::V311] {
                let name = format!("{:02x} {property:02x?} {version:?}", place.0);
                let (mut world, peer) = told(version, &packet(place, property));
                // All bytes behind the topic are the payload of PUBLISH.
                assert_eq!(world.is_closed(peer), place.0 != 0x30, "{name}");
                assert_eq!(world.recv(peer), [], "{name}");
            }
        }
    }
}

/// First byte and body of a packet that is right except for its flags.
const BODIES: [(u8, &[u8]); 9] = [
    (0x40, b"\0\x01"),
    (0x50, b"\0\x01"),
    (0x62, b"\0\x01"),
    (0x70, b"\0\x01"),
    (0x82, b"\0\x01\0\x01a\0"),
    (0xa2, b"\0\x01\0\x01a"),
    (0xc0, b""),
    (0xe0, b""),
    (0xf0, b"\x18\x05\x15\0\x02ok"),
];

//= [MQTT-2.1.3-1] test
#[test]
fn each_packet_of_a_client_has_its_own_flags_alone() {
    for version in [Version::V311, Version::V5] {
        for (first, body) in BODIES {
            for flags in 0..16 {
                let mut bytes = vec![first & 0xf0 | flags];
                let has_list = version == Version::V5 && matches!(first, 0x82 | 0xa2);
                let mut body = body.to_vec();
                if has_list {
                    body.insert(2, 0);
                }
                bytes.push(u8::try_from(body.len()).unwrap());
                bytes.extend(body);
                let (mut world, peer) = told(version, &bytes);
                let name = format!("{bytes:02x?} {version:?}");
                if flags == first & 0x0f {
                    // AUTH is out of place here, and DISCONNECT is the end.
                    let stays = !matches!(first, 0xe0 | 0xf0);
                    assert_eq!(!world.is_closed(peer), stays, "{name}");
                    assert!(first == 0xf0 || rule(&mut world).is_none(), "{name}");
                    continue;
                }
                assert_eq!(world.why_closed(peer), CloseReason::ProtocolError, "{name}");
                let code = last_code(&mut world, peer);
                match version {
                    Version::V5 => assert_eq!(code, Some(ReasonCode::MALFORMED_PACKET), "{name}"),
                    _ => assert_eq!(code, None, "{name}"),
                }
            }
        }
    }
}

#[test]
fn each_flag_of_publish_is_judged() {
    for version in [Version::V311, Version::V5] {
        for flags in 0..16_u8 {
            let mut body = b"\0\x01a".to_vec();
            if flags & 0b0110 != 0 {
                body.extend(b"\0\x01");
            }
            body.push(0);
            let bytes = [vec![0x30 | flags, u8::try_from(body.len()).unwrap()], body].concat();
            let (mut world, peer) = told(version, &bytes);
            let expected = match flags {
                flags if flags & 0b0110 == 0b0110 => Some("MQTT-3.3.1-4"),
                0b1000 | 0b1001 => Some("MQTT-3.3.1-2"),
                _ => None,
            };
            assert_eq!(rule(&mut world), expected, "{flags:04b} {version:?}");
            assert_eq!(world.is_closed(peer), expected.is_some(), "{flags:04b} {version:?}");
        }
    }
}

#[test]
fn packets_of_servers_are_refused() {
    let packets: [&[u8]; 4] =
        [b"\x20\x03\0\0\0", b"\x90\x04\0\x01\0\0", b"\xb0\x04\0\x01\0\0", b"\xd0\0"];
    for bytes in packets {
        let (mut world, peer) = told(Version::V5, bytes);
        assert_eq!(last_code(&mut world, peer), Some(ReasonCode::PROTOCOL_ERROR), "{bytes:02x?}");
    }
}

#[test]
fn a_first_packet_that_is_malformed_is_answered_in_its_version() {
    let cases: [(&[u8], &[u8]); 6] = [
        // The reserved flag of CONNECT; in version 5 a property list follows.
        (b"\x10\x0e\0\x04MQTT\x05\x03\0\x3c\0\0\x01x", b"\x20\x03\0\x81\0"),
        (b"\x10\x0d\0\x04MQTT\x04\x03\0\x3c\0\x01x", b""),
        // Flags of the fixed header.
        (b"\x11\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01x", b"\x20\x03\0\x81\0"),
        // Receive Maximum 0.
        (b"\x10\x11\0\x04MQTT\x05\x02\0\x3c\x03\x21\0\0\0\x01x", b"\x20\x03\0\x82\0"),
        // Larger than the broker takes, as its header says.
        (b"\x10\xff\xff\xff\x7f\0\x04MQTT\x05\x02\0\x3c\0\0\x01x", b"\x20\x03\0\x95\0"),
        (b"\x10\x0d\0\x04HTTP\x05\x02\0\x3c\0\x01x", b""),
    ];
    for (bytes, answer) in cases {
        let (mut world, peer) = told(Version::V5, bytes);
        assert!(world.is_closed(peer), "{bytes:02x?}");
        assert_eq!(world.raw(peer), answer, "{bytes:02x?}");
    }
}

#[test]
fn qos_3_of_a_subscription_has_its_rule() {
    for (version, bytes) in [
        (Version::V5, &b"\x82\x07\0\x01\0\0\x01a\x03"[..]),
        (Version::V311, b"\x82\x06\0\x01\0\x01a\x03"),
    ] {
        let (mut world, peer) = told(version, bytes);
        assert_eq!(rule(&mut world), Some("section 3.8.3.1"), "{version:?}");
        assert_eq!(world.why_closed(peer), CloseReason::ProtocolError);
    }
}

/// QoS of the message, whether PUBREC came before, the packet that comes, and
/// whether it ends the connection.
type Acknowledged = (QoS, bool, fn() -> Packet, bool);

//= [MQTT-4.13.1-1] test
//= [MQTT311-4.8.0-1] test
#[test]
fn an_acknowledgement_of_the_wrong_kind_ends_the_connection() {
    use QoS::{AtLeastOnce, ExactlyOnce};
    let failed = || {
        let ack = evenkeel_codec::Ack::new(pid(1), ReasonCode::QUOTA_EXCEEDED);
        Packet::PubRec(ack)
    };
    let cases: [Acknowledged; 8] = [
        (AtLeastOnce, false, || puback(1), false),
        (AtLeastOnce, false, || pubrec(1), true),
        (AtLeastOnce, false, || pubcomp(1), true),
        (ExactlyOnce, false, || puback(1), true),
        (ExactlyOnce, false, || pubcomp(1), true),
        (ExactlyOnce, true, || puback(1), true),
        (ExactlyOnce, true, || pubrec(1), false),
        (ExactlyOnce, true, || pubcomp(1), false),
    ];
    for version in [Version::V31, Version::V311, Version::V5] {
        for (qos, is_received, packet, ends) in cases {
            let mut world = World::new();
            let peer = world.connect(connect(version, "s"));
            world.subscribe(peer, "t", qos);
            let publisher = world.connect(v5("p"));
            world.send(publisher, publish_2("t", "x", 9));
            assert_eq!(world.messages(peer)[0].packet_id, Some(pid(1)));
            if is_received {
                world.send(peer, pubrec(1));
                assert_eq!(world.recv_one(peer), pubrel(1));
            }
            world.send(peer, packet());
            let name = format!("{version:?} {qos:?} {is_received} {:?}", packet());
            assert_eq!(world.is_closed(peer), ends, "{name}");
            if !ends {
                continue;
            }
            let expected = match version {
                Version::V5 => "MQTT-4.13.1-1",
                _ => "MQTT311-4.8.0-1",
            };
            assert_eq!(rule(&mut world), Some(expected), "{name}");
            let code = last_code(&mut world, peer);
            let told = (version == Version::V5).then_some(ReasonCode::PROTOCOL_ERROR);
            assert_eq!(code, told, "{name}");
        }
    }
    let mut world = World::new();
    let peer = world.connect(v5("s"));
    world.subscribe(peer, "t", ExactlyOnce);
    world.send(peer, publish_2("t", "x", 9));
    world.recv(peer);
    world.send(peer, pubrec(1));
    world.recv(peer);
    world.send(peer, failed());
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR, "it was received before");
}

fn at_most(client_id: &str, size: u32) -> Connect {
    let properties = Properties::new().with(Property::MaximumPacketSize(size));
    Connect { properties, ..v5(client_id) }
}

//= [MQTT-3.1.2-24] test
#[test]
fn connack_is_no_larger_than_the_client_accepts() {
    let mut world = World::new();
    let old = world.connect(at_most("a", 1000));
    let mut shortest = None;
    for size in 1..100 {
        let peer = world.open(Version::V5);
        world.send(peer, at_most("a", size));
        let raw = world.raw(peer);
        if raw.is_empty() {
            assert_eq!(world.why_closed(peer), CloseReason::AnswerTooLarge, "{size}");
            assert!(shortest.is_none(), "{size}");
            assert!(!world.is_closed(old), "a client that cannot be answered takes over nothing");
        } else {
            assert_eq!(*shortest.get_or_insert(size) as usize, raw.len(), "{size}");
            assert!(!world.is_closed(peer));
        }
    }
    assert!(shortest.is_some_and(|size| size > 5), "{shortest:?}");
    assert!(world.count("answer_too_large") > 5);

    let mut world = World::with(|config| config.limits.sessions = 0);
    for (size, answer) in [(4, &b""[..]), (5, b"\x20\x03\0\x97\0")] {
        let peer = world.open(Version::V5);
        world.send(peer, at_most("b", size));
        assert_eq!(world.raw(peer), answer, "a refusal of {size} bytes");
        assert!(world.is_closed(peer));
    }
}

/// SUBACK: fixed header 2, identifier 2, properties 1 and with the reason
/// string 3 and 14 more, one code for each of 40 filters.
//= [MQTT-3.9.2-1] test
#[test]
fn suback_loses_what_explains_it_before_it_is_too_large() {
    let filters: Vec<String> = (0..40).map(|number| format!("secret/{number}")).collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let denial = evenkeel_broker::Denial { reason: 0x87, ..denial("secret/#") };
    for (size, explained) in [(44, None), (45, Some(false)), (61, Some(false)), (62, Some(true))] {
        let mut world = World::with(|config| config.access.denials = vec![denial.clone()]);
        let peer = world.connect(at_most("a", size));
        world.send(peer, subscribe_with(&filters, SubscribeOptions::default(), None));
        let Some(explained) = explained else {
            assert_eq!(world.disconnect_reason(peer), ReasonCode::PACKET_TOO_LARGE);
            assert_eq!(world.why_closed(peer), CloseReason::AnswerTooLarge);
            continue;
        };
        let suback = world.suback(peer);
        assert_eq!(suback.codes, [ReasonCode::NOT_AUTHORIZED; 40]);
        assert_eq!(suback.properties.reason_string().is_some(), explained, "{size}");
    }
}

fn denial(filter: &str) -> evenkeel_broker::Denial {
    let text = format!("[access]\ndenials = [{{ filter = \"{filter}\" }}]");
    evenkeel_broker::fault::Script::parse(&text).unwrap().config.access.denials.remove(0)
}

#[test]
fn no_packet_is_larger_than_the_client_accepts() {
    let kinds = [PacketType::PubAck, PacketType::PubRec, PacketType::SubAck, PacketType::UnsubAck];
    for size in 20..60 {
        let mut world = World::with(|config| config.access.denials = vec![denial("secret/#")]);
        let peer = world.connect(at_most("a", size));
        world.subscribe(peer, "t", QoS::AtLeastOnce);
        world.send(peer, publish_1("secret/t", "x", 1));
        world.send(peer, publish_2("secret/t", "x", 2));
        world.send(peer, subscribe("secret/t", QoS::AtMostOnce));
        world.send(peer, unsubscribe("none"));
        world.send(peer, publish("t", "0123456789abcdef"));
        world.send(peer, Packet::PingReq);
        world.send(peer, pubrel(77));
        world.send_bytes(peer, b"\xc1\0");
        let received = world.recv(peer);
        for kind in kinds {
            assert!(received.iter().any(|packet| packet.packet_type() == kind), "{size} {kind}");
        }
        for packet in received {
            let len = packet.encoded_len(Version::V5).unwrap();
            assert!(len <= size as usize, "{len} bytes of {size}: {packet:?}");
        }
        assert_eq!(world.why_closed(peer), CloseReason::ProtocolError, "{size}");
    }
}
