//! The limits of subscriptions.

use evenkeel_proto::codec::{Properties, Property, Version};
use evenkeel_proto::profile::BrokenLimit;
use evenkeel_proto::{Event, PublishLimit, SubscribeError};

use super::{obeyed, obeying};
use crate::support::*;

#[track_caller]
fn broken(refused: Result<(), SubscribeError>) -> Box<BrokenLimit> {
    match refused {
        Err(SubscribeError::NotAllowed(PublishLimit::Profile(broken))) => broken,
        other => panic!("{other:?}"),
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("t/{number}")).collect()
}

fn subscribe_to_all(rig: &mut Rig, names: &[String], number: u64) -> Result<(), SubscribeError> {
    let filters: Vec<_> = names.iter().map(|name| (name.as_str(), AtLeastOnce)).collect();
    rig.try_subscribe(&filters, number)
}

/// A limit, a filter that it allows, and one that it does not.
const FILTERS: [(&str, &str, &str); 7] = [
    ("publish.maximum_topic_length.value = 5", "ab/de", "ab/def"),
    ("publish.maximum_topic_levels.value = 3", "a/b/#", "a/b/c/#"),
    ("subscribe.filters.value = ['{client_id}/#']", "boat/a", "ship/a"),
    ("subscribe.wildcards_available.value = false", "a/b", "a/+"),
    ("subscribe.shared_available.value = false", "a/b", "$share/g/a"),
    ("subscribe.maximum_share_name_length.value = 3", "$share/abc/a", "$share/abcd/a"),
    (
        "publish.maximum_topic_length.value = 5\n\
         publish.uncounted_topic_prefixes.value = ['$share/+/']",
        "$share/long-name/ab/de",
        "$share/g/ab/def",
    ),
];

/// P1, P2, P3.
#[test]
fn filters_are_refused_before_they_are_queued() {
    each_version(|version| {
        for (limit, fits, breaks) in FILTERS {
            let name = limit.split('.').nth(1).unwrap();
            let mut offline = Rig::started(obeying(version, limit));
            let refused = offline.try_subscribe(&[(breaks, AtLeastOnce)], 1);
            assert_eq!(broken(refused).limit, name);
            let mut rig = Rig::online(obeying(version, limit));
            let both = rig.try_subscribe(&[(fits, AtLeastOnce), (breaks, AtLeastOnce)], 1);
            let both = broken(both);
            assert_eq!(both.limit, name, "one of two is enough");
            assert!(both.to_string().contains("; hint: "), "{both}");
            rig.expect_nothing();
            rig.subscribe(&[(fits, AtLeastOnce)], 2);
            assert_eq!(rig.expect_subscribe().filters.len(), 1);
            assert_eq!(rig.client.subscriptions(), 0);
        }
    });
}

#[test]
fn a_filter_too_long_is_refused_in_unsubscribe_as_well() {
    each_version(|version| {
        let mut rig = Rig::online(obeying(version, "publish.maximum_topic_length.value = 5"));
        let mut unsubscribe = |name: &str| {
            rig.client.unsubscribe(rig.now, vec![filter(name)], Properties::new(), None)
        };
        assert_eq!(broken(unsubscribe("ab/def")).limit, "maximum_topic_length");
        unsubscribe("ab/de").unwrap();
    });
}

#[test]
fn filters_are_split_over_packets_each_as_it_has_to_be() {
    let limits = "subscribe.filters_per_subscribe.value = 8\n\
                  subscribe.filters_per_unsubscribe.value = 3\n";
    each_version(|version| {
        for (count, parts) in [(8, vec![8]), (9, vec![8, 1]), (17, vec![8, 8, 1])] {
            let mut rig = Rig::online(obeying(version, limits));
            subscribe_to_all(&mut rig, &names(count), 1).unwrap();
            for part in parts {
                let subscribe = rig.expect_subscribe();
                assert_eq!(subscribe.filters.len(), part);
                rig.expect_nothing();
                rig.send(&suback(subscribe.packet_id, &vec![1; part]));
            }
            assert_eq!(rig.answer(1).unwrap().len(), count);
        }
        for (count, parts) in [(3, vec![3]), (4, vec![3, 1])] {
            let mut rig = Rig::online(obeying(version, limits));
            let names = names(count);
            rig.unsubscribe(&names.iter().map(String::as_str).collect::<Vec<_>>(), 1);
            for part in parts {
                let unsubscribe = rig.expect_unsubscribe();
                assert_eq!(unsubscribe.filters.len(), part);
                rig.send(&unsuback(unsubscribe.packet_id, &vec![0; part]));
            }
            assert_eq!(rig.answer(1).unwrap().len(), count);
        }
    });
}

const THREE: &str = "subscribe.subscriptions_per_connection.value = 3\n";

#[test]
fn subscriptions_are_counted() {
    each_version(|version| {
        let mut rig = Rig::online(obeying(version, THREE));
        assert_eq!(broken(subscribe_to_all(&mut rig, &names(4), 1)).value, "3 subscriptions");
        subscribe_to_all(&mut rig, &names(2), 2).unwrap();
        let first = rig.expect_subscribe();
        // Those without an answer count.
        let refused = broken(rig.try_subscribe(&[("a", AtLeastOnce), ("b", AtLeastOnce)], 3));
        assert_eq!(refused.limit, "subscriptions_per_connection");
        rig.send(&suback(first.packet_id, &[1, 1]));
        rig.answer(2).unwrap();
        rig.subscribe(&[("t/1", AtMostOnce), ("a", AtLeastOnce)], 4);
        let again = rig.expect_subscribe();
        assert_eq!(again.filters.len(), 2, "what is held already counts once");
        rig.send(&suback(again.packet_id, &[0, 1]));
        rig.answer(4).unwrap();
        broken(rig.try_subscribe(&[("b", AtLeastOnce)], 5));
        rig.unsubscribe(&["a"], 6);
        let unsubscribe = rig.expect_unsubscribe();
        broken(rig.try_subscribe(&[("b", AtLeastOnce)], 7));
        rig.send(&unsuback(unsubscribe.packet_id, &[0]));
        rig.answer(6).unwrap();
        rig.subscribe(&[("b", AtLeastOnce)], 8);
        let last = rig.expect_subscribe();
        // A filter that is refused takes no place.
        rig.send(&suback(last.packet_id, &[0x80]));
        rig.subscribe(&[("c", AtLeastOnce)], 9);
        rig.expect_subscribe();
    });
}

#[test]
fn subscriptions_that_are_being_restored_count() {
    each_version(|version| {
        let mut rig = Rig::online(obeying(version, THREE));
        subscribe_to_all(&mut rig, &names(3), 1).unwrap();
        let subscribe = rig.expect_subscribe();
        rig.send(&suback(subscribe.packet_id, &[1; 3]));
        rig.answer(1).unwrap();
        rig.cut();
        broken(rig.try_subscribe(&[("b", AtLeastOnce)], 2));
        rig.reconnect_with(&accepted());
        broken(rig.try_subscribe(&[("b", AtLeastOnce)], 3));
        let restored = rig.expect_subscribe();
        assert_eq!(restored.filters.len(), 3);
        broken(rig.try_subscribe(&[("b", AtLeastOnce)], 4));
        rig.send(&suback(restored.packet_id, &[1; 3]));
        broken(rig.try_subscribe(&[("b", AtLeastOnce)], 5));
        rig.expect_nothing();
    });
}

/// P2: those of an earlier run without the profile are asked for as far as they
/// may be; of the others the application is told.
#[test]
fn no_more_stored_subscriptions_are_restored_than_the_broker_takes() {
    each_version(|version| {
        let mut rig = Rig::durable_online(lasting(version));
        subscribe_to_all(&mut rig, &names(5), 1).unwrap();
        let subscribe = rig.expect_subscribe();
        rig.send(&suback(subscribe.packet_id, &[1; 5]));
        rig.reconfigure(obeyed(lasting(version), THREE));
        rig.restart_with(&accepted());
        let restored = rig.expect_subscribe();
        assert_eq!(restored.filters.len(), 3);
        rig.send(&suback(restored.packet_id, &[1; 3]));
        rig.expect_nothing();
        let events = rig.take_events();
        let lost = events.iter().filter(|it| matches!(it, Event::SubscriptionLost { .. }));
        assert_eq!(lost.count(), 2);
        assert_eq!(rig.client.subscriptions(), 3);
    });
}

/// Those of an earlier run may be more than the profile allows: to ask again for one
/// that the server holds makes them no more.
#[test]
fn what_is_in_force_may_be_asked_for_again_beside_too_many() {
    each_version(|version| {
        let mut rig = Rig::durable_online(lasting(version));
        subscribe_to_all(&mut rig, &names(5), 1).unwrap();
        let subscribe = rig.expect_subscribe();
        rig.send(&suback(subscribe.packet_id, &[1; 5]));
        rig.reconfigure(obeyed(lasting(version), THREE));
        rig.restart_with(&resumed());
        rig.expect_nothing();
        rig.subscribe(&[("t/0", AtMostOnce), ("t/4", AtMostOnce)], 2);
        let again = rig.expect_subscribe();
        assert_eq!(again.filters.len(), 2);
        rig.send(&suback(again.packet_id, &[0, 0]));
        rig.answer(2).unwrap();
        broken(rig.try_subscribe(&[("t/0", AtMostOnce), ("new", AtMostOnce)], 3));
    });
}

#[test]
fn identifiers_are_left_out_or_refused_where_there_are_none() {
    let limits = "subscribe.identifiers_available.value = false\n";
    let one = || vec![subscribe_to("a", AtLeastOnce)];
    for (limits, identifier) in [("", Some(7)), (limits, None)] {
        let mut rig = Rig::online(obeying(Version::V5, limits));
        rig.client.subscribe_identified(rig.now, one(), Properties::new(), 7, None).unwrap();
        rig.settle();
        let sent = rig.expect_subscribe();
        assert_eq!(sent.properties.subscription_identifiers().next(), identifier);
    }
    let mut rig = Rig::online(obeying(Version::V5, limits));
    let asks = Properties::new().with(Property::SubscriptionIdentifier(7));
    let refused = rig.client.subscribe(rig.now, one(), asks, None);
    assert_eq!(broken(refused).limit, "identifiers_available");
    rig.settle();
    rig.expect_nothing();
}

#[test]
fn forbidden_properties_of_operations_are_refused() {
    let limits = "connection.forbidden_properties.value = [\
                  'subscribe user-property', 'subscribe subscription-identifier']\n";
    let mut rig = Rig::online(obeying(Version::V5, limits));
    let user = || Properties::new().with(Property::UserProperty(text("a"), text("b")));
    let one = || vec![subscribe_to("a", AtLeastOnce)];
    let refused = rig.client.subscribe(rig.now, one(), user(), None);
    assert_eq!(broken(refused).limit, "forbidden_properties");
    rig.client.unsubscribe(rig.now, vec![filter("x")], user(), None).unwrap();
    rig.settle();
    rig.expect_unsubscribe();
    rig.client.subscribe_identified(rig.now, one(), Properties::new(), 7, None).unwrap();
    rig.settle();
    assert!(rig.expect_subscribe().properties.is_empty(), "our own is left out");
}

/// AWS does not answer a SUBSCRIBE with QoS 2.
#[test]
fn the_qos_of_subscriptions_is_clamped() {
    each_version(|version| {
        let mut rig = Rig::online(obeying(version, "publish.maximum_qos.value = 1\n"));
        rig.subscribe(&[("a", AtMostOnce), ("b", AtLeastOnce), ("c", ExactlyOnce)], 1);
        let asked: Vec<_> =
            rig.expect_subscribe().filters.iter().map(|it| it.options.qos).collect();
        assert_eq!(asked, [AtMostOnce, AtLeastOnce, AtLeastOnce]);
    });
}
