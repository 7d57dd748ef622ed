//! Answers to clients that break a rule.

use evenkeel_broker::{CloseReason, EventKind};
use evenkeel_codec::{
    ConnAck, Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, Version,
};

use crate::world::*;

//= [MQTT-4.13.1-1] test
#[test]
fn version_5_is_told_what_was_wrong() {
    let with = |property| Properties::new().with(property);
    let cases: [(&str, Vec<u8>, ReasonCode); 6] = [
        ("reserved flags", b"\xc1\0".to_vec(), ReasonCode::MALFORMED_PACKET),
        ("packet type 0", b"\0\0".to_vec(), ReasonCode::MALFORMED_PACKET),
        ("no topic, no alias", b"\x30\x03\0\0\0".to_vec(), ReasonCode::PROTOCOL_ERROR),
        ("packet of a server", b"\xd0\0".to_vec(), ReasonCode::PROTOCOL_ERROR),
        ("wildcard in a topic", b"\x30\x04\0\x01#\0".to_vec(), ReasonCode::TOPIC_NAME_INVALID),
        (
            "subscription identifier from a client",
            {
                let properties = with(Property::SubscriptionIdentifier(1));
                let publish = Publish { properties, ..publish("t", "") };
                let mut bytes = Vec::new();
                Packet::Publish(publish).encode(Version::V5, &mut bytes).unwrap();
                bytes
            },
            ReasonCode::PROTOCOL_ERROR,
        ),
    ];
    for (name, bytes, reason) in cases {
        let mut world = World::new();
        let peer = world.connect(v5("a"));
        world.send_bytes(peer, &bytes);
        assert_eq!(world.disconnect_reason(peer), reason, "{name}");
        assert_eq!(world.why_closed(peer), CloseReason::ProtocolError, "{name}");
        assert_eq!(world.core.stats().protocol_errors, 1, "{name}");
        let old = world.connect(v311("b"));
        if name != "no topic, no alias" && name != "subscription identifier from a client" {
            world.send_bytes(old, &bytes);
            assert!(world.is_closed(old), "{name}");
            assert_eq!(world.recv(old), [], "{name}: version 3 is closed without a word");
        }
    }
}

//= [MQTT-3.1.0-1] test
//= [MQTT-3.1.0-2] test
#[test]
fn connect_comes_first_and_only_once() {
    let mut world = World::new();
    let peer = world.open(Version::V5);
    world.send(peer, Packet::PingReq);
    assert_eq!(world.why_closed(peer), CloseReason::ProtocolError);
    assert_eq!(world.recv(peer), []);
    let peer = world.connect(v5("a"));
    world.send(peer, v5("a"));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR);
    let peer = world.connect(v5("a"));
    world.send(peer, Packet::ConnAck(ConnAck::default()));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR);
}

//= [MQTT-3.1.2-2] test
//= [MQTT-3.1.4-1] test
#[test]
fn unknown_protocol_levels_get_an_answer_their_client_can_read() {
    let mut world = World::new();
    for (level, expected) in [(6, &b"\x20\x03\0\x84\0"[..]), (2, b"\x20\x02\0\x01")] {
        let peer = world.open(Version::V311);
        let mut bytes = b"\x10\x0d\0\x04MQTT\x04\x02\0\x0a\0\x01x".to_vec();
        bytes[8] = level;
        world.send_bytes(peer, &bytes);
        assert_eq!(world.raw(peer), expected);
        assert!(world.is_closed(peer));
    }
    let peer = world.open(Version::V311);
    world.send_bytes(peer, b"GET / HTTP/1.1\r\n\r\n");
    assert!(world.is_closed(peer));
    assert_eq!(world.raw(peer), b"");
}

#[test]
fn nothing_is_handled_after_the_error() {
    let mut world = World::new();
    let watcher = world.connect(v5("w"));
    world.subscribe(watcher, "t", QoS::AtMostOnce);
    let peer = world.connect(v5("a"));
    let mut bytes = vec![0xc1, 0];
    Packet::Publish(publish("t", "too late")).encode(Version::V5, &mut bytes).unwrap();
    world.send_bytes(peer, &bytes);
    assert_eq!(world.payloads(watcher), [""; 0]);
}

//= [MQTT-3.2.2-9] test
//= [MQTT-3.2.2-12] test
//= [MQTT-3.2.2-13] test
#[test]
fn what_the_broker_does_not_offer_is_an_error() {
    let mut world = World::with(|config| {
        config.offer.maximum_qos = QoS::AtMostOnce;
        config.offer.retain = false;
    });
    let (peer, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.properties.maximum_qos(), Some(0));
    assert_eq!(connack.properties.retain_available(), Some(0));
    world.send(peer, publish_1("t", "x", 1));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::QOS_NOT_SUPPORTED);
    let peer = world.connect(v5("a"));
    world.send(peer, retained("t", "x"));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::RETAIN_NOT_SUPPORTED);
    let (_, connack) = world.try_connect(Connect { will: will("w", "x", 0), ..v5("a") });
    assert_eq!(connack.reason, ReasonCode::QOS_NOT_SUPPORTED);
    let mut connect = Connect { will: will("w", "x", 0), ..v5("a") };
    let will = connect.will.as_mut().unwrap();
    (will.qos, will.retain) = (QoS::AtMostOnce, true);
    let (_, connack) = world.try_connect(connect);
    assert_eq!(connack.reason, ReasonCode::RETAIN_NOT_SUPPORTED);
}

//= [MQTT-3.1.2-28] test
#[test]
fn response_information_only_on_request() {
    let mut world = World::new();
    let (_, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.properties.response_information(), None);
    let properties = Properties::new().with(Property::RequestResponseInformation(1));
    let (_, connack) = world.try_connect(Connect { properties, ..v5("a") });
    assert_eq!(connack.properties.response_information(), Some(text("response/a")));
}

/// Bytes of a broken client, and what the event about them says.
#[test]
fn the_event_says_which_rule_was_broken_and_how() {
    let framing = "; the sender or the framing is broken";
    let cases: [(&[u8], &str, String); 7] = [
        (
            b"\xc1\0",
            "MQTT-2.1.3-1",
            format!("PINGREQ has the reserved header flags 0b0001{framing}"),
        ),
        (
            b"\0\0",
            "section 2.1.2",
            "packet type 0 does not exist; the peer may not speak MQTT on this port".to_owned(),
        ),
        (
            b"\x30\x03\0\0\0",
            "section 3.3.2.1",
            "PUBLISH has an empty topic and no topic alias; it needs one of them".to_owned(),
        ),
        (b"\xd0\0", "section 4.13", "PINGRESP has no place here".to_owned()),
        (
            b"\x30\x04\0\x01#\0",
            "MQTT-3.3.2-2",
            "the topic of PUBLISH is no topic name: topic name holds a wildcard, + or #, \
             which only filters may"
                .to_owned(),
        ),
        (
            b"\x82\x03\0\x01\0",
            "MQTT-3.8.3-2",
            "SUBSCRIBE has no topic filter; it must have at least one".to_owned(),
        ),
        (
            b"\x36\x03\0\x01a",
            "MQTT-3.3.1-4",
            format!("PUBLISH has QoS 3, which does not exist{framing}"),
        ),
    ];
    for (bytes, rule, detail) in cases {
        let mut world = World::new();
        let peer = world.connect(v5("a"));
        world.send_bytes(peer, bytes);
        let said = world.events().iter().find_map(|event| match &event.kind {
            EventKind::ProtocolError { rule, detail, .. } => Some((*rule, detail.clone())),
            _ => None,
        });
        assert_eq!(said, Some((rule, detail)), "{bytes:02x?}");
    }
}
