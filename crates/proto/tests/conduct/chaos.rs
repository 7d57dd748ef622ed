//! Random applications, networks and losses against a server that keeps the
//! rules: what was accepted arrives, in order, once if that is promised,
//! and every operation ends exactly once (D1, D3, D4, D5).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use evenkeel_proto::codec::{
    ConnAck, Packet, PacketId, Property, Publish, QoS, ReasonCode, Version,
};
use evenkeel_proto::{
    Accepted, AckKey, Completion, Config, DeliveryError, State, TransportFailure, WhenUncertain,
};

use crate::support::*;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }

    fn often(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn qos(&mut self) -> QoS {
        QoS::from_level(self.below(3) as u8).unwrap()
    }
}

/// A message the server has for the client.
#[derive(Clone, Debug)]
struct Outgoing {
    id: PacketId,
    publish: Publish,
    released: bool,
    /// PUBLISH or PUBREL was sent on the present connection.
    sent: bool,
}

/// A server that keeps the rules, and notices when the client does not.
#[derive(Default)]
struct Server {
    has_session: bool,
    /// QoS 2 identifiers received and not released.
    held: BTreeSet<PacketId>,
    /// Messages that arrived, in order: number and QoS.
    arrived: Vec<(u64, QoS)>,
    outgoing: VecDeque<Outgoing>,
    next_id: u16,
    receive_maximum: usize,
    /// Publishes of this connection without a final answer.
    open: BTreeSet<PacketId>,
    inbox: VecDeque<Packet>,
}

impl Server {
    /// Answers CONNECT; `lose` forgets the session before.
    fn connack(&mut self, clean: bool, lose: bool, version: Version) -> ConnAck {
        if clean || lose {
            self.has_session = false;
            self.held.clear();
            self.outgoing.clear();
        }
        self.open.clear();
        self.inbox.clear();
        for message in &mut self.outgoing {
            message.sent = false;
        }
        let mut connack = if self.has_session { resumed() } else { accepted() };
        if version == Version::V5 {
            connack.properties.push(Property::ReceiveMaximum(self.receive_maximum as u16));
            connack.properties.push(Property::TopicAliasMaximum(3));
        }
        self.has_session = true;
        connack
    }

    fn take(&mut self, packet: Packet, rig: &mut Rig, aliases: &mut BTreeMap<u16, String>) {
        match packet {
            Packet::Publish(publish) => self.on_publish(publish, rig, aliases),
            Packet::PubRel(ack) => {
                self.held.remove(&ack.packet_id);
                self.open.remove(&ack.packet_id);
                rig.send(&pubcomp(ack.packet_id));
            }
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                self.outgoing.retain(|message| message.id != ack.packet_id);
            }
            Packet::PubRec(ack) => {
                let message = self.outgoing.iter_mut().find(|m| m.id == ack.packet_id);
                if let Some(message) = message {
                    message.released = true;
                }
                rig.send(&pubrel(ack.packet_id));
            }
            Packet::Subscribe(subscribe) => {
                rig.send(&suback(subscribe.packet_id, &vec![0; subscribe.filters.len()]));
            }
            Packet::Unsubscribe(unsubscribe) => {
                let codes = vec![0; unsubscribe.filters.len()];
                let v5 = rig.client.limits().is_some_and(|l| l.version == Version::V5);
                rig.send(&unsuback(unsubscribe.packet_id, if v5 { &codes } else { &[] }));
            }
            Packet::PingReq => rig.send(&Packet::PingResp),
            Packet::Disconnect(_) | Packet::Connect(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn on_publish(&mut self, publish: Publish, rig: &mut Rig, aliases: &mut BTreeMap<u16, String>) {
        let mut topic = publish.topic.to_string();
        if let Some(alias) = publish.properties.topic_alias() {
            if topic.is_empty() {
                topic = aliases.get(&alias).expect("an alias is defined before it is used").clone();
            } else {
                aliases.insert(alias, topic.clone());
            }
        }
        let number: u64 = std::str::from_utf8(&publish.payload).unwrap().parse().unwrap();
        assert_eq!(topic, topic_of(number), "aliases lead to the right topic");
        let Some(id) = publish.packet_id else {
            return self.arrived.push((number, publish.qos));
        };
        assert!(self.open.insert(id), "{id} is in use (D4)");
        assert!(self.open.len() <= self.receive_maximum, "our receive maximum is kept (D5)");
        if publish.qos == AtLeastOnce {
            self.arrived.push((number, publish.qos));
            self.open.remove(&id);
            return rig.send(&puback(id));
        }
        if self.held.insert(id) {
            self.arrived.push((number, publish.qos));
        }
        rig.send(&pubrec(id));
    }

    /// Sends what waits, in order.
    fn push(&mut self, rig: &mut Rig) {
        for index in 0..self.outgoing.len() {
            let message = self.outgoing[index].clone();
            if !message.sent && rig.link.is_some() {
                self.outgoing[index].sent = true;
                let packet = if message.released {
                    pubrel(message.id)
                } else {
                    Packet::Publish(message.publish)
                };
                rig.send(&packet);
                self.outgoing[index].publish.dup = true;
            }
        }
    }

    fn offer(&mut self, number: u64, qos: QoS, rig: &mut Rig) {
        let mut publish = delivery("in", qos, 0);
        publish.payload = Bytes::from(number.to_string());
        if qos == AtMostOnce {
            return rig.send(&Packet::Publish(publish));
        }
        if self.outgoing.len() >= 20 {
            return;
        }
        loop {
            self.next_id = self.next_id.wrapping_add(1).max(1) % 40;
            let free = PacketId::new(self.next_id)
                .filter(|id| self.outgoing.iter().all(|message| message.id != *id));
            if let Some(id) = free {
                publish.packet_id = Some(id);
                self.outgoing.push_back(Outgoing { id, publish, released: false, sent: false });
                return self.push(rig);
            }
        }
    }
}

fn topic_of(number: u64) -> String {
    format!("t/{}", number % 5)
}

struct World {
    rig: Rig,
    dice: Dice,
    server: Server,
    aliases: BTreeMap<u16, String>,
    /// Tokens of accepted operations that have no outcome yet.
    open: BTreeSet<u64>,
    delivered: Vec<(u64, QoS)>,
    accepted: BTreeMap<u64, QoS>,
    next: u64,
    keys: Vec<AckKey>,
    received: Vec<u64>,
    offered: BTreeMap<u64, QoS>,
    sessions_lost: u32,
    uncertain: usize,
}

impl World {
    fn new(settings: Config, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let server = Server { receive_maximum: 1 + dice.below(8) as usize, ..Server::default() };
        let mut rig = Rig::seeded(settings, seed);
        rig.client.start(rig.now);
        rig.settle();
        Self {
            rig,
            dice,
            server,
            aliases: BTreeMap::new(),
            open: BTreeSet::new(),
            delivered: Vec::new(),
            accepted: BTreeMap::new(),
            next: 0,
            keys: Vec::new(),
            received: Vec::new(),
            offered: BTreeMap::new(),
            sessions_lost: 0,
            uncertain: 0,
        }
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..=5 => self.publish(),
            6 => self.control(),
            7..=11 => {
                let count = 1 + self.dice.below(5);
                self.serve(count);
            }
            12 | 13 => self.offer(),
            14..=16 => self.take_and_acknowledge(),
            17 => self.rig.advance(secs(self.dice.below(3))),
            18 if self.dice.often(30) => self.cut(),
            _ => self.stutter(),
        }
        self.connect();
        self.collect();
    }

    fn publish(&mut self) {
        let qos = self.dice.qos();
        self.next += 1;
        let number = self.next;
        let message = publish(&topic_of(number), &number.to_string(), qos);
        match self.rig.try_publish(message, number) {
            Ok(Accepted::Tracked | Accepted::Storing) => {
                self.open.insert(number);
                self.accepted.insert(number, qos);
            }
            Ok(Accepted::Sent { .. }) => {}
            Err(reason) => assert!(reason.is_temporary(), "{reason:?}"),
        }
    }

    fn control(&mut self) {
        self.next += 1;
        let name = format!("f/{}", self.dice.below(4));
        if self.dice.often(60) {
            self.rig.subscribe(&[(&name, AtLeastOnce)], self.next);
        } else {
            self.rig.unsubscribe(&[&name], self.next);
        }
        self.open.insert(self.next);
    }

    /// The server handles some of what has come.
    fn serve(&mut self, count: u64) {
        for _ in 0..count {
            self.server.inbox.extend(self.rig.wire.drain(..));
            let Some(packet) = self.server.inbox.pop_front() else { return };
            if self.rig.link.is_none() || !self.rig.client.state().is_online() {
                return;
            }
            self.server.take(packet, &mut self.rig, &mut self.aliases);
        }
    }

    fn offer(&mut self) {
        if self.rig.client.state().is_online() {
            self.next += 1;
            let qos = self.dice.qos();
            let before = self.server.outgoing.len();
            self.server.offer(self.next, qos, &mut self.rig);
            if self.server.outgoing.len() > before {
                self.offered.insert(self.next, qos);
            }
        }
    }

    fn take_and_acknowledge(&mut self) {
        while let Some(message) = self.rig.client.next_message() {
            let number: u64 =
                std::str::from_utf8(&message.publish.payload).unwrap().parse().unwrap();
            if message.publish.qos != AtMostOnce {
                self.received.push(number);
            }
            self.keys.extend(message.ack);
        }
        self.rig.read();
        while !self.keys.is_empty() && self.dice.often(80) {
            let index = self.dice.below(self.keys.len() as u64) as usize;
            let key = self.keys.swap_remove(index);
            self.rig.acknowledge(key, ReasonCode::SUCCESS);
        }
    }

    /// The transport takes only some of the bytes, for a while.
    fn stutter(&mut self) {
        if self.rig.writable {
            self.rig.writable = self.dice.often(80);
        } else if self.dice.often(50) {
            self.rig.unblock();
        } else if self.rig.pending() > 0 {
            let count = 1 + self.dice.below(self.rig.pending() as u64) as usize;
            self.rig.write(count);
        }
    }

    fn cut(&mut self) {
        if self.rig.link.is_some() {
            let failure = match self.dice.below(3) {
                0 => TransportFailure::Eof,
                _ => TransportFailure::TimedOut,
            };
            self.rig.drop_link(failure);
        }
    }

    /// If a connection is asked for, the server accepts it, mostly.
    fn connect(&mut self) {
        if !self.rig.client.state().is_online() {
            self.rig.writable = true;
            self.rig.wire.clear();
            self.rig.await_open();
            let lose = self.dice.often(10);
            self.sessions_lost += u32::from(lose);
            let connect = self.rig.accept();
            self.aliases.clear();
            let connack = self.server.connack(connect.clean_start, lose, connect.version);
            self.rig.send(&Packet::ConnAck(connack));
            self.server.push(&mut self.rig);
        }
    }

    fn collect(&mut self) {
        for outcome in self.rig.outcomes() {
            let token = match outcome {
                Completion::Publish { token, result: Err(DeliveryError::ConnectionLost) } => {
                    assert_eq!(self.accepted[&token.0], AtMostOnce);
                    token
                }
                Completion::Publish { token, result: Err(DeliveryError::Uncertain { .. }) } => {
                    assert_eq!(self.accepted[&token.0], ExactlyOnce);
                    assert!(self.sessions_lost > 0, "the session is there (D13)");
                    self.uncertain += 1;
                    token
                }
                Completion::Publish { token, result } => {
                    assert!(result.is_ok(), "{result:?}");
                    self.delivered.extend(self.accepted.get(&token.0).map(|qos| (token.0, *qos)));
                    token
                }
                Completion::Subscribe { token, result }
                | Completion::Unsubscribe { token, result } => {
                    assert!(result.is_ok(), "{result:?}");
                    token
                }
                other => panic!("{other:?} without a store"),
            };
            assert!(self.open.remove(&token.0), "one outcome for each (D1)");
        }
    }

    /// The faults stop: everything comes to its end.
    fn heal(&mut self) {
        self.rig.unblock();
        for _ in 0..10_000 {
            self.connect();
            self.serve(10);
            self.server.push(&mut self.rig);
            self.take_and_acknowledge();
            self.collect();
            self.server.inbox.extend(self.rig.wire.drain(..));
            let idle = self.server.inbox.is_empty() && self.keys.is_empty();
            if idle && self.open.is_empty() && self.server.outgoing.is_empty() {
                return;
            }
            if idle {
                self.rig.advance(secs(1));
            }
        }
        panic!("still open: {:?}, {:?}", self.open, self.server.outgoing);
    }

    fn judge(&self) {
        for (number, qos) in &self.delivered {
            let count = self.server.arrived.iter().filter(|(n, _)| n == number).count();
            let promised = match qos {
                AtMostOnce => count <= 1,
                AtLeastOnce => count >= 1,
                ExactlyOnce if self.sessions_lost > 0 => count >= 1,
                ExactlyOnce => count == 1,
            };
            assert!(promised, "{number} with {qos:?} came {count} times");
        }
        for qos in [AtMostOnce, AtLeastOnce, ExactlyOnce] {
            for topic in 0..5 {
                let mut seen = BTreeSet::new();
                let first: Vec<u64> = (self.server.arrived.iter())
                    .filter(|(number, of)| *of == qos && number % 5 == topic)
                    .filter(|(number, _)| seen.insert(*number))
                    .map(|(number, _)| *number)
                    .collect();
                assert!(first.is_sorted(), "order per topic and QoS: {first:?} (D3)");
            }
        }
        if self.sessions_lost == 0 {
            for (number, qos) in &self.offered {
                let count = self.received.iter().filter(|n| *n == number).count();
                assert!(count >= 1, "{number} reaches the application");
                assert!(*qos != ExactlyOnce || count == 1, "{number} came {count} times");
            }
        }
        assert_eq!(self.rig.client.in_flight(), 0);
        assert_eq!(self.rig.client.queued(), 0);
    }
}

#[test]
fn what_was_accepted_arrives_whatever_happens() {
    let (mut reconnects, mut uncertain) = (0, 0);
    let mut arrived = 0;
    for seed in 0..300 {
        let version = if seed % 2 == 0 { Version::V311 } else { Version::V5 };
        let mut settings = lasting(version);
        settings.connect.keep_alive = 600;
        settings.reconnect.budget = None;
        settings.bounds.in_flight = 8;
        settings.bounds.write_buffer = 200;
        settings.bounds.inbox_messages = 4;
        settings.bounds.filters_per_packet = 2;
        // Random cuts prove nothing against a packet.
        settings.bounds.deaths_per_packet = if seed % 3 == 0 { 100 } else { 0 };
        if seed % 5 == 0 {
            settings.when_uncertain = WhenUncertain::SendAnew;
        }
        let mut world = World::new(settings, seed);
        if version == Version::V311 {
            world.server.receive_maximum = 8;
        }
        let anew = seed % 5 == 0;
        world.connect();
        for _ in 0..400 {
            world.step();
        }
        world.heal();
        world.judge();
        assert!(matches!(world.rig.client.state(), State::Online { .. }));
        reconnects += world.rig.stats().connects;
        arrived += world.server.arrived.len();
        assert!(!anew || world.uncertain == 0, "it is sent anew");
        uncertain += world.uncertain;
    }
    assert!(uncertain > 10, "{uncertain}");
    assert!(reconnects > 600, "{reconnects}");
    assert!(arrived > 20_000, "{arrived}");
}
