//! Pings that are lost, late or never answered.

use std::time::{Duration, Instant};

use evenkeel::{DisconnectCause, Event, QoS, keepalive::Death};
use evenkeel_broker::fault::When;
use evenkeel_codec::PacketType;
use evenkeel_profile::Profile;
use evenkeel_torture::{K, Scene, at_least, between, most_attempts, pass, scenarios, within};

scenarios![
    one_lost_pingresp_costs_one_reconnect_at_most,
    one_lost_pingresp_costs_nothing_while_messages_come,
    a_pingresp_late_by_six_tenths_costs_nothing,
    a_pingresp_late_by_eleven_tenths_is_learnt,
    no_pingresp_ever_while_messages_come,
    no_pingresp_ever_on_a_silent_link,
    doubled_and_unasked_pingresps_close_nothing,
    a_subscriber_that_only_receives_still_pings,
    late_pubacks_do_not_put_off_pings,
    one_ping_per_span_is_enough_with_a_profile,
];

/// The founding case: after one lost answer, the client of MQTT.js #1845 cut
/// every later connection, forever.
async fn one_lost_pingresp_costs_one_reconnect_at_most() {
    let scene = Scene::new([When::sent(PacketType::PingResp).nth(1).drop()]).await;
    let client = scene.client("pump").start().unwrap();
    pass(12 * K).await;
    assert!(client.state().is_online());
    // None if the next ping goes out before 1.5 K of silence are over.
    between("connects", scene.connects("pump"), 1..=2);
    // At 0.675 to 0.85 K each, over at least 9 K of the second connection.
    at_least("pings", scene.pings("pump"), 9);
    let packets = scene.broker().stats().client("pump").packets;
    assert_eq!(packets.sent(PacketType::PingResp), packets.received(PacketType::PingReq) - 1);
    scene.assert_never_silent(K);
    scene.assert_laws();
}

/// Other bytes prove the link alive: the lost answer is only noted (K4).
async fn one_lost_pingresp_costs_nothing_while_messages_come() {
    let scene = Scene::new([When::sent(PacketType::PingResp).nth(1).drop()]).await;
    let client = scene.client("pump").start().unwrap();
    let mut events = client.events();
    let messages = client.subscribe("news").await.unwrap();
    for _ in 0..40 {
        pass(K / 10).await;
        scene.publish("news", "x", QoS::AtMostOnce, false);
    }
    let mut unanswered = 0;
    while let Some(report) = events.try_next() {
        if let Event::PingUnanswered { heard, .. } = report.event {
            assert!(heard, "messages came");
            unanswered += 1;
        }
    }
    assert_eq!(unanswered, 1);
    assert_eq!(scene.connects("pump"), 1);
    at_least("pings", scene.pings("pump"), 3);
    drop(messages);
    scene.assert_laws();
}

/// K4: a ping is out by 0.85 K, and the link dead after 1.5 K without a byte.
async fn a_pingresp_late_by_six_tenths_costs_nothing() {
    late_pingresps(0.6, 1).await;
}

/// K11: after a death, 2 keep-alives without a byte are tolerated. The next ping
/// does not wait for the answer to the last (K3): the client would be silent for
/// 1.1 keep-alives if it did.
async fn a_pingresp_late_by_eleven_tenths_is_learnt() {
    late_pingresps(1.1, 2).await;
}

async fn late_pingresps(late_by: f64, connects: u64) {
    // A twentieth is left over: at four seconds it outlasts what a slow machine
    // may add.
    let keep_alive = 4 * K;
    let delay = keep_alive.mul_f64(late_by);
    let scene = Scene::new([When::sent(PacketType::PingResp).delay(delay)]).await;
    let client = scene.client("pump").keep_alive(keep_alive);
    // An early ping would have its answer before the peer is silent for too long.
    let client = client.spread_first_ping(false).start().unwrap();
    // A death after 1.5 keep-alives, and a delay of at most 1 s.
    let learnt = 6 * keep_alive;
    let last = move |event: &evenkeel_broker::Event| event.name() == "connected";
    let mut left = connects;
    scene
        .event(learnt, |event| {
            left -= u64::from(last(event));
            left == 0
        })
        .await;
    pass(4 * keep_alive).await;
    assert!(client.state().is_online());
    assert_eq!(scene.connects("pump"), connects);
    // One ping per 0.675 to 0.85 keep-alives since the last connect, and one or
    // two on each connection before.
    at_least("pongs", client.stats().pongs, 2);
    at_least("pings", scene.pings("pump"), connects + 3);
    let silence = scene.longest_silence();
    assert!(silence < keep_alive, "silent for {silence:?} at keep-alive {keep_alive:?}");
    assert_eq!(scene.broker().stats().keep_alive_timeouts, 0, "closed by the broker for silence");
    scene.assert_laws();
}

async fn no_pingresp_ever_while_messages_come() {
    let scene = Scene::new([When::sent(PacketType::PingResp).drop()]).await;
    let client = scene.client("pump").start().unwrap();
    let mut messages = client.subscribe("news").await.unwrap();
    for _ in 0..80 {
        pass(K / 10).await;
        scene.publish("news", "x", QoS::AtMostOnce, false);
    }
    pass(K / 5).await;
    assert_eq!(std::iter::from_fn(|| messages.try_next()).count(), 80);
    assert_eq!(scene.connects("pump"), 1);
    // The next one goes out 0.675 to 0.85 K after the one before.
    at_least("pings", scene.pings("pump"), 6);
    assert!(client.stats().pings_unanswered >= 4, "{:?}", client.stats());
    scene.assert_never_silent(K);
    scene.assert_laws();
}

/// A broker that answers CONNECT and nothing else: each connection ends in
/// bounded time, and the next ones come at growing distances.
async fn no_pingresp_ever_on_a_silent_link() {
    let scene = Scene::new([When::sent(PacketType::PingResp).drop()]).await;
    let began = Instant::now();
    let client = scene.client("pump").start().unwrap();
    let mut events = client.events();
    pass(15 * K).await;
    // Lives of 1.5 K, 2 K and 2.25 K, delays of up to 1 s, 2 s and 4 s.
    let connects = scene.connects("pump");
    let most = most_attempts(began.elapsed(), K, K.mul_f64(1.5));
    between("connects", connects, 3..=most);
    // Up to three on a connection that lives for 2.25 K.
    at_least("pings", scene.pings("pump"), 3);
    let mut deaths = 0;
    while let Some(report) = events.try_next() {
        if let Event::Disconnected { cause, .. } = report.event {
            assert!(
                matches!(*cause, DisconnectCause::KeepAlive(Death::NoResponse { .. })),
                "{cause:?}"
            );
            deaths += 1;
        }
    }
    between("deaths", deaths, 2..=scene.connects("pump"));
    assert_eq!(scene.broker().stats().keep_alive_timeouts, 0);
    scene.assert_laws();
}

async fn doubled_and_unasked_pingresps_close_nothing() {
    let scene = Scene::new([
        When::sent(PacketType::PingResp).duplicate(),
        When::received(PacketType::Publish).inject(&[0xd0, 0x00, 0xd0, 0x00][..]),
    ])
    .await;
    let client = scene.client("pump").start().unwrap();
    for _ in 0..4 {
        client.publish("level", "1").await.unwrap().await.unwrap();
        pass(K).await;
    }
    assert_eq!(scene.connects("pump"), 1);
    let stats = client.stats();
    assert!(stats.pongs_unsolicited >= 8, "{stats:?}");
    at_least("pings", scene.pings("pump"), 2);
    scene.assert_laws();
}

/// What a client receives does not tell the broker that the client is alive.
async fn a_subscriber_that_only_receives_still_pings() {
    let scene = Scene::new([]).await;
    let client = scene.client("pump").start().unwrap();
    let messages = client.subscribe("news").await.unwrap();
    for _ in 0..50 {
        pass(K / 10).await;
        scene.publish("news", "x", QoS::AtMostOnce, false);
    }
    assert_eq!(scene.connects("pump"), 1);
    at_least("pings", scene.pings("pump"), 4);
    scene.assert_never_silent(K);
    scene.assert_laws();
    drop(messages);
}

/// The clock of silence runs from the last packet written, not from the
/// acknowledgement that came for it.
async fn late_pubacks_do_not_put_off_pings() {
    let keep_alive = 2 * K;
    for late_by in [0.6, 0.75, 0.95] {
        let delay = keep_alive.mul_f64(late_by);
        let scene = Scene::new([When::sent(PacketType::PubAck).delay(delay)]).await;
        let client = scene.client("pump").keep_alive(keep_alive).start().unwrap();
        for _ in 0..2 {
            let receipt = client.publish("level", "1").qos(QoS::AtLeastOnce).await.unwrap();
            let delivered = within(2 * keep_alive, "PUBACK", receipt).await.unwrap();
            assert_eq!(delivered.attempts, 1);
            // The moment at which a clock that started at PUBACK would be late.
            pass(keep_alive.mul_f64(0.9)).await;
        }
        assert_eq!(scene.connects("pump"), 1, "late by {late_by}");
        assert_eq!(scene.published("level"), 2);
        at_least("pings", scene.pings("pump"), 1);
        scene.assert_never_silent(keep_alive);
        scene.assert_laws();
    }
}

/// AWS IoT Core answers one ping in 30 s; here it is one in 3 s.
async fn one_ping_per_span_is_enough_with_a_profile() {
    let span = Duration::from_secs(3);
    let scene = Scene::new([When::received(PacketType::PingReq).one_per(span)]).await;
    let profile = Profile::from_toml(
        "name = \"scaled\"\nconnection.min_ping_spacing = { value = 3.05, on_break = \"ignores\" }",
    );
    let client = scene.client("pump").keep_alive(span).profile(profile.unwrap()).start().unwrap();
    let began = Instant::now();
    client.online().await.unwrap();
    // Meanwhile the application asks for pings whenever it likes.
    for _ in 0..24 {
        pass(Duration::from_millis(500)).await;
        client.probe();
    }
    assert_eq!(scene.connects("pump"), 1);
    // The answers first, so that no ping is missing for one; one may be on its way.
    let (pongs, pings) = (client.stats().pongs, scene.pings("pump"));
    let most = began.elapsed().as_millis() / 3050 + 1;
    between("pings", pings.into(), 3..=most);
    between("unanswered", pings - pongs, 0..=1);
    let packets = scene.broker().stats().client("pump").packets;
    assert_eq!(packets.sent(PacketType::PingResp), packets.received(PacketType::PingReq));
    scene.assert_never_silent(span);
    scene.assert_laws();
}
