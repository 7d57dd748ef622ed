//! A process that dies after any output whatever, and once more after any
//! output of the next process: a server and an application that count see
//! what was promised, and not more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evenkeel_proto::codec::{Packet, PacketId, Publish, QoS, ReasonCode, Version};
use evenkeel_proto::{Accepted, Completion, Input};

use crate::support::*;

/// Messages of the application, and of the server.
const MESSAGES: u64 = 7;

const fn qos_of(number: u64) -> QoS {
    if number.is_multiple_of(3) { AtLeastOnce } else { ExactlyOnce }
}

/// A server that keeps its session over all connections.
#[derive(Default)]
struct Server {
    has_session: bool,
    /// PUBLISHes of QoS 2 whose PUBREL has not come.
    held: BTreeMap<PacketId, String>,
    /// What it took over, in order.
    taken: Vec<u64>,
    outgoing: VecDeque<Outgoing>,
}

struct Outgoing {
    publish: Publish,
    /// PUBREC came.
    is_released: bool,
}

impl Server {
    fn on(&mut self, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::Connect(connect) => self.on_connect(connect.clean_start),
            Packet::Subscribe(subscribe) => vec![suback(subscribe.packet_id, &[2])],
            Packet::Publish(publish) => vec![self.on_publish(&publish)],
            Packet::PubRel(ack) => {
                self.held.remove(&ack.packet_id);
                vec![pubcomp(ack.packet_id)]
            }
            Packet::PubRec(ack) => {
                let exchange = self.outgoing.iter_mut().find(|out| out.is(ack.packet_id));
                exchange.expect("a message that was sent").is_released = true;
                vec![pubrel(ack.packet_id)]
            }
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                self.outgoing.retain(|out| !out.is(ack.packet_id));
                Vec::new()
            }
            Packet::PingReq => vec![Packet::PingResp],
            other => panic!("no part of this play: {other:?}"),
        }
    }

    fn on_connect(&mut self, is_clean: bool) -> Vec<Packet> {
        assert!(!is_clean);
        let goes_on = std::mem::replace(&mut self.has_session, true);
        let connack = if goes_on { resumed() } else { accepted() };
        let again = self.outgoing.iter_mut().map(Outgoing::send);
        std::iter::once(Packet::ConnAck(connack)).chain(again).collect()
    }

    fn on_publish(&mut self, publish: &Publish) -> Packet {
        let packet_id = publish.packet_id.unwrap();
        let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
        let number = payload.parse().unwrap();
        if publish.qos == AtLeastOnce {
            self.taken.push(number);
            return puback(packet_id);
        }
        match self.held.insert(packet_id, payload.clone()) {
            None => self.taken.push(number),
            Some(held) => {
                assert_eq!(held, payload, "{packet_id} belongs to an open exchange (D4)");
                assert!(publish.dup, "a message that was sent before is marked");
            }
        }
        pubrec(packet_id)
    }

    /// A new message for the client.
    fn give(&mut self, number: u16) -> Packet {
        let topic = format!("in/{number}");
        let publish = delivery(&topic, qos_of(number.into()), 100 + number);
        self.outgoing.push_back(Outgoing { publish, is_released: false });
        self.outgoing.back_mut().unwrap().send()
    }
}

impl Outgoing {
    fn is(&self, packet_id: PacketId) -> bool {
        self.publish.packet_id == Some(packet_id)
    }

    fn send(&mut self) -> Packet {
        let packet_id = self.publish.packet_id.unwrap();
        if self.is_released {
            return pubrel(packet_id);
        }
        let publish = self.publish.clone();
        self.publish.dup = true;
        Packet::Publish(publish)
    }
}

/// How the play goes beside its script.
#[derive(Clone, Copy, Debug)]
struct Mode {
    /// Every so many steps the server looks at what came.
    pace: u64,
    /// What the server has not looked at is lost with the process.
    loses: bool,
}

struct Play {
    rig: Rig,
    version: Version,
    mode: Mode,
    server: Server,
    /// Messages whose acceptance was told.
    accepted: BTreeSet<u64>,
    /// How often the application was done with what came.
    handled: BTreeMap<String, u32>,
    /// Of these a crash must not take the knowledge.
    kept: BTreeSet<String>,
}

impl Play {
    fn new(version: Version, mode: Mode) -> Self {
        Self {
            rig: Rig::durable(quiet(lasting(version))),
            version,
            mode,
            server: Server::default(),
            accepted: BTreeSet::new(),
            handled: BTreeMap::new(),
            kept: BTreeSet::new(),
        }
    }

    /// Connects, publishes and receives, up to the end of the process.
    fn run(&mut self, script: std::ops::RangeInclusive<u64>) {
        self.rig.client.start(self.rig.now);
        self.rig.settle();
        if let Some(link) = &mut self.rig.link {
            link.version = self.version;
            let conn = link.conn;
            self.rig.client.handle(self.rig.now, Input::Opened(conn, None));
            self.rig.settle();
        }
        self.look();
        for step in script {
            self.step(step);
            if step.is_multiple_of(self.mode.pace) {
                self.look();
            }
        }
        self.look();
        if !self.rig.is_dead() {
            // The last ends are committed lazily.
            self.rig.advance(secs(1));
            self.look();
        }
    }

    fn step(&mut self, number: u64) {
        if number == 1 {
            // Its answer does not matter here.
            let _ = self.rig.try_subscribe(&[("in/#", ExactlyOnce)], 1000);
        }
        let publish = publish("out", &number.to_string(), qos_of(number));
        let taken = self.rig.try_publish(publish, number);
        assert!(matches!(taken, Ok(Accepted::Storing)), "{taken:?}");
        if number <= MESSAGES {
            let given = self.server.give(u16::try_from(number).unwrap());
            self.reply(&given);
        }
        self.tell();
    }

    /// The server and the application see to what has come, until it is quiet.
    fn look(&mut self) {
        loop {
            self.tell();
            if self.rig.is_dead() {
                // What is on its way then, the crash decides about.
                return;
            }
            if let Some(packet) = self.rig.wire.pop_front() {
                for reply in self.server.on(packet) {
                    self.reply(&reply);
                }
            } else if !self.handle() {
                return;
            }
        }
    }

    /// Lost if there is no one to get it.
    fn reply(&mut self, packet: &Packet) {
        if self.rig.link.is_some() && !self.rig.is_dead() {
            self.rig.send(packet);
        }
    }

    fn handle(&mut self) -> bool {
        let Some(message) = self.rig.client.next_message() else { return false };
        let (topic, qos) = (message.publish.topic.to_string(), message.publish.qos);
        let again = self.kept.contains(&topic) && qos == ExactlyOnce;
        assert!(!again, "{topic} was acknowledged before the crash");
        *self.handled.entry(topic).or_default() += 1;
        self.rig.acknowledge(message.ack.unwrap(), ReasonCode::SUCCESS);
        true
    }

    fn tell(&mut self) {
        for completion in self.rig.outcomes() {
            match completion {
                Completion::Stored { token, .. } | Completion::Publish { token, result: Ok(_) } => {
                    self.accepted.insert(token.0);
                }
                Completion::Publish { result: Err(error), .. } => panic!("{error:?}"),
                _ => {}
            }
        }
    }

    fn crash(&mut self, fuse: Option<u32>) {
        if !self.mode.loses {
            let arrived: Vec<_> = self.rig.wire.drain(..).collect();
            arrived.into_iter().for_each(|packet| drop(self.server.on(packet)));
        }
        // A PUBREC that got out is a promise, whether it arrived or not.
        let acknowledged = self.rig.history.iter().filter_map(|(.., packet)| match packet {
            Packet::PubRec(ack) => Some(format!("in/{}", ack.packet_id.get() - 100)),
            _ => None,
        });
        self.kept = acknowledged.collect();
        self.rig.fuse = fuse;
        self.rig.crash();
    }

    /// What must hold in the end, when nothing is under way any more.
    fn judge(&self, all: u64) {
        let mut seen = BTreeSet::new();
        let first: Vec<_> =
            self.server.taken.iter().filter(|number| seen.insert(**number)).collect();
        for number in &self.accepted {
            assert!(seen.contains(number), "message {number} was accepted and is lost (D3)");
        }
        for qos in [AtLeastOnce, ExactlyOnce] {
            let of = first.iter().filter(|number| qos_of(***number) == qos);
            assert!(of.is_sorted(), "out of order (D6): {first:?}");
        }
        let twice =
            |number: &u64| self.server.taken.iter().filter(|taken| *taken == number).count() > 1;
        let exactly_once: Vec<_> =
            (1..=all).filter(|number| qos_of(*number) == ExactlyOnce).collect();
        assert!(!exactly_once.iter().any(twice), "twice (D3): {:?}", self.server.taken);
        assert!(self.server.held.is_empty(), "exchanges that never end: {:?}", self.server.held);
        assert!(self.server.outgoing.is_empty(), "the server waits forever");
        for given in self.server.topics() {
            assert!(self.handled.contains_key(&given), "{given} never reached the application");
        }
        assert_eq!(self.rig.store.messages(), [], "every message has its outcome (D1)");
        assert!(self.rig.client.is_settled());
    }
}

impl Server {
    fn topics(&self) -> impl Iterator<Item = String> {
        (1..=MESSAGES).map(|number| format!("in/{number}"))
    }
}

const MODES: [Mode; 4] = [
    Mode { pace: 1, loses: false },
    Mode { pace: 1, loses: true },
    Mode { pace: 3, loses: false },
    Mode { pace: 100, loses: true },
];

//= [MQTT-4.4.0-1] test
//= [MQTT-4.3.3-10] test
/// D1, D3, D4, D6.
#[test]
fn a_crash_after_any_output_keeps_every_promise() {
    each_version(|version| {
        for mode in MODES {
            let mut cuts = 0;
            for fuse in 0.. {
                let mut play = Play::new(version, mode);
                play.rig.fuse = Some(fuse);
                play.run(1..=MESSAGES);
                let survived = !play.rig.is_dead();
                play.crash(None);
                play.run(MESSAGES + 1..=MESSAGES + 3);
                play.judge(MESSAGES + 3);
                if survived {
                    break;
                }
                cuts += 1;
            }
            assert!(cuts > 40, "{mode:?}: only {cuts} outputs were cut after");
        }
    });
}

/// The same, if the process that recovers dies too.
#[test]
fn a_second_crash_after_any_output_keeps_every_promise() {
    each_version(|version| {
        for mode in MODES {
            for first in (0..80).step_by(3) {
                for second in 0.. {
                    let mut play = Play::new(version, mode);
                    play.rig.fuse = Some(first);
                    play.run(1..=MESSAGES);
                    play.crash(Some(second));
                    play.run(MESSAGES + 1..=MESSAGES + 3);
                    let survived = !play.rig.is_dead();
                    play.crash(None);
                    play.run(MESSAGES + 4..=MESSAGES + 4);
                    play.judge(MESSAGES + 4);
                    if survived {
                        break;
                    }
                }
            }
        }
    });
}
