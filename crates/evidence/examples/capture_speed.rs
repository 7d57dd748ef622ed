//! How fast captures are read and judged, on one core:
//! `cargo run --release -p evenkeel-evidence --example capture_speed`.

use evenkeel_doctor::{Bounds, Doctor, Event, Source, SourceId, TextId};
use evenkeel_evidence::Sink;
use evenkeel_evidence::capture::{Capture, Options};
use evenkeel_profile::Profile;

mod processor;

const CONNECTIONS: usize = 200;
/// A debug build only shows that the example still works.
const ROUNDS: usize = if cfg!(debug_assertions) { 20 } else { 1000 };
/// The size of the pieces, as a program reads them from a file.
const PIECE: usize = 256 << 10;

/// Takes events and does nothing with them.
struct Nobody;

impl Sink for Nobody {
    fn source(&mut self, _: Source) -> Option<SourceId> {
        Some(SourceId(0))
    }

    fn keep(&mut self, _: &str) -> TextId {
        TextId::NONE
    }

    fn event(&mut self, event: &Event) {
        std::hint::black_box(event);
    }
}

struct Peer {
    port: u16,
    seq: [u32; 2],
}

struct File {
    bytes: Vec<u8>,
    packets: u64,
    micros: u64,
}

impl File {
    fn new() -> Self {
        let header = [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, 1];
        let bytes = header.iter().flat_map(|field| field.to_be_bytes()).collect();
        Self { bytes, packets: 0, micros: 1_700_000_000_000_000 }
    }

    fn packet(&mut self, peer: &mut Peer, from: usize, flags: u8, data: &[u8]) {
        let len = 40 + data.len();
        let (seconds, micros) = (self.micros / 1_000_000, self.micros % 1_000_000);
        for field in [seconds as u32, micros as u32, 14 + len as u32, 14 + len as u32] {
            self.bytes.extend(field.to_be_bytes());
        }
        self.bytes.extend([0; 12]);
        self.bytes.extend([8, 0, 0x45, 0]);
        self.bytes.extend((len as u16).to_be_bytes());
        self.bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        let ends = [([10, 0, 0, 1], peer.port), ([10, 0, 0, 9], 1883)];
        self.bytes.extend(ends[from].0);
        self.bytes.extend(ends[1 - from].0);
        self.bytes.extend(ends[from].1.to_be_bytes());
        self.bytes.extend(ends[1 - from].1.to_be_bytes());
        self.bytes.extend(peer.seq[from].to_be_bytes());
        self.bytes.extend(peer.seq[1 - from].to_be_bytes());
        self.bytes.extend([0x50, flags, 1, 0, 0, 0, 0, 0]);
        self.bytes.extend(data);
        let counted = data.len() as u32 + u32::from(flags & 2 != 0);
        peer.seq[from] = peer.seq[from].wrapping_add(counted);
        self.packets += 1;
        self.micros += 13;
    }
}

/// Clients that publish with QoS 1, messages of this size.
fn traffic(payload: usize) -> File {
    let mut file = File::new();
    let mut peers: Vec<Peer> = (0..CONNECTIONS)
        .map(|number| Peer { port: 10_000 + number as u16, seq: [1000, 5000] })
        .collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        file.packet(peer, 0, 2, b"");
        file.packet(peer, 1, 18, b"");
        let id = format!("client{number:04}");
        let connect = [b"\x10\x16\0\x04MQTT\x04\x02\0\x3C\0\x0A", id.as_bytes()].concat();
        file.packet(peer, 0, 16, &connect);
        file.packet(peer, 1, 16, b"\x20\x02\0\0");
    }
    for round in 0..ROUNDS {
        let id = (round as u16 + 1).to_be_bytes();
        let body = 2 + 12 + 2 + payload;
        let mut publish = vec![0x32, (body & 0x7F) as u8 | 0x80, (body >> 7) as u8];
        publish.extend(b"\0\x0Csite/7/level");
        publish.extend(id);
        publish.resize(3 + body, round as u8);
        let puback = [0x40, 2, id[0], id[1]];
        for peer in &mut peers {
            file.packet(peer, 0, 24, &publish);
            file.packet(peer, 1, 24, &puback);
            file.packet(peer, 0, 16, b"");
        }
    }
    file
}

fn read(file: &File, sink: &mut dyn Sink) -> f64 {
    let mut capture = Capture::new("speed", &Options::default());
    let begun = processor::time();
    for bytes in file.bytes.chunks(PIECE) {
        capture.feed(bytes, sink).expect("a capture");
    }
    capture.end(sink).expect("a whole capture");
    let took = (processor::time() - begun).as_secs_f64();
    assert_eq!(capture.summary().packets, file.packets);
    assert_eq!(capture.summary().gaps, 0);
    took
}

fn main() {
    for payload in [20, 300, 1300] {
        let file = traffic(payload);
        for judged in [false, true] {
            // The best of five: other programs run on the same cores.
            let times = (0..5).map(|_| {
                if !judged {
                    return read(&file, &mut Nobody);
                }
                let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
                let took = read(&file, &mut doctor);
                let begun = processor::time();
                doctor.finish();
                took + (processor::time() - begun).as_secs_f64()
            });
            let best = times.fold(f64::INFINITY, f64::min);
            println!(
                "payload {payload:5}, {}: {:.2} million packets/s, {:.2} GB/s",
                if judged { "judged" } else { "read  " },
                file.packets as f64 / best / 1e6,
                file.bytes.len() as f64 / best / 1e9,
            );
        }
    }
}
