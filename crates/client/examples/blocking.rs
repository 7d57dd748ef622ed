//! The client without async.
//!
//! `cargo run -p evenkeel --features blocking --example blocking`

use std::error::Error;
use std::time::Duration;

use evenkeel::QoS;
use evenkeel::blocking::Client;
use evenkeel_broker::Broker;

fn main() -> Result<(), Box<dyn Error>> {
    // The broker of this example lives on a runtime of its own.
    let runtime = tokio::runtime::Runtime::new()?;
    let broker = runtime.block_on(Broker::builder().bind_tcp("127.0.0.1:0").start())?;

    let client = Client::start(evenkeel::Client::builder(broker.url()))?;
    let mut messages = client.subscribe("hello").qos(QoS::AtLeastOnce).send()?;
    client.publish("hello", "world").qos(QoS::AtLeastOnce).delivered()?;

    let message = messages.next_within(Duration::from_secs(5))?.ok_or("the client closed")?;
    println!("hello, {:?}", message.payload());
    assert_eq!(message.payload(), "world");
    drop(message);

    assert!(client.shutdown(Duration::from_secs(5)).is_clean());
    Ok(())
}
