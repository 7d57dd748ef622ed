//! What `evenkeel doctor proxy` adds to each message, beside a bare relay in
//! the same run, and how soon a finding is told. `bench/doctor/proxy` starts it.
//!
//! A client sends a message of QoS 1 and waits for its PUBACK: straight to a
//! server, through a relay that does nothing else, and through the proxy. The
//! three take turns in short blocks, so that whatever else the machine does meets
//! them alike. Ends with code 1 if a goal is missed.

mod findings;
mod lanes;
mod process;
mod relay;
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;

use lanes::Lane;
use process::Child;

/// The goals: what may be added at the 99th percentile, or else as many times
/// what a bare relay adds; and how late a finding may be.
const ADDED_MICROS: f64 = 100.0;
const TIMES_RELAY: f64 = 2.0;
const FINDING_MILLIS: f64 = 1000.0;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [word, to] if word == "relay" => {
            relay::run(to.parse().expect("an address"));
            ExitCode::SUCCESS
        }
        [program] => measure(program),
        _ => {
            eprintln!("usage: evenkeel-bench-proxy PATH-OF-EVENKEEL");
            ExitCode::from(2)
        }
    }
}

fn measure(program: &str) -> ExitCode {
    let server = server::start();
    let mut relay = Child::relay(server);
    let mut proxy = Child::proxy(program, server);
    let ways = [("straight", server), ("bare relay", relay.address), ("proxy", proxy.address)];
    let mut is_good = true;
    println!("| connections | way | messages | p50 | p99 | added at p99 |");
    println!("|---|---|---|---|---|---|");
    for connections in [1, 16] {
        is_good &= compare(connections, ways);
    }
    is_good &= findings::measure(&mut proxy);
    relay.kill();
    proxy.kill();
    ExitCode::from(u8::from(!is_good))
}

/// Prints the rows of so many connections; whether the goal is met.
fn compare(connections: usize, ways: [(&'static str, SocketAddr); 3]) -> bool {
    let mut lanes = ways.map(|(name, address)| Lane::open(name, address, connections));
    lanes::run(&mut lanes);
    let [straight, relay, proxy] = lanes.map(|lane| lane.figures());
    for figures in [&straight, &relay, &proxy] {
        let added = figures.p99 - straight.p99;
        println!(
            "| {connections} | {} | {} | {:.0} µs | {:.0} µs | {added:.0} µs |",
            figures.name, figures.messages, figures.p50, figures.p99,
        );
    }
    let (added, bare) = (proxy.p99 - straight.p99, relay.p99 - straight.p99);
    let is_good = added <= ADDED_MICROS || added <= TIMES_RELAY * bare;
    if !is_good {
        println!("missed: {added:.0} µs added, {bare:.0} µs by a bare relay");
    }
    is_good
}
