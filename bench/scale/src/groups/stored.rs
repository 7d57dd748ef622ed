//! A stored publish awaited by one task: until the store has it.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel::store::{FileStore, FileStoreOptions, Fsync};
use evenkeel::{Bytes, Client, QoS, TopicName};

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::micros_each;

/// Tasks: one that awaits each of its messages.
const ONE: &[u64] = &[1];
/// Fewer than the queue takes, as nothing is sent.
const COUNT: u64 = 8_000;

pub(super) const GROUP: Group = Group {
    name: "stored",
    title: "A stored QoS 1 message, until the store has it",
    unit: "microseconds a message",
    axis: "tasks",
    series: &[
        Series { name: "fsync never", points: ONE, cores: Cores::One, measure: never },
        Series { name: "fsync 5 ms", points: ONE, cores: Cores::One, measure: timed },
        Series {
            name: "fsync never, in place",
            points: ONE,
            cores: Cores::One,
            measure: never_in_place,
        },
        Series {
            name: "fsync 5 ms, in place",
            points: ONE,
            cores: Cores::One,
            measure: timed_in_place,
        },
    ],
    goals: &[
        Goal { series: "fsync never, in place", at: 1, bound: Bound::AtMost(8.0) },
        Goal { series: "fsync 5 ms, in place", at: 1, bound: Bound::AtMost(8.0) },
    ],
};

const TIMED: Fsync = Fsync::Every(Duration::from_millis(5));

fn never(tasks: u64, port: u16) -> Outcome<f64> {
    measure(FileStore::options().fsync(Fsync::Never), tasks, port)
}

fn timed(tasks: u64, port: u16) -> Outcome<f64> {
    measure(FileStore::options().fsync(TIMED), tasks, port)
}

fn never_in_place(tasks: u64, port: u16) -> Outcome<f64> {
    measure(FileStore::options().fsync(Fsync::Never).in_place(true), tasks, port)
}

fn timed_in_place(tasks: u64, port: u16) -> Outcome<f64> {
    measure(FileStore::options().fsync(TIMED).in_place(true), tasks, port)
}

fn measure(options: FileStoreOptions, _tasks: u64, _port: u16) -> Outcome<f64> {
    let path = folder();
    let figure = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(accepting(options, path.clone()));
    std::fs::remove_dir_all(path)?;
    figure
}

/// Where `BENCH_DIR` says, as the other measurements of stores.
fn folder() -> PathBuf {
    let home = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    home.join(format!("evenkeel-bench-scale-{}", std::process::id()))
}

/// Nobody to connect to: the store alone decides.
async fn accepting(options: FileStoreOptions, path: PathBuf) -> Outcome<f64> {
    let store = options.open(path)?;
    let client = Client::builder("mqtt://127.0.0.1:1").client_id("boat").store(store).start()?;
    let topic = TopicName::try_from("site/7/level")?;
    let payload = Bytes::from(vec![b'x'; 64]);
    let figure = micros_each(COUNT, async {
        for _ in 0..COUNT {
            drop(client.publish(&topic, payload.clone()).qos(QoS::AtLeastOnce).await?);
        }
        Ok(())
    })
    .await;
    client.shutdown(Duration::from_secs(1)).await;
    figure
}
