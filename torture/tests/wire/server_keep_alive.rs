//! Server Keep Alive replaces the client's for one connection (K12).

use std::time::Duration;

use evenkeel::ReasonCode;
use evenkeel_broker::EventKind;
use evenkeel_broker::fault::{Announce, Rule, When};
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, at_least, pass, scenarios, within};

scenarios![
    zero_means_no_pings,
    one_second_works,
    the_longest_means_no_pings_for_hours,
    no_keep_alive_of_our_own_obeys_the_server,
];

/// The first connection is told this many seconds, later ones nothing.
fn announce(server_keep_alive: u16) -> Rule {
    let values = Announce { server_keep_alive: Some(server_keep_alive), ..Announce::default() };
    When::sent(PacketType::ConnAck).connection(1).announce(values)
}

/// Ends the first connection and asserts that the second asks for, and gets,
/// what the user set.
async fn assert_not_remembered(scene: &Scene, asked: Duration) {
    assert!(scene.broker().disconnect("pump", ReasonCode::SERVER_SHUTTING_DOWN));
    let mut in_force = Vec::new();
    let second = |event: &evenkeel_broker::Event| {
        if let EventKind::Connected { keep_alive, .. } = event.kind {
            in_force.push(keep_alive);
        }
        in_force.len() == 2
    };
    scene.event(5 * K, second).await;
    assert_eq!(in_force.last().copied().map(u64::from), Some(asked.as_secs()));
}

/// rumqttc 0.25 pinged in a tight loop here and called itself dead.
async fn zero_means_no_pings() {
    let scene = Scene::new([announce(0)]).await;
    let client = scene.client("pump").start().unwrap();
    pass(5 * K).await;
    assert!(client.state().is_online());
    assert_eq!((scene.connects("pump"), scene.pings("pump")), (1, 0));
    assert!(!client.probe(), "a ping was accepted without keep-alive");
    assert_not_remembered(&scene, K).await;
    scene.assert_laws();
}

async fn one_second_works() {
    let scene = Scene::new([announce(1)]).await;
    let asked = Duration::from_secs(60);
    let client = scene.client("pump").keep_alive(asked).start().unwrap();
    pass(6 * K).await;
    assert!(client.state().is_online());
    assert_eq!(scene.connects("pump"), 1);
    at_least("pings", scene.pings("pump"), 4);
    scene.assert_never_silent(K);
    assert_not_remembered(&scene, asked).await;
    scene.assert_laws();
}

async fn the_longest_means_no_pings_for_hours() {
    let scene = Scene::new([announce(65_535)]).await;
    let client = scene.client("pump").start().unwrap();
    pass(5 * K).await;
    assert!(client.state().is_online());
    assert_eq!((scene.connects("pump"), scene.pings("pump")), (1, 0));
    assert!(client.probe());
    within(K, "the probe", async {
        while client.stats().pongs == 0 {
            pass(K / 50).await;
        }
    })
    .await;
    assert_not_remembered(&scene, K).await;
    scene.assert_laws();
}

async fn no_keep_alive_of_our_own_obeys_the_server() {
    let scene = Scene::new([announce(1)]).await;
    let client = scene.client("pump").keep_alive(Duration::ZERO).start().unwrap();
    pass(4 * K).await;
    assert!(client.state().is_online());
    assert_eq!(scene.connects("pump"), 1);
    at_least("pings", scene.pings("pump"), 2);
    scene.assert_never_silent(K);
    assert_not_remembered(&scene, Duration::ZERO).await;
    scene.assert_laws();
}
