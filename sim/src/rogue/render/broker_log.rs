//! The broker's log, as mosquitto 2.0 writes it with `log_type all`: seconds,
//! no milliseconds.

use std::fmt::Write;

use evenkeel_codec::{Packet, Publish, Version};
use evenkeel_doctor::Side;

use super::{BEGIN, Scene, packets};
use crate::rogue::scene::{Conn, What};

/// What the broker knows of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    connected: bool,
    goodbye: bool,
    ended: bool,
    /// Nothing that the client does arrives any more.
    cut_off: bool,
}

pub(super) fn render(scene: &Scene) -> String {
    let mut log = String::new();
    let mut known = vec![Known::default(); scene.connections.len()];
    for line in &scene.lines {
        let (Some(conn), Some(state)) =
            (scene.connections.get(line.connection), known.get_mut(line.connection))
        else {
            continue;
        };
        let seconds = BEGIN + line.at as u64;
        for text in texts(conn, state, &line.what) {
            // Writing to a string does not fail.
            let _ = writeln!(log, "{seconds}: {text}");
        }
    }
    log
}

fn texts(conn: &Conn, known: &mut Known, what: &What) -> Vec<String> {
    let id = &conn.id;
    match what {
        What::Log(words) => vec![(*words).into()],
        _ if known.ended => Vec::new(),
        What::Lost(_) => {
            known.cut_off = true;
            Vec::new()
        }
        What::Bytes(Side::Client, _) | What::Fin(Side::Client) | What::Reset(Side::Client)
            if known.cut_off =>
        {
            Vec::new()
        }
        What::SynAck => {
            let (host, port) = (conn.host, conn.port);
            vec![format!("New connection from 10.0.0.{host}:{port} on port {}.", conn.server_port)]
        }
        What::Bytes(Side::Client, bytes) => {
            packets(conn, bytes).iter().flat_map(|packet| came(conn, known, packet)).collect()
        }
        What::Bytes(Side::Server, bytes) => {
            packets(conn, bytes).iter().flat_map(|packet| sent(conn, known, packet)).collect()
        }
        What::Fin(Side::Client) | What::Reset(Side::Client) if known.connected => {
            known.ended = true;
            let how = if known.goodbye { "disconnected." } else { "closed its connection." };
            vec![format!("Client {id} {how}")]
        }
        What::Fin(Side::Server) | What::Reset(Side::Server) => {
            known.ended = true;
            Vec::new()
        }
        What::Broker(words) => {
            known.ended = true;
            vec![format!("Client {id} {words}")]
        }
        _ => Vec::new(),
    }
}

fn came(conn: &Conn, known: &mut Known, packet: &Packet) -> Vec<String> {
    let id = &conn.id;
    match packet {
        Packet::PingReq => vec![format!("Received PINGREQ from {id}")],
        Packet::Publish(publish) => vec![format!("Received PUBLISH from {id} {}", told(publish))],
        Packet::PubAck(ack) => {
            vec![format!("Received PUBACK from {id} (Mid: {}, RC:0)", ack.packet_id.get())]
        }
        Packet::Subscribe(subscribe) => {
            let mut lines = format!("Received SUBSCRIBE from {id}");
            for it in &subscribe.filters {
                let _ = write!(lines, "\n\t{} (QoS {})", it.filter.as_str(), it.options.qos as u8);
            }
            vec![lines]
        }
        Packet::Disconnect(_) => {
            known.goodbye = true;
            vec![format!("Received DISCONNECT from {id}")]
        }
        _ => Vec::new(),
    }
}

fn sent(conn: &Conn, known: &mut Known, packet: &Packet) -> Vec<String> {
    let id = &conn.id;
    match packet {
        Packet::ConnAck(connack) if connack.wire_code == 0 => {
            known.connected = true;
            let version = if conn.version == Version::V5 { "p5" } else { "p2" };
            let (clean, k) = (u8::from(conn.clean), conn.keep_alive);
            let user = conn.user.map(|user| format!(", u'{user}'")).unwrap_or_default();
            let (host, port) = (conn.host, conn.port);
            let present = u8::from(connack.session_present);
            vec![
                format!(
                    "New client connected from 10.0.0.{host}:{port} as {id} \
                     ({version}, c{clean}, k{k}{user})."
                ),
                "No will message specified.".into(),
                format!("Sending CONNACK to {id} ({present}, 0)"),
            ]
        }
        Packet::ConnAck(connack) => {
            known.ended = true;
            vec![
                format!("Sending CONNACK to {id} (0, {})", connack.wire_code),
                format!("Client {id} disconnected, not authorised."),
            ]
        }
        Packet::PingResp => vec![format!("Sending PINGRESP to {id}")],
        Packet::Publish(publish) => vec![format!("Sending PUBLISH to {id} {}", told(publish))],
        Packet::PubAck(ack) => {
            vec![format!("Sending PUBACK to {id} (m{}, rc0)", ack.packet_id.get())]
        }
        Packet::SubAck(_) => vec![format!("Sending SUBACK to {id}")],
        Packet::Disconnect(disconnect) => {
            vec![format!("Sending DISCONNECT to {id} (rc{})", disconnect.reason.0)]
        }
        _ => Vec::new(),
    }
}

/// `(d0, q1, r0, m7, 'site/7/level', ... (3 bytes))`.
fn told(publish: &Publish) -> String {
    let (dup, qos, retain) = (u8::from(publish.dup), publish.qos as u8, u8::from(publish.retain));
    let id = publish.packet_id.map_or(0, |id| id.get());
    let (topic, bytes) = (publish.topic.as_str(), publish.payload.len());
    format!("(d{dup}, q{qos}, r{retain}, m{id}, '{topic}', ... ({bytes} bytes))")
}
