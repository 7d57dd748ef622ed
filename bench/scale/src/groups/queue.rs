//! Messages that wait: the latest of each topic, and what expires at once.

use std::time::{Duration, Instant};

use evenkeel::{Bytes, Client, QoS, QueueConfig, TopicName, WhenFull};

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::{cpu_time, micros_each};

pub(super) const LATEST: Group = Group {
    name: "latest",
    title: "Latest message of each topic, in random order",
    unit: "microseconds a message",
    axis: "topics",
    series: &[Series {
        name: "replaced",
        points: &[100, 10_000, 100_000],
        cores: Cores::One,
        measure: replaced,
    }],
    goals: &[Goal { series: "replaced", at: 100_000, bound: Bound::AtMost(1.5) }],
};

pub(super) const EXPIRY: Group = Group {
    name: "expiry",
    title: "Longest turn of the client while messages expire at once",
    unit: "microseconds of processor time",
    axis: "messages",
    series: &[Series {
        name: "longest turn",
        points: &[10_000, 100_000, 400_000],
        cores: Cores::One,
        measure: longest_turn,
    }],
    goals: &[Goal { series: "longest turn", at: 400_000, bound: Bound::AtMost(5_000.0) }],
};

/// A client that never gets a connection.
fn offline(when_full: WhenFull) -> Outcome<Client> {
    let mut queue = QueueConfig::default();
    queue.messages = 1_000_000;
    queue.bytes = 1 << 30;
    queue.when_full = when_full;
    Ok(Client::builder("mqtt://127.0.0.1:1").queue(queue).start()?)
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn replaced(topics: u64, _: u16) -> Outcome<f64> {
    let count = 200_000;
    runtime()?.block_on(async {
        let client = offline(WhenFull::LatestPerTopic)?;
        let names = (0..topics).map(|topic| TopicName::try_from(format!("site/{topic}/level")));
        let names: Vec<TopicName> = names.collect::<Result<_, _>>()?;
        for name in &names {
            publish(&client, name).await?;
        }
        micros_each(count, async {
            let mut state = 1_u64;
            for _ in 0..count {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                publish(&client, &names[((state >> 33) % topics) as usize]).await?;
            }
            Ok(())
        })
        .await
    })
}

async fn publish(client: &Client, topic: &TopicName) -> Outcome {
    let payload = Bytes::from_static(&[b'x'; 64]);
    drop(client.publish(topic, payload).qos(QoS::AtLeastOnce).await?);
    Ok(())
}

/// The most processor time between two turns of a task that is always ready,
/// before and after the messages expire.
fn longest_turn(messages: u64, _: u16) -> Outcome<f64> {
    runtime()?.block_on(async {
        let client = offline(WhenFull::Wait)?;
        let topic = TopicName::try_from("site/1/level")?;
        let payload = Bytes::from_static(&[b'x'; 64]);
        let lifetime = Duration::from_secs(10);
        for _ in 0..messages {
            let message = client.publish(&topic, payload.clone()).qos(QoS::AtLeastOnce);
            drop(message.expiry(lifetime).await?);
        }
        let begin = Instant::now();
        let (mut longest, mut last) = (Duration::ZERO, cpu_time());
        while client.stats().expired < messages {
            if begin.elapsed() > 3 * lifetime {
                return Err("they do not expire".into());
            }
            tokio::task::yield_now().await;
            let now = cpu_time();
            (longest, last) = (longest.max(now - last), now);
        }
        Ok(longest.as_secs_f64() * 1e6)
    })
}
