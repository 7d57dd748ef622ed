//! Connections that succeed and end at once, and crowds that come back.

use std::time::{Duration, Instant};

use evenkeel::{Event, Reconnect};
use evenkeel_broker::fault::When;
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, at_least, between, most_attempts, pass, scenarios, within};
use tokio::task::JoinSet;

scenarios![
    closed_after_every_connack_with_the_defaults,
    closed_after_every_connack_until_the_budget_is_used_up,
    closed_just_before_the_connection_counts_as_stable,
    two_hundred_clients_after_a_broker_restart,
];

/// With the defaults at most 8 connects in 60 s; growing delays keep below
/// that, and no two clients march in step.
async fn closed_after_every_connack_with_the_defaults() {
    let scene = Scene::new([When::sent(PacketType::ConnAck).close_after()]).await;
    let names = ["pump-1", "pump-2", "pump-3"];
    let began = Instant::now();
    let clients = names.map(|name| scene.client(name).start().unwrap());
    let mut events = clients[0].events();
    pass(Duration::from_secs(45)).await;
    let mut second = Vec::new();
    for name in names {
        let times = scene.connect_times(name);
        // Delays of up to 1, 2, 4, 8 and 16 s, and no less than half of that.
        let most = most_attempts(began.elapsed(), K, Duration::ZERO);
        between("connects", times.len() as u64, 5..=most);
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[0] >= Duration::from_millis(500), "{gaps:?}");
        assert!(gaps[3] >= Duration::from_secs(4), "no growth: {gaps:?}");
        second.push(gaps[1]);
    }
    second.sort();
    assert!(second[0] < second[2], "no jitter: {second:?}");
    let mut loops = 0;
    while let Some(report) = events.try_next() {
        loops += u32::from(matches!(report.event, Event::Loop(_)));
    }
    assert_eq!(loops, 1, "the loop is named at the fifth end");
    scene.assert_laws();
}

/// The budget holds even if the policy's own delays would not: here they are
/// 5 to 10 ms, and 8 connects are allowed in 3 s.
async fn closed_after_every_connack_until_the_budget_is_used_up() {
    let window = Duration::from_secs(3);
    let scene = Scene::new([When::sent(PacketType::ConnAck).close_after()]).await;
    let mut policy = Reconnect::default();
    policy.base = Duration::from_millis(10);
    policy.cap = Duration::from_millis(10);
    policy.budget_window = window;
    let client = scene.client("pump").reconnect(policy).start().unwrap();
    pass(3 * window + K).await;
    // Each window is used up at its beginning.
    at_least("connects", scene.connects("pump"), 17);
    // Counted when connections are opened, and CONNECT comes a little later.
    scene.assert_budget(8, window - K / 2);
    scene.broker().clear_faults();
    within(window + K, "online", client.online()).await.unwrap();
}

/// Neither CONNACK nor time alone resets the delay: a connection has to be
/// stable for as long as the policy says.
async fn closed_just_before_the_connection_counts_as_stable() {
    let lives = Duration::from_millis(500);
    let scene = Scene::new([When::sent(PacketType::ConnAck).wait(lives).close()]).await;
    let mut policy = Reconnect::default();
    policy.base = Duration::from_millis(200);
    policy.stable_after = 2 * lives;
    let began = Instant::now();
    let client = scene.client("pump").reconnect(policy).start().unwrap();
    pass(12 * K).await;
    // Lives of 0.5 s and delays of up to 0.2, 0.4, 0.8, 1.6, 3.2 and 6.4 s.
    let connects = scene.connects("pump");
    let most = most_attempts(began.elapsed(), Duration::from_millis(200), lives);
    between("connects", connects, 5..=most);
    scene.assert_laws();
    drop(client);
}

/// The first attempts come spread over half a second to a second as the
/// defaults say; here it is four times that, to see the shape.
async fn two_hundred_clients_after_a_broker_restart() {
    const CLIENTS: usize = 200;
    let scene = Scene::new([]).await;
    let mut policy = Reconnect::default();
    policy.base = Duration::from_secs(4);
    let name = |index: usize| format!("pump-{index}");
    let client = |index| {
        let builder = scene.client(&name(index)).keep_alive(30 * K);
        builder.reconnect(policy.clone()).start().unwrap()
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut online = JoinSet::new();
    for client in clients.clone() {
        online.spawn(async move { client.online().await });
    }
    within(20 * K, "all online", online.join_all()).await;
    let mut events: Vec<_> = clients.iter().map(evenkeel::Client::events).collect();
    scene.restart(false, Duration::from_millis(200)).await;
    within(20 * K, "all online again", async {
        while !clients.iter().all(|client| client.state().is_online()) {
            pass(K / 10).await;
        }
    })
    .await;
    // What they decide is looked at, and not when they come, which a busy machine shifts.
    let mut delays = Vec::new();
    for (index, events) in events.iter_mut().enumerate() {
        assert_eq!(scene.connects(&name(index)), 2, "{}", name(index));
        while let Some(report) = events.try_next() {
            if let Event::RetryScheduled { delay, .. } = report.event {
                delays.push(delay);
            }
        }
    }
    assert_eq!(delays.len(), CLIENTS);
    delays.sort();
    between("first", delays[0], 2 * K..=2 * K + K / 4);
    between("last", delays[CLIENTS - 1], 4 * K - K / 4..=4 * K);
    // Evenly, an eighth of them comes in each quarter second; a herd would be all.
    let densest = delays.iter().map(|begin| {
        delays.iter().filter(|delay| (*begin..*begin + K / 4).contains(*delay)).count()
    });
    between("connects within a quarter second", densest.max().unwrap(), 1..=CLIENTS / 3);
    scene.assert_laws();
}
