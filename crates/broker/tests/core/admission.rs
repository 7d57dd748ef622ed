//! A gate that asks somebody outside, and what happens while the answer is on its way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_broker::core::{
    ADMISSION_TIMEOUT, Act, Admission, Arrival, Effects, Gate, Permit, Question, Service, Time,
};
use evenkeel_broker::{CloseReason, ConnectionId};
use evenkeel_codec::{Connect, Packet, PacketType, QoS, ReasonCode, Version};
use serde_json::json;

use crate::world::*;

/// Asks about everybody, and lets in whom the answer calls welcome.
#[derive(Clone, Debug, Default)]
struct Asker(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    questions: VecDeque<Question>,
    later: Vec<String>,
}

impl Gate for Asker {
    fn admit(&mut self, _: Time, id: ConnectionId, _: &Arrival, connect: &Connect) -> Admission {
        let content = json!({ "client": connect.client_id.as_str() });
        let question = Question { id, whom: "porter".into(), content };
        self.0.lock().unwrap().questions.push_back(question);
        Admission::Ask
    }

    fn has_question(&self) -> bool {
        !self.0.lock().unwrap().questions.is_empty()
    }

    fn next_question(&mut self) -> Option<Question> {
        self.0.lock().unwrap().questions.pop_front()
    }

    fn answered(
        &mut self,
        _: Time,
        _: ConnectionId,
        arrival: &Arrival,
        connect: &Connect,
        answer: Result<&str, &str>,
    ) -> Admission {
        assert_eq!((arrival.transport, connect.client_id.is_empty()), ("memory", false));
        match answer {
            Ok("welcome") => Admission::Welcome,
            Ok(_) => Admission::Refuse { reason: ReasonCode::NOT_AUTHORIZED, why: "porter" },
            Err(_) => Admission::Close,
        }
    }

    fn may(&self, _: Time, _: ConnectionId, _: Act<'_>) -> Permit {
        Permit::Allow
    }
}

impl Service for Asker {
    fn answered_later(
        &mut self,
        _: Time,
        id: ConnectionId,
        answer: Result<&str, &str>,
        effects: &mut Effects,
    ) {
        self.0.lock().unwrap().later.push(format!("{answer:?}"));
        if answer != Ok("welcome") {
            effects.disconnect(id, ReasonCode::NOT_AUTHORIZED);
        }
    }
}

fn world() -> (World, Asker) {
    let asker = Asker::default();
    let mut world = World::new();
    world.core.extend(Box::new(asker.clone()));
    (world, asker)
}

/// A connection whose CONNECT waits.
fn waiting(world: &mut World, connect: Connect) -> Peer {
    let peer = world.open(connect.version);
    world.send(peer, connect);
    assert_eq!(world.recv(peer), []);
    peer
}

fn answer(world: &mut World, peer: Peer, answer: Result<&str, &str>) {
    world.core.answer(world.now, peer.id, answer);
    world.wait(Duration::ZERO);
}

fn is_in(world: &mut World, peer: Peer) -> bool {
    let packets = world.recv(peer);
    matches!(packets.first(), Some(Packet::ConnAck(ack)) if !ack.reason.is_error())
}

#[test]
fn a_connect_waits_for_its_answer_and_others_go_on() {
    let (mut world, _) = world();
    let first = waiting(&mut world, v5("first"));
    let second = waiting(&mut world, v311("second"));
    let third = waiting(&mut world, v5("third"));
    let question = world.core.next_question().unwrap();
    assert_eq!((question.id, question.content), (first.id, json!({ "client": "first" })));
    assert!(world.core.has_question());
    answer(&mut world, second, Ok("welcome"));
    assert!(is_in(&mut world, second));
    world.send(second, Packet::PingReq);
    assert_eq!(kinds(&world.recv(second)), [PacketType::PingResp]);
    answer(&mut world, first, Ok("no"));
    let Packet::ConnAck(connack) = world.recv_one(first) else { panic!("no CONNACK") };
    assert_eq!(connack.reason, ReasonCode::NOT_AUTHORIZED);
    assert_eq!(world.why_closed(first), CloseReason::Refused);
    answer(&mut world, third, Err("it is ill"));
    assert_eq!((world.raw(third), world.why_closed(third)), (vec![], CloseReason::Refused));
}

#[test]
fn what_is_asked_is_shown_to_nobody() {
    let content = json!({ "password": "s3cret" });
    let question = Question { id: ConnectionId::new(1), whom: "porter".into(), content };
    let shown = format!("{question:?}");
    assert!(shown.contains("porter") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn packets_behind_a_connect_are_handled_in_their_order() {
    let (mut world, _) = world();
    let peer = waiting(&mut world, v5("a"));
    world.send(peer, subscribe("t", QoS::AtMostOnce));
    world.send(peer, publish_1("t", "x", 7));
    world.send(peer, Packet::PingReq);
    assert_eq!(world.recv(peer), []);
    assert_eq!(world.count("ping_received"), 0);
    answer(&mut world, peer, Ok("welcome"));
    let expected =
        [PacketType::ConnAck, PacketType::SubAck, PacketType::Publish, PacketType::PubAck];
    let found = kinds(&world.recv(peer));
    assert_eq!(found[..4], expected);
    assert_eq!(found[4..], [PacketType::PingResp]);
}

#[test]
fn so_much_waits_behind_a_connect_and_no_more_is_read() {
    let (mut world, _) = world();
    let peer = waiting(&mut world, v5("a"));
    let payload = "x".repeat(1000);
    let mut sent = 0;
    while world.core.status(world.now, peer.id).reads {
        world.send(peer, publish_1("t", &payload, sent + 1));
        sent += 1;
        assert!(sent < 100, "there is no bound");
    }
    assert!(sent > 40, "{sent}");
    // What is sent from now on lies in the transport, in its order.
    for _ in 0..10 {
        world.send(peer, publish_1("t", &payload, sent + 1));
        sent += 1;
    }
    answer(&mut world, peer, Ok("welcome"));
    let packets = world.recv(peer);
    let acks = packets.iter().filter_map(|packet| match packet {
        Packet::PubAck(ack) => Some(ack.packet_id.get()),
        _ => None,
    });
    assert_eq!(acks.collect::<Vec<u16>>(), (1..=sent).collect::<Vec<u16>>());
}

#[test]
fn silence_is_the_brokers_while_it_waits_and_ends_at_its_time() {
    let (mut world, _) = world();
    let limit = ADMISSION_TIMEOUT;
    assert!(limit > world.core.config().limits.connect_timeout);
    let early = waiting(&mut world, Connect { keep_alive: 2, ..v5("early") });
    let late = waiting(&mut world, Connect { keep_alive: 2, ..v5("late") });
    world.wait(limit - ms(1));
    assert!(!world.is_closed(early) && !world.is_closed(late));
    answer(&mut world, early, Ok("welcome"));
    assert!(is_in(&mut world, early));
    world.wait(ms(1));
    let Packet::ConnAck(connack) = world.recv_one(late) else { panic!("no CONNACK") };
    assert_eq!(connack.reason, ReasonCode::SERVER_UNAVAILABLE);
    assert_eq!(world.why_closed(late), CloseReason::Refused);
    answer(&mut world, late, Ok("welcome"));
    assert_eq!(world.recv(late), [], "the answer is too late");
    // The keep-alive counts from CONNACK on.
    world.wait(ms(2998));
    assert!(!world.is_closed(early));
    world.wait(ms(1));
    assert_eq!(world.why_closed(early), CloseReason::KeepAliveTimeout);
}

#[test]
fn a_connection_that_goes_meanwhile_was_never_there() {
    let (mut world, _) = world();
    let reader = waiting(&mut world, v5("reader"));
    answer(&mut world, reader, Ok("welcome"));
    world.recv(reader);
    world.subscribe(reader, "gone", QoS::AtMostOnce);
    let peer = waiting(&mut world, Connect { will: will("gone", "x", 0), ..v5("a") });
    world.send(peer, publish("gone", "y"));
    world.cut(peer);
    answer(&mut world, peer, Ok("welcome"));
    assert_eq!(world.payloads(reader), [""; 0]);
    assert_eq!((world.count("connected"), world.core.session_count()), (1, 1));
}

#[test]
fn what_is_malformed_ends_it_at_once_and_what_is_misplaced_in_its_turn() {
    let (mut world, _) = world();
    let peer = waiting(&mut world, v5("a"));
    world.send_bytes(peer, &[0xff, 0]);
    assert_eq!(world.why_closed(peer), CloseReason::ProtocolError);
    answer(&mut world, peer, Ok("welcome"));
    assert_eq!(world.recv(peer), []);

    let peer = waiting(&mut world, v5("b"));
    world.send(peer, v5("b"));
    world.send(peer, Packet::PingReq);
    assert!(!world.is_closed(peer));
    answer(&mut world, peer, Ok("welcome"));
    let expected = [PacketType::ConnAck, PacketType::Disconnect];
    assert_eq!(kinds(&world.recv(peer)), expected, "a second CONNECT ends it, nothing follows");
}

#[test]
fn a_later_connect_wins_whichever_answer_comes_first() {
    for order in [[0, 1], [1, 0]] {
        let (mut world, _) = world();
        let peers = [waiting(&mut world, v5("same")), waiting(&mut world, v5("same"))];
        for index in order {
            answer(&mut world, peers[index], Ok("welcome"));
        }
        assert_eq!(world.why_closed(peers[0]), CloseReason::TakenOver, "{order:?}");
        assert!(!world.is_closed(peers[1]), "{order:?}");
        world.send(peers[1], Packet::PingReq);
        assert_eq!(kinds(&world.recv(peers[1])).last(), Some(&PacketType::PingResp));
    }
}

#[test]
fn an_answer_about_a_client_that_is_in_goes_to_the_service() {
    let (mut world, asker) = world();
    let peer = waiting(&mut world, v5("a"));
    answer(&mut world, peer, Ok("welcome"));
    assert!(is_in(&mut world, peer));
    answer(&mut world, peer, Ok("welcome"));
    assert!(!world.is_closed(peer));
    answer(&mut world, peer, Err("it is ill"));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::NOT_AUTHORIZED);
    assert_eq!(asker.0.lock().unwrap().later, ["Ok(\"welcome\")", "Err(\"it is ill\")"]);
    let nobody = Peer { id: ConnectionId::new(99), version: Version::V5 };
    world.core.answer(world.now, nobody.id, Ok("welcome"));
}
