//! D13: what is called delivered is with the server, in a session that exists.

use evenkeel_proto::codec::{Ack, Packet, PacketId, Property, ReasonCode, Version};
use evenkeel_proto::record::{Outcome, Record, Serial};
use evenkeel_proto::{Delivered, DeliveryError, Timer, TransportFailure, WhenUncertain};

use crate::support::*;

const UNCERTAIN: DeliveryError = DeliveryError::Uncertain { attempts: 1 };

/// A client that the server has sent PUBREC for message 1, and its identifier.
fn released(version: Version, when: WhenUncertain) -> (Rig, PacketId) {
    let mut settings = quiet(lasting(version));
    settings.when_uncertain = when;
    let mut rig = Rig::online(settings);
    rig.publish("a", ExactlyOnce, 1);
    let id = rig.expect_publish().packet_id.unwrap();
    rig.send(&pubrec(id));
    assert_eq!(rig.expect(), pubrel(id));
    (rig, id)
}

fn not_found(id: PacketId) -> Packet {
    Packet::PubComp(Ack::new(id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND))
}

/// The server ends the exchange under this identifier.
#[track_caller]
fn finish(rig: &mut Rig, id: PacketId) {
    rig.send(&pubrec(id));
    assert_eq!(rig.expect(), pubrel(id));
    rig.send(&pubcomp(id));
}

//= [MQTT-3.2.2-5] test
#[test]
fn what_the_server_had_taken_over_before_it_forgot_is_uncertain() {
    each_version(|version| {
        let (mut rig, _) = released(version, WhenUncertain::Report);
        rig.reconnect_with(&accepted());
        rig.expect_nothing();
        assert_eq!(rig.outcome(1), Err(UNCERTAIN));
        assert_eq!((rig.stats().uncertain, rig.client.in_flight()), (1, 0));
        assert_eq!(rig.stats().publishes_acknowledged, 0);
    });
}

#[test]
fn it_is_sent_anew_where_that_is_wanted() {
    each_version(|version| {
        let (mut rig, id) = released(version, WhenUncertain::SendAnew);
        // In its place among those that are sent again.
        rig.publish("b", ExactlyOnce, 2);
        rig.reconnect_with(&accepted());
        let anew = rig.expect_publish();
        assert_eq!((&*anew.topic, &anew.payload[..], anew.dup), ("a", &b"hello"[..], false));
        assert_eq!(anew.packet_id, Some(id));
        rig.expect_nothing();
        finish(&mut rig, id);
        assert_eq!(rig.outcome(1).unwrap().attempts, 2);
        assert_eq!(rig.expect_publish().topic, "b");
        assert_eq!(rig.stats().uncertain, 0);
    });
}

#[test]
fn a_session_that_goes_on_needs_nothing_sent_anew() {
    each_version(|version| {
        let (mut rig, id) = released(version, WhenUncertain::SendAnew);
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect(), pubrel(id));
        rig.send(&pubcomp(id));
        assert_eq!(rig.outcome(1).unwrap().attempts, 2);
        rig.expect_nothing();
    });
}

/// The CONNACK that told of a new session was lost; the next one resumes it.
#[test]
fn a_session_that_may_be_another_proves_nothing() {
    each_version(|version| {
        for (when, is_anew) in [(WhenUncertain::Report, false), (WhenUncertain::SendAnew, true)] {
            let (mut rig, id) = released(version, when);
            rig.cut();
            rig.await_open();
            rig.accept();
            rig.reconnect_with(&resumed());
            assert_eq!(rig.expect(), pubrel(id), "the server may hold it all the same");
            rig.expect_nothing();
            rig.send(&pubcomp(id));
            if is_anew {
                let anew = rig.expect_publish();
                assert_eq!((&*anew.topic, anew.dup, anew.packet_id), ("a", false, Some(id)));
                finish(&mut rig, id);
                assert!(rig.outcome(1).is_ok());
            } else {
                assert_eq!(rig.outcome(1), Err(DeliveryError::Uncertain { attempts: 2 }));
            }
            // What began in this session is as good as ever.
            rig.publish("b", ExactlyOnce, 2);
            let next = rig.expect_publish().packet_id.unwrap();
            finish(&mut rig, next);
            assert!(rig.outcome(2).is_ok());
        }
    });
}

/// The server said that it has the message, and then that it does not.
/// D18: time passes whether it is sent again or anew.
#[test]
fn what_is_sent_anew_has_the_time_that_is_left() {
    let mut settings = quiet(lasting(Version::V5));
    settings.when_uncertain = WhenUncertain::SendAnew;
    let mut rig = Rig::online(settings);
    let mut message = publish("a", "x", ExactlyOnce);
    message.properties.push(Property::MessageExpiryInterval(3600));
    rig.try_publish(message, 1).unwrap();
    rig.settle();
    let id = rig.expect_publish().packet_id.unwrap();
    rig.send(&pubrec(id));
    assert_eq!(rig.expect(), pubrel(id));
    rig.advance(secs(1000));
    rig.cut();
    rig.await_open();
    // Its CONNACK is lost.
    rig.accept();
    rig.reconnect_with(&resumed());
    assert_eq!(rig.expect(), pubrel(id));
    rig.send(&pubcomp(id));
    let left = rig.expect_publish().properties.message_expiry_interval().unwrap();
    assert!((2500..=2600).contains(&left), "{left}");
}

#[test]
fn pubcomp_not_found_for_the_first_pubrel_is_no_success() {
    let (mut rig, id) = released(Version::V5, WhenUncertain::Report);
    rig.send(&not_found(id));
    assert_eq!(rig.outcome(1), Err(UNCERTAIN));
    let (mut rig, id) = released(Version::V5, WhenUncertain::Report);
    rig.send(&pubrec(id));
    assert_eq!(rig.expect(), pubrel(id), "said twice");
    rig.send(&not_found(id));
    assert!(rig.outcome(1).is_ok());
}

// ---- identifiers of a session that nobody remembers ----

/// A new process, and a server that still has the session of an earlier one.
fn stranger(version: Version) -> Rig {
    Rig::online_with(quiet(lasting(version)), &resumed())
}

#[test]
fn an_identifier_the_server_may_hold_is_given_back_before_its_first_use() {
    each_version(|version| {
        for found in [true, false] {
            let mut rig = stranger(version);
            rig.expect_nothing();
            rig.publish("a", ExactlyOnce, 1);
            assert_eq!(rig.expect(), pubrel(id(1)));
            rig.expect_nothing();
            let says_so = !found && version == Version::V5;
            rig.send(&if says_so { not_found(id(1)) } else { pubcomp(id(1)) });
            let publish = rig.expect_publish();
            assert_eq!((publish.packet_id, publish.dup), (Some(id(1)), false));
            finish(&mut rig, id(1));
            let Delivered { packet_id, attempts, .. } = rig.outcome(1).unwrap();
            assert_eq!((packet_id, attempts), (Some(id(1)), 1));
            assert_eq!(rig.stats().identifiers_released, 1);
        }
    });
}

/// D3: no message overtakes another, and none waits longer than it must.
#[test]
fn messages_wait_in_order_while_identifiers_are_given_back() {
    each_version(|version| {
        let mut rig = Rig::started(quiet(lasting(version)));
        for number in 1..=40 {
            rig.publish(&format!("t/{number}"), ExactlyOnce, number);
        }
        rig.publish("t/41", AtLeastOnce, 41);
        rig.accept_with(&resumed());
        let mut topics = Vec::new();
        let mut most = 0;
        while topics.len() < 41 {
            let packets: Vec<_> = rig.wire.drain(..).collect();
            assert!(!packets.is_empty(), "after {topics:?}");
            let mut answers = Vec::new();
            let mut given_back = 0;
            for packet in packets {
                match packet {
                    Packet::Publish(publish) => {
                        let id = publish.packet_id.unwrap();
                        topics.push(publish.topic.to_string());
                        answers.push(if publish.qos == ExactlyOnce {
                            pubrec(id)
                        } else {
                            puback(id)
                        });
                    }
                    Packet::PubRel(ack) => {
                        given_back += 1;
                        answers.push(pubcomp(ack.packet_id));
                    }
                    other => panic!("{other:?}"),
                }
            }
            most = most.max(given_back);
            rig.send_all(&answers);
        }
        let expected: Vec<_> = (1..=41).map(|number| format!("t/{number}")).collect();
        assert_eq!(topics, expected);
        assert!((2..=36).contains(&most), "some at a time: {most}");
        assert!(rig.outcomes().iter().all(|outcome| !format!("{outcome:?}").contains("Err")));
    });
}

#[test]
fn only_qos_2_asks_and_only_in_a_session_that_is_not_known() {
    each_version(|version| {
        let mut rig = stranger(version);
        rig.publish("a", AtLeastOnce, 1);
        assert_eq!(rig.expect_publish().topic, "a");
        rig.subscribe(&[("s", AtLeastOnce)], 2);
        rig.expect_subscribe();
        // A session of our own, whatever the connection.
        let mut rig = Rig::online(quiet(lasting(version)));
        rig.publish("a", ExactlyOnce, 1);
        rig.expect_publish();
        rig.reconnect_with(&resumed());
        rig.expect_publish();
        // The stranger's session is over: nothing of it is left.
        let mut rig = stranger(version);
        rig.reconnect_with(&accepted());
        rig.publish("a", ExactlyOnce, 1);
        rig.expect_publish();
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect_publish().topic, "a");
        assert_eq!(rig.stats().identifiers_released, 0);
    });
}

#[test]
fn where_the_server_closes_over_it_it_is_not_repeated() {
    each_version(|version| {
        let mut rig = stranger(version);
        rig.publish("a", ExactlyOnce, 1);
        assert_eq!(rig.expect(), pubrel(id(1)));
        rig.reconnect_with(&resumed());
        let first = rig.expect_publish().packet_id.unwrap();
        rig.expect_nothing();
        finish(&mut rig, first);
        assert_eq!(rig.outcome(1), Err(UNCERTAIN), "it may have passed for a copy");
        // From its second use on, an identifier is known.
        let mut certain = Vec::new();
        for number in 2..=40 {
            rig.publish("b", ExactlyOnce, number);
            let id = rig.expect_publish().packet_id.unwrap();
            finish(&mut rig, id);
            match rig.outcome(number) {
                Ok(Delivered { .. }) => certain.push(id),
                Err(error) => {
                    assert_eq!(error, UNCERTAIN);
                    assert!(!certain.contains(&id) && id != first);
                }
            }
        }
        assert!(certain.contains(&first));
        assert_eq!(rig.stats().identifiers_released, 1);
    });
}

#[test]
fn where_the_network_ends_it_it_is_repeated() {
    each_version(|version| {
        let mut rig = stranger(version);
        rig.publish("a", ExactlyOnce, 1);
        assert_eq!(rig.expect(), pubrel(id(1)));
        rig.drop_link(TransportFailure::TimedOut);
        rig.reconnect_with(&resumed());
        let Packet::PubRel(again) = rig.expect() else { panic!("PUBREL") };
        rig.expect_nothing();
        rig.send(&pubcomp(again.packet_id));
        let id = rig.expect_publish().packet_id.unwrap();
        finish(&mut rig, id);
        assert!(rig.outcome(1).is_ok());
    });
}

#[test]
fn a_server_that_leaves_it_unanswered_gets_the_message_all_the_same() {
    each_version(|version| {
        let mut rig = stranger(version);
        rig.publish("a", ExactlyOnce, 1);
        rig.publish("b", AtLeastOnce, 2);
        assert_eq!(rig.expect(), pubrel(id(1)));
        rig.forget_wire();
        assert_eq!(rig.until(Timer::Identifiers), secs(10));
        rig.advance(secs(10) - MICRO);
        rig.expect_nothing();
        rig.advance(MICRO);
        let first = rig.expect_publish();
        assert_eq!(first.topic, "a");
        assert_eq!(rig.expect_publish().topic, "b");
        finish(&mut rig, first.packet_id.unwrap());
        assert_eq!(rig.outcome(1), Err(UNCERTAIN));
        // The answer that came too late is nobody's.
        rig.send(&pubcomp(id(1)));
        assert!(rig.client.state().is_online());
    });
}

#[test]
fn a_shutdown_does_not_wait_for_identifiers() {
    each_version(|version| {
        let mut rig = stranger(version);
        rig.publish("a", ExactlyOnce, 1);
        rig.shutdown(secs(5));
        assert!(rig.client.state().is_online(), "the message is waited for");
        rig.advance(secs(5));
        assert_eq!(rig.outcome(1), Err(DeliveryError::Abandoned { attempts: 0 }));
        let report = rig.client.shutdown_report().unwrap();
        assert_eq!((report.unacknowledged, report.queued, report.operations), (0, 1, 0));
        assert_eq!(rig.client.in_flight(), 0);
    });
}

// ---- with a store ----

/// A client with a new store, and a server that has a session from before it.
fn stranger_with_store(version: Version) -> Rig {
    let mut rig = Rig::durable(quiet(lasting(version)));
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&resumed());
    rig
}

#[test]
fn what_an_earlier_process_could_not_know_the_next_one_does_not_either() {
    each_version(|version| {
        let mut rig = stranger_with_store(version);
        rig.publish("a", ExactlyOnce, 1);
        assert_eq!(rig.expect(), pubrel(id(1)));
        // Also if it died before it had given it back.
        rig.restart_with(&resumed());
        assert_eq!(rig.expect(), pubrel(id(1)));
        rig.send(&pubcomp(id(1)));
        let id = rig.expect_publish().packet_id.unwrap();
        finish(&mut rig, id);
        assert_eq!(rig.settled().last(), Some(&(1, Ok(()))));
        // In a session of its own there is nothing to ask.
        rig.reconnect_with(&accepted());
        rig.advance(secs(1));
        assert!(rig.store.records.contains(&Record::SessionLost));
        rig.restart_with(&resumed());
        rig.publish("b", ExactlyOnce, 2);
        assert_eq!(rig.expect_publish().topic, "b");
    });
}

/// A store that was made by 0.1.0 says nothing about it: its session is known.
#[test]
fn a_session_that_the_store_knows_is_not_asked_about() {
    each_version(|version| {
        let mut rig = Rig::durable_online(quiet(lasting(version)));
        rig.advance(secs(1));
        rig.crash_and_hear(|recovered| assert!(!recovered.session_unknown));
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&resumed());
        rig.publish("a", ExactlyOnce, 1);
        assert_eq!(rig.expect_publish().topic, "a");
    });
}

#[test]
fn what_was_released_by_an_earlier_process_is_uncertain_without_its_session() {
    each_version(|version| {
        let mut rig = Rig::durable_online(quiet(lasting(version)));
        rig.publish("a", ExactlyOnce, 1);
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(id));
        rig.restart_with(&accepted());
        rig.expect_nothing();
        assert_eq!(rig.settled(), [(1, Err(UNCERTAIN))]);
        rig.advance(secs(1));
        let done = Record::Done { serial: Serial(1), outcome: Outcome::Uncertain };
        assert!(rig.store.records.contains(&done));
        assert!(rig.store.recovered().exchanges.is_empty());
    });
}

#[test]
fn what_was_released_by_an_earlier_process_is_sent_anew_where_that_is_wanted() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.when_uncertain = WhenUncertain::SendAnew;
        let mut rig = Rig::durable_online(settings);
        rig.publish("a", ExactlyOnce, 1);
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(id));
        assert_eq!(rig.expect(), pubrel(id));
        assert!(rig.store.records.contains(&Record::ReleasedAndKept { serial: Serial(1) }));
        // The session goes on: so does the exchange.
        rig.restart_with(&resumed());
        assert_eq!(rig.expect(), pubrel(id));
        // Twice: the second process dies before its PUBLISH is answered.
        for _ in 0..2 {
            rig.restart_with(&accepted());
            let anew = rig.expect_publish();
            assert_eq!((&*anew.topic, anew.dup, anew.packet_id), ("a", false, Some(id)));
            rig.expect_nothing();
        }
        finish(&mut rig, id);
        assert_eq!(rig.settled().last(), Some(&(1, Ok(()))));
        rig.advance(secs(1));
        assert!(rig.store.messages().is_empty());
    });
}
