//! What outlives a connection.

use std::collections::HashSet;
use std::time::Duration;

use evenkeel::{Client, ClientBuilder, Event, Messages, QoS, Receipt};

use super::steps::{
    connected, disconnected, event, expect, expect_all, next, numbered, publish, subscribe, text,
};
use crate::case::Case;
use crate::failed::{Failed, soon};
use crate::must;
use crate::server::Memory;

const COUNT: usize = 20;
const LOAD: usize = 400;

/// Settings of a client whose session is kept.
fn kept(builder: ClientBuilder) -> ClientBuilder {
    builder.clean_start(false).session_expiry(Duration::from_secs(600))
}

/// Publishes a row of messages and waits until all are acknowledged.
async fn publish_row(client: &Client, topic: &str, name: &str, qos: QoS) -> Result<(), Failed> {
    for payload in numbered(name, COUNT) {
        publish(client, topic, &payload, qos).await?;
    }
    Ok(())
}

/// Hands over a row of messages that cannot be sent yet.
async fn queue_row(
    client: &Client,
    topic: &str,
    name: &str,
    qos: QoS,
) -> Result<Vec<Receipt>, Failed> {
    let mut receipts = Vec::new();
    for payload in numbered(name, COUNT) {
        let publish = client.publish(topic, payload).qos(qos);
        receipts.push(soon("room in the queue", publish).await??);
    }
    Ok(receipts)
}

/// Expects the row in order: QoS 2 once, QoS 1 again only with the DUP flag.
async fn expect_row(messages: &mut Messages, name: &str, qos: QoS) -> Result<(), Failed> {
    let mut seen = HashSet::new();
    for due in numbered(name, COUNT) {
        loop {
            let message = next(messages).await?;
            let got = text(&message);
            must!(message.qos() == qos, "{got:?} came with {:?}", message.qos());
            if got == due {
                seen.insert(got);
                break;
            }
            let again = qos == QoS::AtLeastOnce && message.dup() && seen.contains(&got);
            must!(again, "expected {due:?}, got {got:?}: {message:?}");
        }
    }
    Ok(())
}

/// Expects every receipt to be settled well.
async fn settle(receipts: Vec<Receipt>) -> Result<(), Failed> {
    for receipt in receipts {
        soon("the acknowledgement", receipt).await??;
    }
    Ok(())
}

/// A client that was away gets what it missed, and what it wrote goes out.
pub(super) async fn resumed(case: &Case, qos: QoS) -> Result<(), Failed> {
    let (to_pump, from_pump) = (case.topic("to"), case.topic("from"));
    let desk = case.connect("desk").await?;
    let mut reports = subscribe(&desk, &from_pump, qos).await?;
    let (builder, wire) = case.builder_with_wire("pump")?;
    let pump = case.online("pump", kept(builder)).await?;
    let mut events = pump.events();
    let mut orders = subscribe(&pump, &to_pump, qos).await?;
    wire.cut();
    disconnected(&mut events).await?;
    publish_row(&desk, &to_pump, "order", qos).await?;
    let receipts = queue_row(&pump, &from_pump, "report", qos).await?;
    wire.restore();
    must!(connected(&mut events).await?, "the session was not present");
    expect_row(&mut orders, "order", qos).await?;
    expect_row(&mut reports, "report", qos).await?;
    settle(receipts).await
}

/// If the session is gone, the client asks for its subscriptions again.
pub(super) async fn subscriptions_restored(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("restored");
    let desk = case.connect("desk").await?;
    let (builder, wire) = case.builder_with_wire("pump")?;
    let pump = case.online("pump", builder).await?;
    let mut orders = subscribe(&pump, &topic, QoS::AtLeastOnce).await?;
    let mut more = subscribe(&pump, &case.topic("more/+"), QoS::AtMostOnce).await?;
    let mut events = pump.events();
    wire.snap();
    restored(&mut events, &pump, 2).await?;
    publish(&desk, &topic, "after", QoS::AtLeastOnce).await?;
    let message = expect(&mut orders, "after").await?;
    must!(message.qos() == QoS::AtLeastOnce, "restored with {:?}", message.qos());
    publish(&desk, &case.topic("more/1"), "after", QoS::AtLeastOnce).await?;
    let message = expect(&mut more, "after").await?;
    must!(message.qos() == QoS::AtMostOnce, "restored with {:?}", message.qos());
    Ok(())
}

/// Waits until this many filters have been granted again.
async fn restored(
    events: &mut evenkeel::Events,
    client: &Client,
    filters: usize,
) -> Result<(), Failed> {
    must!(!connected(events).await?, "a session is present that must be gone");
    let count = event(events, "the subscriptions", |event| match event {
        Event::SubscriptionsRestoring { filters } => Some(*filters),
        _ => None,
    })
    .await?;
    must!(count == filters, "{count} of {filters} filters restored");
    // SUBACKs come in order: with this one, the restored filters are in force.
    let probe = format!("evenkeel/probe/{}", std::process::id());
    soon("SUBACK", client.subscribe(probe)).await??;
    Ok(())
}

/// Nothing is lost over a restart of a server that keeps its sessions.
pub(super) async fn restart_resumed(case: &Case, qos: QoS) -> Result<(), Failed> {
    let (to_pump, from_pump) = (case.topic("to"), case.topic("from"));
    let desk = case.online("desk", kept(case.builder("desk")?)).await?;
    let mut reports = subscribe(&desk, &from_pump, qos).await?;
    let (builder, wire) = case.builder_with_wire("pump")?;
    let pump = case.online("pump", kept(builder)).await?;
    let mut orders = subscribe(&pump, &to_pump, qos).await?;
    let (mut pump_events, mut desk_events) = (pump.events(), desk.events());

    // These wait in the server for a client that is away.
    wire.cut();
    disconnected(&mut pump_events).await?;
    publish_row(&desk, &to_pump, "before", qos).await?;
    case.stop_server(Memory::Kept).await?;
    disconnected(&mut desk_events).await?;
    // These wait in the clients for a server that is away.
    let during = queue_row(&desk, &to_pump, "during", qos).await?;
    let report = queue_row(&pump, &from_pump, "report", qos).await?;
    case.start_server().await?;
    wire.restore();
    must!(connected(&mut desk_events).await?, "the publisher's session was not present");
    must!(connected(&mut pump_events).await?, "the subscriber's session was not present");
    expect_row(&mut orders, "before", qos).await?;
    expect_row(&mut orders, "during", qos).await?;
    expect_row(&mut reports, "report", qos).await?;
    settle(during).await?;
    settle(report).await
}

/// A server that is restarted amid exchanges loses nothing and doubles nothing.
pub(super) async fn restart_under_load(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("load");
    let writer = case.online("writer", kept(case.builder("writer")?)).await?;
    let reader = case.online("reader", kept(case.builder("reader")?)).await?;
    let mut messages = subscribe(&reader, &topic, QoS::ExactlyOnce).await?;
    let mut events = reader.events();
    let writing = async {
        let mut receipts = Vec::new();
        for payload in numbered("load", LOAD) {
            let publish = writer.publish(&topic, payload).qos(QoS::ExactlyOnce);
            receipts.push(soon("room in the queue", publish).await??);
        }
        settle(receipts).await
    };
    let restarting = async {
        // Some messages are through, some on their way, some not yet sent.
        expect_all(&mut messages, numbered("load", LOAD).take(LOAD / 8)).await?;
        case.stop_server(Memory::Kept).await?;
        case.start_server().await?;
        must!(connected(&mut events).await?, "the session was not present");
        expect_all(&mut messages, numbered("load", LOAD).skip(LOAD / 8)).await
    };
    let (written, read) = tokio::join!(writing, restarting);
    read?;
    written?;
    publish(&writer, &topic, "last", QoS::ExactlyOnce).await?;
    expect(&mut messages, "last").await.map(drop)
}

/// A server that lost all sessions gets the subscriptions again.
pub(super) async fn restart_without_memory(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("lost");
    let desk = case.connect("desk").await?;
    let pump = case.online("pump", kept(case.builder("pump")?)).await?;
    let mut orders = subscribe(&pump, &topic, QoS::AtLeastOnce).await?;
    let mut events = pump.events();
    case.stop_server(Memory::Lost).await?;
    case.start_server().await?;
    restored(&mut events, &pump, 1).await?;
    publish(&desk, &topic, "after", QoS::AtLeastOnce).await?;
    expect(&mut orders, "after").await.map(drop)
}
