//! What is sent again on the next connection, and how.

use evenkeel_proto::codec::{Packet, PacketId, Property, QoS, ReasonCode, Version};
use evenkeel_proto::{Accepted, Delivered, RefusedPolicy, State, TransportFailure};

use crate::support::*;

/// A client with messages `1..=count` sent and unanswered; returns their identifiers.
fn unanswered(version: Version, qos: QoS, count: u64) -> (Rig, Vec<PacketId>) {
    let mut rig = Rig::online(quiet(lasting(version)));
    let ids = (1..=count)
        .map(|number| {
            rig.publish(&format!("t/{number}"), qos, number);
            rig.expect_publish().packet_id.unwrap()
        })
        .collect();
    (rig, ids)
}

//= [MQTT-3.3.1-1] test
//= [MQTT311-3.3.1-1] test
//= [MQTT-4.4.0-1] test
//= [MQTT311-4.4.0-1] test
//= [MQTT311-2.3.1-3] test
//= [MQTT-4.1.0-1] test
//= [MQTT311-4.1.0-1] test
//= [MQTT311-4.1.0-2] test
//= [MQTT-3.1.2-23] test
/// D3, D6.
#[test]
fn an_unacknowledged_publish_is_sent_again_as_a_duplicate() {
    each_version(|version| {
        for qos in [AtLeastOnce, ExactlyOnce] {
            let (mut rig, ids) = unanswered(version, qos, 1);
            rig.reconnect_with(&resumed());
            let again = rig.expect_publish();
            assert_eq!((again.dup, again.packet_id, again.qos), (true, Some(ids[0]), qos));
            assert_eq!(again.topic, "t/1");
            rig.expect_nothing();
            assert_eq!(rig.stats().publishes_resent, 1);
        }
    });
}

/// D6.
#[test]
fn the_outcome_counts_every_sending() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, AtLeastOnce, 1);
        for _ in 0..2 {
            rig.drop_link(TransportFailure::TimedOut);
            rig.reconnect_with(&resumed());
            rig.expect_publish();
        }
        rig.advance(secs(3));
        rig.send(&puback(ids[0]));
        let Delivered { attempts, round_trip, packet_id, .. } = rig.outcome(1).unwrap();
        assert_eq!((attempts, round_trip), (3, Some(secs(3))), "from the last sending");
        assert_eq!(packet_id, Some(ids[0]));
    });
}

#[test]
fn nothing_is_sent_again_while_the_connection_lives() {
    each_version(|version| {
        let (mut rig, _) = unanswered(version, ExactlyOnce, 3);
        rig.advance(secs(3600));
        rig.expect_nothing();
    });
}

//= [MQTT-4.3.3-6] test
#[test]
fn after_pubrec_the_release_is_sent_again_and_never_the_message() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, ExactlyOnce, 1);
        rig.send(&pubrec(ids[0]));
        assert_eq!(rig.expect(), pubrel(ids[0]));
        for _ in 0..2 {
            rig.reconnect_with(&resumed());
            assert_eq!(rig.expect(), pubrel(ids[0]));
            rig.expect_nothing();
        }
        rig.send(&pubcomp(ids[0]));
        assert!(rig.outcome(1).is_ok());
    });
}

#[test]
fn a_pubrel_that_was_never_written_is_sent_on_the_next_connection() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, ExactlyOnce, 1);
        rig.writable = false;
        rig.send(&pubrec(ids[0]));
        rig.expect_nothing();
        rig.cut();
        rig.writable = true;
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect(), pubrel(ids[0]));
        rig.expect_nothing();
    });
}

#[test]
fn a_publish_that_was_never_written_is_sent_on_the_next_connection() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(lasting(version)));
        rig.writable = false;
        assert_eq!(rig.publish("a", AtLeastOnce, 1), Accepted::Tracked);
        rig.cut();
        rig.writable = true;
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect_publish().topic, "a");
        rig.expect_nothing();
    });
}

#[test]
fn an_acknowledgement_lost_on_the_way_is_made_good_by_the_next_connection() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, ExactlyOnce, 1);
        // The server has PUBREC'd, and the connection ended before it arrived.
        rig.reconnect_with(&resumed());
        assert!(rig.expect_publish().dup);
        rig.send(&pubrec(ids[0]));
        assert_eq!(rig.expect(), pubrel(ids[0]));
        // The server has PUBCOMP'd and forgotten, which got lost too.
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect(), pubrel(ids[0]));
        rig.send(&pubcomp(ids[0]));
        assert!(rig.outcome(1).is_ok());
        assert_eq!(rig.client.in_flight(), 0);
    });
}

//= [MQTT-4.6.0-1] test
//= [MQTT311-4.6.0-1] test
#[test]
fn the_original_order_is_kept() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, AtLeastOnce, 6);
        // Free identifiers in between, which later messages take up.
        rig.send(&puback(ids[1]));
        rig.send(&puback(ids[2]));
        for number in 7..=70 {
            rig.publish(&format!("t/{number}"), AtLeastOnce, number);
        }
        rig.forget_wire();
        rig.reconnect_with(&resumed());
        let mut order = Vec::new();
        while let Some(Packet::Publish(again)) = rig.wire.pop_front() {
            order.push(again.topic.to_string());
            rig.send(&puback(again.packet_id.unwrap()));
        }
        let expected: Vec<String> =
            [1].into_iter().chain(4..=70).map(|number| format!("t/{number}")).collect();
        assert_eq!(order, expected);
    });
}

//= [MQTT-4.6.0-4] test
//= [MQTT311-4.6.0-4] test
#[test]
fn releases_keep_the_order_of_the_receipts() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, ExactlyOnce, 4);
        for index in [2, 0, 3, 1] {
            rig.send(&pubrec(ids[index]));
        }
        let released: Vec<Packet> = std::mem::take(&mut rig.wire).into();
        assert_eq!(released, [2, 0, 3, 1].map(|index: usize| pubrel(ids[index])));
    });
}

#[test]
fn one_goes_alone_until_it_passes_then_the_rest_and_then_what_is_new() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, AtLeastOnce, 4);
        rig.drop_link(TransportFailure::TimedOut);
        rig.publish("new", AtLeastOnce, 9);
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect_publish().topic, "t/1");
        rig.expect_nothing();
        rig.publish("newer", AtMostOnce, 10);
        rig.expect_nothing();
        rig.send(&puback(ids[0]));
        let topics: Vec<String> = (0..5).map(|_| rig.expect_publish().topic.to_string()).collect();
        assert_eq!(topics, ["t/2", "t/3", "t/4", "new", "newer"]);
        rig.expect_nothing();
    });
}

#[test]
fn every_connection_begins_with_one_alone() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, AtLeastOnce, 6);
        for (round, id) in ids.into_iter().take(3).enumerate() {
            rig.drop_link(TransportFailure::TimedOut);
            rig.reconnect_with(&resumed());
            rig.expect_publish();
            rig.expect_nothing();
            rig.send(&puback(id));
            assert_eq!(rig.wire.len(), 5 - round);
        }
    });
}

#[test]
fn sending_again_keeps_to_the_write_buffer() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.bounds.write_buffer = 100;
        let mut rig = Rig::online(settings);
        let mut ids = Vec::new();
        for number in 0..50 {
            rig.publish("a", AtLeastOnce, number);
            ids.push(rig.expect_publish().packet_id.unwrap());
        }
        rig.reconnect_with(&resumed());
        rig.expect_publish();
        rig.writable = false;
        rig.send(&puback(ids[0]));
        assert!((100..150).contains(&rig.pending()), "{} bytes", rig.pending());
        rig.unblock();
        assert_eq!(rig.wire.len(), 49);
    });
}

//= [MQTT-3.2.2-5] test
//= [MQTT311-3.1.2-6] test
/// D6.
#[test]
fn a_lost_session_makes_them_new_messages() {
    each_version(|version| {
        for qos in [AtLeastOnce, ExactlyOnce] {
            let (mut rig, _) = unanswered(version, qos, 2);
            rig.reconnect_with(&accepted());
            let first = rig.expect_publish();
            assert_eq!((first.dup, &*first.topic), (false, "t/1"));
            let packet_id = first.packet_id.unwrap();
            rig.send(&if qos == AtLeastOnce { puback(packet_id) } else { pubrec(packet_id) });
            if qos == ExactlyOnce {
                assert_eq!(rig.expect(), pubrel(packet_id));
            }
            let second = rig.expect_publish();
            assert_eq!((second.dup, &*second.topic), (false, "t/2"));
        }
    });
}

/// A server may answer what it got on the last connection.
#[test]
fn an_answer_to_the_last_connection_counts_if_the_session_lives() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, ExactlyOnce, 3);
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect_publish().topic, "t/1");
        // PUBREC for one that has not been sent again yet: it must not be
        // published once more, or the server would take it for a new message.
        rig.send(&pubrec(ids[2]));
        assert_eq!(rig.expect(), pubrel(ids[2]));
        rig.send(&pubcomp(ids[2]));
        assert!(rig.outcome(3).is_ok());
        rig.send(&pubrec(ids[0]));
        assert_eq!(rig.expect(), pubrel(ids[0]));
        assert_eq!(rig.expect_publish().topic, "t/2");
        rig.expect_nothing();
        assert_eq!(rig.stats().unknown_acknowledgements, 0);
    });
}

#[test]
fn an_answer_to_a_session_that_is_lost_is_nobodys() {
    each_version(|version| {
        let (mut rig, ids) = unanswered(version, AtLeastOnce, 2);
        rig.reconnect_with(&accepted());
        assert_eq!(rig.expect_publish().topic, "t/1");
        rig.send(&puback(ids[1]));
        assert_eq!(rig.stats().unknown_acknowledgements, 1);
        assert!(rig.outcomes().is_empty());
        rig.send(&puback(ids[0]));
        assert_eq!(rig.expect_publish().topic, "t/2", "not lost");
    });
}

#[test]
fn a_client_whose_session_never_lasts_still_delivers() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.publish("a", AtLeastOnce, 1);
        rig.expect_publish();
        assert!(rig.reconnect_with(&accepted()).clean_start);
        let again = rig.expect_publish();
        assert!(!again.dup, "a new session knows no first sending");
        rig.send(&puback(again.packet_id.unwrap()));
        assert_eq!(rig.outcome(1).unwrap().attempts, 2);
    });
}

//= [MQTT-4.3.3-7] test
#[test]
fn a_message_once_sent_no_longer_expires() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    let mut message = publish("a", "x", ExactlyOnce);
    message.properties.push(Property::MessageExpiryInterval(5));
    rig.try_publish(message, 1).unwrap();
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.advance(secs(10));
    assert!(rig.outcomes().is_empty());
    rig.send(&pubrec(packet_id));
    assert_eq!(rig.expect(), pubrel(packet_id));
    rig.advance(secs(10));
    rig.send(&pubcomp(packet_id));
    assert!(rig.outcome(1).is_ok());
}

/// The server counts from when it gets a message: a copy says what is left.
#[test]
fn what_is_sent_again_says_what_is_left_of_its_interval() {
    let mut rig = Rig::started(quiet(lasting(Version::V5)));
    let expiring = |topic, seconds| {
        let mut message = publish(topic, "x", AtLeastOnce);
        message.properties.push(Property::MessageExpiryInterval(seconds));
        message
    };
    let intervals = |rig: &mut Rig| {
        let mut intervals = Vec::new();
        while !rig.wire.is_empty() {
            let publish = rig.expect_publish();
            intervals.push(publish.properties.message_expiry_interval().unwrap());
        }
        intervals
    };
    let begin = rig.now;
    rig.try_publish(expiring("waited", 100), 1).unwrap();
    rig.advance(secs(10));
    rig.accept_with(&accepted());
    rig.try_publish(expiring("sent at once", 100), 2).unwrap();
    rig.try_publish(expiring("short", 5), 3).unwrap();
    assert_eq!(intervals(&mut rig), [90, 100, 5]);
    let left = |rig: &Rig, end| (begin + secs(end)).since(rig.now).as_secs_f64().ceil() as u32;
    for _ in 0..2 {
        rig.advance(secs(20));
        rig.reconnect_with(&resumed());
        let expected = left(&rig, 100);
        assert!(expected < 90);
        assert_eq!(intervals(&mut rig), [expected], "the first one goes alone");
    }
    rig.send(&puback(id(1)));
    let expected = [left(&rig, 110), 1];
    assert_eq!(intervals(&mut rig), expected, "never 0, which would be of no use");
}

#[test]
fn aliases_never_stand_for_the_topic_of_what_is_sent_again() {
    let mut rig = Rig::started(quiet(lasting(Version::V5)));
    let connack = with([Property::TopicAliasMaximum(4)]);
    rig.accept_with(&connack);
    for number in 1..=3 {
        rig.publish("same", AtLeastOnce, number);
    }
    rig.forget_wire();
    let mut connack = connack;
    connack.session_present = true;
    rig.reconnect_with(&connack);
    for _ in 0..3 {
        let again = rig.expect_publish();
        assert_eq!(again.topic, "same");
        assert_eq!(again.properties.topic_alias(), None);
        rig.send(&puback(again.packet_id.unwrap()));
    }
}

/// D4: the server holds the identifier until PUBREL; it would take a new
/// message under it for a copy of the abandoned one, and drop it.
#[test]
fn a_halt_does_not_free_the_identifier_of_a_qos_2_exchange() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.reconnect.refused = RefusedPolicy::Halt;
        let mut rig = Rig::online(settings);
        rig.publish("old", ExactlyOnce, 1);
        let old = rig.expect_publish().packet_id.unwrap();
        rig.cut();
        rig.await_open();
        rig.accept();
        rig.send(&Packet::ConnAck(refused(ReasonCode::NOT_AUTHORIZED)));
        assert!(matches!(rig.client.state(), State::Halted { .. }));
        assert!(rig.outcome(1).is_err());

        rig.client.start(rig.now);
        rig.settle();
        rig.await_open();
        rig.accept_with(&resumed());
        rig.publish("new", ExactlyOnce, 2);
        assert_eq!(rig.expect(), pubrel(old), "first of all");
        rig.expect_nothing();
        rig.send(&pubcomp(old));
        assert_eq!(rig.expect_publish().topic, "new");
        assert_eq!(rig.client.in_flight(), 1, "the new one");
        assert!(rig.outcomes().is_empty(), "nobody waits for the old one");
    });
}

#[test]
fn a_halted_client_leaves_nothing_when_it_shuts_down() {
    let mut settings = quiet(lasting(Version::V5));
    settings.reconnect.refused = RefusedPolicy::Halt;
    let mut rig = Rig::online(settings);
    rig.publish("old", ExactlyOnce, 1);
    rig.cut();
    rig.await_open();
    rig.accept();
    rig.send(&Packet::ConnAck(refused(ReasonCode::NOT_AUTHORIZED)));
    rig.shutdown(secs(10));
    assert_eq!(rig.client.state(), State::Closed);
    assert!(rig.client.shutdown_report().unwrap().is_clean());
    assert_eq!(rig.client.in_flight(), 0);
}
