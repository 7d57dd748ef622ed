//! What a driver asks before a session is taken over.

use bytes::BytesMut;
use evenkeel_broker::fault::{Stop, When};
use evenkeel_broker::{Challenge, CloseReason};
use evenkeel_codec::{
    Connect, Packet, PacketType, Properties, Property, QoS, ReasonCode, SubscribeOptions, Version,
};

use crate::world::*;

fn bytes(packet: impl ToPacket) -> BytesMut {
    let mut bytes = Vec::new();
    packet.to_packet().encode(Version::V5, &mut bytes).unwrap();
    BytesMut::from(&bytes[..])
}

#[test]
fn a_whole_connect_tells_whose_session_it_takes_over() {
    let mut world = World::new();
    let old = world.connect(v5("a"));
    let new = world.open(Version::V5);
    let mut connect = bytes(v5("a"));
    for len in 0..connect.len() {
        let part = BytesMut::from(&connect[..len]);
        assert_eq!(world.core.takes_over(world.now, new.id, &part), None, "{len} bytes");
    }
    assert_eq!(world.core.takes_over(world.now, new.id, &connect), Some(old.id));
    connect.extend_from_slice(b"what follows");
    assert_eq!(world.core.takes_over(world.now, new.id, &connect), Some(old.id));
    for other in [bytes(v5("b")), bytes(Packet::PingReq), BytesMut::from("\0\0")] {
        assert_eq!(world.core.takes_over(world.now, new.id, &other), None);
    }
    assert_eq!(world.core.takes_over(world.now, old.id, &connect), None, "it has its session");
    world.cut(old);
    assert_eq!(world.core.takes_over(world.now, new.id, &connect), None);
}

#[test]
fn so_does_one_that_was_put_off_and_one_whose_client_is_asked_for_proof() {
    let challenge = Challenge { method: "M".into(), rounds: 1 };
    let mut world = World::with(|config| config.access.challenge = Some(challenge));
    let old = world.connect(v5("a"));
    let new = world.open(Version::V5);
    let properties = Properties::new().with(Property::AuthenticationMethod(text("M")));
    world.send(new, Connect { properties, ..v5("a") });
    let none = BytesMut::new();
    assert_eq!(world.core.takes_over(world.now, new.id, &none), Some(old.id));

    let rule = When::received(PacketType::Connect).delay(SECOND);
    world.core.add_fault(world.now, rule).unwrap();
    let late = world.open(Version::V5);
    world.send(late, v5("a"));
    assert_eq!(world.core.takes_over(world.now, late.id, &none), None, "not yet");
    let due = world.now + SECOND;
    assert_eq!(world.core.takes_over(due, late.id, &none), Some(old.id));
}

#[test]
fn a_client_that_reads_nothing_is_heard_to_its_end() {
    let mut world = World::with(|config| config.limits.output_bytes = 10);
    let peer = world.connect(Connect { will: will("w", "x", 0), ..v5("a") });
    let mut input = BytesMut::new();
    for _ in 0..20 {
        input.extend_from_slice(&bytes(Packet::PingReq));
    }
    input.extend_from_slice(&bytes(disconnect(ReasonCode::SUCCESS)));
    world.core.receive(world.now, peer.id, &mut input);
    assert_eq!(input.len(), 20 * 2 + 2 - 10 * 2, "answers of twice the limit, and no more");
    assert!(world.core.listens(world.now, peer.id));
    world.core.receive_all(world.now, peer.id, &mut input);
    assert!(input.is_empty());
    assert_eq!(world.why_closed(peer), CloseReason::Disconnected);
    assert_eq!(world.count("will_published"), 0);
    assert!(!world.core.listens(world.now, peer.id));
}

#[test]
fn a_rule_that_stops_reading_stops_it_to_the_end() {
    let mut world = World::faulty([When::received(PacketType::PingReq).silence(Stop::Both, None)]);
    let peer = world.connect(v5("a"));
    world.send(peer, Packet::PingReq);
    assert!(!world.core.listens(world.now, peer.id));
    let mut input = bytes(subscribe_with(&["t"], SubscribeOptions::default(), None));
    let len = input.len();
    world.core.receive_all(world.now, peer.id, &mut input);
    assert_eq!(input.len(), len);
    assert!(world.core.is_online(peer.id));
    let watcher = world.connect(v5("b"));
    world.subscribe(watcher, "t", QoS::AtMostOnce);
    assert_eq!(world.core.subscription_count(), 1);
}
