//! Which message goes where.

use std::collections::BTreeSet;

use evenkeel::{Messages, QoS, ReasonCode};

use super::steps::{expect, next, numbered, publish, subscribe, text};
use crate::case::Case;
use crate::failed::{Failed, soon};
use crate::must;

/// Each filter gets what it matches, and nothing else.
pub(super) async fn wildcards(case: &Case) -> Result<(), Failed> {
    let topics = ["a", "a/b", "a/b/c", "a/x/c", "a//c", "other"];
    let filters: [(&str, &[&str]); 5] = [
        ("a/b", &["a/b"]),
        ("a/+", &["a/b"]),
        ("a/+/c", &["a/b/c", "a/x/c", "a//c"]),
        ("a/#", &["a", "a/b", "a/b/c", "a/x/c", "a//c"]),
        ("+/b/#", &["a/b", "a/b/c"]),
    ];
    let publisher = case.connect("pub").await?;
    let mut subscribers = Vec::new();
    // A client each: servers differ in how often they send what several filters match.
    for (number, (filter, expected)) in filters.into_iter().enumerate() {
        let client = case.connect(&format!("sub{number}")).await?;
        let root = case.topic("");
        let request = client.subscribe(format!("{root}{filter}"));
        let request = request.filter(format!("{root}end"), QoS::AtLeastOnce);
        let messages = soon("SUBACK", request.qos(QoS::AtLeastOnce)).await??;
        subscribers.push((filter, expected, messages));
    }
    for topic in topics.into_iter().chain(["end"]) {
        publish(&publisher, &case.topic(topic), topic, QoS::AtLeastOnce).await?;
    }
    for (filter, expected, mut messages) in subscribers {
        let mut got = Vec::new();
        loop {
            match text(&next(&mut messages).await?).as_str() {
                "end" => break,
                topic => got.push(topic.to_owned()),
            }
        }
        must!(got == expected, "{filter} got {got:?}");
    }
    Ok(())
}

/// After UNSUBACK nothing comes any more.
pub(super) async fn unsubscribe(case: &Case) -> Result<(), Failed> {
    let (topic, other) = (case.topic("topic"), case.topic("other"));
    let client = case.connect("client").await?;
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    let mut others = subscribe(&client, &other, QoS::AtLeastOnce).await?;
    publish(&client, &topic, "wanted", QoS::AtLeastOnce).await?;
    expect(&mut messages, "wanted").await?;
    let codes = soon("UNSUBACK", client.unsubscribe(&topic).filter(case.topic("never"))).await??;
    let expected = if case.has_properties() {
        [ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED]
    } else {
        [ReasonCode::SUCCESS; 2]
    };
    must!(codes == expected, "unsubscribed with {codes:?}");
    publish(&client, &topic, "unwanted", QoS::AtLeastOnce).await?;
    publish(&client, &other, "last", QoS::AtLeastOnce).await?;
    expect(&mut others, "last").await?;
    must!(messages.try_next().is_none(), "a message came after UNSUBACK");
    must!(client.discarded() == 0, "a message that no one asked for came");
    Ok(())
}

/// Every filter of one SUBSCRIBE has a result of its own, in order.
pub(super) async fn granted_each(case: &Case) -> Result<(), Failed> {
    let client = case.connect("client").await?;
    let request = client
        .subscribe(case.topic("q1"))
        .qos(QoS::AtLeastOnce)
        .filter(case.topic("q0"), QoS::AtMostOnce)
        .filter(case.topic("q2"), QoS::ExactlyOnce);
    let messages = soon("SUBACK", request).await??;
    let granted: Vec<_> = messages.granted().iter().map(|(_, granted)| *granted).collect();
    let expected = [Ok(QoS::AtLeastOnce), Ok(QoS::AtMostOnce), Ok(QoS::ExactlyOnce)];
    must!(granted == expected, "granted {granted:?}");
    Ok(())
}

/// More filters than fit one SUBSCRIBE, each with its message.
pub(super) async fn many_subscriptions(case: &Case) -> Result<(), Failed> {
    const FILTERS: usize = 250;
    let client = case.connect("client").await?;
    // Without spaces, which some brokers do not take in topics.
    let topic = |name: &str| case.topic(&name.replace(' ', "-"));
    let mut names = numbered("filter", FILTERS).map(|name| topic(&name));
    let first = names.next().unwrap_or_default();
    let request = client.subscribe(&first).qos(QoS::AtLeastOnce).buffer(FILTERS);
    let request = names.fold(request, |request, name| request.filter(name, QoS::AtLeastOnce));
    let mut messages = soon("SUBACK", request).await??;
    let granted = messages.granted().iter().filter(|(_, granted)| granted.is_ok()).count();
    must!(granted == FILTERS, "{granted} of {FILTERS} filters granted");
    for name in numbered("filter", FILTERS) {
        publish(&client, &topic(&name), &name, QoS::AtLeastOnce).await?;
        expect(&mut messages, &name).await?;
    }
    Ok(())
}

/// Each message goes to one member of the group.
pub(super) async fn shared_subscription(case: &Case) -> Result<(), Failed> {
    const COUNT: usize = 40;
    let topic = case.topic("shared");
    let filter = format!("$share/group/{topic}");
    let members = [case.connect("one").await?, case.connect("two").await?];
    let mut streams = Vec::new();
    for member in &members {
        streams.push(subscribe(member, &filter, QoS::AtLeastOnce).await?);
    }
    let publisher = case.connect("pub").await?;
    for payload in numbered("job", COUNT) {
        publish(&publisher, &topic, &payload, QoS::AtLeastOnce).await?;
    }
    let mut jobs = BTreeSet::new();
    for _ in 0..COUNT {
        let message = next_of(&mut streams).await?;
        let job = text(&message);
        must!(jobs.insert(job.clone()), "{job} was given out twice");
    }
    must!(jobs == numbered("job", COUNT).collect(), "other jobs came: {jobs:?}");
    let shares = members.map(|member| member.stats().publishes_received);
    must!(shares.iter().all(|share| *share > 0), "the shares are {shares:?}");
    Ok(())
}

/// The next message of any stream.
async fn next_of(streams: &mut [Messages]) -> Result<evenkeel::Message, Failed> {
    let any = std::future::poll_fn(|cx| {
        for stream in &mut *streams {
            if let std::task::Poll::Ready(message) = stream.poll_next(cx) {
                return std::task::Poll::Ready(message);
            }
        }
        std::task::Poll::Pending
    });
    let message = soon("a message", any).await?;
    message.ok_or_else(|| Failed::Wrong("the stream of messages ended".to_owned()))
}

/// A client that asked so does not hear itself.
pub(super) async fn no_local(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("echo");
    let client = case.connect("client").await?;
    let other = case.connect("other").await?;
    let request = client.subscribe(&topic).qos(QoS::AtLeastOnce).no_local(true);
    let mut messages = soon("SUBACK", request).await??;
    publish(&client, &topic, "own", QoS::AtLeastOnce).await?;
    publish(&other, &topic, "foreign", QoS::AtLeastOnce).await?;
    expect(&mut messages, "foreign").await.map(drop)
}
