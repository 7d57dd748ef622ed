//! Streams that misbehave.

use std::io;

use evenkeel::{Event, Reconnect};

use crate::support::*;

/// Accepts CONNECT, then sends messages without end.
struct Flood(Vec<u8>);

impl Behaviour for Flood {
    fn read(&mut self, written: &[u8]) -> Vec<u8> {
        if written.is_empty() { Vec::new() } else { std::mem::replace(&mut self.0, flood()) }
    }
}

fn flood() -> Vec<u8> {
    encoded(&evenkeel_codec::Packet::Publish(message("a", "flood", AtMostOnce, 0))).repeat(2000)
}

/// With the real clock: paused time would wait for the flood to end.
#[tokio::test]
async fn a_flood_puts_off_neither_pings_nor_the_end() {
    let stream = OddStream::new(Flood(connack()));
    let client = ClientBuilder::for_endpoint(stream.endpoint()).version(Version::V5);
    let client = client.client_id("boat").keep_alive(secs(1)).start().unwrap();
    within_20_s(client.online()).await.unwrap();
    let pinged = async {
        while !stream.has_written(&[0xc0, 0]) {
            // Nothing wakes a test when a ping is written.
            tokio::time::sleep(millis(20)).await;
        }
    };
    tokio::time::timeout(secs(3), pinged).await.expect("a ping within the keep-alive, about");
    assert!(client.state().is_online());
    within_20_s(client.shutdown(secs(1))).await;
}

/// Takes a little, then breaks; what the server said before comes only now.
struct Breaks {
    accepted: bool,
    said: bool,
    broken: bool,
}

impl Behaviour for Breaks {
    fn read(&mut self, written: &[u8]) -> Vec<u8> {
        if !written.is_empty() && !std::mem::replace(&mut self.accepted, true) {
            return connack();
        }
        if self.broken && !std::mem::replace(&mut self.said, true) {
            return encoded(&disconnect(ReasonCode::PACKET_TOO_LARGE));
        }
        Vec::new()
    }

    fn write(&mut self, written: &[u8], bytes: &[u8]) -> io::Result<usize> {
        if written.len() < 1000 {
            return Ok(bytes.len().min(1000));
        }
        self.broken = true;
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_own_words_are_heard_where_a_write_fails() {
    let stream = OddStream::new(Breaks { accepted: false, said: false, broken: false });
    let client = ClientBuilder::for_endpoint(stream.endpoint()).version(Version::V5);
    let client = client.clock(Clock::tokio()).reconnect(Reconnect::never()).start().unwrap();
    soon(client.online()).await.unwrap();
    let mut events = client.events();
    drop(client.publish("a", vec![b'x'; 10_000]).await.unwrap());
    let cause = loop {
        if let Event::Disconnected { cause, .. } = soon(events.next()).await.unwrap().event {
            break cause;
        }
    };
    assert_eq!(cause.to_string(), "the server disconnected: Packet too large (0x95)");
}

fn connack() -> Vec<u8> {
    encoded(&evenkeel_codec::Packet::ConnAck(accepted()))
}

fn encoded(packet: &evenkeel_codec::Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(Version::V5, &mut bytes).unwrap();
    bytes
}
