//! reconnect() and shutdown() at every moment of a connection's life.

use std::time::{Duration, Instant};

use evenkeel::{Client, QoS, Reconnect, State};
use evenkeel_broker::EventKind;
use evenkeel_broker::fault::{Stop, When};
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, at_least, between, pass, scenarios, settled, within};
use tokio::task::JoinSet;

scenarios![
    reconnect_at_every_moment,
    reconnect_again_and_again_keeps_to_the_budget,
    reconnect_while_a_publish_is_unacknowledged,
    shutdown_at_every_moment,
    shutdown_of_a_half_open_link,
    shutdown_while_the_server_is_away,
];

/// Moments after the start, close together at first: TCP and CONNACK take
/// less than a millisecond here.
fn moments() -> impl Iterator<Item = (usize, Duration)> {
    (0..60).map(|index| (index, Duration::from_micros(100 * (index * index) as u64)))
}

/// Half of the clients see a broker that takes 50 ms for each CONNACK and PUBACK.
async fn scene() -> Scene {
    let late = Duration::from_millis(50);
    Scene::new([
        When::sent(PacketType::ConnAck).client("slow-*").delay(late),
        When::sent(PacketType::PubAck).client("slow-*").delay(late),
    ])
    .await
}

fn name(index: usize) -> String {
    format!("{}-{index}", if index.is_multiple_of(2) { "fast" } else { "slow" })
}

/// A client with five unfinished QoS 1 publishes, and the number of those that
/// were acknowledged in the end.
fn publishing(scene: &Scene, name: &str) -> (Client, JoinSet<bool>) {
    let client = scene.client(name).session_expiry(60 * K).start().unwrap();
    let mut outcomes = JoinSet::new();
    for _ in 0..5 {
        let (client, topic) = (client.clone(), format!("from/{name}"));
        outcomes.spawn(async move {
            client.publish(topic, "x").qos(QoS::AtLeastOnce).delivered().await.is_ok()
        });
    }
    (client, outcomes)
}

async fn reconnect_at_every_moment() {
    let scene = scene().await;
    let mut clients = JoinSet::new();
    for (index, moment) in moments() {
        let (client, outcomes) = publishing(&scene, &name(index));
        clients.spawn(async move {
            pass(moment).await;
            client.reconnect();
            let outcomes = within(10 * K, "all outcomes", outcomes.join_all()).await;
            assert!(outcomes.iter().all(|delivered| *delivered), "at {moment:?}: {outcomes:?}");
            settled(&client, 10 * K, K).await;
        });
    }
    clients.join_all().await;
    for (index, moment) in moments() {
        let name = name(index);
        // Three if the broker reads the CONNECT of the first connection after
        // that of the second, which is then taken over.
        let connects = scene.connects(&name);
        between(&format!("connects at {moment:?}"), connects, 1..=3);
        // Once on each connection at most.
        let messages = scene.published(&format!("from/{name}")) as u64;
        between("messages", messages, 5..=5 * connects);
    }
    scene.assert_laws();
}

async fn reconnect_again_and_again_keeps_to_the_budget() {
    let window = 3 * K;
    let scene = Scene::new([]).await;
    let mut policy = Reconnect::default();
    policy.budget_window = window;
    let client = scene.client("pump").reconnect(policy).start().unwrap();
    for _ in 0..100 {
        client.reconnect();
        pass(Duration::from_millis(10)).await;
    }
    // Counted when connections are opened, and CONNECT comes a little later.
    scene.assert_budget(8, window - K / 2);
    within(2 * window, "online", client.online()).await.unwrap();
    pass(window).await;
    assert!(client.state().is_online());
    scene.assert_budget(8, window - K / 2);
    // Fewer if a connection is replaced before its CONNECT is read.
    at_least("connects", scene.connects("pump"), 2);
}

/// A client of MQTT.js waited here for an acknowledgement that could not come,
/// and never connected again.
async fn reconnect_while_a_publish_is_unacknowledged() {
    let lost = When::sent(PacketType::PubAck).nth(1).drop();
    let scene = Scene::new([lost]).await;
    let client = scene.client("pump").clean_start(false).session_expiry(60 * K).start().unwrap();
    let publish = client.publish("level", "1").qos(QoS::AtLeastOnce);
    let receipt = publish.await.unwrap();
    scene.event(2 * K, |event| event.name() == "fault").await;
    client.reconnect();
    let delivered = within(5 * K, "PUBACK", receipt).await.unwrap();
    assert_eq!(delivered.attempts, 2);
    assert_eq!((scene.connects("pump"), scene.published("level")), (2, 2));
    let dups = scene.broker().recorded().into_iter().filter_map(|event| match event.kind {
        EventKind::PublishReceived { dup, .. } => Some(dup),
        _ => None,
    });
    assert_eq!(dups.collect::<Vec<_>>(), [false, true]);
    scene.assert_laws();
}

async fn shutdown_at_every_moment() {
    // Longer than any machine takes: it is not waited for.
    let limit = 60 * K;
    let scene = scene().await;
    let mut clients = JoinSet::new();
    for (index, moment) in moments() {
        let (client, outcomes) = publishing(&scene, &name(index));
        clients.spawn(async move {
            pass(moment).await;
            let began = Instant::now();
            let report = within(limit + 2 * K, "shutdown", client.shutdown(limit)).await;
            let took = began.elapsed();
            assert_eq!(client.state(), State::Closed);
            let outcomes = within(K, "all outcomes", outcomes.join_all()).await;
            let delivered = outcomes.iter().filter(|delivered| **delivered).count();
            (index, report, took, delivered)
        });
    }
    for (index, report, took, delivered) in clients.join_all().await {
        let name = name(index);
        assert!(report.is_clean(), "{name} after {took:?}: {report:?}");
        assert!(took < limit, "{name}: nothing was in the way, and it took {took:?}");
        let arrived = scene.published(&format!("from/{name}"));
        assert_eq!(arrived, delivered, "{name}: an outcome is wrong");
        let goodbyes = scene.received(&name, PacketType::Disconnect);
        assert_eq!(goodbyes, scene.sent(&name, PacketType::ConnAck), "{name}: no DISCONNECT");
    }
    scene.assert_laws();
}

async fn shutdown_of_a_half_open_link() {
    let silence = When::received(PacketType::Publish).silence(Stop::Both, None);
    let scene = Scene::new([silence]).await;
    let client = scene.client("pump").keep_alive(60 * K).start().unwrap();
    let receipt = client.publish("level", "1").qos(QoS::AtLeastOnce).await.unwrap();
    scene.event(2 * K, |event| event.name() == "fault").await;
    let began = Instant::now();
    let report = within(4 * K, "shutdown", client.shutdown(K)).await;
    assert!(began.elapsed() >= K, "it gave up after {:?}", began.elapsed());
    assert_eq!((report.unacknowledged, report.queued), (1, 0));
    assert!(receipt.await.is_err());
    assert_eq!(scene.connects("pump"), 1);
}

async fn shutdown_while_the_server_is_away() {
    let scene = Scene::new([]).await;
    scene.stop().await;
    let client = scene.client("pump").start().unwrap();
    let receipt = client.publish("level", "1").qos(QoS::AtLeastOnce).await.unwrap();
    pass(K / 2).await;
    let report = within(4 * K, "shutdown", client.shutdown(K)).await;
    assert_eq!((report.unacknowledged, report.queued), (0, 1));
    assert!(receipt.await.is_err());
    scene.resume().await;
    pass(2 * K).await;
    assert_eq!(scene.connects("pump"), 0, "a client that is shut down came back");
}
