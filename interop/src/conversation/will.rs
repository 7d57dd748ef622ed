//! What the server says for a client that is gone.

use std::time::{Duration, Instant};

use evenkeel::{Property, QoS, Reconnect, Text, Will};

use super::steps::{expect, publish, subscribe};
use crate::case::Case;
use crate::failed::{Failed, soon};
use crate::must;

/// A connection that breaks without DISCONNECT brings the will.
pub(super) async fn will_after_cut(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("will");
    let watcher = case.connect("watcher").await?;
    let mut wills = subscribe(&watcher, &topic, QoS::AtLeastOnce).await?;
    let (builder, wire) = case.builder_with_wire("mortal")?;
    let will = Will::new(&topic, "gone").qos(QoS::AtLeastOnce);
    case.online("mortal", builder.will(will).reconnect(Reconnect::never())).await?;
    wire.cut();
    let message = expect(&mut wills, "gone").await?;
    must!(message.qos() == QoS::AtLeastOnce, "the will came with {:?}", message.qos());
    must!(!message.retain(), "the will came with the retain flag");
    Ok(())
}

/// A DISCONNECT deletes the will.
pub(super) async fn no_will_after_goodbye(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("will");
    let watcher = case.connect("watcher").await?;
    let mut wills = subscribe(&watcher, &topic, QoS::AtLeastOnce).await?;
    let will = Will::new(&topic, "gone").qos(QoS::AtLeastOnce);
    let polite = case.online("polite", case.builder("polite")?.will(will)).await?;
    soon("the shutdown", polite.shutdown(Duration::from_secs(5))).await?;
    publish(&watcher, &topic, "nothing before this", QoS::AtLeastOnce).await?;
    expect(&mut wills, "nothing before this").await.map(drop)
}

/// A retained will greets those who come later.
pub(super) async fn retained_will(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("will");
    let watcher = case.connect("watcher").await?;
    let mut wills = subscribe(&watcher, &topic, QoS::AtLeastOnce).await?;
    let (builder, wire) = case.builder_with_wire("mortal")?;
    let will = Will::new(&topic, "gone").qos(QoS::AtLeastOnce).retain(true);
    case.online("mortal", builder.will(will).reconnect(Reconnect::never())).await?;
    wire.cut();
    expect(&mut wills, "gone").await?;
    let late = case.connect("late").await?;
    let mut wills = subscribe(&late, &topic, QoS::AtLeastOnce).await?;
    let message = expect(&mut wills, "gone").await?;
    must!(message.retain(), "the kept will came without the retain flag");
    Ok(())
}

/// The server waits with a will that has a delay; its properties come along.
pub(super) async fn delayed_will(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("will");
    let watcher = case.connect("watcher").await?;
    let mut wills = subscribe(&watcher, &topic, QoS::AtLeastOnce).await?;
    let (builder, wire) = case.builder_with_wire("mortal")?;
    let (name, value) = (Text::from_static("cause"), Text::from_static("storm"));
    let (Ok(name), Ok(value)) = (name, value) else {
        return Err(Failed::Wrong("plain ASCII is MQTT text".to_owned()));
    };
    let will = Will::new(&topic, "gone")
        .qos(QoS::AtLeastOnce)
        .delay(Duration::from_secs(2))
        .property(Property::UserProperty(name, value));
    let builder = builder.will(will).session_expiry(Duration::from_secs(60));
    case.online("mortal", builder.reconnect(Reconnect::never())).await?;
    let began = Instant::now();
    wire.cut();
    let message = expect(&mut wills, "gone").await?;
    // Servers count whole seconds, so that the first may be cut short.
    let waited = began.elapsed();
    must!(waited > Duration::from_secs(1), "a delay of 2 s was {waited:?}");
    let properties: Vec<_> = message.properties().user_properties().collect();
    must!(properties == [("cause", "storm")], "the will came with {properties:?}");
    Ok(())
}
