//! Messages from the server: delivery, acknowledgement, back-pressure.

use bytes::{Bytes, BytesMut};
use evenkeel_proto::codec::{
    Ack, Packet, Properties, Property, Publish, QoS, ReasonCode, Text, Version,
};
use evenkeel_proto::{AckKey, Config, Event, Input, Timer};

use crate::support::*;

/// A lasting session on a fresh connection.
fn receiver(version: Version) -> Rig {
    Rig::online(quiet(lasting(version)))
}

#[track_caller]
fn arrive(rig: &mut Rig, topic: &str, qos: QoS, id: u16) {
    rig.send(&Packet::Publish(delivery(topic, qos, id)));
}

#[track_caller]
fn next_key(rig: &mut Rig) -> AckKey {
    rig.message().ack.expect("a message to be acknowledged")
}

//= [MQTT-3.3.4-1] test
//= [MQTT311-3.3.4-1] test
//= [MQTT-4.3.2-4] test
//= [MQTT-4.3.3-8] test
//= [MQTT-4.3.3-11] test
//= [MQTT311-4.3.2-2] test
//= [MQTT311-4.3.3-2] test
//= [MQTT-2.2.1-5] test
/// D5, D10.
#[test]
fn each_quality_has_its_answer_once_the_application_is_done() {
    each_version(|version| {
        let mut rig = receiver(version);
        arrive(&mut rig, "zero", AtMostOnce, 0);
        assert_eq!(rig.message().ack, None);
        rig.expect_nothing();

        arrive(&mut rig, "one", AtLeastOnce, 11);
        let key = next_key(&mut rig);
        rig.expect_nothing();
        rig.acknowledge(key, ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), puback(id(11)));

        arrive(&mut rig, "two", ExactlyOnce, 12);
        let key = next_key(&mut rig);
        rig.expect_nothing();
        rig.acknowledge(key, ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), pubrec(id(12)));
        rig.expect_nothing();
        rig.send(&pubrel(id(12)));
        assert_eq!(rig.expect(), pubcomp(id(12)));
        rig.expect_nothing();
    });
}

//= [MQTT-4.5.0-2] test
//= [MQTT311-4.5.0-2] test
// D11.
#[test]
fn messages_without_a_subscription_are_delivered_and_acknowledged() {
    each_version(|version| {
        let mut rig = receiver(version);
        assert_eq!(rig.client.subscriptions(), 0);
        arrive(&mut rig, "$aws/things/x/jobs/notify", AtLeastOnce, 1);
        assert_eq!(rig.handle_message(), "$aws/things/x/jobs/notify");
        assert_eq!(rig.expect(), puback(id(1)));
    });
}

#[test]
fn a_message_arrives_as_it_was_sent() {
    let mut sent = delivery("a", AtLeastOnce, 3);
    sent.retain = true;
    sent.dup = true;
    sent.payload = Bytes::from(vec![7; 100_000]);
    sent.properties = [
        Property::SubscriptionIdentifier(1),
        Property::SubscriptionIdentifier(300),
        Property::CorrelationData(Bytes::from_static(b"c")),
    ]
    .into_iter()
    .collect();
    let mut rig = receiver(Version::V5);
    rig.send(&Packet::Publish(sent.clone()));
    assert_eq!(rig.message().publish, sent);
}

//= [MQTT-4.6.0-2] test
//= [MQTT311-4.6.0-2] test
#[test]
fn pubacks_go_out_in_the_order_of_the_messages() {
    each_version(|version| {
        let mut rig = receiver(version);
        for number in 1..=4 {
            arrive(&mut rig, "a", AtLeastOnce, number * 10);
        }
        let keys: Vec<_> = (0..4).map(|_| next_key(&mut rig)).collect();
        for index in [2, 1] {
            rig.acknowledge(keys[index], ReasonCode::SUCCESS);
            rig.expect_nothing();
        }
        rig.acknowledge(keys[0], ReasonCode::SUCCESS);
        for number in 1..=3 {
            assert_eq!(rig.expect(), puback(id(number * 10)));
        }
        rig.expect_nothing();
        rig.acknowledge(keys[3], ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), puback(id(40)));
    });
}

//= [MQTT-4.6.0-3] test
//= [MQTT311-4.6.0-3] test
#[test]
fn pubrecs_go_out_in_the_order_of_the_messages() {
    each_version(|version| {
        let mut rig = receiver(version);
        for number in 1..=3 {
            arrive(&mut rig, "a", ExactlyOnce, number);
        }
        arrive(&mut rig, "b", AtLeastOnce, 9);
        let keys: Vec<_> = (0..4).map(|_| next_key(&mut rig)).collect();
        rig.acknowledge(keys[3], ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), puback(id(9)), "each quality has its own order");
        rig.acknowledge(keys[2], ReasonCode::SUCCESS);
        rig.acknowledge(keys[1], ReasonCode::SUCCESS);
        rig.expect_nothing();
        rig.acknowledge(keys[0], ReasonCode::SUCCESS);
        for number in 1..=3 {
            assert_eq!(rig.expect(), pubrec(id(number)));
        }
    });
}

//= [MQTT-4.3.3-10] test
//= [MQTT311-4.3.3-2] test
#[test]
fn a_repeated_qos_2_message_is_answered_and_not_delivered_again() {
    each_version(|version| {
        let mut rig = receiver(version);
        arrive(&mut rig, "a", ExactlyOnce, 5);
        let mut again = delivery("a", ExactlyOnce, 5);
        again.dup = true;
        rig.send(&Packet::Publish(again.clone()));
        let key = next_key(&mut rig);
        assert!(rig.client.next_message().is_none(), "delivered once");
        rig.expect_nothing();
        rig.acknowledge(key, ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), pubrec(id(5)));
        rig.expect_nothing();
        for _ in 0..2 {
            rig.send(&Packet::Publish(again.clone()));
            assert_eq!(rig.expect(), pubrec(id(5)), "the server asks again, perhaps it was lost");
            rig.expect_nothing();
        }
        assert!(rig.client.next_message().is_none());
        assert_eq!(rig.stats().duplicates_suppressed, 3);
        rig.send(&pubrel(id(5)));
        assert_eq!(rig.expect(), pubcomp(id(5)));
    });
}

//= [MQTT-4.3.2-5] test
//= [MQTT311-4.3.2-2] test
#[test]
fn after_puback_the_identifier_means_a_new_message() {
    each_version(|version| {
        let mut rig = receiver(version);
        for _ in 0..2 {
            let mut message = delivery("a", AtLeastOnce, 5);
            message.dup = true;
            rig.send(&Packet::Publish(message));
            rig.handle_message();
            assert_eq!(rig.expect(), puback(id(5)));
        }
    });
}

//= [MQTT-4.3.3-12] test
#[test]
fn after_pubcomp_the_identifier_means_a_new_message() {
    each_version(|version| {
        let mut rig = receiver(version);
        for _ in 0..2 {
            arrive(&mut rig, "a", ExactlyOnce, 5);
            rig.handle_message();
            assert_eq!(rig.expect(), pubrec(id(5)));
            rig.send(&pubrel(id(5)));
            assert_eq!(rig.expect(), pubcomp(id(5)));
        }
    });
}

//= [MQTT-4.3.3-9] test
#[test]
fn after_a_refusal_the_identifier_means_a_new_message() {
    let mut rig = receiver(Version::V5);
    for _ in 0..2 {
        arrive(&mut rig, "a", ExactlyOnce, 5);
        let key = next_key(&mut rig);
        rig.acknowledge(key, ReasonCode::PAYLOAD_FORMAT_INVALID);
        let refusal = Ack::new(id(5), ReasonCode::PAYLOAD_FORMAT_INVALID);
        assert_eq!(rig.expect(), Packet::PubRec(refusal));
    }
}

#[test]
fn refusals_reach_the_server_in_codes_it_knows() {
    let codes = [
        (ReasonCode::SUCCESS, ReasonCode::SUCCESS),
        (ReasonCode::NO_MATCHING_SUBSCRIBERS, ReasonCode::NO_MATCHING_SUBSCRIBERS),
        (ReasonCode::QUOTA_EXCEEDED, ReasonCode::QUOTA_EXCEEDED),
        (ReasonCode::NOT_AUTHORIZED, ReasonCode::NOT_AUTHORIZED),
        (ReasonCode::BANNED, ReasonCode::UNSPECIFIED_ERROR),
        (ReasonCode(0xff), ReasonCode::UNSPECIFIED_ERROR),
        (ReasonCode(0x7f), ReasonCode::SUCCESS),
        (ReasonCode::GRANTED_QOS_2, ReasonCode::SUCCESS),
    ];
    for (given, sent) in codes {
        let mut rig = receiver(Version::V5);
        arrive(&mut rig, "a", AtLeastOnce, 1);
        let key = next_key(&mut rig);
        rig.acknowledge(key, given);
        assert_eq!(rig.expect(), Packet::PubAck(Ack::new(id(1), sent)), "{given:?}");
    }
}

/// Before MQTT 5 there is no way to refuse: the exchange takes its course.
#[test]
fn a_refusal_the_version_does_not_know_is_a_success() {
    let mut rig = receiver(Version::V311);
    arrive(&mut rig, "a", AtLeastOnce, 1);
    let key = next_key(&mut rig);
    rig.acknowledge(key, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(rig.expect(), puback(id(1)));
    arrive(&mut rig, "b", ExactlyOnce, 2);
    let key = next_key(&mut rig);
    rig.acknowledge(key, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(rig.expect(), pubrec(id(2)));
    arrive(&mut rig, "b", ExactlyOnce, 2);
    assert!(rig.client.next_message().is_none(), "it is the same message still");
    assert_eq!(rig.expect(), pubrec(id(2)));
    rig.send(&pubrel(id(2)));
    assert_eq!(rig.expect(), pubcomp(id(2)));
    assert_eq!(rig.stats().unknown_acknowledgements, 0);
}

/// D7.
#[test]
fn an_unknown_pubrel_is_answered_and_counted() {
    each_version(|version| {
        let mut rig = receiver(version);
        rig.send(&pubrel(id(77)));
        let reason = match version {
            Version::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            _ => ReasonCode::SUCCESS,
        };
        assert_eq!(rig.expect(), Packet::PubComp(Ack::new(id(77), reason)));
        assert_eq!(rig.stats().unknown_acknowledgements, 1);
        assert!(rig.client.state().is_online());
    });
}

//= [MQTT-4.1.0-1] test
//= [MQTT-4.3.3-10] test
#[test]
fn a_qos_2_message_survives_the_connection() {
    each_version(|version| {
        // Received and not handled when the connection ends.
        let mut rig = receiver(version);
        arrive(&mut rig, "a", ExactlyOnce, 5);
        let key = next_key(&mut rig);
        rig.reconnect_with(&resumed());
        arrive(&mut rig, "a", ExactlyOnce, 5);
        assert!(rig.client.next_message().is_none(), "the application has it already");
        rig.expect_nothing();
        rig.acknowledge(key, ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), pubrec(id(5)), "the old key is good: the session goes on");

        // Answered, and the answer lost.
        rig.reconnect_with(&resumed());
        arrive(&mut rig, "a", ExactlyOnce, 5);
        assert_eq!(rig.expect(), pubrec(id(5)));
        assert!(rig.client.next_message().is_none());

        // Answered, and released on the next connection.
        rig.reconnect_with(&resumed());
        rig.send(&pubrel(id(5)));
        assert_eq!(rig.expect(), pubcomp(id(5)));
        assert_eq!(rig.stats().unknown_acknowledgements, 0);
        assert_eq!(rig.stats().stale_acknowledgements, 0);
    });
}

#[test]
fn a_qos_2_message_acknowledged_while_offline_is_answered_when_it_comes_again() {
    each_version(|version| {
        let mut rig = receiver(version);
        arrive(&mut rig, "a", ExactlyOnce, 5);
        let key = next_key(&mut rig);
        rig.cut();
        rig.acknowledge(key, ReasonCode::SUCCESS);
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
        arrive(&mut rig, "a", ExactlyOnce, 5);
        assert_eq!(rig.expect(), pubrec(id(5)));
        assert!(rig.client.next_message().is_none());
    });
}

//= [MQTT-3.2.2-5] test
//= [MQTT311-3.1.2-6] test
#[test]
fn a_lost_session_forgets_what_was_received() {
    each_version(|version| {
        let mut rig = receiver(version);
        arrive(&mut rig, "old", ExactlyOnce, 5);
        let key = next_key(&mut rig);
        rig.reconnect_with(&accepted());
        arrive(&mut rig, "new", ExactlyOnce, 5);
        rig.acknowledge(key, ReasonCode::SUCCESS);
        rig.expect_nothing();
        assert_eq!(rig.stats().stale_acknowledgements, 1);
        assert_eq!(rig.handle_message(), "new");
        assert_eq!(rig.expect(), pubrec(id(5)));
    });
}

#[test]
fn an_acknowledgement_of_an_old_connection_is_counted_and_goes_nowhere() {
    each_version(|version| {
        let mut rig = receiver(version);
        arrive(&mut rig, "a", AtLeastOnce, 5);
        let old = next_key(&mut rig);
        rig.cut();
        rig.acknowledge(old, ReasonCode::SUCCESS);
        assert_eq!(rig.stats().stale_acknowledgements, 1, "while offline");
        rig.reconnect_with(&resumed());
        arrive(&mut rig, "b", AtLeastOnce, 6);
        rig.acknowledge(old, ReasonCode::SUCCESS);
        assert_eq!(rig.stats().stale_acknowledgements, 2);
        rig.expect_nothing();
        arrive(&mut rig, "a", AtLeastOnce, 5);
        rig.handle_message();
        assert_eq!(rig.expect(), puback(id(6)));
        rig.handle_message();
        assert_eq!(rig.expect(), puback(id(5)), "the server sent it again");
    });
}

#[test]
fn a_message_is_acknowledged_once() {
    each_version(|version| {
        let mut rig = receiver(version);
        arrive(&mut rig, "a", AtLeastOnce, 5);
        let key = next_key(&mut rig);
        rig.acknowledge(key, ReasonCode::SUCCESS);
        rig.acknowledge(key, ReasonCode::QUOTA_EXCEEDED);
        assert_eq!(rig.expect(), puback(id(5)));
        rig.expect_nothing();
        assert_eq!(rig.stats().stale_acknowledgements, 1);
        // The first answer holds, also while it waits for its turn.
        arrive(&mut rig, "a", AtLeastOnce, 6);
        arrive(&mut rig, "b", AtLeastOnce, 7);
        let (first, second) = (next_key(&mut rig), next_key(&mut rig));
        rig.acknowledge(second, ReasonCode::SUCCESS);
        rig.acknowledge(second, ReasonCode::QUOTA_EXCEEDED);
        rig.acknowledge(first, ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), puback(id(6)));
        assert_eq!(rig.expect(), puback(id(7)));
        assert!(rig.client.state().is_online());
    });
}

//= [MQTT-4.3.3-13] test
#[test]
fn an_exchange_is_completed_however_late() {
    let mut rig = receiver(Version::V5);
    let mut message = delivery("a", ExactlyOnce, 5);
    message.properties.push(Property::MessageExpiryInterval(1));
    rig.send(&Packet::Publish(message));
    rig.advance(secs(60));
    assert_eq!(rig.handle_message(), "a");
    assert_eq!(rig.expect(), pubrec(id(5)));
    rig.advance(secs(60));
    rig.send(&pubrel(id(5)));
    assert_eq!(rig.expect(), pubcomp(id(5)));
}

fn narrow(messages: usize, bytes: usize) -> Config {
    let mut config = quiet(config(Version::V5));
    config.bounds.inbox_messages = messages;
    config.bounds.inbox_bytes = bytes;
    config
}

/// Sends messages of QoS 0 in one piece.
fn flood(rig: &mut Rig, count: usize) {
    let packets: Vec<_> =
        (0..count).map(|_| Packet::Publish(delivery("a", AtMostOnce, 0))).collect();
    rig.send_all(&packets);
}

/// D10.
#[test]
fn reading_stops_at_the_bound_and_nothing_is_lost() {
    let mut rig = Rig::online(narrow(3, 1 << 20));
    flood(&mut rig, 2);
    assert!(rig.client.wants_read());
    flood(&mut rig, 5);
    assert!(!rig.client.wants_read());
    let events = rig.take_events();
    assert_eq!(events.iter().filter(|e| **e == Event::ReadingPaused).count(), 1);
    assert!(!rig.link.as_ref().unwrap().inbound.is_empty(), "the rest stays in the buffer");
    let mut taken = 0;
    while rig.client.next_message().is_some() {
        taken += 1;
        rig.read();
    }
    assert_eq!(taken, 7);
    assert!(rig.take_events().contains(&Event::ReadingResumed));
    assert_eq!(rig.stats().qos0_dropped, 0);
    assert_eq!(rig.stats().publishes_received, 7);
}

/// D9: a message without payload may be large.
#[test]
fn properties_count_against_the_bound_in_bytes() {
    let with_user_property = |length| {
        let mut message = delivery("a", AtMostOnce, 0);
        let text = |length| Text::try_from("x".repeat(length)).unwrap();
        message.properties.push(Property::UserProperty(text(1), text(length)));
        Packet::Publish(message)
    };
    // As held (S4): one whose text fits into its entry takes as much as an empty one.
    let held = Properties::new().with(Property::SubscriptionIdentifier(1)).weight();
    assert!(held > 100, "{held}");
    for (length, bytes) in [(0, held), (23, held), (24, held + 24), (100, held + 100)] {
        for (bound, reads) in [(bytes + 5, false), (bytes + 6, true)] {
            let mut rig = Rig::online(narrow(1000, bound));
            rig.send(&with_user_property(length));
            assert_eq!(rig.client.wants_read(), reads, "{length}");
        }
    }
}

#[test]
fn a_pause_outlives_its_connection_and_ends_when_the_messages_are_taken() {
    let mut rig = Rig::online(narrow(2, 1 << 20));
    flood(&mut rig, 2);
    rig.reconnect_with(&accepted());
    assert!(!rig.client.wants_read());
    rig.message();
    rig.message();
    let told: Vec<_> = (rig.take_events().into_iter())
        .filter(|event| matches!(event, Event::ReadingPaused | Event::ReadingResumed))
        .collect();
    assert_eq!(told, [Event::ReadingPaused, Event::ReadingResumed]);
}

/// Else a server that floods drives out of the events what matters more.
#[test]
fn a_pause_that_nobody_has_been_told_of_is_none() {
    let mut rig = Rig::online(narrow(1, 1 << 20));
    rig.take_events();
    let mut packet = Vec::new();
    Packet::Publish(delivery("a", AtMostOnce, 0)).encode(Version::V5, &mut packet).unwrap();
    for _ in 0..1000 {
        let mut bytes = BytesMut::from(&packet[..]);
        rig.client.handle(rig.now, Input::Received(rig.conn(), &mut bytes));
        assert!(!rig.client.wants_read());
        rig.client.next_message().unwrap();
    }
    rig.settle();
    assert_eq!(rig.take_events(), []);
}

#[test]
fn the_bound_in_bytes_holds_too() {
    // Topic and payload of a message are five bytes.
    let mut rig = Rig::online(narrow(1000, 12));
    flood(&mut rig, 2);
    assert!(rig.client.wants_read());
    flood(&mut rig, 1);
    assert!(!rig.client.wants_read());
    rig.message();
    assert!(rig.client.wants_read());
}

#[test]
fn reading_goes_on_for_an_application_that_waits_for_our_answer() {
    let mut rig = Rig::online(narrow(3, 1 << 20));
    rig.publish("question", AtLeastOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    flood(&mut rig, 5);
    rig.send(&puback(packet_id));
    assert!(!rig.client.wants_read(), "it may just be slow");
    assert!(rig.outcomes().is_empty());
    assert_eq!(rig.until(Timer::Inbox), secs(1));
    rig.advance(secs(1) - MICRO);
    assert!(!rig.client.wants_read());
    rig.advance(MICRO);
    assert!(rig.client.wants_read(), "it takes nothing: it may be waiting for PUBACK");
    rig.read();
    assert!(rig.outcome(1).is_ok());
    assert_eq!(rig.stats().qos0_dropped, 2);
    assert!(!rig.client.wants_read(), "nothing waits any more");
    let taken = std::iter::from_fn(|| rig.client.next_message()).count();
    assert_eq!(taken, 3, "the bound holds");
}

#[test]
fn an_application_that_takes_its_messages_loses_none() {
    let mut rig = Rig::online(narrow(3, 1 << 20));
    rig.publish("question", AtLeastOnce, 1);
    flood(&mut rig, 100);
    for _ in 0..100 {
        rig.advance(millis(900));
        rig.read();
        rig.message();
        rig.read();
    }
    assert_eq!(rig.stats().qos0_dropped, 0);
    assert_eq!(rig.stats().publishes_received, 100);
}

#[test]
fn an_application_that_takes_messages_again_is_not_read_past() {
    let mut rig = Rig::online(narrow(2, 1 << 20));
    rig.publish("question", AtLeastOnce, 1);
    for number in 1..=2 {
        arrive(&mut rig, "a", AtLeastOnce, number);
    }
    rig.advance(secs(1));
    for number in 3..=6 {
        arrive(&mut rig, "a", AtLeastOnce, number);
    }
    assert!(rig.client.wants_read());
    // Still far beyond the bound, but it moves.
    rig.message();
    assert!(!rig.client.wants_read());
    rig.advance(secs(1) - MICRO);
    assert!(!rig.client.wants_read());
    rig.advance(MICRO);
    assert!(rig.client.wants_read());
}

#[test]
fn reading_on_has_a_bound_as_well() {
    let mut rig = Rig::online(narrow(2, 1 << 20));
    rig.publish("question", AtLeastOnce, 1);
    for number in 1..=40 {
        rig.link.as_mut().unwrap().inbound.extend_from_slice(&{
            let mut bytes = Vec::new();
            Packet::Publish(delivery("a", AtLeastOnce, number))
                .encode(Version::V5, &mut bytes)
                .unwrap();
            bytes
        });
    }
    rig.read();
    rig.advance(secs(5));
    rig.read();
    assert_eq!(rig.stats().publishes_received, 16);
    assert!(!rig.client.wants_read());
    for _ in 0..40 {
        rig.advance(secs(1));
        rig.read();
        rig.handle_message();
    }
    assert_eq!(rig.stats().publishes_received, 40, "messages to be acknowledged are never dropped");
}

/// D10: a server that writes to us may read nothing meanwhile; if we waited
/// for it with our reading, both would wait forever.
#[test]
fn what_the_application_publishes_does_not_stop_reading() {
    each_version(|version| {
        let mut settings = quiet(config(version));
        settings.bounds.write_buffer = 100;
        settings.connect.receive_maximum = 500;
        let mut rig = Rig::online(settings);
        rig.writable = false;
        let large =
            Publish { payload: Bytes::from(vec![7; 50_000]), ..publish("a", "", AtLeastOnce) };
        rig.try_publish(large, 1).unwrap();
        for number in 1..=500 {
            assert!(rig.client.wants_read(), "message {number}");
            arrive(&mut rig, "b", ExactlyOnce, number);
            rig.handle_message();
        }
        assert!(rig.client.wants_read(), "the answers a server may ask for are not too many");
        assert!(rig.pending() > 52_000, "{}", rig.pending());
    });
}

#[test]
fn what_we_cannot_write_stops_reading_too() {
    // Before MQTT 5 a server may have as many exchanges as there are identifiers.
    for (version, most) in [(Version::V5, 1_000), (Version::V311, 1_049_000)] {
        let mut settings = quiet(config(version));
        settings.bounds.write_buffer = 100;
        settings.bounds.in_flight = 20;
        settings.connect.receive_maximum = 20;
        let mut rig = Rig::online(settings);
        rig.writable = false;
        let mut release = Vec::new();
        pubrel(id(9)).encode(version, &mut release).unwrap();
        rig.send_bytes(&release.repeat(300_000));
        assert!(!rig.client.wants_read(), "one that takes nothing is not listened to forever");
        let kept = rig.pending();
        assert!((most / 2..most).contains(&kept), "{version:?}: {kept} bytes of answers are kept");
        rig.unblock();
        while !rig.link.as_ref().unwrap().inbound.is_empty() {
            rig.read();
        }
        assert_eq!(rig.wire.len(), 300_000);
    }
}

#[test]
fn packets_split_at_any_byte_are_put_together() {
    each_version(|version| {
        let message =
            Publish { payload: Bytes::from(vec![9; 300]), ..delivery("a/b", AtLeastOnce, 3) };
        let mut bytes = Vec::new();
        Packet::Publish(message.clone()).encode(version, &mut bytes).unwrap();
        Packet::PingResp.encode(version, &mut bytes).unwrap();
        for split in 0..bytes.len() {
            let mut rig = receiver(version);
            rig.send_bytes(&bytes[..split]);
            rig.send_bytes(&bytes[split..]);
            assert_eq!(rig.message().publish, message);
            assert_eq!(rig.stats().pongs_unsolicited, 1);
        }
    });
}

/// D3: the session that was resumed may be one begun by a CONNECT without an
/// answer; what it sends under a known identifier is new, unless it says DUP.
#[test]
fn in_a_session_that_may_be_another_only_dup_makes_a_copy() {
    each_version(|version| {
        for (answered, dup, delivered) in
            [(false, false, 1), (false, true, 0), (true, false, 0), (true, true, 0)]
        {
            let mut rig = receiver(version);
            arrive(&mut rig, "a", ExactlyOnce, 5);
            let key = next_key(&mut rig);
            rig.acknowledge(key, ReasonCode::SUCCESS);
            rig.cut();
            rig.await_open();
            if !answered {
                rig.accept();
                rig.cut();
                rig.await_open();
            }
            rig.accept_with(&resumed());
            let message = Publish { dup, ..delivery("b", ExactlyOnce, 5) };
            for _ in 0..2 {
                rig.send(&Packet::Publish(message.clone()));
            }
            let count = std::iter::from_fn(|| rig.client.next_message()).count();
            assert_eq!(count, delivered, "answered {answered}, DUP {dup}");
        }
    });
}
