//! Reason strings and user properties: those of the server reach the
//! application, and those of the application the server.

use bytes::Bytes;
use evenkeel_proto::codec::{
    Ack, Disconnect, Packet, PacketType, Properties, Property, PropertyId, ReasonCode, SubAck,
    UnsubAck, Version,
};
use evenkeel_proto::{AckError, Acknowledged, Answer, Completion, Event};

use crate::support::*;

fn said(reason: &str) -> Properties {
    Properties::new()
        .with(Property::ReasonString(text(reason)))
        .with(Property::UserProperty(text("node"), text("7")))
}

fn ack(packet_id: u16, reason: ReasonCode, words: &str) -> Ack {
    Ack { packet_id: id(packet_id), reason, properties: said(words) }
}

/// The packet type, code and properties of what the server said, by token.
fn answers(rig: &mut Rig) -> Vec<(u64, Answer)> {
    let (told, others) = rig
        .outcomes()
        .into_iter()
        .partition(|completion| matches!(completion, Completion::Answered { .. }));
    rig.completions = others;
    let told: Vec<Completion> = told;
    told.into_iter()
        .map(|completion| match completion {
            Completion::Answered { token, answer } => (token.0, *answer),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn told(rig: &mut Rig) -> Vec<Answer> {
    let events = rig.take_events().into_iter();
    let answers = events.filter_map(|event| match event {
        Event::Answered(answer) => Some(*answer),
        _ => None,
    });
    answers.collect()
}

#[test]
fn what_the_server_says_of_a_publish_comes_before_its_outcome() {
    let mut rig = Rig::online(config(Version::V5));
    rig.publish("a", AtLeastOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap().get();
    rig.send(&Packet::PubAck(ack(packet_id, ReasonCode::QUOTA_EXCEEDED, "too much")));
    let [(1, answer)] = &answers(&mut rig)[..] else { panic!("one answer") };
    assert_eq!(answer.packet_type, PacketType::PubAck);
    assert_eq!(answer.packet_id, id(packet_id));
    assert_eq!(answer.reason, Some(ReasonCode::QUOTA_EXCEEDED));
    assert_eq!(answer.properties, said("too much"));
    assert!(rig.outcome(1).is_err(), "one outcome (D1)");
}

#[test]
fn both_answers_to_a_qos_2_message_are_told() {
    let mut rig = Rig::online(config(Version::V5));
    rig.publish("a", ExactlyOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap().get();
    rig.send(&Packet::PubRec(ack(packet_id, ReasonCode::NO_MATCHING_SUBSCRIBERS, "nobody")));
    assert_eq!(rig.expect(), pubrel(id(packet_id)));
    rig.send(&Packet::PubComp(ack(packet_id, ReasonCode::SUCCESS, "done")));
    let kinds: Vec<_> =
        answers(&mut rig).into_iter().map(|(_, it)| (it.packet_type, it.properties)).collect();
    let expected = [(PacketType::PubRec, said("nobody")), (PacketType::PubComp, said("done"))];
    assert_eq!(kinds, expected);
    assert!(rig.outcome(1).is_ok());
}

#[test]
fn each_answer_to_an_operation_in_parts_is_told() {
    let mut settings = config(Version::V5);
    settings.bounds.filters_per_packet = 1;
    let mut rig = Rig::online(settings);
    rig.subscribe(&[("a", AtMostOnce), ("b", AtMostOnce)], 1);
    for part in ["first", "second"] {
        let packet_id = rig.expect_subscribe().packet_id;
        let codes = vec![ReasonCode::SUCCESS];
        rig.send(&Packet::SubAck(SubAck { packet_id, codes, properties: said(part) }));
    }
    let words: Vec<_> = answers(&mut rig).into_iter().map(|(_, it)| it.properties).collect();
    assert_eq!(words, [said("first"), said("second")]);
    assert_eq!(rig.answer(1), Ok(vec![0, 0]));
    rig.unsubscribe(&["a"], 2);
    let packet_id = rig.expect_unsubscribe().packet_id;
    let codes = vec![ReasonCode::NO_SUBSCRIPTION_EXISTED];
    rig.send(&Packet::UnsubAck(UnsubAck { packet_id, codes, properties: said("none") }));
    let [(2, answer)] = &answers(&mut rig)[..] else { panic!("one answer") };
    assert_eq!((answer.packet_type, answer.reason), (PacketType::UnsubAck, None));
}

/// PUBREL belongs to no operation of the application, nor does what is restored.
#[test]
fn what_belongs_to_no_operation_is_an_event() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    rig.subscribe(&[("a", AtMostOnce)], 1);
    let packet_id = rig.expect_subscribe().packet_id;
    rig.send(&suback(packet_id, &[0]));
    rig.reconnect_with(&accepted());
    rig.outcomes();
    rig.take_events();
    let packet_id = rig.expect_subscribe().packet_id;
    let codes = vec![ReasonCode::SUCCESS];
    rig.send(&Packet::SubAck(SubAck { packet_id, codes, properties: said("again") }));
    rig.send(&Packet::Publish(delivery("a", ExactlyOnce, 5)));
    rig.handle_message();
    rig.send(&Packet::PubRel(ack(5, ReasonCode::SUCCESS, "release")));
    let kinds: Vec<_> = told(&mut rig).into_iter().map(|answer| answer.packet_type).collect();
    assert_eq!(kinds, [PacketType::SubAck, PacketType::PubRel]);
    assert_eq!(rig.outcomes(), []);
}

/// D7: nobody asked for it.
#[test]
fn what_answers_nothing_is_not_told() {
    let mut rig = Rig::online(config(Version::V5));
    for packet in [
        Packet::PubAck(ack(9, ReasonCode::SUCCESS, "?")),
        Packet::PubRec(ack(9, ReasonCode::SUCCESS, "?")),
        Packet::PubComp(ack(9, ReasonCode::SUCCESS, "?")),
    ] {
        rig.send(&packet);
    }
    assert_eq!(rig.outcomes(), []);
    assert_eq!(told(&mut rig), []);
    assert_eq!(rig.stats().unknown_acknowledgements, 3);
}

/// S1: the data of an authentication are no one's to see.
#[test]
fn all_that_connack_says_is_told_but_secrets() {
    let words = said("welcome");
    let mut connack = with(words.iter().cloned());
    let mut settings = config(Version::V5);
    settings.connect.authentication = Some((text("m"), Bytes::from_static(b"first")));
    connack.properties.push(Property::AuthenticationMethod(text("m")));
    connack.properties.push(Property::AuthenticationData(Bytes::from_static(b"hush")));
    let mut rig = Rig::started(settings);
    rig.accept_with(&connack);
    let conn = rig.conn();
    rig.client.authenticate(rig.now, conn, Some(Bytes::new()));
    rig.settle();
    let events = rig.take_events();
    let connected = events.iter().find_map(|event| match event {
        Event::Connected(connected) => Some(connected),
        _ => None,
    });
    let properties = &connected.expect("it is online").properties;
    assert_eq!(properties.reason_string(), Some(text("welcome")));
    assert_eq!(properties.user_properties().collect::<Vec<_>>(), [("node", "7")]);
    assert_eq!(properties.authentication_data(), None);
}

#[test]
fn what_the_server_says_as_it_closes_is_part_of_the_cause() {
    let mut rig = Rig::online(config(Version::V5));
    let reason = ReasonCode::ADMINISTRATIVE_ACTION;
    rig.send(&Packet::Disconnect(Disconnect { reason, properties: said("moving") }));
    let evenkeel_proto::DisconnectCause::ServerDisconnect { text, properties, .. } = rig.cause()
    else {
        panic!("DISCONNECT")
    };
    assert_eq!((text, properties), (Some(self::text("moving")), said("moving")));
}

//= [MQTT-3.4.2-2] test
//= [MQTT-3.4.2-3] test
//= [MQTT-3.5.2-2] test
//= [MQTT-3.5.2-3] test
#[test]
fn what_the_application_says_of_a_message_reaches_the_server_as_far_as_it_fits() {
    for durable in [false, true] {
        for (qos, limit) in [AtLeastOnce, ExactlyOnce].map(|qos| [(qos, 100), (qos, 20)]).concat() {
            let mut rig = if durable {
                Rig::durable(config(Version::V5))
            } else {
                Rig::new(config(Version::V5))
            };
            rig.client.start(rig.now);
            rig.settle();
            rig.accept_with(&with([Property::MaximumPacketSize(limit)]));
            rig.send(&Packet::Publish(delivery("a", qos, 5)));
            let key = rig.message().ack.unwrap();
            let reason = ReasonCode::QUOTA_EXCEEDED;
            let sent = rig.client.acknowledge_with(rig.now, key, reason, said("too long a text"));
            assert_eq!(sent, Ok(()));
            rig.settle();
            let (Packet::PubAck(sent) | Packet::PubRec(sent)) = rig.expect() else {
                panic!("an answer")
            };
            assert_eq!(sent.reason, reason);
            let whole = limit == 100;
            assert_eq!(
                sent.properties,
                if whole { said("too long a text") } else { said_nothing() }
            );
        }
    }
}

fn said_nothing() -> Properties {
    Properties::new()
}

/// D15: what cannot be sent is refused, and the message is still to be answered.
#[test]
fn an_answer_that_cannot_be_sent_is_refused() {
    let success = ReasonCode::SUCCESS;
    let alias = Properties::new().with(Property::TopicAlias(1));
    let cases = [
        (Version::V311, ReasonCode::QUOTA_EXCEEDED, said_nothing(), AckError::NeedsV5),
        (Version::V311, success, said("done"), AckError::NeedsV5),
        (Version::V5, ReasonCode::BANNED, said_nothing(), AckError::Reason(ReasonCode::BANNED)),
        (Version::V5, success, alias, AckError::Property(PropertyId::TOPIC_ALIAS)),
    ];
    for (version, reason, properties, error) in cases {
        let mut rig = Rig::online(config(version));
        rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 5)));
        let key = rig.message().ack.unwrap();
        let refused = rig.client.acknowledge_with(rig.now, key, reason, properties);
        assert_eq!(refused, Err(error.clone()));
        rig.settle();
        rig.expect_nothing();
        let sent = rig.client.acknowledge_with(rig.now, key, success, said_nothing());
        assert_eq!(sent, Ok(()));
        rig.settle();
        assert_eq!(rig.expect(), puback(id(5)));
        let again = rig.client.acknowledge_with(rig.now, key, success, said_nothing());
        assert_eq!(again, Err(AckError::Stale));
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn whoever_lets_codes_be_replaced_hears_of_it() {
    let quota = ReasonCode::QUOTA_EXCEEDED;
    for (version, given, outcome) in [
        (Version::V5, quota, Acknowledged::AsGiven),
        (Version::V311, quota, Acknowledged::Replaced(ReasonCode::SUCCESS)),
        (Version::V5, ReasonCode::BANNED, Acknowledged::Replaced(ReasonCode::UNSPECIFIED_ERROR)),
    ] {
        let mut rig = Rig::online(config(version));
        for number in 1..=3 {
            rig.send(&Packet::Publish(delivery("a", AtLeastOnce, number)));
        }
        let keys: Vec<_> = (0..3).map(|_| rig.message().ack.unwrap()).collect();
        assert_eq!(rig.client.acknowledge(rig.now, keys[0], given), outcome);
        let rest = keys[1..].iter().map(|key| (*key, given));
        let replaced = rig.client.acknowledge_all(rig.now, rest);
        assert_eq!(replaced, if outcome == Acknowledged::AsGiven { 0 } else { 2 });
        rig.settle();
        let again = rig.client.acknowledge(rig.now, keys[0], given);
        assert_eq!(again, Acknowledged::Stale);
    }
}

/// The answers go out in the order of the messages, each with its own words.
#[test]
fn words_stay_with_their_answer() {
    let mut rig = Rig::online(config(Version::V5));
    for number in 1..=3 {
        rig.send(&Packet::Publish(delivery("a", AtLeastOnce, number)));
    }
    let keys: Vec<_> = (0..3).map(|_| rig.message().ack.unwrap()).collect();
    for (place, words) in [(2, "three"), (0, "one"), (1, "two")] {
        let success = ReasonCode::SUCCESS;
        rig.client.acknowledge_with(rig.now, keys[place], success, said(words)).unwrap();
        rig.settle();
    }
    for (packet_id, words) in [(1, "one"), (2, "two"), (3, "three")] {
        assert_eq!(rig.expect(), Packet::PubAck(ack(packet_id, ReasonCode::SUCCESS, words)));
    }
}
