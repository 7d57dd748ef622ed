//! What can be measured of a client.

use evenkeel::Event;
use evenkeel::config::{RateLimit, Rates};
use evenkeel::error::{CauseClass, DeliveryError};
use evenkeel::events::{Durations, Snapshot, StorageFailure};
use evenkeel::queue::Window;
use evenkeel::store::{Bound, MemoryStore, StoreError};

use crate::support::*;

fn ends(snapshot: &Snapshot) -> Vec<(CauseClass, u64)> {
    snapshot.ends.iter().copied().filter(|(_, count)| *count > 0).collect()
}

/// The bounds between which the only duration lies.
fn only(durations: &Durations) -> (Option<std::time::Duration>, Option<std::time::Duration>) {
    assert_eq!(durations.count(), 1);
    let bucket = durations.counts().iter().position(|count| *count == 1).unwrap();
    (bucket.checked_sub(1).and_then(Durations::bound), Durations::bound(bucket))
}

#[tokio::test(start_paused = true)]
async fn what_waits_and_how_long_answers_took() {
    let (client, _server, mut peer) =
        online(Version::V5, |builder| builder.keep_alive(secs(60)).in_flight(1)).await;
    let snapshot = client.snapshot();
    assert!(snapshot.state.is_online());
    assert_eq!(snapshot.keep_alive, Some(secs(60)));
    assert_eq!((snapshot.acknowledgements.count(), snapshot.round_trips.count()), (0, 0));
    let first = client.publish("a", vec![0; 1000]).qos(AtLeastOnce).try_send().unwrap();
    let second = client.publish("a", vec![0; 3000]).qos(AtLeastOnce).try_send().unwrap();
    let sent = peer.expect_publish().await;
    let loaded = client.snapshot();
    assert_eq!((loaded.in_flight.messages, loaded.queue.messages), (1, 1));
    let (in_flight, queue) = (loaded.in_flight.bytes, loaded.queue.bytes);
    assert!((1000..3000).contains(&in_flight) && queue >= 3000, "{in_flight} {queue}");
    tokio::time::sleep(millis(100)).await;
    peer.send(puback(sent.packet_id, ReasonCode::SUCCESS)).await;
    soon(first).await.unwrap();
    let answered = client.snapshot();
    assert_eq!(only(&answered.acknowledgements), (Some(micros(65_536)), Some(micros(131_072))));
    assert_eq!(answered.acknowledgements.sum(), millis(100));
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn how_pings_are_answered() {
    let (client, _server, mut peer) =
        online(Version::V5, |builder| builder.keep_alive(secs(10))).await;
    assert_eq!(soon(peer.receive()).await, Some(evenkeel_codec::Packet::PingReq));
    tokio::time::sleep(millis(20)).await;
    peer.send(evenkeel_codec::Packet::PingResp).await;
    settle().await;
    let snapshot = client.snapshot();
    assert_eq!(only(&snapshot.round_trips), (Some(micros(16_384)), Some(micros(32_768))));
    assert_eq!(snapshot.stats.pongs, 1);
}

#[tokio::test(start_paused = true)]
async fn how_connections_end_and_when_the_next_is_tried() {
    let mut policy = evenkeel::config::Reconnect::default();
    (policy.base, policy.cap) = (secs(8), secs(8));
    let (client, _server, peer) = online(Version::V5, |builder| builder.reconnect(policy)).await;
    tokio::time::sleep(secs(3)).await;
    assert!(client.snapshot().in_state >= secs(3));
    drop(peer);
    let waits = |state: &State| matches!(state, State::Waiting { .. });
    state_of(&client, waits).await;
    let first = client.snapshot();
    assert_eq!(ends(&first), [(CauseClass::Network, 1)]);
    assert!(first.in_state < secs(1), "{:?}", first.in_state);
    assert_eq!(first.keep_alive, None);
    let next = first.next_attempt.unwrap();
    tokio::time::sleep(millis(500)).await;
    let later = client.snapshot();
    assert_eq!(later.in_state - first.in_state, next - later.next_attempt.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_loop_shows_until_a_connection_outlives_it() {
    let mut server = Server::new();
    let client = server.client().reconnect(hasty()).start().unwrap();
    let mut events = client.events();
    for _ in 0..5 {
        drop(server.online().await);
        state_of(&client, |state| matches!(state, State::Waiting { .. })).await;
    }
    let told = std::iter::from_fn(|| events.try_next());
    assert_eq!(told.filter(|report| matches!(report.event, Event::Loop(_))).count(), 1);
    let repetition = client.snapshot().repetition.unwrap();
    assert_eq!((repetition.class, repetition.count), (CauseClass::Network, 5));
    let peer = server.online().await;
    assert!(client.snapshot().repetition.is_some(), "it may go on");
    tokio::time::sleep(secs(2)).await;
    assert_eq!(client.snapshot().repetition, None);
    drop(peer);
    state_of(&client, |state| !state.is_online()).await;
    assert_eq!(client.snapshot().repetition, None, "one end later is none of it");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_told_yet_has_just_begun() {
    let settings = |builder: ClientBuilder| builder.keep_alive(secs(0));
    let (client, _server, _peer) = online(Version::V5, settings).await;
    tokio::time::sleep(secs(3600)).await;
    assert_eq!(client.snapshot().in_state, secs(3600));
    client.reconnect();
    let snapshot = client.snapshot();
    assert!(!snapshot.state.is_online());
    assert_eq!(snapshot.in_state, secs(0));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_rate() {
    let mut rates = Rates::default();
    rates.publish.push(RateLimit::new("mine", 100, secs(1)));
    let settings = |builder: ClientBuilder| builder.rates(rates).keep_alive(secs(0));
    let (client, server, mut peer) = online(Version::V5, settings).await;
    let left = |client: &Client| {
        let rates = client.snapshot().rates;
        assert_eq!((rates.len(), rates[0].limit.name.as_ref()), (1, "mine"));
        (rates[0].tokens, rates[0].most)
    };
    assert_eq!(left(&client), (0, 3), "it begins empty");
    tokio::time::sleep(secs(1)).await;
    assert_eq!(left(&client), (3, 3));
    drop(client.publish("a", "x").try_send().unwrap());
    peer.expect_publish().await;
    // Times are rounded to the microsecond.
    settle().await;
    assert_eq!(left(&client), (2, 3));
    drop((peer, server));
    state_of(&client, |state| !state.is_online()).await;
    assert!(client.snapshot().rates.is_empty());
}

/// Where the client stood is told with each event.
#[tokio::test(start_paused = true)]
async fn events_say_where_the_client_stood() {
    let (client, _server, mut peer) =
        online(Version::V5, |builder| builder.client_id("boat").keep_alive(secs(600))).await;
    let mut events = client.events();
    let receipt = client.publish("a", "x").qos(AtLeastOnce).try_send().unwrap();
    peer.expect_publish().await;
    tokio::time::sleep(secs(7)).await;
    drop(peer);
    let mut seen = Vec::new();
    while seen.last() != Some(&"disconnected") {
        let report = soon(events.next()).await.unwrap();
        let (at, origin) = (report.situation, report.origin.unwrap());
        assert_eq!(origin.client_id.as_str(), "boat");
        assert_eq!(at.connection().map(|conn| conn.0), Some(1));
        match report.event {
            Event::Connecting { .. } => {
                assert_eq!((at.keep_alive(), at.last_sent(), at.in_flight()), (None, None, 0));
            }
            Event::Connected(_) => assert_eq!(at.keep_alive(), Some(secs(600))),
            Event::Disconnected { .. } => {
                assert_eq!((at.keep_alive(), at.in_flight()), (Some(secs(600)), 1));
                let ages = [at.last_sent(), at.last_received()].map(Option::unwrap);
                for age in ages {
                    assert!((secs(6)..=secs(8)).contains(&age), "{age:?}");
                }
            }
            _ => {}
        }
        seen.push(report.event.name());
    }
    drop(receipt);
}

const fn micros(micros: u64) -> std::time::Duration {
    std::time::Duration::from_micros(micros)
}

/// In memory and in a store, whose thread takes real time.
#[tokio::test]
async fn what_connections_died_of_is_counted_until_it_is_taken_out() {
    for stored in [false, true] {
        let mut server = Server::new();
        let builder = server.client().reconnect(hasty()).keep_alive(secs(0));
        let builder = if stored { builder.store(MemoryStore::new()) } else { builder };
        let client = builder.start().unwrap();
        let receipt = client.publish("a", "poison").qos(AtLeastOnce).await.unwrap();
        let cutting = async {
            loop {
                let mut peer = server.online().await;
                // A sign of life, after which what is suspected is sent.
                peer.send(evenkeel_codec::Packet::PingResp).await;
                peer.receive().await;
            }
        };
        let error = tokio::select! {
            ended = receipt => ended.unwrap_err(),
            () = cutting => unreachable!("it cuts without end"),
        };
        assert!(matches!(error, DeliveryError::Quarantined { .. }), "{error}");
        assert_eq!(client.snapshot().quarantined, 1, "stored: {stored}");
        let limit = Window { messages: 10, bytes: 10_000 };
        let found = soon(client.queue().list(None, limit)).await.unwrap();
        soon(client.queue().remove(found[0].serial)).await.unwrap();
        assert_eq!(client.snapshot().quarantined, 0, "stored: {stored}");
    }
}

/// Also when nobody asks it anything for a long time.
#[tokio::test]
async fn a_store_that_fails_is_told_until_it_works() {
    let full = |call: Call<'_>| match call {
        Call::Commit(_) => Err(StoreError::Bound(Bound::Full { bytes: 0, limit: 0 })),
        _ => Ok(()),
    };
    let nobody = Client::builder("mqtt://127.0.0.1:1").store(Faulty::new(full)).start().unwrap();
    assert_eq!(nobody.snapshot().store_failure, None);
    let publishing = nobody.publish("t", "x").qos(AtLeastOnce).await;
    let failed = match publishing {
        Ok(receipt) => within_20_s(receipt).await.is_err(),
        Err(_) => true,
    };
    assert!(failed);
    assert_eq!(nobody.snapshot().store_failure, Some(StorageFailure::Full));
    // Longer than the time after which the store is asked again.
    tokio::time::sleep(secs(2)).await;
    assert_eq!(nobody.snapshot().store_failure, Some(StorageFailure::Full));
}
