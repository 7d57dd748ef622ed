//! Links that are slow or half open, and applications that stall.

use std::time::Duration;

use evenkeel::{DisconnectCause, Event, QoS, blocking};
use evenkeel_broker::fault::{Stop, When};
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, at_least, between, pass, scenarios, within};

scenarios![
    a_message_dribbling_for_four_keep_alives,
    a_handler_busy_for_two_and_a_half_keep_alives,
    a_handler_that_blocks_its_thread,
    publishing_from_the_message_handler,
    a_stall_with_the_pingresp_in_the_socket,
    a_half_open_link_while_publishing_qos_0,
    a_half_open_link_while_idle,
];

const MIB: usize = 1 << 20;

/// Bytes of a half-received packet are life.
async fn a_message_dribbling_for_four_keep_alives() {
    let piece = Duration::from_millis(20);
    let bytes = MIB / usize::try_from((4 * K).as_millis() / piece.as_millis()).unwrap();
    let large = When::sent(PacketType::Publish).larger_than(MIB / 2);
    // The broker reads on while it has that much to send, and sees pings as they come.
    let patient = |config: &mut evenkeel_broker::Config| config.limits.output_bytes = MIB;
    let scene = Scene::with([large.dribble(bytes, piece)], patient).await;
    let client = scene.client("pump").start().unwrap();
    let mut messages = client.subscribe("firmware").qos(QoS::AtLeastOnce).await.unwrap();
    scene.publish("firmware", vec![7; MIB], QoS::AtLeastOnce, false);
    // Each timer of the broker's may be late a little, 200 times.
    let message = within(16 * K, "the message", messages.next()).await.unwrap();
    assert_eq!(message.payload().len(), MIB);
    assert!(!message.dup());
    drop(message);
    scene.event(K, |event| event.name() == "ping_received").await;
    assert_eq!(scene.connects("pump"), 1);
    assert_eq!(scene.sent("pump", PacketType::Publish), 1);
    at_least("pings", scene.pings("pump"), 2);
    scene.assert_never_silent(K);
    scene.assert_laws();
}

/// Back-pressure stops reading, never pings (K13, D10).
async fn a_handler_busy_for_two_and_a_half_keep_alives() {
    const SENT: usize = 500;
    let scene = Scene::new([]).await;
    let client = scene.client("pump").receive_maximum(8).start().unwrap();
    let subscribing = client.subscribe("work").qos(QoS::AtLeastOnce).buffer(1);
    let mut messages = subscribing.await.unwrap();
    for _ in 0..SENT {
        scene.publish("work", "x", QoS::AtLeastOnce, false);
    }
    let first = messages.next().await.unwrap();
    pass(K.mul_f64(2.5)).await;
    assert!(scene.pings("pump") >= 1, "no ping while the handler was busy");
    drop(first);
    let mut count = 1;
    while count < SENT {
        let message = within(5 * K, "the next message", messages.next()).await.unwrap();
        assert!(!message.dup());
        count += 1;
    }
    pass(K).await;
    assert!(messages.try_next().is_none(), "a message came twice");
    assert_eq!(scene.connects("pump"), 1);
    assert_eq!(scene.received("pump", PacketType::PubAck), SENT as u64);
    scene.assert_never_silent(K);
    scene.assert_laws();
}

/// The client without async has a thread of its own for the connection.
async fn a_handler_that_blocks_its_thread() {
    let scene = Scene::new([]).await;
    let builder = scene.client("pump");
    let handled = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::start(builder).unwrap();
        let mut messages = client.subscribe("work").send().unwrap();
        for _ in 0..2 {
            let message = messages.next_within(5 * K).unwrap();
            std::thread::sleep(K.mul_f64(2.5));
            drop(message);
        }
        client.handle().state().is_online()
    });
    scene.event(5 * K, |event| event.name() == "subscribed").await;
    scene.publish("work", "x", QoS::AtMostOnce, false);
    scene.publish("work", "x", QoS::AtMostOnce, false);
    assert!(within(15 * K, "both messages", handled).await.unwrap(), "offline");
    assert_eq!(scene.connects("pump"), 1);
    // Five keep-alives at 0.675 to 0.85 each.
    at_least("pings", scene.pings("pump"), 4);
    scene.assert_never_silent(K);
    scene.assert_laws();
}

/// The acknowledgement of a publish passes the messages that wait for the handler.
async fn publishing_from_the_message_handler() {
    const SENT: u64 = 50;
    let scene = Scene::new([]).await;
    let client = scene.client("pump").start().unwrap();
    let subscribing = client.subscribe("question").qos(QoS::AtLeastOnce).buffer(1);
    let mut questions = subscribing.await.unwrap();
    for _ in 0..SENT {
        scene.publish("question", "x", QoS::AtLeastOnce, false);
    }
    for _ in 0..SENT {
        let question = within(3 * K, "a question", questions.next()).await.unwrap();
        let receipt = client.publish("answer", "y").qos(QoS::AtLeastOnce).await.unwrap();
        within(3 * K, "PUBACK inside the handler", receipt).await.unwrap();
        drop(question);
    }
    assert_eq!(scene.connects("pump"), 1);
    assert_eq!(scene.published("answer") as u64, SENT);
    assert_eq!(client.stats().publishes_resent, 0);
    scene.assert_laws();
}

/// Death is judged only after everything that had arrived has been read (K9).
async fn a_stall_with_the_pingresp_in_the_socket() {
    const STALLS: u32 = 4;
    let keep_alive = 2 * K;
    let scene = Scene::new([]).await;
    let client = scene.client("pump").keep_alive(keep_alive).start().unwrap();
    let mut events = client.events();
    for _ in 0..STALLS {
        within(3 * keep_alive, "a ping", async {
            while !matches!(events.next().await.unwrap().event, Event::PingSent) {}
        })
        .await;
        // Blocks the thread of the driver on purpose: the answer, and then the
        // deadline, come while nobody looks.
        std::thread::sleep(keep_alive.mul_f64(1.3));
    }
    pass(keep_alive / 4).await;
    assert!(client.state().is_online());
    assert_eq!(scene.connects("pump"), 1);
    let stats = client.stats();
    assert_eq!((stats.pings_unanswered, stats.pongs_unsolicited), (0, 0), "{stats:?}");
    assert_eq!(scene.broker().stats().keep_alive_timeouts, 0);
    scene.assert_laws();
}

/// From the third QoS 0 message on, the broker neither reads nor answers, and
/// TCP takes what is written all the same (K11).
async fn a_half_open_link_while_publishing_qos_0() {
    let keep_alive = 2 * K;
    let fault = When::received(PacketType::Publish).connection(1).nth(3);
    let scene = Scene::new([fault.silence(Stop::Both, None)]).await;
    let client = scene.client("pump").keep_alive(keep_alive).start().unwrap();
    let mut events = client.events();
    client.online().await.unwrap();
    let publishing = async {
        loop {
            client.publish("level", "1").await.unwrap().await.ok();
            pass(keep_alive / 20).await;
        }
    };
    let noticing = async {
        loop {
            if let Event::Disconnected { cause, online_for, .. } =
                events.next().await.unwrap().event
            {
                return (cause, online_for.unwrap());
            }
        }
    };
    let (cause, lived) = tokio::select! {
        () = publishing => unreachable!(),
        noticed = within(3 * keep_alive, "the dead link", noticing) => noticed,
    };
    assert!(matches!(*cause, DisconnectCause::KeepAlive(_)), "{cause:?}");
    // Silent since its first tenth: 1.5 keep-alives; the rest is for a slow machine.
    between("lifetime", lived.as_secs_f64() / keep_alive.as_secs_f64(), 1.0..=1.9);
    within(3 * K, "online again", client.online()).await.unwrap();
    pass(2 * keep_alive).await;
    assert_eq!(scene.connects("pump"), 2);
    scene.assert_laws();
}

async fn a_half_open_link_while_idle() {
    let fault = When::received(PacketType::PingReq).connection(1).nth(2);
    let scene = Scene::new([fault.silence(Stop::Both, None)]).await;
    let client = scene.client("pump").start().unwrap();
    pass(9 * K).await;
    assert!(client.state().is_online());
    assert_eq!(scene.connects("pump"), 2);
    let times = scene.connect_times("pump");
    // Found 1.5 K after the answer to the first ping; the next connect follows
    // within a second.
    let gap = times[1] - times[0];
    between("reconnected after", gap, 2 * K..=K.mul_f64(5.0));
    scene.assert_laws();
}
