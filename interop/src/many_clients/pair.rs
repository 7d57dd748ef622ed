//! A publisher and its subscriber.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel::{Client, Messages, QoS, TopicName};

use super::{Plan, Row};
use crate::case::Case;
use crate::failed::{Failed, soon, within};

/// Messages of one publisher whose acknowledgement is still waited for.
const UNSETTLED: usize = 1000;

/// No message for this long is taken for a loss.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct Pair {
    number: u64,
    topic: TopicName,
    publisher: Client,
    messages: Messages,
}

impl Pair {
    pub(super) async fn connect(case: &Case, number: u64) -> Result<Self, Failed> {
        let topic = case.topic(&format!("many/{number}"));
        let subscriber = case.connect(&format!("s{number}")).await?;
        let messages = soon("SUBACK", subscriber.subscribe(&topic).qos(QoS::AtLeastOnce)).await??;
        let publisher = case.connect(&format!("p{number}")).await?;
        let topic = TopicName::try_from(topic.as_str())
            .map_err(|error| Failed::Wrong(error.to_string()))?;
        Ok(Self { number, topic, publisher, messages })
    }

    /// Publishes and receives the whole row; returns the number of duplicates.
    pub(super) async fn talk(self, plan: Plan, total: Arc<AtomicU64>) -> Result<u64, Failed> {
        let Self { number, topic, publisher, messages } = self;
        let publishing = tokio::spawn(publish(publisher, topic, number, plan));
        let duplicates = receive(messages, number, plan, &total).await?;
        let published = within(TIMEOUT, "the last acknowledgement", publishing).await?;
        published.map_err(|error| Failed::Wrong(error.to_string()))??;
        Ok(duplicates)
    }
}

async fn publish(client: Client, topic: TopicName, number: u64, plan: Plan) -> Result<(), Failed> {
    let mut receipts = VecDeque::with_capacity(UNSETTLED);
    for place in 0..plan.each() {
        let payload = Row::payload(number, place, plan.payload);
        receipts.push_back(client.publish(&topic, payload).qos(QoS::AtLeastOnce).await?);
        if receipts.len() == UNSETTLED
            && let Some(receipt) = receipts.pop_front()
        {
            receipt.await?;
        }
    }
    for receipt in receipts {
        receipt.await?;
    }
    Ok(())
}

async fn receive(
    mut messages: Messages,
    number: u64,
    plan: Plan,
    total: &AtomicU64,
) -> Result<u64, Failed> {
    let mut row = Row::of(number);
    while row.delivered() < plan.each() {
        // A message that is here already needs no timer.
        let message = match messages.try_next() {
            Some(message) => Some(message),
            None => {
                let step = format!("message {} of publisher {number}", row.delivered());
                within(TIMEOUT, &step, messages.next()).await?
            }
        };
        let message = message.ok_or_else(|| Failed::Wrong("the stream ended".to_owned()))?;
        let is_new = row.take(&message);
        if is_new.map_err(|error| Failed::Wrong(format!("publisher {number}: {error}")))? {
            total.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(row.duplicates())
}
