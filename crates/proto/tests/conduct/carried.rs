//! What a version or a server can carry: what was accepted is sent (D2), and
//! nothing is left out in silence (D15).

use evenkeel_proto::codec::{
    Properties, Property, PropertyId, Publish, QoS, ReasonCode, RetainHandling, SubscribeFilter,
    SubscribeOptions, Version, Will,
};
use evenkeel_proto::{
    Accepted, Client, Config, ConfigError, DeliveryError, Event, Instant, PublishLimit,
    RejectReason, SubscribeError, SubscribeFeature,
};

use crate::support::*;

// ---- topic aliases ----

/// 17 bytes go around the payload, and 3 more for an alias.
fn sized(payload: usize) -> Publish {
    publish("0123456789", &"x".repeat(payload), AtLeastOnce)
}

const SMALL: [Property; 2] = [Property::MaximumPacketSize(60), Property::TopicAliasMaximum(10)];

#[test]
fn what_fits_without_an_alias_is_sent_without() {
    let alias = |rig: &mut Rig| rig.expect_publish().properties.topic_alias();
    let mut rig = Rig::online_with(quiet(lasting(Version::V5)), &with(SMALL));
    for (number, payload) in (41..=43).enumerate() {
        assert_eq!(rig.try_publish(sized(payload), number as u64), Ok(Accepted::Tracked));
        assert_eq!(alias(&mut rig), None, "{payload} bytes");
    }
    let refused = rig.try_publish(sized(44), 9);
    let limit = PublishLimit::PacketSize { size: 61, limit: 60 };
    assert_eq!(refused, Err(RejectReason::NotAllowed(limit)));
    // The alias is defined by the next one that has room for it.
    rig.try_publish(sized(40), 10).unwrap();
    assert_eq!(alias(&mut rig), Some(1));
    rig.try_publish(sized(43), 11).unwrap();
    let used = rig.expect_publish();
    assert_eq!((used.properties.topic_alias(), used.topic.len()), (Some(1), 0));
}

/// With an alias that is known a message is no larger than without, down to the
/// shortest topic that has one.
#[test]
fn the_largest_message_to_a_short_topic_is_sent() {
    let mut rig = Rig::online_with(quiet(lasting(Version::V5)), &with(SMALL));
    for (number, payload) in [(1, 10), (2, 49)] {
        rig.try_publish(publish("abcd", &"x".repeat(payload), AtLeastOnce), number).unwrap();
    }
    assert_eq!(rig.expect_publish().properties.topic_alias(), Some(1));
    let last = rig.expect_publish();
    assert_eq!((&*last.topic, last.properties.topic_alias()), ("", Some(1)));
}

#[test]
fn what_was_queued_is_sent_without_an_alias_too() {
    for durable in [false, true] {
        let settings = quiet(lasting(Version::V5));
        let mut rig = if durable { Rig::durable(settings) } else { Rig::new(settings) };
        rig.client.start(rig.now);
        rig.settle();
        for (number, payload) in [40, 41, 42, 43, 60].into_iter().enumerate() {
            rig.try_publish(sized(payload), number as u64).unwrap();
        }
        rig.accept_with(&with(SMALL));
        let aliases: Vec<_> =
            (40..=43).map(|_| rig.expect_publish().properties.topic_alias()).collect();
        assert_eq!(aliases[0], Some(1));
        assert!(aliases[1..].iter().all(|alias| alias.is_none() || *alias == Some(1)));
        rig.expect_nothing();
        let failed = rig.outcomes().into_iter().filter(|outcome| {
            let text = format!("{outcome:?}");
            text.contains("PacketSize { size: 77, limit: 60 }")
        });
        assert_eq!(failed.count(), 1, "only what does not fit at all");
    }
}

/// The limit shrinks at a reconnect: what fits the new one is sent.
#[test]
fn what_was_in_flight_is_sent_again_within_a_smaller_limit() {
    let large = with([Property::TopicAliasMaximum(10)]);
    let mut rig = Rig::online_with(quiet(lasting(Version::V5)), &large);
    for (number, payload) in (40..=43).enumerate() {
        rig.try_publish(sized(payload), number as u64).unwrap();
    }
    let mut small = with(SMALL);
    small.session_present = true;
    rig.reconnect_with(&small);
    for _ in 40..=43 {
        let again = rig.expect_publish();
        assert!(again.dup);
        rig.send(&puback(again.packet_id.unwrap()));
    }
    assert_eq!(rig.outcomes().len(), 4);
}

/// MQTT 5 adds a byte to what an older version would send.
#[test]
fn what_waits_is_measured_in_the_configured_version() {
    let mut settings = quiet(lasting(Version::V5));
    settings.fallback = true;
    settings.bounds.packet_size = Some(60);
    settings.bounds.in_flight = 1;
    let mut rig = Rig::started(settings);
    speak_311(&mut rig);
    rig.try_publish(sized(43), 1).unwrap();
    let limit = PublishLimit::PacketSize { size: 61, limit: 60 };
    // 60 bytes now, and 61 if the next connection speaks MQTT 5.
    assert_eq!(rig.try_publish(sized(44), 2), Err(RejectReason::NotAllowed(limit)));
}

// ---- versions ----

/// The server knows 3.1.1 alone.
fn speak_311(rig: &mut Rig) {
    assert_eq!(rig.accept().version, Version::V5);
    rig.send(&evenkeel_proto::codec::Packet::ConnAck(refused(
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    )));
    rig.await_open();
    assert_eq!(rig.accept_with(&accepted()).version, Version::V311);
}

fn with_property(topic: &str, qos: QoS) -> Publish {
    let mut message = publish(topic, "x", qos);
    message.properties.push(Property::ContentType(text("text/plain")));
    message
}

const NEEDS_V5: PublishLimit =
    PublishLimit::Property { id: PropertyId::CONTENT_TYPE, version: Version::V311 };

#[test]
fn properties_are_refused_at_submit_where_the_version_has_none() {
    for qos in [AtMostOnce, AtLeastOnce, ExactlyOnce] {
        let mut rig = Rig::started(quiet(lasting(Version::V311)));
        let refused = Err(RejectReason::NotAllowed(NEEDS_V5));
        assert_eq!(rig.try_publish(with_property("a", qos), 1), refused, "offline");
        rig.accept_with(&accepted());
        assert_eq!(rig.try_publish(with_property("a", qos), 2), refused);
        rig.publish("a", qos, 3);
        assert_eq!(rig.expect_publish().topic, "a", "the rest goes on");
    }
}

#[test]
fn what_was_queued_for_mqtt_5_is_not_sent_without_its_properties() {
    for durable in [false, true] {
        let mut settings = quiet(lasting(Version::V5));
        settings.fallback = true;
        let mut rig = if durable { Rig::durable(settings) } else { Rig::new(settings) };
        rig.client.start(rig.now);
        rig.settle();
        rig.try_publish(with_property("a", AtLeastOnce), 1).unwrap();
        rig.publish("b", AtLeastOnce, 2);
        rig.completions.clear();
        speak_311(&mut rig);
        assert_eq!(rig.expect_publish().topic, "b");
        rig.expect_nothing();
        assert_eq!(rig.outcome(1), Err(DeliveryError::NotAllowed(NEEDS_V5)));
    }
}

fn option(change: impl FnOnce(&mut SubscribeOptions)) -> Vec<SubscribeFilter> {
    let mut entry = subscribe_to("s", AtLeastOnce);
    change(&mut entry.options);
    vec![entry]
}

#[test]
fn options_of_a_subscription_are_refused_where_the_version_has_none() {
    let cases = [
        (option(|options| options.no_local = true), SubscribeFeature::NoLocal),
        (option(|options| options.retain_as_published = true), SubscribeFeature::RetainAsPublished),
        (
            option(|options| options.retain_handling = RetainHandling::Never),
            SubscribeFeature::RetainHandling,
        ),
    ];
    let user = || Properties::new().with(Property::UserProperty(text("a"), text("b")));
    for (filters, feature) in cases {
        let refused = Err(SubscribeError::NotSupported(feature));
        let mut rig = Rig::started(quiet(lasting(Version::V311)));
        for online in [false, true] {
            if online {
                rig.accept_with(&accepted());
            }
            let (now, none) = (rig.now, Properties::new());
            assert_eq!(rig.client.subscribe(now, filters.clone(), none, token(1)), refused);
            let properties = Err(SubscribeError::NotSupported(SubscribeFeature::Properties));
            let plain = option(|_| {});
            assert_eq!(rig.client.subscribe(now, plain, user(), token(2)), properties);
            let ended = rig.client.unsubscribe(now, vec![filter("s")], user(), token(3));
            assert_eq!(ended, properties);
        }
        rig.subscribe(&[("s", AtLeastOnce)], 4);
        rig.expect_subscribe();
        // Asked for MQTT 5, and the server turns out to know less.
        let mut settings = quiet(lasting(Version::V5));
        settings.fallback = true;
        let mut rig = Rig::started(settings);
        rig.client.subscribe(rig.now, filters, Properties::new(), token(1)).unwrap();
        speak_311(&mut rig);
        rig.expect_nothing();
        assert_eq!(rig.answer(1), Err(SubscribeError::NotSupported(feature)));
    }
}

/// What is restored in an older version is told to be lost, if it cannot be.
#[test]
fn a_subscription_that_cannot_be_restored_is_told() {
    let mut settings = quiet(lasting(Version::V5));
    settings.fallback = true;
    let mut rig = Rig::online(settings);
    let filters = option(|options| options.no_local = true);
    rig.client.subscribe(rig.now, filters, Properties::new(), token(1)).unwrap();
    rig.settle();
    let id = rig.expect_subscribe().packet_id;
    rig.send(&suback(id, &[1]));
    rig.cut();
    rig.await_open();
    rig.accept();
    rig.send(&evenkeel_proto::codec::Packet::ConnAck(refused(
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    )));
    // A server that has spoken MQTT 5 is not asked for less; a client that did
    // would have to say what is lost.
    rig.await_open();
    if rig.accept_with(&accepted()).version == Version::V311 {
        let lost = |event: &Event| matches!(event, Event::SubscriptionLost { .. });
        assert!(rig.take_events().iter().any(lost));
    }
}

#[test]
fn a_client_with_properties_of_its_own_needs_mqtt_5() {
    let user = || Property::UserProperty(text("a"), text("b"));
    let changes: [fn(&mut Config, Property); 3] = [
        |config, property| config.connect.properties.push(property),
        |config, property| config.disconnect_properties.push(property),
        |config, property| {
            let properties = Properties::new().with(property);
            let (topic, payload) = ("w".try_into().unwrap(), "gone".into());
            let (qos, retain) = (AtMostOnce, false);
            let will = Will { qos, retain, topic, payload, properties };
            config.connect.will = Some(Box::new(will));
        },
    ];
    for change in changes {
        let mut settings = quiet(lasting(Version::V311));
        change(&mut settings, user());
        let made = Client::new(settings, 7, Instant::from_micros(1)).map(drop);
        assert_eq!(made, Err(ConfigError::NeedsV5(PropertyId::USER_PROPERTY)));
        // It does not fall back either.
        let mut settings = quiet(lasting(Version::V5));
        settings.fallback = true;
        change(&mut settings, user());
        let mut rig = Rig::started(settings);
        rig.accept();
        rig.send(&evenkeel_proto::codec::Packet::ConnAck(refused(
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
        )));
        assert!(matches!(rig.client.state(), evenkeel_proto::State::Halted { .. }));
    }
}

#[test]
fn what_has_no_place_in_a_packet_is_refused_when_the_client_is_made() {
    type Change<'a> = &'a dyn Fn(&mut Config, bytes::Bytes);
    let long = |length| bytes::Bytes::from(vec![7_u8; length]);
    let made = |change: Change<'_>, length| {
        let mut settings = quiet(lasting(Version::V5));
        change(&mut settings, long(length));
        Client::new(settings, 7, Instant::from_micros(1)).map(drop)
    };
    let password = |config: &mut Config, data| config.connect.credentials.password = Some(data);
    let authentication =
        |config: &mut Config, data| config.connect.authentication = Some((text("x"), data));
    let will = |config: &mut Config, payload| {
        let (topic, properties) = ("w".try_into().unwrap(), Properties::new());
        let (qos, retain) = (AtMostOnce, false);
        config.connect.will = Some(Box::new(Will { qos, retain, topic, payload, properties }));
    };
    let changes: [Change<'_>; 3] = [&password, &authentication, &will];
    for change in changes {
        assert_eq!(made(change, 65_535), Ok(()));
        let refused = made(change, 65_536);
        assert!(matches!(refused, Err(ConfigError::TooLong { length: 65_536, .. })), "{refused:?}");
    }
}

// ---- an expiry of 0 ----

fn momentary(topic: &str, qos: QoS) -> Publish {
    let mut message = publish(topic, "x", qos);
    message.properties.push(Property::MessageExpiryInterval(0));
    message
}

#[test]
fn an_expiry_of_0_is_sent_now_or_refused() {
    for qos in [AtMostOnce, AtLeastOnce, ExactlyOnce] {
        for durable in [false, true] {
            let settings = quiet(lasting(Version::V5));
            let mut rig = if durable { Rig::durable(settings) } else { Rig::new(settings) };
            rig.client.start(rig.now);
            rig.settle();
            let refused = rig.try_publish(momentary("a", qos), 1);
            assert_eq!(refused, Err(RejectReason::Expired), "offline");
            rig.accept_with(&accepted());
            rig.try_publish(momentary("a", qos), 2).unwrap();
            let sent = rig.expect_publish();
            assert_eq!(sent.properties.message_expiry_interval(), Some(0));
        }
    }
}

#[test]
fn an_expiry_of_0_waits_for_its_turn_and_for_no_other_connection() {
    let mut settings = quiet(lasting(Version::V5));
    settings.bounds.in_flight = 1;
    let mut rig = Rig::online(settings);
    rig.publish("first", AtLeastOnce, 1);
    let first = rig.expect_publish().packet_id.unwrap();
    rig.try_publish(momentary("second", AtLeastOnce), 2).unwrap();
    rig.try_publish(momentary("third", AtLeastOnce), 3).unwrap();
    rig.advance(secs(5));
    assert!(rig.outcomes().is_empty());
    rig.send(&puback(first));
    let second = rig.expect_publish();
    assert_eq!((&*second.topic, second.properties.message_expiry_interval()), ("second", Some(0)));
    rig.completions.clear();
    rig.reconnect_with(&resumed());
    // What was sent is sent again; what was not is of no more use.
    let again = rig.expect_publish();
    assert_eq!((&*again.topic, again.properties.message_expiry_interval()), ("second", Some(0)));
    rig.send(&puback(again.packet_id.unwrap()));
    rig.expect_nothing();
    let expired =
        rig.outcomes().into_iter().filter(|outcome| format!("{outcome:?}").contains("Expired"));
    assert_eq!(expired.count(), 1);
}
