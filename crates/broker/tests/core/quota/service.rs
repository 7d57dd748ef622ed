//! What the service does by itself: delivering later, ends, silence.

use std::time::Duration;

use evenkeel_broker::{By, CloseReason, Strictness};
use evenkeel_codec::{Connect, Packet, QoS, Version};
use evenkeel_profile::{BUILT_IN, Profile};

use super::{aws, connect, enforcing, enforcing_with, lasting, strict, v5};
use crate::world::*;

/// Messages beyond the rate wait, and the wait is told once.
#[test]
fn one_hundred_messages_a_second_are_delivered() {
    let mut world = aws();
    let reader = world.connect(v5("r"));
    world.subscribe(reader, "t", QoS::AtMostOnce);
    for sender in 0..3 {
        let peer = world.connect(v5(&format!("s{sender}")));
        for _ in 0..100 {
            world.send(peer, publish("t", "x"));
        }
    }
    assert_eq!(world.messages(reader).len(), 100);
    world.wait(ms(979));
    assert_eq!(world.messages(reader).len(), 0);
    world.wait(ms(1));
    assert_eq!(world.messages(reader).len(), 100);
    world.wait(SECOND);
    assert_eq!(world.messages(reader).len(), 100);
    let told = world.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].limit, told[0].by), ("delivery_rate", By::Service));
    assert_eq!((told[0].action, told[0].metric), ("throttles", Some("PublishOut.Throttle")));
    assert!(world.core.stats().quota_breaks.is_empty());
}

/// Ten stored messages a second; live ones come at the rate of all.
#[test]
fn stored_messages_are_replayed_slowly() {
    let mut world = aws();
    let reader = world.connect(lasting("r", 600));
    world.subscribe(reader, "t", QoS::AtLeastOnce);
    world.cut(reader);
    let peer = world.connect(v5("s"));
    for number in 1..=25 {
        world.send(peer, publish_1("t", &format!("{number}"), number));
    }
    world.wait(60 * SECOND);
    let reader = world.connect(lasting("r", 600));
    assert_eq!(world.messages(reader).len(), 10);
    world.wait(SECOND);
    assert_eq!(world.messages(reader).len(), 10);
    world.wait(SECOND);
    assert_eq!(world.messages(reader).len(), 5);
    for number in 1..=50 {
        world.send(peer, publish_1("t", "live", number));
    }
    assert_eq!(world.messages(reader).len(), 50);
    let limits: Vec<_> = world.told().iter().map(|told| told.limit).collect();
    assert_eq!(limits, ["replay_rate"]);
}

#[test]
fn no_more_messages_are_on_their_way_than_the_profile_allows() {
    let mut profile = evenkeel_profile::aws_iot_core();
    profile.retain(|name, _| name == "delivery_receive_maximum");
    let mut world = enforcing(profile);
    let reader = world.connect(v5("r"));
    world.subscribe(reader, "t", QoS::AtLeastOnce);
    let peer = world.connect(v5("s"));
    for number in 1..=101 {
        world.send(peer, publish_1("t", "x", number));
    }
    assert_eq!(world.messages(reader).len(), 100);
    world.send(reader, puback(1));
    assert_eq!(world.messages(reader).len(), 1);
}

#[test]
fn connections_end_at_the_age_of_the_profile() {
    for (hasten, age) in [(1, 86_400), (1440, 60)] {
        let mut quota = strict(evenkeel_profile::aws_iot_core(), Strictness::Observed);
        quota.hasten = hasten.try_into().unwrap();
        let mut world = enforcing_with(quota);
        let peer = world.connect(Connect { keep_alive: 1200, ..v5("a") });
        let pause = Duration::from_secs(60);
        for _ in 1..age / 60 {
            world.wait(pause);
            world.send(peer, Packet::PingReq);
        }
        world.wait(pause - ms(1));
        assert!(!world.is_closed(peer));
        world.wait(ms(1));
        assert_eq!(world.why_closed(peer), CloseReason::Quota);
        let told = world.told();
        assert_eq!((told[0].limit, told[0].by), ("maximum_connection_age", By::Service));
        assert_eq!(world.broken(), [""; 0]);
    }
}

/// The grace of each profile that has one, for a client that says nothing.
#[test]
fn silence_ends_as_the_profile_says() {
    let mut seen = 0;
    for name in BUILT_IN {
        let mut profile = Profile::built_in(name).unwrap();
        profile.retain(|limit, _| limit == "keep_alive_grace");
        let Some(limit) = profile.connection.keep_alive_grace.clone() else { continue };
        seen += 1;
        for keep_alive in [10, 1200] {
            let mut world = enforcing(profile.clone());
            let peer = world.connect(Connect { keep_alive, ..v5("a") });
            world.recv(peer);
            world.wait(limit.value.of(keep_alive as u32 * SECOND) - ms(1));
            assert!(!world.is_closed(peer), "{name}");
            world.wait(ms(1));
            assert_eq!(world.why_closed(peer), CloseReason::KeepAliveTimeout, "{name}");
            let told = world.told();
            assert_eq!((told[0].limit, told[0].by), ("keep_alive_grace", By::Service), "{name}");
            match told[0].action {
                "disconnects-with" => assert_eq!(
                    Some(world.disconnect_reason(peer).0),
                    limit.on_break.reason_code(),
                    "{name}"
                ),
                _ => assert_eq!(world.recv(peer), [], "{name}"),
            }
        }
    }
    assert!(seen > 3, "{seen} profiles have one");
}

/// Cuts at random, the same for the same seed, with and without a word.
#[test]
fn harsh_days_cut_every_connection_in_its_time() {
    let lives = |seed| {
        let mut quota = strict(Profile::empty(), Strictness::Harsh);
        quota.seed = seed;
        let mut world = enforcing_with(quota);
        let peers: Vec<_> =
            (0..20).map(|number| world.connect(v5(&format!("c{number}")))).collect();
        world.wait(Duration::from_secs(299));
        assert!(peers.iter().all(|peer| !world.is_closed(*peer)));
        world.wait(Duration::from_secs(4 * 3600));
        assert!(peers.iter().all(|peer| world.is_closed(*peer)));
        let told = world.told();
        assert!(told.iter().all(|told| (told.limit, told.by) == ("deployment", By::Service)));
        let last: Vec<_> = peers.iter().map(|peer| world.recv(*peer).len()).collect();
        assert!(last.contains(&0) && last.contains(&1), "{last:?}");
        let closed = world.events().iter().filter(|event| event.name() == "closed");
        closed.map(|event| event.time.as_micros()).collect::<Vec<_>>()
    };
    assert_eq!(lives(1), lives(1));
    assert_ne!(lives(1), lives(2));
}

#[test]
fn a_filter_with_a_wildcard_gets_no_retained_messages_at_aws() {
    let mut world = aws();
    let peer = world.connect(v5("a"));
    world.send(peer, retained("a/b", "x"));
    world.subscribe(peer, "a/+", QoS::AtMostOnce);
    assert_eq!(world.messages(peer).len(), 0);
    world.subscribe(peer, "a/b", QoS::AtMostOnce);
    assert_eq!(world.messages(peer).len(), 1);
}

#[test]
fn a_hash_does_not_match_the_level_above_it_at_aws() {
    for (mut world, expected) in [(aws(), 1), (World::new(), 2)] {
        let peer = world.connect(v5("a"));
        world.subscribe(peer, "a/#", QoS::AtMostOnce);
        world.send(peer, publish("a", "x"));
        world.send(peer, publish("a/b", "x"));
        assert_eq!(world.messages(peer).len(), expected);
    }
}

/// The deadlines of meters are the connection's own.
#[test]
fn an_idle_connection_wakes_nobody() {
    let mut world = aws();
    let peer = world.connect(Connect { keep_alive: 1200, ..connect(Version::V311, "a") });
    let deadline = world.core.status(world.now, peer.id).deadline.unwrap();
    assert_eq!(deadline.since_start(), Duration::from_secs(1800));
}
