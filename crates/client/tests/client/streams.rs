//! Which message reaches which stream.

use evenkeel_codec::Packet;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_message_reaches_every_matching_stream_once_and_is_acknowledged_once() {
    let (client, _server, mut peer) = online_v5().await;
    let mut exact = peer.grant(&client, "site/1/alarm", AtLeastOnce).await;
    let mut wild = peer.grant(&client, "site/+/alarm", AtLeastOnce).await;
    let mut all = peer.grant(&client, "#", AtLeastOnce).await;
    let mut other = peer.grant(&client, "site/2/alarm", AtLeastOnce).await;
    peer.publish(message("site/1/alarm", "!", AtLeastOnce, 7)).await;
    let held = soon(exact.next()).await.unwrap();
    drop(soon(wild.next()).await.unwrap());
    soon(all.next()).await.unwrap().ack();
    assert_eq!(peer.poll().await, None, "one of them is not done");
    drop(held);
    assert_eq!(peer.expect_puback().await.packet_id, id(7));
    assert_eq!(peer.poll().await, None, "acknowledged once");
    for stream in [&mut exact, &mut wild, &mut all, &mut other] {
        assert!(stream.try_next().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn several_filters_of_one_stream_give_a_message_once() {
    let (client, _server, mut peer) = online_v5().await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[1, 1])).await;
        peer.publish(message("a/b", "x", AtLeastOnce, 1)).await;
    };
    let request = client.subscribe("a/+").filter("+/b", AtLeastOnce).qos(AtLeastOnce);
    let (messages, ()) = tokio::join!(request, granting);
    let mut messages = messages.unwrap();
    drop(soon(messages.next()).await.unwrap());
    assert!(messages.try_next().is_none());
    assert_eq!(peer.expect_puback().await.packet_id, id(1));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_does_not_hold_back_a_joint_acknowledgement() {
    let (client, _server, mut peer) = online_v5().await;
    let first = peer.grant(&client, "a", AtLeastOnce).await;
    let mut second = peer.grant(&client, "+", AtLeastOnce).await;
    peer.publish(message("a", "x", AtLeastOnce, 1)).await;
    drop(soon(second.next()).await.unwrap());
    assert_eq!(peer.poll().await, None);
    drop(first);
    let (mut acknowledged, mut unsubscribed) = (false, false);
    for _ in 0..2 {
        match peer.expect().await {
            Packet::PubAck(ack) => acknowledged = ack.packet_id == id(1),
            Packet::Unsubscribe(_) => unsubscribed = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(acknowledged && unsubscribed);
    assert_eq!(client.discarded(), 1, "the dropped stream had not given it out");
}

/// Also what its handle had taken under one lock with a message it gave out.
#[tokio::test(start_paused = true)]
async fn a_dropped_stream_loses_no_acknowledgement_of_what_it_had_not_given_out() {
    let (client, _server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    for number in 1..=5 {
        peer.publish(message("a", "x", AtLeastOnce, number)).await;
    }
    let first = soon(messages.next()).await.unwrap();
    let second = soon(messages.next()).await.unwrap();
    drop(messages);
    assert_eq!(client.discarded(), 3);
    assert_eq!(peer.expect_unsubscribe().await.filters, [filter("a")]);
    assert_eq!(peer.poll().await, None, "acknowledged in the order of the messages");
    drop((first, second));
    for number in 1..=5 {
        assert_eq!(peer.expect_puback().await.packet_id, id(number));
    }
}

/// D3: at least once means more than once only if it cannot be avoided.
#[tokio::test(start_paused = true)]
async fn what_comes_again_before_it_was_given_out_is_given_out_once() {
    let settings = |b: ClientBuilder| b.clean_start(false).session_expiry(secs(3600));
    let (client, mut server, mut peer) = online(Version::V5, settings).await;
    let mut exact = peer.grant(&client, "a", AtLeastOnce).await;
    let mut wild = peer.grant(&client, "+", AtLeastOnce).await;
    for number in 1..=3 {
        peer.publish(message("a", &number.to_string(), AtLeastOnce, number)).await;
    }
    let given_out = soon(exact.next()).await.unwrap();
    drop(peer);
    let going_on = evenkeel_codec::ConnAck { session_present: true, ..accepted() };
    let mut peer = server.online_with(going_on).await;
    for number in 1..=3 {
        let again = message("a", &number.to_string(), AtLeastOnce, number);
        peer.publish(evenkeel_codec::Publish { dup: true, ..again }).await;
    }
    peer.publish(message("a", "4", AtLeastOnce, 4)).await;
    settle().await;
    drop(given_out);
    for (stream, wanted) in [(&mut exact, ["2", "3", "1", "4"]), (&mut wild, ["1", "2", "3", "4"])]
    {
        for wanted in wanted {
            assert_eq!(soon(stream.next()).await.unwrap().payload(), wanted);
        }
        assert!(stream.try_next().is_none());
    }
    for number in 1..=4 {
        assert_eq!(peer.expect_puback().await.packet_id, id(number));
    }
}

#[tokio::test(start_paused = true)]
async fn wildcards_leave_out_topics_of_the_servers_own() {
    let (client, _server, mut peer) = online_v5().await;
    let mut all = peer.grant(&client, "#", AtMostOnce).await;
    let mut system = peer.grant(&client, "$SYS/#", AtMostOnce).await;
    peer.publish(message("$SYS/uptime", "1", AtMostOnce, 0)).await;
    assert_eq!(soon(system.next()).await.unwrap().payload(), "1");
    assert!(all.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_share_is_matched_by_its_filter() {
    let (client, _server, mut peer) = online_v5().await;
    let mut shared = peer.grant(&client, "$share/workers/jobs/+", AtMostOnce).await;
    peer.publish(message("jobs/1", "x", AtMostOnce, 0)).await;
    assert_eq!(soon(shared.next()).await.unwrap().topic(), "jobs/1");
    drop(shared);
    assert_eq!(peer.expect_unsubscribe().await.filters, [filter("$share/workers/jobs/+")]);
}

#[tokio::test(start_paused = true)]
async fn a_full_stream_holds_back_the_server_and_loses_nothing() {
    let settings = |b: ClientBuilder| b.bounds(small_inbox()).receive_maximum(1000);
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[1])).await;
        peer
    };
    let request = client.subscribe("a").qos(AtLeastOnce).buffer(4);
    let (messages, mut peer) = tokio::join!(request, granting);
    let mut messages = messages.unwrap();
    let sending = tokio::spawn(async move {
        for id in 1..=500 {
            peer.publish(message("a", &id.to_string(), AtLeastOnce, id)).await;
        }
        peer
    });
    settle().await;
    let received = client.stats().publishes_received;
    assert_eq!(received, 4 + 10, "the stream's buffer and the inbox");
    for wanted in 1..=500 {
        let message = soon(messages.next()).await.unwrap();
        assert_eq!(message.payload(), wanted.to_string().as_bytes());
    }
    let mut peer = soon(sending).await.unwrap();
    for wanted in 1..=500 {
        assert_eq!(peer.expect_puback().await.packet_id, id(wanted));
    }
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_for_while_a_stream_is_full() {
    let settings = |b: ClientBuilder| b.bounds(small_inbox()).keep_alive(secs(10));
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    for id in 1..=400 {
        peer.publish(message("a", "x", AtLeastOnce, id)).await;
    }
    // Two minutes without anyone reading, at a server that answers pings.
    let serving = async {
        while peer.receive().await.is_some_and(|p| p == Packet::PingReq) {
            peer.send(Packet::PingResp).await;
        }
    };
    tokio::time::timeout(secs(120), serving).await.unwrap_err();
    assert!(client.state().is_online(), "{:?}", client.state());
    assert!(client.stats().pings_sent >= 10);
    for _ in 0..400 {
        drop(soon(messages.next()).await.unwrap());
    }
    assert_eq!(client.stats().connects, 1);
}

#[tokio::test(start_paused = true)]
async fn what_had_come_is_given_out_after_the_end() {
    let settings = |b: ClientBuilder| b.reconnect(evenkeel::Reconnect::never());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[0])).await;
        peer
    };
    let (messages, mut peer) = tokio::join!(client.subscribe("a").buffer(3), granting);
    let mut messages = messages.unwrap();
    for number in 0..100 {
        peer.publish(message("a", &number.to_string(), AtMostOnce, 0)).await;
    }
    drop(peer);
    state_of(&client, |state| matches!(state, State::Halted { .. })).await;
    for number in 0..100 {
        let message = messages.next().await.unwrap();
        assert_eq!(message.payload(), number.to_string().as_bytes());
    }
    assert!(soon(messages.next()).await.is_none());
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_no_stream_is_in_the_way_of_another() {
    let settings = |b: ClientBuilder| b.reconnect(evenkeel::Reconnect::never());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[0])).await;
        peer
    };
    let (unread, mut peer) = tokio::join!(client.subscribe("unread").buffer(1), granting);
    let mut unread = unread.unwrap();
    let mut read = peer.grant(&client, "read", AtMostOnce).await;
    for topic in ["unread", "unread", "read"] {
        peer.publish(message(topic, "x", AtMostOnce, 0)).await;
    }
    settle().await;
    assert!(read.try_next().is_none(), "held back");
    drop(peer);
    assert!(soon(read.next()).await.is_some());
    assert!(soon(read.next()).await.is_none());
    assert_eq!([unread.try_next().is_some(), unread.try_next().is_some()], [true, true]);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_subscriptions_find_their_messages() {
    let (client, _server, mut peer) = online_v5().await;
    let mut streams = Vec::new();
    for number in 0..10_000 {
        let name = format!("device/{number}/+");
        streams.push(peer.grant(&client, &name, AtMostOnce).await);
    }
    for number in [0, 17, 9_999] {
        peer.publish(message(&format!("device/{number}/state"), "x", AtMostOnce, 0)).await;
        assert!(soon(streams[number].next()).await.is_some());
    }
    assert!(streams.iter_mut().all(|stream| stream.try_next().is_none()));
}
