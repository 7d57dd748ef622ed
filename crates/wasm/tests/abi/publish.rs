//! Publishing: from acceptance to outcome.

use evenkeel_codec::{Ack, Packet, PacketId, Properties, Property, QoS, ReasonCode, Text};
use evenkeel_wasm::*;

use crate::world::{NONE, World, error, input, kind};

fn id(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

fn ack(value: u16) -> Ack {
    Ack::new(id(value), ReasonCode::SUCCESS)
}

#[test]
fn every_qos_has_its_outcome() {
    let mut world = World::online(|| {});
    assert_eq!(world.publish(10, 0, "a/b", b"zero"), 0);
    assert_eq!(world.publish(11, 1 + 4, "a/b", b"one"), 0);
    assert_eq!(world.publish(12, 2 + 8, "a/b", b"two"), 2, "its identifier was asked for");
    assert_eq!(ek_packet_id(world.client, 11), 1);
    assert_eq!(ek_packet_id(world.client, 99), 0);
    world.drain();
    let mut came = Vec::new();
    for _ in 0..3 {
        let Packet::Publish(publish) = world.next_packet() else { panic!() };
        assert_eq!(publish.topic.as_str(), "a/b");
        came.push((publish.qos, publish.retain, publish.payload.to_vec()));
    }
    assert_eq!(
        came,
        [
            (QoS::AtMostOnce, false, b"zero".to_vec()),
            (QoS::AtLeastOnce, true, b"one".to_vec()),
            (QoS::ExactlyOnce, false, b"two".to_vec()),
        ]
    );
    assert_eq!(world.expect(kind::PUBLISHED).words(8), [10, 0, 0, 0, 1, 0]);
    world.send(Packet::PubAck(Ack { reason: ReasonCode::NO_MATCHING_SUBSCRIBERS, ..ack(1) }));
    assert_eq!(world.expect(kind::PUBLISHED).words(8), [11, 0, 0x10, 1, 1, 0]);
    world.send(Packet::PubRec(ack(2)));
    assert_eq!(world.next_packet(), Packet::PubRel(ack(2)));
    world.send(Packet::PubComp(ack(2)));
    assert_eq!(world.expect(kind::PUBLISHED).words(8), [12, 0, 0, 2, 1, 0]);
    assert_eq!([0, 1, 3].map(|which| ek_number(world.client, which)), [0.0, 0.0, 1.0]);
}

#[test]
fn the_topic_may_be_that_of_the_last_publish_and_a_token_may_be_left_out() {
    let mut world = World::online(|| assert_eq!(ek_set_number(49, 2.0), 0));
    world.publish(NONE, 0, "a topic that is longer than thirty bytes", b"1");
    input(&[b"2"]);
    assert_eq!(ek_publish(world.client, 0.0, NONE, 0, NONE, 0, 1), 0);
    world.drain();
    for payload in [b"1", b"2"] {
        let Packet::Publish(publish) = world.next_packet() else { panic!() };
        assert_eq!(publish.topic.as_str(), "a topic that is longer than thirty bytes");
        assert_eq!(publish.payload[..], payload[..]);
    }
    assert!(!world.saw(kind::PUBLISHED));
}

#[test]
fn properties_go_with_the_message_and_what_an_answer_says_comes_back() {
    let mut world = World::online(|| {});
    let text = |text| Text::from_static(text).unwrap();
    let properties = Properties::new()
        .with(Property::MessageExpiryInterval(60))
        .with(Property::UserProperty(text("k"), text("v")));
    let mut wire = Vec::new();
    properties.to_wire(&mut wire);
    input(&[b"t", &wire, b"x"]);
    let result = ek_publish(world.client, 0.0, 5, 1, 1, wire.len() as u32, 1);
    assert_eq!(result, 0, "{}", error());
    world.drain();
    let Packet::Publish(publish) = world.next_packet() else { panic!() };
    assert_eq!(publish.properties, properties);
    let said = Properties::new().with(Property::ReasonString(text("no room")));
    let reason = ReasonCode::QUOTA_EXCEEDED;
    world.send(Packet::PubAck(Ack { reason, properties: said, ..ack(1) }));
    let answered = world.expect(kind::ANSWERED);
    assert_eq!(answered.words(8), [5, 4, 1, 0x97, 10]);
    assert_eq!(answered.bytes(28, 10), b"\x1f\0\x07no room");
    let published = world.expect(kind::PUBLISHED);
    let [token, error, reason, id, attempts, len] = published.words(8);
    assert_eq!((token, error, reason, id, attempts), (5, 500, 0x97, 0, 1));
    assert!(published.text(32, len).contains("Quota"), "{}", published.text(32, len));
}

#[test]
fn a_message_in_flight_is_sent_again_on_the_next_connection() {
    let mut world = World::online(|| assert_eq!(ek_set_number(2, 0.0), 0));
    world.publish(1, 1, "t", b"x");
    world.publish(2, 0, "t", b"y");
    let before = ek_drain(world.client, world.now, 0, 0);
    assert!(before > 0);
    world.close();
    let lost = world.expect(kind::PUBLISHED);
    assert_eq!(lost.words(8), [2, 503, 0], "QoS 0 was not written");
    while !world.saw(kind::OPEN) {
        world.pass_deadline();
    }
    assert_eq!(ek_opened(world.client, world.now, world.conn, 0, NONE, NONE), 0);
    world.drain();
    world.accept(evenkeel_codec::ConnAck { session_present: true, ..Default::default() });
    let Packet::Publish(publish) = world.next_packet() else { panic!() };
    assert_eq!((publish.dup, &publish.payload[..]), (true, &b"x"[..]));
    world.send(Packet::PubAck(ack(1)));
    assert_eq!(world.expect(kind::PUBLISHED).words(8), [1, 0, 0, 1, 2, 0]);
}

#[test]
fn what_the_queue_has_no_room_for_is_refused_for_now() {
    let world = World::new(|| {
        assert_eq!((ek_set_number(80, 1.0), ek_set_number(82, 1.0)), (0, 0));
    });
    assert_eq!(world.publish(1, 1, "t", b"x"), 0);
    assert_eq!(world.publish(2, 1, "t", b"x"), -530);
    assert!(!error().is_empty());
    assert_eq!((ek_number(world.client, 0), ek_number(world.client, 4)), (1.0, 0.0));
    assert_eq!(world.publish(3, 0, "t", b"x"), -532, "QoS 0 while offline");
}

#[test]
fn a_message_that_is_given_up_ends() {
    let mut world = World::online(|| {});
    assert_eq!(world.publish(7, 1 + 8, "t", b"x"), 1);
    world.drain();
    assert_eq!(ek_abandon(world.client, 0.0, 1), 0);
    assert_eq!(ek_abandon(world.client, 0.0, 2), -610);
    assert_eq!((ek_abandon(world.client, 0.0, 0), ek_abandon(world.client, 0.0, 65_536)), (-8, -8));
    world.drain();
    assert_eq!(world.expect(kind::PUBLISHED).words(8), [7, 514]);
}

#[test]
fn aliases_of_the_application_go_out_as_they_are_given() {
    let mut world = World::new(|| assert_eq!(ek_set_number(49, 1.0), 0));
    world.start();
    let properties = Properties::new().with(Property::TopicAliasMaximum(5));
    world.accept(evenkeel_codec::ConnAck { properties, ..Default::default() });
    let alias = b"\x23\0\x05";
    input(&[b"topic", alias]);
    assert_eq!(ek_publish(world.client, 0.0, NONE, 0, 5, 3, 0), 0);
    input(&[alias]);
    assert_eq!(ek_publish(world.client, 0.0, NONE, 0, 0, 3, 0), 0, "{}", error());
    input(&[b"\x23\0\x06"]);
    assert_eq!(ek_publish(world.client, 0.0, NONE, 0, 0, 3, 0), -533);
    world.drain();
    for topic in ["topic", ""] {
        let Packet::Publish(publish) = world.next_packet() else { panic!() };
        assert_eq!((publish.topic.as_str(), publish.properties.topic_alias()), (topic, Some(5)));
    }
}
