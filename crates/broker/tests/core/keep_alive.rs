//! Keep-alive as the broker counts it.

use std::time::Duration;

use evenkeel_broker::CloseReason;
use evenkeel_broker::fault::{Stop, When};
use evenkeel_codec::{Connect, Packet, PacketType, Property, QoS, ReasonCode, Version};

use crate::world::{SECOND, World, connect, ms, publish, subscribe, v5};

fn with_keep_alive(version: Version, keep_alive: u16) -> Connect {
    Connect { keep_alive, ..connect(version, "a") }
}

//= [MQTT-3.1.2-22] test
//= [MQTT-3.12.4-1] test
#[test]
fn silence_ends_at_one_and_a_half_times_exactly() {
    for version in [Version::V31, Version::V311, Version::V5] {
        let mut world = World::new();
        let peer = world.connect(with_keep_alive(version, 3));
        world.wait(ms(4499));
        assert!(!world.is_closed(peer));
        world.send(peer, Packet::PingReq);
        assert_eq!(world.recv_one(peer), Packet::PingResp);
        world.wait(ms(4499));
        assert!(!world.is_closed(peer), "{version:?}: the ping broke the silence");
        world.wait(ms(1));
        assert_eq!(world.why_closed(peer), CloseReason::KeepAliveTimeout);
        assert_eq!(world.core.stats().keep_alive_timeouts, 1);
        match version {
            Version::V5 => {
                assert_eq!(world.disconnect_reason(peer), ReasonCode::KEEP_ALIVE_TIMEOUT);
            }
            _ => assert_eq!(world.recv(peer), []),
        }
    }
}

#[test]
fn zero_never_ends_it() {
    let mut world = World::new();
    let peer = world.connect(with_keep_alive(Version::V5, 0));
    world.wait(ms(1_000_000_000));
    assert!(!world.is_closed(peer));
}

#[test]
fn bytes_of_an_unfinished_packet_break_the_silence() {
    let mut world = World::new();
    let peer = world.connect(with_keep_alive(Version::V311, 2));
    // PUBLISH of 10 bytes, byte by byte.
    for byte in b"\x30\x08\0\x01tpaylo" {
        world.wait(ms(2999));
        assert!(!world.is_closed(peer));
        world.send_bytes(peer, &[*byte]);
    }
    assert_eq!(world.core.stats().publishes_received(), 1);
    world.wait(ms(3000));
    assert!(world.is_closed(peer));
}

//= [MQTT-3.2.2-22] test
#[test]
fn server_keep_alive_replaces_the_clients() {
    for (imposed, lives, dies) in
        [(0, 10_000_000, None), (1, 1499, Some(1)), (65535, 98_302_499, Some(1))]
    {
        let mut world = World::with(|config| config.offer.server_keep_alive = Some(imposed));
        let (peer, connack) = world.try_connect(with_keep_alive(Version::V5, 7));
        assert_eq!(connack.properties.server_keep_alive(), Some(imposed));
        world.wait(ms(lives));
        assert!(!world.is_closed(peer), "{imposed}");
        if let Some(more) = dies {
            world.wait(ms(more));
            assert!(world.is_closed(peer), "{imposed}");
        }
    }
    let mut world = World::with(|config| config.offer.server_keep_alive = Some(7));
    let (_, connack) = world.try_connect(with_keep_alive(Version::V5, 7));
    assert_eq!(connack.properties.server_keep_alive(), None, "it is the client's own");
}

/// MQTT 3.1.1 has no way to tell the client, so its own value holds.
#[test]
fn a_server_keep_alive_does_not_bind_older_clients() {
    let mut world = World::with(|config| config.offer.server_keep_alive = Some(1));
    let (peer, _) = world.try_connect(with_keep_alive(Version::V311, 7));
    world.wait(ms(10_499));
    assert!(!world.is_closed(peer));
    world.wait(ms(1));
    assert!(world.is_closed(peer));
}

#[test]
fn a_connection_without_connect_ends() {
    let mut world = World::new();
    let peer = world.open(Version::V5);
    world.wait(ms(9999));
    assert!(!world.is_closed(peer));
    world.wait(ms(1));
    assert_eq!(world.why_closed(peer), CloseReason::NoConnect);
    assert_eq!(world.core.stats().connects_accepted, 0);
}

#[test]
fn what_the_broker_sends_does_not_count() {
    let mut world = World::new();
    let peer = world.connect(with_keep_alive(Version::V5, 2));
    world.send(peer, subscribe("t", QoS::AtMostOnce));
    let other = world.connect(v5("b"));
    for _ in 0..2 {
        world.wait(ms(1400));
        world.send(other, publish("t", "x"));
    }
    assert!(!world.is_closed(peer));
    world.wait(ms(200));
    assert!(world.is_closed(peer), "3.0 s after SUBSCRIBE, whatever was sent to it");
    assert_eq!(world.payloads(peer), ["x", "x"]);
}

#[test]
fn the_core_asks_for_the_deadline_it_needs() {
    let mut world = World::new();
    let peer = world.connect(with_keep_alive(Version::V5, 2));
    let due = world.core.status(world.now, peer.id).deadline.unwrap();
    assert_eq!(due, world.now + ms(3000));
    assert_eq!(world.core.next_deadline(world.now), Some(due));
    let properties = evenkeel_codec::Properties::new().with(Property::SessionExpiryInterval(9));
    let peer = world.connect(Connect { properties, keep_alive: 0, ..v5("b") });
    assert_eq!(world.core.status(world.now, peer.id).deadline, None);
}

#[test]
fn the_longest_silence_is_the_clients_own() {
    let silence = When::received(PacketType::PingReq).nth(2).silence(Stop::Both, Some(10 * SECOND));
    let mut world = World::faulty([silence]);
    let peer = world.connect(with_keep_alive(Version::V5, 3));
    let other = world.connect(Connect { keep_alive: 0, ..connect(Version::V5, "b") });
    world.wait(ms(1000));
    world.send(peer, Packet::PingReq);
    world.wait(ms(4000));
    world.send(peer, Packet::PingReq);
    // The broker stops for ten seconds, and a client without keep alive may be silent.
    world.wait(12 * SECOND);
    world.send(peer, Packet::PingReq);
    world.send(other, Packet::PingReq);
    let stats = world.core.stats();
    assert_eq!((stats.longest_silence, stats.client("a").longest_silence), (ms(4000), ms(4000)));
    assert_eq!(stats.client("b").longest_silence, Duration::ZERO);
    // A new connection begins anew, and the counter keeps what was.
    world.cut(peer);
    let peer = world.connect(with_keep_alive(Version::V5, 3));
    world.wait(ms(4200));
    world.send(peer, Packet::PingReq);
    assert_eq!(world.core.stats().client("a").longest_silence, ms(4200));
}

#[test]
fn a_broker_that_does_not_read_does_not_judge() {
    let dribble = When::sent(PacketType::Publish).dribble(100, ms(10));
    let mut world = World::faulty([dribble]);
    world.core.configure(|config| config.limits.output_bytes = 50_000);
    let peer = world.connect(with_keep_alive(Version::V311, 2));
    world.subscribe(peer, "t", QoS::AtMostOnce);
    world.send(peer, publish("t", &"x".repeat(200_000)));
    // Half of it has to be gone before anything is read: 10 of 20 seconds.
    for _ in 0..20 {
        world.wait(SECOND);
        assert!(!world.is_closed(peer));
        world.send(peer, Packet::PingReq);
    }
    assert_eq!(world.core.stats().keep_alive_timeouts, 0);
    world.wait(ms(2999));
    assert!(!world.is_closed(peer));
    world.wait(ms(1));
    assert!(world.is_closed(peer), "and counts again afterwards");
}
