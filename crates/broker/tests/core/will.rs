//! Wills and their delay.

use evenkeel_broker::CloseReason;
use evenkeel_codec::{Connect, QoS, ReasonCode};

use crate::world::*;

fn watched() -> (World, Peer) {
    let mut world = World::new();
    let watcher = world.connect(v5("watcher"));
    world.subscribe(watcher, "w", QoS::AtLeastOnce);
    (world, watcher)
}

//= [MQTT-3.1.2-8] test
//= [MQTT-3.1.2-10] test
//= [MQTT-3.14.4-3] test
#[test]
fn a_will_is_published_unless_the_client_says_goodbye() {
    type End = fn(&mut World, Peer);
    let ends: [(&str, End, bool); 6] = [
        ("cut", |world, peer| world.cut(peer), true),
        ("keep alive", |world, _| world.wait(15 * SECOND), true),
        ("goodbye", |world, peer| world.send(peer, disconnect(ReasonCode::SUCCESS)), false),
        (
            "goodbye with will",
            |world, peer| world.send(peer, disconnect(ReasonCode::DISCONNECT_WITH_WILL)),
            true,
        ),
        ("nonsense", |world, peer| world.send_bytes(peer, &[0x00, 0x00]), true),
        (
            "administrator",
            |world, _| {
                let now = world.now;
                world.core.disconnect(now, "a", ReasonCode::ADMINISTRATIVE_ACTION);
                world.wait(ms(0));
            },
            true,
        ),
    ];
    for (name, end, expected) in ends {
        let (mut world, watcher) = watched();
        let connect = Connect { will: will("w", "gone", 0), keep_alive: 10, ..v5("a") };
        let peer = world.connect(connect);
        end(&mut world, peer);
        assert_eq!(world.payloads(watcher).len(), usize::from(expected), "{name}");
        assert_eq!(world.count("will_published"), usize::from(expected), "{name}");
    }
}

#[test]
fn version_3_goodbye_drops_the_will() {
    let (mut world, watcher) = watched();
    let peer = world.connect(Connect { will: will("w", "gone", 0), ..v311("a") });
    world.send(peer, disconnect(ReasonCode::SUCCESS));
    assert_eq!(world.why_closed(peer), CloseReason::Disconnected);
    let peer = world.connect(Connect { will: will("w", "gone", 0), ..v311("a") });
    world.cut(peer);
    assert_eq!(world.payloads(watcher), ["gone"]);
}

//= [MQTT-3.1.3-9] test
#[test]
fn a_will_waits_for_its_delay_exactly() {
    let (mut world, watcher) = watched();
    let peer = world.connect(Connect { will: will("w", "gone", 5), ..lasting("a", 100) });
    world.cut(peer);
    world.wait(ms(4999));
    assert_eq!(world.payloads(watcher), [""; 0]);
    world.wait(ms(1));
    assert_eq!(world.payloads(watcher), ["gone"]);
    assert_eq!(world.core.session_count(), 2, "the session goes on");
}

//= [MQTT-3.1.3-9] test
#[test]
fn a_will_does_not_outlive_its_session() {
    let (mut world, watcher) = watched();
    let peer = world.connect(Connect { will: will("w", "gone", 100), ..lasting("a", 5) });
    world.cut(peer);
    world.wait(ms(4999));
    assert_eq!(world.payloads(watcher), [""; 0]);
    world.wait(ms(1));
    assert_eq!(world.payloads(watcher), ["gone"]);
    assert_eq!(world.core.session_count(), 1);
}

//= [MQTT-3.1.3-9] test
#[test]
fn coming_back_in_time_cancels_the_will() {
    let (mut world, watcher) = watched();
    let connect = Connect { will: will("w", "gone", 5), ..lasting("a", 100) };
    let peer = world.connect(connect.clone());
    world.cut(peer);
    world.wait(4 * SECOND);
    let peer = world.connect(Connect { will: None, ..connect });
    world.wait(100 * SECOND);
    assert_eq!(world.payloads(watcher), [""; 0]);
    assert_eq!(world.count("will_cancelled"), 1);
    world.cut(peer);
    world.wait(200 * SECOND);
    assert_eq!(world.payloads(watcher), [""; 0]);
}

#[test]
fn a_clean_start_ends_the_session_and_publishes_the_will() {
    let (mut world, watcher) = watched();
    let connect = Connect { will: will("w", "gone", 50), ..lasting("a", 100) };
    let peer = world.connect(connect.clone());
    world.cut(peer);
    world.connect(Connect { clean_start: true, ..connect });
    assert_eq!(world.payloads(watcher), ["gone"]);
}

#[test]
fn a_take_over_publishes_only_a_will_without_delay() {
    for (delay, expected) in [(0, 1), (5, 0)] {
        let (mut world, watcher) = watched();
        world.connect(Connect { will: will("w", "gone", delay), ..lasting("a", 100) });
        world.connect(lasting("a", 100));
        world.wait(10 * SECOND);
        assert_eq!(world.payloads(watcher).len(), expected, "delay {delay}");
    }
}

//= [MQTT-3.1.2-14] test
//= [MQTT-3.1.2-15] test
#[test]
fn a_will_is_retained_if_it_says_so() {
    for retain in [true, false] {
        let mut world = World::new();
        let mut connect = Connect { will: will("w", "gone", 0), ..v5("a") };
        connect.will.as_mut().unwrap().retain = retain;
        let peer = world.connect(connect);
        world.cut(peer);
        assert_eq!(world.core.retained_count(), usize::from(retain));
    }
}
