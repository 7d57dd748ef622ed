//! Messages received over many topics: by one stream with a filter for each, or
//! by a task and a stream for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel::{Client, Messages};
use tokio::sync::Notify;

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::micros_each;
use crate::server::GO;

pub(super) const GROUP: Group = Group {
    name: "streams",
    title: "Topics received, QoS 0",
    unit: "microseconds a message",
    axis: "topics",
    series: &[
        Series { name: "one stream", points: POINTS, cores: Cores::One, measure: one_stream },
        Series { name: "a task each", points: POINTS, cores: Cores::One, measure: a_task_each },
    ],
    goals: &[
        Goal { series: "one stream", at: 10_000, bound: Bound::AtMost(0.3) },
        Goal { series: "a task each", at: 10_000, bound: Bound::AtMost(0.5) },
    ],
};

const POINTS: &[u64] = &[1, 100, 10_000];
const MESSAGES: u64 = 500_000;

fn one_stream(topics: u64, port: u16) -> Outcome<f64> {
    run(port, async move |client| {
        let filters: Vec<String> = (0..topics).map(topic).collect();
        let mut messages = client.subscribe(filters).await?;
        micros_each(MESSAGES, async {
            ask(&client, topics).await?;
            for _ in 0..MESSAGES {
                messages.next().await.ok_or("the stream ended")?;
            }
            Ok(())
        })
        .await
    })
}

fn a_task_each(topics: u64, port: u16) -> Outcome<f64> {
    run(port, async move |client| {
        let (left, done) = (Arc::new(AtomicU64::new(MESSAGES)), Arc::new(Notify::new()));
        for number in 0..topics {
            let messages = client.subscribe(topic(number)).await?;
            tokio::spawn(receive(messages, left.clone(), done.clone()));
        }
        micros_each(MESSAGES, async {
            ask(&client, topics).await?;
            done.notified().await;
            Ok(())
        })
        .await
    })
}

async fn receive(mut messages: Messages, left: Arc<AtomicU64>, done: Arc<Notify>) {
    while messages.next().await.is_some() {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            done.notify_one();
        }
    }
}

fn run<F: Future<Output = Outcome<f64>>>(
    port: u16,
    work: impl FnOnce(Client) -> F,
) -> Outcome<f64> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::builder(format!("mqtt://127.0.0.1:{port}")).start()?;
        client.online().await?;
        work(client).await
    })
}

fn topic(number: u64) -> String {
    format!("t/{number}")
}

async fn ask(client: &Client, topics: u64) -> Outcome {
    let order = format!("count={MESSAGES},size=64,topics={topics},qos=0");
    drop(client.publish(GO, order).await?);
    Ok(())
}
