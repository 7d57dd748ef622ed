//! Publishing: each exchange of QoS 0, 1 and 2, step by step.

use std::time::Duration;

use bytes::Bytes;
use evenkeel_proto::codec::{
    Ack, Packet, PacketId, PacketType, Property, Publish, ReasonCode, Version,
};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{
    Accepted, Completion, Delivered, DeliveryError, PublishLimit, Reconnect, Refusal, RejectReason,
    State, SubscribeError,
};

use crate::support::*;

fn delivered(packet_id: PacketId, attempts: u32, round_trip: Duration) -> Delivered {
    Delivered {
        reason: ReasonCode::SUCCESS,
        packet_id: Some(packet_id),
        attempts,
        round_trip: Some(round_trip),
    }
}

/// An acknowledgement with a reason code.
fn reply(make: fn(Ack) -> Packet, packet_id: PacketId, reason: ReasonCode) -> Packet {
    make(Ack::new(packet_id, reason))
}

//= [MQTT-4.3.1-1] test
//= [MQTT311-4.3.1-1] test
#[test]
fn qos_0_is_sent_once_and_done_when_written() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.writable = false;
        let Accepted::Sent { conn, offset } = rig.publish("a/b", AtMostOnce, 1) else {
            panic!("QoS 0 goes straight out")
        };
        assert_eq!(conn, rig.conn());
        rig.write(rig.pending() - 1);
        assert_eq!(rig.client.written(conn), Some(offset - 1), "one byte is missing");
        rig.expect_nothing();
        rig.write(1);
        assert_eq!(rig.client.written(conn), Some(offset));
        assert_eq!(rig.expect_publish(), publish("a/b", "hello", AtMostOnce));
        assert!(rig.outcomes().is_empty());
        rig.cut();
        assert_eq!(rig.client.written(conn), Some(offset), "known after the end too");
    });
}

#[test]
fn qos_0_of_a_connection_that_ends_early_is_known_to_be_lost() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.writable = false;
        let Accepted::Sent { conn, offset } = rig.publish("a", AtMostOnce, 1) else { panic!() };
        rig.write(3);
        rig.cut();
        assert!(!rig.client.is_current(conn));
        assert!(rig.client.written(conn).unwrap() < offset);
    });
}

//= [MQTT-4.3.2-1] test
//= [MQTT-4.3.2-2] test
//= [MQTT-4.3.2-3] test
//= [MQTT311-4.3.2-1] test
#[test]
fn qos_1_ends_with_its_puback() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        assert_eq!(rig.publish("a", AtLeastOnce, 1), Accepted::Tracked);
        let sent = rig.expect_publish();
        let packet_id = sent.packet_id.unwrap();
        assert_eq!(
            sent,
            Publish { packet_id: Some(packet_id), ..publish("a", "hello", AtLeastOnce) }
        );
        rig.advance(secs(2));
        assert_eq!(rig.client.in_flight(), 1);
        assert!(rig.outcomes().is_empty(), "unacknowledged");
        rig.send(&puback(packet_id));
        assert_eq!(rig.outcome(1), Ok(delivered(packet_id, 1, secs(2))));
        assert_eq!(rig.client.in_flight(), 0);
        rig.expect_nothing();
        let stats = rig.stats();
        assert_eq!((stats.publishes_sent, stats.publishes_acknowledged), (1, 1));
    });
}

//= [MQTT-4.3.3-1] test
//= [MQTT-4.3.3-2] test
//= [MQTT-4.3.3-3] test
//= [MQTT-4.3.3-4] test
//= [MQTT-4.3.3-5] test
//= [MQTT-4.3.3-6] test
//= [MQTT311-4.3.3-1] test
//= [MQTT-2.2.1-5] test
//= [MQTT311-2.3.1-6] test
#[test]
fn qos_2_ends_with_its_pubcomp() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        assert_eq!(rig.publish("a", ExactlyOnce, 1), Accepted::Tracked);
        let sent = rig.expect_publish();
        let packet_id = sent.packet_id.unwrap();
        assert_eq!((sent.dup, sent.qos), (false, ExactlyOnce));
        rig.send(&pubrec(packet_id));
        assert_eq!(rig.expect(), pubrel(packet_id));
        assert!(rig.outcomes().is_empty(), "not before PUBCOMP");
        rig.advance(secs(1));
        rig.send(&pubcomp(packet_id));
        assert_eq!(rig.outcome(1), Ok(delivered(packet_id, 1, secs(1))));
        rig.expect_nothing();
    });
}

#[test]
fn no_matching_subscribers_is_a_success_that_says_so() {
    let mut rig = Rig::online(config(Version::V5));
    rig.publish("a", AtLeastOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.send(&reply(Packet::PubAck, packet_id, ReasonCode::NO_MATCHING_SUBSCRIBERS));
    assert_eq!(rig.outcome(1).unwrap().reason, ReasonCode::NO_MATCHING_SUBSCRIBERS);
}

//= [MQTT-4.4.0-2] test
#[test]
fn a_refused_message_is_that_operations_failure_alone() {
    for (qos, make) in [
        (AtLeastOnce, Packet::PubAck as fn(Ack) -> Packet),
        (ExactlyOnce, Packet::PubRec as fn(Ack) -> Packet),
    ] {
        let mut rig = Rig::online(lasting(Version::V5));
        rig.publish("a", qos, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&reply(make, packet_id, ReasonCode::NOT_AUTHORIZED));
        let reason = ReasonCode::NOT_AUTHORIZED;
        assert_eq!(rig.outcome(1), Err(DeliveryError::Refused { reason, attempts: 1 }));
        rig.expect_nothing();
        assert!(rig.client.state().is_online());
        assert_eq!(rig.client.in_flight(), 0);
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
    }
}

#[test]
fn pubcomp_not_found_for_a_repeated_pubrel_means_the_server_had_finished() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    rig.publish("a", ExactlyOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.send(&pubrec(packet_id));
    rig.expect();
    rig.reconnect_with(&resumed());
    assert_eq!(rig.expect(), pubrel(packet_id));
    rig.send(&reply(Packet::PubComp, packet_id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND));
    assert_eq!(rig.outcome(1), Ok(delivered(packet_id, 2, secs(0))));
}

#[test]
fn a_second_pubrec_is_answered_again_and_counted() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.publish("a", ExactlyOnce, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        for round in 0..3 {
            rig.send(&pubrec(packet_id));
            assert_eq!(rig.expect(), pubrel(packet_id));
            assert_eq!(rig.stats().unknown_acknowledgements, round);
        }
        rig.send(&pubcomp(packet_id));
        assert!(rig.outcome(1).is_ok());
        assert!(rig.client.state().is_online());
    });
}

#[test]
fn a_refusal_after_the_pubrec_that_accepted_is_out_of_place() {
    let mut rig = Rig::online(config(Version::V5));
    rig.publish("a", ExactlyOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.send(&pubrec(packet_id));
    rig.expect();
    rig.send(&reply(Packet::PubRec, packet_id, ReasonCode::QUOTA_EXCEEDED));
    rig.expect_nothing();
    assert!(rig.outcomes().is_empty());
    assert_eq!(rig.stats().unknown_acknowledgements, 1);
    rig.send(&pubcomp(packet_id));
    assert!(rig.outcome(1).is_ok(), "the first answer holds");
}

/// D7.
#[test]
fn acknowledgements_for_nothing_are_counted_and_never_fatal() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.publish("a", AtLeastOnce, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        let strays = [
            puback(id(99)),
            pubcomp(id(99)),
            suback(id(99), &[0]),
            unsuback(id(99), if version == Version::V5 { &[0] } else { &[] }),
            // The right identifier, but not what the exchange waits for.
            pubcomp(packet_id),
            suback(packet_id, &[0]),
        ];
        for (count, stray) in (1..).zip(&strays) {
            rig.send(stray);
            rig.expect_nothing();
            assert_eq!(rig.stats().unknown_acknowledgements, count, "{stray:?}");
        }
        let not_found = match version {
            Version::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            _ => ReasonCode::SUCCESS,
        };
        rig.send(&pubrec(id(99)));
        assert_eq!(rig.expect(), reply(Packet::PubRel, id(99), not_found));
        assert_eq!(rig.stats().unknown_acknowledgements, 7);
        assert!(rig.outcomes().is_empty(), "nothing of it ended our exchange");
        rig.send(&puback(packet_id));
        assert!(rig.outcome(1).is_ok());
        rig.send(&puback(packet_id));
        assert_eq!(rig.stats().unknown_acknowledgements, 8, "and a second PUBACK is one too");
        assert!(rig.client.state().is_online());
    });
}

/// RabbitMQ 3 has no QoS 2: it answers with PUBACK, and PUBREC never comes.
#[test]
fn puback_for_qos_2_ends_that_publish_and_nothing_else() {
    each_version(|version| {
        let mut settings = quiet(config(version));
        settings.bounds.in_flight = 2;
        settings.bounds.in_flight_qos2_before_v5 = 2;
        let mut rig = Rig::online(settings);
        for number in 1..=3 {
            rig.publish("a", ExactlyOnce, number);
        }
        let first = rig.expect_publish().packet_id.unwrap();
        let second = rig.expect_publish().packet_id.unwrap();
        rig.expect_nothing();
        rig.send(&puback(first));
        let error = DeliveryError::WrongAcknowledgement {
            expected: PacketType::PubRec,
            came: PacketType::PubAck,
            reason: ReasonCode::SUCCESS,
            attempts: 1,
        };
        assert_eq!(rig.outcome(1), Err(error.clone()));
        assert!(error.to_string().contains("use QoS 1 with this server"), "{error}");
        // The window is open for the third, and the second is what it was.
        let third = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(second));
        assert_eq!(rig.expect(), pubrel(second));
        rig.send(&puback(second));
        rig.expect_nothing();
        assert!(rig.outcomes().is_empty(), "the server has it as QoS 2: PUBCOMP is due");
        rig.send(&pubcomp(second));
        assert!(rig.outcome(2).is_ok());
        rig.send(&puback(third));
        assert_eq!(rig.outcome(3), Err(error));
        assert_eq!(rig.client.in_flight(), 0);
        assert!(rig.client.state().is_online());
        let stats = rig.stats();
        assert_eq!((stats.wrong_acknowledgements, stats.unknown_acknowledgements), (2, 1));
        assert_eq!((stats.publishes_acknowledged, stats.connects), (1, 1));
    });
}

#[test]
fn pubrec_for_qos_1_ends_that_publish_and_is_released() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.publish("a", AtLeastOnce, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(packet_id));
        let error = DeliveryError::WrongAcknowledgement {
            expected: PacketType::PubAck,
            came: PacketType::PubRec,
            reason: ReasonCode::SUCCESS,
            attempts: 1,
        };
        assert_eq!(rig.outcome(1), Err(error.clone()));
        assert!(error.to_string().contains("use QoS 2 with this server"), "{error}");
        assert_eq!(rig.expect(), pubrel(packet_id), "or the server would hold it forever");
        rig.send(&pubcomp(packet_id));
        rig.expect_nothing();
        assert!(rig.client.state().is_online());
        assert_eq!(rig.client.in_flight(), 0);
        assert_eq!(rig.stats().wrong_acknowledgements, 1);
    });
}

#[test]
fn a_refusal_by_the_wrong_packet_shows_its_code() {
    let mut rig = Rig::online(quiet(config(Version::V5)));
    for (qos, wrong) in
        [(AtLeastOnce, Packet::PubRec as fn(Ack) -> Packet), (ExactlyOnce, Packet::PubAck)]
    {
        rig.publish("a", qos, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&reply(wrong, packet_id, ReasonCode::NOT_AUTHORIZED));
        let error = rig.outcome(1).unwrap_err();
        assert!(matches!(
            error,
            DeliveryError::WrongAcknowledgement { reason: ReasonCode::NOT_AUTHORIZED, .. }
        ));
        assert!(error.to_string().contains(&ReasonCode::NOT_AUTHORIZED.to_string()), "{error}");
        rig.expect_nothing();
    }
}

/// What an earlier connection was sent is not ended by a wrong answer on this one.
#[test]
fn a_wrong_acknowledgement_counts_where_its_publish_went_out() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(lasting(version)));
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("a", ExactlyOnce, 2);
        rig.forget_wire();
        rig.reconnect_with(&resumed());
        let first = rig.expect_publish().packet_id.unwrap();
        rig.expect_nothing();
        let second = id(first.get() + 1);
        rig.send(&puback(second));
        assert_eq!(rig.stats().unknown_acknowledgements, 1);
        assert!(rig.outcomes().is_empty());
        rig.send(&pubrec(first));
        assert!(matches!(
            rig.outcome(1),
            Err(DeliveryError::WrongAcknowledgement { attempts: 2, .. })
        ));
        assert_eq!(rig.expect(), pubrel(first));
        assert_eq!(rig.expect_publish().packet_id, Some(second), "and the rest goes on");
    });
}

#[test]
fn properties_and_flags_travel_unchanged() {
    let mut message = publish("a", "{}", AtLeastOnce);
    message.retain = true;
    message.properties = [
        Property::PayloadFormatIndicator(1),
        Property::MessageExpiryInterval(60),
        Property::ContentType(text("application/json")),
        Property::ResponseTopic(text("r")),
        Property::CorrelationData(Bytes::from_static(b"7")),
        Property::UserProperty(text("k"), text("v")),
    ]
    .into_iter()
    .collect();
    let mut rig = Rig::online(config(Version::V5));
    rig.try_publish(message.clone(), 1).unwrap();
    let sent = rig.expect_publish();
    assert_eq!(sent.properties, message.properties);
    assert!(sent.retain);
}

#[test]
fn what_the_caller_says_of_identifier_and_dup_is_ignored() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        let qos1 = Publish { dup: true, packet_id: Some(id(77)), ..publish("a", "", AtLeastOnce) };
        rig.try_publish(qos1, 1).unwrap();
        let sent = rig.expect_publish();
        assert!(!sent.dup);
        assert_ne!(sent.packet_id, Some(id(77)));
        let qos0 = Publish { dup: true, packet_id: Some(id(77)), ..publish("a", "", AtMostOnce) };
        rig.try_publish(qos0, 2).unwrap();
        let sent = rig.expect_publish();
        assert_eq!((sent.dup, sent.packet_id), (false, None));
    });
}

#[test]
fn large_payloads_keep_their_place_between_small_packets() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.writable = false;
        let payloads: Vec<Bytes> = [10, 16 * 1024 - 1, 16 * 1024, 100_000, 0]
            .iter()
            .zip(b'a'..)
            .map(|(length, byte)| Bytes::from(vec![byte; *length]))
            .collect();
        for (number, payload) in (0..).zip(&payloads) {
            let message = Publish { payload: payload.clone(), ..publish("big", "", AtMostOnce) };
            rig.try_publish(message, number).unwrap();
        }
        for step in [1, 7, 16_000, 1_000] {
            rig.write(step);
        }
        rig.unblock();
        for payload in payloads {
            assert_eq!(rig.expect_publish().payload, payload);
        }
    });
}

#[test]
fn an_operation_without_a_token_has_no_report() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        let mut message = publish("a", "x", AtLeastOnce);
        rig.client.publish(rig.now, &mut message, Priority::default(), None).unwrap();
        rig.settle();
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(packet_id));
        assert!(rig.outcomes().is_empty());
        assert_eq!(rig.stats().publishes_acknowledged, 1);
    });
}

/// D2.
#[test]
fn topics_no_packet_can_carry_are_refused_at_submit() {
    each_version(|version| {
        let mut online = Rig::online(config(version));
        let mut offline = Rig::new(config(version));
        for topic in ["", "a/+", "#"] {
            for qos in [AtMostOnce, AtLeastOnce] {
                for rig in [&mut online, &mut offline] {
                    let error = rig.try_publish(publish(topic, "x", qos), 1).unwrap_err();
                    assert!(!error.is_temporary(), "{error:?}");
                    assert!(rig.outcomes().is_empty());
                }
            }
        }
        online.expect_nothing();
        assert_eq!(online.client.in_flight(), 0);
        assert_eq!(offline.client.queued(), 0);
    });
}

//= [MQTT-3.3.4-6] test
#[test]
fn a_subscription_identifier_has_no_place_in_our_publish() {
    let mut message = publish("a", "x", AtLeastOnce);
    message.properties.push(Property::SubscriptionIdentifier(1));
    for mut rig in [Rig::online(config(Version::V5)), Rig::new(config(Version::V5))] {
        assert!(rig.try_publish(message.clone(), 1).is_err());
        rig.expect_nothing();
    }
}

#[test]
fn nothing_is_accepted_by_a_client_that_will_not_connect() {
    each_version(|version| {
        let mut halted = Rig::started(config(version));
        halted.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
        assert!(matches!(halted.client.state(), State::Halted { .. }));
        let mut closed = Rig::new(config(version));
        closed.shutdown(secs(0));
        let mut settings = config(version);
        settings.reconnect = Reconnect::never();
        let mut disabled = Rig::started(settings);
        disabled.cut();
        let refusal = Refusal::Reason(ReasonCode::NOT_AUTHORIZED);
        let (refused, unanswered) =
            (RejectReason::ConnectionRefused(refusal), SubscribeError::ConnectionRefused(refusal));
        for (rig, rejected, unanswered) in [
            (&mut halted, refused, unanswered),
            (&mut disabled, RejectReason::Closed, SubscribeError::Abandoned),
            (&mut closed, RejectReason::Closed, SubscribeError::Abandoned),
        ] {
            let error = rig.try_publish(publish("a", "", AtLeastOnce), 1).unwrap_err();
            assert_eq!(error, rejected);
            let error = rig.try_subscribe(&[("a", AtMostOnce)], 2).unwrap_err();
            assert_eq!(error, unanswered);
        }
    });
}

#[test]
fn outcomes_come_in_the_order_of_the_answers() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        let ids: Vec<PacketId> = (1..=3)
            .map(|number| {
                rig.publish("a", AtLeastOnce, number);
                rig.expect_publish().packet_id.unwrap()
            })
            .collect();
        for index in [2, 0, 1] {
            rig.send(&puback(ids[index]));
        }
        let tokens: Vec<u64> = (rig.outcomes().iter())
            .map(|outcome| match outcome {
                Completion::Publish { token, result: Ok(_) } => token.0,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(tokens, [3, 1, 2]);
    });
}

/// A payload that is borrowed goes the same ways as one that is owned.
#[test]
fn a_payload_from_a_slice_arrives_whatever_becomes_of_the_message() {
    each_version(|version| {
        for qos in [AtMostOnce, AtLeastOnce, ExactlyOnce] {
            for (online, size) in [(true, 3), (true, 40_000), (false, 3)] {
                let mut rig = Rig::new(config(version));
                if online {
                    rig.client.start(rig.now);
                    rig.settle();
                    rig.accept();
                    rig.send(&Packet::ConnAck(accepted()));
                }
                let payload = vec![b'p'; size];
                let head = publish("a", "not this", qos);
                let normal = Priority::Normal;
                let offered = rig.client.publish_slice(rig.now, &head, &payload, normal, token(1));
                offered.unwrap();
                drop(payload);
                if !online {
                    rig.client.start(rig.now);
                    rig.settle();
                    rig.accept();
                    rig.send(&Packet::ConnAck(accepted()));
                }
                rig.settle();
                let sent = rig.expect_publish();
                assert_eq!((&*sent.topic, sent.qos), ("a", qos));
                assert_eq!(sent.payload, vec![b'p'; size], "{qos:?}, {size} bytes");
            }
        }
    });
}

/// D2: size and shape are judged with the payload that is sent.
#[test]
fn a_slice_that_is_too_large_is_refused() {
    use evenkeel_proto::codec::Property;
    let connack = with([Property::MaximumPacketSize(50)]);
    for qos in [AtMostOnce, AtLeastOnce] {
        let mut rig = Rig::online_with(config(Version::V5), &connack);
        let head = publish("a", "", qos);
        let normal = Priority::Normal;
        let mut offer = |size| {
            let payload = vec![b'p'; size];
            rig.client.publish_slice(rig.now, &head, &payload, normal, token(1))
        };
        let reason = offer(50).unwrap_err();
        let RejectReason::NotAllowed(PublishLimit::PacketSize { limit: 50, .. }) = reason else {
            panic!("{reason:?}")
        };
        assert!(offer(30).is_ok());
    }
}
