//! A halt, and a shutdown, while the store has not caught up (D1, D12).

use evenkeel_proto::codec::{Packet, Property, ReasonCode, Version};
use evenkeel_proto::record::{Serial, StorageFailure};
use evenkeel_proto::{
    Accepted, Completion, DeliveryError, QueueError, RefusedPolicy, RejectReason, State, WhenFull,
};

use crate::support::*;

use super::held;

fn ends(rig: &mut Rig) -> Vec<(u64, Result<(), DeliveryError>)> {
    let ends = rig.outcomes().into_iter().filter_map(|completion| match completion {
        Completion::Publish { token, result } => Some((token.0, result.map(drop))),
        Completion::Stored { .. } => None,
        other => panic!("{other:?}"),
    });
    ends.collect()
}

/// Message 1 is stored and sent, message 2 is on its way into the store, and
/// message 3 behind it; then the server refuses for good.
fn halted(version: Version) -> Rig {
    let mut config = quiet(lasting(version));
    config.reconnect.refused = RefusedPolicy::Halt;
    let mut rig = Rig::durable_online(config);
    rig.publish("a", AtLeastOnce, 1);
    rig.advance(secs(1));
    rig.cut();
    rig.await_open();
    rig.accept();
    rig.outcomes();
    rig.commits = Commits::Held;
    for number in 2..=3 {
        assert_eq!(rig.publish("b", AtLeastOnce, number), Accepted::Storing);
    }
    rig.send(&Packet::ConnAck(refused(ReasonCode::NOT_AUTHORIZED)));
    assert!(matches!(rig.client.state(), State::Halted { .. }));
    rig
}

const STORED: Result<(), DeliveryError> = Err(DeliveryError::StillStored { attempts: 0 });

/// What becomes of a message is not told before it is known.
#[test]
fn a_halt_waits_for_what_is_on_its_way_into_the_store() {
    each_version(|version| {
        let mut rig = halted(version);
        let sent = Err(DeliveryError::StillStored { attempts: 1 });
        assert_eq!(ends(&mut rig), [(1, sent)]);
        rig.commit();
        assert_eq!(ends(&mut rig), [(2, STORED)]);
        rig.commit();
        assert_eq!(ends(&mut rig), [(3, STORED)]);
        // Nothing was lost: it goes out when the client is started again.
        rig.commits = Commits::AtOnce;
        rig.client.start(rig.now);
        rig.settle();
        rig.await_open();
        rig.accept_with(&resumed());
        rig.show_life();
        rig.send(&puback(id(1)));
        let topics: Vec<_> = (0..3).map(|_| rig.expect_publish().topic).collect();
        assert_eq!(topics, ["a", "b", "b"]);
    });
}

#[test]
fn a_halt_tells_what_could_not_be_stored() {
    each_version(|version| {
        let mut rig = halted(version);
        ends(&mut rig);
        rig.fail_commit(StorageFailure::Full);
        let lost = Err(DeliveryError::NotStored(StorageFailure::Full));
        assert_eq!(ends(&mut rig), [(2, lost.clone()), (3, lost)]);
        assert_eq!(rig.store.messages().len(), 1);
    });
}

#[test]
fn a_halted_client_shuts_down_with_a_slow_store() {
    each_version(|version| {
        let mut rig = halted(version);
        ends(&mut rig);
        rig.shutdown(secs(5));
        assert_eq!(rig.client.state(), State::Closed);
        let unknown = Err(DeliveryError::NotStored(StorageFailure::TimedOut));
        assert_eq!(ends(&mut rig), [(2, unknown.clone()), (3, unknown)]);
        assert_eq!(rig.batches.len(), 2, "the store is told all, whoever hears of it");
        while !rig.batches.is_empty() {
            rig.commit();
        }
        assert_eq!(rig.store.messages().len(), 3);
    });
}

/// D12: what was promised goes out before the goodbye.
#[test]
fn a_shutdown_waits_for_the_store() {
    each_version(|version| {
        let mut rig = held(version);
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.publish("a", AtLeastOnce, 1);
        rig.shutdown(secs(10));
        rig.advance(secs(1));
        rig.expect_nothing();
        rig.commit();
        assert_eq!(rig.expect(), pubrec(id(9)));
        rig.expect_nothing();
        rig.commit();
        let sent = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(sent));
        assert_ne!(rig.client.state(), State::Closed, "its end is not stored yet");
        assert_eq!(ends(&mut rig), [(1, Ok(()))]);
        rig.advance(millis(100));
        rig.commit();
        assert_eq!(rig.expect_disconnect(), ReasonCode::SUCCESS);
        assert_eq!(rig.client.state(), State::Closed);
        assert!(rig.client.shutdown_report().unwrap().is_clean());
        assert_eq!(rig.store.messages(), []);
    });
}

/// D12: what gave way before it was stored takes nothing from the count.
#[test]
fn what_is_told_to_be_stored_at_a_shutdown_is() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.when_full = WhenFull::LatestPerTopic;
        let mut rig = Rig::durable(config);
        rig.client.start(rig.now);
        rig.publish("a", AtLeastOnce, 1);
        rig.settle();
        rig.commits = Commits::Held;
        for number in 2..=4 {
            rig.publish("b", AtLeastOnce, number);
        }
        rig.shutdown(secs(1));
        rig.advance(secs(1));
        let ends = ends(&mut rig);
        let unknown = Err(DeliveryError::NotStored(StorageFailure::TimedOut));
        assert!(ends.contains(&(1, STORED)) && ends.contains(&(4, unknown)), "{ends:?}");
        assert_eq!(rig.client.shutdown_report().unwrap().stored, 1);
    });
}

/// A store that never answers holds nobody up beyond the limit, and whoever
/// waits hears that it is not known whether the message is stored.
#[test]
fn a_shutdown_does_not_wait_forever_for_a_store() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("b", ExactlyOnce, 2);
        rig.client.remove(rig.now, Serial(77), token(3));
        rig.shutdown(secs(10));
        rig.advance(secs(10) - MICRO);
        assert_ne!(rig.client.state(), State::Closed);
        assert!(rig.outcomes().is_empty());
        rig.advance(MICRO);
        assert_eq!(rig.client.state(), State::Closed);
        let mut outcomes = rig.outcomes();
        let unknown = || Err(DeliveryError::NotStored(StorageFailure::TimedOut));
        let closed = QueueError::Rejected(RejectReason::Closed);
        outcomes.sort_by_key(|outcome| outcome.token().0);
        assert_eq!(
            outcomes,
            [
                Completion::Publish { token: token(1), result: unknown() },
                Completion::Publish { token: token(2), result: unknown() },
                Completion::Removed { token: token(3), result: Err(closed) },
            ]
        );
        let report = rig.client.shutdown_report().unwrap();
        assert!(!report.is_clean());
        assert_eq!(report.stored, 0, "as far as is known");
        // The store comes to itself: they are sent by the next process.
        while !rig.batches.is_empty() {
            rig.commit();
        }
        rig.commits = Commits::AtOnce;
        rig.restart_with(&resumed());
        assert_eq!(rig.expect_publish().topic, "a");
    });
}

/// A batch that is reported after the end changes nothing.
#[test]
fn a_commit_after_the_end_is_ignored() {
    each_version(|version| {
        let mut rig = held(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.shutdown(secs(0));
        assert_eq!(ends(&mut rig).len(), 1);
        while !rig.batches.is_empty() {
            rig.fail_commit(StorageFailure::Closed);
        }
        assert!(rig.outcomes().is_empty(), "one outcome each (D1)");
        assert_eq!(rig.client.state(), State::Closed);
    });
}

/// D1, D12: what was left has its outcome, and expires in the next process.
#[test]
fn nothing_expires_in_a_client_that_is_closed() {
    let mut rig = Rig::durable(quiet(lasting(Version::V5)));
    rig.client.start(rig.now);
    rig.settle();
    let mut message = publish("a", "x", AtLeastOnce);
    message.properties.push(Property::MessageExpiryInterval(5));
    rig.try_publish(message.clone(), 1).unwrap();
    rig.settle();
    rig.commits = Commits::Held;
    rig.try_publish(message, 2).unwrap();
    rig.shutdown(secs(0));
    let unknown = Err(DeliveryError::NotStored(StorageFailure::TimedOut));
    assert_eq!(ends(&mut rig), [(1, STORED), (2, unknown)]);
    assert_eq!(rig.client.shutdown_report().unwrap().stored, 1);
    while !rig.batches.is_empty() {
        rig.commit();
    }
    rig.take_events();
    rig.advance(secs(10));
    assert_eq!((rig.take_events(), ends(&mut rig)), (vec![], vec![]));
    assert_eq!(rig.store.messages().len(), 2);
    rig.commits = Commits::AtOnce;
    rig.crash();
    rig.client.start(rig.now);
    rig.settle();
    let settled: Vec<_> = rig.settled().into_iter().map(|(serial, _)| serial).collect();
    assert_eq!(settled, [1, 2]);
}
