//! Large payloads, and packets in the smallest pieces.

use evenkeel::Bytes;
use evenkeel_codec::Packet;
use tokio::net::TcpListener;

use crate::support::*;

const MIB: usize = 1 << 20;

fn payload(size: usize) -> Bytes {
    (0..size).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into()
}

/// Sends a payload of this size to the server, and gets it back.
async fn there_and_back(size: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder(format!("mqtt://{}", listener.local_addr().unwrap()));
    let client = client.maximum_packet_size(32 << 20).start().unwrap();
    let mut peer = Peer::new(within_20_s(listener.accept()).await.unwrap().0);
    peer.expect_connect().await;
    peer.send(Packet::ConnAck(accepted())).await;
    let mut messages = peer.grant(&client, "big", AtLeastOnce).await;
    let wanted = payload(size);
    let receipt = client.publish("big", wanted.clone()).qos(AtLeastOnce).await.unwrap();
    let sent = within_20_s(peer.expect_publish()).await;
    assert!(sent.payload == wanted, "other bytes arrived at the server");
    peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    within_20_s(receipt).await.unwrap();
    let echo = async {
        peer.publish(sent).await;
        peer.expect_puback().await
    };
    let (message, _) = within_20_s(async {
        tokio::join!(async { messages.next().await.unwrap().payload().clone() }, echo)
    })
    .await;
    assert!(message == wanted, "other bytes arrived at the client");
}

#[tokio::test]
async fn a_mebibyte_goes_both_ways() {
    there_and_back(MIB).await;
}

#[tokio::test]
async fn sixteen_mebibytes_go_both_ways() {
    there_and_back(16 * MIB).await;
}

/// Whether a packet of so many bytes is accepted by a client with this maximum.
async fn is_accepted(size: usize, maximum: u32) -> bool {
    let settings = |b: ClientBuilder| b.maximum_packet_size(maximum);
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let mut all = client.unmatched().unwrap();
    let mut publish = message("big", "", AtMostOnce, 0);
    // Type and flags, three bytes of length, topic, no properties.
    publish.payload = payload(size - (1 + 3 + 5 + 1));
    let receiving = async {
        tokio::select! {
            message = all.next() => message.is_some(),
            _ = state_of(&client, |state| !state.is_online()) => false,
        }
    };
    tokio::join!(receiving, peer.try_send(Packet::Publish(publish))).0
}

#[tokio::test(start_paused = true)]
async fn the_largest_packet_is_taken_and_no_larger() {
    assert!(is_accepted(100_000, 100_000).await);
    assert!(!is_accepted(100_001, 100_000).await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_of_single_bytes_carries_everything() {
    for version in [Version::V31, Version::V311, Version::V5] {
        let mut server = Server::with_buffer(1);
        let client = server.client().version(version).start().unwrap();
        let mut peer = server.online().await;
        soon(client.online()).await.unwrap();
        let mut messages = peer.grant(&client, "a/#", ExactlyOnce).await;
        peer.publish(message("a/b", "hello", AtLeastOnce, 3)).await;
        let received = soon(messages.next()).await.unwrap();
        assert_eq!((received.topic(), &**received.payload()), ("a/b", &b"hello"[..]));
        drop(received);
        assert_eq!(peer.expect_puback().await.packet_id, id(3));
        let receipt = client.publish("b", payload(20_000)).qos(ExactlyOnce).await.unwrap();
        let sent = peer.expect_publish().await;
        assert!(sent.payload == payload(20_000));
        peer.send(pubrec(sent.packet_id)).await;
        let released = peer.expect_pubrel().await;
        peer.send(pubcomp(released)).await;
        soon(receipt).await.unwrap();
        drop(messages);
        let unsubscribe = peer.expect_unsubscribe().await;
        peer.send(unsuback(&unsubscribe)).await;
        tokio::join!(client.shutdown(secs(5)), peer.expect_disconnect());
    }
}
