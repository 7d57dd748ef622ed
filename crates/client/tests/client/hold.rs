//! What becomes of messages that no stream takes.

use evenkeel::{Messages, Reconnect};
use evenkeel_codec::{ConnAck, Packet};

use crate::support::*;

/// A client that is online in a session that goes on.
async fn resumed(settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> (Client, Server, Peer) {
    let mut server = Server::new();
    let builder = server.client().version(Version::V5).clean_start(false).keep_alive(secs(0));
    let client = settings(builder).start().unwrap();
    let peer = server.online_with(going_on()).await;
    soon(client.online()).await.unwrap();
    (client, server, peer)
}

fn going_on() -> ConnAck {
    ConnAck { session_present: true, ..accepted() }
}

/// The payloads of so many messages, acknowledged.
async fn take(messages: &mut Messages, count: usize) -> Vec<String> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let message = soon(messages.next()).await.unwrap();
        taken.push(String::from_utf8(message.payload().to_vec()).unwrap());
    }
    taken
}

async fn expect_pubacks(peer: &mut Peer, ids: impl IntoIterator<Item = u16>) {
    for wanted in ids {
        assert_eq!(peer.expect_puback().await.packet_id, id(wanted));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_stream_that_matches_has_what_came_before_it_and_unmatched_the_rest() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    for (packet, topic) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
        peer.publish(message(topic, &packet.to_string(), AtLeastOnce, packet)).await;
    }
    peer.publish(message("a", "not acknowledged anyway", AtMostOnce, 0)).await;
    assert_eq!(peer.poll().await, None, "nothing is acknowledged");
    let mut first = peer.grant(&client, "a", AtLeastOnce).await;
    peer.publish(message("a", "5", AtLeastOnce, 5)).await;
    settle().await;
    let mut second = peer.grant(&client, "#", AtLeastOnce).await;
    assert_eq!(take(&mut first, 4).await, ["1", "3", "not acknowledged anyway", "5"]);
    assert_eq!(take(&mut second, 2).await, ["2", "4"], "only what was left");
    expect_pubacks(&mut peer, 1..=5).await;
    assert_eq!((first.try_next().is_none(), client.discarded()), (true, 0));
}

/// D11.
#[tokio::test(start_paused = true)]
async fn the_stream_of_unmatched_messages_begins_with_what_came_before_it() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    peer.publish(message("jobs/reply", "1", AtLeastOnce, 1)).await;
    settle().await;
    let mut unmatched = client.unmatched().unwrap();
    assert!(client.unmatched().is_none(), "there is one");
    peer.publish(message("jobs/reply", "2", AtLeastOnce, 2)).await;
    assert_eq!(take(&mut unmatched, 2).await, ["1", "2"]);
    expect_pubacks(&mut peer, 1..=2).await;
    drop(unmatched);
    // Nobody wants them any more.
    peer.publish(message("jobs/reply", "3", AtLeastOnce, 3)).await;
    expect_pubacks(&mut peer, [3]).await;
    assert_eq!(client.discarded(), 1);
    assert!(client.unmatched().is_some(), "free again");
}

#[tokio::test(start_paused = true)]
async fn the_wait_begins_with_the_last_stream_and_ends_for_good() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    peer.publish(message("stale", "1", AtLeastOnce, 1)).await;
    let _first = peer.grant(&client, "a", AtLeastOnce).await;
    tokio::time::sleep(secs(29)).await;
    let mut second = peer.grant(&client, "b", AtLeastOnce).await;
    peer.publish(message("b", "2", AtLeastOnce, 2)).await;
    assert_eq!(take(&mut second, 1).await, ["2"], "what is held is in nobody's way");
    tokio::time::sleep(millis(29_500)).await;
    assert_eq!((peer.poll().await, client.discarded()), (None, 0), "not yet");
    tokio::time::sleep(millis(500)).await;
    expect_pubacks(&mut peer, 1..=2).await;
    assert_eq!(client.discarded(), 1);
    peer.publish(message("stale", "3", AtLeastOnce, 3)).await;
    expect_pubacks(&mut peer, [3]).await;
    assert_eq!(client.discarded(), 2);
    let _late = client.unmatched().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_wait_begins_with_the_message_if_streams_are_older() {
    let (client, _server, mut peer) = resumed(|b| b.hold_unmatched(secs(5))).await;
    let _stream = peer.grant(&client, "a", AtLeastOnce).await;
    tokio::time::sleep(secs(3600)).await;
    peer.publish(message("b", "1", AtLeastOnce, 1)).await;
    tokio::time::sleep(millis(4_900)).await;
    assert_eq!(peer.poll().await, None);
    let mut late = peer.grant(&client, "b", AtLeastOnce).await;
    assert_eq!(take(&mut late, 1).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn an_application_that_has_opened_no_stream_is_waited_for() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    peer.publish(message("a", "1", AtLeastOnce, 1)).await;
    tokio::time::sleep(secs(24 * 3600)).await;
    assert_eq!(peer.poll().await, None);
    let receipt = client.publish("out", "x").qos(AtLeastOnce).await.unwrap();
    let sent = peer.expect_publish().await;
    peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    soon(receipt).await.unwrap();
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    assert_eq!(take(&mut messages, 1).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_subscribe_that_is_not_answered_yet_is_waited_for() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    peer.publish(message("b", "1", AtLeastOnce, 1)).await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        tokio::time::sleep(secs(60)).await;
        peer.send(suback(&subscribe, &[1])).await;
    };
    let (first, ()) = tokio::join!(client.subscribe("a").qos(AtLeastOnce), granting);
    let _first = first.unwrap();
    tokio::time::sleep(secs(20)).await;
    let mut second = peer.grant(&client, "b", AtLeastOnce).await;
    assert_eq!(take(&mut second, 1).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bounds_messages_wait_on_the_connection() {
    let (client, _server, mut peer) = resumed(|b| b.bounds(small_inbox())).await;
    for packet in 1..=10 {
        peer.publish(message("a", &packet.to_string(), AtLeastOnce, packet)).await;
    }
    peer.publish(message("a", "no room", AtMostOnce, 0)).await;
    settle().await;
    assert_eq!(client.discarded(), 1, "QoS 0 is in nobody's way");
    for packet in 11..=200 {
        peer.publish(message("a", &packet.to_string(), AtLeastOnce, packet)).await;
    }
    settle().await;
    assert_eq!(client.stats().publishes_received, 10 + 1 + 10, "held, discarded, in the inbox");
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    let wanted: Vec<_> = (1..=200).map(|packet| packet.to_string()).collect();
    assert_eq!(take(&mut messages, 200).await, wanted);
    expect_pubacks(&mut peer, 1..=200).await;
    assert_eq!(client.discarded(), 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_too() {
    let mut bounds = Bounds::default();
    bounds.inbox_bytes = 1000;
    let (client, _server, mut peer) = resumed(|b| b.bounds(bounds)).await;
    // Topic and payload are 500 bytes each: full with the second.
    let payload = "x".repeat(499);
    for packet in 1..=2 {
        peer.publish(message("a", &payload, AtLeastOnce, packet)).await;
        settle().await;
        assert_eq!(client.stats().publishes_received, u64::from(packet));
    }
    peer.publish(message("b", "no room", AtMostOnce, 0)).await;
    settle().await;
    assert_eq!(client.discarded(), 1);
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    assert_eq!(take(&mut messages, 2).await, [payload.clone(), payload]);
    peer.publish(message("b", "room again", AtMostOnce, 0)).await;
    settle().await;
    assert_eq!(client.discarded(), 1);
    let mut unmatched = client.unmatched().unwrap();
    assert_eq!(take(&mut unmatched, 1).await, ["room again"]);
}

/// D10: whoever never opens a stream still publishes.
#[tokio::test(start_paused = true)]
async fn full_bounds_do_not_hold_back_a_publisher_forever() {
    let (client, _server, mut peer) = resumed(|b| b.bounds(small_inbox())).await;
    for packet in 1..=300 {
        peer.publish(message("stale", "x", AtLeastOnce, packet)).await;
    }
    let begun = tokio::time::Instant::now();
    settle().await;
    let mut receipt = client.publish("out", "x").qos(AtLeastOnce).await.unwrap();
    let sent = peer.expect_publish().await;
    peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    let waiting = tokio::time::timeout(secs(29), &mut receipt).await;
    assert!(waiting.is_err(), "the acknowledgement is behind what nobody takes");
    assert_eq!(client.discarded(), 0);
    soon(receipt).await.unwrap();
    assert!(begun.elapsed() < secs(31), "{:?}", begun.elapsed());
    expect_pubacks(&mut peer, 1..=300).await;
    assert_eq!(client.discarded(), 300);
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_on_the_next_connection_is_held_once() {
    let settings = |b: ClientBuilder| b.reconnect(brisk());
    let (client, mut server, mut peer) = resumed(settings).await;
    let copies = |dup: bool| {
        let mut messages = [
            message("a", "1", AtLeastOnce, 1),
            message("a", "2", ExactlyOnce, 2),
            message("a", "3", AtLeastOnce, 3),
        ];
        messages.iter_mut().for_each(|message| message.dup = dup);
        messages
    };
    for message in copies(false) {
        peer.publish(message).await;
    }
    for _ in 0..2 {
        settle().await;
        drop(peer);
        peer = server.online_with(going_on()).await;
        for message in copies(true) {
            peer.publish(message).await;
        }
    }
    // Under an identifier that is free again comes another message.
    peer.publish(message("a", "4", AtLeastOnce, 4)).await;
    let mut messages = peer.grant(&client, "a", ExactlyOnce).await;
    assert_eq!(take(&mut messages, 4).await, ["1", "2", "3", "4"]);
    let (mut pubacks, mut pubrecs) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        match peer.expect().await {
            Packet::PubAck(ack) => pubacks.push(ack.packet_id),
            Packet::PubRec(ack) => pubrecs.push(ack.packet_id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((pubacks, pubrecs), (vec![id(1), id(3), id(4)], vec![id(2)]));
    assert!(messages.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_session_leaves_is_given_out_all_the_same() {
    let settings = |b: ClientBuilder| b.reconnect(brisk());
    let (client, mut server, mut peer) = resumed(settings).await;
    peer.publish(message("a", "1", AtLeastOnce, 1)).await;
    peer.publish(message("a", "2", ExactlyOnce, 2)).await;
    settle().await;
    drop(peer);
    let mut peer = server.online().await;
    // Same identifier, another message: the server began anew.
    peer.publish(message("a", "3", AtLeastOnce, 1)).await;
    let mut messages = peer.grant(&client, "a", ExactlyOnce).await;
    assert_eq!(take(&mut messages, 3).await, ["1", "2", "3"]);
    expect_pubacks(&mut peer, [1]).await;
    assert_eq!(peer.poll().await, None);
}

/// Delays fit for a test.
fn brisk() -> Reconnect {
    let mut policy = Reconnect::default();
    (policy.base, policy.cap, policy.floor) = (millis(10), millis(50), millis(10));
    policy
}

#[tokio::test(start_paused = true)]
async fn a_subscribe_in_vain_loses_nothing() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    for packet in 1..=3 {
        peer.publish(message("a", &packet.to_string(), AtLeastOnce, packet)).await;
    }
    let refusing = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[0x87])).await;
    };
    let (refused, ()) = tokio::join!(client.subscribe("a").qos(AtLeastOnce), refusing);
    refused.unwrap_err();
    assert!(stays_pending(client.subscribe("a").into_future()).await);
    let given_up = peer.expect_subscribe().await;
    peer.send(suback(&given_up, &[0])).await;
    peer.expect_unsubscribe().await;
    assert_eq!((peer.poll().await, client.discarded()), (None, 0), "nothing is acknowledged");
    peer.publish(message("a", "4", AtLeastOnce, 4)).await;
    settle().await;
    let mut unmatched = client.unmatched().unwrap();
    assert_eq!(take(&mut unmatched, 4).await, ["1", "2", "3", "4"]);
    expect_pubacks(&mut peer, 1..=4).await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_dropped_stream_are_not_held() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    let dropped = peer.grant(&client, "a/#", AtLeastOnce).await;
    drop(dropped);
    let unsubscribe = peer.expect_unsubscribe().await;
    // It was on its way.
    peer.publish(message("a/1", "1", AtLeastOnce, 1)).await;
    expect_pubacks(&mut peer, [1]).await;
    assert_eq!(client.discarded(), 1);
    peer.send(unsuback(&unsubscribe)).await;
    let again = peer.grant(&client, "a/#", AtLeastOnce).await;
    let mut kept = again;
    kept.keep();
    drop(kept);
    // Its subscription goes on, and somebody may come for it.
    peer.publish(message("a/1", "2", AtLeastOnce, 2)).await;
    assert_eq!(peer.poll().await, None);
    let mut unmatched = client.unmatched().unwrap();
    assert_eq!(take(&mut unmatched, 1).await, ["2"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_for_those_who_do_not_want_it() {
    let (client, _server, mut peer) = resumed(|b| b.hold_unmatched(secs(0))).await;
    peer.publish(message("a", "1", AtLeastOnce, 1)).await;
    expect_pubacks(&mut peer, [1]).await;
    assert_eq!(client.discarded(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_at_the_end_stays_with_the_server() {
    let (client, _server, mut peer) = resumed(|b| b).await;
    peer.publish(message("a", "1", AtLeastOnce, 1)).await;
    peer.publish(message("a", "2", ExactlyOnce, 2)).await;
    settle().await;
    let (_, ()) = tokio::join!(client.shutdown(secs(5)), peer.expect_disconnect());
    assert_eq!(client.discarded(), 0);
}
