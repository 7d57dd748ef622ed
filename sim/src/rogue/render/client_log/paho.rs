//! What paho.mqtt.python logs. Of the ends that it did not want, only a reset has
//! a line.

use std::fmt::Write;

use evenkeel_codec::{Packet, Publish};
use evenkeel_doctor::Side;

use super::super::packets;
use super::{Scene, clock};
use crate::rogue::scene::{Conn, What};

pub(super) fn log(scene: &Scene) -> String {
    let mut log = String::new();
    for line in &scene.lines {
        let Some(conn) = scene.connections.get(line.connection) else { continue };
        for text in texts(conn, &line.what) {
            let (day, time, milli) = clock(line.at);
            // Writing to a string does not fail.
            let _ = writeln!(
                log,
                "{day} {time},{milli:03} DEBUG (MainThread) [paho.mqtt.client] {text}"
            );
        }
    }
    log
}

fn texts(conn: &Conn, what: &What) -> Vec<String> {
    match what {
        What::Lost(bytes) => texts(conn, &What::Bytes(Side::Client, bytes.clone())),
        What::Bytes(side, bytes) => {
            let packets = packets(conn, bytes);
            packets.iter().filter_map(|packet| packet_text(conn, *side, packet)).collect()
        }
        What::Refused => vec!["Connection failed, retrying".into()],
        What::Reset(Side::Server) => {
            vec!["failed to receive on socket: [Errno 104] Connection reset by peer".into()]
        }
        _ => Vec::new(),
    }
}

fn packet_text(conn: &Conn, side: Side, packet: &Packet) -> Option<String> {
    let sent = if side == Side::Client { "Sending" } else { "Received" };
    Some(match packet {
        Packet::Connect(connect) => {
            let (user, clean) = (u8::from(conn.user.is_some()), u8::from(connect.clean_start));
            let (k, id) = (connect.keep_alive, &conn.id);
            format!(
                "Sending CONNECT (u{user}, p{user}, wr0, wq0, wf0, c{clean}, k{k}) \
                 client_id=b'{id}'"
            )
        }
        Packet::ConnAck(connack) => {
            format!(
                "Received CONNACK ({}, {})",
                u8::from(connack.session_present),
                connack.wire_code
            )
        }
        Packet::Publish(publish) => format!("{sent} PUBLISH ({}", published(side, publish)),
        Packet::PubAck(ack) if side == Side::Server => {
            format!("Received PUBACK (Mid: {})", ack.packet_id.get())
        }
        Packet::PubAck(ack) => format!("Sending PUBACK (Mid: {})", ack.packet_id.get()),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe.filters.iter();
            let filters: Vec<String> = filters
                .map(|it| format!("(b'{}', {})", it.filter.as_str(), it.options.qos as u8))
                .collect();
            format!(
                "Sending SUBSCRIBE (d0, m{}) [{}]",
                subscribe.packet_id.get(),
                filters.join(", ")
            )
        }
        Packet::SubAck(_) => "Received SUBACK".into(),
        Packet::PingReq => "Sending PINGREQ".into(),
        Packet::PingResp => "Received PINGRESP".into(),
        Packet::Disconnect(_) if side == Side::Client => "Sending DISCONNECT".into(),
        Packet::Disconnect(disconnect) => {
            format!("Received DISCONNECT {} []", disconnect.reason.0)
        }
        _ => return None,
    })
}

/// `d0, q1, r0, m7), 'b'site/7/level'', ... (3 bytes)`; what comes in has its
/// topic as text.
fn published(side: Side, publish: &Publish) -> String {
    let id = publish.packet_id.map_or(0, |id| id.get());
    let (dup, qos, retain) = (u8::from(publish.dup), publish.qos as u8, u8::from(publish.retain));
    let (topic, bytes) = (publish.topic.as_str(), publish.payload.len());
    match side {
        Side::Client => {
            format!("d{dup}, q{qos}, r{retain}, m{id}), 'b'{topic}'', ... ({bytes} bytes)")
        }
        Side::Server => {
            format!("d{dup}, q{qos}, r{retain}, m{id}), '{topic}', ...  ({bytes} bytes)")
        }
    }
}
