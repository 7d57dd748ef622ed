//! Reserved topics: requests, their answers, and what is forbidden.

use evenkeel_codec::{Packet, ReasonCode};
use serde_json::json;

use crate::world::*;

#[test]
fn a_shadow_answers_who_has_subscribed() {
    let mut world = Setup::new(OPEN).world();
    let thing = world.connect("lamp");
    world.subscribe(thing, "$aws/things/lamp/shadow/update/+");
    let update = r#"{"state":{"reported":{"on":true}},"clientToken":"t"}"#;
    let packets = world.publish(thing, "$aws/things/lamp/shadow/update", update);
    let Some(Packet::PubAck(ack)) = packets.iter().find(|one| matches!(one, Packet::PubAck(_)))
    else {
        panic!("{packets:?}")
    };
    assert_eq!(ack.reason, ReasonCode::SUCCESS);
    let topics: Vec<&str> = packets
        .iter()
        .filter_map(|packet| match packet {
            Packet::Publish(publish) => Some(publish.topic.as_str()),
            _ => None,
        })
        .collect();
    let expected =
        ["$aws/things/lamp/shadow/update/accepted", "$aws/things/lamp/shadow/update/documents"];
    assert_eq!(topics, expected);
}

#[test]
fn a_job_request_is_answered_without_a_subscription_and_to_nobody_else() {
    let mut world = Setup::new(OPEN).world();
    let thing = world.connect("lamp");
    let other = world.connect("other");
    world.subscribe(other, "$aws/things/lamp/jobs/#");
    world.send(thing, Packet::Publish(publish("$aws/things/lamp/jobs/get", "{}")));
    let answers = world.messages(thing);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, "$aws/things/lamp/jobs/get/accepted");
    assert_eq!(answers[0].1["queuedJobs"], json!([]));
    assert_eq!(world.messages(other), []);
}

#[test]
fn a_topic_of_answers_ends_the_connection() {
    let mut world = Setup::new(OPEN).world();
    let thing = world.connect("lamp");
    let packets = world.publish(thing, "$aws/things/lamp/shadow/update/accepted", "{}");
    let [Packet::Disconnect(disconnect)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!(disconnect.reason, ReasonCode::TOPIC_NAME_INVALID);
    assert!(world.is_closed(thing));
}

#[test]
fn a_rule_publishes_what_it_selects_and_basic_ingest_has_no_subscribers() {
    let rule =
        "[rules.alarms]\nsql = \"SELECT * FROM 'site/+/level'\"\ntopic = \"alarms/${topic(2)}\"\n";
    let mut world = Setup::new(&format!("{OPEN}{rule}")).world();
    let reader = world.connect("reader");
    world.subscribe(reader, "alarms/#");
    world.subscribe(reader, "#");
    let writer = world.connect("writer");
    world.publish(writer, "site/7/level", "4");
    assert_eq!(
        world.messages(reader),
        [("site/7/level".to_owned(), json!(4)), ("alarms/7".to_owned(), json!(4))]
    );
    world.publish(writer, "$aws/rules/alarms/site/8/level", "5");
    assert_eq!(world.messages(reader), [("alarms/8".to_owned(), json!(5))]);
    world.publish(writer, "$aws/rules/none/x", "5");
    assert!(world.told().iter().any(|line| line.contains("rule_not_found")));
}
