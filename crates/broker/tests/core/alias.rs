//! Topic aliases in both directions.

use evenkeel_broker::fault::When;
use evenkeel_broker::{CloseReason, EventKind};
use evenkeel_codec::{Connect, PacketType, Properties, Property, Publish, QoS, ReasonCode};

use crate::world::*;

fn aliased(topic: &str, alias: u16, payload: &str) -> Publish {
    let properties = Properties::new().with(Property::TopicAlias(alias));
    Publish { properties, ..publish(topic, payload) }
}

//= [MQTT-3.3.2-12] test
#[test]
fn a_client_may_use_aliases_up_to_the_maximum() {
    let mut world = World::with(|config| config.offer.topic_alias_maximum = 2);
    let subscriber = world.connect(v5("s"));
    world.subscribe(subscriber, "#", QoS::AtMostOnce);
    let (peer, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.properties.topic_alias_maximum(), Some(2));
    world.send(peer, aliased("one", 1, "a"));
    world.send(peer, aliased("two", 2, "b"));
    world.send(peer, aliased("", 1, "c"));
    world.send(peer, aliased("three", 1, "d"));
    world.send(peer, aliased("", 1, "e"));
    let got = world.messages(subscriber);
    let topics: Vec<&str> = got.iter().map(|publish| publish.topic.as_str()).collect();
    assert_eq!(topics, ["one", "two", "one", "three", "three"]);
    assert!(got.iter().all(|publish| publish.properties.topic_alias().is_none()));
    world.send(peer, aliased("four", 3, "f"));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::TOPIC_ALIAS_INVALID);
}

#[test]
fn an_alias_must_be_defined_and_ends_with_its_connection() {
    let mut world = World::new();
    let peer = world.connect(lasting("a", 100));
    world.send(peer, aliased("one", 1, "a"));
    world.cut(peer);
    let peer = world.connect(lasting("a", 100));
    world.send(peer, aliased("", 1, "b"));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR);
}

//= [MQTT-3.1.2-26] test
//= [MQTT-3.1.2-27] test
#[test]
fn the_broker_assigns_aliases_if_the_client_takes_them() {
    let mut world = World::with(|config| config.behaviour.assign_topic_aliases = true);
    let properties = Properties::new().with(Property::TopicAliasMaximum(2));
    let peer = world.connect(Connect { properties, ..v5("s") });
    let plain = world.connect(v5("plain"));
    for peer in [peer, plain] {
        world.subscribe(peer, "#", QoS::AtMostOnce);
    }
    let publisher = world.connect(v5("p"));
    for topic in ["one", "two", "three", "two", "three", "one"] {
        world.send(publisher, publish(topic, "x"));
    }
    let shown = |publish: &Publish| (publish.topic.to_string(), publish.properties.topic_alias());
    let got: Vec<_> = world.messages(peer).iter().map(shown).collect();
    let expected = [
        ("one", Some(1)),
        ("two", Some(2)),
        ("three", None),
        ("", Some(2)),
        ("three", None),
        ("", Some(1)),
    ];
    assert_eq!(got, expected.map(|(topic, alias)| (topic.to_owned(), alias)));
    assert!(world.messages(plain).iter().all(|p| p.properties.topic_alias().is_none()));
}

#[test]
fn events_and_rules_see_the_topic_behind_an_alias() {
    let rule = When::received(PacketType::Publish).topic("poison".try_into().unwrap()).nth(2);
    let mut world = World::faulty([rule.close()]);
    world.core.configure(|config| config.behaviour.message_events = true);
    let peer = world.connect(v5("a"));
    world.send(peer, aliased("poison", 1, "a"));
    world.send(peer, aliased("good", 2, "b"));
    world.send(peer, aliased("", 2, "c"));
    assert!(!world.is_closed(peer));
    world.send(peer, aliased("", 1, "d"));
    assert_eq!(world.why_closed(peer), CloseReason::Fault);
    let topics: Vec<String> = (world.events().iter())
        .filter_map(|event| match &event.kind {
            EventKind::PublishReceived { topic, .. } => Some(topic.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(topics, ["poison", "good", "good"]);
}
