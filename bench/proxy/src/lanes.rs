//! Clients that wait for each answer, on one of the ways.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{connect, publish};

/// Turns that each way has, messages of each connection in a turn, and the pause
/// between two messages of one connection.
const TURNS: usize = 100;
const MESSAGES: usize = 100;
const PAUSE: Duration = Duration::from_millis(1);

/// The clients of one way.
pub(crate) struct Lane {
    name: &'static str,
    clients: Vec<TcpStream>,
    /// From a message to its answer, in microseconds.
    took: Vec<f64>,
}

/// What was measured on one way.
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) messages: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Lane {
    pub(crate) fn open(name: &'static str, address: SocketAddr, connections: usize) -> Self {
        let client = |number: usize| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.set_nodelay(true).expect("TCP");
            exchange(&mut stream, &connect(&format!("{connections}-{number}")));
            stream
        };
        Self { name, clients: (0..connections).map(client).collect(), took: Vec::new() }
    }

    /// Each client sends some messages.
    fn turn(&mut self) {
        thread::scope(|scope| {
            let running: Vec<_> =
                self.clients.iter_mut().map(|client| scope.spawn(|| messages(client))).collect();
            for client in running {
                self.took.extend(client.join().expect("a client"));
            }
        });
    }

    pub(crate) fn figures(mut self) -> Figures {
        self.took.sort_by(f64::total_cmp);
        let at = |percent: usize| self.took[self.took.len() * percent / 100];
        Figures { name: self.name, messages: self.took.len(), p50: at(50), p99: at(99) }
    }
}

/// The ways take turns.
pub(crate) fn run(lanes: &mut [Lane; 3]) {
    lanes.iter_mut().for_each(Lane::turn);
    // The first turn has warmed all of them.
    lanes.iter_mut().for_each(|lane| lane.took.clear());
    for _ in 0..TURNS {
        lanes.iter_mut().for_each(Lane::turn);
    }
}

fn messages(client: &mut TcpStream) -> Vec<f64> {
    let message = publish();
    let send = |_| {
        thread::sleep(PAUSE);
        let began = Instant::now();
        exchange(client, &message);
        began.elapsed().as_secs_f64() * 1e6
    };
    (0..MESSAGES).map(send).collect()
}

/// Sends a packet and reads its answer of four bytes.
pub(crate) fn exchange(client: &mut TcpStream, packet: &[u8]) {
    client.write_all(packet).expect("it is read");
    client.read_exact(&mut [0; 4]).expect("an answer");
}
