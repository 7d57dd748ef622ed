//! Publish and subscribe. Needs no broker: it starts one of its own.
//!
//! `cargo run -p evenkeel --example quick_start`

use std::error::Error;
use std::time::Duration;

use evenkeel::{Client, QoS};
use evenkeel_broker::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await?;

    // Returns at once and connects in the background.
    let client = Client::builder(broker.url()).client_id("pump-17").start()?;
    // Or what is wrong: the address, TLS, the password.
    client.try_online().await?;
    let mut levels = client.subscribe("site/+/level").qos(QoS::AtLeastOnce).await?;

    // Accepted first, acknowledged by the server second.
    let receipt = client.publish("site/7/level", "4.2").qos(QoS::AtLeastOnce).await?;
    let delivered = receipt.await?;
    println!("acknowledged after {:?}", delivered.round_trip);

    // Acknowledged when it goes out of scope.
    let message = levels.next().await.ok_or("the client was closed")?;
    println!("{}: {:?}", message.topic(), message.payload());
    assert_eq!(message.topic(), "site/7/level");
    assert_eq!(message.payload(), "4.2");
    drop(message);

    let left = client.shutdown(Duration::from_secs(5)).await;
    assert!(left.is_clean(), "nothing is left behind");
    Ok(())
}
