//! Messages over connections that end in the wrong moment.

use std::time::Duration;

use evenkeel::{Client, PublishError, QoS, QueueConfig, RejectReason};
use evenkeel_broker::EventKind;
use evenkeel_broker::fault::{Announce, When};
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, between, pass, scenarios, within};
use tokio::task::JoinSet;

scenarios![
    nothing_is_lost_with_a_small_window_and_a_resumed_session,
    nothing_queued_is_lost_with_the_session,
    exactly_once_when_any_packet_of_the_exchange_is_lost,
    unknown_acknowledgements_close_nothing,
    more_offline_messages_than_packet_identifiers,
    a_message_the_server_cannot_take_is_refused_alone,
];

fn steady(scene: &Scene) -> Client {
    scene.client("pump").clean_start(false).session_expiry(60 * K).start().unwrap()
}

/// Publishes so many and returns how many were acknowledged.
async fn publish_all(client: &Client, count: usize, qos: QoS) -> usize {
    let mut outcomes = JoinSet::new();
    for index in 0..count {
        let publish = client.publish(format!("level/{index}"), "x").qos(qos);
        let receipt = publish.await.unwrap();
        outcomes.spawn(receipt);
    }
    let outcomes = within(20 * K, "all outcomes", outcomes.join_all()).await;
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

/// rumqttc 0.25 lost 7 of these 10.
async fn nothing_is_lost_with_a_small_window_and_a_resumed_session() {
    let window = Announce { receive_maximum: Some(2), ..Announce::default() };
    let scene = Scene::new([
        When::sent(PacketType::ConnAck).announce(window),
        When::sent(PacketType::PubAck).delay(K / 10),
        When::received(PacketType::Publish).nth(4).close(),
    ])
    .await;
    let client = steady(&scene);
    client.online().await.unwrap();
    assert_eq!(publish_all(&client, 10, QoS::AtLeastOnce).await, 10);
    for index in 0..10 {
        between("copies", scene.published(&format!("level/{index}")), 1..=2);
    }
    assert_eq!(scene.connects("pump"), 2);
    scene.assert_laws();
}

/// rumqttc 0.25 lost all 20 of these, 18 of them never sent.
async fn nothing_queued_is_lost_with_the_session() {
    let window = Announce { receive_maximum: Some(2), ..Announce::default() };
    let scene = Scene::new([
        When::sent(PacketType::ConnAck).announce(window),
        When::sent(PacketType::PubAck).connection(1).drop(),
    ])
    .await;
    let client = steady(&scene);
    client.online().await.unwrap();
    let publishing = publish_all(&client, 20, QoS::AtLeastOnce);
    let restarting = async {
        scene.event(5 * K, |event| event.name() == "fault").await;
        scene.restart(false, K / 10).await;
    };
    let (delivered, ()) = tokio::join!(publishing, restarting);
    assert_eq!(delivered, 20);
    for index in 0..20 {
        between("copies", scene.published(&format!("level/{index}")), 1..=2);
    }
    assert_eq!(scene.connects("pump"), 2);
    scene.assert_laws();
}

/// The connection ends right before or after each packet of the exchange.
async fn exactly_once_when_any_packet_of_the_exchange_is_lost() {
    let sent = [PacketType::PubRec, PacketType::PubComp].map(When::sent);
    let received = [PacketType::Publish, PacketType::PubRel].map(When::received);
    let cuts = sent
        .into_iter()
        .chain(received)
        .flat_map(|when| [when.clone().nth(2).close(), when.nth(2).close_after()]);
    let mut scenes = JoinSet::new();
    for cut in cuts {
        let scene = Scene::new([cut.clone()]).await;
        let watcher = scene.client("watcher").start().unwrap();
        let mut seen = watcher.subscribe("level/+").await.unwrap();
        scenes.spawn(async move {
            let client = steady(&scene);
            client.online().await.unwrap();
            assert_eq!(publish_all(&client, 4, QoS::ExactlyOnce).await, 4, "{cut:?}");
            let mut topics = Vec::new();
            while let Ok(Some(message)) = tokio::time::timeout(K / 2, seen.next()).await {
                topics.push(message.topic().to_owned());
            }
            assert_eq!(topics, ["level/0", "level/1", "level/2", "level/3"], "{cut:?}");
            assert_eq!(scene.connects("pump"), 2, "{cut:?}");
            scene.assert_laws();
        });
    }
    assert_eq!(scenes.join_all().await.len(), 8);
}

/// rumqttc 0.25 held an unknown PUBREL for a broken connection, 39 times in 2 s.
async fn unknown_acknowledgements_close_nothing() {
    let strays: [&[u8]; 4] =
        [&[0x40, 2, 0, 77], &[0x50, 2, 0, 77], &[0x62, 2, 0, 77], &[0x70, 2, 0, 77]];
    let trigger = || When::received(PacketType::Publish);
    let scene = Scene::new(strays.map(|bytes| trigger().inject(bytes))).await;
    let client = scene.client("pump").start().unwrap();
    for _ in 0..3 {
        client.publish("level", "1").await.unwrap().await.unwrap();
        pass(K / 2).await;
    }
    assert!(client.state().is_online());
    assert_eq!(scene.connects("pump"), 1);
    assert!(client.stats().unknown_acknowledgements >= 6, "{:?}", client.stats());
    // A stray PUBREL is answered, and so is a stray PUBREC.
    assert_eq!(scene.received("pump", PacketType::PubComp), 3);
    assert_eq!(scene.received("pump", PacketType::PubRel), 3);
}

/// MQTT.js wrapped its identifiers here and overwrote older messages.
async fn more_offline_messages_than_packet_identifiers() {
    const COUNT: usize = 66_000;
    let scene = Scene::new([]).await;
    scene.stop().await;
    let mut queue = QueueConfig::default();
    queue.messages = COUNT;
    let client = scene.client("pump").keep_alive(60 * K).queue(queue).start().unwrap();
    let mut receipts = Vec::with_capacity(COUNT);
    for _ in 0..COUNT {
        let publish = client.publish("level", "x").qos(QoS::AtLeastOnce);
        receipts.push(publish.try_send().unwrap());
    }
    let Err(refused) = client.publish("level", "x").qos(QoS::AtLeastOnce).try_send() else {
        panic!("the queue has no bound");
    };
    assert!(
        matches!(refused.error, PublishError::Rejected(RejectReason::QueueFull { .. })),
        "{:?}",
        refused.error
    );
    scene.resume().await;
    let all = async {
        for receipt in receipts {
            receipt.await.unwrap();
        }
    };
    within(40 * K, "all acknowledged", all).await;
    assert_eq!(scene.received("pump", PacketType::Publish), COUNT as u64);
    assert_eq!(scene.connects("pump"), 1);
}

/// Two clients of rumqttc 0.25 looped 38 times in 2 s over such a message.
async fn a_message_the_server_cannot_take_is_refused_alone() {
    let small = |config: &mut evenkeel_broker::Config| config.offer.maximum_packet_size = 1024;
    let scene = Scene::with([], small).await;
    let client = steady(&scene);
    client.online().await.unwrap();
    let large = client.publish("level", vec![0; 2000]).qos(QoS::AtLeastOnce);
    let refused = within(K, "an answer", large.delivered()).await.unwrap_err();
    assert!(refused.to_string().contains("1024"), "{refused}");
    client.publish("level", "x").qos(QoS::AtLeastOnce).delivered().await.unwrap();
    // Accepted while the limit was not known, it fails when its turn comes.
    scene.stop().await;
    within(3 * K, "the loss", async {
        while client.state().is_online() {
            pass(K / 50).await;
        }
    })
    .await;
    let publish = client.publish("level", vec![0; 2000]).qos(QoS::AtLeastOnce);
    let receipt = publish.await;
    scene.resume().await;
    if let Ok(receipt) = receipt {
        within(5 * K, "an outcome", receipt).await.unwrap_err();
    }
    within(5 * K, "online", client.online()).await.unwrap();
    client.publish("level", "y").qos(QoS::AtLeastOnce).delivered().await.unwrap();
    pass(Duration::from_secs(2)).await;
    let accepted = |event: &evenkeel_broker::Event| {
        matches!(event.kind, EventKind::PublishReceived { bytes: 1, .. })
    };
    assert_eq!(scene.broker().recorded().iter().filter(|event| accepted(event)).count(), 2);
    assert_eq!((scene.connects("pump"), scene.published("level")), (2, 2));
    scene.assert_laws();
}
