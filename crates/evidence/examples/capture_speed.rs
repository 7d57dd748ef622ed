//! How fast captures are read and judged, on one core: those that are named, or
//! three of 200 clients, one of 5,000 clients that take turns, and one of 5,000
//! that do as `capture_generate` lets them.
//!
//! ```sh
//! cargo run --release -p evenkeel-evidence --example capture_speed -- [FILE...]
//! ```

use evenkeel_doctor::{Bounds, Doctor, Event, Source, SourceId, TextId};
use evenkeel_evidence::Sink;
use evenkeel_evidence::capture::{Capture, Options};
use evenkeel_profile::Profile;

mod ordinary;
mod processor;
#[expect(dead_code, reason = "other examples use the rest")]
mod wire;

use wire::{ACK, CLIENT, Pcap, Peer, SERVER, mqtt};

/// So many messages has each capture. A debug build only shows that the example
/// still works.
const MESSAGES: usize = if cfg!(debug_assertions) { 5000 } else { 200_000 };
/// The bytes of the one that is as `capture_generate` writes it.
const ORDINARY: u64 = if cfg!(debug_assertions) { 1 << 20 } else { 400_000_000 };
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

/// Clients that publish with QoS 1 in turns, messages of this size.
fn traffic(clients: usize, payload: usize) -> Vec<u8> {
    let pcap = write(clients, payload);
    pcap.expect("memory can be written to").to
}

/// As `capture_generate` writes it.
fn ordinary() -> Vec<u8> {
    let pcap = Pcap::new(Vec::new()).and_then(|mut pcap| {
        ordinary::ordinary(&mut pcap, ORDINARY)?;
        Ok(pcap)
    });
    pcap.expect("memory can be written to").to
}

fn write(clients: usize, payload: usize) -> std::io::Result<Pcap<Vec<u8>>> {
    let mut pcap = Pcap::new(Vec::new())?;
    let peer = |number: usize| Peer::new([10, 0, 0, 1], 10_000 + number as u16);
    let mut peers: Vec<Peer> = (0..clients).map(peer).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        pcap.open(peer)?;
        pcap.send(peer, CLIENT, ACK, &mqtt::connect(&format!("client{number:04}"), 60, ""))?;
        pcap.send(peer, SERVER, ACK, mqtt::CONNACK)?;
    }
    for round in 0..MESSAGES / clients {
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

/// Feeds a capture; returns how many packets it has, and the seconds it took.
fn read(bytes: &[u8], sink: &mut dyn Sink) -> (u64, f64) {
    let mut capture = Capture::new("speed", &Options::default());
    let begun = processor::time();
    for piece in bytes.chunks(PIECE) {
        capture.feed(piece, sink).expect("a capture");
    }
    capture.end(sink).expect("a whole capture");
    (capture.summary().packets, (processor::time() - begun).as_secs_f64())
}

fn judge(bytes: &[u8]) -> (u64, f64) {
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let (packets, took) = read(bytes, &mut doctor);
    let begun = processor::time();
    doctor.finish();
    (packets, took + (processor::time() - begun).as_secs_f64())
}

/// The best of five: caches are shared with other programs.
fn best(name: &str, bytes: &[u8], run: impl Fn(&[u8]) -> (u64, f64)) {
    let all: Vec<(u64, f64)> = (0..5).map(|_| run(bytes)).collect();
    let least = all.iter().map(|(_, took)| *took).fold(f64::INFINITY, f64::min);
    let packets = all.first().map_or(0, |(packets, _)| *packets);
    println!(
        "{name}: {:.2} million packets/s, {:.2} GB/s",
        packets as f64 / least / 1e6,
        bytes.len() as f64 / least / 1e9,
    );
}

fn both(name: &str, bytes: &[u8]) {
    best(&format!("{name}, read"), bytes, |bytes| read(bytes, &mut Nobody));
    best(&format!("{name}, with all rules"), bytes, judge);
}

fn main() {
    if std::env::args().len() == 1 {
        for payload in [20, 300, 1300] {
            both(&format!("200 clients, {payload} bytes each"), &traffic(200, payload));
        }
        both("5,000 clients in turns, 300 bytes each", &traffic(5000, 300));
        both("5,000 clients as they come", &ordinary());
    }
    for file in std::env::args().skip(1) {
        both(&file, &std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}")));
    }
}
