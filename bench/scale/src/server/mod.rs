//! The server of all measurements: it acknowledges what comes, one write for
//! each read, and does as little else as a server can.
//!
//! What a run needs of it stands in the client identifier, as `KEY=VALUE`
//! separated by commas: `aliases=N` is the Topic Alias Maximum of CONNACK. A
//! PUBLISH with QoS 0 to [`GO`] asks for messages: see [`Order`].
//!
//! It trusts the client: a packet that breaks MQTT may end the connection,
//! never a measurement unnoticed.

mod order;
mod packets;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::Outcome;
use order::Order;
use packets::{Packet, next_packet, number, put};

/// Where a client asks for messages.
pub(crate) const GO: &str = "go";

/// Room for one read.
const READ: usize = 256 * 1024;

/// Serves clients, a thread for each, until it is killed.
pub(crate) fn serve() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        // Any number of idle connections: a small stack for each.
        std::thread::Builder::new().stack_size(128 * 1024).spawn(move || {
            // A client that is done exits without a word.
            let _ = Connection { socket, order: Order::default(), ended: false }.run();
        })?;
    }
}

struct Connection {
    socket: TcpStream,
    order: Order,
    ended: bool,
}

impl Connection {
    fn run(mut self) -> std::io::Result<()> {
        let mut input = vec![0; 4096];
        let mut filled = 0;
        let mut out = Vec::new();
        while !self.ended {
            let count = self.socket.read(&mut input[filled..])?;
            if count == 0 {
                return Ok(());
            }
            filled += count;
            let mut taken = 0;
            while let Some((packet, length)) = next_packet(&input[taken..filled]) {
                self.take(&packet, &mut out);
                taken += length;
            }
            input.copy_within(taken..filled, 0);
            filled -= taken;
            if filled == input.len() || (taken > 2048 && input.len() < READ) {
                // Only a busy connection gets the room of one.
                let room = input.len().max(READ / 2) * 2;
                input.resize(room, 0);
            }
            self.order.fill(&mut out);
            self.socket.write_all(&out)?;
            out.clear();
            self.order.send(&mut self.socket)?;
        }
        Ok(())
    }

    fn take(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) {
        let body = packet.body;
        match packet.first >> 4 {
            1 => connack(body, out),
            3 => self.publish(packet, out),
            // PUBACK, and PUBCOMP, end an exchange of ours.
            4 | 7 => self.order.on_done(),
            5 => put(0x62, &body[..2], out),
            6 => put(0x70, &body[..2], out),
            8 => suback(body, out),
            10 => unsuback(body, out),
            12 => put(0xD0, &[], out),
            14 => self.ended = true,
            _ => {}
        }
    }

    fn publish(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) {
        let topic_end = 2 + number(packet.body);
        match (packet.first >> 1) & 3 {
            0 if &packet.body[2..topic_end] == GO.as_bytes() => {
                // The payload follows the length of no properties.
                self.order = Order::parse(&packet.body[topic_end + 1..]);
            }
            0 => {}
            1 => put(0x40, &packet.body[topic_end..topic_end + 2], out),
            _ => put(0x50, &packet.body[topic_end..topic_end + 2], out),
        }
    }
}

/// MQTT 5: protocol name 6, version, flags, keep-alive 2, properties, identifier.
fn connack(body: &[u8], out: &mut Vec<u8>) {
    let (properties, length) = packets::varint(&body[10..]).unwrap_or_default();
    let identifier = &body[10 + length + properties..];
    let identifier = &identifier[2..2 + number(identifier)];
    let aliases = order::value(identifier, "aliases").unwrap_or_default();
    let [high, low] = (aliases as u16).to_be_bytes();
    put(0x20, &[0, 0, 3, 0x22, high, low], out);
}

/// Grants every filter what it asked for.
fn suback(body: &[u8], out: &mut Vec<u8>) {
    let (properties, length) = packets::varint(&body[2..]).unwrap_or_default();
    let mut rest = &body[2 + length + properties..];
    let mut answer = vec![body[0], body[1], 0];
    while rest.len() > 2 {
        let end = 2 + number(rest);
        answer.push(rest[end] & 3);
        rest = &rest[end + 1..];
    }
    put(0x90, &answer, out);
}

fn unsuback(body: &[u8], out: &mut Vec<u8>) {
    let (properties, length) = packets::varint(&body[2..]).unwrap_or_default();
    let mut rest = &body[2 + length + properties..];
    let mut answer = vec![body[0], body[1], 0];
    while rest.len() > 2 {
        answer.push(0);
        rest = &rest[2 + number(rest)..];
    }
    put(0xB0, &answer, out);
}
