//! Sessions: resumed, expired, taken over.

use evenkeel_broker::CloseReason;
use evenkeel_codec::{Connect, Packet, PacketType, QoS, ReasonCode, Version};

use crate::world::*;

const QOS_1: QoS = QoS::AtLeastOnce;

//= [MQTT-3.1.2-4] test
//= [MQTT-3.1.2-5] test
//= [MQTT-3.2.2-2] test
//= [MQTT-3.2.2-3] test
#[test]
fn a_session_is_resumed_unless_the_client_starts_clean() {
    let mut world = World::new();
    let (peer, connack) = world.try_connect(lasting("a", 100));
    assert!(!connack.session_present);
    world.subscribe(peer, "t", QOS_1);
    world.cut(peer);
    let publisher = world.connect(v5("p"));
    world.send(publisher, publish_1("t", "while away", 1));
    world.send(publisher, publish("t", "qos 0 is not kept"));
    let (peer, connack) = world.try_connect(lasting("a", 100));
    assert!(connack.session_present);
    assert_eq!(world.payloads(peer), ["while away"]);
    world.cut(peer);
    let (peer, connack) = world.try_connect(Connect { clean_start: true, ..lasting("a", 100) });
    assert!(!connack.session_present);
    world.send(publisher, publish_1("t", "not subscribed any more", 2));
    assert_eq!(world.recv(peer), []);
}

//= [MQTT-3.1.2-6] test
#[test]
fn version_3_sessions_follow_clean_session() {
    let mut world = World::new();
    let keep = Connect { clean_start: false, ..v311("a") };
    let peer = world.connect(keep.clone());
    world.subscribe(peer, "t", QOS_1);
    world.send(peer, disconnect(ReasonCode::SUCCESS));
    assert_eq!(world.why_closed(peer), CloseReason::Disconnected);
    world.wait(1_000_000 * SECOND);
    let (peer, connack) = world.try_connect(keep);
    assert!(connack.session_present);
    world.send(peer, publish_1("t", "still subscribed", 1));
    assert_eq!(world.payloads(peer), ["still subscribed"]);
    world.cut(peer);
    let (peer, connack) = world.try_connect(v311("a"));
    assert!(!connack.session_present);
    world.cut(peer);
    assert_eq!(world.core.session_count(), 0, "a clean session ends with its connection");
}

//= [MQTT-3.1.4-3] test
#[test]
fn a_newer_connection_takes_the_session_over() {
    let mut world = World::new();
    let old = world.connect(lasting("a", 100));
    world.subscribe(old, "t", QOS_1);
    let (new, connack) = world.try_connect(lasting("a", 100));
    assert!(connack.session_present);
    assert_eq!(world.why_closed(old), CloseReason::TakenOver);
    assert_eq!(world.disconnect_reason(old), ReasonCode::SESSION_TAKEN_OVER);
    world.cut(old);
    world.send(new, publish("t", "x"));
    assert_eq!(world.payloads(new), ["x"], "the end of the old one left the session alone");
    let stats = world.core.stats();
    assert_eq!((stats.take_overs, stats.connections_now), (1, 1));
    assert_eq!(stats.client("a").connects, 2);
}

#[test]
fn version_3_is_taken_over_without_a_word() {
    let mut world = World::new();
    let old = world.connect(v311("a"));
    world.connect(v311("a"));
    assert_eq!(world.why_closed(old), CloseReason::TakenOver);
    assert_eq!(world.recv(old), []);
    assert_eq!(world.core.session_count(), 1);
}

//= [MQTT-4.4.0-1] test
//= [MQTT-4.6.0-5] test
//= [MQTT-3.3.1-1] test
#[test]
fn what_was_not_acknowledged_is_sent_again_in_order() {
    for version in [Version::V311, Version::V5] {
        let mut world = World::new();
        let keep = match version {
            Version::V5 => lasting("a", 100),
            _ => Connect { clean_start: false, ..v311("a") },
        };
        let peer = world.connect(keep.clone());
        world.subscribe(peer, "t", QoS::ExactlyOnce);
        let publisher = world.connect(v5("p"));
        world.send(publisher, publish_1("t", "one", 1));
        world.send(publisher, publish_2("t", "two", 2));
        world.send(publisher, publish_1("t", "three", 3));
        world.send(publisher, publish_2("t", "four", 4));
        let first = world.messages(peer);
        assert!(first.iter().all(|publish| !publish.dup));
        world.send(peer, pubrec(first[1].packet_id.unwrap().get()));
        world.send(peer, puback(first[0].packet_id.unwrap().get()));
        world.recv(peer);
        world.cut(peer);
        world.send(publisher, publish_1("t", "five", 5));
        let peer = world.connect(keep);
        let again = world.recv(peer);
        let expected = [PacketType::PubRel, PacketType::Publish, PacketType::Publish];
        assert_eq!(kinds(&again)[..3], expected);
        let shown = again.iter().filter_map(|packet| match packet {
            Packet::Publish(publish) => {
                Some((publish.payload.as_ref(), publish.dup, publish.packet_id))
            }
            _ => None,
        });
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown[0], (&b"three"[..], true, first[2].packet_id));
        assert_eq!(shown[1], (&b"four"[..], true, first[3].packet_id));
        assert_eq!((shown[2].0, shown[2].1), (&b"five"[..], false));
    }
}

//= [MQTT-4.4.0-1] test
#[test]
fn nothing_is_sent_again_on_the_same_connection() {
    let mut world = World::new();
    let peer = world.connect(lasting("a", 100));
    world.subscribe(peer, "t", QOS_1);
    world.send(peer, publish_1("t", "x", 1));
    world.wait(10_000 * SECOND);
    assert_eq!(world.payloads(peer), ["x"]);
}

//= [MQTT-3.1.3-6] test
//= [MQTT-3.2.2-16] test
#[test]
fn empty_identifiers_are_assigned_or_refused() {
    let mut world = World::new();
    let (_, first) = world.try_connect(v5(""));
    let (_, second) = world.try_connect(v5(""));
    let first = first.properties.assigned_client_identifier().unwrap();
    let second = second.properties.assigned_client_identifier().unwrap();
    assert!(!first.is_empty() && first != second);
    let (_, connack) = world.try_connect(Connect { client_id: first, ..lasting("", 5) });
    assert_eq!(connack.properties.assigned_client_identifier(), None);
    assert_eq!(world.try_connect(v311("")).1.reason, ReasonCode::SUCCESS);
    for refused in [Connect { clean_start: false, ..v311("") }, connect(Version::V31, "")] {
        let (peer, connack) = world.try_connect(refused);
        assert_eq!(connack.wire_code, 2);
        assert_eq!(world.why_closed(peer), CloseReason::Refused);
    }
}

#[test]
fn disconnect_may_change_the_expiry_but_not_from_zero() {
    use evenkeel_codec::{Disconnect, Properties, Property};
    let leave = |seconds| {
        let properties = Properties::new().with(Property::SessionExpiryInterval(seconds));
        Packet::Disconnect(Disconnect { reason: ReasonCode::SUCCESS, properties })
    };
    let mut world = World::new();
    let peer = world.connect(lasting("a", 100));
    world.send(peer, leave(5));
    world.wait(ms(4999));
    assert_eq!(world.core.session_count(), 1);
    world.wait(ms(1));
    assert_eq!(world.core.session_count(), 0);
    let peer = world.connect(v5("a"));
    world.send(peer, leave(0));
    assert_eq!(world.why_closed(peer), CloseReason::Disconnected);
    let peer = world.connect(v5("a"));
    world.send(peer, leave(5));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR);
    assert_eq!(world.core.session_count(), 0);
}

#[test]
fn a_stop_keeps_what_it_is_told_to_keep() {
    for keeps in [true, false] {
        let mut world = World::new();
        let peer = world.connect(Connect { will: will("w", "gone", 0), ..lasting("a", 100) });
        world.subscribe(peer, "t", QOS_1);
        let clean = world.connect(v5("c"));
        world.send(clean, retained("t", "kept"));
        world.core.stop(world.now, keeps);
        assert!(world.is_closed(peer) && world.is_closed(clean));
        world.cut(peer);
        world.cut(clean);
        assert_eq!(world.core.session_count(), usize::from(keeps));
        assert_eq!(world.core.retained_count(), usize::from(keeps));
        assert_eq!(world.count("will_published"), 0, "a killed broker publishes no wills");
        let (_, connack) = world.try_connect(lasting("a", 100));
        assert_eq!(connack.session_present, keeps);
    }
}
