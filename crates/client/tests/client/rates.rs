//! Rates through the public API: what waits, and what is said of it (P2, P3).

use std::time::Duration;

use evenkeel::config::{RateLimit, Rates};
use evenkeel::error::{BuildError, ConfigError};
use evenkeel::{Event, profile};

use crate::support::*;

fn publishing(amount: u32, period: Duration) -> impl FnOnce(ClientBuilder) -> ClientBuilder {
    let mut rates = Rates::default();
    rates.publish.push(RateLimit::new("mine", amount, period));
    |builder| builder.rates(rates).keep_alive(secs(0))
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_never_stops_keeps_the_rate_of_the_profile() {
    let settings = |b: ClientBuilder| b.profile(profile::aws_iot_core()).queue(queue_of(20));
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let begun = tokio::time::Instant::now();
    let publishing = async {
        loop {
            drop(client.publish("a", "x").qos(AtLeastOnce).await.unwrap());
        }
    };
    let mut at = Vec::new();
    let serving = async {
        while begun.elapsed() < secs(10) {
            let sent = peer.expect_publish().await;
            at.push(tokio::time::Instant::now());
            peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
        }
    };
    tokio::select! {
        () = publishing => {}
        () = serving => {}
    }
    assert!((970..=1000).contains(&at.len()), "{}", at.len());
    for window in at.windows(101) {
        assert!(window[100] - window[0] >= secs(1), "101 in {:?}", window[100] - window[0]);
    }
}

/// Without keep-alive nothing else wakes the driver: what the write before it has
/// made the next message wait for is a deadline of its own.
#[tokio::test(start_paused = true)]
async fn messages_without_answers_go_on_at_their_rate() {
    let (client, _server, mut peer) = online(Version::V5, publishing(100, secs(1))).await;
    tokio::time::sleep(secs(2)).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..20 {
        drop(client.publish("a", "x").try_send().unwrap());
    }
    for _ in 0..20 {
        peer.expect_publish().await;
    }
    assert!(begun.elapsed() < secs(1), "{:?}", begun.elapsed());
    assert!(begun.elapsed() > Duration::from_millis(150), "{:?}", begun.elapsed());
}

/// As with a window that is full: accepted while there is room in the queue.
#[tokio::test(start_paused = true)]
async fn a_publish_waits_for_room_in_the_queue_behind_a_rate() {
    let rate = publishing(1, secs(60));
    let (client, _server, mut peer) = online(Version::V5, |b| rate(b).queue(queue_of(2))).await;
    for qos in [AtMostOnce, AtLeastOnce] {
        drop(client.publish("a", "x").qos(qos).try_send().unwrap());
    }
    let rejected = client.publish("a", "x").try_send().unwrap_err();
    assert!(rejected.error.to_string().starts_with("the queue is full with 2"));
    let begun = tokio::time::Instant::now();
    drop(client.publish("a", "late").await.unwrap());
    assert_eq!(begun.elapsed().as_secs(), 60, "one goes, one comes");
    peer.expect_publish().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_told_and_can_be_asked() {
    let (client, _server, mut peer) = online(Version::V311, publishing(1, secs(30))).await;
    let mut events = client.events();
    drop(client.publish("a", "x").await.unwrap());
    let told = async {
        loop {
            let report = events.next().await.unwrap();
            if let Event::RateReached(wait) = report.event {
                return *wait;
            }
        }
    };
    let told = soon(told).await;
    assert_eq!((told.limit.name.as_ref(), told.limit.amount, told.queued), ("mine", 1, 1));
    assert_eq!(client.waits_for_rate(), Some(told));
    assert_eq!(client.limits().unwrap().rates.unwrap().publish[0].name, "mine");
    tokio::time::sleep(secs(31)).await;
    peer.expect_publish().await;
    assert_eq!(client.waits_for_rate(), None);
}

#[tokio::test]
async fn a_share_of_nothing_is_refused() {
    let builder = Client::builder("mqtt://localhost").account_share(0);
    let refused = builder.start().unwrap_err();
    assert!(matches!(refused, BuildError::Config(ConfigError::Rate)), "{refused:?}");
}
