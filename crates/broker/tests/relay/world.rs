//! One relay on virtual time, and what leaves it.

use std::time::Duration;

use evenkeel_broker::Instant;
use evenkeel_broker::fault::Script;
use evenkeel_broker::relay::{Faults, FaultsError, Relay, Side, Speech};

pub(crate) const CONNECT: &[u8] = b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04pump";
pub(crate) const CONNACK: &[u8] = b"\x20\x02\0\0";
pub(crate) const PINGREQ: &[u8] = b"\xc0\0";
pub(crate) const PINGRESP: &[u8] = b"\xd0\0";
pub(crate) const PUBACK: &[u8] = b"\x40\x02\0\x07";

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A PUBLISH of QoS 0, MQTT 3.1.1.
pub(crate) fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let body = [&u16::try_from(topic.len()).unwrap().to_be_bytes(), topic.as_bytes(), payload];
    let body = body.concat();
    let mut packet = vec![0x30];
    let mut len = body.len();
    loop {
        let more = if len > 127 { 0x80 } else { 0 };
        packet.push(u8::try_from(len % 128).unwrap() | more);
        len /= 128;
        if len == 0 {
            return [packet, body].concat();
        }
    }
}

/// A script of rules, one relay of it, and its clock.
pub(crate) struct World {
    pub(crate) faults: Faults,
    pub(crate) relay: Relay,
    pub(crate) now: Instant,
}

pub(crate) fn faults(rules: &str) -> Result<Faults, FaultsError> {
    Faults::new(Script::parse(rules).unwrap())
}

impl World {
    /// Each text is a rule.
    pub(crate) fn new(rules: &[&str]) -> Self {
        Self::speaking(Speech::Mqtt, rules)
    }

    pub(crate) fn speaking(speech: Speech, rules: &[&str]) -> Self {
        let script: String = rules.iter().map(|rule| format!("[[rule]]\n{rule}\n")).collect();
        let mut faults = faults(&script).unwrap();
        let relay = Relay::open(&mut faults, Instant::START, speech);
        Self { faults, relay, now: Instant::START }
    }

    /// A client that has connected; what that took has left.
    pub(crate) fn connected(rules: &[&str]) -> Self {
        let mut world = Self::new(rules);
        assert_eq!(world.client(CONNECT), CONNECT);
        assert_eq!(world.server(CONNACK), CONNACK);
        world
    }

    /// Another connection; the old one is gone.
    pub(crate) fn again(&mut self) {
        let next = Relay::open(&mut self.faults, self.now, Speech::Mqtt);
        std::mem::replace(&mut self.relay, next).forget(&mut self.faults);
    }

    /// The client sends; what leaves for the server.
    pub(crate) fn client(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.relay.receive(&mut self.faults, self.now, Side::Client, bytes);
        self.to(Side::Server)
    }

    /// The server sends; what leaves for the client.
    pub(crate) fn server(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.relay.receive(&mut self.faults, self.now, Side::Server, bytes);
        self.to(Side::Client)
    }

    pub(crate) fn ends(&mut self, side: Side) {
        self.relay.ended(&mut self.faults, self.now, side);
    }

    /// What leaves for a side now.
    pub(crate) fn to(&mut self, side: Side) -> Vec<u8> {
        let mut out = Vec::new();
        self.relay.take_output(self.now, side, &mut out);
        out
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.relay.tick(&mut self.faults, self.now);
    }

    /// How long until something is due.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.relay.deadline(self.now).map(|at| at.since(self.now))
    }

    pub(crate) fn is_over(&self, to: Side) -> bool {
        self.relay.is_over(self.now, to)
    }

    /// The actions that were applied since.
    pub(crate) fn applied(&mut self) -> Vec<&'static str> {
        self.relay.applied().into_iter().map(|it| it.action).collect()
    }
}
