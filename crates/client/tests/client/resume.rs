//! Sessions that go on, at the dev broker: what it has stored reaches the
//! application whenever that opens its streams.

use evenkeel::{Messages, SubscribeRequest};
use evenkeel_broker::Broker;

use crate::support::*;

const COUNT: usize = 60;

fn client(broker: &Broker, version: Version, id: &str) -> ClientBuilder {
    let builder = Client::builder(broker.url()).version(version).client_id(id).reconnect(hasty());
    builder.clean_start(false).session_expiry(secs(3600))
}

/// A broker with a session that has messages of QoS 1 and 2, in turn, on two topics.
async fn with_session(version: Version) -> Broker {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
    let first = client(&broker, version, "resumer").start().unwrap();
    let mut messages = first.subscribe("n/#").qos(ExactlyOnce).await.unwrap();
    messages.keep();
    first.shutdown(secs(5)).await;
    let writer = client(&broker, version, "writer").start().unwrap();
    for number in 0..COUNT {
        let (topic, qos) =
            if number % 2 == 0 { ("n/1", AtLeastOnce) } else { ("n/2", ExactlyOnce) };
        writer.publish(topic, number.to_string()).qos(qos).delivered().await.unwrap();
    }
    writer.shutdown(secs(5)).await;
    broker
}

/// Waits until so many messages have arrived, read by nobody.
async fn arrived(client: &Client, count: usize) {
    within_20_s(async {
        while client.stats().publishes_received < count as u64 {
            // Nothing tells of messages that nobody reads.
            tokio::time::sleep(millis(5)).await;
        }
    })
    .await;
}

async fn subscribe(request: SubscribeRequest) -> Messages {
    within_20_s(request.qos(ExactlyOnce).into_future()).await.unwrap()
}

/// The numbers of so many messages, which are acknowledged.
async fn take(messages: &mut Messages, count: usize) -> Vec<usize> {
    within_20_s(async {
        let mut numbers = Vec::new();
        for _ in 0..count {
            let message = messages.next().await.unwrap();
            numbers.push(std::str::from_utf8(message.payload()).unwrap().parse().unwrap());
        }
        numbers
    })
    .await
}

/// Nothing is left: neither here nor in the broker's session.
async fn nothing_is_left(broker: &Broker, version: Version, client: Client) {
    assert_eq!(client.discarded(), 0);
    assert!(client.shutdown(secs(5)).await.is_clean());
    let last = self::client(broker, version, "resumer").start().unwrap();
    within_20_s(last.online()).await.unwrap();
    let mut rest = last.subscribe("n/#").qos(ExactlyOnce).await.unwrap();
    let end = last.publish("n/end", "end").qos(ExactlyOnce).delivered();
    within_20_s(end).await.unwrap();
    let message = within_20_s(rest.next()).await.unwrap();
    assert_eq!((message.topic(), message.dup()), ("n/end", false));
}

#[tokio::test]
async fn what_comes_before_the_first_subscribe_is_neither_lost_nor_doubled() {
    for version in [Version::V311, Version::V5] {
        let broker = with_session(version).await;
        let client = client(&broker, version, "resumer").start().unwrap();
        arrived(&client, 20).await;
        for _ in 0..2 {
            let before = client.stats();
            broker.restart(true, millis(30)).await.unwrap();
            within_20_s(async {
                while client.stats().connections == before.connections {
                    // Nobody watches the state here.
                    tokio::time::sleep(millis(5)).await;
                }
            })
            .await;
            arrived(&client, before.publishes_received as usize + 20).await;
        }
        let mut first = subscribe(client.subscribe("n/1")).await;
        let mut second = subscribe(client.subscribe("n/#")).await;
        let (even, odd) = tokio::join!(take(&mut first, COUNT / 2), take(&mut second, COUNT / 2));
        assert_eq!(even, (0..COUNT).step_by(2).collect::<Vec<_>>(), "{version:?}");
        assert_eq!(odd, (1..COUNT).step_by(2).collect::<Vec<_>>(), "{version:?}");
        assert!(first.try_next().is_none() && second.try_next().is_none());
        nothing_is_left(&broker, version, client).await;
    }
}

/// The server may have so many messages unacknowledged; the rest is with it.
#[tokio::test]
async fn a_small_receive_maximum_or_inbox_loses_nothing() {
    let receive_maximum: fn(ClientBuilder) -> ClientBuilder = |b| b.receive_maximum(5);
    let inbox: fn(ClientBuilder) -> ClientBuilder = |b| b.bounds(small_inbox());
    for (settings, arriving) in [(receive_maximum, 5), (inbox, 20)] {
        let broker = with_session(Version::V5).await;
        let client = settings(client(&broker, Version::V5, "resumer")).start().unwrap();
        arrived(&client, arriving).await;
        // Long enough for the broker to send more, if it did.
        tokio::time::sleep(millis(100)).await;
        assert_eq!(client.stats().publishes_received, arriving as u64);
        let mut messages = subscribe(client.subscribe("n/#")).await;
        let mut numbers = take(&mut messages, COUNT).await;
        numbers.sort_unstable();
        assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
        messages.keep();
        drop(messages);
        nothing_is_left(&broker, Version::V5, client).await;
    }
}

/// Who never takes what an earlier run subscribed to is not held back by it.
#[tokio::test]
async fn stale_messages_do_not_hold_back_other_streams_forever() {
    let broker = with_session(Version::V311).await;
    let builder = client(&broker, Version::V311, "resumer").hold_unmatched(millis(300));
    let client = builder.bounds(small_inbox()).start().unwrap();
    arrived(&client, 20).await;
    let mut wanted = subscribe(client.subscribe("wanted")).await;
    let writer = self::client(&broker, Version::V311, "writer").start().unwrap();
    within_20_s(writer.publish("wanted", "7").qos(AtLeastOnce).delivered()).await.unwrap();
    assert_eq!(take(&mut wanted, 1).await, [7]);
    within_20_s(async {
        while client.discarded() < COUNT as u64 {
            // Nothing tells of it.
            tokio::time::sleep(millis(5)).await;
        }
    })
    .await;
}
