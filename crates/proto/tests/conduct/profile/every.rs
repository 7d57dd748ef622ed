//! The table of limits, held against what the client does.

use evenkeel_proto::codec::{ConnAck, Packet, Property, Publish, SubscribeFilter, Version, Will};
use evenkeel_proto::profile::{Handling, Profile};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{Client, Config, Instant};

use super::strict::STRICT;
use crate::support::*;

/// P1.
#[test]
fn the_table_of_limits_says_which_ones_are_obeyed() {
    let without = all_that_is_done(&Profile::empty());
    let mut names = Profile::limit_names();
    for (section, limits) in STRICT {
        for (name, value) in limits {
            assert_eq!(names.next(), Some(*name), "a limit without a strict value");
            let profile = super::profile(&format!("{section}.{name}.value = {value}"));
            let obeys = all_that_is_done(&profile) != without;
            let says = Handling::of(name).unwrap().obeyed.is_some();
            assert_eq!(obeys, says, "{name}: it is obeyed, the table says so");
        }
    }
    assert_eq!(names.next(), None, "a limit without a strict value");
}

/// A profile that asks for no more than MQTT changes nothing.
#[test]
fn the_standard_profile_asks_for_nothing() {
    let standard = evenkeel_proto::profile::standard();
    for (name, scene) in scenes() {
        assert_eq!(done(scene(), &standard), done(scene(), &Profile::empty()), "{name}");
    }
}

fn all_that_is_done(profile: &Profile) -> Vec<String> {
    scenes().into_iter().map(|(_, scene)| done(scene(), profile)).collect()
}

type Scene = (&'static str, fn() -> Config);

/// Settings that come near every limit of a connection.
fn scenes() -> [Scene; 5] {
    [
        ("a plain client", || config(Version::V5)),
        ("3.1.1", || config(Version::V311)),
        ("without an identifier", || {
            let mut config = config(Version::V5);
            config.connect.client_id = text("");
            config
        }),
        ("with all that CONNECT can say", || {
            let mut config = lasting(Version::V5);
            config.connect.client_id = text("evenkeel");
            let will = Will {
                qos: ExactlyOnce,
                retain: true,
                topic: "a".try_into().unwrap(),
                payload: "gone".into(),
                properties: Default::default(),
            };
            config.connect.will = Some(Box::new(will));
            config.connect.properties.push(Property::UserProperty(text("a"), text("b")));
            config
        }),
        ("with authentication", || {
            let mut config = config(Version::V5);
            config.connect.authentication = Some((text("SCRAM"), "x".into()));
            config
        }),
    ]
}

/// All that a client with this configuration does, with its instants; or why it
/// is none.
fn done(mut config: Config, profile: &Profile) -> String {
    config.bounds.account_share = Some(1);
    if let Err(error) = config.obey(profile) {
        return error.to_string();
    }
    if let Err(error) = Client::new(config.clone(), 7, Instant::from_micros(0)) {
        return error.to_string();
    }
    let settings = format!("{config:?}");
    // That the profile is kept is nothing that is done.
    let (settings, _) = settings.rsplit_once(", profile: ").unwrap();
    let with_authentication = config.connect.authentication.is_some();
    let mut rig = Rig::started(config);
    if with_authentication {
        rig.accept();
        return format!("{settings}\n{:?}", rig.history);
    }
    rig.accept_with(&ConnAck {
        properties: if rig.link.as_ref().unwrap().version == Version::V5 {
            [Property::TopicAliasMaximum(10)].into_iter().collect()
        } else {
            Default::default()
        },
        ..accepted()
    });
    let mut said = Vec::new();
    for message in messages(rig.link.as_ref().unwrap().version) {
        said.push(format!("{:?}", rig.try_publish(message, 1)));
    }
    for filters in [vec!["a", "b"], vec!["a/+"], vec!["$share/group/c"], vec!["a/b/c"]] {
        let filters: Vec<SubscribeFilter> =
            filters.iter().map(|it| subscribe_to(it, ExactlyOnce)).collect();
        let asked = rig.client.subscribe_identified(rig.now, filters, Default::default(), 1, None);
        said.push(format!("{asked:?}"));
        rig.settle();
    }
    let filters = vec![filter("x"), filter("y")];
    said.push(format!("{:?}", rig.client.unsubscribe(rig.now, filters, Default::default(), None)));
    rig.settle();
    rig.advance(secs(600));
    format!("{settings}\n{said:?}\n{:?}", rig.history)
}

fn messages(version: Version) -> Vec<Publish> {
    let mut messages: Vec<Publish> = vec![
        publish("first", "12", AtMostOnce),
        publish("first", "12", AtMostOnce),
        publish("second", "12", AtLeastOnce),
        publish("second/level", "12", AtLeastOnce),
        Publish { retain: true, ..publish("a", "1", AtMostOnce) },
    ];
    if version == Version::V5 {
        let properties = [
            Property::UserProperty(text("name"), text("value")),
            Property::CorrelationData("data".into()),
            Property::ResponseTopic(text("answers")),
            Property::ContentType(text("text")),
            Property::MessageExpiryInterval(3600),
        ];
        messages.extend(properties.map(|property| Publish {
            properties: [property].into_iter().collect(),
            ..publish("a", "1", AtMostOnce)
        }));
    }
    messages
}

/// What is not sent at once is not accepted: no other way leads past the checks.
#[test]
fn every_way_to_publish_is_checked() {
    each_version(|version| {
        let mut rig =
            Rig::online(super::obeying(version, "publish.maximum_payload_size.value = 1"));
        let (now, mut two) = (rig.now, publish("a", "12", AtLeastOnce));
        let by_value = rig.client.publish(now, &mut two.clone(), Priority::default(), None);
        super::broken(by_value);
        for qos in [AtMostOnce, AtLeastOnce] {
            let head = publish("a", "", qos);
            let by_slice = rig.client.publish_slice(now, &head, b"12", Priority::default(), None);
            super::broken(by_slice);
        }
        let identified = rig.client.publish_identified(now, &mut two, Priority::default(), None);
        super::broken(identified);
        rig.settle();
        rig.expect_nothing();
        assert_eq!((rig.client.queued(), rig.client.in_flight()), (0, 0));
        let head = publish("a", "", AtMostOnce);
        rig.client.publish_slice(now, &head, b"1", Priority::default(), None).unwrap();
        rig.settle();
        let Packet::Publish(sent) = rig.expect() else { panic!("a PUBLISH") };
        assert_eq!(&sent.payload[..], b"1");
    });
}
