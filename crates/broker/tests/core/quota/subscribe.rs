//! Subscriptions: single filters that are refused, and the rest that is not.

use evenkeel_broker::{CloseReason, Denial};
use evenkeel_codec::{QoS, ReasonCode, SubscribeOptions};

use super::{aws, enforcing, v5, v311};
use crate::world::*;

fn ask(filters: &[&str]) -> evenkeel_codec::Packet {
    subscribe_with(filters, SubscribeOptions::default(), None)
}

#[test]
fn only_the_filters_that_break_a_limit_are_refused() {
    let mut world = aws();
    let peer = world.connect(v5("a"));
    world.send(peer, ask(&["a", "1/2/3/4/5/6/7/8/9", "b", "$share/g/1/2/3/4/5/6/7/8"]));
    let codes = world.suback(peer).codes;
    assert_eq!(codes[1], ReasonCode::TOPIC_FILTER_INVALID);
    assert_eq!([codes[0], codes[2], codes[3]], [ReasonCode(0); 3], "the share name counts not");
    assert_eq!(world.core.subscription_count(), 3);
    assert_eq!(world.broken(), ["maximum_topic_levels"]);
}

#[test]
fn the_51st_subscription_is_refused_and_the_50_work() {
    let mut world = aws();
    let peer = world.connect(v5("a"));
    for number in 0..49 {
        world.subscribe(peer, &format!("f/{number}"), QoS::AtMostOnce);
    }
    world.send(peer, ask(&["f/0", "f/49", "f/50"]));
    let codes = world.suback(peer).codes;
    assert_eq!(codes, [ReasonCode(0), ReasonCode(0), ReasonCode::QUOTA_EXCEEDED]);
    world.send(peer, unsubscribe("f/0"));
    world.recv(peer);
    world.subscribe(peer, "f/50", QoS::AtMostOnce);
    assert_eq!(world.broken(), ["subscriptions_per_connection"]);
    assert_eq!(world.told()[0].metric, Some("Subscribe.ClientError"));
}

#[test]
fn filters_of_all_clients_count_together() {
    let mut world = aws();
    let peers: Vec<_> = (0..11).map(|number| world.connect(v311(&format!("c{number}")))).collect();
    let filters: Vec<String> = (0..50).map(|number| format!("f/{number}")).collect();
    for peer in &peers[..10] {
        for filters in filters.chunks(8) {
            let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
            world.send(*peer, ask(&filters));
        }
    }
    assert_eq!(world.broken(), [""; 0]);
    world.send(peers[10], ask(&["a"]));
    assert_eq!(world.suback(peers[10]).codes, [ReasonCode::UNSPECIFIED_ERROR]);
    assert_eq!(world.broken(), ["account_subscribe_rate"]);
    world.wait(SECOND);
    world.subscribe(peers[10], "a", QoS::AtMostOnce);
}

/// Azure IoT Hub knows its own filters only.
#[test]
fn filters_that_the_service_does_not_know_are_refused() {
    let mut world = enforcing(evenkeel_profile::azure_iot_hub());
    let peer = world.connect(v311("a"));
    world.subscribe(peer, "devices/a/messages/devicebound/#", QoS::AtLeastOnce);
    world.send(peer, ask(&["devices/b/messages/devicebound/#"]));
    assert_eq!(world.suback(peer).codes, [ReasonCode::UNSPECIFIED_ERROR]);
    assert_eq!(world.broken(), ["filters"]);
}

/// AWS says of neither which it checks first. A limit is told, as whoever hears of a
/// denial would look for it in the policies; without a profile there is the denial.
#[test]
fn of_a_limit_and_a_denial_the_limit_is_told() {
    let deep = "no/2/3/4/5/6/7/8/9";
    let deny = |world: &mut World| {
        world.core.configure(|config| {
            config.access.denials = vec![Denial::new("no/#".try_into().unwrap())];
            config.limits.topic_levels = 8;
        });
    };
    let mut world = aws();
    deny(&mut world);
    let peer = world.connect(v5("a"));
    world.send(peer, ask(&[deep, "no/2"]));
    let codes = world.suback(peer).codes;
    assert_eq!(codes, [ReasonCode::TOPIC_FILTER_INVALID, ReasonCode::NOT_AUTHORIZED]);
    assert_eq!(world.broken(), ["maximum_topic_levels"]);
    let old = world.connect(v311("b"));
    world.send(old, ask(&[deep]));
    assert_eq!(world.why_closed(old), CloseReason::Quota);

    let mut world = World::new();
    deny(&mut world);
    let peer = world.connect(v5("a"));
    world.send(peer, ask(&[deep, "yes/2/3/4/5/6/7/8/9"]));
    let codes = world.suback(peer).codes;
    assert_eq!(codes, [ReasonCode::NOT_AUTHORIZED, ReasonCode::TOPIC_FILTER_INVALID]);
}
