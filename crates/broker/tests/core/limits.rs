//! Limits in number and in bytes.

use evenkeel_broker::CloseReason;
use evenkeel_broker::core::Arrival;
use evenkeel_codec::{Connect, Property, Publish, QoS, ReasonCode, SubscribeOptions, Version};

use crate::world::*;

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let mut world = World::with(|config| config.limits.connections = 2);
    let first = world.open(Version::V5);
    let second = world.open(Version::V5);
    assert!(!world.is_closed(second));
    let third = world.open(Version::V5);
    assert_eq!(world.why_closed(third), CloseReason::Limit);
    world.cut(third);
    world.cut(first);
    let fourth = world.open(Version::V5);
    assert!(!world.is_closed(fourth));
    assert_eq!(world.core.stats().connections_now, 2);
}

#[test]
fn sessions_beyond_the_limit_are_refused() {
    let mut world = World::with(|config| config.limits.sessions = 1);
    let peer = world.connect(lasting("a", 10));
    let (_, connack) = world.try_connect(v5("b"));
    assert_eq!(connack.reason, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(world.try_connect(v311("b")).1.wire_code, 3);
    world.cut(peer);
    let peer = world.connect(lasting("a", 10));
    world.cut(peer);
    world.wait(10 * SECOND);
    world.connect(v5("b"));
}

#[test]
fn too_many_filters_in_one_subscribe_end_the_connection() {
    let mut world = World::with(|config| config.limits.filters_per_subscribe = Some(2));
    let peer = world.connect(v5("a"));
    world.send(peer, subscribe_with(&["a", "b"], SubscribeOptions::default(), None));
    assert_eq!(world.suback(peer).codes.len(), 2);
    world.send(peer, subscribe_with(&["c", "d", "e"], SubscribeOptions::default(), None));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(world.why_closed(peer), CloseReason::Limit);
    assert_eq!(world.core.subscription_count(), 0);
}

#[test]
fn retained_messages_beyond_the_limit_are_not_retained() {
    let mut world = World::with(|config| config.limits.retained_messages = 1);
    let peer = world.connect(v5("a"));
    world.send(peer, retained("t", "x"));
    world.send(peer, retained("u", "x"));
    assert_eq!(world.core.retained_count(), 1);
    assert_eq!(world.count("limit_reached"), 1);
}

#[test]
fn clients_beyond_the_limit_are_not_counted_apart() {
    let mut world = World::with(|config| config.limits.counted_clients = 1);
    world.connect(v5("a"));
    world.connect(v5("b"));
    let stats = world.core.stats();
    assert_eq!(stats.connects_accepted, 2);
    assert_eq!(stats.client("a").connects_accepted, 1);
    assert_eq!(stats.client("b").connects_accepted, 0);
}

#[test]
fn events_nobody_takes_give_way_to_newer_ones() {
    let mut world = World::with(|config| config.limits.recorded_events = 3);
    for _ in 0..10 {
        world.core.open(world.now, Arrival::new("memory", "test"));
    }
    assert_eq!(world.events().len(), 3);
    assert_eq!(world.events()[2].connection.unwrap().get(), 10);
}

#[test]
fn deep_topics_do_no_harm() {
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    world.subscribe(peer, "#", QoS::AtMostOnce);
    let deep = "a/".repeat(30_000);
    world.send(peer, publish(&deep, "x"));
    assert_eq!(world.payloads(peer), ["x"]);
    world.send(peer, subscribe(&deep, QoS::AtMostOnce));
    assert_eq!(world.suback(peer).codes, [ReasonCode::TOPIC_FILTER_INVALID]);
}

/// A message whose properties take far more in memory than on the wire.
fn dear(topic: &str, properties: usize, packet_id: u16) -> Publish {
    let one = || Property::UserProperty(text(""), text(""));
    let properties = std::iter::repeat_with(one).take(properties).collect();
    Publish { properties, ..publish_1(topic, "x", packet_id) }
}

#[test]
fn queues_count_properties_as_they_are_held() {
    // 100 empty user properties take 500 bytes on the wire and 6,400 or more.
    for (queue_bytes, kept) in [(6_000, 0), (7_500, 1), (15_000, 2)] {
        let mut world = World::with(|config| config.limits.queue_bytes = queue_bytes);
        let peer = world.connect(lasting("a", 100));
        world.subscribe(peer, "t", QoS::AtLeastOnce);
        world.cut(peer);
        let publisher = world.connect(v5("p"));
        for number in 1..=3 {
            world.send(publisher, dear("t", 100, number));
        }
        assert_eq!(world.core.queued("a"), Some(kept), "{queue_bytes}");
    }
}

#[test]
fn messages_on_their_way_count_too() {
    let mut world = World::with(|config| {
        config.limits.queue_bytes = 10_000;
        config.limits.hold_acks_for = std::time::Duration::ZERO;
    });
    let peer = world.connect(v5("a"));
    world.subscribe(peer, "t", QoS::AtLeastOnce);
    let publisher = world.connect(v5("p"));
    for number in 1..=10 {
        world.send(publisher, publish_1("t", &"x".repeat(3_000), number));
    }
    let received = world.messages(peer);
    assert_eq!(received.len(), 3, "nothing of them is acknowledged");
    assert_eq!(world.core.stats().messages_dropped, 7);
    world.send(peer, puback(received[0].packet_id.unwrap().get()));
    world.send(publisher, publish_1("t", "room again", 11));
    assert_eq!(world.payloads(peer), ["room again"]);
}

#[test]
fn wills_count_too() {
    let mut world = World::with(|config| config.limits.queue_bytes_total = 5_000);
    let with_will = |client_id: &str| Connect {
        will: will("w", &"x".repeat(3_000), 100),
        ..lasting(client_id, 1_000)
    };
    let peer = world.connect(with_will("a"));
    let (_, connack) = world.try_connect(with_will("b"));
    assert_eq!(connack.reason, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(world.count("limit_reached"), 1);
    world.cut(peer);
    assert_eq!(world.try_connect(with_will("b")).1.reason, ReasonCode::QUOTA_EXCEEDED, "it waits");
    world.wait(100 * SECOND);
    let peer = world.connect(with_will("b"));
    world.send(peer, disconnect(ReasonCode::SUCCESS));
    world.connect(with_will("c"));
}

#[test]
fn retained_messages_are_bounded_in_bytes() {
    let mut world = World::with(|config| config.memory.retained_bytes = 20_000);
    let peer = world.connect(v5("a"));
    for number in 1..=5 {
        let topic = format!("t/{number}");
        world.send(peer, Publish { retain: true, ..dear(&topic, 100, number) });
    }
    assert_eq!(world.core.retained_count(), 2);
    assert_eq!(world.count("limit_reached"), 3);
    world.send(peer, retained("t/1", ""));
    world.send(peer, Publish { retain: true, ..dear("u", 100, 9) });
    assert_eq!(world.core.retained_count(), 2);
}

#[test]
fn filters_are_bounded_in_bytes() {
    let mut world = World::with(|config| config.memory.subscription_bytes = 20_000);
    let peer = world.connect(v5("a"));
    let deep = |number: u8| format!("{number}{}", "/x".repeat(20));
    let filters: Vec<String> = (1..=9).map(deep).collect();
    let mut granted = 0;
    for filter in &filters {
        world.send(peer, subscribe(filter, QoS::AtMostOnce));
        granted += usize::from(world.suback(peer).codes == [ReasonCode::SUCCESS]);
    }
    assert!((1..9).contains(&granted), "{granted}");
    world.send(peer, subscribe(&filters[0], QoS::AtLeastOnce));
    assert_eq!(world.suback(peer).codes, [ReasonCode(1)], "one that is there may change");
    world.send(peer, subscribe(&filters[8], QoS::AtMostOnce));
    assert_eq!(world.suback(peer).codes, [ReasonCode::QUOTA_EXCEEDED]);
    world.cut(peer);
    let peer = world.connect(v5("b"));
    world.subscribe(peer, &filters[8], QoS::AtMostOnce);
}

#[test]
fn a_packet_of_nothing_but_properties_is_refused() {
    let mut world = World::with(|config| config.offer.maximum_packet_size = 100_000);
    let peer = world.connect(v5("a"));
    world.send(peer, dear("t", 1_000, 1));
    assert!(!world.is_closed(peer));
    world.send(peer, dear("t", 10_000, 2));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::QUOTA_EXCEEDED);
}

/// `never` ends: of whoever has most sessions, the oldest without connection.
#[test]
fn many_sessions_of_one_client_lock_out_no_other() {
    let mut world = World::with(|config| config.limits.sessions = 10);
    let of = |user: &str, client_id: &str| Connect {
        username: Some(text(user)),
        ..lasting(client_id, u32::MAX)
    };
    let peer = world.connect(of("other", "first"));
    world.cut(peer);
    for number in 0..100 {
        let peer = world.connect(of("greedy", &format!("greedy-{number}")));
        world.cut(peer);
    }
    assert_eq!(world.core.session_count(), 10);
    let (peer, connack) = world.try_connect(of("other", "first"));
    assert!(connack.session_present, "the oldest of all, but not of the greedy");
    world.cut(peer);
    let (peer, connack) = world.try_connect(of("third", "new"));
    assert_eq!((connack.reason, connack.session_present), (ReasonCode::SUCCESS, false));
    let (_, connack) = world.try_connect(of("greedy", "greedy-99"));
    assert!(connack.session_present, "its latest");
    assert_eq!(world.count("limit_reached"), 100 - 9 + 1);
    let displaced = world.events().iter().filter(|event| event.to_json().contains("displaced"));
    assert_eq!(displaced.count(), 100 - 9 + 1);
    assert!(!world.is_closed(peer));
}

#[test]
fn a_session_with_a_connection_gives_way_to_nobody() {
    let mut world = World::with(|config| config.limits.sessions = 2);
    let one = world.connect(lasting("a", u32::MAX));
    let other = world.connect(lasting("b", u32::MAX));
    assert_eq!(world.try_connect(v5("c")).1.reason, ReasonCode::QUOTA_EXCEEDED);
    assert!(!world.is_closed(one) && !world.is_closed(other));
    world.cut(one);
    world.connect(v5("c"));
    assert!(!world.is_closed(other));
    assert_eq!(world.core.session_count(), 2);
}
