//! The events of an Evenkeel client, as `evenkeel sub --events` writes them:
//! of a client that has the fault, or lives with it.

use evenkeel_codec::{Packet, Version};
use evenkeel_doctor::Side;
use serde_json::{Map, Value, json};

use super::{BEGIN, Scene, packets};
use crate::rogue::scene::{Conn, What};

pub(super) fn render(scene: &Scene) -> String {
    let mut client = Client { version: scene.events, ..Client::default() };
    for line in &scene.lines {
        let Some(conn) = scene.connections.get(line.connection) else { continue };
        let number = line.connection;
        // One client writes one file; another device has its own.
        let who = client.who.get_or_insert_with(|| (conn.host, conn.id.clone()));
        if (who.0, &who.1) != (conn.host, &conn.id) {
            continue;
        }
        if line.what == What::Syn {
            client.begin(conn, number, line.at);
        }
        if client.now != Some(number) {
            continue;
        }
        client.line(conn, &line.what, line.at);
    }
    client.lines.concat()
}

/// What the client knows while it writes.
#[derive(Debug, Default)]
struct Client {
    version: u8,
    lines: Vec<String>,
    /// Its host and identifier.
    who: Option<(u8, String)>,
    attempt: u32,
    /// When the newest connection ended, if no retry was told since.
    ended: Option<f64>,
    /// The connection in hand; none once its end is told.
    now: Option<usize>,
    own: Own,
    why: Why,
    /// It does not read; and what it will read then: how the server ended it.
    paused: bool,
    unread: Option<What>,
    pinged: Vec<f64>,
}

/// A connection of its own.
#[derive(Debug, Default)]
struct Own {
    began: f64,
    online: Option<f64>,
    keep_alive: u16,
    sent: Option<f64>,
    received: Option<f64>,
}

/// Why the connection ends.
#[derive(Debug, Default)]
struct Why {
    gives_up: bool,
    no_connack: bool,
    goodbye: bool,
    /// The code of the server's DISCONNECT.
    code: Option<u8>,
}

impl Client {
    fn say(&mut self, at: f64, event: &str, fields: Value) {
        let (second, nano) = (BEGIN + at as u64, (at.fract() * 1e9) as u64);
        let (day, clock) = (2 + (second - MIDNIGHT) / 86_400, (second - MIDNIGHT) % 86_400);
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        let time = format!("2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}.{nano:09}Z");
        let mut line = Map::new();
        line.insert("v".into(), self.version.into());
        line.insert("type".into(), "event".into());
        line.insert("time".into(), time.into());
        line.insert("event".into(), event.into());
        if self.version >= 2 {
            self.situation(at, &mut line);
        }
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        self.lines.push(format!("{}\n", Value::Object(line)));
    }

    /// What version 2 says with every event.
    fn situation(&self, at: f64, line: &mut Map<String, Value>) {
        let ago = |time: Option<f64>| time.map(|time| to_the_millisecond(at - time));
        let own = &self.own;
        let all = json!({
            "mono_ns": (at * 1e9) as u64,
            "client_id": self.who.as_ref().map(|(_, id)| id),
            "connection": self.attempt,
            "server_url": "mqtt://10.0.1.1:1883",
            "keep_alive_s": own.online.map(|_| own.keep_alive),
            "last_sent_s": ago(own.sent),
            "last_received_s": ago(own.received),
            "in_flight": 0,
            "queued": 0,
        });
        if let Value::Object(all) = all {
            line.extend(all);
        }
    }

    /// A name of a class or a pace, which version 2 writes in lower case.
    fn label(&self, name: &str) -> String {
        if self.version < 2 {
            return name.into();
        }
        let mut label = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !label.is_empty() {
                label.push('_');
            }
            label.extend(letter.to_lowercase());
        }
        label
    }

    fn begin(&mut self, conn: &Conn, number: usize, at: f64) {
        if let Some(ended) = self.ended.take() {
            let (attempt, pace) = (self.attempt, self.label("BackOff"));
            let delay = to_the_millisecond(at - ended);
            let fields = json!({ "attempt": attempt, "delay_s": delay, "pace": pace });
            self.say(ended, "retry", fields);
        }
        self.attempt += 1;
        self.now = Some(number);
        self.own = Own { began: at, keep_alive: conn.keep_alive, ..Own::default() };
        (self.why, self.pinged) = (Why::default(), Vec::new());
        let attempt = self.attempt;
        self.say(at, "connecting", json!({ "attempt": attempt, "server": 0 }));
    }

    fn line(&mut self, conn: &Conn, what: &What, at: f64) {
        match what {
            What::Bytes(Side::Client, bytes) | What::Lost(bytes) => {
                self.own.sent = Some(at);
                for packet in packets(conn, bytes) {
                    self.sent(&packet, at);
                }
            }
            What::Bytes(Side::Server, bytes) => {
                self.own.received = Some(at);
                for packet in packets(conn, bytes) {
                    self.came(conn, &packet, at);
                }
            }
            What::GivesUp => {
                self.why.gives_up = true;
                if let Some(asked) = self.pinged.last() {
                    let after = to_the_millisecond(at - asked);
                    let heard = self.own.received > Some(*asked);
                    self.say(at, "ping_unanswered", json!({ "after_s": after, "heard": heard }));
                }
            }
            What::NoConnAck => self.why.no_connack = true,
            What::SetsAside(topic) => {
                self.say(at, "quarantined", json!({ "topic": topic, "deaths": 3, "serial": null }));
            }
            What::Pauses(true) => {
                self.paused = true;
                self.say(at, "reading_paused", Value::Null);
            }
            What::Pauses(false) => {
                self.paused = false;
                self.say(at, "reading_resumed", Value::Null);
                if let Some(end) = self.unread.take() {
                    self.line(conn, &end, at);
                }
            }
            What::Fin(Side::Server) | What::Reset(Side::Server) if self.paused => {
                self.unread = Some(what.clone());
            }
            What::Refused => {
                let cause = "10.0.1.1:1883: Connection refused (os error 111)";
                self.ends(at, cause, "Network", None);
            }
            What::Fin(side) => self.ends_by(*side, "the server closed the connection", at),
            What::Reset(side) => self.ends_by(*side, "the connection was reset", at),
            _ => {}
        }
    }

    fn sent(&mut self, packet: &Packet, at: f64) {
        match packet {
            Packet::PingReq => {
                self.pinged.push(at);
                self.say(at, "ping_sent", Value::Null);
            }
            Packet::Disconnect(_) => self.why.goodbye = true,
            _ => {}
        }
    }

    fn came(&mut self, conn: &Conn, packet: &Packet, at: f64) {
        match packet {
            Packet::ConnAck(connack) if connack.wire_code == 0 => {
                self.own.online = Some(at);
                let took = to_the_millisecond((at - self.own.began) * 1e3);
                let version = if conn.version == Version::V5 { 5 } else { 4 };
                let present = connack.session_present;
                self.say(
                    at,
                    "connected",
                    json!({
                        "version": version,
                        "session_present": present,
                        "assigned_client_id": null,
                        "took_ms": took,
                    }),
                );
            }
            Packet::ConnAck(connack) => {
                let cause = "the server refused the connection: not authorized";
                // 3.1.1's codes are told as those of MQTT 5.
                let code = if connack.wire_code < 0x80 { 0x87 } else { connack.wire_code };
                self.ends(at, cause, "Refused", Some(code));
            }
            Packet::PingResp if self.pinged.is_empty() => {
                self.say(at, "pong_unsolicited", Value::Null);
            }
            Packet::PingResp => {
                let asked = self.pinged.remove(0);
                let trip = to_the_millisecond((at - asked) * 1e3);
                self.say(at, "pong", json!({ "round_trip_ms": trip }));
            }
            Packet::Disconnect(disconnect) => self.why.code = Some(disconnect.reason.0),
            _ => {}
        }
    }

    fn ends_by(&mut self, side: Side, how: &str, at: f64) {
        match (side, self.why.code) {
            (_, Some(code)) => {
                let class = if code == 0x8E { "TakenOver" } else { "ServerGoingAway" };
                self.ends(at, "the server disconnected", class, Some(code));
            }
            (Side::Server, None) if self.own.online.is_none() => {
                self.ends(at, &format!("{how} while waiting for CONNACK"), "Network", None);
            }
            (Side::Server, None) => self.ends(at, how, "Network", None),
            _ if self.why.gives_up => {
                let cause = "the link is dead: a ping was not answered and nothing else came";
                self.ends(at, cause, "KeepAliveDeath", None);
            }
            _ if self.why.no_connack => {
                let cause = "no connection within 5s, ran out while waiting for CONNACK";
                self.ends(at, cause, "Network", None);
            }
            _ if self.why.goodbye => self.ends(at, "the client was shut down", "Local", None),
            _ => self.ends(at, "a new connection was asked for", "Local", None),
        }
    }

    fn ends(&mut self, at: f64, cause: &str, class: &str, code: Option<u8>) {
        let online = self.own.online.map(|online| to_the_millisecond(at - online));
        let class = self.label(class);
        let mut fields =
            json!({ "cause": cause, "class": class, "reason_code": code, "online_s": online });
        if self.version >= 2 {
            fields["closer"] = closer(cause, code).into();
        }
        self.say(at, "disconnected", fields);
        (self.now, self.ended) = (None, Some(at));
    }
}

/// Who ended it, as version 2 says.
fn closer(cause: &str, code: Option<u8>) -> &'static str {
    match cause {
        _ if code.is_some() => "server",
        _ if cause.starts_with("the server closed") => "peer",
        _ if cause.starts_with("the connection was reset") || cause.contains("refused") => "peer",
        _ => "client",
    }
}

/// 2026-01-02 00:00:00 UTC.
const MIDNIGHT: u64 = BEGIN - BEGIN % 86_400;

fn to_the_millisecond(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
