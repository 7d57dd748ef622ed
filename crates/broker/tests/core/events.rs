//! Events as JSON lines, and counters.

use evenkeel_broker::Event;
use evenkeel_codec::{PacketType, QoS, ReasonCode};

use crate::world::*;

/// Field names are a contract: tools read these lines.
#[test]
fn the_story_of_a_connection_as_json_lines() {
    let mut world = World::with(|config| config.behaviour.message_events = true);
    let peer = world.connect(v5("a"));
    world.wait(ms(1500));
    world.subscribe(peer, "t", QoS::AtLeastOnce);
    world.send(peer, publish_1("t", "x", 5));
    world.send(peer, evenkeel_codec::Packet::PingReq);
    world.send(peer, disconnect(ReasonCode::SUCCESS));
    let lines: Vec<String> = world.events().iter().map(Event::to_json).collect();
    let expected = [
        r#"{"time":0.0,"connection":1,"event":"opened","transport":"memory","peer":"test"}"#,
        r#"{"time":0.0,"connection":1,"client_id":"a","event":"connected","version":5,"number":1,"clean_start":true,"session_present":false,"keep_alive":0,"session_expiry":0}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"subscribed","filter":"t","reason":1}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"publish_received","topic":"t","qos":1,"bytes":1,"packet_id":5,"dup":false}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"publish_sent","topic":"t","qos":1,"bytes":1,"packet_id":1,"dup":false}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"ping_received"}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"ping_answered"}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"disconnect_received","reason":0}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"closed","why":"disconnected"}"#,
        r#"{"time":1.5,"client_id":"a","event":"session_ended","why":"disconnected"}"#,
    ];
    assert_eq!(lines, expected);
}

#[test]
fn packets_are_counted_for_all_and_for_each_client() {
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    let other = world.connect(v311("b"));
    world.subscribe(other, "t", QoS::AtLeastOnce);
    for number in 1..=3 {
        world.send(peer, publish_1("t", "x", number));
    }
    world.send(peer, evenkeel_codec::Packet::PingReq);
    world.cut(peer);
    let stats = world.core.stats();
    assert_eq!((stats.connections, stats.connections_now, stats.connects_accepted), (2, 1, 2));
    assert_eq!((stats.publishes_received(), stats.publishes_sent()), (3, 3));
    assert_eq!((stats.pings_received(), stats.pings_answered()), (1, 1));
    let client = stats.client("a");
    assert_eq!(client.packets.received(PacketType::Publish), 3);
    assert_eq!(client.packets.sent(PacketType::PubAck), 3);
    assert_eq!(client.packets.sent(PacketType::Publish), 0);
    assert_eq!(stats.client("b").packets.sent(PacketType::Publish), 3);
    assert_eq!(stats.client("nobody").connects, 0);
    assert!(stats.bytes_received > 30 && stats.bytes_sent > 30);
}
