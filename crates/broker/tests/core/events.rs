//! Events as JSON lines, and counters.

use evenkeel_broker::{By, Closer, Event, EventKind, Instant, Situation};
use evenkeel_codec::{Connect, Packet, PacketType, Properties, Property, QoS, ReasonCode, Version};

use crate::world::*;

/// One connection with a little of everything.
fn story() -> World {
    let mut world = World::with(|config| config.behaviour.message_events = true);
    let peer = world.connect(Connect { keep_alive: 60, ..v5("a") });
    world.wait(ms(1500));
    world.subscribe(peer, "t", QoS::AtLeastOnce);
    world.send(peer, publish_1("t", "x", 5));
    world.send(peer, Packet::PingReq);
    world.wait(ms(250));
    world.send(peer, disconnect(ReasonCode::SUCCESS));
    world
}

/// Field names are a contract: tools read these lines.
#[test]
fn the_story_of_a_connection_as_json_lines() {
    let lines: Vec<String> = story().events().iter().map(Event::to_json).collect();
    let line = |at: u64, event: &str, client: &str, stood: &str, own: &str| {
        format!(
            r#"{{"v":2,"type":"broker_event","time":null,"mono_ns":{at},"event":"{event}","client_id":{client},{stood}{own}}}"#
        )
    };
    let of_a = |at, event, sent: &str, load: &str, own: &str| {
        let ages = format!(r#""keep_alive_s":60,"last_sent_s":{sent},"last_received_s":0.0"#);
        line(at, event, r#""a""#, &format!(r#""connection":1,{ages},{load}"#), own)
    };
    let (idle, sent) = (r#""in_flight":0,"queued":0"#, r#""in_flight":1,"queued":0"#);
    let nothing = |connection| {
        format!(
            r#""connection":{connection},"keep_alive_s":null,"last_sent_s":null,"last_received_s":null,"in_flight":null,"queued":null"#
        )
    };
    let (then, end) = (1_500_000_000, 1_750_000_000);
    let expected = [
        line(0, "opened", "null", &nothing("1"), r#","transport":"memory","peer":"test""#),
        of_a(
            0,
            "connected",
            "null",
            idle,
            r#","version":5,"number":1,"clean_start":true,"session_present":false,"session_expiry_s":0"#,
        ),
        of_a(then, "subscribed", "1.5", idle, r#","filter":"t","reason_code":1"#),
        of_a(
            then,
            "publish_received",
            "0.0",
            idle,
            r#","topic":"t","qos":1,"bytes":1,"packet_id":5,"dup":false"#,
        ),
        of_a(
            then,
            "publish_sent",
            "0.0",
            sent,
            r#","topic":"t","qos":1,"bytes":1,"packet_id":1,"dup":false"#,
        ),
        of_a(then, "ping_received", "0.0", sent, ""),
        of_a(then, "ping_answered", "0.0", sent, ""),
        of_a(end, "disconnect_received", "0.25", sent, r#","reason_code":0"#),
        of_a(end, "closed", "0.25", sent, r#","why":"disconnected","closer":"client""#),
        line(end, "session_ended", r#""a""#, &nothing("null"), r#","why":"disconnected""#),
    ];
    assert_eq!(lines, expected);
}

/// The same for programs that read version 1.
#[test]
fn the_story_of_a_connection_in_version_1() {
    let lines: Vec<String> = story().events().iter().map(Event::to_json_v1).collect();
    let expected = [
        r#"{"time":0.0,"connection":1,"event":"opened","peer":"test","transport":"memory"}"#,
        r#"{"time":0.0,"connection":1,"client_id":"a","event":"connected","clean_start":true,"keep_alive":60,"number":1,"session_expiry":0,"session_present":false,"version":5}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"subscribed","filter":"t","reason":1}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"publish_received","bytes":1,"dup":false,"packet_id":5,"qos":1,"topic":"t"}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"publish_sent","bytes":1,"dup":false,"packet_id":1,"qos":1,"topic":"t"}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"ping_received"}"#,
        r#"{"time":1.5,"connection":1,"client_id":"a","event":"ping_answered"}"#,
        r#"{"time":1.75,"connection":1,"client_id":"a","event":"disconnect_received","reason":0}"#,
        r#"{"time":1.75,"connection":1,"client_id":"a","event":"closed","why":"disconnected"}"#,
        r#"{"time":1.75,"client_id":"a","event":"session_ended","why":"disconnected"}"#,
    ];
    assert_eq!(lines, expected);
}

/// What version 2 names or writes otherwise.
#[test]
fn version_1_has_its_own_names_and_values() {
    let text = || "x".to_owned();
    let quota = |code| EventKind::Quota {
        limit: "ban",
        value: text(),
        seen: text(),
        action: "disconnects-with",
        code,
        by: By::Client,
        metric: None,
    };
    let version = "TLSv1_3".to_owned();
    for (kind, own) in [
        (
            EventKind::Tls { alpn: None, server_name: None, version, client_certificate: None },
            r#""tls","version":"TLSv1_3""#,
        ),
        (
            EventKind::Refused { reason: ReasonCode(0x86), why: "user name or password" },
            r#""refused","reason":134,"why":"user name or password""#,
        ),
        (
            EventKind::Denied { act: "publish", topic: text(), why: text() },
            r#""denied","act":"publish","topic":"x","why":"x""#,
        ),
        (
            EventKind::PublishSent { topic: text(), qos: 0, bytes: 1, packet_id: None, dup: false },
            r#""publish_sent","bytes":1,"dup":false,"packet_id":null,"qos":0,"topic":"x""#,
        ),
        (EventKind::KeepAliveTimeout { silence: 1.5 }, r#""keep_alive_timeout","silence":1.5"#),
        (EventKind::WillDelayed { delay: 5 }, r#""will_delayed","delay":5"#),
        (
            EventKind::Fault { rule: "1".into(), action: "close_after", packet: None },
            r#""fault","action":"close_after","rule":"1""#,
        ),
        (
            quota(Some(0x8A)),
            r#""quota","action":"disconnects-with","by":"client","code":138,"limit":"ban","seen":"x","value":"x""#,
        ),
        (
            quota(None),
            r#""quota","action":"disconnects-with","by":"client","limit":"ban","seen":"x","value":"x""#,
        ),
        (
            EventKind::ProtocolError { rule: "r", reason: ReasonCode(0x82), detail: text() },
            r#""protocol_error","detail":"x","reason":130,"rule":"r""#,
        ),
        (
            EventKind::Service { service: "RuleNotFound", text: text() },
            r#""service","service":"RuleNotFound","text":"x""#,
        ),
        (EventKind::StepFailed { text: text() }, r#""step_failed","text":"x""#),
    ] {
        let json = Event::new(Instant::START, kind).to_json_v1();
        assert_eq!(json, format!(r#"{{"time":0.0,"event":{own}}}"#));
    }
}

/// The situation of the last event of this name.
fn situation(world: &mut World, name: &str) -> Situation {
    let last = world.events().iter().rfind(|event| event.name() == name);
    last.expect(name).situation
}

#[test]
fn an_event_says_what_its_session_holds() {
    let mut world = World::new();
    let properties = Properties::new()
        .with(Property::ReceiveMaximum(2))
        .with(Property::SessionExpiryInterval(60));
    let connect = Connect { clean_start: false, properties, ..v5("slow") };
    let slow = world.connect(connect.clone());
    let other = world.connect(v5("other"));
    world.subscribe(slow, "t", QoS::AtLeastOnce);
    let load = |of: Situation| (of.in_flight(), of.queued());
    assert_eq!(load(situation(&mut world, "subscribed")), (Some(0), Some(0)));
    for number in 1..=5 {
        world.send(other, publish_1("t", "x", number));
    }
    world.send(slow, Packet::PingReq);
    assert_eq!(load(situation(&mut world, "ping_received")), (Some(2), Some(3)));
    let first = world.messages(slow).remove(0).packet_id.unwrap();
    world.send(slow, puback(first.get()));
    world.send(slow, Packet::PingReq);
    assert_eq!(load(situation(&mut world, "ping_received")), (Some(2), Some(2)));
    world.cut(slow);
    assert_eq!(load(situation(&mut world, "closed")), (Some(2), Some(2)));
    // Those on their way go on, and are on their way still.
    let again = world.connect(connect);
    assert_eq!(load(situation(&mut world, "connected")), (Some(2), Some(2)));
    for message in world.messages(again) {
        world.send(again, puback(message.packet_id.unwrap().get()));
    }
    world.send(again, Packet::PingReq);
    assert_eq!(load(situation(&mut world, "ping_received")), (Some(2), Some(0)));
    for message in world.messages(again) {
        world.send(again, puback(message.packet_id.unwrap().get()));
    }
    world.send(again, Packet::PingReq);
    assert_eq!(load(situation(&mut world, "ping_received")), (Some(0), Some(0)));
}

#[test]
fn an_event_says_how_long_each_side_was_silent() {
    let mut world = World::new();
    let peer = world.connect(Connect { keep_alive: 10, ..v5("a") });
    world.wait(ms(4_000));
    // A byte of a packet that never ends.
    world.send_bytes(peer, &[0x30]);
    world.wait(ms(60_000));
    let stood = situation(&mut world, "keep_alive_timeout");
    assert_eq!(stood.keep_alive(), Some(ms(10_000)));
    assert_eq!(stood.last_received(), Some(ms(15_000)), "1.5 times the keep alive");
    assert_eq!(stood.last_sent(), Some(ms(19_000)), "CONNACK was the last");
    let stood = situation(&mut world, "opened");
    assert_eq!((stood.keep_alive(), stood.last_received()), (None, None));
}

#[test]
fn an_end_says_who_ended_it() {
    let closer = |world: &mut World, peer: Peer| {
        let closed = world.events().iter().find_map(|event| match event.kind {
            EventKind::Closed { closer, .. } if event.connection == Some(peer.id) => Some(closer),
            _ => None,
        });
        closed.expect("an end")
    };
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    world.send(peer, disconnect(ReasonCode::SUCCESS));
    assert_eq!(closer(&mut world, peer), Closer::Client);
    let peer = world.connect(v311("a"));
    world.cut(peer);
    assert_eq!(closer(&mut world, peer), Closer::Peer);
    let peer = world.connect(v5("a"));
    world.core.disconnect(world.now, "a", ReasonCode::ADMINISTRATIVE_ACTION);
    world.cut(peer);
    assert_eq!(closer(&mut world, peer), Closer::Server, "the transport ends after it");
    let early = world.open(Version::V5);
    world.cut(early);
    assert_eq!(closer(&mut world, early), Closer::Peer);
    let mute = world.open(Version::V5);
    world.wait(ms(600_000));
    assert_eq!(closer(&mut world, mute), Closer::Server, "no CONNECT came in time");
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
    world.send(peer, Packet::PingReq);
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
