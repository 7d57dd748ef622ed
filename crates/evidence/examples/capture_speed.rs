//! How fast captures are read and judged, on one core:
//! `cargo run --release -p evenkeel-evidence --example capture_speed`.

use evenkeel_doctor::{Bounds, Doctor, Event, Source, SourceId, TextId};
use evenkeel_evidence::Sink;
use evenkeel_evidence::capture::{Capture, Options};
use evenkeel_profile::Profile;

mod processor;
#[expect(dead_code, reason = "other examples use the rest")]
mod wire;

use wire::{ACK, CLIENT, Pcap, Peer, SERVER, mqtt};

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

/// Clients that publish with QoS 1, messages of this size.
fn traffic(payload: usize) -> Pcap<Vec<u8>> {
    write(payload).expect("memory can be written to")
}

fn write(payload: usize) -> std::io::Result<Pcap<Vec<u8>>> {
    let mut pcap = Pcap::new(Vec::new())?;
    let mut peers: Vec<Peer> =
        (0..CONNECTIONS).map(|number| Peer::new([10, 0, 0, 1], 10_000 + number as u16)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        pcap.open(peer)?;
        pcap.send(peer, CLIENT, ACK, &mqtt::connect(&format!("client{number:04}"), 60, ""))?;
        pcap.send(peer, SERVER, ACK, mqtt::CONNACK)?;
    }
    for round in 0..ROUNDS {
        let id = round as u16 + 1;
        let publish = mqtt::publish("site/7/level", id, &vec![round as u8; payload]);
        for peer in &mut peers {
            pcap.send(peer, CLIENT, ACK, &publish)?;
            pcap.send(peer, SERVER, ACK, &mqtt::puback(id))?;
            pcap.send(peer, CLIENT, ACK, b"")?;
        }
    }
    Ok(pcap)
}

fn read(file: &Pcap<Vec<u8>>, sink: &mut dyn Sink) -> f64 {
    let mut capture = Capture::new("speed", &Options::default());
    let begun = processor::time();
    for bytes in file.to.chunks(PIECE) {
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
                file.bytes as f64 / best / 1e9,
            );
        }
    }
}
