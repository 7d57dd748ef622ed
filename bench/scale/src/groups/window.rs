//! QoS 1 messages under way at once.

use std::collections::VecDeque;

use evenkeel::{Bytes, Client, QoS, TopicName};

use crate::Outcome;
use crate::group::{Bound, Cores, Goal, Group, Series};
use crate::process::micros_each;

pub(super) const GROUP: Group = Group {
    name: "window",
    title: "QoS 1 messages under way at once",
    unit: "microseconds a message",
    axis: "messages",
    series: &[Series {
        name: "one task",
        points: &[1, 100, 10_000, 65_535],
        cores: Cores::One,
        measure: one_task,
    }],
    goals: &[Goal { series: "one task", at: 10_000, bound: Bound::AtMost(0.5) }],
};

fn one_task(window: u64, port: u16) -> Outcome<f64> {
    let count = (window * 10).clamp(20_000, 200_000);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::builder(format!("mqtt://127.0.0.1:{port}"))
            .in_flight(window.try_into()?)
            .start()?;
        client.online().await?;
        micros_each(count, publish(&client, window as usize, count)).await
    })
}

async fn publish(client: &Client, window: usize, count: u64) -> Outcome {
    let topic = TopicName::try_from("t/0")?;
    let payload = Bytes::from(vec![b'x'; 64]);
    let mut receipts = VecDeque::new();
    for _ in 0..count {
        if receipts.len() >= window
            && let Some(oldest) = receipts.pop_front()
        {
            IntoFuture::into_future(oldest).await?;
        }
        receipts.push_back(client.publish(&topic, payload.clone()).qos(QoS::AtLeastOnce).await?);
    }
    for receipt in receipts {
        IntoFuture::into_future(receipt).await?;
    }
    Ok(())
}
