//! Idle connections of the test broker, in one process with their clients, which
//! are sockets and nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use evenkeel_broker::Broker;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};

pub(super) const GROUP: Group = Group {
    name: "broker",
    title: "Idle connections of the test broker",
    unit: "bytes of memory each",
    axis: "connections",
    series: &[Series {
        name: "after a ping",
        points: &[1_000, 5_000],
        cores: Cores::One,
        measure: hold,
    }],
    goals: &[Goal { series: "after a ping", at: 5_000, bound: Bound::AtMost(4_000.0) }],
};

fn hold(connections: u64, _: u16) -> Outcome<f64> {
    raise_file_limit()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await?;
        let address = broker.tcp_addr().ok_or("no address")?;
        let before = memory()?;
        let connecting = tokio::task::spawn_blocking(move || {
            (0..connections)
                .map(|number| connect(address, number))
                .collect::<std::io::Result<Vec<_>>>()
        });
        let clients = connecting.await??;
        // What connecting needed is given back.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let each = (memory()? - before) as f64 / connections as f64;
        drop(clients);
        Ok(each)
    })
}

/// Connects with MQTT 3.1.1, and has one ping answered.
fn connect(address: SocketAddr, number: u64) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    // Clean session, a keep-alive of 600 s, a client identifier of five digits.
    stream.write_all(b"\x10\x11\0\x04MQTT\x04\x02\x02\x58\0\x05")?;
    stream.write_all(format!("{number:05}").as_bytes())?;
    stream.read_exact(&mut [0; 4])?;
    stream.write_all(b"\xc0\0")?;
    stream.read_exact(&mut [0; 2])?;
    Ok(stream)
}

/// Two sockets for each connection are more than most systems allow at first.
fn raise_file_limit() -> Outcome {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Memory of this process, in bytes.
fn memory() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
