//! A stranger's program: it has the core and nothing else, and needs no other
//! crate to name what it uses.

use std::error::Error;

use evenkeel_proto::bytes::BytesMut;
use evenkeel_proto::codec::{Properties, Publish, QoS, SubscribeFilter, SubscribeOptions};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{Client, Config, Input, Instant, Output, Token, Transmit};

/// Accepts in MQTT 5, without properties.
const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];

fn main() -> Result<(), Box<dyn Error>> {
    let now = Instant::from_micros(0);
    let mut client = Client::new(Config::default(), 42, now)?;
    let filter = "boat/+".try_into()?;
    let filters = vec![SubscribeFilter { filter, options: SubscribeOptions::default() }];
    client.subscribe(now, filters, Properties::new(), Token(1))?;
    let topic = "boat/level".try_into()?;
    let mut message = Publish { qos: QoS::AtLeastOnce, topic, ..Publish::default() };
    message.payload = "3.2 m".into();
    client.publish(now, &mut message, Priority::Normal, Token(2))?;
    client.start(now);
    let mut conn = None;
    let deadline = loop {
        match client.poll(now) {
            Output::Wait(deadline) => break deadline,
            Output::Event(event) => println!("{} {}: {event}", event.code(), event.name()),
            Output::Open(open) => {
                conn = Some(open.conn);
                client.handle(now, Input::Opened(open.conn, None));
            }
            Output::Close(_) | Output::Authenticate(..) | Output::Commit(_) => {}
        }
    };
    let mut output = Transmit::default();
    client.take_transmit(&mut output).ok_or("CONNECT waits to be written")?;
    println!("{}: {} bytes to write, next: {deadline:?}", client.state(), output.len());
    let conn = conn.ok_or("a connection is asked for")?;
    client.handle(now, Input::Written(conn, output.len()));
    client.handle(now, Input::Received(conn, &mut BytesMut::from(CONNACK)));
    println!("{}", client.state());
    if client.state().is_online() { Ok(()) } else { Err("CONNACK accepts".into()) }
}
