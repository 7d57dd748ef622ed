//! What the server announced is honoured at submit and again when sending.

use std::time::Duration;

use bytes::Bytes;
use evenkeel_proto::codec::{ConnAck, Packet, Property, Publish, Version};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{
    Accepted, DeliveryError, PublishLimit, RejectReason, SetBy, SubscribeError, SubscribeFeature,
    TopicAliases,
};

use crate::support::*;

fn sized(payload: usize) -> Publish {
    Publish { payload: Bytes::from(vec![b'x'; payload]), ..publish("a", "", AtLeastOnce) }
}

/// The length of a QoS 1 PUBLISH to topic `a`, on MQTT 5 without properties.
const fn length(payload: usize) -> usize {
    // Header, length of two bytes or one, topic, identifier, property length.
    let rest = 3 + 2 + 1 + payload;
    if rest < 128 { 2 + rest } else { 3 + rest }
}

fn retained() -> Publish {
    Publish { retain: true, ..publish("a", "x", AtMostOnce) }
}

#[test]
fn without_a_word_from_the_server_the_defaults_are_in_force() {
    each_version(|version| {
        let rig = Rig::online(config(version));
        let limits = rig.client.limits().unwrap();
        assert_eq!(limits.version, version);
        assert_eq!((limits.keep_alive.value, limits.keep_alive.set_by), (secs(60), SetBy::Client));
        assert_eq!((limits.in_flight.value, limits.in_flight.set_by), (1024, SetBy::Client));
        assert_eq!(limits.packet_size.value, 268_435_460);
        assert_eq!(limits.packet_size.set_by, SetBy::Protocol);
        assert_eq!(limits.maximum_qos.value, ExactlyOnce);
        assert!(limits.retain.value);
        assert!(limits.wildcard_subscriptions.value && limits.shared_subscriptions.value);
        assert_eq!(limits.subscription_identifiers.value, version == Version::V5);
        assert_eq!(limits.topic_alias_maximum.value, 0);
    });
}

#[test]
fn what_the_server_said_is_in_force_for_its_connection_alone() {
    let connack = with([
        Property::ServerKeepAlive(7),
        Property::ReceiveMaximum(2),
        Property::MaximumPacketSize(100),
        Property::MaximumQoS(1),
        Property::RetainAvailable(0),
        Property::TopicAliasMaximum(3),
        Property::WildcardSubscriptionAvailable(0),
        Property::SharedSubscriptionAvailable(0),
        Property::SubscriptionIdentifierAvailable(0),
        Property::SessionExpiryInterval(5),
    ]);
    let mut rig = Rig::online_with(lasting(Version::V5), &connack);
    let limits = rig.client.limits().unwrap().clone();
    assert_eq!((limits.keep_alive.value, limits.keep_alive.set_by), (secs(7), SetBy::Server));
    assert_eq!((limits.in_flight.value, limits.in_flight.set_by), (2, SetBy::Server));
    assert_eq!((limits.packet_size.value, limits.packet_size.set_by), (100, SetBy::Server));
    assert_eq!((limits.maximum_qos.value, limits.retain.value), (AtLeastOnce, false));
    assert_eq!(limits.retain.set_by, SetBy::Server);
    assert_eq!((limits.topic_alias_maximum.value, limits.session_expiry.value), (3, 5));
    assert!(!limits.wildcard_subscriptions.value && !limits.shared_subscriptions.value);
    assert!(!limits.subscription_identifiers.value);
    rig.cut();
    assert!(rig.client.limits().is_none());
    let connect = rig.reconnect_with(&accepted());
    assert_eq!(connect.keep_alive, 60, "user options are never mutated");
    assert_eq!(rig.client.limits().unwrap().packet_size.value, 268_435_460);
}

//= [MQTT-3.2.2-15] test
/// D2, D5.
#[test]
fn the_maximum_packet_size_is_exact() {
    for fits in [30, 100, 127 + 8, 2000] {
        let maximum = length(fits) as u32;
        let connack = with([Property::MaximumPacketSize(maximum)]);
        let mut rig = Rig::online_with(config(Version::V5), &connack);
        rig.try_publish(sized(fits), 1).unwrap();
        assert_eq!(rig.expect_publish().payload.len(), fits);
        let error = rig.try_publish(sized(fits + 1), 2).unwrap_err();
        let PublishLimit::PacketSize { size, limit } = limit_of(&error) else {
            panic!("{error:?}")
        };
        assert_eq!((size, limit), (length(fits + 1), maximum));
        rig.expect_nothing();
        assert_eq!(rig.client.in_flight(), 1);
        assert!(rig.client.state().is_online());
    }
}

fn limit_of(error: &RejectReason) -> PublishLimit {
    let RejectReason::NotAllowed(limit) = error else { panic!("{error:?}") };
    limit.clone()
}

#[test]
fn a_tiny_maximum_is_not_overlooked() {
    let tiny = with([Property::MaximumPacketSize(10)]);
    let mut rig = Rig::online_with(config(Version::V5), &tiny);
    for payload in 0..8 {
        let accepted = rig.try_publish(sized(payload), 1).is_ok();
        assert_eq!(accepted, length(payload) <= 10, "{payload}");
    }
}

#[test]
fn properties_count_towards_the_packet_size() {
    let connack = with([Property::MaximumPacketSize(60)]);
    let mut rig = Rig::online_with(config(Version::V5), &connack);
    let mut message = sized(1);
    message.properties.push(Property::UserProperty(text(&"k".repeat(20)), text(&"v".repeat(40))));
    assert!(rig.try_publish(message, 1).is_err());
    rig.expect_nothing();
}

#[test]
fn our_own_packet_size_holds_before_any_server_is_known() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.packet_size = Some(length(50) as u32);
        let mut rig = Rig::new(settings);
        // A version without properties needs a byte less.
        let largest = if version == Version::V5 { 50 } else { 51 };
        rig.try_publish(sized(largest), 1).unwrap();
        let error = rig.try_publish(sized(largest + 1), 2).unwrap_err();
        assert!(matches!(limit_of(&error), PublishLimit::PacketSize { .. }));
    });
}

//= [MQTT-3.2.2-11] test
//= [MQTT-3.2.2-14] test
/// D2, D5.
#[test]
fn quality_and_retain_are_refused_at_submit() {
    let connack = with([Property::MaximumQoS(1), Property::RetainAvailable(0)]);
    let mut rig = Rig::online_with(config(Version::V5), &connack);
    rig.publish("a", AtLeastOnce, 1);
    rig.expect_publish();
    let error = rig.try_publish(publish("a", "x", ExactlyOnce), 2).unwrap_err();
    assert_eq!(limit_of(&error), PublishLimit::QoS { maximum: AtLeastOnce });
    let error = rig.try_publish(retained(), 3).unwrap_err();
    assert_eq!(limit_of(&error), PublishLimit::Retain);
    assert!(!error.is_temporary());
    rig.expect_nothing();
    assert!(rig.outcomes().is_empty());
}

#[test]
fn our_own_maximum_qos_holds_in_every_state() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.maximum_qos = AtLeastOnce;
        for mut rig in [Rig::new(settings.clone()), Rig::online(settings)] {
            let error = rig.try_publish(publish("a", "x", ExactlyOnce), 1).unwrap_err();
            assert_eq!(limit_of(&error), PublishLimit::QoS { maximum: AtLeastOnce });
            rig.publish("a", AtLeastOnce, 2);
        }
    });
}

/// Three messages that only some servers take, queued while offline.
fn queued() -> Rig {
    let mut rig = Rig::started(lasting(Version::V5));
    rig.publish("qos", ExactlyOnce, 1);
    rig.try_publish(retained(), 2).unwrap();
    rig.try_publish(sized(200), 3).unwrap();
    rig.publish("fine", AtLeastOnce, 4);
    rig
}

fn strict() -> ConnAck {
    with([Property::MaximumQoS(1), Property::RetainAvailable(0), Property::MaximumPacketSize(100)])
}

/// D2.
#[test]
fn what_was_queued_is_checked_when_it_is_sent() {
    let mut rig = queued();
    rig.accept_with(&strict());
    assert_eq!(rig.expect_publish().topic, "fine");
    rig.expect_nothing();
    let results: Vec<_> = rig.outcomes().into_iter().map(failure).collect();
    assert_eq!(
        results,
        [
            (1, PublishLimit::QoS { maximum: AtLeastOnce }),
            (2, PublishLimit::Retain),
            (3, PublishLimit::PacketSize { size: length(200), limit: 100 }),
        ]
    );
    assert!(rig.client.state().is_online());
    assert_eq!((rig.client.in_flight(), rig.client.queued()), (1, 0));
}

fn failure(outcome: evenkeel_proto::Completion) -> (u64, PublishLimit) {
    match outcome {
        evenkeel_proto::Completion::Publish {
            token,
            result: Err(DeliveryError::NotAllowed(limit)),
        } => (token.0, limit),
        other => panic!("{other:?}"),
    }
}

/// D2.
#[test]
fn what_was_in_flight_is_checked_when_it_is_sent_again() {
    let mut rig = queued();
    rig.accept_with(&accepted());
    assert_eq!(rig.wire.len(), 4);
    let qos_2 = rig.expect_publish().packet_id.unwrap();
    rig.completions.clear();
    rig.drop_link(evenkeel_proto::TransportFailure::TimedOut);
    rig.forget_wire();
    rig.await_open();
    rig.accept_with(&ConnAck { session_present: true, ..strict() });
    assert_eq!(rig.expect(), pubrel(qos_2), "the server may hold it");
    rig.send(&pubcomp(qos_2));
    assert_eq!(rig.expect_publish().topic, "fine");
    let failed: Vec<u64> = rig.outcomes().into_iter().map(|outcome| failure(outcome).0).collect();
    assert_eq!(failed, [1, 3]);
}

//= [MQTT-2.2.1-3] test
//= [MQTT-4.3.3-1] test
/// D4: the server that goes on with the session may hold a QoS 2 message which
/// the client may not send again; a new one under its identifier would pass
/// for a copy.
#[test]
fn the_identifier_of_what_may_not_be_sent_again_is_in_use_until_pubcomp() {
    let settings = quiet(lasting(Version::V5));
    let mut rig = Rig::online(settings);
    rig.publish("old", ExactlyOnce, 1);
    let old = rig.expect_publish().packet_id.unwrap();
    rig.reconnect_with(&ConnAck { session_present: true, ..strict() });
    assert_eq!(failure(rig.outcomes().remove(0)).0, 1);
    assert_eq!(rig.expect(), pubrel(old));
    let publish = |rig: &mut Rig, count: u64| {
        let mut used = Vec::new();
        for number in 0..count {
            rig.publish("new", AtLeastOnce, number);
            while let Some(Packet::Publish(publish)) = rig.wire.pop_front() {
                used.push(publish.packet_id.unwrap());
                rig.send(&puback(publish.packet_id.unwrap()));
            }
        }
        used
    };
    // What is sent again goes alone, until it has an answer.
    assert_eq!(publish(&mut rig, 5), []);
    assert_eq!(rig.client.queued(), 5);
    rig.reconnect_with(&resumed());
    assert_eq!(rig.expect(), pubrel(old), "until there is an answer");
    // A PUBREC that comes late is answered like any other.
    rig.send(&pubrec(old));
    assert_eq!(rig.expect(), pubrel(old));
    rig.outcomes();
    rig.send(&pubcomp(old));
    let used = publish(&mut rig, 60);
    assert_eq!(used.len(), 65);
    assert!(used.contains(&old), "it is free now");
    assert_eq!(rig.client.in_flight(), 0);
}

#[test]
fn a_server_that_lost_the_session_holds_no_identifier() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    rig.publish("old", ExactlyOnce, 1);
    rig.expect_publish();
    rig.reconnect_with(&strict());
    assert_eq!(failure(rig.outcomes().remove(0)).0, 1);
    rig.expect_nothing();
    assert_eq!(rig.client.in_flight(), 0);
}

#[test]
fn a_queued_message_too_large_for_the_present_server_is_refused_at_submit() {
    let connack = with([Property::MaximumPacketSize(100), Property::ReceiveMaximum(1)]);
    let mut rig = Rig::online_with(config(Version::V5), &connack);
    rig.publish("a", AtLeastOnce, 1);
    assert_eq!(rig.publish("a", AtLeastOnce, 2), Accepted::Tracked, "queued behind the window");
    let error = rig.try_publish(sized(200), 3).unwrap_err();
    assert!(matches!(limit_of(&error), PublishLimit::PacketSize { .. }));
    assert_eq!(rig.client.queued(), 1);
}

/// D5.
#[test]
fn subscriptions_the_server_lacks_are_refused_at_submit() {
    let cases = [
        (Property::WildcardSubscriptionAvailable(0), "a/+", SubscribeFeature::Wildcards),
        (
            Property::SharedSubscriptionAvailable(0),
            "$share/g/a",
            SubscribeFeature::SharedSubscriptions,
        ),
    ];
    for (property, filter, feature) in cases {
        let mut rig = Rig::online_with(config(Version::V5), &with([property]));
        let error = rig.try_subscribe(&[("fine", AtMostOnce), (filter, AtMostOnce)], 1);
        assert_eq!(error, Err(SubscribeError::NotSupported(feature)));
        rig.expect_nothing();
        rig.subscribe(&[("fine", AtMostOnce)], 2);
        rig.expect_subscribe();
        rig.unsubscribe(&[filter], 3);
        rig.expect_unsubscribe();
    }
    let lacking = with([Property::SubscriptionIdentifierAvailable(0)]);
    let mut rig = Rig::online_with(config(Version::V5), &lacking);
    let identified = [Property::SubscriptionIdentifier(1)].into_iter().collect();
    let filters = vec![subscribe_to("a", AtMostOnce)];
    let error = rig.client.subscribe(rig.now, filters, identified, token(1));
    let feature = SubscribeFeature::SubscriptionIdentifiers;
    assert_eq!(error, Err(SubscribeError::NotSupported(feature)));
}

#[test]
fn subscriptions_queued_for_a_server_that_lacks_them_fail_filter_by_filter() {
    let lacking = with([Property::WildcardSubscriptionAvailable(0)]);
    let mut rig = Rig::started(config(Version::V5));
    rig.subscribe(&[("a/+", AtMostOnce)], 1);
    rig.subscribe(&[("b", AtMostOnce), ("b/#", AtMostOnce), ("c", AtLeastOnce)], 2);
    rig.accept_with(&lacking);
    assert_eq!(rig.answer(1), Err(SubscribeError::NotSupported(SubscribeFeature::Wildcards)),);
    let first = rig.expect_subscribe();
    assert_eq!(first.filters, [subscribe_to("b", AtMostOnce)]);
    rig.send(&suback(first.packet_id, &[0]));
    let second = rig.expect_subscribe();
    assert_eq!(second.filters, [subscribe_to("c", AtLeastOnce)]);
    rig.send(&suback(second.packet_id, &[1]));
    assert_eq!(rig.answer(2), Ok(vec![0, 0xa2, 1]));
}

#[test]
fn a_subscribe_larger_than_the_server_takes_is_sent_in_parts() {
    let connack = with([Property::MaximumPacketSize(40)]);
    let mut rig = Rig::online_with(config(Version::V5), &connack);
    let filters = ["filter/one", "filter/two", "filter/three", "filter/four"];
    rig.subscribe(&filters.map(|filter| (filter, AtMostOnce)), 1);
    let mut asked = Vec::new();
    while let Some(Packet::Subscribe(part)) = rig.wire.pop_front() {
        let size = Packet::Subscribe(part.clone()).encoded_len(Version::V5).unwrap();
        assert!(size <= 40, "{size}");
        asked.extend(part.filters.iter().map(|filter| filter.filter.to_string()));
        rig.send(&suback(part.packet_id, &vec![0; part.filters.len()]));
    }
    assert_eq!(asked, filters);
    assert_eq!(rig.answer(1), Ok(vec![0; 4]));
}

#[test]
fn a_filter_larger_than_the_server_takes_fails_alone() {
    let connack = with([Property::MaximumPacketSize(40)]);
    let mut rig = Rig::online_with(config(Version::V5), &connack);
    let long = "x".repeat(50);
    rig.subscribe(&[(&long, AtMostOnce)], 1);
    let SubscribeError::NotAllowed(PublishLimit::PacketSize { limit: 40, .. }) =
        rig.answer(1).unwrap_err()
    else {
        panic!()
    };
    rig.subscribe(&[("a", AtMostOnce), (&long, AtMostOnce), ("b", AtMostOnce)], 2);
    for _ in 0..2 {
        let part = rig.expect_subscribe();
        rig.send(&suback(part.packet_id, &[1]));
    }
    assert_eq!(rig.answer(2), Ok(vec![1, 0x95, 1]));
    rig.expect_nothing();
}

#[test]
fn a_subscription_no_packet_can_carry_is_refused_at_submit() {
    let mut shared = subscribe_to("$share/g/a", AtMostOnce);
    shared.options.no_local = true;
    for mut rig in [Rig::online(config(Version::V5)), Rig::new(config(Version::V5))] {
        let error =
            rig.client.subscribe(rig.now, vec![shared.clone()], Default::default(), token(1));
        assert!(matches!(error, Err(SubscribeError::NotAllowed(PublishLimit::Encode(_)))));
        rig.settle();
        rig.expect_nothing();
    }
}

fn aliased(maximum: u16) -> Rig {
    Rig::online_with(config(Version::V5), &with([Property::TopicAliasMaximum(maximum)]))
}

//= [MQTT-3.2.2-17] test
//= [MQTT-3.3.2-9] test
/// D5.
#[test]
fn aliases_stay_within_the_servers_maximum() {
    for maximum in [1, 2, 5] {
        let mut rig = aliased(maximum);
        let mut server = std::collections::BTreeMap::new();
        let (mut plain, mut shortened) = (0, 0);
        // Three topics, of which each in turn is left alone for long.
        for number in 0..900 {
            let topic = format!("topic/{}", (number % 2 + number / 300) % 3);
            rig.publish(&topic, AtMostOnce, number);
            let sent = rig.expect_publish();
            let Some(alias) = sent.properties.topic_alias() else {
                assert_eq!(sent.topic, topic.as_str());
                plain += 1;
                continue;
            };
            assert!((1..=maximum).contains(&alias));
            if sent.topic.is_empty() {
                shortened += 1;
            } else {
                server.insert(alias, sent.topic.to_string());
            }
            assert_eq!(server[&alias], topic, "the server resolves it to what was meant");
        }
        assert!(shortened >= 300, "{shortened} of those with {maximum}");
        assert_eq!(plain > 0, maximum < 3, "{plain}");
    }
}

/// Topics that take turns, more of them than the server takes aliases for: some
/// have one, and none of these moves.
#[test]
fn aliases_stay_where_they_are_while_topics_take_turns() {
    for (maximum, topics) in [(2, 3), (10, 11), (10, 100), (64, 100), (u16::MAX, 1000)] {
        let mut rig = aliased(maximum);
        let (mut shortened, mut given) = (0, Vec::new());
        for round in 0..10 {
            for number in 0..topics {
                rig.publish(&format!("topic/{number}"), AtMostOnce, number);
                let sent = rig.expect_publish();
                match sent.properties.topic_alias() {
                    Some(_) if sent.topic.is_empty() => shortened += 1,
                    Some(alias) => given.push(alias),
                    None => {}
                }
            }
            let so_far = given.len();
            assert!((1..=256.min(topics as usize)).contains(&so_far), "round {round}: {so_far}");
            assert!(so_far <= usize::from(maximum), "{topics} topics for {maximum}: {so_far}");
        }
        assert_eq!(shortened, 9 * given.len(), "{topics} topics for {maximum}");
    }
}

/// It would save nothing.
#[test]
fn a_topic_of_up_to_three_bytes_has_no_alias() {
    let mut rig = aliased(9);
    for (topic, alias) in [("abc", None), ("abc", None), ("abcd", Some(1)), ("abcd", Some(1))] {
        rig.publish(topic, AtMostOnce, 1);
        assert_eq!(rig.expect_publish().properties.topic_alias(), alias, "{topic}");
    }
}

fn manual(maximum: u16) -> (evenkeel_proto::Config, ConnAck) {
    let mut settings = quiet(lasting(Version::V5));
    settings.topic_aliases = TopicAliases::Manual;
    (settings, with([Property::TopicAliasMaximum(maximum)]))
}

fn numbered(topic: &str, alias: u16, qos: evenkeel_proto::codec::QoS) -> Publish {
    let properties = [Property::TopicAlias(alias)].into_iter().collect();
    let message = publish(if topic.is_empty() { "a" } else { topic }, "", qos);
    let topic = if topic.is_empty() { text("") } else { message.topic.clone() };
    Publish { topic, properties, ..message }
}

#[track_caller]
fn sent(rig: &mut Rig) -> (String, Option<u16>) {
    let sent = rig.expect_publish();
    (sent.topic.to_string(), sent.properties.topic_alias())
}

#[test]
fn the_application_gives_aliases_and_the_server_learns_each_once() {
    let (settings, connack) = manual(9);
    let mut rig = Rig::online_with(settings, &connack);
    let mut say = |topic: &str, alias| {
        rig.client
            .publish(
                rig.now,
                &mut numbered(topic, alias, AtMostOnce),
                Priority::default(),
                token(1),
            )
            .unwrap();
        rig.settle();
        sent(&mut rig)
    };
    assert_eq!(say("a", 9), ("a".into(), Some(9)), "both: the server learns it");
    assert_eq!(say("a", 9), ("".into(), Some(9)), "it knows");
    assert_eq!(say("", 9), ("".into(), Some(9)), "the topic may be left out");
    assert_eq!(say("b", 9), ("b".into(), Some(9)), "another topic for the same alias");
    assert_eq!(say("", 9), ("".into(), Some(9)));
    rig.publish("c", AtMostOnce, 1);
    assert_eq!(sent(&mut rig), ("c".into(), None), "no alias of ours beside");
}

/// A message that is sent again always has its topic.
#[test]
fn what_was_sent_with_an_alias_is_sent_again_with_its_topic() {
    for durable in [false, true] {
        let (settings, connack) = manual(5);
        let mut rig = if durable { Rig::durable(settings) } else { Rig::new(settings) };
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&connack);
        for (topic, number) in [("a", 1), ("", 2)] {
            rig.client
                .publish(
                    rig.now,
                    &mut numbered(topic, 5, AtLeastOnce),
                    Priority::default(),
                    token(number),
                )
                .unwrap();
            rig.settle();
        }
        assert_eq!(sent(&mut rig), ("a".into(), Some(5)));
        assert_eq!(sent(&mut rig), ("".into(), Some(5)));
        rig.reconnect_with(&ConnAck { session_present: true, ..connack });
        let first = rig.expect_publish();
        assert_eq!((&*first.topic, first.properties.topic_alias()), ("a", None));
        rig.send(&puback(first.packet_id.unwrap()));
        assert_eq!(sent(&mut rig), ("a".into(), None));
        // The aliases of the connection before are forgotten.
        rig.client
            .publish(rig.now, &mut numbered("", 5, AtLeastOnce), Priority::default(), token(3))
            .unwrap();
        rig.settle();
        let third = sent(&mut rig);
        assert_eq!(third, ("a".into(), Some(5)), "durable: {durable}");
    }
}

/// D2: what the server does not take is refused, and a topic that nobody gave.
#[test]
fn an_alias_that_cannot_be_used_is_refused() {
    let (settings, connack) = manual(5);
    let mut rig = Rig::new(settings);
    let refused = |rig: &mut Rig, topic: &str, alias| {
        let mut message = numbered(topic, alias, AtLeastOnce);
        rig.client.publish(rig.now, &mut message, Priority::default(), token(9)).unwrap_err()
    };
    let unknown = PublishLimit::UnknownTopicAlias { alias: 5 };
    assert_eq!(refused(&mut rig, "", 5), RejectReason::NotAllowed(unknown.clone()));
    // While offline the maximum is not known: it goes out with its topic then.
    rig.client
        .publish(rig.now, &mut numbered("a", 6, AtLeastOnce), Priority::default(), token(1))
        .unwrap();
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&connack);
    assert_eq!(sent(&mut rig), ("a".into(), None));
    let above = PublishLimit::TopicAlias { alias: 6, maximum: 5 };
    assert_eq!(refused(&mut rig, "a", 6), RejectReason::NotAllowed(above.clone()));
    assert!(above.to_string().contains('6') && unknown.to_string().contains('5'));
    rig.expect_nothing();
}

//= [MQTT-3.2.2-18] test
#[test]
fn a_server_that_announces_none_sees_none() {
    for connack in [accepted(), with([Property::TopicAliasMaximum(0)])] {
        let mut rig = Rig::online_with(config(Version::V5), &connack);
        for number in 0..3 {
            rig.publish("a", AtMostOnce, number);
            let sent = rig.expect_publish();
            assert_eq!((&*sent.topic, sent.properties.topic_alias()), ("a", None));
        }
    }
    let mut settings = config(Version::V5);
    settings.topic_aliases = TopicAliases::Off;
    let mut rig = Rig::online_with(settings, &with([Property::TopicAliasMaximum(9)]));
    rig.publish("a", AtMostOnce, 1);
    assert_eq!(rig.expect_publish().properties.topic_alias(), None, "switched off");
}

//= [MQTT-3.3.2-7] test
#[test]
fn aliases_do_not_outlive_their_connection() {
    let mut rig = aliased(5);
    rig.publish("topic", AtMostOnce, 1);
    rig.publish("topic", AtMostOnce, 2);
    rig.expect_publish();
    assert!(rig.expect_publish().topic.is_empty());
    rig.reconnect_with(&with([Property::TopicAliasMaximum(5)]));
    rig.publish("topic", AtMostOnce, 3);
    assert_eq!(rig.expect_publish().topic, "topic", "defined anew");
    rig.reconnect_with(&accepted());
    rig.publish("topic", AtMostOnce, 4);
    let sent = rig.expect_publish();
    assert_eq!((&*sent.topic, sent.properties.topic_alias()), ("topic", None));
}

#[test]
fn a_message_that_was_not_sent_defines_no_alias() {
    let connack = with([Property::TopicAliasMaximum(1), Property::MaximumPacketSize(50)]);
    let mut rig = Rig::online_with(config(Version::V5), &connack);
    assert!(rig.try_publish(sized(100), 1).is_err());
    rig.publish("topic", AtMostOnce, 2);
    assert_eq!(rig.expect_publish().topic, "topic", "the server has not seen it yet");
    rig.publish("topic", AtMostOnce, 3);
    assert!(rig.expect_publish().topic.is_empty());
}

/// A message from the server under an alias, with or without its topic.
fn incoming(topic: &str, alias: u16) -> Packet {
    let mut publish = delivery(topic, AtMostOnce, 0);
    publish.properties.push(Property::TopicAlias(alias));
    Packet::Publish(publish)
}

//= [MQTT-3.3.2-10] test
#[test]
fn every_alias_up_to_our_maximum_is_understood() {
    let mut settings = config(Version::V5);
    settings.connect.topic_alias_maximum = 100;
    let mut rig = Rig::online(settings);
    for alias in 1..=100 {
        rig.send(&incoming(&format!("t/{alias}"), alias));
        assert_eq!(rig.message().publish.topic, format!("t/{alias}").as_str());
    }
    for alias in (1..=100).rev() {
        rig.send(&incoming("", alias));
        assert_eq!(rig.message().publish.topic, format!("t/{alias}").as_str());
    }
    rig.send(&incoming("else", 100));
    rig.message();
    rig.send(&incoming("", 100));
    assert_eq!(rig.message().publish.topic, "else", "redefined");
}

#[test]
fn aliases_beyond_our_maximum_or_never_defined_end_the_connection() {
    use evenkeel_proto::codec::ReasonCode;
    use evenkeel_proto::{DisconnectCause, ProtocolError};
    let undefined = [incoming("t", 65), incoming("", 64), incoming("t", u16::MAX)];
    for packet in undefined {
        let mut rig = Rig::online(config(Version::V5));
        rig.send(&packet);
        assert_eq!(rig.expect_disconnect(), ReasonCode::TOPIC_ALIAS_INVALID);
        let expected = DisconnectCause::ProtocolError(ProtocolError::TopicAliasInvalid);
        assert_eq!(rig.cause(), expected);
        assert!(rig.client.next_message().is_none());
    }
}

//= [MQTT-3.3.2-7] test
#[test]
fn the_servers_aliases_do_not_outlive_their_connection() {
    let mut rig = Rig::online(config(Version::V5));
    rig.send(&incoming("t", 1));
    rig.reconnect_with(&accepted());
    rig.send(&incoming("", 1));
    assert!(rig.link.is_none(), "nothing is known of the old connection's alias");
}

#[test]
fn our_maximum_packet_size_is_exact() {
    use evenkeel_proto::DisconnectCause;
    use evenkeel_proto::codec::{DecodeError, ReasonCode};
    each_version(|version| {
        let message = delivery("a", AtMostOnce, 0);
        let size = Packet::Publish(message.clone()).encoded_len(version).unwrap() as u32;
        let mut settings = config(version);
        settings.connect.maximum_packet_size = size;
        let mut rig = Rig::online(settings.clone());
        rig.send(&Packet::Publish(message.clone()));
        assert_eq!(rig.message().publish.topic, "a");

        settings.connect.maximum_packet_size = size - 1;
        let mut rig = Rig::online(settings);
        rig.send(&Packet::Publish(message));
        match version {
            Version::V5 => assert_eq!(rig.expect_disconnect(), ReasonCode::PACKET_TOO_LARGE),
            _ => rig.expect_nothing(),
        }
        let maximum = size - 1;
        let expected = DisconnectCause::Malformed(DecodeError::PacketTooLarge { size, maximum });
        assert_eq!(rig.cause(), expected);
    });
}

#[test]
fn a_limit_in_the_way_costs_nothing_but_its_message() {
    // A connection, once up, stays up whatever the application asks for.
    let mut rig = Rig::online_with(quiet(config(Version::V5)), &strict());
    for number in 0..100 {
        let _ = rig.try_publish(publish("a", "x", ExactlyOnce), number);
        let _ = rig.try_publish(sized(1000), number);
        let _ = rig.try_publish(retained(), number);
    }
    rig.advance(Duration::from_secs(3600));
    rig.expect_nothing();
    assert!(rig.client.state().is_online());
    assert_eq!(rig.stats().connects, 1);
}
