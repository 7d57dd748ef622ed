//! The driver sleeps when there is nothing to do, and wakes when there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::*;

/// Counts how often the clock is looked at: at least once in each turn of the
/// driver, so that a driver that spins is found out.
#[derive(Clone, Default)]
struct Looks(Arc<AtomicU32>);

impl Looks {
    fn clock(&self) -> Clock {
        let (looks, clock) = (self.0.clone(), Clock::tokio());
        Clock::custom(move || {
            // Paused time would wait for a spinning driver forever.
            assert!(looks.fetch_add(1, Ordering::Relaxed) < 100_000, "the driver spins");
            clock.now()
        })
    }

    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_is_left_asleep() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock()).keep_alive(secs(60));
    let (_client, _server, _peer) = online(Version::V5, settings).await;
    settle().await;
    looks.take();
    tokio::time::sleep(secs(40)).await;
    let idle = looks.take();
    // The clock is compared with the timers every fifteen seconds (K10).
    assert!((2..=12).contains(&idle), "{idle} looks in 40 s");
}

/// What a ping costs: a turn of the driver to send it, one to tell of it, and
/// one for its answer.
#[tokio::test(start_paused = true)]
async fn a_ping_and_its_answer_take_three_turns() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock()).keep_alive(secs(10));
    let (_client, _server, mut peer) = online(Version::V5, settings).await;
    settle().await;
    for _ in 0..3 {
        looks.take();
        assert_eq!(soon(peer.receive()).await, Some(evenkeel_codec::Packet::PingReq));
        settle().await;
        // The write is timed as well, and so is each wait.
        assert_eq!(looks.take(), 4, "turn, write, turn, wait");
        peer.send(evenkeel_codec::Packet::PingResp).await;
        settle().await;
        assert_eq!(looks.take(), 2, "turn, wait");
    }
}

/// When a client sends its first two pings, by a clock that many share.
struct Pings {
    first: std::time::Duration,
    second: std::time::Duration,
}

impl Pings {
    /// The wait between them.
    fn silence(&self) -> std::time::Duration {
        self.second - self.first
    }
}

/// The pings of 50 clients, which are answered at once; between the two they
/// publish if a time after the first is given.
async fn pings(
    keep_alive: std::time::Duration,
    publish_after: Option<std::time::Duration>,
) -> Vec<Pings> {
    let clock = Clock::tokio();
    let pings = (0..50).map(async |seed| {
        let settings = |b: ClientBuilder| b.clock(clock.clone()).seed(seed).keep_alive(keep_alive);
        let (client, _server, mut peer) = online(Version::V5, settings).await;
        let now = || clock.now().since(evenkeel::Instant::default());
        assert_eq!(peer.receive().await, Some(evenkeel_codec::Packet::PingReq));
        let first = now();
        peer.send(evenkeel_codec::Packet::PingResp).await;
        if let Some(wait) = publish_after {
            tokio::time::sleep(wait).await;
            drop(client.publish("a", "x").await.unwrap());
            peer.expect_publish().await;
        }
        assert_eq!(peer.receive().await, Some(evenkeel_codec::Packet::PingReq));
        Pings { first, second: now() }
    });
    within_20_s(futures_util::future::join_all(pings)).await
}

/// Tokio's timers count in milliseconds.
fn is_on_grid(at: std::time::Duration) -> bool {
    at.as_millis() % 25 <= 1
}

/// One wake-up serves all clients whose pings are due within 25 ms (K3, K14).
#[tokio::test(start_paused = true)]
async fn pings_of_many_clients_share_wake_ups_and_are_spread() {
    let pings = pings(secs(10), None).await;
    // The first after 0.025 to 0.825 keep-alives and 25 ms, all others after 0.675.
    for ping in &pings {
        assert!((millis(250)..=millis(8276)).contains(&ping.first), "{:?}", ping.first);
        assert!((millis(6749)..=millis(8276)).contains(&ping.silence()), "{:?}", ping.silence());
        assert!(is_on_grid(ping.first) && is_on_grid(ping.second));
    }
    let mut first: Vec<_> = pings.iter().map(|ping| ping.first).collect();
    first.sort();
    assert!(first[49] - first[0] > secs(6), "{first:?}");
    first.dedup();
    assert!(first.len() > 35, "{first:?}");
}

/// K4: also if pings wait for others, they are out after 0.85 keep-alives,
/// down to the shortest there is.
#[tokio::test(start_paused = true)]
async fn a_grouped_ping_is_out_in_time() {
    for ping in pings(secs(1), None).await {
        assert!((millis(25)..=millis(851)).contains(&ping.first), "{:?}", ping.first);
        assert!((millis(674)..=millis(851)).contains(&ping.silence()), "{:?}", ping.silence());
        assert!(is_on_grid(ping.first) && is_on_grid(ping.second));
    }
}

/// The silence of the peer since its PINGRESP leaves these 15 ms only.
#[tokio::test(start_paused = true)]
async fn a_ping_that_would_be_late_does_not_wait_for_others() {
    let pings = pings(secs(1), Some(millis(10))).await;
    let silences: Vec<_> = pings.iter().map(Pings::silence).collect();
    let in_time = millis(684)..=millis(851);
    assert!(silences.iter().all(|silence| in_time.contains(silence)), "{silences:?}");
    let alone = pings.iter().filter(|ping| !is_on_grid(ping.second)).count();
    assert!(alone > 5, "{alone}: {silences:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_without_deadlines_never_wakes() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock()).keep_alive(secs(0));
    let (_client, _server, _peer) = online(Version::V5, settings).await;
    settle().await;
    looks.take();
    tokio::time::sleep(secs(86_400)).await;
    assert_eq!(looks.take(), 0);
}

#[tokio::test(start_paused = true)]
async fn publishers_and_driver_do_not_wake_each_other_while_nothing_is_taken() {
    let looks = Looks::default();
    let mut server = Server::with_buffer(64);
    let client = server.client().keep_alive(secs(0)).bounds(small_write_buffer());
    let client = client.clock(looks.clock()).start().unwrap();
    let _stuck = server.online().await;
    soon(client.online()).await.unwrap();
    let _first = client.publish("a", vec![b'x'; 2000]).await.unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.publish("a", "second").await.map(drop) })
        })
        .collect();
    settle().await;
    looks.take();
    tokio::time::sleep(secs(60)).await;
    assert!(looks.take() < 10);
    assert!(waiting.iter().all(|task| !task.is_finished()));
}

/// To look at the clock takes longer than to encode a message.
#[tokio::test(start_paused = true)]
async fn publishes_that_leave_together_look_at_the_clock_once() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    settle().await;
    for (qos, most) in [(AtMostOnce, 0), (AtLeastOnce, 1), (ExactlyOnce, 1)] {
        looks.take();
        for _ in 0..10 {
            drop(client.publish("a", "x").qos(qos).await.unwrap());
        }
        assert_eq!(looks.take(), most, "{qos:?}");
        for _ in 0..10 {
            peer.expect_publish().await;
        }
        settle().await;
    }
}

/// D10: a full stream holds the server back.
#[tokio::test(start_paused = true)]
async fn a_paused_link_does_not_spin() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock()).bounds(small_inbox());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let mut messages = peer.grant(&client, "a", AtMostOnce).await;
    let flood = tokio::spawn(async move { peer.flood(message("a", "x", AtMostOnce, 0)).await });
    settle().await;
    looks.take();
    tokio::time::sleep(secs(40)).await;
    let idle = looks.take();
    assert!(idle < 40, "{idle} looks in 40 s");

    // Every message is moved once, by the batch.
    for _ in 0..10_000 {
        soon(messages.next()).await.unwrap();
    }
    let busy = looks.take();
    assert!(busy < 2_000, "{busy} looks for 10,000 messages");
    assert!(!flood.is_finished(), "the server waits");
    flood.abort();
}

/// Timers are not moved for less than a millisecond; paused time would stand
/// still over a driver that spins until the moved deadline.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_moves_a_little_is_not_waited_for_awake() {
    // The seed decides where between two ticks of the timer a ping is due.
    for seed in 0..20 {
        let looks = Looks::default();
        let settings = |b: ClientBuilder| b.clock(looks.clock()).seed(seed).keep_alive(secs(10));
        let (client, _server, mut peer) = online(Version::V5, settings).await;
        tokio::time::sleep(secs(1)).await;
        for _ in 0..2 {
            drop(client.publish("a", "x").await.unwrap());
            peer.expect_publish().await;
            tokio::time::advance(std::time::Duration::from_micros(400)).await;
        }
        assert_eq!(soon(peer.receive()).await, Some(evenkeel_codec::Packet::PingReq));
    }
}

#[tokio::test(start_paused = true)]
async fn a_closing_link_does_not_spin() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    looks.take();
    // The server takes the DISCONNECT and does not hang up.
    let shutdown = tokio::spawn(async move { client.shutdown(secs(5)).await });
    peer.expect().await;
    soon(shutdown).await.unwrap();
    assert!(looks.take() < 20);
}

/// Messages that come alone are slept for, however many they are.
#[tokio::test(start_paused = true)]
async fn a_trickle_of_messages_is_slept_for() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    settle().await;
    looks.take();
    for number in 1..=1000 {
        peer.publish(message("a", "x", AtLeastOnce, number)).await;
        drop(soon(messages.next()).await.unwrap());
        assert_eq!(peer.expect_puback().await.packet_id, id(number));
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let busy = looks.take();
    assert!(busy <= 6 * 1000, "{busy} looks at 1,000 messages");
}

/// What follows a burst is looked for, unless that was in vain before.
#[tokio::test(start_paused = true)]
async fn what_follows_a_burst_is_looked_more_and_more_rarely() {
    let looks = Looks::default();
    let settings = |b: ClientBuilder| b.clock(looks.clock());
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    let mut eager = 0;
    for _ in 0..100 {
        for number in 1..=20 {
            peer.publish(message("a", "x", AtLeastOnce, number)).await;
        }
        settle().await;
        let burst: Vec<_> = std::iter::from_fn(|| messages.try_next()).collect();
        assert_eq!(burst.len(), 20);
        looks.take();
        drop(burst);
        settle().await;
        for number in 1..=20 {
            assert_eq!(peer.expect_puback().await.packet_id, id(number));
        }
        eager += u32::from(looks.take() >= 64);
    }
    assert!((2..=5).contains(&eager), "{eager} of 100 bursts");
}
