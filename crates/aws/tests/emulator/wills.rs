//! Wills on reserved topics: judged as a message of their client is.

use std::time::Duration;

use evenkeel_aws::gate::CertificateStatus;
use evenkeel_codec::{Connect, Properties, Property, ReasonCode, Version, Will};
use serde_json::json;

use crate::world::*;

const UPDATE: &str = "$aws/things/lamp/shadow/update";

/// A client that asks for a will with this payload.
fn with_will(version: Version, topic: &str, payload: &'static str) -> Connect {
    let will = will(topic).map(|will| Box::new(Will { payload: payload.into(), ..*will }));
    Connect { will, ..connect(version, "lamp") }
}

#[test]
fn nobody_comes_in_with_a_will_that_says_it_is_an_answer() {
    let mut world = Setup::new(OPEN).world();
    let reader = world.connect("reader");
    world.subscribe(reader, "$aws/things/lamp/#");
    world.subscribe(reader, "$aws/events/#");
    world.messages(reader);
    for topic in [
        "$aws/things/lamp/shadow/update/accepted",
        "$aws/things/lamp/shadow/update/delta",
        "$aws/things/lamp/jobs/notify",
        "$aws/events/presence/connected/lamp",
        "$aws/nothing",
        "$else",
    ] {
        for (version, reason) in [
            (Version::V5, ReasonCode::TOPIC_NAME_INVALID),
            (Version::V311, ReasonCode::NOT_AUTHORIZED),
        ] {
            let peer = world.open("tcp", version);
            let connect = with_will(version, topic, "{}");
            assert_eq!(world.login(peer, connect), Some(reason), "{topic}");
            assert!(world.is_closed(peer));
            world.cut(peer);
        }
        let told = world.told();
        assert!(told.iter().any(|line| line.contains("denied") && line.contains(topic)), "{topic}");
    }
    assert_eq!(world.messages(reader), [], "nothing was published");
}

#[test]
fn a_will_to_a_shadow_is_an_update_of_it() {
    let mut world = Setup::new(OPEN).world();
    let reader = world.connect("reader");
    world.subscribe(reader, "$aws/things/lamp/shadow/#");
    let payload = r#"{"state":{"reported":{"online":false}}}"#;
    let peer = world.open("tcp", Version::V5);
    assert_eq!(
        world.login(peer, with_will(Version::V5, UPDATE, payload)),
        Some(ReasonCode::SUCCESS)
    );
    assert_eq!(world.messages(reader), []);
    world.changed();
    world.cut(peer);
    let messages = world.messages(reader);
    let topics: Vec<&str> = messages.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, [format!("{UPDATE}/accepted"), format!("{UPDATE}/documents")]);
    assert_eq!(messages[0].1["state"]["reported"], json!({"online": false}));
    let line = world.changed().expect("it is written down");
    assert!(line.contains("shadows/lamp/"), "{line}");
}

#[test]
fn a_will_that_waits_is_an_update_when_its_time_has_come() {
    let mut world = Setup::new(OPEN).world();
    let reader = world.connect("reader");
    world.subscribe(reader, "$aws/things/lamp/shadow/update/+");
    let mut connect = with_will(Version::V5, UPDATE, r#"{"state":{"desired":{"a":1}}}"#);
    connect.properties = [Property::SessionExpiryInterval(60)].into_iter().collect();
    if let Some(will) = &mut connect.will {
        will.properties = Properties::from_iter([Property::WillDelayInterval(10)]);
    }
    let peer = world.open("tcp", Version::V5);
    world.login(peer, connect);
    world.cut(peer);
    world.wait(Duration::from_secs(9));
    assert_eq!(world.messages(reader), []);
    world.wait(Duration::from_secs(1));
    assert_eq!(world.messages(reader).len(), 3, "accepted, delta, documents");
}

#[test]
fn a_will_that_is_no_document_is_rejected() {
    let mut world = Setup::new(OPEN).world();
    let reader = world.connect("reader");
    world.subscribe(reader, "$aws/things/lamp/shadow/update/+");
    let peer = world.open("tcp", Version::V5);
    world.login(peer, with_will(Version::V5, UPDATE, "gone"));
    world.cut(peer);
    let messages = world.messages(reader);
    assert_eq!(messages[0].0, format!("{UPDATE}/rejected"));
    assert_eq!(messages[0].1["code"], 400);
}

#[test]
fn a_will_sets_rules_off_in_the_name_of_its_client() {
    let rules = r#"
[rules.gone]
sql = "SELECT * FROM 'gone'"
topic = "reported/${clientid()}"
[rules.ingest]
sql = "SELECT * FROM 'x'"
topic = "ingested/${topic(1)}"
"#;
    let mut world = Setup::new(&format!("{OPEN}{rules}")).world();
    let reader = world.connect("reader");
    world.subscribe(reader, "#");
    for topic in ["gone", "$aws/rules/ingest/a/b"] {
        let peer = world.open("tcp", Version::V5);
        world.login(peer, with_will(Version::V5, topic, "{}"));
        world.cut(peer);
    }
    let topics: Vec<String> = world.messages(reader).into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(topics, ["gone", "reported/lamp", "ingested/a"]);
}

/// The policy is that of the client, also for what a service would take.
#[test]
fn a_will_to_the_shadow_of_another_thing_is_refused() {
    let mut setup = Setup::new("");
    let der = setup.thing("lamp", CertificateStatus::Active);
    let mut world = setup.world();
    for (topic, reason) in [
        (UPDATE, ReasonCode::SUCCESS),
        ("$aws/things/other/shadow/update", ReasonCode::NOT_AUTHORIZED),
        ("$aws/rules/any/x", ReasonCode::NOT_AUTHORIZED),
    ] {
        let peer = world.open_tls(Version::V5, &der, Some("localhost"));
        let connect = with_will(Version::V5, topic, "{}");
        assert_eq!(world.login(peer, connect), Some(reason), "{topic}");
    }
}
