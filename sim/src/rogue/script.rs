//! A hand to write scenes with: a clock, a network, and packets.

use bytes::Bytes;
use evenkeel_codec::{
    Ack, ConnAck, Connect, Disconnect, Packet, PacketId, Properties, Property, Publish, QoS,
    ReasonCode, SubAck, Subscribe, SubscribeFilter, SubscribeOptions, Text, TopicFilter, Version,
};
use evenkeel_doctor::{Side, Vantage};

use super::scene::{Camera, Conn, Line, Program, Scene, What};
use crate::rng::Rng;

/// Writes a scene. Times are seconds; `now` goes only forward.
pub(super) struct Script<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) now: f64,
    /// The time from one side to the other.
    pub(super) way: f64,
    pub(super) version: Version,
    pub(super) server_port: u16,
    /// The server says why it ends a connection.
    pub(super) says_why: bool,
    scene: Scene,
    next_port: u16,
}

/// What a script's client says in CONNECT.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) id: String,
    pub(super) host: u8,
    pub(super) keep_alive: u16,
    pub(super) clean: bool,
    pub(super) user: Option<&'static str>,
}

impl<'a> Script<'a> {
    pub(super) fn new(
        rng: &'a mut Rng,
        name: &'static str,
        accepted: &'static [&'static str],
        shown_by: &[Vantage],
    ) -> Self {
        let way = [0.000_1, 0.002, 0.02, 0.08][rng.index(4)] * (1.0 + rng.below(50) as f64 / 100.0);
        let version = if rng.one_in(2) { Version::V5 } else { Version::V311 };
        let next_port = 40_000 + rng.below(10_000) as u16;
        let events = if rng.one_in(4) { 1 } else { 2 };
        let shown_by = shown_by.to_vec();
        let scene = Scene { name, accepted, shown_by, events, ..Scene::default() };
        Self { rng, now: 1.0, way, version, server_port: 1883, says_why: false, scene, next_port }
    }

    /// The client of this script, with a keep-alive of these seconds.
    pub(super) fn who(&mut self, keep_alive: u16) -> Who {
        let id = format!("pump-{}", self.rng.below(90) + 10);
        let host = 2 + self.rng.below(200) as u8;
        Who { id, host, keep_alive, clean: true, user: None }
    }

    /// One of these keep-alives.
    pub(super) fn keep_alive(&mut self) -> u16 {
        [10, 20, 30, 60][self.rng.index(4)]
    }

    pub(super) fn profile(&mut self, name: &'static str) {
        self.scene.profile = Some(name);
    }

    /// The program that writes the client's log.
    pub(super) fn program(&mut self, program: Program) {
        self.scene.program = program;
    }

    /// One more kind of file shows the fault, in this world.
    pub(super) fn shows(&mut self, vantage: Vantage) {
        self.scene.shown_by.push(vantage);
    }

    /// Events of version 2 show the fault.
    pub(super) fn events_2_show(&mut self) {
        if self.scene.events == 2 {
            self.shows(Vantage::ClientEvents);
        }
    }

    /// The client's log is MQTT.js's, old or new, or Paho's; of `shown`, that
    /// it shows the fault.
    pub(super) fn log_of(&mut self, shown: &[Program]) {
        let all = [Program::Paho, Program::MqttJs5_3, Program::MqttJs5_16];
        let program = all[self.rng.index(3)];
        self.program(program);
        if shown.contains(&program) {
            self.shows(Vantage::ClientLog);
        }
    }

    /// What the newest line says.
    pub(super) fn last(&self) -> What {
        let last = self.scene.lines.last();
        last.map_or(What::Syn, |line| line.what.clone())
    }

    pub(super) fn camera(&mut self, camera: Camera) {
        self.scene.camera = camera;
    }

    /// The scene, its lines in the order of their times.
    pub(super) fn done(mut self) -> Scene {
        self.scene.lines.sort_by(|one, other| one.at.total_cmp(&other.at));
        self.scene
    }

    pub(super) fn wait(&mut self, seconds: f64) {
        self.now += seconds;
    }

    /// About so many seconds: up to a tenth less or more.
    pub(super) fn about(&mut self, seconds: f64) {
        let tenth = self.rng.below(2001) as f64 / 10_000.0 - 0.1;
        self.now += seconds * (1.0 + tenth);
    }

    pub(super) fn line_at(&mut self, at: f64, connection: usize, what: What) {
        self.scene.lines.push(Line { at, connection, what });
    }

    pub(super) fn line(&mut self, connection: usize, what: What) {
        self.line_at(self.now, connection, what);
    }

    /// A connection for this client, without any packet yet.
    pub(super) fn connection(&mut self, who: &Who) -> usize {
        self.next_port = self.next_port.wrapping_add(1).max(20_000);
        self.scene.connections.push(Conn {
            host: who.host,
            port: self.next_port,
            server_port: self.server_port,
            id: who.id.clone(),
            keep_alive: who.keep_alive,
            clean: who.clean,
            user: who.user,
            version: self.version,
        });
        self.scene.connections.len() - 1
    }

    /// TCP comes up.
    pub(super) fn tcp(&mut self, who: &Who) -> usize {
        let connection = self.connection(who);
        self.line(connection, What::Syn);
        self.now += 2.0 * self.way;
        self.line(connection, What::SynAck);
        self.now += 0.001;
        connection
    }

    /// The SYN is refused.
    pub(super) fn refused(&mut self, who: &Who) {
        let connection = self.connection(who);
        self.line(connection, What::Syn);
        self.now += 2.0 * self.way;
        self.line(connection, What::Refused);
    }

    /// TCP, CONNECT, CONNACK with success.
    pub(super) fn open(&mut self, who: &Who) -> usize {
        let connection = self.tcp(who);
        self.connect(connection, who);
        self.connack(connection, 0, false, Vec::new());
        connection
    }

    pub(super) fn connect(&mut self, connection: usize, who: &Who) {
        let connect = Packet::Connect(Connect {
            version: self.version,
            clean_start: who.clean,
            keep_alive: who.keep_alive,
            client_id: text(&who.id),
            will: None,
            username: who.user.map(text),
            password: who.user.map(|user| Bytes::from(user.to_owned())),
            properties: Properties::new(),
        });
        self.client_sends(connection, &connect);
    }

    /// CONNACK, a round trip later.
    pub(super) fn connack(
        &mut self,
        connection: usize,
        code: u8,
        session_present: bool,
        properties: Vec<Property>,
    ) {
        self.now += 2.0 * self.way + 0.000_5;
        let mut all = Properties::new();
        if self.version == Version::V5 {
            properties.into_iter().for_each(|property| all.push(property));
        }
        let connack =
            ConnAck { session_present, reason: ReasonCode(code), wire_code: code, properties: all };
        self.server_sends(connection, &Packet::ConnAck(connack));
    }

    pub(super) fn encoded(&self, packet: &Packet) -> Vec<u8> {
        let mut bytes = Vec::new();
        // The scripts make no packet that cannot be.
        let _ = packet.encode(self.version, &mut bytes);
        bytes
    }

    pub(super) fn client_sends(&mut self, connection: usize, packet: &Packet) {
        let bytes = self.encoded(packet);
        self.line(connection, What::Bytes(Side::Client, bytes));
    }

    /// A packet that never arrives.
    pub(super) fn client_sends_in_vain(&mut self, connection: usize, packet: &Packet) {
        let bytes = self.encoded(packet);
        self.line(connection, What::Lost(bytes));
    }

    pub(super) fn server_sends(&mut self, connection: usize, packet: &Packet) {
        let bytes = self.encoded(packet);
        self.line(connection, What::Bytes(Side::Server, bytes));
    }

    pub(super) fn ping(&mut self, connection: usize) {
        self.client_sends(connection, &Packet::PingReq);
    }

    /// PINGRESP, a round trip after now; time does not pass.
    pub(super) fn pong_later(&mut self, connection: usize) {
        let bytes = self.encoded(&Packet::PingResp);
        let at = self.now + 2.0 * self.way + 0.000_3;
        self.line_at(at, connection, What::Bytes(Side::Server, bytes));
    }

    /// PINGREQ and its answer; the time of the round trip passes.
    pub(super) fn pinged(&mut self, connection: usize) {
        self.ping(connection);
        self.pong_later(connection);
        self.now += 2.0 * self.way + 0.001;
    }

    pub(super) fn publish(&mut self, from: Side, connection: usize, message: &Message<'_>) {
        let packet = message.packet();
        match from {
            Side::Client => self.client_sends(connection, &packet),
            Side::Server => self.server_sends(connection, &packet),
        }
    }

    /// PUBACK of the other side, a round trip after now; time does not pass.
    pub(super) fn acked_later(&mut self, by: Side, connection: usize, id: u16) {
        let ack = Ack {
            packet_id: packet_id(id),
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        };
        let bytes = self.encoded(&Packet::PubAck(ack));
        let at = self.now + 2.0 * self.way + 0.000_4;
        self.line_at(at, connection, What::Bytes(by, bytes));
    }

    pub(super) fn subscribe(&mut self, connection: usize, id: u16, filters: &[&str], qos: QoS) {
        let filters = filters.iter().filter_map(|filter| {
            let options = SubscribeOptions { qos, ..SubscribeOptions::default() };
            Some(SubscribeFilter { filter: TopicFilter::try_from(*filter).ok()?, options })
        });
        let subscribe = Subscribe {
            packet_id: packet_id(id),
            filters: filters.collect(),
            properties: Properties::new(),
        };
        self.client_sends(connection, &Packet::Subscribe(subscribe));
    }

    /// SUBACK, a round trip later.
    pub(super) fn suback(&mut self, connection: usize, id: u16, codes: &[u8]) {
        self.now += 2.0 * self.way + 0.000_5;
        let suback = SubAck {
            packet_id: packet_id(id),
            codes: codes.iter().copied().map(ReasonCode).collect(),
            properties: Properties::new(),
        };
        self.server_sends(connection, &Packet::SubAck(suback));
    }

    /// A new connection of this client takes the session of the old one.
    pub(super) fn takes_over(&mut self, old: usize, who: &Who) -> usize {
        let connection = self.tcp(who);
        self.connect(connection, who);
        let taken = self.now + self.way + 0.000_4;
        self.line_at(taken, old, What::Broker("already connected, closing old connection."));
        if self.says_why {
            let reason = ReasonCode::SESSION_TAKEN_OVER;
            let disconnect = Disconnect { reason, properties: Properties::new() };
            let bytes = self.encoded(&Packet::Disconnect(disconnect));
            self.line_at(taken, old, What::Bytes(Side::Server, bytes));
        }
        self.line_at(taken, old, What::Fin(Side::Server));
        self.connack(connection, 0, false, Vec::new());
        connection
    }

    /// The server stops, and says so with MQTT 5.
    pub(super) fn stops(&mut self, connection: usize) {
        if self.version == Version::V5 {
            let reason = ReasonCode::SERVER_SHUTTING_DOWN;
            let disconnect = Disconnect { reason, properties: Properties::new() };
            self.server_sends(connection, &Packet::Disconnect(disconnect));
        }
        self.line(connection, What::Fin(Side::Server));
    }

    /// DISCONNECT and FIN, as it should be.
    pub(super) fn goodbye(&mut self, connection: usize) {
        let disconnect = Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        });
        self.client_sends(connection, &disconnect);
        self.now += 0.000_2;
        self.line(connection, What::Fin(Side::Client));
    }

    /// Traffic of a client that is well, for so many seconds.
    pub(super) fn healthy(&mut self, connection: usize, who: &Who, seconds: f64) {
        let until = self.now + seconds;
        let mut id = 1;
        while self.now < until {
            let idle = if self.rng.one_in(3) {
                f64::from(who.keep_alive) * (0.1 + self.rng.below(60) as f64 / 100.0)
            } else {
                f64::from(who.keep_alive)
            };
            if self.now + idle >= until {
                break;
            }
            self.now += idle;
            if idle < f64::from(who.keep_alive) {
                let message = Message { id, ..Message::default() };
                self.publish(Side::Client, connection, &message);
                self.acked_later(Side::Server, connection, id);
                self.now += 2.0 * self.way + 0.001;
                id += 1;
            } else {
                self.pinged(connection);
            }
        }
        self.now = until.max(self.now);
    }
}

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    pub(super) topic: &'a str,
    pub(super) id: u16,
    pub(super) qos: QoS,
    pub(super) dup: bool,
    pub(super) retain: bool,
    pub(super) payload: Vec<u8>,
}

impl Default for Message<'_> {
    fn default() -> Self {
        Self {
            topic: "site/7/level",
            id: 1,
            qos: QoS::AtLeastOnce,
            dup: false,
            retain: false,
            payload: b"4.2".to_vec(),
        }
    }
}

impl Message<'_> {
    pub(super) fn packet(&self) -> Packet {
        Packet::Publish(Publish {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: text(self.topic),
            packet_id: (self.qos != QoS::AtMostOnce).then(|| packet_id(self.id)),
            payload: self.payload.clone().into(),
            properties: Properties::new(),
        })
    }
}

pub(super) fn packet_id(id: u16) -> PacketId {
    PacketId::new(id.max(1)).expect("not 0")
}

pub(super) fn text(text: &str) -> Text {
    Text::try_from(text.to_owned()).unwrap_or_default()
}

/// Captures alone.
pub(super) const WIRE: &[Vantage] = &[Vantage::Plain, Vantage::Encrypted];

/// The capture in the clear alone.
pub(super) const PLAIN: &[Vantage] = &[Vantage::Plain];
