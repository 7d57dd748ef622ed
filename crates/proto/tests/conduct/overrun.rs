//! D14: a server that sends more than our receive maximum loses nothing by it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use evenkeel_proto::codec::{Packet, Publish, QoS, ReasonCode, Version};
use evenkeel_proto::{AckKey, Config, DisconnectCause, Event, ProtocolError, Timer};

use crate::support::*;

/// Sends all that waits at once, whatever it was told.
struct Server {
    qos: QoS,
    /// Messages by identifier; true if it has PUBREC.
    open: BTreeMap<u16, bool>,
    /// Answers in the order they came.
    answered: Vec<u16>,
}

impl Server {
    fn new(qos: QoS, messages: u16) -> Self {
        Self { qos, open: (1..=messages).map(|id| (id, false)).collect(), answered: Vec::new() }
    }

    fn message(&self, number: u16, dup: bool) -> Publish {
        let payload = Bytes::from(number.to_string());
        Publish { dup, payload, ..delivery("k", self.qos, number) }
    }

    /// Everything of its session in one piece.
    fn send_all(&self, rig: &mut Rig, dup: bool) {
        let packets: Vec<_> = (self.open.iter())
            .map(|(number, released)| {
                if *released {
                    pubrel(id(*number))
                } else {
                    Packet::Publish(self.message(*number, dup))
                }
            })
            .collect();
        rig.send_all(&packets);
    }

    /// Takes the answers; what follows from them goes behind all that was sent.
    fn hear(&mut self, rig: &mut Rig) {
        let mut releases = Vec::new();
        for packet in std::mem::take(&mut rig.wire) {
            match packet {
                Packet::PubAck(ack) | Packet::PubComp(ack) => {
                    assert!(self.open.remove(&ack.packet_id.get()).is_some(), "{ack:?} was due");
                    self.answered.push(ack.packet_id.get());
                }
                Packet::PubRec(ack) => {
                    self.open.insert(ack.packet_id.get(), true);
                    releases.push(pubrel(ack.packet_id));
                }
                other => panic!("{other:?}"),
            }
        }
        rig.send_all(&releases);
    }
}

/// The application handles the messages that are there; how many there were.
fn work(rig: &mut Rig, got: &mut Vec<u16>) -> usize {
    let before = got.len();
    while let Some(message) = rig.client.next_message() {
        let payload = std::str::from_utf8(&message.publish.payload).unwrap();
        got.push(payload.parse().unwrap());
        rig.client.acknowledge(rig.now, message.ack.unwrap(), ReasonCode::SUCCESS);
    }
    rig.settle();
    got.len() - before
}

/// Until the server has an answer to all, or to so many.
fn converse(rig: &mut Rig, server: &mut Server, got: &mut Vec<u16>, until: usize) {
    let mut idle = 0;
    while server.open.len() > until {
        let before = (server.open.len(), got.len());
        rig.read();
        let untaken = work(rig, got);
        assert!(untaken <= 1024, "{untaken} messages were read that nobody had taken");
        server.hear(rig);
        idle = if before == (server.open.len(), got.len()) { idle + 1 } else { 0 };
        assert!(idle < 3, "{} exchanges stand still", server.open.len());
    }
}

fn settings(version: Version) -> Config {
    let mut settings = quiet(lasting(version));
    settings.connect.receive_maximum = 100;
    settings
}

/// Every combination that a server may meet us with.
fn each_overrun(mut test: impl FnMut(Version, QoS, u16, bool)) {
    each_version(|version| {
        for qos in [AtLeastOnce, ExactlyOnce] {
            for messages in [3_000, 6_000, 20_000] {
                for durable in [false, true] {
                    test(version, qos, messages, durable);
                }
            }
        }
    });
}

fn online(version: Version, durable: bool) -> Rig {
    if durable { Rig::durable_online(settings(version)) } else { Rig::online(settings(version)) }
}

fn told(rig: &mut Rig) -> usize {
    let is_told = |event: &Event| matches!(event, Event::ReceiveMaximumExceeded { maximum: 100 });
    rig.take_events().iter().filter(|event| is_told(event)).count()
}

//= [MQTT-4.3.3-10] test
/// D14, D3.
#[test]
fn a_server_that_sends_all_at_once_is_read_to_the_end() {
    each_overrun(|version, qos, messages, durable| {
        let mut rig = online(version, durable);
        let (mut server, mut got) = (Server::new(qos, messages), Vec::new());
        server.send_all(&mut rig, false);
        converse(&mut rig, &mut server, &mut got, 0);
        let all: Vec<u16> = (1..=messages).collect();
        assert!(got == all, "each once, in order: {version:?} {qos:?} {messages}");
        assert!(server.answered == all, "answered each in order");
        assert!(rig.client.state().is_online() && rig.opens.len() == 1);
        let excess = if version == Version::V5 { u64::from(messages) - 100 } else { 0 };
        let counted = rig.stats().receive_maximum_exceeded;
        assert!(counted <= excess && (counted > 0) == (excess > 0), "{counted} counted");
        assert_eq!(told(&mut rig), usize::from(excess > 0), "told once, where it was told to keep");
    });
}

/// D14, D3: what was sent before an end and is sent again passes for a copy only
/// if it was delivered.
#[test]
fn nothing_is_lost_where_the_connection_ends_in_the_middle_of_it() {
    each_overrun(|version, qos, messages, durable| {
        let mut rig = online(version, durable);
        let (mut server, mut got) = (Server::new(qos, messages), Vec::new());
        server.send_all(&mut rig, false);
        for quarters in [3, 2] {
            converse(&mut rig, &mut server, &mut got, usize::from(messages) * quarters / 4);
            // Messages are read that the application never takes; in a process
            // that goes on it has them still.
            rig.read();
            if durable {
                rig.restart_with(&resumed());
            } else {
                rig.reconnect_with(&resumed());
            }
            server.send_all(&mut rig, true);
        }
        converse(&mut rig, &mut server, &mut got, 0);
        if qos == AtLeastOnce {
            let mut seen = BTreeSet::new();
            got.retain(|number| seen.insert(*number));
        }
        let all: Vec<u16> = (1..=messages).collect();
        assert!(got == all, "{version:?} {qos:?} {messages}");
        assert!(rig.client.state().is_online() && rig.opens.len() == 3, "no end but the cuts");
    });
}

/// A client whose application has taken so many messages and is done with none.
fn flooded(settings: Config, messages: u16) -> (Rig, Vec<AckKey>) {
    let mut rig = Rig::online(settings);
    let server = Server::new(AtLeastOnce, messages);
    server.send_all(&mut rig, false);
    let mut keys = Vec::new();
    while let Some(message) = rig.client.next_message() {
        keys.push(message.ack.unwrap());
        rig.read();
    }
    (rig, keys)
}

/// D14: judged before anything is noted, so that the copy is new.
#[test]
fn a_strict_client_closes_and_forgets_nothing() {
    for qos in [AtLeastOnce, ExactlyOnce] {
        let mut settings = settings(Version::V5);
        settings.connect.receive_maximum = 3;
        settings.bounds.strict_receive_maximum = true;
        let mut rig = Rig::online(settings);
        let server = Server::new(qos, 4);
        server.send_all(&mut rig, false);
        assert_eq!(rig.expect_disconnect(), ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
        let cause = DisconnectCause::ProtocolError(ProtocolError::ReceiveMaximumExceeded);
        assert_eq!(rig.cause(), cause);
        assert_eq!(rig.stats().receive_maximum_exceeded, 1);
        let mut got = Vec::new();
        work(&mut rig, &mut got);
        assert_eq!(got, [1, 2, 3]);
        rig.reconnect_with(&resumed());
        rig.send(&Packet::Publish(server.message(4, true)));
        work(&mut rig, &mut got);
        assert_eq!(got, [1, 2, 3, 4]);
        let answer = if qos == AtLeastOnce { puback(id(4)) } else { pubrec(id(4)) };
        assert_eq!(rig.expect(), answer, "it waits for none that nobody can give");
        rig.expect_nothing();
    }
}

#[test]
fn a_strict_client_bears_what_it_allowed_and_servers_it_could_not_tell() {
    for (version, messages) in [(Version::V5, 3), (Version::V311, 200)] {
        let mut settings = settings(version);
        settings.connect.receive_maximum = 3;
        settings.bounds.strict_receive_maximum = true;
        let (rig, _) = flooded(settings, messages);
        assert!(rig.client.state().is_online(), "{version:?}");
        assert_eq!(rig.stats().receive_maximum_exceeded, 0);
    }
}

/// S4: there is an end to what is remembered of a server.
#[test]
fn more_exchanges_than_identifiers_are_refused() {
    each_version(|version| {
        let (mut rig, keys) = flooded(settings(version), u16::MAX);
        assert_eq!(keys.len(), usize::from(u16::MAX));
        assert!(rig.client.state().is_online(), "each has an identifier of its own");
        let server = Server::new(AtLeastOnce, 1);
        rig.send(&Packet::Publish(server.message(1, false)));
        if version == Version::V5 {
            assert_eq!(rig.expect_disconnect(), ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
        }
        let cause = DisconnectCause::ProtocolError(ProtocolError::ReceiveMaximumExceeded);
        assert_eq!(rig.cause(), cause);
        assert!(rig.client.next_message().is_none());
        rig.reconnect_with(&resumed());
        rig.send(&Packet::Publish(server.message(1, true)));
        rig.handle_message();
        assert_eq!(rig.expect(), puback(id(1)));
    });
}

/// D14: PUBREL comes behind what was sent too much, and reading goes on to it.
#[test]
fn exchanges_that_wait_for_pubrel_never_stop_reading() {
    each_version(|version| {
        let mut settings = settings(version);
        settings.connect.receive_maximum = 1;
        settings.bounds.inbox_messages = 1;
        let mut rig = Rig::online(settings);
        for number in 1..=5_000 {
            assert!(rig.client.wants_read(), "{number}");
            rig.send(&Packet::Publish(delivery("a", ExactlyOnce, number)));
            rig.handle_message();
            assert_eq!(rig.expect(), pubrec(id(number)));
        }
        assert!(rig.client.wants_read());
        for number in 1..=5_000 {
            rig.send(&pubrel(id(number)));
            assert_eq!(rig.expect(), pubcomp(id(number)));
        }
    });
}

/// D10: nor do answers to them that a server takes only later.
#[test]
fn answers_to_every_exchange_may_wait_to_be_written() {
    each_version(|version| {
        let mut settings = settings(version);
        settings.bounds.write_buffer = 100;
        settings.bounds.in_flight = 20;
        let mut rig = Rig::online(settings);
        rig.writable = false;
        let (mut server, mut got) = (Server::new(AtLeastOnce, 20_000), Vec::new());
        server.send_all(&mut rig, false);
        while got.len() < 20_000 {
            let before = got.len();
            rig.read();
            work(&mut rig, &mut got);
            assert!(got.len() > before, "{before} were read");
        }
        rig.unblock();
        server.hear(&mut rig);
        assert_eq!(server.answered.len(), 20_000);
    });
}

/// D14: an answer that is due no more holds up none behind it.
#[test]
fn a_message_that_is_released_unanswered_holds_up_no_other() {
    each_version(|version| {
        let mut rig = Rig::online(settings(version));
        for number in 1..=3 {
            rig.send(&Packet::Publish(delivery("a", ExactlyOnce, number)));
        }
        let keys: Vec<_> = (0..3).map(|_| rig.message().ack.unwrap()).collect();
        rig.send(&pubrel(id(1)));
        assert_eq!(rig.expect(), pubcomp(id(1)));
        rig.acknowledge(keys[1], ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), pubrec(id(2)));
        rig.acknowledge(keys[0], ReasonCode::SUCCESS);
        assert_eq!(rig.stats().stale_acknowledgements, 1);
        rig.send(&pubrel(id(3)));
        assert_eq!(rig.expect(), pubcomp(id(3)));
        rig.send(&Packet::Publish(delivery("b", ExactlyOnce, 3)));
        assert_eq!(rig.handle_message(), "b", "the identifier means a new message");
        assert_eq!(rig.expect(), pubrec(id(3)));
        rig.acknowledge(keys[2], ReasonCode::SUCCESS);
        rig.expect_nothing();
    });
}

/// S4: nor does a server fill our memory with them.
#[test]
fn answers_that_are_due_no_more_are_bounded() {
    each_version(|version| {
        let mut rig = Rig::online(settings(version));
        rig.send(&Packet::Publish(delivery("held", ExactlyOnce, 1)));
        rig.message();
        let round = [Packet::Publish(delivery("a", ExactlyOnce, 2)), pubrel(id(2))];
        for number in 1..=u32::from(u16::MAX) {
            assert!(rig.client.state().is_online(), "{number}");
            rig.send_all(&round);
            rig.client.next_message();
        }
        assert!(!rig.client.state().is_online());
    });
}

// ---- acknowledgements that are never given ----

fn stalls(rig: &mut Rig) -> Vec<Event> {
    let is_one =
        |event: &Event| matches!(event, Event::DeliveryStalled { .. } | Event::DeliveryResumed);
    rig.take_events().into_iter().filter(is_one).collect()
}

/// A client that has taken so many of the three messages it allows.
fn holding(version: Version, qos: QoS, messages: u16) -> (Rig, Vec<AckKey>) {
    let mut settings = settings(version);
    settings.connect.receive_maximum = 3;
    let mut rig = Rig::online(settings);
    for number in 1..=messages {
        rig.send(&Packet::Publish(delivery("a", qos, number)));
    }
    let keys = (0..messages).map(|_| rig.message().ack.unwrap()).collect();
    (rig, keys)
}

#[test]
fn acknowledgements_that_are_never_given_are_told_after_ten_seconds() {
    each_version(|version| {
        for qos in [AtLeastOnce, ExactlyOnce] {
            let (mut rig, keys) = holding(version, qos, 3);
            assert_eq!(rig.until(Timer::Stall), secs(10));
            rig.advance(secs(10) - MICRO);
            assert_eq!(stalls(&mut rig), []);
            rig.advance(MICRO);
            assert_eq!(stalls(&mut rig), [Event::DeliveryStalled { unacknowledged: 3 }]);
            rig.advance(secs(3600));
            assert_eq!(stalls(&mut rig), [], "told once");
            assert_eq!(rig.deadline, None);
            // Those behind the first wait for it.
            rig.acknowledge(keys[2], ReasonCode::SUCCESS);
            assert_eq!(stalls(&mut rig), []);
            rig.acknowledge(keys[0], ReasonCode::SUCCESS);
            assert_eq!(stalls(&mut rig), [Event::DeliveryResumed]);
            rig.send(&Packet::Publish(delivery("a", qos, 4)));
            rig.send(&Packet::Publish(delivery("a", qos, 5)));
            rig.advance(secs(10) - MICRO);
            assert_eq!(stalls(&mut rig), []);
            rig.advance(MICRO);
            let told = stalls(&mut rig);
            assert_eq!(told, [Event::DeliveryStalled { unacknowledged: 4 }], "told anew");
        }
    });
}

#[test]
fn room_for_one_more_message_is_no_stall() {
    let (mut rig, _) = holding(Version::V5, ExactlyOnce, 2);
    assert_eq!(rig.deadline, None);
    rig.advance(secs(3600));
    assert_eq!(stalls(&mut rig), []);
}

#[test]
fn an_application_that_is_slow_does_not_stall() {
    let (mut rig, mut keys) = holding(Version::V5, AtLeastOnce, 3);
    for number in 4..=50 {
        rig.advance(secs(10) - MICRO);
        rig.acknowledge(keys.remove(0), ReasonCode::SUCCESS);
        rig.send(&Packet::Publish(delivery("a", AtLeastOnce, number)));
        keys.push(rig.message().ack.unwrap());
    }
    assert_eq!(stalls(&mut rig), []);
}

#[test]
fn a_stall_ends_with_its_connection() {
    let (mut rig, _) = holding(Version::V5, AtLeastOnce, 3);
    rig.advance(secs(10));
    assert_eq!(stalls(&mut rig), [Event::DeliveryStalled { unacknowledged: 3 }]);
    rig.reconnect_with(&resumed());
    assert_eq!(stalls(&mut rig), [Event::DeliveryResumed]);
    rig.advance(secs(3600));
    assert_eq!(stalls(&mut rig), [], "the server has not sent them again yet");
}

/// PUBREL is the server's affair.
#[test]
fn messages_that_wait_for_pubrel_are_no_stall() {
    let (mut rig, keys) = holding(Version::V5, ExactlyOnce, 3);
    for key in keys {
        rig.acknowledge(key, ReasonCode::SUCCESS);
    }
    rig.advance(secs(3600));
    assert_eq!(stalls(&mut rig), []);
}

// ---- messages that the application let go of ----

/// D3: nobody else would ever give the answer that those behind it wait for.
#[test]
fn a_message_that_was_given_back_is_delivered_when_it_comes_again() {
    each_version(|version| {
        let mut rig = Rig::online(settings(version));
        for number in 1..=2 {
            rig.send(&Packet::Publish(delivery("a", ExactlyOnce, number)));
        }
        let keys = [rig.message().ack.unwrap(), rig.message().ack.unwrap()];
        rig.client.give_back(keys[0]);
        rig.acknowledge(keys[1], ReasonCode::SUCCESS);
        rig.expect_nothing();
        let again =
            |number| Packet::Publish(Publish { dup: true, ..delivery("a", ExactlyOnce, number) });
        rig.send(&again(1));
        assert!(rig.client.next_message().is_none(), "not on the same connection");
        rig.reconnect_with(&resumed());
        for number in 1..=2 {
            rig.send(&again(number));
        }
        rig.acknowledge(keys[0], ReasonCode::SUCCESS);
        rig.expect_nothing();
        let message = rig.message();
        assert_eq!(message.publish.packet_id, Some(id(1)));
        assert!(rig.client.next_message().is_none(), "the other one was finished");
        rig.send(&again(1));
        assert!(rig.client.next_message().is_none(), "once");
        rig.acknowledge(message.ack.unwrap(), ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), pubrec(id(1)));
        assert_eq!(rig.expect(), pubrec(id(2)));
    });
}

#[test]
fn a_message_that_was_answered_cannot_be_given_back() {
    let mut rig = Rig::online(settings(Version::V5));
    rig.send(&Packet::Publish(delivery("a", ExactlyOnce, 1)));
    let key = rig.message().ack.unwrap();
    rig.acknowledge(key, ReasonCode::SUCCESS);
    rig.client.give_back(key);
    rig.reconnect_with(&resumed());
    rig.send(&Packet::Publish(Publish { dup: true, ..delivery("a", ExactlyOnce, 1) }));
    assert!(rig.client.next_message().is_none());
    assert_eq!(rig.expect(), pubrec(id(1)));
}
