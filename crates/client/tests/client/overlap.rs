//! Streams that can match the same topics, and copies of a message (D17).

use evenkeel::{Messages, Property};
use evenkeel_codec::{Publish, Subscribe};

use crate::support::*;

/// The identifier that a SUBSCRIBE carries.
fn identifier(subscribe: &Subscribe) -> Option<u32> {
    subscribe.properties.subscription_identifiers().next()
}

fn name(subscribe: &Subscribe) -> &str {
    subscribe.filters[0].filter.as_str()
}

/// Grants the next SUBSCRIBE, of one filter; gives its name and identifier.
async fn grant(peer: &mut Peer) -> (String, Option<u32>) {
    let subscribe = peer.expect_subscribe().await;
    peer.send(suback(&subscribe, &[1])).await;
    (name(&subscribe).to_owned(), identifier(&subscribe))
}

/// Subscribes to two filters; gives the streams and their identifiers.
async fn two(
    client: &Client,
    peer: &mut Peer,
    names: [&str; 2],
) -> ([Messages; 2], [Option<u32>; 2]) {
    let first = peer.grant(client, names[0], AtLeastOnce).await;
    let granting = async {
        let renewed = grant(peer).await;
        assert_eq!(renewed.0, names[0], "the first is marked before the second");
        (renewed.1, grant(peer).await.1)
    };
    let subscribing = client.subscribe(names[1]).qos(AtLeastOnce).into_future();
    let (second, marks) = soon(async { tokio::join!(subscribing, granting) }).await;
    ([first, second.unwrap()], [marks.0, marks.1])
}

/// A message marked with these identifiers.
fn marked(topic: &str, payload: &str, id: u16, marks: &[Option<u32>]) -> Publish {
    let marks = marks.iter().map(|mark| Property::SubscriptionIdentifier(mark.unwrap()));
    Publish { properties: marks.collect(), ..message(topic, payload, AtLeastOnce, id) }
}

/// The payloads that a stream has, all of them without marks.
async fn payloads(messages: &mut Messages) -> Vec<String> {
    settle().await;
    let all = std::iter::from_fn(|| messages.try_next());
    all.map(|message| {
        assert_eq!(message.properties().subscription_identifiers().count(), 0, "it is ours");
        String::from_utf8(message.payload().to_vec()).unwrap()
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_copy_for_each_subscription_reaches_its_stream_alone() {
    for names in [["jobs/#", "jobs/1"], ["jobs/1", "jobs/+"], ["jobs/#", "$share/g/jobs/+"]] {
        let (client, _server, mut peer) = online_v5().await;
        let ([mut first, mut second], marks) = two(&client, &mut peer, names).await;
        assert!(marks[0].is_some() && marks[1].is_some() && marks[0] != marks[1], "{marks:?}");
        peer.publish(marked("jobs/1", "for the first", 1, &marks[..1])).await;
        peer.publish(marked("jobs/1", "for the second", 2, &marks[1..])).await;
        peer.publish(marked("jobs/1", "for both", 3, &marks)).await;
        assert_eq!(payloads(&mut first).await, ["for the first", "for both"], "{names:?}");
        assert_eq!(payloads(&mut second).await, ["for the second", "for both"], "{names:?}");
        drop((first, second));
        let mut acknowledged = Vec::new();
        while acknowledged.len() < 3 {
            if let evenkeel_codec::Packet::PubAck(ack) = peer.expect().await {
                acknowledged.push(ack.packet_id.get());
            }
        }
        assert_eq!(acknowledged, [1, 2, 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_marked_goes_by_its_topic() {
    let (client, _server, mut peer) = online_v5().await;
    let ([mut first, mut second], _) = two(&client, &mut peer, ["a/#", "a/b"]).await;
    peer.publish(message("a/b", "plain", AtLeastOnce, 1)).await;
    // As a session of an earlier run may mark it.
    peer.publish(Publish {
        properties: [Property::SubscriptionIdentifier(9)].into_iter().collect(),
        ..message("a/b", "strange", AtLeastOnce, 2)
    })
    .await;
    for stream in [&mut first, &mut second] {
        settle().await;
        let all: Vec<_> = std::iter::from_fn(|| stream.try_next()).collect();
        assert_eq!(all.len(), 2);
        let theirs = all[1].properties().subscription_identifiers().collect::<Vec<_>>();
        assert_eq!(theirs, [9], "what is not ours is shown");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_of_one_filter_share_its_messages() {
    let (client, _server, mut peer) = online_v5().await;
    let ([mut first, mut second], _) = two(&client, &mut peer, ["a/#", "a/b"]).await;
    // It takes the place of the first, with an identifier of its own.
    let subscribing = client.subscribe("a/#").qos(AtLeastOnce).into_future();
    let (third, mark) = soon(async { tokio::join!(subscribing, grant(&mut peer)) }).await;
    let mut third = third.unwrap();
    peer.publish(marked("a/b", "x", 1, &[mark.1])).await;
    assert_eq!(payloads(&mut first).await, ["x"]);
    assert_eq!(payloads(&mut third).await, ["x"]);
    assert_eq!(payloads(&mut second).await, Vec::<String>::new());
}

/// The subscription of the second stream replaces the marked one of the first,
/// when nothing overlaps any more: the mark must live on, as later streams
/// are told apart by it.
#[tokio::test(start_paused = true)]
async fn a_marked_subscription_stays_marked_when_it_is_replaced() {
    let (client, _server, mut peer) = online_v5().await;
    let ([mut first, gone], _) = two(&client, &mut peer, ["a/#", "a/b"]).await;
    drop(gone);
    let unsubscribe = peer.expect_unsubscribe().await;
    peer.send(unsuback(&unsubscribe)).await;
    let subscribing = client.subscribe("a/#").qos(AtLeastOnce).into_future();
    let (second, sent) = soon(async { tokio::join!(subscribing, grant(&mut peer)) }).await;
    assert!(sent.1.is_some(), "SUBSCRIBE without an identifier would take the mark away");
    let mut second = second.unwrap();
    let subscribing = client.subscribe("a/c").qos(AtLeastOnce).into_future();
    let (third, other) = soon(async { tokio::join!(subscribing, grant(&mut peer)) }).await;
    assert_eq!(other.0, "a/c", "nothing is left to mark before");
    let mut third = third.unwrap();
    // One message for both subscriptions, as a server may send that does not copy.
    peer.publish(marked("a/c", "merged", 1, &[sent.1, other.1])).await;
    peer.publish(marked("a/c", "for the first two", 2, &[sent.1])).await;
    assert_eq!(payloads(&mut first).await, ["merged", "for the first two"]);
    assert_eq!(payloads(&mut second).await, ["merged", "for the first two"]);
    assert_eq!(payloads(&mut third).await, ["merged"]);
}

#[tokio::test(start_paused = true)]
async fn streams_apart_are_not_marked() {
    let (client, _server, mut peer) = online_v5().await;
    for name in ["a/1", "a/2", "b/#", "$SYS/#", "$share/g/c"] {
        let subscribing = client.subscribe(name).qos(AtLeastOnce).into_future();
        let (stream, sent) = soon(async { tokio::join!(subscribing, grant(&mut peer)) }).await;
        assert_eq!(sent, (name.to_owned(), None));
        // Held open: a stream that is dropped unsubscribes.
        std::mem::forget(stream.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn servers_and_versions_without_marks_go_by_topics() {
    let lacking = || accepted_with([Property::SubscriptionIdentifierAvailable(0)]);
    for (version, connack) in [(Version::V5, lacking()), (Version::V311, accepted())] {
        let mut server = Server::new();
        let client = server.client().version(version).start().unwrap();
        let mut peer = server.online_with(connack).await;
        let mut first = peer.grant(&client, "a/#", AtLeastOnce).await;
        let subscribing = client.subscribe("a/b").qos(AtLeastOnce).into_future();
        let (second, sent) = soon(async { tokio::join!(subscribing, grant(&mut peer)) }).await;
        assert_eq!(sent, ("a/b".to_owned(), None), "{version:?}: nothing is asked for anew");
        let mut second = second.unwrap();
        peer.publish(message("a/b", "x", AtLeastOnce, 1)).await;
        assert_eq!(payloads(&mut first).await, ["x"]);
        assert_eq!(payloads(&mut second).await, ["x"]);
    }
}

/// One of the application's own is its to see, and serves as well as one of ours.
#[tokio::test(start_paused = true)]
async fn an_identifier_of_the_applications_tells_copies_apart_too() {
    let (client, _server, mut peer) = online_v5().await;
    let own = client.subscribe("a/#").qos(AtLeastOnce).subscription_identifier(7).into_future();
    let (first, sent) = soon(async { tokio::join!(own, grant(&mut peer)) }).await;
    assert_eq!(sent.1, Some(7));
    let subscribing = client.subscribe("a/b").qos(AtLeastOnce).into_future();
    let (second, sent) = soon(async { tokio::join!(subscribing, grant(&mut peer)) }).await;
    let (mut first, mut second) = (first.unwrap(), second.unwrap());
    peer.publish(marked("a/b", "x", 1, &[sent.1])).await;
    peer.publish(marked("a/b", "y", 2, &[Some(7)])).await;
    assert_eq!(payloads(&mut second).await, ["x"]);
    let message = first.try_next().unwrap();
    assert_eq!(message.properties().subscription_identifiers().collect::<Vec<_>>(), [7]);
    assert!(first.try_next().is_none());
}
