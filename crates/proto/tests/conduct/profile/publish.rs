//! The limits of messages.

use evenkeel_proto::codec::{Packet, Properties, Property, Publish, Version};
use evenkeel_proto::profile::aws_iot_core;
use evenkeel_proto::{DeliveryError, PublishLimit, RejectReason, SetBy};

use super::{broken, obeyed, obeying};
use crate::support::*;

/// A limit, its value, and a message that comes to a number of it.
type Case = (&'static str, u32, fn(usize) -> Publish);

fn with_property(property: Property) -> Publish {
    Publish { properties: Properties::new().with(property), ..publish("a", "", AtLeastOnce) }
}

fn of(payload: usize) -> Publish {
    publish("a", &"x".repeat(payload), AtLeastOnce)
}

/// Those of every version.
const PLAIN: [Case; 6] = [
    ("maximum_payload_size", 10, of),
    ("maximum_topic_length", 10, |n| publish(&"t".repeat(n), "", AtLeastOnce)),
    ("maximum_topic_levels", 3, |n| publish(&vec!["t"; n].join("/"), "", AtLeastOnce)),
    ("maximum_qos", 0, |n| publish("a", "", [AtMostOnce, AtLeastOnce][n])),
    ("maximum_qos", 1, |n| publish("a", "", [AtMostOnce, AtLeastOnce, ExactlyOnce][n])),
    ("retain_available", 0, |n| Publish { retain: n == 1, ..of(1) }),
];

/// Those of properties.
const IN_V5: [Case; 4] = [
    ("user_properties_size", 10, |n| {
        let property = |value: usize| Property::UserProperty(text("k"), text(&"v".repeat(value)));
        let mut message = with_property(property(3));
        message.properties.push(property(n - 5));
        message
    }),
    ("correlation_data_size", 10, |n| with_property(Property::CorrelationData(vec![1; n].into()))),
    ("response_topic_length", 10, |n| with_property(Property::ResponseTopic(text(&"t".repeat(n))))),
    ("content_type_length", 10, |n| with_property(Property::ContentType(text(&"t".repeat(n))))),
];

fn each_case(mut test: impl FnMut(Version, String, &'static str, usize, fn(usize) -> Publish)) {
    each_version(|version| {
        let in_v5: &[Case] = if version == Version::V5 { &IN_V5 } else { &[] };
        for (name, value, message) in PLAIN.iter().chain(in_v5) {
            println!("{name} = {value}");
            let toml = match *name {
                "retain_available" => "false".to_owned(),
                _ => value.to_string(),
            };
            let limit = format!("publish.{name} = {{ value = {toml}, source = 'the page' }}");
            test(version, limit, name, *value as usize, *message);
        }
    });
}

/// P1, P2, P3: what the limit allows goes out as it is, one more is refused before
/// it is queued, by name.
#[test]
fn messages_are_refused_by_one_more_than_the_limit() {
    each_case(|version, limit, name, value, message| {
        let mut rig = Rig::online(obeying(version, &limit));
        rig.try_publish(message(value), 1).unwrap();
        let sent = rig.expect_publish();
        let expected = message(value);
        assert_eq!((&sent.topic, &sent.payload), (&expected.topic, &expected.payload));
        assert_eq!((sent.qos, sent.properties), (expected.qos, expected.properties));
        let refused = rig.try_publish(message(value + 1), 2);
        let broken = broken(refused);
        assert_eq!((broken.limit, &*broken.source), (name, "the page"));
        let said = broken.to_string();
        assert!(said.contains(name) && said.contains("the page"), "{said}");
        assert!(said.contains("; hint: "), "{said}");
        rig.expect_nothing();
        assert_eq!(rig.client.queued(), 0);
    });
}

/// P2: a message that was accepted offline is sent, one that is refused is not
/// kept.
#[test]
fn messages_are_checked_before_there_is_a_connection() {
    each_case(|version, limit, name, value, message| {
        let mut rig = Rig::started(obeying(version, &limit));
        assert_eq!(broken(rig.try_publish(message(value + 1), 1)).limit, name);
        assert_eq!(rig.client.queued(), 0);
        rig.try_publish(message(value), 2).unwrap();
        rig.accept_with(&accepted());
        assert_eq!(rig.expect_publish().qos, message(value).qos);
        rig.expect_nothing();
    });
}

#[test]
fn the_size_of_packets_is_exact_and_that_of_the_version() {
    // Fixed header, topic with its length, identifier, in MQTT 5 the properties' length.
    let size = |version, payload: usize| 2 + 3 + 2 + usize::from(version == Version::V5) + payload;
    let limits = "connection.maximum_packet_size.value = 60\n\
                  connection.maximum_packet_size_v5.value = 70\n";
    for (version, name, most) in
        [(Version::V311, "maximum_packet_size", 60), (Version::V5, "maximum_packet_size_v5", 70)]
    {
        let fits = most - size(version, 0);
        let mut offline = Rig::started(obeying(version, limits));
        assert_eq!(broken(offline.try_publish(of(fits + 1), 1)).limit, name);
        offline.try_publish(of(fits), 2).unwrap();
        let mut rig = Rig::online(obeying(version, limits));
        rig.try_publish(of(fits), 1).unwrap();
        assert_eq!(rig.expect_publish().payload.len(), fits);
        let broken = broken(rig.try_publish(of(fits + 1), 2));
        assert_eq!((broken.limit, &*broken.value), (name, &*format!("{most} B")));
        rig.expect_nothing();
        let limit = rig.client.limits().unwrap().packet_size;
        assert_eq!((limit.value as usize, limit.set_by), (most, SetBy::Profile));
    }
}

/// A server may say less, and then it is the server's word.
#[test]
fn what_the_server_says_is_obeyed_where_it_is_stricter() {
    let limits = "connection.maximum_packet_size.value = 60\n\
                  publish.maximum_qos.value = 1\n\
                  publish.receive_maximum.value = 5\n";
    let connack = with([
        Property::MaximumPacketSize(50),
        Property::MaximumQoS(0),
        Property::ReceiveMaximum(3),
        Property::RetainAvailable(0),
    ]);
    let mut rig = Rig::online_with(obeying(Version::V5, limits), &connack);
    let limits = rig.client.limits().unwrap();
    let set_by = [
        limits.packet_size.set_by,
        limits.maximum_qos.set_by,
        limits.in_flight.set_by,
        limits.retain.set_by,
    ];
    assert_eq!(set_by, [SetBy::Server; 4]);
    let refused = rig.try_publish(of(1), 1).unwrap_err();
    assert_eq!(refused, RejectReason::NotAllowed(PublishLimit::QoS { maximum: AtMostOnce }));
    let long = publish("a", &"x".repeat(50), AtMostOnce);
    let refused = rig.try_publish(long, 2).unwrap_err();
    let RejectReason::NotAllowed(PublishLimit::PacketSize { limit: 50, .. }) = refused else {
        panic!("{refused:?}")
    };
    rig.expect_nothing();
}

#[test]
fn limits_that_the_profile_set_say_so() {
    let limits = "publish.maximum_qos.value = 1\n\
                  publish.receive_maximum.value = 5\n\
                  publish.retain_available.value = false\n\
                  publish.maximum_payload_size.value = 9\n\
                  publish.maximum_message_expiry.value = 60\n\
                  publish.topic_alias_maximum.value = 2\n\
                  subscribe.wildcards_available.value = false\n\
                  subscribe.shared_available.value = false\n\
                  subscribe.identifiers_available.value = false\n\
                  connection.maximum_session_expiry.value = 60\n";
    let connack = with([Property::TopicAliasMaximum(9), Property::ReceiveMaximum(50)]);
    let rig = Rig::online_with(obeyed(lasting(Version::V5), limits), &connack);
    let limits = rig.client.limits().unwrap();
    assert_eq!(
        (limits.maximum_qos.value, limits.maximum_qos.set_by),
        (AtLeastOnce, SetBy::Profile)
    );
    assert_eq!((limits.in_flight.value, limits.in_flight.set_by), (5, SetBy::Profile));
    assert_eq!((limits.payload_size.value, limits.payload_size.set_by), (9, SetBy::Profile));
    assert_eq!((limits.message_expiry.value, limits.message_expiry.set_by), (60, SetBy::Profile));
    assert_eq!((limits.session_expiry.value, limits.session_expiry.set_by), (60, SetBy::Profile));
    let aliases = limits.topic_alias_maximum;
    assert_eq!((aliases.value, aliases.set_by), (2, SetBy::Profile));
    for available in [
        limits.retain,
        limits.wildcard_subscriptions,
        limits.shared_subscriptions,
        limits.subscription_identifiers,
    ] {
        assert_eq!((available.value, available.set_by), (false, SetBy::Profile));
    }
}

/// A payload of the full 128 KiB is legal at AWS, whatever its packet comes to.
#[test]
fn the_payload_is_bounded_apart_from_the_packet() {
    each_version(|version| {
        let mut settings = config(version);
        settings.obey(&aws_iot_core()).unwrap();
        let mut rig = Rig::online(settings);
        rig.advance(secs(2));
        rig.try_publish(of(131_072), 1).unwrap();
        rig.advance(secs(2));
        assert_eq!(rig.expect_publish().payload.len(), 131_072);
        let broken = broken(rig.try_publish(of(131_073), 2));
        assert_eq!((broken.limit, &*broken.value), ("maximum_payload_size", "131,072 B"));
        rig.advance(secs(2));
        rig.expect_nothing();
    });
}

#[test]
fn uncounted_beginnings_of_topics_are_not_counted() {
    let limits = "publish.maximum_topic_length.value = 5\n\
                  publish.maximum_topic_levels.value = 2\n\
                  publish.uncounted_topic_prefixes.value = ['$aws/rules/+/']\n";
    each_version(|version| {
        let mut rig = Rig::online(obeying(version, limits));
        rig.publish("$aws/rules/a-long-name/12/45", AtMostOnce, 1);
        rig.expect_publish();
        for (topic, name) in [
            ("$aws/rules/a-long-name/12/456", "maximum_topic_length"),
            ("$aws/rules/a-long-name/1/2/3", "maximum_topic_levels"),
            ("$aws/ruler/a/1", "maximum_topic_length"),
        ] {
            assert_eq!(broken(rig.try_publish(publish(topic, "", AtMostOnce), 2)).limit, name);
        }
        rig.expect_nothing();
    });
}

#[test]
fn only_the_topics_that_the_broker_knows_are_published_to() {
    let limits = "publish.publish_topics.value = ['devices/{client_id}/events/#', 'public/+']\n";
    each_version(|version| {
        let mut rig = Rig::online(obeying(version, limits));
        for topic in ["devices/boat/events/a/b", "public/x"] {
            rig.publish(topic, AtMostOnce, 1);
            rig.expect_publish();
        }
        for topic in ["devices/ship/events/a", "public/x/y", "public"] {
            let broken = broken(rig.try_publish(publish(topic, "", AtMostOnce), 2));
            assert_eq!(broken.limit, "publish_topics");
            assert!(broken.to_string().contains(topic), "{broken}");
        }
        rig.expect_nothing();
    });
}

/// The longest expiry is asked for instead of more, whenever the message goes out.
#[test]
fn message_expiry_is_clamped_on_the_wire() {
    let limits = "publish.maximum_message_expiry.value = 60\n";
    let expiring = |seconds| Publish {
        properties: Properties::new().with(Property::MessageExpiryInterval(seconds)),
        ..of(1)
    };
    let sent = |rig: &mut Rig| rig.expect_publish().properties.message_expiry_interval();
    let mut rig = Rig::online(obeyed(lasting(Version::V5), limits));
    for (asked, expected) in [(59, 59), (60, 60), (61, 60), (u32::MAX, 60)] {
        rig.try_publish(expiring(asked), asked.into()).unwrap();
        assert_eq!(sent(&mut rig), Some(expected), "{asked}");
    }
    rig.try_publish(of(1), 5).unwrap();
    assert_eq!(sent(&mut rig), None, "a message without an end has none");
    rig.cut();
    rig.try_publish(expiring(600), 6).unwrap();
    rig.reconnect_with(&resumed());
    rig.show_life();
    while let Some(packet) = rig.wire.pop_front() {
        let Packet::Publish(publish) = packet else { continue };
        let seconds = publish.properties.message_expiry_interval();
        assert!(seconds.is_none_or(|seconds| seconds <= 60), "{seconds:?}");
        rig.send(&puback(publish.packet_id.unwrap()));
    }
    assert_eq!((rig.client.queued(), rig.client.in_flight()), (0, 0), "all of them went out");
}

/// Aliases are counted as by the stricter of server and profile.
#[test]
fn no_more_aliases_are_given_than_the_profile_allows() {
    let connack = with([Property::TopicAliasMaximum(3)]);
    for (limits, most) in [
        ("", 3),
        ("publish.topic_alias_maximum.value = 2\n", 2),
        ("publish.topic_alias_maximum.value = 9\n", 3),
        ("connection.forbidden_properties.value = ['publish topic-alias']\n", 0),
    ] {
        let mut rig = Rig::online_with(obeying(Version::V5, limits), &connack);
        for number in 0..5 {
            rig.publish(&format!("topic/{number}"), AtMostOnce, number);
            let alias = rig.expect_publish().properties.topic_alias();
            assert_eq!(alias.is_some(), number < most, "{limits}: topic {number}");
        }
    }
}

#[test]
fn forbidden_properties_of_messages_are_refused() {
    let limits = "connection.forbidden_properties.value = ['publish content-type']\n";
    let mut rig = Rig::online(obeying(Version::V5, limits));
    let broken = broken(rig.try_publish(with_property(Property::ContentType(text("x"))), 1));
    assert_eq!(broken.limit, "forbidden_properties");
    rig.try_publish(with_property(Property::ResponseTopic(text("x"))), 2).unwrap();
    rig.expect_publish();
    rig.expect_nothing();
}

/// P2: what an earlier run stored without the profile is not sent either; its
/// outcome says why.
#[test]
fn a_stored_message_that_breaks_the_profile_is_not_sent() {
    each_version(|version| {
        let mut rig = Rig::durable(lasting(version));
        rig.client.start(rig.now);
        rig.settle();
        rig.try_publish(of(11), 1).unwrap();
        rig.try_publish(of(10), 2).unwrap();
        rig.reconfigure(obeyed(lasting(version), "publish.maximum_payload_size.value = 10\n"));
        rig.restart_with(&accepted());
        assert_eq!(rig.expect_publish().payload.len(), 10);
        rig.expect_nothing();
        let settled = rig.settled();
        let [(_, Err(DeliveryError::NotAllowed(PublishLimit::Profile(broken))))] = &settled[..]
        else {
            panic!("{settled:?}")
        };
        assert_eq!(broken.limit, "maximum_payload_size");
    });
}

/// Without a profile nothing is refused for one.
#[test]
fn without_a_profile_nothing_is_refused() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        let message = Publish { retain: true, ..publish(&"a/".repeat(99), "x", ExactlyOnce) };
        rig.try_publish(message, 1).unwrap();
        assert_eq!(rig.expect_publish().qos, ExactlyOnce);
        assert_eq!(rig.client.limits().unwrap().maximum_qos.set_by, SetBy::Protocol);
    });
}
