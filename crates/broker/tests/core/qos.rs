//! The exchanges of QoS 1 and 2.

use evenkeel_codec::{Ack, Connect, Packet, PacketType, QoS, ReasonCode, Version};

use crate::world::*;

//= [MQTT-4.3.1-1] test
//= [MQTT-4.3.2-3] test
//= [MQTT-4.3.3-4] test
//= [MQTT-4.3.3-8] test
#[test]
fn each_qos_has_its_exchange_in_both_directions() {
    for version in [Version::V31, Version::V311, Version::V5] {
        let mut world = World::new();
        let subscriber = world.connect(connect(version, "s"));
        world.subscribe(subscriber, "t", QoS::ExactlyOnce);
        let publisher = world.connect(connect(version, "p"));
        world.send(publisher, publish("t", "0"));
        assert_eq!(world.recv(publisher), []);
        world.send(publisher, publish_1("t", "1", 7));
        assert_eq!(world.recv_one(publisher), puback(7));
        world.send(publisher, publish_2("t", "2", 7));
        assert_eq!(world.recv_one(publisher), pubrec(7));
        world.send(publisher, pubrel(7));
        assert_eq!(world.recv_one(publisher), pubcomp(7));

        let received = world.messages(subscriber);
        let qos: Vec<u8> = received.iter().map(|publish| publish.qos.level()).collect();
        assert_eq!(qos, [0, 1, 2]);
        world.send(subscriber, puback(received[1].packet_id.unwrap().get()));
        assert_eq!(world.recv(subscriber), []);
        let id = received[2].packet_id.unwrap().get();
        world.send(subscriber, pubrec(id));
        assert_eq!(world.recv_one(subscriber), pubrel(id));
        world.send(subscriber, pubcomp(id));
        assert_eq!(world.recv(subscriber), []);
        assert_eq!(world.count("unexpected_ack"), 0);
    }
}

//= [MQTT-4.3.3-10] test
//= [MQTT-4.3.3-11] test
//= [MQTT-4.3.3-12] test
#[test]
fn a_qos_2_message_is_delivered_once_however_often_it_comes() {
    for version in [Version::V311, Version::V5] {
        let mut world = World::new();
        let subscriber = world.connect(v5("s"));
        world.subscribe(subscriber, "t", QoS::AtMostOnce);
        let keep = match version {
            Version::V5 => lasting("p", 100),
            _ => Connect { clean_start: false, ..v311("p") },
        };
        let mut publisher = world.connect(keep.clone());
        world.send(publisher, publish_2("t", "x", 1));
        world.send(publisher, publish_2("t", "x", 1));
        assert_eq!(world.recv(publisher), [pubrec(1), pubrec(1)]);
        world.cut(publisher);
        publisher = world.connect(keep);
        let again = evenkeel_codec::Publish { dup: true, ..publish_2("t", "x", 1) };
        world.send(publisher, again);
        assert_eq!(world.recv_one(publisher), pubrec(1));
        world.send(publisher, pubrel(1));
        assert_eq!(world.recv_one(publisher), pubcomp(1));
        assert_eq!(world.payloads(subscriber), ["x"]);

        world.send(publisher, pubrel(1));
        let Packet::PubComp(ack) = world.recv_one(publisher) else { panic!("no PUBCOMP") };
        let expected = match version {
            Version::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            _ => ReasonCode::SUCCESS,
        };
        assert_eq!(ack.reason, expected);
        world.send(publisher, publish_2("t", "y", 1));
        assert_eq!(world.payloads(subscriber), ["y"], "the identifier is free again");
    }
}

#[test]
fn acknowledgements_that_nobody_waits_for_are_answered_and_counted() {
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    world.send(peer, puback(9));
    assert_eq!(world.recv(peer), []);
    world.send(peer, pubrec(9));
    let Packet::PubRel(ack) = world.recv_one(peer) else { panic!("no PUBREL") };
    assert_eq!(ack.reason, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
    world.send(peer, pubcomp(9));
    assert_eq!(world.recv(peer), []);
    assert_eq!(world.count("unexpected_ack"), 3);
    assert!(!world.is_closed(peer));
}

//= [MQTT-4.4.0-2] test
#[test]
fn a_failed_pubrec_ends_the_exchange() {
    let mut world = World::new();
    let peer = world.connect(lasting("a", 100));
    world.subscribe(peer, "t", QoS::ExactlyOnce);
    world.send(peer, publish_2("t", "x", 1));
    let packets = world.recv(peer);
    assert!(kinds(&packets).contains(&PacketType::Publish), "{packets:?}");
    world.send(peer, Packet::PubRec(Ack::new(pid(1), ReasonCode::QUOTA_EXCEEDED)));
    assert_eq!(world.recv(peer), []);
    world.cut(peer);
    let peer = world.connect(lasting("a", 100));
    assert_eq!(world.recv(peer), [], "not sent again");
}

#[test]
fn a_message_without_subscribers_says_so_to_version_5() {
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    world.send(peer, publish_1("t", "x", 1));
    let Packet::PubAck(ack) = world.recv_one(peer) else { panic!("no PUBACK") };
    assert_eq!(ack.reason, ReasonCode::NO_MATCHING_SUBSCRIBERS);
    let peer = world.connect(v311("b"));
    world.send(peer, publish_1("t", "x", 1));
    assert_eq!(world.recv_one(peer), puback(1));
}

//= [MQTT-3.8.4-8] test
#[test]
fn a_subscription_gets_no_more_than_its_qos() {
    let mut world = World::new();
    let peer = world.connect(v5("s"));
    world.subscribe(peer, "t", QoS::AtLeastOnce);
    let publisher = world.connect(v5("p"));
    world.send(publisher, publish_2("t", "x", 1));
    world.send(publisher, publish("t", "y"));
    let qos: Vec<QoS> = world.messages(peer).iter().map(|publish| publish.qos).collect();
    assert_eq!(qos, [QoS::AtLeastOnce, QoS::AtMostOnce]);
}
