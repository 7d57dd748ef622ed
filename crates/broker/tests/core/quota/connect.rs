//! Who may connect, how often, and what is granted.

use std::time::Duration;

use evenkeel_broker::{By, CloseReason, Quota, Strictness};
use evenkeel_codec::{Connect, Packet, PropertyId, ReasonCode, Version};
use evenkeel_profile::{OnBreak, Profile};

use super::{aws, connect, enforcing, enforcing_with, lasting, strict, v5, v311};
use crate::world::*;

#[test]
fn the_floor_is_per_identifier_and_refusals_do_not_count() {
    let mut world = aws();
    world.connect(v5("a"));
    world.connect(v5("b"));
    world.wait(5 * SECOND);
    let (peer, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.reason, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(world.why_closed(peer), CloseReason::Refused);
    // From the first, not from the refused one.
    world.wait(6 * SECOND);
    world.connect(v5("a"));
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].metric, Some("Connect.ClientIDThrottle"));
    assert_eq!(world.core.stats().connects_refused, 1);
}

/// A CONNECT that waited while no connections were taken may have come at once: the
/// next one is measured from there, and from when it was read a second later.
#[test]
fn a_connect_that_was_read_late_is_no_reason_to_blame_the_next() {
    let next = |taken_after: u32, read_after: Duration, seconds: u32| {
        let mut world = aws();
        let now = world.now;
        world.core.note_accepting(now, false);
        world.wait(taken_after * SECOND);
        let now = world.now;
        world.core.note_accepting(now, true);
        world.wait(read_after);
        world.connect(v5("a"));
        world.wait(seconds * SECOND);
        world.try_connect(v5("a")).1.reason
    };
    assert_eq!(next(3, ms(1000), 7), ReasonCode::SUCCESS);
    assert_eq!(next(3, ms(1000), 6), ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(next(3, ms(1001), 7), ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(next(3, ms(1001), 11), ReasonCode::SUCCESS);
}

/// Documented is one CONNECT a second; the longer floor was observed.
#[test]
fn the_floor_depends_on_the_life_before_it_and_on_strictness() {
    let after = |strictness, seconds: u32| {
        let mut world = enforcing_with(strict(evenkeel_profile::aws_iot_core(), strictness));
        world.connect(v5("a"));
        world.wait(seconds * SECOND);
        world.open(Version::V5);
        let (_, connack) = world.try_connect(v5("a"));
        connack.reason == ReasonCode::SUCCESS
    };
    assert!(after(Strictness::Documented, 1) && !after(Strictness::Documented, 0));
    assert!(!after(Strictness::Observed, 10) && after(Strictness::Observed, 11));
    assert!(!after(Strictness::Harsh, 10) && after(Strictness::Harsh, 11));
}

#[test]
fn an_identifier_that_the_service_gave_cannot_come_back() {
    let mut world = aws();
    let (peer, connack) = world.try_connect(v5(""));
    let id = connack.properties.assigned_client_identifier().unwrap();
    assert!(id.starts_with("$GEN/"), "{id}");
    world.cut(peer);
    world.wait(60 * SECOND);
    let (_, connack) = world.try_connect(v5(&id));
    assert_eq!(connack.reason, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID);
    assert_eq!(world.broken(), ["assigned_client_id_reusable"]);
    // Others that begin with the reserved character break another limit.
    world.try_connect(v5("$mine"));
    assert_eq!(world.broken()[1], "client_id_reserved_prefix");
    // Before MQTT 5 nobody can be told: the empty identifier is too short.
    world.open(Version::V311);
    let peer = world.open(Version::V311);
    world.send(peer, v311(""));
    assert_eq!(world.broken()[2], "client_id_length");
}

#[test]
fn the_keep_alive_is_clamped_and_told_on_mqtt_5_only() {
    for (asked, granted) in [(0, 1200), (29, 30), (30, 30), (1200, 1200), (1201, 1200)] {
        let mut world = aws();
        let ask = |version, id: &str| Connect { keep_alive: asked, ..connect(version, id) };
        let (_, connack) = world.try_connect(ask(Version::V5, "a"));
        let told = connack.properties.server_keep_alive();
        assert_eq!(told.unwrap_or(asked), granted, "{asked}");
        assert_eq!(world.broken().len(), usize::from(asked != granted));
        // In force for older clients, too: after 1.5 times as long.
        let peer = world.connect(ask(Version::V311, "b"));
        world.wait(u32::from(granted) * ms(1500) - ms(1));
        assert!(!world.is_closed(peer), "{asked}");
        world.wait(ms(1));
        assert_eq!(world.why_closed(peer), CloseReason::KeepAliveTimeout, "{asked}");
    }
}

/// What a VPC endpoint does is not of the client's making.
#[test]
fn a_harsh_aws_cuts_the_keep_alive_to_that_of_a_vpc_endpoint() {
    let mut world = enforcing_with(strict(evenkeel_profile::aws_iot_core(), Strictness::Harsh));
    let peer = world.connect(Connect { keep_alive: 1200, ..v311("a") });
    let told = world.told();
    assert_eq!((told[0].limit, told[0].by), ("keep_alive", By::Service));
    world.wait(ms(344_999));
    let is_cut = world.is_closed(peer);
    world.wait(ms(1));
    assert!(!is_cut && world.is_closed(peer) || world.count("quota") > 2, "345 s, or a deployment");
    assert_eq!(world.broken(), [""; 0]);
    world.connect(Connect { keep_alive: 230, ..v311("b") });
    assert_eq!(world.told().iter().filter(|told| told.limit == "keep_alive").count(), 1);
}

#[test]
fn a_ban_grows_and_is_forgotten() {
    let profile = evenkeel_profile::losant;
    let flood = |world: &mut World| {
        let peer = world.connect(v5("a"));
        for number in 1..=31 {
            world.send(peer, publish_1("t", "x", number));
        }
        assert_eq!(world.why_closed(peer), CloseReason::Quota);
    };
    let refused = |world: &mut World| {
        let peer = world.open(Version::V5);
        world.send(peer, v5("a"));
        match world.recv_one(peer) {
            Packet::ConnAck(connack) => connack.reason != ReasonCode::SUCCESS,
            other => panic!("{other:?}"),
        }
    };
    let mut world = enforcing(profile());
    flood(&mut world);
    world.wait(ms(29_999));
    assert!(refused(&mut world));
    assert_eq!(world.told().last().unwrap().limit, "ban");
    world.wait(ms(1));
    flood(&mut world);
    world.wait(59 * SECOND);
    assert!(refused(&mut world), "twice as long");
    world.wait(SECOND);
    assert!(!refused(&mut world), "being refused adds nothing");
    // Other clients are not kept out, and an hour of peace is enough.
    world.connect(v5("b"));
    world.wait(3600 * SECOND);
    flood(&mut world);
    world.wait(30 * SECOND);
    assert!(!refused(&mut world));
}

#[test]
fn a_client_that_has_no_place_for_sessions_is_refused() {
    let mut profile = Profile::empty();
    let mut limit = evenkeel_profile::aws_iot_core().connection.kept_sessions_available.unwrap();
    limit.value = false;
    limit.on_break = OnBreak::Rejects(0x83);
    profile.connection.kept_sessions_available = Some(limit);
    let mut world = enforcing_with(strict(profile, Strictness::Harsh));
    world.connect(v5("a"));
    assert_eq!(world.try_connect(lasting("b", 1)).1.reason.0, 0x83);
    let peer = world.open(Version::V311);
    world.send(peer, Connect { clean_start: false, ..v311("c") });
    assert!(world.is_closed(peer));
    assert_eq!(world.broken(), ["kept_sessions_available"; 2]);
}

#[test]
fn what_is_delayed_is_judged_again_when_it_is_due() {
    let profile = evenkeel_profile::azure_iot_hub();
    let mut world = enforcing_with(Quota::new(profile));
    for number in 0..100 {
        world.connect(v311(&format!("c{number}")));
    }
    let peers: Vec<_> = (0..3)
        .map(|number| {
            let peer = world.open(Version::V311);
            world.send(peer, v311(&format!("d{number}")));
            assert_eq!(world.recv(peer), []);
            peer
        })
        .collect();
    world.wait(ms(979));
    assert!(peers.iter().all(|peer| !world.is_closed(*peer)));
    world.wait(ms(1));
    for peer in peers {
        assert!(matches!(world.recv_one(peer), Packet::ConnAck(_)));
    }
    assert_eq!(world.broken(), ["account_connect_rate"; 3]);
}

#[test]
fn a_session_lasts_no_longer_than_the_profile_and_hours_are_hastened() {
    let mut quota = Quota::new(evenkeel_profile::azure_event_grid());
    quota.hasten = 3600.try_into().unwrap();
    let mut world = enforcing_with(quota);
    let (peer, connack) = world.try_connect(lasting("a", 100_000));
    let granted = connack.properties.session_expiry_interval();
    assert_eq!(granted, Some(28_800), "what is told is real");
    assert!(connack.properties.iter().any(|p| p.id() == PropertyId::MAXIMUM_PACKET_SIZE));
    world.cut(peer);
    world.wait(ms(7_999));
    assert_eq!(world.core.session_count(), 1);
    world.wait(ms(1));
    assert_eq!(world.core.session_count(), 0);
}
