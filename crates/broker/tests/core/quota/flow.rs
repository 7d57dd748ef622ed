//! Messages from clients: rates, and what waits for acknowledgements.

use evenkeel_broker::fault::When;
use evenkeel_broker::{Behaviour, CloseReason};
use evenkeel_codec::{Packet, PacketType, Properties, Property, Publish, QoS, ReasonCode};

use super::{aws, enforcing, v5, v311};
use crate::world::*;

/// What is over the rate is discarded: on MQTT 5 in words, before it in silence.
#[test]
fn one_hundred_messages_a_second_in_any_second() {
    let mut world = aws();
    let (new, old) = (world.connect(v5("a")), world.connect(v311("b")));
    let reader = world.connect(v5("c"));
    world.subscribe(reader, "t", QoS::AtMostOnce);
    for peer in [new, old] {
        for number in 1..=100 {
            world.send(peer, publish_1("t", "x", number));
        }
        assert_eq!(world.recv(peer).len(), 100);
    }
    world.wait(ms(979));
    for peer in [new, old] {
        world.send(peer, publish_1("t", "over", 101));
    }
    let Packet::PubAck(ack) = world.recv_one(new) else { panic!() };
    assert_eq!(ack.reason, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(world.recv(old), []);
    world.wait(ms(1));
    for peer in [new, old] {
        world.send(peer, publish_1("t", "late", 102));
        assert_eq!(world.recv(peer).len(), 1);
    }
    world.wait(60 * SECOND);
    let seen = world.payloads(reader);
    assert!(!seen.contains(&"over".to_owned()));
    assert_eq!(seen.len(), 202);
    assert_eq!(world.broken(), ["publish_rate"; 2]);
    let told = world.told().into_iter().find(|told| told.limit == "publish_rate").unwrap();
    assert_eq!(told.metric, Some("PublishIn.Throttle"));
}

/// A message of QoS 0 has no answer to hold a code.
#[test]
fn a_refused_message_of_qos_0_is_dropped() {
    let mut world = aws();
    let peer = world.connect(v5("a"));
    for _ in 0..101 {
        world.send(peer, publish("t", "x"));
    }
    assert_eq!((world.recv(peer).len(), world.is_closed(peer)), (0, false));
    assert_eq!(world.told().last().unwrap().action, "ignores");
}

/// An alias that a refused message gives holds: the client cannot know better.
#[test]
fn a_refused_message_gives_its_alias_all_the_same() {
    let mut world = aws();
    let peer = world.connect(v5("a"));
    for number in 1..=100 {
        world.send(peer, publish_1("t", "x", number));
    }
    let alias = Properties::new().with(Property::TopicAlias(1));
    let first = Publish { properties: alias.clone(), ..publish_1("t", "x", 101) };
    world.send(peer, first);
    world.wait(2 * SECOND);
    world.recv(peer);
    world.send(peer, Publish { properties: alias, ..publish_1("", "x", 102) });
    let Packet::PubAck(ack) = world.recv_one(peer) else { panic!() };
    assert_eq!(ack.reason, ReasonCode::NO_MATCHING_SUBSCRIBERS);
}

/// Acknowledgements are held back by a rule, so that messages wait for them.
#[test]
fn more_unacknowledged_messages_than_the_profile_allows() {
    for (version, is_cut) in [(v5 as fn(&str) -> _, true), (v311, false)] {
        let mut profile = evenkeel_profile::aws_iot_core();
        profile.retain(|name, _| name == "receive_maximum");
        let mut world = enforcing(profile);
        let rule = When::sent(PacketType::PubAck).delay(5 * SECOND);
        world.core.add_fault(world.now, rule).unwrap();
        let peer = world.connect(version("a"));
        for number in 1..=100 {
            world.send(peer, publish_1("t", "x", number));
        }
        assert_eq!(world.broken(), [""; 0]);
        world.send(peer, publish_1("t", "x", 101));
        assert_eq!(world.broken(), ["receive_maximum"]);
        assert_eq!(world.is_closed(peer), is_cut);
        if is_cut {
            assert_eq!(world.disconnect_reason(peer), ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
            assert_eq!(world.why_closed(peer), CloseReason::Quota);
        } else {
            world.wait(5 * SECOND);
            assert_eq!(world.recv(peer).len(), 100, "the surplus has no answer");
            world.send(peer, publish_1("t", "x", 101));
            world.wait(5 * SECOND);
            assert_eq!(world.recv(peer).len(), 1, "and nothing is left of it");
        }
    }
}

/// QoS 2 before MQTT 5: no answer at all, as AWS has it.
#[test]
fn qos_2_has_no_answer_before_mqtt_5_and_a_disconnect_from_it_on() {
    let mut world = aws();
    let (new, old) = (world.connect(v5("a")), world.connect(v311("b")));
    for peer in [new, old] {
        world.send(peer, publish_2("t", "x", 1));
    }
    assert_eq!(world.disconnect_reason(new), ReasonCode::QOS_NOT_SUPPORTED);
    assert_eq!((world.recv(old).len(), world.is_closed(old)), (0, false));
}

/// Naver makes QoS 1 of QoS 2: the exchange is that of QoS 2 all the same.
#[test]
fn a_clamped_qos_is_what_subscribers_see() {
    let mut world = enforcing(evenkeel_profile::naver_iot_core());
    let reader = world.connect(v5("r"));
    world.subscribe(reader, "t", QoS::ExactlyOnce);
    let peer = world.connect(v311("a"));
    world.send(peer, publish_2("t", "x", 1));
    assert!(matches!(world.recv_one(peer), Packet::PubRec(_)));
    assert_eq!(world.messages(reader)[0].qos, QoS::AtLeastOnce);
    assert_eq!(world.told()[0].action, "clamps");
}

/// Azure IoT Hub takes the flag and keeps nothing.
#[test]
fn a_clamped_retain_flag_keeps_nothing() {
    let mut world = enforcing(evenkeel_profile::azure_iot_hub());
    let peer = world.connect(v311("a"));
    world.send(peer, retained("devices/a/messages/events/x", "x"));
    assert_eq!((world.core.retained_count(), world.is_closed(peer)), (0, false));
    assert_eq!(world.broken(), ["retain_available"]);
}

/// More bytes than the rate are read later, and nothing is lost.
#[test]
fn bytes_over_the_rate_are_read_later() {
    let mut world = aws();
    let peer = world.connect(v5("a"));
    let payload = "x".repeat(100_000);
    for number in 1..=6 {
        world.send(peer, publish_1("t", &payload, number));
    }
    world.send(peer, publish_1("t", "x", 7));
    // 600,000 bytes and a bit, of 524,288: the seventh waits for the rest.
    assert_eq!(world.recv(peer).len(), 6);
    assert!(!world.core.status(world.now, peer.id).reads);
    world.wait(ms(144));
    assert_eq!(world.recv(peer).len(), 0);
    world.wait(ms(2));
    assert_eq!(world.recv(peer).len(), 1);
    assert_eq!(world.broken(), ["byte_rate"; 2], "with nothing to spare, each is too much");
    assert_eq!(world.told()[0].action, "throttles");
}

#[test]
fn message_events_tell_of_refused_messages_too() {
    let mut world = aws();
    world.core.configure(|config| {
        config.behaviour = Behaviour { message_events: true, ..config.behaviour.clone() };
    });
    let peer = world.connect(v5("a"));
    world.send(peer, publish_2("t", "x", 1));
    assert_eq!(world.count("publish_received"), 1);
}
