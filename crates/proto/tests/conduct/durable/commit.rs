//! What waits for which commit.

use evenkeel_proto::codec::{Packet, PacketId, ReasonCode, Version};
use evenkeel_proto::record::{Outcome, Record, Serial};
use evenkeel_proto::{Accepted, Completion, Input};

use crate::support::*;

use super::held;

/// What kinds of records wait to be committed.
fn kinds(rig: &Rig) -> Vec<&'static str> {
    let records = rig.batches.iter().flat_map(|batch| &batch.records);
    records.map(kind).filter(|kind| *kind != "time").collect()
}

fn kind(record: &Record) -> &'static str {
    match record {
        Record::Identity { .. } => "identity",
        Record::Accepted(_) => "accepted",
        Record::Sent { .. } => "sent",
        Record::Released { .. } => "released",
        Record::Done { .. } => "done",
        Record::Quarantined { .. } => "quarantined",
        Record::Received { .. } => "received",
        Record::Finished { .. } => "finished",
        Record::Clearing { .. } => "clearing",
        Record::Freed { .. } => "freed",
        Record::Subscribed(_) => "subscribed",
        Record::Unsubscribed { .. } => "unsubscribed",
        Record::SessionLost => "session lost",
        Record::SessionUnknown => "session unknown",
        Record::ReleasedAndKept { .. } => "released and kept",
        Record::Unproven => "unproven",
        Record::Proven => "proven",
        Record::Time(_) => "time",
    }
}

/// D3: online, acceptance and the beginning of the exchange are one commit.
#[test]
fn a_publish_goes_out_and_is_accepted_once_it_is_committed() {
    each_version(|version| {
        for qos in [AtLeastOnce, ExactlyOnce] {
            let mut rig = held(version);
            assert_eq!(rig.publish("a", qos, 1), Accepted::Storing);
            assert_eq!(kinds(&rig), ["accepted", "sent"]);
            rig.expect_nothing();
            assert!(rig.outcomes().is_empty());
            rig.commit();
            let serial = Serial(1);
            assert_eq!(rig.outcomes(), [Completion::Stored { token: token(1), serial }]);
            assert!(!rig.expect_publish().dup);
            rig.expect_nothing();
        }
    });
}

/// Group commit: what comes while a batch is under way makes one more.
#[test]
fn what_is_published_during_a_commit_is_committed_together() {
    each_version(|version| {
        let mut rig = held(version);
        for number in 1..=10 {
            rig.publish("a", AtLeastOnce, number);
        }
        assert_eq!(rig.batches.len(), 1);
        rig.commit();
        assert_eq!(rig.wire.len(), 1, "the first batch held the first message");
        assert_eq!(kinds(&rig).len(), 18, "the second all the others");
        rig.commit();
        assert_eq!(rig.wire.len(), 10);
        assert!(rig.batches.is_empty());
        assert_eq!(rig.stats().commits, 2 + 2, "with those of CONNECT and of its answer");
    });
}

//= [MQTT-4.3.3-6] test
/// D3: PUBREL says that the message will not be sent again.
#[test]
fn a_pubrel_goes_out_once_the_release_is_committed() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", ExactlyOnce, 1);
        rig.commit();
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(id));
        assert_eq!(kinds(&rig), ["released"]);
        rig.expect_nothing();
        rig.send(&pubrec(id));
        rig.expect_nothing();
        rig.commit();
        assert_eq!(rig.expect(), pubrel(id));
        assert_eq!(rig.expect(), pubrel(id), "the second PUBREC has its answer too");
        rig.expect_nothing();
    });
}

/// D3: PUBREC promises that no copy is delivered.
#[test]
fn a_pubrec_goes_out_once_the_receipt_is_committed() {
    each_version(|version| {
        let mut rig = held(version);
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        assert!(rig.batches.is_empty(), "nothing is promised before the application is done");
        rig.handle_message();
        assert_eq!(kinds(&rig), ["received"]);
        rig.expect_nothing();
        rig.commit();
        assert_eq!(rig.expect(), pubrec(id(9)));
        rig.send(&pubrel(id(9)));
        assert_eq!(kinds(&rig), ["finished"]);
        rig.expect_nothing();
        rig.commit();
        assert_eq!(rig.expect(), pubcomp(id(9)));
        rig.expect_nothing();
    });
}

/// A PUBREL that comes again must not be answered ahead of the commit: the
/// server would use the identifier for another message.
#[test]
fn a_repeated_pubrel_waits_for_the_commit_as_well() {
    each_version(|version| {
        let mut rig = held(version);
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.commit();
        rig.forget_wire();
        rig.send_all(&[pubrel(id(9)), pubrel(id(9))]);
        rig.expect_nothing();
        rig.commit();
        let answers: Vec<Packet> = rig.wire.drain(..).collect();
        assert_eq!(answers.len(), 2);
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer, Packet::PubComp(ack) if ack.packet_id == id(9)))
        );
    });
}

#[test]
fn a_puback_waits_for_no_commit() {
    each_version(|version| {
        let mut rig = held(version);
        rig.send(&Packet::Publish(delivery("in", AtLeastOnce, 9)));
        rig.handle_message();
        assert_eq!(rig.expect(), puback(id(9)));
        assert!(rig.batches.is_empty());
    });
}

#[test]
fn a_refused_incoming_message_needs_no_record() {
    let mut rig = held(Version::V5);
    rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
    let key = rig.message().ack.unwrap();
    rig.acknowledge(key, ReasonCode::NOT_AUTHORIZED);
    assert!(
        matches!(rig.expect(), Packet::PubRec(ack) if ack.reason == ReasonCode::NOT_AUTHORIZED)
    );
    assert!(rig.batches.is_empty());
}

/// The outcome is told at once; that it is over is committed with the next
/// batch, or soon.
#[test]
fn an_outcome_does_not_wait_for_its_commit() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.commit();
        let id = rig.expect_publish().packet_id.unwrap();
        rig.outcomes();
        rig.send(&puback(id));
        assert!(rig.outcome(1).is_ok());
        assert!(rig.batches.is_empty());
        rig.advance(millis(99));
        assert!(rig.batches.is_empty());
        rig.advance(millis(1));
        let done = Record::Done { serial: Serial(1), outcome: Outcome::Delivered };
        assert_eq!(rig.batches[0].records, [done]);
    });
}

#[test]
fn the_end_of_one_message_travels_with_the_next() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.commit();
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(id));
        rig.publish("a", AtLeastOnce, 2);
        assert_eq!(kinds(&rig), ["done", "accepted", "sent"]);
    });
}

/// D4: an identifier is free for the store before it is used again.
#[test]
fn an_identifier_is_given_back_in_the_store_before_it_is_used_again() {
    each_version(|version| {
        // The model store checks that none is in use twice.
        let mut rig = Rig::durable_online(quiet(lasting(version)));
        for round in 0..10 {
            for number in 0..30 {
                rig.publish("a", AtLeastOnce, round * 30 + number);
            }
            while let Some(Packet::Publish(publish)) = rig.wire.pop_front() {
                rig.send(&puback(publish.packet_id.unwrap()));
            }
        }
        rig.advance(secs(1));
        assert_eq!(rig.store.messages(), []);
    });
}

#[test]
fn qos_0_never_waits_for_the_store() {
    each_version(|version| {
        let mut rig = held(version);
        assert!(matches!(rig.publish("a", AtMostOnce, 1), Accepted::Sent { .. }));
        assert_eq!(rig.expect_publish().topic, "a");
        assert!(rig.batches.is_empty());
    });
}

#[test]
fn subscriptions_are_stored_before_their_outcome_is_told() {
    each_version(|version| {
        let mut rig = held(version);
        rig.subscribe(&[("a/#", AtLeastOnce), ("b", AtMostOnce)], 1);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[1, 0x80]));
        assert_eq!(kinds(&rig), ["subscribed", "unsubscribed"]);
        assert!(rig.outcomes().is_empty());
        rig.commit();
        assert_eq!(rig.answer(1), Ok(vec![1, 0x80]));
        rig.unsubscribe(&["a/#"], 2);
        let packet_id = rig.expect_unsubscribe().packet_id;
        rig.send(&unsuback(packet_id, if version == Version::V5 { &[0] } else { &[] }));
        assert_eq!(kinds(&rig), ["unsubscribed"]);
        assert!(rig.outcomes().is_empty());
        rig.commit();
        assert_eq!(rig.answer(2), Ok(vec![0]));
        assert_eq!(rig.store.recovered().subscriptions, []);
    });
}

/// A gate belongs to its connection: what was held back on one that is over
/// is sent by the rules of the next.
#[test]
fn a_commit_that_comes_after_the_end_of_its_connection_sends_nothing_there() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.cut();
        rig.await_open();
        let conn = rig.conn();
        rig.client.handle(rig.now, Input::Opened(conn, None));
        rig.settle();
        assert_eq!(kinds(&rig), ["accepted", "sent"]);
        rig.commit();
        rig.expect_nothing();
        assert_eq!(kinds(&rig), ["received", "unproven"]);
        rig.commit();
        assert!(matches!(rig.expect(), Packet::Connect(_)), "a CONNECT waits for its record");
        rig.link.as_mut().unwrap().version = version;
        rig.send(&Packet::ConnAck(resumed()));
        let again = rig.expect_publish();
        assert_eq!((&again.topic[..], again.dup), ("a", false), "it goes out for the first time");
        rig.expect_nothing();
    });
}

#[test]
fn an_answer_to_a_message_that_was_never_sent_is_no_answer() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.send(&puback(PacketId::new(1).unwrap()));
        assert_eq!(rig.stats().unknown_acknowledgements, 1);
        rig.commit();
        assert_eq!(rig.expect_publish().topic, "a");
        assert_eq!(rig.outcomes().len(), 1, "it is stored, and has no outcome");
    });
}

/// Several large messages may go out with one commit, beyond the bound of the buffer. A
/// server that writes to us may read nothing meanwhile, so that it is read all the same.
#[test]
fn what_one_commit_lets_go_does_not_stop_the_reading() {
    let mut settings = quiet(lasting(Version::V5));
    settings.connect.receive_maximum = 1;
    settings.bounds.write_buffer = 500;
    settings.bounds.in_flight = 10;
    let mut rig = Rig::durable_online(settings);
    rig.advance(secs(1));
    rig.commits = Commits::Held;
    rig.writable = false;
    for number in 1..=3 {
        let large = publish("a", &"x".repeat(10_000), AtLeastOnce);
        rig.try_publish(large, number).expect("the message is accepted");
    }
    while !rig.batches.is_empty() {
        rig.commit();
    }
    assert!(rig.pending() > 30_000, "{}", rig.pending());
    assert!(rig.client.wants_read());
}
