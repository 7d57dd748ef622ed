//! On one blocking socket: connects, publishes, receives, pings and connects again.
//!
//! `cargo run -p evenkeel-proto --example tcp -- localhost:1883` asks that server;
//! without an address a small one of the example's own answers.

mod server;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_proto::codec::{Properties, Publish, QoS, SubscribeFilter};
use evenkeel_proto::{Client, Config, Event, Input, Instant, Output, State, Token};
use evenkeel_proto::{Transmit, TransportFailure, record::Priority};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(server::start);
    let clock = std::time::Instant::now();
    let now = || Instant::from_micros(u64::try_from(clock.elapsed().as_micros()).unwrap());
    let mut config = Config::default();
    config.connect.keep_alive = 1;
    let mut client = Client::new(config, u64::from(std::process::id()), now())?;
    // 1. Command: what cannot be sent yet waits in the client.
    client.start(now());
    let filter = SubscribeFilter { filter: "boat/level".try_into()?, options: Default::default() };
    client.subscribe(now(), vec![filter], Properties::new(), Token(0))?;
    let (mut socket, mut input, mut output) = (None, BytesMut::new(), Transmit::default());
    let (mut published, mut received, mut pings, mut connections) = (0, 0, 0, 0);
    while client.state() != State::Closed {
        // 2. Drain: do what the client asks for, until it waits.
        loop {
            match client.poll(now()) {
                Output::Wait(_) => break,
                Output::Event(event) => {
                    println!("{event}");
                    connections += u32::from(matches!(event, Event::Connected(_)));
                    pings += u32::from(matches!(event, Event::PongReceived(_)));
                }
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
        while let Some(completion) = client.next_completion() {
            println!("outcome: {completion:?}");
        }
        while let Some(message) = client.next_message() {
            received += 1;
            println!("message: {:?}", message.publish.payload);
        }
        // 3. Command: three messages, a ping, a new connection, one message more.
        if published == received && (published < 3 || published == 3 && connections == 2) {
            published += 1;
            let mut message = Publish { qos: QoS::AtLeastOnce, ..Publish::default() };
            (message.topic, message.payload) = ("boat/level".try_into()?, "3.2 m".into());
            client.publish(now(), &mut message, Priority::Normal, Token(published))?;
        } else if received == 3 && pings > 0 && connections == 1 && client.state().is_online() {
            client.reconnect(now());
        } else if received == 4 {
            client.shutdown(now(), Duration::from_secs(5));
        }
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
