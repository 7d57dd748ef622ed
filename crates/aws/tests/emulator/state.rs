//! What survives the process.

use std::time::Duration;

use evenkeel_aws::emulator::{Emulator, LoadError};
use evenkeel_aws::{StateError, Time, WrittenState};
use evenkeel_codec::Packet;
use serde_json::json;

use crate::world::*;

const UPDATE: &str = "$aws/things/lamp/shadow/update";

fn now() -> Time {
    Time { elapsed: Duration::ZERO, unix: Duration::from_secs(NOW + 60) }
}

/// An emulator of lines as they stand in a file.
fn of_lines(lines: &[String]) -> Result<Emulator, LoadError> {
    let mut written = WrittenState::default();
    for line in lines {
        written.add(line.as_bytes())?;
    }
    let mut emulator = Setup::new(OPEN).emulator();
    emulator.load(written, now())?;
    Ok(emulator)
}

#[test]
fn what_was_answered_is_there_again() {
    let mut world = Setup::new(OPEN).world();
    let mut lines = world.whole();
    let thing = world.connect("lamp");
    lines.extend(world.changed());
    assert_eq!(world.changed(), None, "nothing has changed since");
    for on in [false, true] {
        let update = format!("{{\"state\":{{\"reported\":{{\"on\":{on}}}}}}}");
        world.publish(thing, UPDATE, &update);
        let line = world.changed().expect("a change");
        assert!(line.contains("\"shadows/lamp/\":{"), "{line}");
        assert!(!line.contains("lifecycle"), "only what has changed: {line}");
        lines.push(line);
        assert_eq!(world.changed(), None);
    }
    // The whole state says the same as its changes.
    for lines in [lines, world.whole()] {
        let mut world = World::of(of_lines(&lines).unwrap());
        assert_eq!(world.changed(), None);
        let thing = world.connect("lamp");
        world.subscribe(thing, "$aws/things/lamp/shadow/get/accepted");
        world.send(thing, Packet::Publish(publish("$aws/things/lamp/shadow/get", "")));
        let answer = &world.messages(thing)[0].1;
        assert_eq!(answer["state"]["reported"], json!({"on": true}));
        assert_eq!(answer["version"], 2);
    }
}

#[test]
fn a_crowd_that_connects_writes_a_line_for_each_and_no_more() {
    let mut world = Setup::new(OPEN).world();
    for number in 0..100 {
        let name = format!("client-{number}");
        world.connect(&name);
        let line = world.changed().expect("its number");
        assert!(line.contains(&name) && line.len() < 200, "{line}");
    }
}

#[test]
fn newer_and_damaged_states_are_refused_with_their_line() {
    let refused = |lines: &[&str]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        of_lines(&lines).map(drop).unwrap_err()
    };
    let version = "{\"version\":1}";
    let newer = refused(&["{\"version\":2,\"more\":1}", "what a newer program writes"]);
    assert!(
        matches!(newer, LoadError::State(StateError::Newer { found: 2, known: 1 })),
        "{newer:?}"
    );
    assert_eq!(newer.to_string(), "it has version 2, and this program knows up to 1");
    for first in ["{}", "[]", "{\"version\":\"1\"}", "{\"version\":-1}"] {
        let error = refused(&[first]);
        assert!(matches!(error, LoadError::State(StateError::NoVersion)), "{first}: {error:?}");
    }
    let time =
        "{\"time\":{\"elapsed\":{\"secs\":1,\"nanos\":0},\"unix\":{\"secs\":1,\"nanos\":0}}}";
    for (line, says) in [
        ("{", "line 3 is damaged: "),
        ("[]", "line 3 is damaged: "),
        ("{\"shadows/lamp/\":1}", "line 3: the part \"shadows/lamp/\" is damaged: "),
        ("{\"jobs/lamp\":[{}]}", "line 3: the part \"jobs/lamp\" is damaged: "),
        ("{\"nonsense\":1}", "line 3: nobody knows the part \"nonsense\""),
        ("{\"registry/certificates/xyz\":[]}", "\"xyz\": no certificate id"),
    ] {
        let error = refused(&[version, time, line]);
        assert!(error.to_string().starts_with(says), "{error}");
    }
}
