//! What MQTT.js logs with `DEBUG=mqttjs*`: as recorded, without the lines that
//! say nothing.

use std::fmt::Write;

use evenkeel_codec::{Packet, Publish, Version};
use evenkeel_doctor::Side;

use super::super::packets;
use super::{Scene, clock};
use crate::rogue::scene::{Conn, Line, Program, What};

pub(super) fn log(scene: &Scene) -> String {
    let mut log = Log { text: String::new(), at: 0.0, now: usize::MAX, closed: true };
    for (number, line) in scene.lines.iter().enumerate() {
        let Some(conn) = scene.connections.get(line.connection) else { continue };
        log.at = line.at;
        if line.what == What::Syn {
            log.begin(line, conn);
        } else if line.connection == log.now && !log.closed {
            let rest = scene.lines.get(number..).unwrap_or_default();
            log.line(scene.program, conn, &line.what, delay(rest));
        }
    }
    log.text
}

/// How long until the next connection begins.
fn delay(rest: &[Line]) -> Option<f64> {
    let now = rest.first()?.at;
    rest.iter().find(|line| line.what == What::Syn).map(|next| next.at - now)
}

struct Log {
    text: String,
    at: f64,
    /// The client's connection; one of another device has a log of its own.
    now: usize,
    closed: bool,
}

impl Log {
    fn say(&mut self, text: &str) {
        self.say_as("mqttjs:client", text);
    }

    fn say_as(&mut self, namespace: &str, text: &str) {
        let (day, time, milli) = clock(self.at);
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{day}T{time}.{milli:03}Z {namespace} {text}");
    }

    /// The stream is made, and CONNECT written to it before it is open.
    fn begin(&mut self, line: &Line, conn: &Conn) {
        if self.now == usize::MAX {
            self.say(&format!("MqttClient :: clientId {}", conn.id));
        }
        (self.now, self.closed) = (line.connection, false);
        self.say_as("mqttjs:tcp", "port 1883 and host 10.0.1.1");
        self.say("connect: sending packet `connect`");
        let user = conn.user.map_or_else(|| "undefined".into(), |user| format!("'{user}'"));
        let password = conn.user.map_or("undefined", |_| "<Buffer 78>");
        let version = if conn.version == Version::V5 { 5 } else { 4 };
        let (clean, id, k) = (conn.clean, &conn.id, conn.keep_alive);
        self.say(&format!(
            "_writePacket :: packet: {{\n  cmd: 'connect',\n  protocolId: 'MQTT',\n  \
             protocolVersion: {version},\n  clean: {clean},\n  clientId: '{id}',\n  \
             keepalive: {k},\n  username: {user},\n  password: {password},\n  \
             properties: undefined\n}}"
        ));
    }

    fn line(&mut self, program: Program, conn: &Conn, what: &What, delay: Option<f64>) {
        match what {
            What::Bytes(Side::Client, bytes) | What::Lost(bytes) => {
                packets(conn, bytes).iter().for_each(|packet| self.sent(conn, packet));
            }
            What::Bytes(Side::Server, bytes) => {
                packets(conn, bytes).iter().for_each(|packet| self.came(program, conn, packet));
            }
            What::Checked { closes } if program == Program::MqttJs5_3 => {
                self.say("_checkPing :: checking ping...");
                if *closes {
                    self.say("_checkPing :: calling _cleanUp with force true");
                    self.close(conn, delay);
                } else {
                    self.say(
                        "_checkPing :: ping response received. Clearing flag and sending `pingreq`",
                    );
                }
            }
            What::GivesUp if program == Program::MqttJs5_16 => {
                self.say("onKeepaliveTimeout :: calling _cleanUp with force true");
                self.close(conn, delay);
            }
            What::NoConnAck => {
                self.say("!!connectTimeout hit!! Calling _cleanUp with force `true`");
                self.close(conn, delay);
            }
            What::Fin(Side::Client) | What::Reset(Side::Client) => self.close(conn, delay),
            What::Refused | What::Fin(Side::Server) | What::Reset(Side::Server) => {
                self.on_close(conn, delay);
            }
            _ => {}
        }
    }

    /// The client destroys its stream.
    fn close(&mut self, conn: &Conn, delay: Option<f64>) {
        self.say("_cleanUp :: forced? true");
        self.say(&format!("_cleanUp :: ({}) :: destroying stream", conn.id));
        self.on_close(conn, delay);
    }

    fn on_close(&mut self, conn: &Conn, delay: Option<f64>) {
        self.say(&format!("({})stream :: on close", conn.id));
        if let Some(delay) = delay {
            let millis = (delay * 1000.0).round();
            self.say(&format!("_setupReconnect :: setting reconnectTimer for {millis} ms"));
        }
        self.closed = true;
    }

    fn sent(&mut self, conn: &Conn, packet: &Packet) {
        let dump = match packet {
            Packet::PingReq => "{ cmd: 'pingreq' }".into(),
            Packet::Publish(publish) => format!("{{ {} }}", published(publish)),
            Packet::PubAck(ack) => {
                format!("{{ cmd: 'puback', messageId: {}, reasonCode: 0 }}", ack.packet_id.get())
            }
            Packet::Subscribe(subscribe) => {
                let filters = subscribe.filters.iter().map(|it| {
                    format!("{{ topic: '{}', qos: {} }}", it.filter.as_str(), it.options.qos as u8)
                });
                let filters: Vec<String> = filters.collect();
                format!(
                    "{{\n  cmd: 'subscribe',\n  subscriptions: [ {} ],\n  messageId: {}\n}}",
                    filters.join(", "),
                    subscribe.packet_id.get()
                )
            }
            Packet::Disconnect(_) => "{ cmd: 'disconnect' }".into(),
            _ => return,
        };
        self.say(&format!("_sendPacket :: ({}) ::  start", conn.id));
        self.say(&format!("_writePacket :: packet: {dump}"));
        self.say("_writePacket :: emitting `packetsend`");
    }

    fn came(&mut self, program: Program, conn: &Conn, packet: &Packet) {
        self.say("_handlePacket :: emitting packetreceive");
        match packet {
            Packet::ConnAck(connack) => {
                self.say("_handleConnack");
                if connack.wire_code == 0 {
                    let k = conn.keep_alive;
                    self.say(&format!("_setupPingTimer :: keepalive {k} (seconds)"));
                } else if program == Program::MqttJs5_16 {
                    let code = connack.wire_code;
                    self.say(&format!(
                        "_handleConnack :: connection refused with reason code {code}"
                    ));
                }
            }
            Packet::Publish(publish) => {
                let dump = published(publish);
                self.say(&format!("handlePublish: packet Packet {{ {dump} }}"));
                self.say(&format!("handlePublish: qos {}", publish.qos as u8));
            }
            Packet::PubAck(_) => self.say("_handleAck :: packet type puback"),
            Packet::SubAck(_) => self.say("_handleAck :: packet type suback"),
            _ => {}
        }
    }
}

/// A PUBLISH as Node prints it; `length` is that of the packet behind its header.
fn published(publish: &Publish) -> String {
    let (retain, dup, qos) = (publish.retain, publish.dup, publish.qos as u8);
    let (topic, payload) = (publish.topic.as_str(), publish.payload.len());
    let id = publish.packet_id.map(|id| format!(", messageId: {}", id.get())).unwrap_or_default();
    let length = 2 + topic.len() + payload + if id.is_empty() { 0 } else { 2 };
    format!(
        "cmd: 'publish', retain: {retain}, qos: {qos}, dup: {dup}, length: {length}, \
         topic: '{topic}', payload: <Buffer 34>{id}"
    )
}
