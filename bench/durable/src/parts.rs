//! The parts of the table, a process each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evenkeel::store::{FileStore, Fsync};
use evenkeel::{Client, Event, QoS, QueueConfig};
use evenkeel_broker::Broker;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::process::{disk_bytes, fresh, peak_mib, place};

/// Where nobody listens.
const NOWHERE: &str = "mqtt://127.0.0.1:1";
const TOPIC: &str = "site/7/level";
const PAYLOAD: [u8; 200] = [b'.'; 200];
/// How long a rate is measured.
const ROUND: Duration = Duration::from_secs(1);
/// So many publish at a time when a queue is filled.
const FILLING: u64 = 200;

/// Messages per second that are accepted, and so committed, while offline.
pub fn accept(fsync: &str, publishers: u64) {
    let store = open("accept", policy(fsync));
    let rate = Runtime::new().expect("a runtime").block_on(async {
        let client = client(NOWHERE, store);
        let rate = publish_for(ROUND, &client, publishers, false).await;
        client.shutdown(Duration::ZERO).await;
        rate
    });
    println!("{rate:.0}");
    let _ = std::fs::remove_dir_all(place("accept"));
}

/// Messages per second that are committed and then acknowledged by a server.
pub fn deliver(fsync: &str, publishers: u64) {
    let store = open("deliver", policy(fsync));
    let server = Runtime::new().expect("a runtime");
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start();
    let broker = server.block_on(broker).expect("a broker");
    let rate = Runtime::new().expect("a runtime").block_on(async {
        let client = client(&broker.url(), store);
        publish(&client, true).await;
        let rate = publish_for(ROUND, &client, publishers, true).await;
        client.shutdown(Duration::from_secs(5)).await;
        rate
    });
    println!("{rate:.0}");
    let _ = std::fs::remove_dir_all(place("deliver"));
}

/// Queues so many messages while offline.
pub fn fill(queued: u64) {
    let store = open("queue", Fsync::Every(Duration::from_millis(5)));
    let begun = Instant::now();
    Runtime::new().expect("a runtime").block_on(async {
        let client = client(NOWHERE, store);
        let next = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..FILLING {
            let (client, next) = (client.clone(), Arc::clone(&next));
            tasks.spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < queued {
                    publish(&client, false).await;
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(client.queued() as u64, queued);
        client.shutdown(Duration::ZERO).await;
    });
    let bytes = disk_bytes(&place("queue")) as f64 / queued as f64;
    println!(
        "| queueing {queued} messages while offline | {:.2} s; {bytes:.0} bytes on disk each; \
         memory of the process {:.1} MiB at most |",
        begun.elapsed().as_secs_f64(),
        peak_mib()
    );
}

/// Starts with what `fill` has left, and delivers it.
pub fn resume(queued: u64) {
    let server = Runtime::new().expect("a runtime");
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start();
    let broker = server.block_on(broker).expect("a broker");
    let store = || {
        let options = FileStore::options().fsync(Fsync::Every(Duration::from_millis(5)));
        options.open(place("queue")).expect("the store opens")
    };
    let without = peak_mib();
    let (start, memory) = Runtime::new().expect("a runtime").block_on(async {
        let begun = Instant::now();
        let client = client(NOWHERE, store());
        let mut events = client.events();
        while !matches!(events.next().await.expect("an event").event, Event::Recovered { .. }) {}
        let (start, memory) = (begun.elapsed(), peak_mib());
        assert_eq!(client.queued() as u64, queued);
        client.shutdown(Duration::ZERO).await;
        (start, memory)
    });
    let delivery = Runtime::new().expect("a runtime").block_on(async {
        let begun = Instant::now();
        let client = client(&broker.url(), store());
        client.drained().await;
        let delivery = begun.elapsed();
        client.shutdown(Duration::from_secs(5)).await;
        delivery
    });
    println!(
        "| starting with {queued} queued messages, every byte verified | {:.0} ms; memory {:.1} \
         MiB more than before |\n| delivering them to the test broker, in the same process | \
         {:.2} s; memory of both {:.1} MiB at most |",
        start.as_secs_f64() * 1000.0,
        memory - without,
        delivery.as_secs_f64(),
        peak_mib()
    );
    let _ = std::fs::remove_dir_all(place("queue"));
}

fn policy(word: &str) -> Fsync {
    match word {
        "every-commit" => Fsync::EveryCommit,
        _ => Fsync::Every(Duration::from_millis(5)),
    }
}

fn open(name: &str, fsync: Fsync) -> FileStore {
    FileStore::options().fsync(fsync).open(fresh(name)).expect("the store opens")
}

fn client(server: &str, store: FileStore) -> Client {
    // Only the disk bounds the queue.
    let mut queue = QueueConfig::default();
    (queue.messages, queue.bytes) = (usize::MAX, usize::MAX);
    let builder = Client::builder(server).client_id("bench-durable").queue(queue);
    builder.store(store).start().expect("a client")
}

/// Returns when the message is durable, and if wanted, acknowledged.
async fn publish(client: &Client, acknowledged: bool) {
    let request = client.publish(TOPIC, &PAYLOAD[..]).qos(QoS::AtLeastOnce);
    let receipt = request.await.expect("it is accepted");
    if acknowledged {
        receipt.await.expect("it is delivered");
    }
}

/// Messages per second of so many tasks.
async fn publish_for(time: Duration, client: &Client, publishers: u64, acknowledged: bool) -> f64 {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..publishers {
        let client = client.clone();
        tasks.spawn(async move {
            let mut count = 0_u32;
            while begun.elapsed() < time {
                publish(&client, acknowledged).await;
                count += 1;
            }
            count
        });
    }
    let count: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(count) / begun.elapsed().as_secs_f64()
}
