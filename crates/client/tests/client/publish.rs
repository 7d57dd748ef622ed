//! Publishing and receipts.

use evenkeel::DeliveryError;
use evenkeel_codec::Packet;

use crate::support::*;

const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

#[tokio::test(start_paused = true)]
async fn each_qos_ends_with_its_outcome() {
    for version in VERSIONS {
        let (client, _server, mut peer) = online(version, |builder| builder).await;
        let receipt = client.publish("a", "0").await.unwrap();
        assert_eq!(peer.expect_publish().await, message("a", "0", AtMostOnce, 0));
        let delivered = soon(receipt).await.unwrap();
        assert_eq!((delivered.packet_id, delivered.round_trip), (None, None));

        let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
        let sent = peer.expect_publish().await;
        assert_eq!(sent, message("a", "1", AtLeastOnce, 1));
        tokio::time::sleep(secs(2)).await;
        peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
        let delivered = soon(receipt).await.unwrap();
        assert_eq!((delivered.packet_id, delivered.attempts), (sent.packet_id, 1));
        assert_eq!(delivered.round_trip, Some(secs(2)));

        let receipt = client.publish("a", "2").qos(ExactlyOnce).await.unwrap();
        let sent = peer.expect_publish().await;
        peer.send(pubrec(sent.packet_id)).await;
        let released = peer.expect_pubrel().await;
        assert_eq!(Some(released), sent.packet_id);
        peer.send(pubcomp(released)).await;
        assert_eq!(soon(receipt).await.unwrap().reason, ReasonCode::SUCCESS);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_server_is_the_receipts_error() {
    let (client, _server, mut peer) = online_v5().await;
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let sent = peer.expect_publish().await;
    peer.send(puback(sent.packet_id, ReasonCode::QUOTA_EXCEEDED)).await;
    let reason = ReasonCode::QUOTA_EXCEEDED;
    assert_eq!(soon(receipt).await, Err(DeliveryError::Refused { reason, attempts: 1 }));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_receipt_does_not_cancel_its_message() {
    let (client, _server, mut peer) = online_v5().await;
    drop(client.publish("a", "1").qos(AtLeastOnce).await.unwrap());
    let sent = peer.expect_publish().await;
    peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    settle().await;
    assert_eq!(client.in_flight(), 0);
    assert_eq!(client.stats().publishes_acknowledged, 1);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_can_be_awaited_long_after_its_outcome() {
    let (client, _server, mut peer) = online_v5().await;
    let early = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let qos_0 = client.publish("a", "0").await.unwrap();
    let sent = peer.expect_publish().await;
    peer.expect_publish().await;
    peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    settle().await;
    // Others use the place in the meantime.
    for _ in 0..100 {
        let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
        let sent = peer.expect_publish().await;
        peer.send(puback(sent.packet_id, ReasonCode::NO_MATCHING_SUBSCRIBERS)).await;
        let delivered = soon(receipt).await.unwrap();
        assert_eq!(delivered.reason, ReasonCode::NO_MATCHING_SUBSCRIBERS);
    }
    let shutdown = tokio::join!(client.shutdown(secs(1)), peer.expect_disconnect()).0;
    assert!(shutdown.is_clean());
    assert_eq!(soon(early).await.unwrap().reason, ReasonCode::SUCCESS);
    assert_eq!(soon(qos_0).await.unwrap().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_qos_0_receipt_ends_with_its_connection() {
    // A connection that takes no bytes beyond CONNECT.
    let mut server = Server::with_buffer(64);
    let client = server.client().keep_alive(secs(0)).start().unwrap();
    let peer = server.online().await;
    soon(client.online()).await.unwrap();
    let receipt = client.publish("a", vec![b'x'; 10_000]).await.unwrap();
    // Polled by a task of its own, which only a waker can wake.
    let receipt = tokio::spawn(receipt);
    settle().await;
    assert!(!receipt.is_finished());
    drop(peer);
    // While offline, and long before the next connection writes anything.
    tokio::time::sleep(millis(10)).await;
    assert!(receipt.is_finished());
    assert_eq!(receipt.await.unwrap(), Err(DeliveryError::ConnectionLost));
}

#[tokio::test(start_paused = true)]
async fn receipts_end_at_shutdown() {
    let (client, _server, mut peer) = online(Version::V5, |b| b.in_flight(1)).await;
    let sent = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let queued = client.publish("a", "2").qos(AtLeastOnce).await.unwrap();
    peer.expect_publish().await;
    let (report, ()) = tokio::join!(client.shutdown(secs(3)), peer.expect_disconnect());
    assert_eq!((report.unacknowledged, report.queued), (1, 1));
    assert_eq!(soon(sent).await, Err(DeliveryError::Abandoned { attempts: 1 }));
    assert_eq!(soon(queued).await, Err(DeliveryError::Abandoned { attempts: 0 }));
    let refused = client.publish("a", "3").await.unwrap_err();
    assert_eq!(refused.to_string(), "the client is closed or has halted");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waited_too_long_expires() {
    let server = Server::new();
    let client = server.client().start().unwrap();
    let receipt = client.publish("a", "1").qos(AtLeastOnce).expiry(millis(1500)).await.unwrap();
    // Rounded up to two whole seconds, and not a moment earlier.
    let mut receipt = std::pin::pin!(receipt);
    assert!(tokio::time::timeout(millis(1999), &mut receipt).await.is_err());
    let expired = tokio::time::timeout(millis(3), receipt).await.unwrap();
    assert_eq!(expired, Err(DeliveryError::Expired { queued: secs(2) }));
}

#[tokio::test(start_paused = true)]
async fn other_tasks_run_between_the_parts_of_what_expires() {
    let messages = 10_000;
    let server = Server::new();
    let client = server.client().queue(queue_of(messages)).start().unwrap();
    for _ in 0..messages {
        drop(client.publish("a", "1").qos(AtLeastOnce).expiry(secs(5)).await.unwrap());
    }
    tokio::time::advance(secs(6)).await;
    let mut before = 0;
    while before < messages as u64 {
        let expired = client.stats().expired;
        // The clock is advanced by several turns of the runtime; a part has 256.
        assert!(expired - before <= 2_048, "{} in one turn", expired - before);
        before = expired;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn time_in_the_queue_counts_towards_expiry() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let _receipt = client.publish("a", "1").expiry(secs(10)).await.unwrap();
    tokio::time::sleep(secs(4)).await;
    let mut peer = server.online().await;
    let sent = peer.expect_publish().await;
    assert_eq!(sent.properties.message_expiry_interval(), Some(6));
}

/// Not from what the driver, asleep for a while, did last.
#[tokio::test(start_paused = true)]
async fn an_expiry_counts_from_the_publish() {
    for qos in [AtMostOnce, AtLeastOnce] {
        let mut server = Server::new();
        let client = server.client().start().unwrap();
        settle().await;
        tokio::time::sleep(secs(4)).await;
        let _receipt = client.publish("a", "1").qos(qos).expiry(secs(10)).await.unwrap();
        let mut peer = server.online().await;
        let sent = peer.expect_publish().await;
        assert_eq!(sent.properties.message_expiry_interval(), Some(10), "{qos:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_comes_back_whole() {
    let (client, _server, mut peer) = online_v5().await;
    let connack = accepted_with([evenkeel::Property::MaximumQoS(0)]);
    drop(peer);
    let mut server = _server;
    peer = server.online_with(connack).await;
    state_of(&client, State::is_online).await;
    let rejected = client.publish("a", "1").qos(AtLeastOnce).retain(true).try_send().unwrap_err();
    assert_eq!(rejected.error.to_string(), "the server takes QoS 0 at most");
    let _receipt = rejected.request.qos(AtMostOnce).try_send().unwrap();
    let mut expected = message("a", "1", AtMostOnce, 0);
    expected.retain = true;
    assert_eq!(peer.expect().await, Packet::Publish(expected));
}

#[tokio::test(start_paused = true)]
async fn try_send_says_what_is_wrong_with_a_topic() {
    let (client, _server, _peer) = online_v5().await;
    let rejected = client.publish("a/+", "1").try_send().unwrap_err();
    let error = format!("{:#}", rejected.error);
    assert_eq!(error, format!("{:#}", client.publish("a/+", "1").await.unwrap_err()));
    assert!(error.contains('+'), "{error}");
}
