//! Servers that name another server.

use std::time::{Duration, Instant};

use evenkeel::Event;
use evenkeel_broker::fault::{Action, When};
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, between, most_attempts, pass, scenarios, within};

scenarios![
    refused_with_a_server_reference,
    moved_while_connected,
    two_servers_that_name_each_other,
];

fn host_and_port(scene: &Scene) -> String {
    scene.broker().tcp_addr().unwrap().to_string()
}

fn refer_to(reference: String) -> Action {
    Action::Refuse { code: 0x9c, server_reference: Some(reference) }
}

async fn refused_with_a_server_reference() {
    let new = Scene::new([]).await;
    let refuse = When::received(PacketType::Connect).then(refer_to(host_and_port(&new)));
    let old = Scene::new([refuse]).await;
    let client = old.client("pump").start().unwrap();
    within(2 * K, "online at the other server", client.online()).await.unwrap();
    pass(K).await;
    assert_eq!((old.connects("pump"), new.connects("pump")), (1, 1));
    old.assert_laws();
    new.assert_laws();
}

async fn moved_while_connected() {
    let new = Scene::new([]).await;
    let reference = Some(host_and_port(&new));
    let moved = Action::Disconnect { reason: 0x9d, server_reference: reference };
    let old = Scene::new([When::received(PacketType::PingReq).then(moved)]).await;
    let client = old.client("pump").start().unwrap();
    let connected = |event: &evenkeel_broker::Event| event.name() == "connected";
    new.event(5 * K, connected).await;
    pass(2 * K).await;
    assert!(client.state().is_online());
    assert_eq!((old.connects("pump"), new.connects("pump")), (1, 1));
    old.assert_laws();
    new.assert_laws();
}

/// Three redirects are followed at once, then delays grow.
async fn two_servers_that_name_each_other() {
    let one = Scene::new([]).await;
    let other = Scene::new([]).await;
    for (at, to) in [(&one, &other), (&other, &one)] {
        let rule = When::received(PacketType::Connect).then(refer_to(host_and_port(to)));
        at.broker().add_fault(rule).unwrap();
    }
    let began = Instant::now();
    let client = one.client("pump").start().unwrap();
    let mut events = client.events();
    pass(10 * K).await;
    let connects = one.connects("pump") + other.connects("pump");
    // Four at once, then the delays of the fourth attempt and later: 4 to 8 s.
    let later = most_attempts(began.elapsed(), 8 * K, Duration::ZERO);
    between("connects", connects, 4..=3 + later);
    let mut scheduled = 0;
    while let Some(report) = events.try_next() {
        scheduled += u32::from(matches!(report.event, Event::RetryScheduled { .. }));
    }
    assert!(scheduled >= 4, "{scheduled}");
    one.assert_laws();
    other.assert_laws();
}
