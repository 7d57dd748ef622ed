//! Back-pressure, both ways: it reaches whom it should and ends when it can.

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn packets_in_the_buffer_go_on_when_another_stream_was_in_the_way() {
    let settings = |b: ClientBuilder| b.bounds(small_inbox());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[0])).await;
        peer
    };
    let (narrow, mut peer) = tokio::join!(client.subscribe("narrow").buffer(1), granting);
    let mut narrow = narrow.unwrap();
    let mut wide = peer.grant(&client, "wide", AtMostOnce).await;
    // In one go: 2 for the narrow stream, of which one blocks, then many others.
    let mut bytes = Vec::new();
    for topic in ["narrow", "narrow"].into_iter().chain(["wide"; 30]) {
        let packet = evenkeel_codec::Packet::Publish(message(topic, "x", AtMostOnce, 0));
        packet.encode(Version::V5, &mut bytes).unwrap();
    }
    peer.send_bytes(&bytes).await;
    settle().await;
    assert!(wide.try_next().is_none(), "held back");
    soon(narrow.next()).await.unwrap();
    soon(narrow.next()).await.unwrap();
    for _ in 0..30 {
        soon(wide.next()).await.unwrap();
    }
}

/// A time-out of the core's, not of the driver's, lets reading go on.
#[tokio::test(start_paused = true)]
async fn reading_goes_on_where_the_handler_waits_for_an_acknowledgement() {
    let settings = |b: ClientBuilder| b.bounds(small_inbox());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let mut messages = peer.grant(&client, "in", AtLeastOnce).await;
    for id in 1..=300 {
        peer.publish(message("in", "x", AtLeastOnce, id)).await;
    }
    settle().await;
    let handler = async {
        let message = messages.next().await.unwrap();
        let receipt = client.publish("out", "y").qos(AtLeastOnce).await.unwrap();
        receipt.await.unwrap();
        drop(message);
    };
    let serving = async {
        let sent = peer.expect_publish().await;
        peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
        peer.expect_puback().await
    };
    let begun = tokio::time::Instant::now();
    let ((), ack) = soon(async { tokio::join!(handler, serving) }).await;
    assert_eq!(ack.packet_id, id(1));
    assert!(begun.elapsed() <= millis(1010), "{:?}", begun.elapsed());
}

/// A publish that stays pending, then is accepted, with the client afterwards.
async fn assert_waits(client: &Client, make_room: impl Future<Output = ()>) {
    let mut publish = std::pin::pin!(client.publish("a", "late").qos(AtLeastOnce).into_future());
    assert!(stays_pending(&mut publish).await);
    make_room.await;
    drop(soon(publish).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_publish_waits_for_room_in_the_queue_on_both_sides_of_the_bound() {
    let settings = |b: ClientBuilder| b.in_flight(1).queue(queue_of(2));
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    for _ in 0..3 {
        // One in flight and two in the queue: the bound is not passed.
        drop(client.publish("a", "x").qos(AtLeastOnce).try_send().unwrap());
    }
    let rejected = client.publish("a", "x").qos(AtLeastOnce).try_send().unwrap_err();
    assert_eq!(rejected.error.to_string(), "the queue is full with 2 messages, 4 bytes");
    assert_waits(&client, async {
        let sent = peer.expect_publish().await;
        peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    })
    .await;
    assert_eq!(client.queued(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_publish_waits_for_room_in_the_write_buffer_on_both_sides_of_the_bound() {
    let mut server = Server::with_buffer(4096);
    let client = server.client().bounds(small_write_buffer()).keep_alive(secs(0));
    let client = client.start().unwrap();
    let mut peer = server.online().await;
    soon(client.online()).await.unwrap();
    // The connection takes 4096 bytes, and the buffer goes up to its bound.
    let mut accepted = 0;
    let rejected = loop {
        match client.publish("a", vec![b'x'; 500]).try_send() {
            Ok(receipt) => drop(receipt),
            Err(rejected) => break rejected,
        }
        settle().await;
        accepted += 1;
        assert!(accepted < 100, "no bound");
    };
    assert_eq!(rejected.error.to_string(), "the write buffer is full");
    assert!((10..=12).contains(&accepted), "{accepted} messages of 506 bytes");
    let mut publish = std::pin::pin!(rejected.request.into_future());
    assert!(stays_pending(&mut publish).await);
    for _ in 0..accepted {
        peer.expect_publish().await;
    }
    drop(soon(publish).await.unwrap());
    assert_eq!(peer.expect_publish().await.payload.len(), 500);
}

#[tokio::test(start_paused = true)]
async fn room_comes_while_offline_too() {
    let server = Server::new();
    let client = server.client().queue(queue_of(1)).start().unwrap();
    drop(client.publish("a", "x").expiry(secs(5)).await.unwrap());
    assert_waits(&client, tokio::time::sleep(secs(5))).await;
}

#[tokio::test(start_paused = true)]
async fn a_halt_ends_the_wait_for_room() {
    let mut server = Server::new();
    let client = server.client().queue(queue_of(1)).start().unwrap();
    drop(client.publish("a", "x").await.unwrap());
    let mut publish = std::pin::pin!(client.publish("a", "late").into_future());
    assert!(stays_pending(&mut publish).await);
    let _refused = server.online_with(refused(ReasonCode::BANNED)).await;
    let error = soon(publish).await.unwrap_err();
    assert_eq!(error.to_string(), "the server refused the connection: Banned (0x8a)");
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_room_can_be_given_up() {
    let settings = |b: ClientBuilder| b.in_flight(1).queue(queue_of(1));
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    for _ in 0..2 {
        drop(client.publish("a", "x").qos(AtLeastOnce).await.unwrap());
    }
    let publish = client.publish("b", "given up").qos(AtLeastOnce).into_future();
    assert!(stays_pending(publish).await);
    assert_waits(&client, async {
        let sent = peer.expect_publish().await;
        peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    })
    .await;
}
