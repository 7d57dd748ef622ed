//! Messages that the server keeps.

use evenkeel::{QoS, RetainHandling};

use super::steps::{expect, publish, publish_retained, subscribe};
use crate::case::Case;
use crate::failed::{Failed, soon};
use crate::must;

/// The last retained message greets a new subscriber; live ones lose the flag.
pub(super) async fn retained(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("retained");
    let client = case.connect("retain").await?;
    publish_retained(&client, &topic, "first").await?;
    publish_retained(&client, &topic, "second").await?;
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    let greeting = expect(&mut messages, "second").await?;
    must!(greeting.retain(), "the kept message came without the retain flag");
    publish_retained(&client, &topic, "third").await?;
    let live = expect(&mut messages, "third").await?;
    must!(!live.retain(), "a live message came with the retain flag");
    Ok(())
}

/// An empty payload takes a retained message away.
pub(super) async fn retained_removed(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("removed");
    let client = case.connect("retain").await?;
    publish_retained(&client, &topic, "kept").await?;
    publish_retained(&client, &topic, "").await?;
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    publish(&client, &topic, "live", QoS::AtLeastOnce).await?;
    let first = expect(&mut messages, "live").await?;
    must!(!first.retain(), "a live message came with the retain flag");
    Ok(())
}

/// The subscriber says when it wants kept messages, and whether flags stay.
pub(super) async fn retain_options(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("options");
    let client = case.connect("retain").await?;
    publish_retained(&client, &topic, "kept").await?;

    let never = client.subscribe(&topic).retain_handling(RetainHandling::Never);
    let as_published = never.qos(QoS::AtLeastOnce).retain_as_published(true);
    let mut messages = soon("SUBACK", as_published).await??;
    publish_retained(&client, &topic, "live").await?;
    let live = expect(&mut messages, "live").await?;
    must!(live.retain(), "the retain flag was not kept as published");

    // The subscription exists already: what is kept must not come again.
    let only_new = client.subscribe(&topic).retain_handling(RetainHandling::OnNewSubscribe);
    let mut again = soon("SUBACK", only_new.qos(QoS::AtLeastOnce)).await??;
    publish(&client, &topic, "last", QoS::AtLeastOnce).await?;
    expect(&mut again, "last").await.map(drop)
}
