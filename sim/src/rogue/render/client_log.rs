//! The client's log: MQTT.js's timers if the scene has them, else paho's.

use std::fmt::Write;

use evenkeel_doctor::Side;

use super::{BEGIN, Scene};
use crate::rogue::scene::What;

pub(super) fn render(scene: &Scene) -> (String, &'static str) {
    let timers = scene.lines.iter().any(|line| matches!(line.what, What::Checked { .. }));
    if timers { (mqttjs(scene), "mqttjs") } else { (paho(scene), "paho-python") }
}

/// The day, minute and second of a time.
fn clock(at: f64) -> (u64, u64, u64, u64, u64) {
    let millis = (at * 1000.0) as u64;
    let seconds = BEGIN % 86_400 + millis / 1000;
    let (day, second) = (2 + seconds / 86_400, seconds % 86_400);
    (day, second / 3600, second / 60 % 60, second % 60, millis % 1000)
}

fn mqttjs(scene: &Scene) -> String {
    let mut log = String::new();
    let mut connection = usize::MAX;
    for line in &scene.lines {
        let (day, hour, minute, second, milli) = clock(line.at);
        let mut say = |namespace: &str, text: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(
                log,
                "2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z {namespace} {text}"
            );
        };
        let conn = scene.connections.get(line.connection);
        match &line.what {
            What::Syn => {
                if connection == usize::MAX {
                    let id = conn.map_or("", |conn| &conn.id);
                    say("mqttjs:client", &format!("MqttClient :: clientId {id}"));
                }
                connection = line.connection;
                say("mqttjs:tcp", "port 1883 and host 10.0.1.1");
            }
            What::Bytes(Side::Server, bytes) if bytes.first().is_some_and(|it| it >> 4 == 2) => {
                let keep_alive = conn.map_or(0, |conn| conn.keep_alive);
                say("mqttjs:client", "_handlePacket :: emitting packetreceive");
                say("mqttjs:client", "_handleConnack");
                let text = format!("_setupPingTimer :: keepalive {keep_alive} (seconds)");
                say("mqttjs:client", &text);
            }
            What::Bytes(Side::Server, bytes) if bytes.first().is_some_and(|it| it >> 4 == 13) => {
                say("mqttjs:client", "_handlePacket :: emitting packetreceive");
            }
            What::Checked { closes: false } if line.connection == connection => {
                say("mqttjs:client", "_checkPing :: checking ping...");
                say(
                    "mqttjs:client",
                    "_checkPing :: ping response received. Clearing flag and sending `pingreq`",
                );
                let id = conn.map_or("", |conn| &conn.id);
                say("mqttjs:client", &format!("_sendPacket :: ({id}) ::  start"));
                say("mqttjs:client", "_writePacket :: packet: { cmd: 'pingreq' }");
                say("mqttjs:client", "_writePacket :: emitting `packetsend`");
            }
            What::Checked { closes: true } if line.connection == connection => {
                say("mqttjs:client", "_checkPing :: checking ping...");
                say("mqttjs:client", "_checkPing :: calling _cleanUp with force true");
                let id = conn.map_or("", |conn| &conn.id);
                say("mqttjs:client", "_cleanUp :: forced? true");
                say("mqttjs:client", &format!("_cleanUp :: ({id}) :: destroying stream"));
                say("mqttjs:client", &format!("({id})stream :: on close"));
            }
            _ => {}
        }
    }
    log
}

fn paho(scene: &Scene) -> String {
    let mut log = String::new();
    for line in &scene.lines {
        let Some(conn) = scene.connections.get(line.connection) else { continue };
        let text = match &line.what {
            What::Bytes(side, bytes) => match packet(conn, *side, bytes) {
                Some(text) => text,
                None => continue,
            },
            What::Refused => "Connection failed, retrying".into(),
            What::Reset(Side::Server) => {
                "failed to receive on socket: [Errno 104] Connection reset by peer".into()
            }
            _ => continue,
        };
        let (day, hour, minute, second, milli) = clock(line.at);
        // Writing to a string does not fail.
        let _ = writeln!(
            log,
            "2026-01-{day:02} {hour:02}:{minute:02}:{second:02},{milli:03} DEBUG (MainThread) [paho.mqtt.client] {text}"
        );
    }
    log
}

fn packet(conn: &crate::rogue::Conn, side: Side, bytes: &[u8]) -> Option<String> {
    let first = bytes.first()?;
    let id = &conn.id;
    Some(match (side, first >> 4) {
        (Side::Client, 1) => format!(
            "Sending CONNECT (u0, p0, wr0, wq0, wf0, c1, k{}) client_id=b'{id}'",
            conn.keep_alive
        ),
        (Side::Server, 2) => format!("Received CONNACK (0, {})", bytes.get(3)?),
        (Side::Client, 3) => {
            let qos = first >> 1 & 3;
            let dup = first >> 3 & 1;
            format!("Sending PUBLISH (d{dup}, q{qos}, r0, m1), 'b'site/7/level'', ... (3 bytes)")
        }
        (Side::Server, 3) => {
            "Received PUBLISH (d0, q0, r0, m0), 'site/7/level', ...  (3 bytes)".into()
        }
        (Side::Server, 4) => "Received PUBACK (Mid: 1)".into(),
        (Side::Client, 4) => "Sending PUBACK (Mid: 1)".into(),
        (Side::Client, 8) => "Sending SUBSCRIBE (d0, m1) [(b'site/#', 1)]".into(),
        (Side::Server, 9) => "Received SUBACK".into(),
        (Side::Client, 12) => "Sending PINGREQ".into(),
        (Side::Server, 13) => "Received PINGRESP".into(),
        (Side::Client, 14) => "Sending DISCONNECT".into(),
        _ => return None,
    })
}
