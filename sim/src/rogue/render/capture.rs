//! Captures: Ethernet, IPv4, TCP, as tcpdump writes them.

use evenkeel_doctor::Side;

use super::sealed::{Sealed, Suite};
use super::{BEGIN, Scene};
use crate::rng::Rng;
use crate::rogue::scene::{Conn, Line, What};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;
const RST: u8 = 0x04;
const PUSH: u8 = 0x08;

/// The capture in the clear.
pub(super) fn plain(scene: &Scene) -> Vec<u8> {
    let mut file = File::new(scene);
    for line in &scene.lines {
        let segment = match &line.what {
            What::Bytes(side, bytes) => Segment::Data(*side, bytes.clone()),
            What::Lost(bytes) => Segment::Data(Side::Client, bytes.clone()),
            What::Again(side, bytes) => Segment::Again(*side, bytes.clone()),
            other => match control(other) {
                Some(segment) => segment,
                None => continue,
            },
        };
        file.segment(line.at, line.connection, segment);
    }
    file.bytes
}

/// The same under TLS: sizes and times are what remains.
pub(super) fn encrypted(scene: &Scene, rng: &mut Rng) -> Vec<u8> {
    let mut file = File::new(scene);
    let (suite, tickets) = (Suite::any(rng), rng.index(3));
    let mut sealed: Vec<Sealed> =
        scene.connections.iter().map(|_| Sealed::new(suite, tickets)).collect();
    // Some clients write what they have to say in one moment as one record.
    let lines = if rng.one_in(2) { coalesced(&scene.lines) } else { scene.lines.clone() };
    for line in &lines {
        let Some(tls) = sealed.get_mut(line.connection) else { continue };
        match &line.what {
            What::Lost(bytes) => {
                let record = Segment::Data(Side::Client, tls.record(bytes));
                file.segment(line.at, line.connection, record);
            }
            What::Bytes(side, bytes) => {
                tls.goodbye |= *side == Side::Client && bytes.first() == Some(&0xE0);
                for (side, record) in tls.hello(*side) {
                    file.segment(line.at, line.connection, Segment::Data(side, record));
                }
                let record = tls.record(bytes);
                file.segment(line.at + 1e-6, line.connection, Segment::Data(*side, record));
            }
            What::Again(side, bytes) => {
                let record = tls.record(bytes);
                file.segment(line.at, line.connection, Segment::Again(*side, record));
            }
            // Who destroys a stream sends no close_notify; who says goodbye may.
            What::Fin(side)
                if tls.is_up() && (*side == Side::Server || tls.goodbye) && rng.one_in(2) =>
            {
                let record = tls.close_notify();
                file.segment(line.at, line.connection, Segment::Data(*side, record));
                file.segment(line.at + 1e-6, line.connection, Segment::Flags(*side, FIN));
            }
            other => {
                if let Some(segment) = control(other) {
                    file.segment(line.at, line.connection, segment);
                }
            }
        }
    }
    file.bytes
}

/// Packets of a client that come so close were written at once.
const MOMENT: f64 = 0.000_3;

fn coalesced(lines: &[Line]) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    for line in lines {
        match (all.last_mut(), &line.what) {
            (
                Some(Line { at, connection, what: What::Bytes(Side::Client, bytes) }),
                What::Bytes(Side::Client, more),
            ) if *connection == line.connection && line.at - *at <= MOMENT => bytes.extend(more),
            _ => all.push(line.clone()),
        }
    }
    all
}

/// What is no data.
fn control(what: &What) -> Option<Segment> {
    Some(match what {
        What::Syn => Segment::Flags(Side::Client, SYN),
        What::SynAck => Segment::Flags(Side::Server, SYN | ACK),
        What::Refused => Segment::Flags(Side::Server, RST | ACK),
        What::Fin(side) => Segment::Flags(*side, FIN),
        What::Reset(side) => Segment::Flags(*side, RST),
        _ => return None,
    })
}

enum Segment {
    Flags(Side, u8),
    Data(Side, Vec<u8>),
    Again(Side, Vec<u8>),
}

/// The file, and where each connection's sequence numbers are.
struct File<'a> {
    scene: &'a Scene,
    bytes: Vec<u8>,
    /// Of the client and of the server.
    sequence: Vec<[u32; 2]>,
}

impl<'a> File<'a> {
    fn new(scene: &'a Scene) -> Self {
        let mut bytes = Vec::new();
        for word in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            bytes.extend(word.to_le_bytes());
        }
        let sequence = (0..scene.connections.len() as u32)
            .map(|number| [number.wrapping_mul(7_919), number.wrapping_mul(104_729)])
            .collect();
        Self { scene, bytes, sequence }
    }

    fn segment(&mut self, at: f64, connection: usize, segment: Segment) {
        let (side, flags, data, again) = match segment {
            Segment::Flags(side, flags) => (side, flags, Vec::new(), false),
            Segment::Data(side, data) => (side, PUSH, data, false),
            Segment::Again(side, data) => (side, PUSH, data, true),
        };
        // No path takes more at once.
        if data.is_empty() {
            self.packet(at, connection, side, flags, &data, again);
        }
        for part in data.chunks(1448) {
            self.packet(at, connection, side, flags, part, again);
        }
    }

    fn packet(
        &mut self,
        at: f64,
        connection: usize,
        side: Side,
        flags: u8,
        data: &[u8],
        again: bool,
    ) {
        let (Some(conn), Some(numbers)) =
            (self.scene.connections.get(connection), self.sequence.get_mut(connection))
        else {
            return;
        };
        let [client, server] = *numbers;
        let (own, other) = if side == Side::Client { (client, server) } else { (server, client) };
        let sequence = if again { own.wrapping_sub(data.len() as u32) } else { own };
        let flags = if flags & SYN != 0 && side == Side::Client { flags } else { flags | ACK };
        let frame = frame(conn, side, sequence, other, flags, data);
        let micros = (at * 1e6).round() as u64;
        let seconds = BEGIN + micros / 1_000_000;
        let camera = self.scene.camera;
        if camera.only.is_none_or(|only| only == side) {
            let length = frame.len() as u32;
            let kept = camera.snap.map_or(frame.len(), |snap| snap.min(frame.len()));
            for word in [seconds as u32, (micros % 1_000_000) as u32, kept as u32, length] {
                self.bytes.extend(word.to_le_bytes());
            }
            self.bytes.extend(frame.iter().take(kept));
        }
        if !again {
            let used = data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
            let [client, server] = numbers;
            let own = if side == Side::Client { client } else { server };
            *own = own.wrapping_add(used);
        }
    }
}

fn frame(conn: &Conn, side: Side, sequence: u32, ack: u32, flags: u8, data: &[u8]) -> Vec<u8> {
    let (client, server) = ([10, 0, 0, conn.host], [10, 0, 1, 1]);
    let (from, to, source, target) = match side {
        Side::Client => (client, server, conn.port, conn.server_port),
        Side::Server => (server, client, conn.server_port, conn.port),
    };
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00];
    let length = (40 + data.len()) as u16;
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    frame.extend(source.to_be_bytes());
    frame.extend(target.to_be_bytes());
    frame.extend(sequence.to_be_bytes());
    frame.extend(if flags & ACK != 0 { ack } else { 0 }.to_be_bytes());
    frame.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    frame.extend(data);
    frame
}
