//! On one blocking socket: connects, publishes, receives, pings and connects again.
//!
//! `cargo run -p evenkeel-proto --example tcp -- localhost:1883` asks that server;
//! without an address a small one of the example's own answers.

mod program;
mod server;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_proto::{Client, Config, Input, Instant, Output, State, Transmit, TransportFailure};

use program::Program;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(server::start);
    let clock = std::time::Instant::now();
    let now = || Instant::from_micros(u64::try_from(clock.elapsed().as_micros()).unwrap());
    let mut config = Config::default();
    config.connect.keep_alive = 1;
    let mut client = Client::new(config, u64::from(std::process::id()), now())?;
    // 1. Command: what cannot be sent yet waits in the client.
    let mut program = Program::begin(&mut client, now())?;
    let (mut socket, mut input, mut output) = (None, BytesMut::new(), Transmit::default());
    while client.state() != State::Closed {
        // 2. Drain: do what the client asks for, until it waits.
        loop {
            match client.poll(now()) {
                Output::Wait(_) => break,
                Output::Event(event) => program.on_event(&event),
                Output::Open(open) => {
                    (input, output) = (BytesMut::new(), Transmit::default());
                    socket = TcpStream::connect(&address).ok().map(|stream| (open.conn, stream));
                    let failed = Input::Closed(open.conn, TransportFailure::Refused);
                    let opened = Input::Opened(open.conn, None);
                    client.handle(now(), if socket.is_some() { opened } else { failed });
                }
                Output::Close(close) => {
                    let Some((_, mut stream)) = socket.take() else { continue };
                    let last = output.chunks().chain(close.last.chunks());
                    last.for_each(|chunk| drop(stream.write_all(chunk)));
                }
                Output::Authenticate(..) | Output::Commit(_) => {} // Neither is configured.
            }
        }
        // 3. Drain: outcomes and messages. Then command what comes next.
        while let Some(completion) = client.next_completion() {
            println!("outcome: {completion:?}");
        }
        while let Some(message) = client.next_message() {
            program.on_message(&message);
        }
        program.go_on(&mut client, now())?;
        // 4. Write what waits, and feed how much was written.
        let due = client.next_deadline().map_or(Duration::ZERO, |due| due.at.since(now()));
        let wait = if client.needs_poll() { Duration::ZERO } else { due };
        let Some((conn, stream)) = &mut socket else {
            std::thread::sleep(wait);
            continue;
        };
        client.take_transmit(&mut output);
        let whole = output.len();
        if whole > 0 && output.chunks().all(|chunk| stream.write_all(chunk).is_ok()) {
            output.advance(whole);
            client.handle(now(), Input::Written(*conn, whole));
        }
        // 5. Feed what comes before the next deadline.
        stream.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(count @ 1..) => {
                input.extend_from_slice(&bytes[..count]);
                client.handle(now(), Input::Received(*conn, &mut input));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => client.handle(now(), Input::Closed(*conn, TransportFailure::Eof)),
        }
    }
    Ok(())
}
