//! A store that fails: publishes are refused, the connection stays, nothing
//! that was accepted is lost.

use evenkeel_proto::codec::{Packet, Version};
use evenkeel_proto::record::{Serial, StorageFailure};
use evenkeel_proto::{Completion, DeliveryError, Event, RejectReason, Timer};

use crate::support::*;

use super::held;

const FULL: StorageFailure = StorageFailure::Full;

#[test]
fn a_message_that_is_not_stored_is_not_accepted_and_never_sent() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("b", ExactlyOnce, 2);
        rig.fail_commit(FULL);
        let ends: Vec<_> = (1..=2)
            .map(|number| Completion::Publish {
                token: token(number),
                result: Err(DeliveryError::NotStored(FULL)),
            })
            .collect();
        assert_eq!(rig.outcomes(), ends, "also the one that was still to be handed over");
        rig.expect_nothing();
        assert!(rig.client.state().is_online());
        assert_eq!(rig.client.queued() + rig.client.in_flight(), 0);
        assert!(
            rig.take_events()
                .iter()
                .any(|event| matches!(event, Event::StoreFailed { failure: FULL, .. }))
        );
    });
}

#[test]
fn publishes_are_refused_until_the_store_works_again() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.commit();
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.outcomes();
        rig.send(&puback(packet_id));
        assert!(rig.outcome(1).is_ok());
        rig.advance(millis(100));
        // Nothing of the application's is in this batch.
        rig.fail_commit(StorageFailure::ReadOnly);
        let reason = RejectReason::Storage(StorageFailure::ReadOnly);
        assert_eq!(rig.try_publish(publish("a", "x", AtLeastOnce), 2), Err(reason.clone()));
        assert!(!reason.is_temporary(), "who waits would wait for people");
        assert!(rig.try_publish(publish("a", "x", AtMostOnce), 3).is_ok(), "QoS 0 needs no store");
        // It is tried again after one second, then two, four ...
        for delay in [1, 2, 4] {
            assert_eq!(rig.until(Timer::Store), secs(delay));
            rig.advance(secs(delay));
            rig.fail_commit(StorageFailure::ReadOnly);
        }
        assert_eq!(rig.until(Timer::Store), secs(8));
        rig.advance(secs(8));
        rig.take_events();
        rig.commit();
        assert_eq!(rig.take_events(), [Event::StoreRestored]);
        assert!(rig.try_publish(publish("a", "x", AtLeastOnce), 4).is_ok());
        rig.commit();
        assert_eq!(rig.store.messages().len(), 1, "the first is over, the last is stored");
    });
}

/// The end of one message must not be lost because another could not be stored.
#[test]
fn records_of_other_messages_are_committed_later() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", ExactlyOnce, 1);
        rig.commit();
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.outcomes();
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.publish("b", AtLeastOnce, 2);
        rig.send(&pubrec(packet_id));
        rig.fail_commit(FULL);
        rig.expect_nothing();
        assert_eq!(rig.outcome(2), Err(DeliveryError::NotStored(FULL)));
        // The rest is tried again at once: only the message was too much.
        rig.commit();
        assert_eq!(rig.expect(), pubrec(id(9)));
        assert_eq!(rig.expect(), pubrel(packet_id));
        rig.expect_nothing();
        let refused = rig.try_publish(publish("c", "x", AtLeastOnce), 3);
        assert_eq!(refused, Err(RejectReason::Storage(FULL)), "it need not be tried so soon");
        rig.advance(secs(1));
        rig.publish("c", AtLeastOnce, 3);
        rig.take_events();
        rig.commit();
        assert_eq!(rig.take_events(), [Event::StoreRestored]);
    });
}

/// Nothing else may ever wake a client without pings.
#[test]
fn what_waits_in_the_queue_goes_once_the_store_is_trusted_again() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.bounds.in_flight = 1;
        let mut rig = Rig::durable_online(config);
        rig.advance(secs(1));
        rig.commits = Commits::Held;
        rig.publish("a", AtLeastOnce, 1);
        rig.commit();
        rig.publish("b", AtLeastOnce, 2);
        rig.advance(millis(100));
        rig.commit();
        let first = rig.expect_publish().packet_id.unwrap();
        rig.publish("c", AtLeastOnce, 3);
        rig.fail_commit(FULL);
        rig.send(&puback(first));
        rig.advance(millis(100));
        rig.commit();
        assert_eq!(rig.client.queued(), 1, "the end of the first is stored, the second waits");
        rig.expect_nothing();
        assert_eq!(rig.until(Timer::Store), millis(900));
        rig.advance(millis(899));
        assert!(rig.batches.is_empty());
        rig.advance(millis(1));
        rig.take_events();
        rig.commit();
        assert_eq!(rig.take_events(), [Event::StoreRestored]);
        assert_eq!(rig.expect_publish().topic, "b");
    });
}

#[test]
fn an_identifier_of_a_refused_message_is_free_again() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.fail_commit(FULL);
        rig.outcomes();
        rig.commits = Commits::AtOnce;
        rig.advance(secs(1));
        rig.publish("b", AtLeastOnce, 2);
        assert_eq!(rig.expect_publish().topic, "b");
        rig.expect_nothing();
        let serial = Serial(2);
        assert_eq!(rig.outcomes(), [Completion::Stored { token: token(2), serial }]);
    });
}

#[test]
fn acknowledgements_wait_for_the_store_and_the_link_lives_on() {
    each_version(|version| {
        let mut rig = held(version);
        rig.commits = Commits::Fail(StorageFailure::Other(Some(5)));
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.send(&Packet::Publish(delivery("in", AtLeastOnce, 8)));
        rig.handle_message();
        assert_eq!(rig.expect(), puback(id(8)), "what promises nothing goes on");
        rig.expect_nothing();
        rig.advance(secs(600));
        assert!(rig.client.state().is_online());
        rig.commits = Commits::AtOnce;
        rig.advance(secs(60));
        assert_eq!(rig.expect(), pubrec(id(9)));
    });
}

/// D1: if nothing of a batch that failed is tried again, nothing waits for
/// the next one, which may never come.
#[test]
fn who_waits_for_what_will_not_be_stored_is_answered() {
    each_version(|version| {
        let mut rig = Rig::durable(quiet(lasting(version)));
        rig.client.start(rig.now);
        rig.settle();
        rig.advance(secs(1));
        rig.commits = Commits::Held;
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("b", AtLeastOnce, 2);
        rig.client.remove(rig.now, Serial(2), token(3));
        rig.commit();
        rig.outcomes();
        // Accepted and removed in one batch.
        rig.fail_commit(FULL);
        let outcomes = rig.outcomes();
        assert!(
            matches!(&outcomes[..], [Completion::Removed { token, result: Ok(message) }]
            if token.0 == 3 && message.publish.topic == "b"),
            "{outcomes:?}"
        );
        assert_eq!(rig.store.queued(), [Serial(1)]);
    });
}

/// The same for a QoS 0 message that was to be removed.
#[test]
fn qos_0_that_could_not_be_stored_has_its_outcome() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.store_qos0 = true;
        let mut rig = Rig::durable(config);
        rig.client.start(rig.now);
        rig.settle();
        rig.publish("a", AtMostOnce, 1);
        rig.accept();
        rig.commits = Commits::Held;
        rig.send(&Packet::ConnAck(accepted()));
        // Behind the first one, which is not removed yet.
        rig.publish("b", AtMostOnce, 2);
        rig.outcomes();
        rig.commit();
        assert_eq!(rig.expect_publish().topic, "a");
        assert_eq!(rig.outcome(1).map(drop), Ok(()));
        rig.fail_commit(FULL);
        assert_eq!(rig.expect_publish().topic, "b");
        assert_eq!(rig.outcome(2).map(drop), Ok(()), "nothing has to be removed");
        rig.publish("c", AtMostOnce, 3);
        assert_eq!(rig.expect_publish().topic, "c", "nothing is before it");
        assert_eq!(rig.store.messages(), []);
    });
}

/// A CONNECT is better than waiting for a disk: what the record would save is
/// the proof of the session, after a crash at the wrong moment.
#[test]
fn connecting_does_not_wait_for_a_store_that_fails() {
    each_version(|version| {
        let mut rig = held(version);
        rig.commits = Commits::Fail(StorageFailure::ReadOnly);
        for _ in 0..3 {
            rig.cut();
            rig.await_open();
            rig.accept_with(&resumed());
            assert!(rig.client.state().is_online());
        }
    });
}

#[test]
fn queued_messages_wait_for_a_store_that_fails() {
    each_version(|version| {
        let mut rig = held(version);
        rig.commits = Commits::AtOnce;
        rig.cut();
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("b", AtLeastOnce, 2);
        rig.outcomes();
        rig.commits = Commits::Fail(StorageFailure::ReadOnly);
        rig.await_open();
        rig.accept_with(&resumed());
        rig.expect_nothing();
        rig.commits = Commits::AtOnce;
        rig.advance(secs(60));
        assert_eq!(rig.expect_publish().topic, "a");
        assert_eq!(rig.expect_publish().topic, "b");
        assert!(rig.outcomes().is_empty());
    });
}

#[test]
fn a_message_larger_than_the_store_takes_is_refused_alone() {
    each_version(|version| {
        let mut rig = Rig::durable_with_bounds(quiet(lasting(version)), |bounds| {
            bounds.message_bytes = 100;
        });
        let fits = publish("a", &"x".repeat(90), AtLeastOnce);
        let reason = RejectReason::Storage(StorageFailure::TooLarge);
        let too_large = publish("a", &"x".repeat(94), AtLeastOnce);
        assert_eq!(rig.try_publish(too_large, 1), Err(reason));
        assert!(rig.try_publish(fits, 2).is_ok());
    });
}

#[test]
fn the_bounds_of_the_store_are_bounds_of_the_queue() {
    each_version(|version| {
        let mut rig = Rig::durable_with_bounds(quiet(lasting(version)), |bounds| {
            bounds.messages = 2;
        });
        assert!(rig.try_publish(publish("a", "x", AtLeastOnce), 1).is_ok());
        assert!(rig.try_publish(publish("a", "x", AtLeastOnce), 2).is_ok());
        let refused = rig.try_publish(publish("a", "x", AtLeastOnce), 3);
        assert!(matches!(refused, Err(RejectReason::QueueFull { messages: 2, .. })), "{refused:?}");
    });
}

/// Memory stays bounded while the store is slow.
#[test]
fn messages_on_their_way_into_the_store_are_bounded() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.window.messages = 5;
        let mut rig = Rig::durable_online(config);
        rig.advance(secs(1));
        rig.commits = Commits::Held;
        for number in 0..5 {
            assert!(rig.try_publish(publish("a", "x", AtLeastOnce), number).is_ok());
        }
        assert_eq!(
            rig.try_publish(publish("a", "x", AtLeastOnce), 5),
            Err(RejectReason::StoreBusy)
        );
        assert!(RejectReason::StoreBusy.is_temporary());
        assert!(!rig.client.takes_publishes());
        rig.commit();
        assert!(rig.client.takes_publishes());
        assert!(rig.try_publish(publish("a", "x", AtLeastOnce), 5).is_ok());
    });
}

#[test]
fn a_report_on_another_batch_is_counted_and_ignored() {
    let mut rig = held(Version::V5);
    rig.publish("a", AtLeastOnce, 1);
    let batch = rig.batches[0].clone();
    rig.commit();
    rig.forget_wire();
    let before = rig.stats().stale_inputs;
    rig.batches.push_back(batch);
    rig.fail_commit(FULL);
    assert_eq!(rig.stats().stale_inputs, before + 1);
    assert_eq!(rig.outcomes().len(), 1, "it is stored");
}
