use evenkeel_broker::CloseReason;
use evenkeel_codec::{QoS, ReasonCode, SubscribeOptions, Version};

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
        world.core.open(world.now, "memory", "test");
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
