//! A will is a message, and is held to the same limits when it is set.

use bytes::Bytes;
use evenkeel_proto::codec::{Properties, Property, Version, Will};
use evenkeel_proto::{Config, ConfigError, PublishLimit};

use super::{obeyed, refused};
use crate::support::*;

type Case = (&'static str, u32, fn(usize) -> Will);

fn will(topic: &str, payload: usize) -> Will {
    Will {
        qos: AtMostOnce,
        retain: false,
        topic: topic.try_into().unwrap(),
        payload: Bytes::from(vec![b'x'; payload]),
        properties: Properties::new(),
    }
}

fn with_property(property: Property) -> Will {
    Will { properties: Properties::new().with(property), ..will("a", 0) }
}

const PLAIN: [Case; 6] = [
    ("maximum_payload_size", 10, |n| will("a", n)),
    ("maximum_topic_length", 10, |n| will(&"t".repeat(n), 0)),
    ("maximum_topic_levels", 3, |n| will(&vec!["t"; n].join("/"), 0)),
    ("maximum_qos", 0, |n| Will { qos: [AtMostOnce, AtLeastOnce][n], ..will("a", 0) }),
    ("maximum_qos", 1, |n| Will { qos: [AtMostOnce, AtLeastOnce, ExactlyOnce][n], ..will("a", 0) }),
    ("retain_available", 0, |n| Will { retain: n == 1, ..will("a", 0) }),
];

const IN_V5: [Case; 4] = [
    ("user_properties_size", 10, |n| {
        with_property(Property::UserProperty(text("k"), text(&"v".repeat(n - 1))))
    }),
    ("correlation_data_size", 10, |n| with_property(Property::CorrelationData(vec![1; n].into()))),
    ("response_topic_length", 10, |n| with_property(Property::ResponseTopic(text(&"t".repeat(n))))),
    ("content_type_length", 10, |n| with_property(Property::ContentType(text(&"t".repeat(n))))),
];

fn leaving(version: Version, will: Will) -> Config {
    let mut config = config(version);
    config.connect.will = Some(Box::new(will));
    config
}

/// P1, P2.
#[test]
fn a_will_is_refused_by_one_more_than_the_limit() {
    each_version(|version| {
        let in_v5: &[Case] = if version == Version::V5 { &IN_V5 } else { &[] };
        for (name, value, make) in PLAIN.iter().chain(in_v5) {
            println!("{name} = {value}");
            let toml = match *name {
                "retain_available" => "false".to_owned(),
                _ => value.to_string(),
            };
            let limit = format!("publish.{name}.value = {toml}\n");
            let fits = make(*value as usize);
            let connect = Rig::online(obeyed(leaving(version, fits.clone()), &limit));
            let sent = connect.history.iter().find_map(|(_, _, packet)| match packet {
                evenkeel_proto::codec::Packet::Connect(connect) => connect.will.clone(),
                _ => None,
            });
            assert_eq!(sent.as_deref(), Some(&fits));
            let broken = refused(&obeyed(leaving(version, make(*value as usize + 1)), &limit));
            let broken = broken.expect("one more is refused");
            assert_eq!(broken.limit, *name);
            assert!(broken.asked.contains("will") || name.contains('_'), "{broken}");
        }
    });
}

#[test]
fn a_broker_without_wills_gets_none() {
    each_version(|version| {
        for (available, limit) in [("true", None), ("false", Some("will_available"))] {
            let limits = format!("connection.will_available.value = {available}\n");
            let broken = refused(&obeyed(leaving(version, will("a", 1)), &limits));
            assert_eq!(broken.map(|broken| broken.limit), limit);
            assert_eq!(refused(&obeyed(config(version), &limits)), None, "no will, no trouble");
        }
    });
}

#[test]
fn a_will_goes_to_a_topic_that_the_broker_knows() {
    let limits = "publish.publish_topics.value = ['devices/{client_id}/#']\n";
    each_version(|version| {
        let gone = |topic: &str| obeyed(leaving(version, will(topic, 1)), limits);
        assert_eq!(refused(&gone("devices/boat/gone")), None);
        assert_eq!(refused(&gone("devices/ship/gone")).unwrap().limit, "publish_topics");
    });
}

#[test]
fn the_expiry_of_a_will_is_clamped() {
    let limits = "publish.maximum_message_expiry.value = 60\n";
    for (asked, expected) in [(60, 60), (61, 60)] {
        let leaves = with_property(Property::MessageExpiryInterval(asked));
        let mut rig = Rig::started(obeyed(leaving(Version::V5, leaves), limits));
        let will = rig.accept().will.unwrap();
        assert_eq!(will.properties.message_expiry_interval(), Some(expected));
    }
}

#[test]
fn forbidden_properties_of_a_will_are_refused() {
    let limits = "connection.forbidden_properties.value = ['will content-type']\n";
    let with = |property| obeyed(leaving(Version::V5, with_property(property)), limits);
    let broken = refused(&with(Property::ContentType(text("x")))).unwrap();
    assert_eq!(broken.limit, "forbidden_properties");
    assert_eq!(refused(&with(Property::ResponseTopic(text("x")))), None);
}

/// Settings that are changed while the client runs are checked like those before.
#[test]
fn a_will_that_is_set_later_is_checked_too() {
    each_version(|version| {
        let limits = "publish.maximum_payload_size.value = 10\n";
        let mut rig = Rig::online(obeyed(config(version), limits));
        let mut connect = rig.client.connect_config();
        connect.will = Some(Box::new(will("a", 11)));
        let Err(ConfigError::Profile(broken)) = rig.client.set_connect(connect.clone()) else {
            panic!("a will of 11 bytes is refused")
        };
        assert_eq!(broken.limit, "maximum_payload_size");
        connect.will = Some(Box::new(will("a", 10)));
        rig.client.set_connect(connect).unwrap();
        let connect = rig.reconnect_with(&accepted());
        assert_eq!(connect.will.unwrap().payload.len(), 10);
        let late = rig.try_publish(publish("a", "12345678901", AtMostOnce), 1);
        assert!(matches!(
            late.unwrap_err(),
            evenkeel_proto::RejectReason::NotAllowed(PublishLimit::Profile(_))
        ));
    });
}
