//! Tasks that each await their own QoS 1 message, and tasks that each read a
//! stream, on both runtimes.

use evenkeel::{Bytes, Client, QoS, TopicName};
use tokio::runtime::{Builder, Runtime};

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::micros_each;
use crate::server::GO;

const TASKS: &[u64] = &[1, 8, 64, 512];
const STREAMS: &[u64] = &[100];
/// Messages of one run.
const COUNT: u64 = 60_000;

pub(super) const GROUP: Group = Group {
    name: "publishers",
    title: "Tasks that await QoS 1 messages, or read a stream each",
    unit: "microseconds a message",
    axis: "tasks",
    series: &[
        series("current_thread", TASKS, Cores::One, publish_current_thread),
        series("multi_thread", TASKS, Cores::One, publish_multi_thread),
        series("current_thread, two cores", TASKS, Cores::All, publish_current_thread),
        series("multi_thread, two cores", TASKS, Cores::All, publish_multi_thread),
        series("streams, current_thread", STREAMS, Cores::One, receive_current_thread),
        series("streams, multi_thread", STREAMS, Cores::One, receive_multi_thread),
    ],
    goals: &[
        goal("multi_thread", 64, "current_thread"),
        goal("multi_thread", 512, "current_thread"),
        goal("multi_thread, two cores", 64, "current_thread, two cores"),
        goal("multi_thread, two cores", 512, "current_thread, two cores"),
        goal("streams, multi_thread", 100, "streams, current_thread"),
    ],
};

const fn series(
    name: &'static str,
    points: &'static [u64],
    cores: Cores,
    measure: fn(u64, u16) -> Outcome<f64>,
) -> Series {
    Series { name, points, cores, measure }
}

const fn goal(series: &'static str, at: u64, other: &'static str) -> Goal {
    Goal { series, at, bound: Bound::Times(1.3, other) }
}

fn current_thread() -> Outcome<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn multi_thread() -> Outcome<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn publish_current_thread(tasks: u64, port: u16) -> Outcome<f64> {
    current_thread()?.block_on(publishing(tasks, port))
}

fn publish_multi_thread(tasks: u64, port: u16) -> Outcome<f64> {
    multi_thread()?.block_on(publishing(tasks, port))
}

fn receive_current_thread(streams: u64, port: u16) -> Outcome<f64> {
    current_thread()?.block_on(receiving(streams, port))
}

fn receive_multi_thread(streams: u64, port: u16) -> Outcome<f64> {
    multi_thread()?.block_on(receiving(streams, port))
}

async fn publishing(tasks: u64, port: u16) -> Outcome<f64> {
    let client = Client::builder(format!("mqtt://127.0.0.1:{port}")).in_flight(1000).start()?;
    client.online().await?;
    let each = COUNT / tasks;
    micros_each(each * tasks, async {
        let publishers: Vec<_> =
            (0..tasks).map(|_| tokio::spawn(publish(client.clone(), each))).collect();
        for publisher in publishers {
            publisher.await?.map_err(|_| "a message was not delivered")?;
        }
        Ok(())
    })
    .await
}

async fn publish(client: Client, count: u64) -> Result<(), evenkeel::PublishFailure> {
    let topic = TopicName::try_from("site/7/level").expect("a topic");
    let payload = Bytes::from(vec![b'x'; 64]);
    for _ in 0..count {
        client.publish(&topic, payload.clone()).qos(QoS::AtLeastOnce).delivered().await?;
    }
    Ok(())
}

async fn receiving(streams: u64, port: u16) -> Outcome<f64> {
    let client =
        Client::builder(format!("mqtt://127.0.0.1:{port}")).receive_maximum(1000).start()?;
    client.online().await?;
    let each = COUNT / streams;
    let mut opened = Vec::new();
    for number in 0..streams {
        opened.push(client.subscribe(format!("t/{number}")).qos(QoS::AtLeastOnce).await?);
    }
    let order = format!("count={},topics={streams},qos=1,window={streams}", each * streams);
    micros_each(each * streams, async {
        let readers: Vec<_> = opened
            .into_iter()
            .map(|mut messages| {
                tokio::spawn(async move {
                    for _ in 0..each {
                        messages.next().await?;
                    }
                    Some(messages)
                })
            })
            .collect();
        drop(client.publish(GO, order).await?);
        let mut streams = Vec::new();
        for reader in readers {
            streams.push(reader.await?.ok_or("a stream ended")?);
        }
        Ok(())
    })
    .await
}
