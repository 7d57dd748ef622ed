//! Packets that the broker answers by closing the connection.

use std::time::{Duration, Instant};

use evenkeel::{Client, DeliveryError, DisconnectCause, Event, PublishFailure, QoS, TopicFilter};
use evenkeel_broker::fault::{Rule, When};
use evenkeel_codec::PacketType;
use evenkeel_profile::Profile;
use evenkeel_torture::{K, Scene, between, most_attempts, pass, scenarios, within};

scenarios![
    a_poison_topic_among_good_messages,
    a_poison_size_among_good_messages,
    a_poison_topic_with_a_session_that_is_kept,
    a_poison_filter_among_good_subscriptions,
    twelve_filters_where_eight_are_allowed,
    twelve_filters_with_a_profile_that_knows,
    an_oversized_retained_message,
];

fn filter(text: &str) -> TopicFilter {
    text.try_into().unwrap()
}

async fn publish(client: &Client, topic: &str, size: usize) -> Result<(), PublishFailure> {
    let request = client.publish(topic, vec![b'x'; size]).qos(QoS::AtLeastOnce);
    request.delivered().await.map(|_| ())
}

async fn a_poison_topic_among_good_messages() {
    let fault = When::received(PacketType::Publish).topic(filter("forbidden")).close();
    assert_set_aside(fault, "forbidden", 10, false).await;
}

async fn a_poison_size_among_good_messages() {
    let fault = When::received(PacketType::Publish).larger_than(1000).close();
    assert_set_aside(fault, "large", 1001, false).await;
}

async fn a_poison_topic_with_a_session_that_is_kept() {
    let fault = When::received(PacketType::Publish).topic(filter("forbidden")).close();
    assert_set_aside(fault, "forbidden", 10, true).await;
}

/// One message in eleven makes the broker cut the connection. It is set aside
/// after two deaths with it alone in flight (R7); the others arrive.
async fn assert_set_aside(fault: Rule, topic: &str, size: usize, keeps_session: bool) {
    let scene = Scene::new([fault]).await;
    let expiry = if keeps_session { 60 * K } else { Duration::ZERO };
    let builder = scene.client("pump").clean_start(!keeps_session).session_expiry(expiry);
    let client = builder.start().unwrap();
    client.online().await.unwrap();
    let good = |index: usize| format!("good/{index}");
    let mut before = Vec::new();
    for index in 0..5 {
        before.push(client.publish(good(index), "x").qos(QoS::AtLeastOnce).await.unwrap());
    }
    let poison = publish(&client, topic, size);
    let after = async {
        for index in 5..10 {
            publish(&client, &good(index), 1).await.unwrap();
        }
    };
    let (poison, ()) = within(20 * K, "all outcomes", async { tokio::join!(poison, after) }).await;
    assert!(
        matches!(
            poison,
            Err(PublishFailure::NotDelivered(DeliveryError::Quarantined { deaths: 2, .. }))
        ),
        "{poison:?}"
    );
    for receipt in before {
        receipt.await.unwrap();
    }
    pass(2 * K).await;
    assert!(client.state().is_online());
    between("connects", scene.connects("pump"), 3..=4);
    for index in 0..10 {
        // Sent again where its PUBACK had not come when the connection was cut.
        between(&good(index), scene.published(&good(index)), 1..=3);
    }
    scene.assert_laws();
}

/// The subscription that the broker does not accept fails; the others stay.
async fn a_poison_filter_among_good_subscriptions() {
    let fault = When::received(PacketType::Subscribe).topic(filter("forbidden/#")).close();
    let scene = Scene::new([fault]).await;
    let client = scene.client("pump").start().unwrap();
    let mut events = client.events();
    let mut good = client.subscribe("good/1").await.unwrap();
    let poison = within(20 * K, "an outcome", client.subscribe("forbidden/x").into_future()).await;
    assert!(poison.is_err(), "{poison:?}");
    let mut later =
        within(10 * K, "SUBACK", client.subscribe("good/2").into_future()).await.unwrap();
    scene.publish("good/1", "x", QoS::AtMostOnce, false);
    scene.publish("good/2", "x", QoS::AtMostOnce, false);
    assert!(within(K, "a message", good.next()).await.is_some());
    assert!(within(K, "a message", later.next()).await.is_some());
    between("connects", scene.connects("pump"), 3..=4);
    let mut named = false;
    while let Some(report) = events.try_next() {
        if let Event::Quarantined { topic, .. } = report.event {
            named |= topic.is_some_and(|topic| topic.as_str() == "forbidden/x");
        }
    }
    assert!(named, "no event names the filter");
    scene.assert_laws();
}

/// Twelve filters subscribed to one by one, then restored in one packet, which
/// is more than the broker takes: the client goes on with half as many.
async fn twelve_filters_where_eight_are_allowed() {
    let scene = Scene::new([more_than_eight()]).await;
    let client = scene.client("pump").start().unwrap();
    assert_all_restored(&scene, client, 3..=3).await;
}

async fn twelve_filters_with_a_profile_that_knows() {
    let scene = Scene::new([more_than_eight()]).await;
    let profile =
        Profile::from_toml("name = \"eight\"\nsubscribe.filters_per_subscribe = { value = 8 }");
    let client = scene.client("pump").profile(profile.unwrap()).start().unwrap();
    assert_all_restored(&scene, client, 2..=2).await;
}

fn more_than_eight() -> Rule {
    When::received(PacketType::Subscribe).more_filters_than(8).close()
}

async fn assert_all_restored(
    scene: &Scene,
    client: Client,
    connects: std::ops::RangeInclusive<u64>,
) {
    let mut streams = Vec::new();
    for index in 0..12 {
        streams.push(client.subscribe(format!("news/{index}")).await.unwrap());
    }
    assert!(scene.broker().disconnect("pump", evenkeel::ReasonCode::SERVER_SHUTTING_DOWN));
    within(20 * K, "all subscriptions back", async {
        while scene.broker().subscription_count() < 12 || !client.state().is_online() {
            pass(K / 20).await;
        }
    })
    .await;
    pass(2 * K).await;
    assert!(client.state().is_online());
    between("connects", scene.connects("pump"), connects);
    for (index, stream) in streams.iter_mut().enumerate() {
        scene.publish(&format!("news/{index}"), "x", QoS::AtMostOnce, false);
        within(K, "a message of each subscription", stream.next()).await.unwrap();
    }
    scene.assert_laws();
}

/// A broker that ignores the client's maximum sends a retained message that is
/// too large, at every subscribe anew.
async fn an_oversized_retained_message() {
    let faulty = |config: &mut evenkeel_broker::Config| {
        config.behaviour.honour_maximum_packet_size = false;
    };
    let scene = Scene::with([], faulty).await;
    scene.publish("news/large", vec![b'x'; 20_000], QoS::AtLeastOnce, true);
    scene.publish("news/small", "x", QoS::AtLeastOnce, true);
    let began = Instant::now();
    let client = scene.client("pump").maximum_packet_size(10_000).start().unwrap();
    client.online().await.unwrap();
    let mut events = client.events();
    let asked = client.subscribe("news/+").qos(QoS::AtLeastOnce).into_future();
    let stream = tokio::time::timeout(12 * K, asked).await;
    pass(K).await;
    // Each connection dies of it; delays of up to 1, 2, 4 and 8 s.
    let connects = scene.connects("pump");
    between("connects", connects, 2..=most_attempts(began.elapsed(), K, Duration::ZERO));
    let mut said = 0;
    while let Some(report) = events.try_next() {
        if let Event::Disconnected { cause, .. } = report.event {
            assert!(matches!(*cause, DisconnectCause::Malformed(_)), "{cause:?}");
            said += 1;
        }
    }
    assert!(said >= 1, "no event names the cause");
    let told = |event: &evenkeel_broker::Event| {
        matches!(event.kind, evenkeel_broker::EventKind::DisconnectReceived { reason }
            if reason == evenkeel::ReasonCode::PACKET_TOO_LARGE)
    };
    // The last one may be on its way.
    within(3 * K, "the broker is told why", async {
        while scene.broker().recorded().iter().filter(|event| told(event)).count() < said {
            pass(K / 20).await;
        }
    })
    .await;
    scene.assert_laws();
    drop(stream);
}
