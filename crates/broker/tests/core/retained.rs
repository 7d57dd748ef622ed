//! Retained messages.

use evenkeel_codec::{Property, Publish, QoS, RetainHandling, SubscribeOptions, Version};

use crate::world::*;

const QOS_0: QoS = QoS::AtMostOnce;

//= [MQTT-3.3.1-5] test
//= [MQTT-3.3.1-6] test
//= [MQTT-3.3.1-7] test
//= [MQTT-3.3.1-8] test
#[test]
fn the_last_retained_message_of_each_topic_is_kept() {
    for version in [Version::V311, Version::V5] {
        let mut world = World::new();
        let peer = world.connect(connect(version, "a"));
        for (topic, payload) in [("t/1", "old"), ("t/1", "new"), ("t/2", "x"), ("u", "y")] {
            world.send(peer, retained(topic, payload));
        }
        world.send(peer, publish("t/1", "not retained"));
        world.send(peer, subscribe("t/+", QOS_0));
        let found = world.messages(peer);
        let shown: Vec<_> = found.iter().map(|p| (p.topic.as_str(), &p.payload[..])).collect();
        assert_eq!(shown, [("t/1", &b"new"[..]), ("t/2", b"x")]);
        assert!(found.iter().all(|publish| publish.retain));
        world.send(peer, retained("t/1", ""));
        assert_eq!(world.payloads(peer), [""], "the empty message itself is delivered");
        assert_eq!(world.core.retained_count(), 2);
    }
}

//= [MQTT-3.3.1-12] test
//= [MQTT-3.3.1-13] test
#[test]
fn retain_as_published() {
    for as_published in [false, true] {
        let mut world = World::new();
        let peer = world.connect(v5("a"));
        let retain_as_published = as_published;
        let options = SubscribeOptions { retain_as_published, ..SubscribeOptions::default() };
        world.send(peer, subscribe_with(&["t"], options, None));
        world.suback(peer);
        world.send(peer, retained("t", "x"));
        world.send(peer, publish("t", "y"));
        let flags: Vec<bool> = world.messages(peer).iter().map(|p| p.retain).collect();
        assert_eq!(flags, [as_published, false]);
    }
}

//= [MQTT-3.3.1-9] test
//= [MQTT-3.3.1-10] test
//= [MQTT-3.3.1-11] test
#[test]
fn retain_handling() {
    let cases = [
        (RetainHandling::OnSubscribe, [1, 1, 1]),
        (RetainHandling::OnNewSubscribe, [1, 0, 1]),
        (RetainHandling::Never, [0, 0, 0]),
    ];
    for (retain_handling, expected) in cases {
        let mut world = World::new();
        let peer = world.connect(v5("a"));
        world.send(peer, retained("t", "x"));
        let options = SubscribeOptions { retain_handling, ..SubscribeOptions::default() };
        let mut got = Vec::new();
        for step in 0..3 {
            if step == 2 {
                world.send(peer, unsubscribe("t"));
                world.recv(peer);
            }
            world.send(peer, subscribe_with(&["t"], options, None));
            world.suback(peer);
            got.push(world.recv(peer).len());
        }
        assert_eq!(got, expected, "{retain_handling:?}");
    }
}

#[test]
fn retained_messages_keep_their_properties_and_get_the_identifier() {
    let mut world = World::new();
    let peer = world.connect(v5("a"));
    let properties = [
        Property::PayloadFormatIndicator(1),
        Property::ContentType(text("text/plain")),
        Property::ResponseTopic(text("r")),
        Property::CorrelationData(bytes::Bytes::from_static(b"c")),
        Property::UserProperty(text("b"), text("2")),
        Property::UserProperty(text("a"), text("1")),
    ];
    let publish =
        Publish { properties: properties.iter().cloned().collect(), ..retained("t", "x") };
    world.send(peer, publish);
    world.send(peer, subscribe_with(&["t"], SubscribeOptions::default(), Some(77)));
    let got = world.messages(peer).remove(0).properties;
    let mut expected = properties.to_vec();
    expected.push(Property::SubscriptionIdentifier(77));
    assert_eq!(got.iter().cloned().collect::<Vec<_>>(), expected);
    let old = world.connect(v311("b"));
    world.send(old, subscribe("t", QOS_0));
    assert_eq!(world.payloads(old), ["x"]);
}
