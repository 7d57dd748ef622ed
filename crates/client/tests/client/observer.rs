//! Who observes a client is none of its users, and sees it to its end.

use evenkeel::events::Observer;
use evenkeel_codec::Packet;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn an_observer_does_not_keep_a_client_alive() {
    let (client, _server, mut peer) = online_v5().await;
    let (observer, other) = (client.observer(), client.clone());
    assert_eq!(observer, other.observer());
    assert_ne!(observer, online_v5().await.0.observer());
    drop(client);
    settle().await;
    assert!(!observer.is_over(), "there is another handle");
    assert!(observer.snapshot().state.is_online());
    drop(other);
    peer.expect_disconnect().await;
    until_over(&observer).await;
    let last = observer.snapshot();
    assert_eq!((last.state, last.stats.connections), (State::Closed, 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_shut_down_is_over_when_its_handles_are_gone() {
    let (client, _server, mut peer) = online_v5().await;
    let messages = peer.grant(&client, "a", AtMostOnce).await;
    let observer = client.observer();
    drop(peer);
    client.shutdown(secs(0)).await;
    assert!(!observer.is_over());
    drop(client);
    assert!(!observer.is_over(), "its stream may have messages");
    drop(messages);
    assert!(observer.is_over());
}

async fn until_over(observer: &Observer) {
    soon(async {
        while !observer.is_over() {
            settle().await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_eight_pings_those_are_counted_that_were_not_answered() {
    let five = |builder: ClientBuilder| builder.keep_alive(secs(5));
    let (client, _server, mut peer) = online(Version::V5, five).await;
    assert_eq!(client.snapshot().pings_missed, 0);
    assert_eq!(soon(peer.receive()).await, Some(Packet::PingReq));
    // Other bytes: the server is alive, and has forgotten the ping.
    peer.publish(message("a", "x", AtMostOnce, 0)).await;
    assert_eq!(soon(peer.receive()).await, Some(Packet::PingReq));
    assert_eq!(client.snapshot().pings_missed, 1);
    for answered in 1..=8 {
        peer.send(Packet::PingResp).await;
        settle().await;
        assert_eq!(client.snapshot().pings_missed, u32::from(answered < 8), "{answered} answered");
        assert_eq!(soon(peer.receive()).await, Some(Packet::PingReq));
    }
    let stats = client.snapshot().stats;
    assert_eq!((stats.pings_sent, stats.pings_unanswered, stats.pongs), (10, 1, 8));
}
