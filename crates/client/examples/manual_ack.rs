//! Acknowledge a message only once it is safely stored, and see that one
//! which was not comes again.
//!
//! `cargo run -p evenkeel --example manual_ack`

use std::error::Error;
use std::time::Duration;

use evenkeel::{Client, QoS};
use evenkeel_broker::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await?;

    // A session that outlives the connection: what is not acknowledged, the
    // server sends again.
    let client = Client::builder(broker.url())
        .client_id("archive")
        .session_expiry(Duration::from_secs(3600))
        .start()?;
    let mut orders = client.subscribe("orders").qos(QoS::AtLeastOnce).manual_ack().await?;
    client.publish("orders", "one table").qos(QoS::AtLeastOnce).await?.await?;

    let order = orders.next().await.ok_or("the client was closed")?;
    assert!(!order.dup());
    println!("got {:?}, and the disk is full: not acknowledged", order.payload());
    drop(order);

    // The connection breaks; the client comes back by itself.
    client.reconnect();
    let order = orders.next().await.ok_or("the client was closed")?;
    assert!(order.dup(), "the server says that it may have sent it before");
    println!("got {:?} again, and stored it", order.payload());
    order.ack();

    assert!(client.shutdown(Duration::from_secs(5)).await.is_clean());
    Ok(())
}
