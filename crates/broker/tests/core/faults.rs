//! Every action, at its exact moment and on both sides of its bounds.

use std::time::Duration;

use evenkeel_broker::CloseReason;
use evenkeel_broker::fault::{Action, Announce, RuleError, Stop, When};
use evenkeel_codec::{Connect, Packet, PacketType, QoS, ReasonCode, Version};

use crate::world::*;

const PINGRESP: PacketType = PacketType::PingResp;

fn ping(world: &mut World, peer: Peer) -> Vec<Packet> {
    world.send(peer, Packet::PingReq);
    world.recv(peer)
}

#[test]
fn drop_one_ping_response() {
    let mut world = World::faulty([When::sent(PINGRESP).nth(1).named("lost").drop()]);
    let peer = world.connect(v5("a"));
    assert_eq!(ping(&mut world, peer), []);
    assert_eq!(ping(&mut world, peer), [Packet::PingResp]);
    let stats = world.core.stats();
    assert_eq!((stats.pings_received(), stats.pings_answered(), stats.faults_applied), (2, 1, 1));
    let fault = world.events().iter().find(|event| event.name() == "fault").unwrap();
    let json = r#","rule":"lost","action":"drop","packet":"PINGRESP"}"#;
    assert!(fault.to_json().ends_with(json), "{}", fault.to_json());
}

#[test]
fn drop_a_received_packet() {
    let mut world = World::faulty([When::received(PacketType::Publish).nth(2).drop()]);
    let peer = world.connect(v5("a"));
    world.subscribe(peer, "t", QoS::AtMostOnce);
    for payload in ["1", "2", "3"] {
        world.send(peer, publish("t", payload));
    }
    assert_eq!(world.payloads(peer), ["1", "3"]);
    assert_eq!(world.core.stats().publishes_received(), 3, "it did arrive");
}

#[test]
fn delay_lets_others_pass() {
    let mut world = World::faulty([When::sent(PacketType::PubAck).delay(ms(600))]);
    let peer = world.connect(v311("a"));
    world.send(peer, publish_1("t", "x", 1));
    assert_eq!(ping(&mut world, peer), [Packet::PingResp]);
    world.wait(ms(599));
    assert_eq!(world.recv(peer), []);
    world.wait(ms(1));
    assert_eq!(world.recv_one(peer), puback(1));
}

#[test]
fn delay_a_received_packet() {
    let mut world = World::faulty([When::received(PacketType::PingReq).delay(ms(600))]);
    let peer = world.connect(v5("a"));
    assert_eq!(ping(&mut world, peer), []);
    world.wait(ms(599));
    assert_eq!(world.recv(peer), []);
    world.wait(ms(1));
    assert_eq!(world.recv_one(peer), Packet::PingResp);
    assert_eq!(world.core.stats().pings_received(), 1);
}

#[test]
fn two_delays_add_up() {
    let rule = || When::sent(PINGRESP).delay(ms(100));
    let mut world = World::faulty([rule(), rule()]);
    let peer = world.connect(v5("a"));
    ping(&mut world, peer);
    world.wait(ms(199));
    assert_eq!(world.recv(peer), []);
    world.wait(ms(1));
    assert_eq!(world.recv(peer), [Packet::PingResp]);
}

#[test]
fn duplicate_both_ways() {
    let mut world = World::faulty([
        When::sent(PacketType::PubAck).duplicate(),
        When::received(PacketType::Subscribe).duplicate(),
    ]);
    let peer = world.connect(v311("a"));
    world.send(peer, publish_1("t", "x", 1));
    assert_eq!(world.recv(peer), [puback(1), puback(1)]);
    world.send(peer, subscribe("t", QoS::AtMostOnce));
    assert_eq!(kinds(&world.recv(peer)), [PacketType::SubAck, PacketType::SubAck]);
}

#[test]
fn corrupt_flips_bits() {
    let mut world = World::faulty([
        When::sent(PINGRESP).nth(1).corrupt(0, 0x01),
        When::sent(PINGRESP).nth(2).corrupt(1000, 0xff),
    ]);
    let peer = world.connect(v5("a"));
    world.send(peer, Packet::PingReq);
    world.send(peer, Packet::PingReq);
    assert_eq!(world.raw(peer), [0xd1, 0x00, 0xd0, 0xff]);
}

#[test]
fn silence_holds_everything_and_ends() {
    let silence = When::received(PacketType::PingReq)
        .nth(1)
        .silence(Stop::Both, Some(Duration::from_secs(5)));
    let mut world = World::faulty([silence]);
    let peer = world.connect(Connect { keep_alive: 2, ..v5("a") });
    world.send(peer, Packet::PingReq);
    world.send(peer, publish_1("t", "x", 1));
    world.wait(ms(4999));
    assert_eq!(world.recv(peer), []);
    assert_eq!(world.core.stats().publishes_received(), 0, "nothing is read");
    assert!(!world.is_closed(peer), "keep alive rests");
    world.wait(ms(1));
    assert_eq!(kinds(&world.recv(peer)), [PINGRESP, PacketType::PubAck]);
    world.wait(ms(2999));
    assert!(!world.is_closed(peer));
    world.wait(ms(1));
    assert!(world.is_closed(peer), "and counts from the end of the silence");
}

#[test]
fn silence_while_reading_handles_but_says_nothing() {
    let mut world =
        World::faulty([When::sent(PINGRESP).silence(Stop::Sending, Some(Duration::from_secs(5)))]);
    let watcher = world.connect(v5("w"));
    world.subscribe(watcher, "t", QoS::AtMostOnce);
    let peer = world.connect(v5("a"));
    world.send(peer, Packet::PingReq);
    world.send(peer, publish_1("t", "x", 1));
    assert_eq!(world.payloads(watcher), ["x"]);
    assert_eq!(world.recv(peer), []);
    world.wait(5 * SECOND);
    assert_eq!(kinds(&world.recv(peer)), [PINGRESP, PacketType::PubAck]);
}

#[test]
fn silence_without_end_is_ended_by_a_take_over() {
    let mut world = World::faulty([When::received(PacketType::PingReq).silence(Stop::Both, None)]);
    let peer = world.connect(Connect { keep_alive: 1, ..v5("a") });
    world.send(peer, Packet::PingReq);
    world.wait(Duration::from_secs(1_000_000));
    assert!(!world.is_closed(peer));
    world.connect(v5("a"));
    assert_eq!(world.why_closed(peer), CloseReason::TakenOver);
    assert!(!world.core.status(world.now, peer.id).aborts());
    world.wait(5 * SECOND);
    assert!(world.core.status(world.now, peer.id).aborts(), "its DISCONNECT cannot be sent");
}

#[test]
fn silence_when_a_connection_opens() {
    let mut world = World::faulty([When::opened().connection(1).silence(Stop::Both, None)]);
    let peer = world.open(Version::V5);
    world.send(peer, v5("a"));
    world.wait(Duration::from_secs(1000));
    assert_eq!(world.recv(peer), []);
    assert!(!world.is_closed(peer));
    world.connect(v5("a"));
}

#[test]
fn dribble_a_large_message() {
    let rule = When::sent(PacketType::Publish).larger_than(1000).dribble(100, ms(10));
    let mut world = World::faulty([rule]);
    let peer = world.connect(v311("a"));
    world.subscribe(peer, "t", QoS::AtMostOnce);
    world.send(peer, publish("t", "small"));
    assert_eq!(world.payloads(peer), ["small"]);
    // Fixed header 3, topic 3, payload 1094: eleven pieces.
    world.send(peer, publish("t", &"x".repeat(1094)));
    world.wait(ms(99));
    assert_eq!(world.recv(peer), []);
    world.send(peer, Packet::PingReq);
    world.wait(ms(1));
    assert_eq!(world.messages(peer).len(), 1);
    world.wait(ms(10));
    assert_eq!(world.recv(peer), [Packet::PingResp]);
}

#[test]
fn close_before_and_after_a_packet() {
    let rule = |rule: When| World::faulty([rule.close()]);
    let after = |rule: When| World::faulty([rule.close_after()]);
    let publish = || When::received(PacketType::Publish).nth(2);
    for (mut world, acks) in [(rule(publish()), 1), (after(publish()), 2)] {
        let peer = world.connect(v5("a"));
        for number in 1..=3 {
            world.send(peer, publish_1("t", "x", number));
        }
        assert_eq!(world.why_closed(peer), CloseReason::Fault);
        assert_eq!(world.recv(peer).len(), acks, "and no DISCONNECT");
    }
    let puback = || When::sent(PacketType::PubAck).nth(2);
    for (mut world, acks) in [(rule(puback()), 1), (after(puback()), 2)] {
        let peer = world.connect(v5("a"));
        for number in 1..=3 {
            world.send(peer, publish_1("t", "x", number));
        }
        assert_eq!(world.recv(peer).len(), acks);
        assert_eq!(world.core.stats().publishes_received(), 2);
    }
}

#[test]
fn close_right_after_connack_for_a_minute() {
    let rule = When::sent(PacketType::ConnAck).lasting(60 * SECOND).close_after();
    let mut world = World::faulty([rule]);
    for _ in 0..60 {
        let (peer, connack) = world.try_connect(v5("a"));
        assert_eq!(connack.reason, ReasonCode::SUCCESS);
        assert!(world.is_closed(peer));
        world.wait(SECOND);
    }
    let peer = world.connect(v5("a"));
    assert!(!world.is_closed(peer));
    assert_eq!(world.core.stats().connects_accepted, 61);
}

#[test]
fn close_at_accept() {
    let mut world = World::faulty([When::opened().connections(2..=3).close()]);
    let closed: Vec<bool> = (0..4)
        .map(|_| {
            let peer = world.open(Version::V5);
            world.is_closed(peer)
        })
        .collect();
    assert_eq!(closed, [false, true, true, false]);
}

#[test]
fn an_action_may_wait() {
    let mut world = World::faulty([When::sent(PacketType::ConnAck).wait(ms(500)).disconnect(0x89)]);
    let peer = world.connect(v5("a"));
    world.wait(ms(499));
    assert!(!world.is_closed(peer));
    world.wait(ms(1));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::SERVER_BUSY);
}

#[test]
fn refuse_with_every_code_of_both_versions() {
    for code in 1..=255 {
        let mut world = World::faulty([When::received(PacketType::Connect).refuse(code)]);
        let peer = world.open(Version::V311);
        world.send(peer, v311("a"));
        assert_eq!(world.raw(peer), [0x20, 2, 0, code]);
        assert_eq!(world.why_closed(peer), CloseReason::Fault);
        let peer = world.open(Version::V5);
        world.send(peer, v5("a"));
        assert_eq!(world.raw(peer), [0x20, 3, 0, code, 0]);
        assert!(world.is_closed(peer));
        assert_eq!(world.core.stats().connects_refused, 2);
        assert_eq!(world.core.session_count(), 0);
    }
}

#[test]
fn refuse_with_a_server_reference() {
    let action = Action::Refuse { code: 0x9c, server_reference: Some("other.example:1883".into()) };
    let mut world = World::faulty([When::received(PacketType::Connect).then(action)]);
    let (_, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.reason, ReasonCode::USE_ANOTHER_SERVER);
    assert_eq!(connack.properties.server_reference(), Some(text("other.example:1883")));
}

#[test]
fn no_connack() {
    let mut world = World::faulty([When::sent(PacketType::ConnAck).nth(1).drop()]);
    let peer = world.open(Version::V5);
    world.send(peer, v5("a"));
    assert_eq!(world.recv(peer), []);
    assert!(!world.is_closed(peer));
    world.connect(v5("a"));
}

#[test]
fn announce_other_values_and_enforce_them() {
    let values = Announce {
        receive_maximum: Some(1),
        server_keep_alive: Some(1),
        topic_alias_maximum: Some(0),
        session_expiry: Some(7),
        session_present: Some(true),
    };
    let mut world = World::faulty([
        When::sent(PacketType::ConnAck).connection(1).announce(values),
        When::sent(PacketType::PubAck).drop(),
    ]);
    let (peer, connack) = world.try_connect(Connect { keep_alive: 100, ..lasting("a", 100) });
    assert!(connack.session_present);
    assert_eq!(connack.properties.receive_maximum(), Some(1));
    assert_eq!(connack.properties.server_keep_alive(), Some(1));
    assert_eq!(connack.properties.topic_alias_maximum(), None);
    assert_eq!(connack.properties.session_expiry_interval(), Some(7));
    world.send(peer, publish_1("t", "x", 1));
    world.wait(ms(1499));
    assert!(!world.is_closed(peer));
    world.send(peer, publish_1("t", "x", 2));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
    let (_, connack) = world.try_connect(lasting("b", 100));
    assert_eq!(connack.properties.server_keep_alive(), Some(1), "its first connection too");
    let (_, connack) = world.try_connect(lasting("b", 100));
    assert_eq!(connack.properties.server_keep_alive(), None);
}

#[test]
fn disconnect_with_any_reason() {
    let reference = Some("other".to_owned());
    let action = Action::Disconnect { reason: 0x9d, server_reference: reference };
    let mut world = World::faulty([
        When::received(PacketType::PingReq).client("a").then(action),
        When::received(PacketType::PingReq).client("b").disconnect(0xee),
    ]);
    let peer = world.connect(v5("a"));
    world.send(peer, Packet::PingReq);
    let Some(Packet::Disconnect(packet)) = world.recv(peer).pop() else { panic!() };
    assert_eq!(packet.reason, ReasonCode::SERVER_MOVED);
    assert_eq!(packet.properties.server_reference(), Some(text("other")));
    let peer = world.connect(v5("b"));
    world.send(peer, Packet::PingReq);
    assert_eq!(world.raw(peer), [0xe0, 1, 0xee], "as it is, defined or not");
    let peer = world.connect(v311("b"));
    world.send(peer, Packet::PingReq);
    assert!(world.is_closed(peer));
    assert_eq!(world.recv(peer), []);
}

#[test]
fn inject_bytes_before_the_answer() {
    let mut world =
        World::faulty([When::received(PacketType::PingReq).inject(&[0x40, 2, 0, 9][..])]);
    let peer = world.connect(v5("a"));
    assert_eq!(ping(&mut world, peer), [puback(9), Packet::PingResp]);
    assert_eq!(world.core.stats().client("a").packets.sent(PacketType::PubAck), 0);
}

#[test]
fn answer_one_ping_per_span() {
    let mut world = World::faulty([When::received(PacketType::PingReq).one_per(30 * SECOND)]);
    let peer = world.connect(v5("a"));
    assert_eq!(ping(&mut world, peer).len(), 1);
    world.wait(ms(29_999));
    assert_eq!(ping(&mut world, peer).len(), 0);
    world.wait(ms(1));
    assert_eq!(ping(&mut world, peer).len(), 1);
    let stats = world.core.stats();
    assert_eq!((stats.pings_received(), stats.pings_answered()), (3, 2));
}

#[test]
fn poison_messages_and_subscriptions() {
    let mut world = World::faulty([
        When::received(PacketType::Publish).topic("poison/#".try_into().unwrap()).close(),
        When::received(PacketType::Publish).larger_than(100).close(),
        When::received(PacketType::Subscribe).more_filters_than(8).close(),
        When::received(PacketType::Subscribe).topic("forbidden".try_into().unwrap()).close(),
    ]);
    let eight = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let good: [&dyn Fn() -> Packet; 3] = [
        &|| Packet::Publish(publish("good", &"x".repeat(100))),
        &|| subscribe_with(&eight, Default::default(), None),
        &|| subscribe("allowed", QoS::AtMostOnce),
    ];
    let bad: [&dyn Fn() -> Packet; 4] = [
        &|| Packet::Publish(publish("poison/x", "x")),
        &|| Packet::Publish(publish("good", &"x".repeat(101))),
        &|| subscribe_with(&[&eight[..], &["9"]].concat(), Default::default(), None),
        &|| subscribe_with(&["allowed", "forbidden"], Default::default(), None),
    ];
    for (packets, closes) in [(&good[..], false), (&bad[..], true)] {
        for packet in packets {
            let peer = world.connect(v5("a"));
            world.send(peer, packet());
            assert_eq!(world.is_closed(peer), closes, "{:?}", packet());
        }
    }
}

#[test]
fn rules_come_and_go_at_run_time() {
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    let id = world.core.add_fault(world.now, When::sent(PINGRESP).drop()).unwrap();
    assert_eq!(ping(&mut world, peer), []);
    assert!(world.core.remove_fault(id));
    assert!(!world.core.remove_fault(id));
    assert_eq!(ping(&mut world, peer), [Packet::PingResp]);
    let starting = When::sent(PINGRESP).starting(SECOND).drop();
    world.core.add_fault(world.now, starting).unwrap();
    world.wait(ms(999));
    assert_eq!(ping(&mut world, peer), [Packet::PingResp]);
    world.wait(ms(1));
    assert_eq!(ping(&mut world, peer), []);
    world.core.clear_faults();
    assert_eq!(ping(&mut world, peer), [Packet::PingResp]);
}

#[test]
fn rules_that_could_never_apply_are_refused() {
    let mut world = World::new();
    let cases = [
        (When::sent(PINGRESP).nth(0).drop(), RuleError::CountsFromOne),
        (When::opened().client("a").close(), RuleError::ClientUnknown),
        (When::opened().drop(), RuleError::NeedsPacket { action: "drop" }),
        (When::sent(PINGRESP).refuse(1), RuleError::NeedsConnect),
        (When::sent(PINGRESP).announce(Announce::default()), RuleError::NeedsConnAck),
        (
            When::received(PacketType::PingReq).corrupt(0, 1),
            RuleError::NeedsSent { action: "corrupt" },
        ),
        (When::sent(PINGRESP).wait(SECOND).drop(), RuleError::CannotWait { action: "drop" }),
        (When::sent(PINGRESP).dribble(0, SECOND), RuleError::DribbleZero),
        (When::sent(PINGRESP).larger_than(1).drop(), RuleError::NoPayload),
        (
            When::sent(PINGRESP).connections(0..=2).drop(),
            RuleError::Connections { first: 0, last: 2 },
        ),
    ];
    for (rule, expected) in cases {
        assert_eq!(world.core.add_fault(world.now, rule), Err(expected));
    }
}

#[test]
fn the_qos_2_exchange_under_loss_of_each_packet() {
    // Each acknowledgement is lost once; a resumed session makes up for it.
    for lost in [PacketType::PubRec, PacketType::PubComp] {
        let mut world = World::faulty([When::sent(lost).nth(1).drop()]);
        let watcher = world.connect(v5("w"));
        world.subscribe(watcher, "t", QoS::AtMostOnce);
        let peer = world.connect(lasting("a", 100));
        world.send(peer, publish_2("t", "x", 1));
        world.send(peer, pubrel(1));
        world.cut(peer);
        let peer = world.connect(lasting("a", 100));
        world.send(peer, pubrel(1));
        assert_eq!(kinds(&world.recv(peer)), [PacketType::PubComp]);
        assert_eq!(world.payloads(watcher), ["x"], "{lost}");
    }
}
