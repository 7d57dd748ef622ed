//! Shutting down always comes to an end, and says how.

use std::sync::Arc;
use std::time::Duration;

use evenkeel::{DeliveryError, Reconnect, SubscribeError};
use tokio::time::Instant;

use crate::support::*;

/// What shutting down with this limit took.
async fn time_to_shut_down(client: &Client, limit: Duration) -> Duration {
    let begun = Instant::now();
    tokio::time::timeout(limit + secs(5), client.shutdown(limit)).await.expect("it returns");
    assert_eq!(client.state(), State::Closed);
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_disconnects_at_once() {
    let (client, _server, mut peer) = online_v5().await;
    let (took, ()) = tokio::join!(time_to_shut_down(&client, secs(10)), peer.expect_disconnect());
    assert!(took < millis(10), "{took:?}");
    assert!(time_to_shut_down(&client, secs(10)).await.is_zero(), "a second time");
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_finished_first() {
    let (client, _server, mut peer) = online_v5().await;
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let serving = async {
        let sent = peer.expect_publish().await;
        tokio::time::sleep(secs(4)).await;
        peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
        peer.expect_disconnect().await;
    };
    let (report, ()) = tokio::join!(client.shutdown(secs(5)), serving);
    assert!(report.is_clean());
    assert!(soon(receipt).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_accepted_meanwhile() {
    let (client, _server, mut peer) = online_v5().await;
    let _pending = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let late = async {
        settle().await;
        let publish = client.publish("b", "2").await.unwrap_err().to_string();
        let subscribe = client.subscribe("b").await.unwrap_err().to_string();
        (publish, subscribe)
    };
    let disconnect = async {
        peer.expect_publish().await;
        peer.expect_disconnect().await;
    };
    let (_, (publish, subscribe), ()) = tokio::join!(client.shutdown(secs(1)), late, disconnect);
    assert_eq!(publish, "the client is closed or has halted");
    assert_eq!(subscribe, "the client closed or halted before the answer");
}

#[tokio::test(start_paused = true)]
async fn the_limit_holds_where_an_acknowledgement_never_comes() {
    let (client, _server, mut peer) = online_v5().await;
    let _receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let serving = async {
        peer.expect_publish().await;
        peer.expect_disconnect().await;
    };
    let (took, ()) = tokio::join!(time_to_shut_down(&client, secs(3)), serving);
    assert!((secs(3)..secs(3) + millis(10)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_call_can_only_hurry() {
    let (client, _server, mut peer) = online_v5().await;
    let _receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let serving = async {
        peer.expect_publish().await;
        peer.expect_disconnect().await;
    };
    let hurry = async {
        tokio::time::sleep(secs(1)).await;
        time_to_shut_down(&client, secs(2)).await
    };
    let (slow, hurried, ()) = tokio::join!(time_to_shut_down(&client, secs(60)), hurry, serving);
    assert_eq!((slow.as_secs(), hurried.as_secs()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn offline_it_ends_at_once_or_at_the_limit() {
    let (first, second) = {
        let nobody_listens = Server::new();
        (nobody_listens.client(), nobody_listens.client())
    };
    let client = first.start().unwrap();
    state_of(&client, |state| matches!(state, State::Waiting { .. })).await;
    assert!(time_to_shut_down(&client, secs(10)).await.is_zero(), "nothing to wait for");

    let client = second.start().unwrap();
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let took = time_to_shut_down(&client, secs(10)).await;
    assert_eq!(took.as_secs(), 10, "the message had its chance");
    assert_eq!(soon(receipt).await, Err(DeliveryError::Abandoned { attempts: 0 }));
}

#[tokio::test(start_paused = true)]
async fn halted_it_ends_at_once() {
    let mut server = Server::new();
    let client = server.client().reconnect(Reconnect::never()).start().unwrap();
    drop(server.accept().await);
    soon(client.online()).await.unwrap_err();
    assert!(time_to_shut_down(&client, secs(10)).await.is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_cannot_hold_it() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let _silent = server.connecting().await;
    assert!(time_to_shut_down(&client, secs(10)).await.is_zero(), "nothing to wait for");

    let client = server.client().start().unwrap();
    let _receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let _silent = server.connecting().await;
    assert_eq!(time_to_shut_down(&client, secs(10)).await.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_no_bytes_cannot_hold_it() {
    let mut server = Server::with_buffer(64);
    let client = server.client().start().unwrap();
    let _stuck = server.online().await;
    soon(client.online()).await.unwrap();
    let receipt = client.publish("a", vec![b'x'; 10_000]).await.unwrap();
    let (report, took) = {
        let begun = Instant::now();
        (soon(client.shutdown(secs(2))).await, begun.elapsed())
    };
    assert!(report.unwritten > 9_000, "{report:?}");
    // DISCONNECT has a second of its own.
    assert!((secs(3)..secs(3) + millis(10)).contains(&took), "{took:?}");
    assert_eq!(soon(receipt).await, Err(DeliveryError::ConnectionLost));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_hang_up_delays_it_by_a_second() {
    let (client, _server, mut peer) = online_v5().await;
    let serving = async {
        let packet = peer.expect().await;
        assert!(matches!(packet, evenkeel_codec::Packet::Disconnect(_)), "{packet:?}");
        tokio::time::sleep(secs(60)).await;
    };
    tokio::select! {
        took = time_to_shut_down(&client, secs(10)) => assert_eq!(took.as_secs(), 1),
        () = serving => panic!("shutdown waited for the server"),
    }
}

/// With the real clock, as paused time waits until nobody is busy.
#[tokio::test]
async fn a_flood_of_messages_cannot_hold_it() {
    let (client, _server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "#", AtMostOnce).await;
    let reader = tokio::spawn(async move { while messages.next().await.is_some() {} });
    let shutdown = async {
        settle().await;
        client.shutdown(secs(5)).await
    };
    let flood = peer.flood(message("a", "flood", AtMostOnce, 0));
    let (report, ()) = within_20_s(async { tokio::join!(shutdown, flood) }).await;
    assert!(report.is_clean());
    within_20_s(reader).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_disconnects() {
    let (client, _server, mut peer) = online_v5().await;
    let messages = peer.grant(&client, "a", AtMostOnce).await;
    let other = client.clone();
    drop(client);
    drop(other);
    assert_eq!(peer.poll().await, None, "a stream is a handle, too");
    drop(messages);
    assert_eq!(peer.expect_unsubscribe().await.filters, [filter("a")]);
    peer.expect_disconnect().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_everything_keeps_what_was_accepted() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    drop(client);
    tokio::time::sleep(secs(2)).await;
    let mut peer = server.online().await;
    let sent = peer.expect_publish().await;
    peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    peer.expect_disconnect().await;
    assert!(soon(receipt).await.is_ok());
}

/// Everything that can be waited for, at a client whose runtime goes away.
#[test]
fn nobody_waits_for_a_runtime_that_is_gone() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let (theirs, ours) = (runtime().unwrap(), runtime().unwrap());
    let (client, server, peer, mut messages) = theirs.block_on(async {
        let settings = |builder: ClientBuilder| builder.in_flight(1).queue(queue_of(1));
        let (client, server, mut peer) = online(Version::V5, settings).await;
        let messages = peer.grant(&client, "a", AtMostOnce).await;
        (client, server, peer, messages)
    });
    let (sent, queued) = ours.block_on(async {
        let sent = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
        (sent, client.publish("a", "2").qos(AtLeastOnce).await.unwrap())
    });
    let client = Arc::new(client);
    let waiting = {
        let client = client.clone();
        ours.spawn(async move {
            let publish = client.publish("a", "3").qos(AtLeastOnce).into_future();
            let subscribe = client.subscribe("b").into_future();
            let unsubscribe = client.unsubscribe("b").into_future();
            tokio::join!(publish, subscribe, unsubscribe)
        })
    };
    ours.block_on(settle());
    assert!(!waiting.is_finished());
    drop(theirs);
    ours.block_on(soon(async {
        let (publish, subscribe, unsubscribe) = waiting.await.unwrap();
        assert_eq!(publish.unwrap_err().to_string(), "the client is closed or has halted");
        let abandoned = SubscribeError::Operation(abandoned());
        assert_eq!(subscribe.unwrap_err(), abandoned);
        assert_eq!(unsubscribe.unwrap_err(), abandoned);
        assert_eq!(sent.await, Err(DeliveryError::Abandoned { attempts: 1 }));
        assert_eq!(queued.await, Err(DeliveryError::Abandoned { attempts: 0 }));
        assert!(messages.next().await.is_none());
        assert_eq!(client.state(), State::Closed);
        assert_eq!(client.online().await.unwrap_err().to_string(), "the client is closed");
        assert_eq!(client.shutdown(secs(9)).await.queued, 1);
        assert!(client.publish("a", "4").await.is_err());
    }));
    drop((server, peer));
}

const fn abandoned() -> evenkeel_proto::SubscribeError {
    evenkeel_proto::SubscribeError::Abandoned
}

#[tokio::test(start_paused = true)]
async fn disconnect_has_the_properties_that_were_set() {
    use evenkeel::Property;

    let expiry = Property::SessionExpiryInterval(0);
    let settings =
        |b: ClientBuilder| b.session_expiry(secs(60)).disconnect_property(expiry.clone());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let saying = async {
        match peer.expect().await {
            evenkeel_codec::Packet::Disconnect(disconnect) => disconnect.properties,
            other => panic!("DISCONNECT expected, not {other:?}"),
        }
    };
    let (_, properties) = soon(async { tokio::join!(client.shutdown(secs(1)), saying) }).await;
    assert_eq!(properties.iter().cloned().collect::<Vec<_>>(), [expiry]);
    let builder = Server::new().client().disconnect_property(Property::TopicAlias(1));
    let error = builder.start().unwrap_err();
    assert_eq!(error.to_string(), "property 0x23 has no place in a client's DISCONNECT");
    let longer = Property::SessionExpiryInterval(9);
    let error = Server::new().client().disconnect_property(longer).start().unwrap_err();
    assert_eq!(
        error.to_string(),
        "DISCONNECT cannot prolong a session that ends with its connection; \
         give a session expiry from the start"
    );
}
