//! What survives the process.

use std::time::Duration;

use evenkeel_aws::Time;
use evenkeel_aws::emulator::LoadError;
use evenkeel_codec::Packet;
use serde_json::json;

use crate::world::*;

const UPDATE: &str = "$aws/things/lamp/shadow/update";

fn now() -> Time {
    Time { elapsed: Duration::ZERO, unix: Duration::from_secs(NOW + 60) }
}

#[test]
fn what_was_answered_is_there_again() {
    let mut world = Setup::new(OPEN).world();
    let thing = world.connect("lamp");
    world.core.unsaved(world.now);
    assert_eq!(world.core.unsaved(world.now), None, "nothing has changed since");
    world.publish(thing, UPDATE, r#"{"state":{"reported":{"on":true}}}"#);
    let state = world.core.unsaved(world.now).expect("a change");
    assert_eq!(state["version"], 1);
    assert_eq!(world.core.unsaved(world.now), None);

    let mut again = Setup::new(OPEN).emulator();
    again.load(state, now()).unwrap();
    let mut world = World::of(again);
    let thing = world.connect("lamp");
    world.subscribe(thing, "$aws/things/lamp/shadow/get/accepted");
    world.send(thing, Packet::Publish(publish("$aws/things/lamp/shadow/get", "")));
    let answer = &world.messages(thing)[0].1;
    assert_eq!(answer["state"]["reported"], json!({"on": true}));
    assert_eq!(answer["version"], 1);
}

#[test]
fn numbers_of_connections_are_saved_once_a_second() {
    let mut world = Setup::new(OPEN).world();
    world.wait(Duration::from_secs(5));
    let mut saves = 0;
    for number in 0..100 {
        world.connect(&format!("client-{number}"));
        saves += usize::from(world.core.unsaved(world.now).is_some());
    }
    assert_eq!(saves, 1, "the first, which waits for nothing");
    world.now = world.now + Duration::from_secs(1);
    let state = world.core.unsaved(world.now).expect("the rest");
    let numbers = state["services"]["lifecycle"].as_object().unwrap();
    assert_eq!(numbers.len(), 100);
}

#[test]
fn newer_and_damaged_states_are_refused() {
    let mut emulator = Setup::new(OPEN).emulator();
    let newer = emulator.load(json!({"version": 2, "more": 1}), now()).unwrap_err();
    assert!(matches!(newer, LoadError::Newer { found: 2, known: 1 }), "{newer:?}");
    assert_eq!(newer.to_string(), "it has version 2, and this program knows up to 1");
    for state in [json!({}), json!([]), json!({"version": 1}), json!({"version": "1"})] {
        let error = emulator.load(state.clone(), now()).unwrap_err();
        assert!(matches!(error, LoadError::Malformed(_)), "{state}: {error:?}");
    }
    let registry = json!({"things": {}, "certificates": {"xyz": null}, "policies": {}});
    let mut world = Setup::new(OPEN).world();
    world.connect("a");
    world.wait(Duration::from_secs(2));
    let mut good = Setup::new(OPEN).world();
    let peer = good.connect("lamp");
    good.publish(peer, UPDATE, r#"{"state":{}}"#);
    let mut state = good.core.unsaved(good.now).unwrap();
    state["registry"] = registry;
    let error = emulator.load(state, now()).unwrap_err();
    assert!(matches!(error, LoadError::Registry(_)), "{error:?}");
}
