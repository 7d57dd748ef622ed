//! The seam: a gate that decides, and a service behind topics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_broker::core::{
    Act, Admission, Arrival, Claim, Effects, Gate, Happening, HttpFacts, HttpRequest, HttpResponse,
    Parts, Permit, Service, Time, TlsFacts,
};
use evenkeel_broker::{CloseReason, ConnectionId, EventKind, Instant};
use evenkeel_codec::{Bytes, Connect, Packet, Properties, QoS, ReasonCode, SubscribeOptions, Will};
use serde_json::{Value, json};

use crate::world::*;

/// Decides by names, and writes down what it is told.
#[derive(Clone, Debug, Default)]
struct Clerk(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    lines: Vec<String>,
    arrival: Option<Arrival>,
    unix: Option<Duration>,
    deadline: Option<Instant>,
    has_changed: bool,
}

impl Clerk {
    fn write(&self, line: String) {
        self.0.lock().unwrap().lines.push(line);
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().lines)
    }
}

fn message(topic: &str, payload: &str) -> Will {
    Will {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: topic.try_into().unwrap(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        properties: Properties::new(),
    }
}

fn permit(name: &str) -> Permit {
    if name.contains("deadly") {
        Permit::Disconnect(ReasonCode::NOT_AUTHORIZED)
    } else if name.contains("secret") {
        Permit::Refuse(ReasonCode::NOT_AUTHORIZED)
    } else {
        Permit::Allow
    }
}

impl Gate for Clerk {
    fn upgrade(&mut self, _: Time, arrival: &Arrival) -> Result<(), u16> {
        let target = arrival.http.as_ref().map_or("", |http| http.target.as_str());
        if target == "/mqtt" { Ok(()) } else { Err(403) }
    }

    fn admit(&mut self, now: Time, _: ConnectionId, how: &Arrival, connect: &Connect) -> Admission {
        let mut told = self.0.lock().unwrap();
        told.arrival = Some(how.clone());
        told.unix = Some(now.unix);
        match connect.client_id.as_str() {
            "mute" => Admission::Close,
            "bad" => Admission::Refuse { reason: ReasonCode::NOT_AUTHORIZED, why: "policy" },
            _ => Admission::Welcome,
        }
    }

    fn may(&self, _: Time, _: ConnectionId, act: Act<'_>) -> Permit {
        match act {
            Act::Publish { retain: true, .. } => Permit::Refuse(ReasonCode::NOT_AUTHORIZED),
            Act::Publish { topic, .. } => permit(topic),
            Act::Subscribe(filter) => permit(filter.as_str()),
            Act::Receive("hidden") => Permit::Refuse(ReasonCode::SUCCESS),
            Act::Receive(_) => Permit::Allow,
        }
    }

    fn explain(&self, _: ConnectionId, act: Act<'_>) -> String {
        format!("no {}", act.topic())
    }

    fn forget(&mut self, id: ConnectionId) {
        self.write(format!("forget {id}"));
    }
}

impl Service for Clerk {
    fn claims(&self, topic: &str) -> Claim {
        match topic {
            "$aws/echo" => Claim::Consume,
            "$aws/no" => Claim::Forbid(ReasonCode::TOPIC_NAME_INVALID),
            _ => Claim::Pass,
        }
    }

    fn on(&mut self, now: Time, what: &Happening<'_>, effects: &mut Effects) {
        let line = match what {
            Happening::Connected { client, .. } => format!("connected {client}"),
            Happening::Refused { client, .. } => format!("refused {client}"),
            Happening::Ended { client, why, .. } => format!("ended {client} {why:?}"),
            Happening::Subscribed { filters, .. } => format!("subscribed {filters:?}"),
            Happening::Unsubscribed { filters, .. } => format!("unsubscribed {filters:?}"),
            Happening::Published { topic, .. } => format!("published {topic}"),
            Happening::WillPublished { client, will } => format!("will {} of {client}", will.topic),
        };
        self.write(line);
        if let Happening::Published { id, topic: "$aws/echo", publish } = what {
            effects.send(*id, message("$aws/echo/accepted", "to you"));
            effects.publish(message("echoes", &String::from_utf8_lossy(&publish.payload)));
            effects.note("echo", "answered");
            let mut told = self.0.lock().unwrap();
            told.deadline = Some(now.now + SECOND);
            told.has_changed = true;
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.lock().unwrap().deadline
    }

    fn tick(&mut self, _: Time, effects: &mut Effects) {
        self.0.lock().unwrap().deadline = None;
        effects.publish(message("ticks", "tick"));
    }

    fn close_frame_is_disconnect(&self) -> bool {
        true
    }

    fn ask(&mut self, _: Time, request: &Value, effects: &mut Effects) -> Value {
        let id = request["disconnect"].as_u64().map(ConnectionId::new);
        if let Some(id) = id {
            effects.disconnect(id, ReasonCode::ADMINISTRATIVE_ACTION);
        }
        json!({ "done": id.is_some() })
    }

    fn changes(&mut self, _: Time) -> Parts {
        let mut told = self.0.lock().unwrap();
        let has_changed = std::mem::take(&mut told.has_changed);
        has_changed.then(|| ("told".to_owned(), None)).into_iter().collect()
    }

    fn state(&self, _: Time) -> Box<dyn Iterator<Item = (String, String)> + '_> {
        Box::new(std::iter::once(("told".to_owned(), "all".to_owned())))
    }
}

fn world() -> (World, Clerk) {
    let clerk = Clerk::default();
    let mut world = World::new();
    world.core.extend(Box::new(clerk.clone()));
    (world, clerk)
}

#[test]
fn the_gate_lets_in_refuses_and_closes() {
    let (mut world, clerk) = world();
    world.core.set_wall_clock(world.now, 1_000 * SECOND);
    world.wait(5 * SECOND);
    let peer = world.open(evenkeel_codec::Version::V5);
    let tls = TlsFacts { server_name: Some("localhost".into()), ..TlsFacts::default() };
    world.core.secured(world.now, peer.id, tls.clone());
    world.send(peer, v5("pump"));
    assert!(matches!(world.recv_one(peer), Packet::ConnAck(ack) if !ack.reason.is_error()));
    {
        let told = clerk.0.lock().unwrap();
        assert_eq!(told.unix, Some(1_005 * SECOND), "the wall clock goes on by itself");
        assert_eq!(told.arrival.as_ref().unwrap().tls, Some(tls));
    }
    for (connect, code) in [(v5("bad"), 0x87), (v311("bad"), 5)] {
        let (peer, connack) = world.try_connect(connect);
        assert_eq!(connack.wire_code, code, "{connack:?}");
        assert_eq!(world.why_closed(peer), CloseReason::Refused);
    }
    let mute = world.open(evenkeel_codec::Version::V5);
    world.send(mute, v5("mute"));
    assert_eq!(world.raw(mute), b"");
    assert_eq!(world.why_closed(mute), CloseReason::Refused);
    assert_eq!(clerk.lines(), ["connected pump", "refused bad", "refused bad", "refused mute"]);
    world.cut(mute);
    assert_eq!(clerk.lines(), [format!("forget {}", mute.id)]);
}

#[test]
fn an_upgrade_can_be_refused() {
    let (mut world, clerk) = world();
    let http = |target: &str| HttpFacts { target: target.into(), headers: Vec::new() };
    let peer = world.open(evenkeel_codec::Version::V5);
    assert_eq!(world.core.upgrade(world.now, peer.id, http("/other?secret=1")), Err(403));
    let refused = EventKind::UpgradeRefused { status: 403 };
    assert!(world.events().iter().any(|event| event.kind == refused));
    assert_eq!(world.core.upgrade(world.now, peer.id, http("/mqtt")), Ok(()));
    world.send(peer, v5("pump"));
    let arrival = clerk.0.lock().unwrap().arrival.take().unwrap();
    assert_eq!(arrival.http, Some(http("/mqtt")));
    assert!(!format!("{:?}", http("/x?secret=1")).contains("secret"));
}

#[test]
fn what_a_client_may_not_do_is_refused_or_ends_the_connection() {
    let (mut world, _) = world();
    let peer = world.connect(v5("a"));
    let other = world.connect(v311("b"));
    world.subscribe(other, "#", QoS::AtLeastOnce);
    let cases = [("secret", false, 0x87), ("open", true, 0x87), ("open", false, 0)];
    for (topic, retain, code) in cases {
        world.send(peer, evenkeel_codec::Publish { retain, ..publish_1(topic, "x", 1) });
        let Packet::PubAck(ack) = world.recv_one(peer) else { panic!("no PUBACK") };
        assert_eq!(ack.reason, ReasonCode(code), "{topic} {retain}");
    }
    assert_eq!(world.payloads(other).len(), 1);
    world.send(peer, subscribe_with(&["secret/#", "open"], SubscribeOptions::default(), None));
    assert_eq!(world.suback(peer).codes, [ReasonCode::NOT_AUTHORIZED, ReasonCode(0)]);
    world.send(peer, subscribe_with(&["open", "deadly"], SubscribeOptions::default(), None));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::NOT_AUTHORIZED);
    world.send(other, publish("deadly", "x"));
    assert_eq!(world.why_closed(other), CloseReason::NotAuthorized);
}

#[test]
fn what_a_client_may_not_receive_is_not_delivered() {
    let (mut world, _) = world();
    let reader = world.connect(v5("reader"));
    world.subscribe(reader, "#", QoS::AtLeastOnce);
    let writer = world.connect(v5("writer"));
    world.send(writer, publish("hidden", "no"));
    world.send(writer, publish("shown", "yes"));
    assert_eq!(world.payloads(reader), ["yes"]);
    assert_eq!(world.count("message_dropped"), 1);
    let denied =
        EventKind::Denied { act: "receive", topic: "hidden".into(), why: "no hidden".into() };
    assert!(world.events().iter().any(|event| event.kind == denied));
}

#[test]
fn a_consumed_message_is_acknowledged_and_answered_past_the_router() {
    let (mut world, clerk) = world();
    let listener = world.connect(v5("listener"));
    world.subscribe(listener, "echoes", QoS::AtLeastOnce);
    world.subscribe(listener, "$aws/#", QoS::AtLeastOnce);
    let asker = world.connect(v5("asker"));
    clerk.lines();
    world.send(asker, publish_1("$aws/echo", "hello", 7));
    let packets = world.recv(asker);
    let [Packet::Publish(answer), Packet::PubAck(ack)] = &packets[..] else {
        panic!("{packets:?}")
    };
    assert_eq!(
        (answer.topic.as_str(), &answer.payload[..]),
        ("$aws/echo/accepted", &b"to you"[..])
    );
    assert_eq!((ack.packet_id.get(), ack.reason), (7, ReasonCode::SUCCESS));
    assert_eq!(world.payloads(listener), ["hello"], "and nothing of the rest");
    assert_eq!(clerk.lines(), ["published $aws/echo"]);
    assert_eq!(world.count("service"), 1);
    assert_eq!(world.core.unsaved(world.now), Parts::from([("told".to_owned(), None)]));
    assert_eq!(world.core.unsaved(world.now), Parts::new(), "nothing has changed since");
    assert_eq!(world.core.state(world.now).count(), 1);

    world.subscribe(listener, "ticks", QoS::AtMostOnce);
    world.wait(ms(999));
    assert_eq!(world.payloads(listener), [""; 0]);
    world.wait(ms(1));
    assert_eq!(world.payloads(listener), ["tick"]);
}

#[test]
fn a_forbidden_topic_ends_the_connection() {
    let (mut world, clerk) = world();
    let peer = world.connect(v5("a"));
    clerk.lines();
    world.send(peer, publish("$aws/no", "x"));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::TOPIC_NAME_INVALID);
    assert_eq!(clerk.lines(), ["ended a NotAuthorized"]);
}

#[test]
fn the_service_hears_of_a_life_in_its_order() {
    let (mut world, clerk) = world();
    let peer = world.connect(Connect { will: will("gone", "x", 0), ..v5("a") });
    world.subscribe(peer, "t", QoS::AtMostOnce);
    world.send(peer, subscribe("secret", QoS::AtMostOnce));
    world.send(peer, publish("t", "x"));
    world.send(peer, unsubscribe("t"));
    world.cut(peer);
    let expected = [
        "connected a",
        "subscribed [\"t\"]",
        "published t",
        "unsubscribed [\"t\"]",
        "ended a ConnectionLost",
        "will gone of a",
        "forget 1",
    ];
    assert_eq!(clerk.lines(), expected);
}

#[test]
fn a_will_is_judged_as_a_message_of_its_client() {
    let (mut world, clerk) = world();
    let reader = world.connect(v5("reader"));
    for filter in ["$aws/#", "$SYS/#"] {
        world.subscribe(reader, filter, QoS::AtLeastOnce);
    }
    // Forbidden to all: nobody comes in with such a will.
    for (connect, topic, code) in [
        (v5("a"), "$aws/no", 0x90),
        (v311("a"), "$aws/no", 5),
        (v5("a"), "$SYS/x", 0x87),
        (v311("a"), "$SYS/x", 5),
    ] {
        let (peer, connack) = world.try_connect(Connect { will: will(topic, "x", 0), ..connect });
        assert_eq!(connack.wire_code, code, "{topic}");
        assert_eq!(world.why_closed(peer), CloseReason::Refused);
        let denied =
            |kind: &EventKind| matches!(kind, EventKind::Denied { topic: at, .. } if at == topic);
        assert!(world.events().iter().any(|event| denied(&event.kind)), "{topic}");
    }
    // The service's own: it gets the will, and no subscriber does; at once and later.
    for delay in [0, 5] {
        let will = will("$aws/echo", "x", delay);
        let peer = world.connect(Connect { will, ..lasting("b", 60) });
        clerk.lines();
        world.cut(peer);
        world.wait(5 * SECOND);
        let lines = clerk.lines();
        assert!(lines.contains(&"will $aws/echo of b".to_owned()), "{lines:?}");
    }
    assert_eq!(world.payloads(reader), [""; 0]);
    assert_eq!(world.count("will_published"), 2);
}

#[test]
fn a_close_frame_is_a_disconnect_if_the_service_says_so() {
    let connect = || Connect { will: will("gone", "x", 0), ..v5("a") };
    let (mut world, clerk) = world();
    let peer = world.connect(connect());
    clerk.lines();
    world.core.close_frame(world.now, peer.id);
    assert_eq!(clerk.lines(), ["ended a Disconnected"], "and no will");
    let mut world = World::new();
    let peer = world.connect(connect());
    world.core.close_frame(world.now, peer.id);
    assert!(!world.is_closed(peer), "to others it is the end of the stream that counts");
}

#[test]
fn the_owner_asks_and_a_connection_ends() {
    let (mut world, _) = world();
    let peer = world.connect(v5("a"));
    let answer = world.core.ask(world.now, &json!({ "disconnect": peer.id.get() }));
    assert_eq!(answer, Some(json!({ "done": true })));
    world.wait(ms(1));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::ADMINISTRATIVE_ACTION);
    assert_eq!(World::new().core.ask(Instant::START, &Value::Null), None, "nobody is there");
}

#[test]
fn a_request_and_its_answer_show_no_secret() {
    let headers = vec![("authorization".to_owned(), "s3cret".to_owned())];
    let head = HttpFacts { target: "/a?b=s3cret".into(), headers };
    let request = HttpRequest { method: "POST".into(), head, body: Bytes::from_static(b"s3cret") };
    assert_eq!(format!("{request:?}"), "HttpRequest(POST \"/a\", 6 bytes)");
    let answer = HttpResponse { body: b"s3cret".to_vec(), ..HttpResponse::empty(200) };
    assert_eq!(format!("{answer:?}"), "HttpResponse(200, 6 bytes)");
}

#[test]
fn without_an_extension_there_is_nothing_at_any_path() {
    let mut world = World::new();
    let peer = world.open(evenkeel_codec::Version::V5);
    let head = HttpFacts { target: "/a".into(), headers: Vec::new() };
    let request = HttpRequest { method: "GET".into(), head, body: Bytes::new() };
    assert_eq!(world.core.http(world.now, peer.id, &request).unwrap().status, 404);
    world.cut(peer);
    assert_eq!(world.core.http(world.now, peer.id, &request).unwrap().status, 503);
}
