//! Publish while the broker is down: messages wait, and arrive.
//!
//! `cargo run -p evenkeel --example offline_queue`

use std::error::Error;
use std::time::Duration;

use evenkeel::{Client, Event, QoS};
use evenkeel_broker::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await?;
    let client = Client::builder(broker.url()).client_id("meter").start()?;
    client.online().await?;

    let mut events = client.events();
    broker.stop(true).await?;

    // The broker is gone. Accepted all the same, within the queue's bounds.
    let mut receipts = Vec::new();
    for reading in 0..10 {
        let message = client.publish("meter/reading", reading.to_string());
        receipts.push(message.qos(QoS::AtLeastOnce).await?);
    }

    // What happens meanwhile is told, with the reason and the delay.
    while let Some(report) = events.next().await {
        if let Event::RetryScheduled { retry, delay } = report.event {
            println!("attempt {} follows in {delay:?}", retry.attempt);
            break;
        }
    }
    broker.resume().await?;

    for receipt in receipts {
        receipt.await?;
    }
    println!("all ten are acknowledged");
    assert_eq!(client.stats().publishes_acknowledged, 10);
    assert!(client.shutdown(Duration::from_secs(5)).await.is_clean());
    Ok(())
}
