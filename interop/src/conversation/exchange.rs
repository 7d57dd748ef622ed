//! Messages from one client to another.

use std::time::Duration;

use evenkeel::{Bytes, QoS};

use super::steps::{self, expect, expect_all, numbered, subscribe};
use crate::case::Case;
use crate::failed::{Failed, soon, within};
use crate::must;

const COUNT: usize = 20;
const LARGE: usize = 1 << 20;

/// Publishes with a QoS; the subscriber asked for QoS 0 and gets no more.
pub(super) async fn publish(case: &Case, qos: QoS) -> Result<(), Failed> {
    let topic = case.topic("publish");
    let subscriber = case.connect("sub").await?;
    let mut messages = subscribe(&subscriber, &topic, QoS::AtMostOnce).await?;
    let publisher = case.connect("pub").await?;
    for payload in numbered("message", COUNT) {
        let publish = publisher.publish(&topic, payload.clone()).qos(qos);
        let delivered = soon("the acknowledgement", publish.delivered()).await??;
        must!(!delivered.reason.is_error(), "acknowledged with {}", delivered.reason);
        must!(delivered.attempts == 1, "sent {} times", delivered.attempts);
        let has_id = delivered.packet_id.is_some();
        must!(has_id == (qos != QoS::AtMostOnce), "a packet identifier: {has_id}");
        let message = expect(&mut messages, &payload).await?;
        must!(message.qos() == QoS::AtMostOnce, "delivered with {:?}", message.qos());
    }
    let report = soon("the shutdown", publisher.shutdown(Duration::from_secs(5))).await?;
    must!(report.is_clean(), "left at the shutdown: {report:?}");
    Ok(())
}

/// Receives what was published with the same QoS: all of it, once, in order.
pub(super) async fn receive(case: &Case, qos: QoS) -> Result<(), Failed> {
    let topic = case.topic("receive");
    let subscriber = case.connect("sub").await?;
    let mut messages = subscribe(&subscriber, &topic, qos).await?;
    let publisher = case.connect("pub").await?;
    for payload in numbered("message", COUNT) {
        steps::publish(&publisher, &topic, &payload, qos).await?;
    }
    for payload in numbered("message", COUNT) {
        let message = expect(&mut messages, &payload).await?;
        must!(message.topic() == topic, "came on {}", message.topic());
        must!(message.qos() == qos, "delivered with {:?}", message.qos());
        must!(!message.retain(), "has the retain flag");
        must!(!message.dup(), "has the DUP flag");
    }
    steps::publish(&publisher, &topic, "last", qos).await?;
    expect(&mut messages, "last").await.map(drop)
}

/// A mebibyte goes to the server and to a subscriber, unchanged.
pub(super) async fn large_payload(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("large");
    let subscriber = case.connect("sub").await?;
    let mut messages = subscribe(&subscriber, &topic, QoS::AtLeastOnce).await?;
    let publisher = case.connect("pub").await?;
    let payload: Bytes = (0..LARGE).map(|index| (index * 31 % 251) as u8).collect();
    let publish = publisher.publish(&topic, payload.clone()).qos(QoS::AtLeastOnce);
    soon("the acknowledgement", publish.delivered()).await??;
    // The WebSocket of mosquitto 2.0.11 sends 4 KiB every tenth of a second.
    let message = within(Duration::from_secs(80), "the large message", messages.next()).await?;
    let message = message.ok_or_else(|| Failed::Wrong("the stream ended".to_owned()))?;
    must!(*message.payload() == payload, "{} other bytes came", message.payload().len());
    let connects = subscriber.stats().connects + publisher.stats().connects;
    must!(connects == 2, "{connects} connections of two clients");
    Ok(())
}

/// Many messages handed over before the first is acknowledged.
pub(super) async fn burst(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("burst");
    let subscriber = case.connect("sub").await?;
    let mut messages = subscribe(&subscriber, &topic, QoS::AtLeastOnce).await?;
    let publisher = case.connect("pub").await?;
    let payloads = numbered("message", 500);
    let mut receipts = Vec::new();
    for payload in payloads.clone() {
        let publish = publisher.publish(&topic, payload).qos(QoS::AtLeastOnce);
        receipts.push(soon("room for a message", publish).await??);
    }
    expect_all(&mut messages, payloads).await?;
    for receipt in receipts {
        soon("the acknowledgement", receipt).await??;
    }
    Ok(())
}
