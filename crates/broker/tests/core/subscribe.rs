//! SUBSCRIBE, UNSUBSCRIBE and what they match.

use evenkeel_codec::{Packet, QoS, ReasonCode, SubscribeOptions, Version};

use crate::world::*;

//= [MQTT-3.8.4-1] test
//= [MQTT-3.8.4-2] test
//= [MQTT-3.8.4-6] test
//= [MQTT-3.8.4-7] test
#[test]
fn each_filter_gets_its_code() {
    let mut world = World::with(|config| {
        config.offer.maximum_qos = QoS::AtLeastOnce;
        config.offer.wildcard_subscriptions = false;
        config.offer.shared_subscriptions = false;
        config.limits.subscriptions = 2;
        config.limits.topic_levels = 3;
    });
    let filters = ["a", "b", "a", "c", "+", "$share/g/a", "a/b/c/d"];
    let options = SubscribeOptions { qos: QoS::ExactlyOnce, ..SubscribeOptions::default() };
    let (peer, connack) = world.try_connect(v5("x"));
    assert_eq!(connack.properties.maximum_qos(), Some(1));
    assert_eq!(connack.properties.wildcard_subscription_available(), Some(0));
    assert_eq!(connack.properties.shared_subscription_available(), Some(0));
    world.send(peer, subscribe_with(&filters, options, None));
    let suback = world.suback(peer);
    let granted = ReasonCode::GRANTED_QOS_1;
    let expected = [
        granted,
        granted,
        granted,
        ReasonCode::QUOTA_EXCEEDED,
        ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
        ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
        ReasonCode::TOPIC_FILTER_INVALID,
    ];
    assert_eq!(suback.codes, expected);
    assert!(suback.properties.reason_string().is_some());
    assert_eq!(world.core.subscription_count(), 2);

    let old = world.connect(v311("y"));
    world.send(old, subscribe_with(&filters, options, None));
    let failed = ReasonCode::UNSPECIFIED_ERROR;
    let expected = [granted, granted, granted, failed, failed, failed, failed];
    assert_eq!(world.suback(old).codes, expected);
}

//= [MQTT-3.10.4-1] test
//= [MQTT-3.10.4-4] test
//= [MQTT-3.10.4-5] test
//= [MQTT-3.11.3-1] test
#[test]
fn unsubscribing_ends_exactly_that_subscription() {
    let mut world = World::new();
    let peer = world.connect(v5("x"));
    world.subscribe(peer, "t/+", QoS::AtMostOnce);
    world.subscribe(peer, "t/#", QoS::AtMostOnce);
    let mut unsuback = |filter| {
        world.send(peer, unsubscribe(filter));
        match world.recv_one(peer) {
            Packet::UnsubAck(unsuback) => unsuback.codes,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(unsuback("t/x"), [ReasonCode::NO_SUBSCRIPTION_EXISTED]);
    assert_eq!(unsuback("t/+"), [ReasonCode::SUCCESS]);
    assert_eq!(unsuback("t/+"), [ReasonCode::NO_SUBSCRIPTION_EXISTED]);
    world.send(peer, publish("t/x", "1"));
    assert_eq!(world.payloads(peer), ["1"]);
    let old = world.connect(v311("y"));
    world.send(old, unsubscribe("t"));
    assert!(matches!(world.recv_one(old), Packet::UnsubAck(unsuback) if unsuback.codes.is_empty()));
}

//= [MQTT-3.8.3-3] test
#[test]
fn no_local_leaves_out_the_publishers_own_messages() {
    let mut world = World::new();
    let peer = world.connect(v5("x"));
    let options = SubscribeOptions { no_local: true, ..SubscribeOptions::default() };
    world.send(peer, subscribe_with(&["t"], options, None));
    world.suback(peer);
    let other = world.connect(v5("y"));
    world.send(peer, publish("t", "own"));
    world.send(other, publish("t", "other's"));
    assert_eq!(world.payloads(peer), ["other's"]);
}

//= [MQTT-3.3.4-2] test
//= [MQTT-3.3.4-3] test
//= [MQTT-3.3.4-4] test
#[test]
fn overlapping_subscriptions_make_one_delivery_with_all_identifiers() {
    let mut world = World::new();
    let peer = world.connect(v5("x"));
    let cases = [("t/+", 0, Some(5)), ("t/#", 2, None), ("t/x", 1, Some(9)), ("t/x/#", 0, Some(5))];
    for (filter, level, identifier) in cases {
        let qos = QoS::from_level(level).unwrap();
        let options = SubscribeOptions { qos, ..SubscribeOptions::default() };
        world.send(peer, subscribe_with(&[filter], options, identifier));
        world.suback(peer);
    }
    let publisher = world.connect(v5("p"));
    world.send(publisher, publish_2("t/x", "1", 1));
    let messages = world.messages(peer);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].qos, QoS::ExactlyOnce);
    let mut identifiers: Vec<u32> = messages[0].properties.subscription_identifiers().collect();
    identifiers.sort_unstable();
    assert_eq!(identifiers, [5, 5, 9]);
}

#[test]
fn overlapping_subscriptions_can_make_a_delivery_each() {
    let mut world = World::with(|config| config.behaviour.merge_subscriptions = false);
    let peer = world.connect(v5("x"));
    for (filter, level, identifier) in [("t/+", 0, Some(5)), ("t/#", 2, None)] {
        let qos = QoS::from_level(level).unwrap();
        let options = SubscribeOptions { qos, ..SubscribeOptions::default() };
        world.send(peer, subscribe_with(&[filter], options, identifier));
        world.suback(peer);
    }
    let publisher = world.connect(v5("p"));
    world.send(publisher, publish_2("t/x", "1", 1));
    let messages = world.messages(peer);
    let each = messages.iter().map(|message| {
        (message.qos, message.properties.subscription_identifiers().collect::<Vec<_>>())
    });
    let mut each: Vec<_> = each.collect();
    each.sort();
    assert_eq!(each, [(QoS::AtMostOnce, vec![5]), (QoS::ExactlyOnce, vec![])]);
}

#[test]
fn identifiers_can_be_unavailable() {
    let mut world = World::with(|config| config.offer.subscription_identifiers = false);
    let (peer, connack) = world.try_connect(v5("x"));
    assert_eq!(connack.properties.subscription_identifier_available(), Some(0));
    world.send(peer, subscribe_with(&["t"], SubscribeOptions::default(), Some(1)));
    let codes = world.suback(peer).codes;
    assert_eq!(codes, [ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED]);
}

//= [MQTT-4.7.2-1] test
#[test]
fn sys_topics_are_the_brokers_own() {
    let mut world = World::with(|config| config.behaviour.sys_interval = Some(5 * SECOND));
    world.wait(SECOND);
    let peer = world.connect(v5("x"));
    world.subscribe(peer, "#", QoS::AtMostOnce);
    assert_eq!(world.recv(peer), [], "wildcards do not match $SYS");
    world.send(peer, subscribe("$SYS/broker/clients/+", QoS::AtMostOnce));
    assert_eq!(world.payloads(peer), ["0", "0"]);
    world.wait(5 * SECOND);
    assert_eq!(world.payloads(peer), ["1", "1"]);
    world.send(peer, publish_1("$SYS/broker/version", "mine", 1));
    let Packet::PubAck(ack) = world.recv_one(peer) else { panic!("no PUBACK") };
    assert_eq!(ack.reason, ReasonCode::NOT_AUTHORIZED);
    for version in [Version::V31, Version::V311] {
        let old = world.connect(connect(version, "y"));
        world.send(old, subscribe("$SYS/broker/version", QoS::AtMostOnce));
        assert!(world.payloads(old)[0].starts_with("evenkeel "));
    }
}
