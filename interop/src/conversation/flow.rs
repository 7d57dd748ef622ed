//! Bounds that the two sides keep towards each other, and pings.

use std::time::Duration;

use evenkeel::QoS;

use super::steps::{expect, expect_all, next, numbered, publish, subscribe, text};
use crate::case::Case;
use crate::failed::{Failed, soon};
use crate::must;

/// A long topic is sent once, and then by its number.
pub(super) async fn topic_alias(case: &Case) -> Result<(), Failed> {
    const COUNT: usize = 50;
    let topics = ["x", "y"].map(|letter| case.topic(&letter.repeat(400)));
    let subscriber = case.connect("sub").await?;
    let mut streams = Vec::new();
    for topic in &topics {
        streams.push(subscribe(&subscriber, topic, QoS::AtLeastOnce).await?);
    }
    let publisher = case.connect("pub").await?;
    for payload in numbered("message", COUNT) {
        for topic in &topics {
            publish(&publisher, topic, &payload, QoS::AtLeastOnce).await?;
        }
    }
    for (stream, topic) in streams.iter_mut().zip(&topics) {
        for payload in numbered("message", COUNT) {
            let message = expect(stream, &payload).await?;
            must!(message.topic() == topic, "came on {}", message.topic());
        }
    }
    let allowed = publisher.limits().map_or(0, |limits| limits.topic_alias_maximum.value);
    let sent = publisher.stats().bytes_sent;
    let in_full = 2 * COUNT as u64 * 400;
    must!(allowed == 0 || sent < in_full / 2, "{sent} bytes were sent with aliases");
    must!(allowed > 0 || sent > in_full, "{sent} bytes were sent without aliases");
    Ok(())
}

/// The server keeps to the number of exchanges that we allow.
pub(super) async fn our_receive_maximum(case: &Case) -> Result<(), Failed> {
    const MAXIMUM: usize = 5;
    const COUNT: usize = 20;
    let (topic, marker) = (case.topic("bounded"), case.topic("marker"));
    let client = case.online("sub", case.builder("sub")?.receive_maximum(MAXIMUM as u16)).await?;
    let mut markers = subscribe(&client, &marker, QoS::AtMostOnce).await?;
    let request = client.subscribe(&topic).qos(QoS::AtLeastOnce).manual_ack();
    let mut messages = soon("SUBACK", request).await??;
    let publisher = case.connect("pub").await?;
    for payload in numbered("message", COUNT) {
        publish(&publisher, &topic, &payload, QoS::AtLeastOnce).await?;
    }
    let mut held = Vec::new();
    for payload in numbered("message", MAXIMUM) {
        held.push(expect(&mut messages, &payload).await?);
    }
    // QoS 0 is not bounded: it overtakes what the bound holds back.
    publish(&publisher, &marker, "marker", QoS::AtMostOnce).await?;
    expect(&mut markers, "marker").await?;
    must!(messages.try_next().is_none(), "a sixth message came");
    held.into_iter().for_each(evenkeel::Message::ack);
    // From here mosquitto 2.0.11 forgets the bound: each PUBACK sets another
    // five messages free. The client must take that without losing anything.
    for payload in numbered("message", COUNT).skip(MAXIMUM) {
        expect(&mut messages, &payload).await?.ack();
    }
    must!(client.stats().connects == 1, "{} connections", client.stats().connects);
    Ok(())
}

/// We keep to the number of exchanges that the server allows.
pub(super) async fn their_receive_maximum(case: &Case) -> Result<(), Failed> {
    const COUNT: usize = 200;
    let topic = case.topic("bounded");
    let subscriber = case.connect("sub").await?;
    let mut messages = subscribe(&subscriber, &topic, QoS::AtLeastOnce).await?;
    let publisher = case.connect("pub").await?;
    let allowed = publisher.limits().map_or(0, |limits| limits.in_flight.value);
    let mut receipts = Vec::new();
    for payload in numbered("message", COUNT) {
        let publish = publisher.publish(&topic, payload).qos(QoS::AtLeastOnce);
        receipts.push(soon("room for a message", publish).await??);
        let open = publisher.in_flight();
        must!(open <= usize::from(allowed), "{open} exchanges of {allowed} are open");
    }
    for receipt in receipts {
        soon("the acknowledgement", receipt).await??;
    }
    expect_all(&mut messages, numbered("message", COUNT)).await?;
    must!(publisher.stats().connects == 1, "{} connections", publisher.stats().connects);
    Ok(())
}

/// The server does not send what is larger than we allow.
pub(super) async fn maximum_packet_size(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("size");
    let client = case.online("small", case.builder("small")?.maximum_packet_size(1000)).await?;
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    let publisher = case.connect("pub").await?;
    publish(&publisher, &topic, &"x".repeat(2000), QoS::AtLeastOnce).await?;
    publish(&publisher, &topic, "small", QoS::AtLeastOnce).await?;
    let first = next(&mut messages).await?;
    must!(text(&first) == "small", "a message of {} bytes came", first.payload().len());
    must!(client.stats().connects == 1, "{} connections", client.stats().connects);
    Ok(())
}

/// Pings keep an idle connection up.
pub(super) async fn idle_keep_alive(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("idle");
    let builder = case.builder("idle")?.keep_alive(Duration::from_secs(2));
    let client = case.online("idle", builder).await?;
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    // Keep-alive is a matter of the server's clock, which the test cannot
    // turn: a server may close after 3 s of silence.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let stats = client.stats();
    must!((2..=6).contains(&stats.pings_sent), "{} pings in 5 s", stats.pings_sent);
    must!(stats.pongs + 1 >= stats.pings_sent, "{} of {} answered", stats.pongs, stats.pings_sent);
    publish(&client, &topic, "awake", QoS::AtLeastOnce).await?;
    expect(&mut messages, "awake").await?;
    must!(client.stats().connects == 1, "{} connections", client.stats().connects);
    Ok(())
}

/// Without keep-alive there are no pings, and the connection stays.
pub(super) async fn no_keep_alive(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("idle");
    let client = case.online("idle", case.builder("idle")?.keep_alive(Duration::ZERO)).await?;
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    // Long enough for a server that takes 0 for a short time to close.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    must!(client.stats().pings_sent == 0, "{} pings", client.stats().pings_sent);
    publish(&client, &topic, "awake", QoS::AtLeastOnce).await?;
    expect(&mut messages, "awake").await?;
    must!(client.stats().connects == 1, "{} connections", client.stats().connects);
    Ok(())
}
