//! Acknowledging what the server sends.

use evenkeel_codec::Packet;

use crate::support::*;

/// A manual stream of the filter `a`.
async fn manual(client: &Client, peer: &mut Peer) -> evenkeel::Messages {
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[2])).await;
    };
    let request = client.subscribe("a").qos(ExactlyOnce).manual_ack();
    tokio::join!(request, granting).0.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_it_is_dropped() {
    let (client, _server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "a", ExactlyOnce).await;
    peer.publish(message("a", "1", AtLeastOnce, 1)).await;
    peer.publish(message("a", "2", ExactlyOnce, 2)).await;
    let first = soon(messages.next()).await.unwrap();
    let second = soon(messages.next()).await.unwrap();
    assert_eq!((first.packet_id(), first.qos()), (Some(1), AtLeastOnce));
    assert_eq!(peer.poll().await, None, "both are being handled");
    drop(first);
    assert_eq!(peer.expect_puback().await.packet_id, id(1));
    drop(second);
    assert!(matches!(peer.expect().await, Packet::PubRec(ack) if ack.packet_id == id(2)));
}

#[tokio::test(start_paused = true)]
async fn manual_acknowledgements_wait_for_the_application_and_carry_its_reason() {
    let (client, _server, mut peer) = online_v5().await;
    let mut messages = manual(&client, &mut peer).await;
    for number in 1..=3 {
        peer.publish(message("a", "x", AtLeastOnce, number)).await;
    }
    let first = soon(messages.next()).await.unwrap();
    let second = soon(messages.next()).await.unwrap();
    drop(soon(messages.next()).await.unwrap());
    // Acknowledgements go out in the order of the messages.
    second.ack_with(ReasonCode::PAYLOAD_FORMAT_INVALID);
    assert_eq!(peer.poll().await, None, "the first one holds back the second");
    first.ack();
    let ack = peer.expect_puback().await;
    assert_eq!((ack.packet_id, ack.reason), (id(1), ReasonCode::SUCCESS));
    let ack = peer.expect_puback().await;
    assert_eq!((ack.packet_id, ack.reason), (id(2), ReasonCode::PAYLOAD_FORMAT_INVALID));
    assert_eq!(peer.poll().await, None, "dropping is no answer here");
}

#[tokio::test(start_paused = true)]
async fn before_mqtt_5_every_answer_is_success() {
    let (client, _server, mut peer) = online(Version::V311, |builder| builder).await;
    let mut messages = manual(&client, &mut peer).await;
    peer.publish(message("a", "x", AtLeastOnce, 1)).await;
    soon(messages.next()).await.unwrap().ack_with(ReasonCode::NOT_AUTHORIZED);
    assert_eq!(peer.expect_puback().await.packet_id, id(1));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_handler_leaves_its_message_unacknowledged() {
    for qos in [AtLeastOnce, ExactlyOnce] {
        comes_again_after(qos, false, |message| {
            let handler = tokio::spawn(async move {
                let _message = message;
                panic!("a bug of the application's");
            });
            async move { assert!(handler.await.unwrap_err().is_panic()) }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_dropped_without_its_manual_answer_comes_again() {
    for qos in [AtLeastOnce, ExactlyOnce] {
        comes_again_after(qos, true, |message| async move { drop(message) }).await;
    }
}

/// After this, one message is not acknowledged, and is given again when the
/// server sends it again, and the one behind it once.
async fn comes_again_after<F: Future<Output = ()>>(
    qos: QoS,
    is_manual: bool,
    let_go: impl FnOnce(evenkeel::Message) -> F,
) {
    let (client, mut server, mut peer) = {
        let settings = |b: ClientBuilder| b.clean_start(false).session_expiry(secs(3600));
        online(Version::V5, settings).await
    };
    let mut messages = if is_manual {
        manual(&client, &mut peer).await
    } else {
        peer.grant(&client, "a", qos).await
    };
    for number in 1..=2 {
        peer.publish(message("a", "x", qos, number)).await;
    }
    let_go(soon(messages.next()).await.unwrap()).await;
    soon(messages.next()).await.unwrap().ack();
    assert_eq!(peer.poll().await, None, "not acknowledged");
    assert!(client.state().is_online());
    // The server sends it again on the next connection.
    drop(peer);
    let connack = evenkeel_codec::ConnAck { session_present: true, ..accepted() };
    let mut peer = server.online_with(connack).await;
    for number in 1..=2 {
        let again = evenkeel_codec::Publish { dup: true, ..message("a", "x", qos, number) };
        peer.publish(again).await;
    }
    let again = soon(messages.next()).await.unwrap();
    assert!(again.dup());
    assert_eq!(again.packet_id(), Some(1));
    again.ack();
    if qos == AtLeastOnce {
        soon(messages.next()).await.unwrap().ack();
    }
    for number in 1..=2 {
        let (Packet::PubAck(ack) | Packet::PubRec(ack)) = peer.expect().await else {
            panic!("an acknowledgement")
        };
        assert_eq!((ack.packet_id, ack.reason), (id(number), ReasonCode::SUCCESS));
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_for_an_older_connection_is_no_harm() {
    let (client, mut server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    peer.publish(message("a", "x", AtLeastOnce, 1)).await;
    let old = soon(messages.next()).await.unwrap();
    drop(peer);
    let mut peer = server.online().await;
    let subscribe = peer.expect_subscribe().await;
    peer.send(suback(&subscribe, &[1])).await;
    peer.publish(message("a", "y", AtLeastOnce, 1)).await;
    drop(old);
    assert_eq!(peer.poll().await, None, "the new message of that identifier is not done");
    assert_eq!(client.stats().stale_acknowledgements, 1);
    drop(soon(messages.next()).await.unwrap());
    assert_eq!(peer.expect_puback().await.packet_id, id(1));
}

#[tokio::test(start_paused = true)]
async fn qos_2_is_given_out_once() {
    let (client, _server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "a", ExactlyOnce).await;
    peer.publish(message("a", "x", ExactlyOnce, 5)).await;
    drop(soon(messages.next()).await.unwrap());
    assert!(matches!(peer.expect().await, Packet::PubRec(_)));
    peer.send(Packet::PubRel(evenkeel_codec::Ack::new(id(5), ReasonCode::SUCCESS))).await;
    assert!(matches!(peer.expect().await, Packet::PubComp(ack) if ack.packet_id == id(5)));
    assert!(messages.try_next().is_none());
}
