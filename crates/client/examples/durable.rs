//! Messages that survive the program: the first client accepts them while no
//! server is there and goes away; the second one delivers them.
//!
//! `cargo run -p evenkeel --example durable`

use std::time::Duration;

use evenkeel::store::FileStore;
use evenkeel::{Client, QoS};
use evenkeel_broker::Broker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("evenkeel-durable-{}", std::process::id()));

    // A server nobody reaches: the messages wait, on disk.
    let first = Client::builder("mqtt://127.0.0.1:1")
        .client_id("pump-17")
        .store(FileStore::open(&folder)?)
        .start()?;
    for level in 1..=3 {
        let publish = first.publish("site/7/level", level.to_string()).qos(QoS::ExactlyOnce);
        drop(publish.await?); // accepted: it is on disk
    }
    let report = first.shutdown(Duration::ZERO).await;
    println!("{} messages are left, {} of them stored", report.queued, report.stored);

    // Later, another process: the client identifier is in the store.
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await?;
    let receiver = Client::builder(broker.url()).start()?;
    let mut levels = receiver.subscribe("site/+/level").qos(QoS::ExactlyOnce).await?;
    let second = Client::builder(broker.url()).store(FileStore::open(&folder)?).start()?;
    for _ in 1..=3 {
        let level = levels.next().await.ok_or("the stream has ended")?;
        println!("{} = {}", level.topic(), String::from_utf8_lossy(level.payload()));
    }
    second.drained().await;
    let report = second.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean(), "{report:?}");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
