//! The broker's log, as mosquitto 2.0 writes it with `log_type all`: seconds,
//! no milliseconds.

use std::fmt::Write;

use evenkeel_codec::Version;
use evenkeel_doctor::Side;

use super::{BEGIN, Scene};
use crate::rogue::scene::{Conn, What};

/// What the broker knows of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    connected: bool,
    goodbye: bool,
    ended: bool,
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
        if let Some(text) = text(conn, state, &line.what) {
            // Writing to a string does not fail.
            let _ = writeln!(log, "{seconds}: {text}");
        }
    }
    log
}

fn text(conn: &Conn, known: &mut Known, what: &What) -> Option<String> {
    let id = &conn.id;
    let address = format!("10.0.0.{}:{}", conn.host, conn.port);
    match what {
        What::SynAck => {
            Some(format!("New connection from {address} on port {}.", conn.server_port))
        }
        What::Bytes(Side::Client, bytes) => match bytes.first()? >> 4 {
            1 => None,
            12 => Some(format!("Received PINGREQ from {id}")),
            14 => {
                known.goodbye = true;
                Some(format!("Received DISCONNECT from {id}"))
            }
            _ => None,
        },
        What::Bytes(Side::Server, bytes) => match (bytes.first()? >> 4, bytes.get(3)?) {
            (2, 0) => {
                known.connected = true;
                let version = match conn.version {
                    Version::V5 => "p5",
                    _ => "p2",
                };
                let k = conn.keep_alive;
                Some(format!("New client connected from {address} as {id} ({version}, c1, k{k})."))
            }
            _ => None,
        }
        .or_else(|| (bytes.first()? >> 4 == 13).then(|| format!("Sending PINGRESP to {id}"))),
        What::Fin(Side::Client) | What::Reset(Side::Client) if known.connected && !known.ended => {
            known.ended = true;
            Some(if known.goodbye {
                format!("Client {id} disconnected.")
            } else {
                format!("Client {id} closed its connection.")
            })
        }
        What::Fin(Side::Server) | What::Reset(Side::Server) => {
            known.ended = true;
            None
        }
        What::Broker(words) => Some(format!("Client {id} {words}")),
        _ => None,
    }
}
