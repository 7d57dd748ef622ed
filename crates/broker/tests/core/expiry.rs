//! Expiry of sessions and messages.

use evenkeel_codec::{Properties, Property, Publish, QoS};

use crate::world::*;

#[test]
fn a_session_ends_exactly_when_its_expiry_is_over() {
    let mut world = World::new();
    let peer = world.connect(lasting("a", 10));
    world.wait(1000 * SECOND);
    world.cut(peer);
    world.wait(ms(9999));
    let (peer, connack) = world.try_connect(lasting("a", 10));
    assert!(connack.session_present);
    world.cut(peer);
    world.wait(ms(10_000));
    assert_eq!(world.core.session_count(), 0);
    let (_, connack) = world.try_connect(lasting("a", 10));
    assert!(!connack.session_present);
    let ended = world.events().iter().find(|event| event.name() == "session_ended").unwrap();
    assert!(ended.to_json().contains(r#""queued":null,"why":"expired""#));
}

#[test]
fn the_broker_caps_session_expiry_and_says_so() {
    let mut world = World::with(|config| config.offer.session_expiry_maximum = 60);
    let (_, connack) = world.try_connect(lasting("a", 60));
    assert_eq!(connack.properties.session_expiry_interval(), None);
    let (peer, connack) = world.try_connect(lasting("b", u32::MAX));
    assert_eq!(connack.properties.session_expiry_interval(), Some(60));
    world.cut(peer);
    world.wait(60 * SECOND);
    assert_eq!(world.core.queued("b"), None);
}

fn expiring(topic: &str, seconds: u32, packet_id: u16) -> Publish {
    let properties = Properties::new().with(Property::MessageExpiryInterval(seconds));
    Publish { properties, ..publish_1(topic, "x", packet_id) }
}

//= [MQTT-3.3.2-5] test
//= [MQTT-3.3.2-6] test
#[test]
fn message_expiry_is_counted_down_and_observed() {
    let mut world = World::new();
    let peer = world.connect(lasting("a", 1000));
    world.subscribe(peer, "t", QoS::AtLeastOnce);
    world.send(peer, expiring("t", 30, 1));
    assert_eq!(world.messages(peer)[0].properties.message_expiry_interval(), Some(30));
    world.send(peer, puback(1));
    world.cut(peer);
    let publisher = world.connect(v5("p"));
    world.send(publisher, expiring("t", 30, 1));
    world.send(publisher, expiring("t", 10, 2));
    world.wait(ms(9999));
    let peer = world.connect(lasting("a", 1000));
    let left: Vec<_> = world
        .messages(peer)
        .iter()
        .map(|publish| publish.properties.message_expiry_interval())
        .collect();
    assert_eq!(left, [Some(21), Some(1)]);
    world.send(peer, puback(2));
    world.send(peer, puback(3));
    world.cut(peer);
    world.send(publisher, expiring("t", 10, 3));
    world.wait(10 * SECOND);
    let peer = world.connect(lasting("a", 1000));
    assert_eq!(world.recv(peer), []);
    assert_eq!(world.core.stats().messages_dropped, 1);
}

#[test]
fn retained_messages_expire() {
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    world.send(peer, Publish { retain: true, ..expiring("t", 10, 1) });
    world.recv(peer);
    world.wait(ms(9999));
    world.send(peer, subscribe("t", QoS::AtMostOnce));
    assert_eq!(world.payloads(peer), ["x"]);
    world.wait(ms(1));
    world.send(peer, subscribe("t", QoS::AtMostOnce));
    assert_eq!(world.payloads(peer), [""; 0]);
}
