//! Writes a capture to stdout, for `evenkeel doctor -`: how much memory does it take?
//!
//! ```sh
//! cargo run --release -p evenkeel-evidence --example capture_generate -- 10 | evenkeel doctor -
//! cargo run --release -p evenkeel-evidence --example capture_generate -- hostile | evenkeel doctor -
//! ```
//!
//! With a number: so many gigabytes of 5,000 clients that publish, are idle and
//! reconnect as they should, and one, `pump-17`, whose timer of an earlier
//! connection ends the next one. With `hostile`: as many connections, clients,
//! identifiers and messages in flight as the doctor follows, and as many bytes
//! as can be held.

use std::io::{self, BufWriter, Write};

use evenkeel_doctor::Bounds;

mod ordinary;
mod wire;

use ordinary::{SECOND, ordinary};
use wire::{ACK, CLIENT, Pcap, Peer, RST, SERVER, mqtt};

/// A connection on which CONNECT comes twice, which is an error.
fn twice(pcap: &mut Pcap<impl Write>, number: u32, port: u16) -> io::Result<Peer> {
    let [_, b, c, d] = number.to_be_bytes();
    let mut peer = Peer::new([10, b, c, d], port);
    pcap.open(&mut peer)?;
    let connect = mqtt::connect(&format!("evil-{number:06}"), 60, &format!("will/{number:06}"));
    pcap.send(&mut peer, CLIENT, ACK, &connect)?;
    pcap.send(&mut peer, CLIENT, ACK, &connect)?;
    Ok(peer)
}

fn hostile(pcap: &mut Pcap<impl Write>) -> io::Result<()> {
    let bounds = Bounds::default();
    // A host and its client are two of those that are remembered.
    let clients = bounds.clients as u32 / 2;
    for client in 0..clients {
        for port in 0..9 {
            let mut peer = twice(pcap, client, 10_000 + port)?;
            pcap.send(&mut peer, CLIENT, RST, b"")?;
        }
    }
    // Connections that stay, with all that one can have.
    let mut all = Vec::new();
    for number in 0..bounds.connections as u32 {
        let port = 20_000 + (number / clients) as u16;
        let mut peer = twice(pcap, number % clients, port)?;
        for id in 1..=4 {
            let topic = format!("t/{:06}", 4 * number + u32::from(id));
            pcap.send(&mut peer, CLIENT, ACK, &mqtt::publish(&topic, id, b"x"))?;
            pcap.send(&mut peer, SERVER, ACK, &mqtt::publish(&topic, id, b"x"))?;
        }
        all.push(peer);
    }
    for _ in 0..10 {
        pcap.micros += 2 * SECOND;
        for peer in &mut all {
            pcap.send(peer, CLIENT, ACK, mqtt::PINGREQ)?;
        }
    }
    for peer in &mut all {
        // A SUBSCRIBE that is not whole, and what comes too early.
        let part = [&b"\x82\xF0\xFF\x03"[..], &[0; 700]].concat();
        pcap.send(peer, CLIENT, ACK, &part)?;
        pcap.at(peer, SERVER, 10, ACK, &[0; 100])?;
    }
    Ok(())
}

fn main() {
    let Some(what) = std::env::args().nth(1) else {
        return eprintln!("usage: capture_generate GIGABYTES|hostile");
    };
    let mut pcap = Pcap::new(BufWriter::with_capacity(1 << 20, io::stdout().lock()))
        .expect("stdout can be written to");
    let written = match what.parse::<f64>() {
        Ok(gigabytes) => ordinary(&mut pcap, (gigabytes * 1e9) as u64),
        Err(_) if what == "hostile" => hostile(&mut pcap),
        Err(_) => {
            eprintln!("usage: capture_generate GIGABYTES|hostile");
            std::process::exit(2);
        }
    };
    match written.and_then(|()| pcap.to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => panic!("{error}"),
        _ => eprintln!("{} packets, {} bytes", pcap.packets, pcap.bytes),
    }
}
