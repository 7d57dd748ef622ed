//! Two connections, one client identifier.

use std::time::{Duration, Instant};

use evenkeel::{Client, Halt, Reconnect, State, TakeOverPolicy, Version};
use evenkeel_broker::fault::{Stop, When};
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, between, most_attempts, pass, scenarios, within};

scenarios![
    two_instances_stop_fighting_after_two_take_overs,
    two_instances_in_the_slow_lane,
    two_instances_of_mqtt_3_1_1_fight_at_growing_distances,
    a_session_taken_over_by_its_own_next_connection,
];

fn taken_over(client: &Client) -> bool {
    matches!(client.state(), State::Halted { reason: Halt::TakenOver, .. })
}

/// The second take-over within ten minutes ends the fight (R9): one instance
/// gives up and says so, the other one works on.
async fn two_instances_stop_fighting_after_two_take_overs() {
    let scene = Scene::new([]).await;
    let one = scene.client("pump").start().unwrap();
    one.online().await.unwrap();
    let other = scene.client("pump").start().unwrap();
    within(8 * K, "the end of the fight", async {
        while taken_over(&one) == taken_over(&other) {
            pass(K / 20).await;
        }
    })
    .await;
    let winner = if taken_over(&one) { &other } else { &one };
    within(K, "the winner online", winner.online()).await.unwrap();
    let connects = scene.connects("pump");
    between("connects", connects, 3..=4);
    pass(5 * K).await;
    assert!(winner.state().is_online());
    assert_eq!(scene.connects("pump"), connects, "the fight goes on");
    assert_eq!(scene.broker().stats().take_overs, connects - 1);
    scene.assert_laws();
}

/// Those who never give up come back after minutes, here after 6 to 12 s.
async fn two_instances_in_the_slow_lane() {
    let scene = Scene::new([]).await;
    let mut policy = Reconnect::default();
    policy.taken_over = TakeOverPolicy::SlowLane;
    policy.slow_lane = (6 * K, 12 * K);
    let began = Instant::now();
    let client = || scene.client("pump").reconnect(policy.clone()).start().unwrap();
    let clients = (client(), client());
    pass(15 * K).await;
    // Four until both are in the slow lane or one has the field, then one in 6 s each.
    let connects = scene.connects("pump");
    between("connects", connects, 4..=5 + 2 * (began.elapsed().as_secs() / 6));
    scene.assert_budget(6, 5 * K);
    drop(clients);
}

/// The older protocol has no word for a take-over: the client sees a close,
/// and only growing delays keep the peace.
async fn two_instances_of_mqtt_3_1_1_fight_at_growing_distances() {
    let scene = Scene::new([]).await;
    // No ping is answered in lives this short: one would make them useful, and
    // the delay after a useful life is half of it at most (R3).
    let began = Instant::now();
    let client = || {
        let client = scene.client("pump").version(Version::V311);
        client.keep_alive(60 * K).start().unwrap()
    };
    let clients = (client(), client());
    pass(15 * K).await;
    // Delays of 0.5 to 1, 1 to 2, 2 to 4 and 4 to 8 s each, taken in turns.
    // Both counters at one moment: the fight goes on.
    let stats = scene.broker().stats();
    let connects = stats.client("pump").connects;
    between("connects", connects, 4..=2 * most_attempts(began.elapsed(), K, Duration::ZERO));
    assert_eq!(stats.take_overs, connects - 1);
    drop(clients);
}

/// After a half-open link the broker still has the old connection when the new
/// one comes. That is no rival.
async fn a_session_taken_over_by_its_own_next_connection() {
    let silent = |connection| {
        let fault = When::received(PacketType::PingReq).connection(connection).nth(1);
        fault.silence(Stop::Both, None)
    };
    let scene = Scene::new([silent(1), silent(2)]).await;
    let client = scene.client("pump").session_expiry(60 * K).start().unwrap();
    scene.event(15 * K, |event| event.name() == "taken_over").await;
    let mut connects = 0;
    let third = |event: &evenkeel_broker::Event| {
        connects += u32::from(event.name() == "connected");
        connects == 3
    };
    scene.event(15 * K, third).await;
    pass(4 * K).await;
    assert!(client.state().is_online(), "{:?}", client.state());
    assert_eq!(scene.connects("pump"), 3);
    assert_eq!(scene.broker().stats().take_overs, 2);
    assert!(client.stats().connections == 3, "{:?}", client.stats());
    scene.assert_laws();
}
