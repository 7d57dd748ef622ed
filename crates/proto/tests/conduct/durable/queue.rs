//! The queue with a store: what it keeps, drops and expires over restarts.

use evenkeel_proto::codec::{Packet, PacketId, Property, Publish, Version};
use evenkeel_proto::record::{
    Age, BootId, Count, Phase, Priority, Record, Serial, StorageFailure, StoredExchange,
    StoredMessage, StoredState, StoredTime, UnixMillis, Window,
};
use evenkeel_proto::{
    Accepted, Completion, Config, DeliveryError, Event, Instant, PublishLimit, QueueError,
    RejectReason, WhenFull,
};

use crate::support::*;

/// The outcomes of messages that somebody waits for.
fn ends(rig: &mut Rig) -> Vec<(u64, Result<(), DeliveryError>)> {
    let ends = rig.outcomes().into_iter().filter_map(|outcome| match outcome {
        Completion::Publish { token, result } => Some((token.0, result.map(drop))),
        _ => None,
    });
    ends.collect()
}

/// A client, offline, with a store.
fn offline(config: Config) -> Rig {
    let mut rig = Rig::durable(config);
    rig.client.start(rig.now);
    rig.settle();
    rig
}

fn keeping_qos0(version: Version) -> Config {
    let mut config = quiet(lasting(version));
    config.queue.store_qos0 = true;
    config
}

/// Topics of all that goes out, each acknowledged.
fn sent(rig: &mut Rig) -> Vec<String> {
    let mut topics = Vec::new();
    while !rig.wire.is_empty() {
        let publish = rig.expect_publish();
        topics.push(publish.topic.to_string());
        if let Some(packet_id) = publish.packet_id {
            rig.send(&puback(packet_id));
        }
    }
    topics
}

/// How often the store was told that a message has its outcome.
fn removals(rig: &Rig) -> usize {
    rig.store.records.iter().filter(|record| matches!(record, Record::Done { .. })).count()
}

/// D3 for QoS 0: kept over a crash if that is asked for, sent at most once.
#[test]
fn stored_qos_0_survives_a_crash_and_is_sent_once() {
    each_version(|version| {
        let mut rig = offline(keeping_qos0(version));
        assert_eq!(rig.publish("a", AtMostOnce, 1), Accepted::Storing);
        assert_eq!(
            rig.outcomes(),
            [Completion::Stored { token: token(1), serial: Serial(1) }],
            "accepted is committed"
        );
        rig.restart_with(&resumed());
        let out = rig.expect_publish();
        assert_eq!((&out.topic[..], out.qos, out.packet_id), ("a", AtMostOnce, None));
        assert_eq!(rig.settled(), [(1, Ok(()))]);
        assert_eq!(rig.store.messages(), []);
        rig.advance(secs(1));
        assert_eq!(removals(&rig), 1, "before it was sent, and not again");
        rig.restart_with(&resumed());
        rig.expect_nothing();
    });
}

/// D3: what is published on a live connection does not overtake a QoS 0
/// message that waits for its commit.
#[test]
fn qos_0_does_not_overtake_what_waits_to_be_removed() {
    each_version(|version| {
        let mut rig = offline(keeping_qos0(version));
        rig.publish("a", AtMostOnce, 1);
        rig.accept();
        rig.commits = Commits::Held;
        rig.send(&Packet::ConnAck(accepted()));
        rig.publish("b", AtMostOnce, 2);
        rig.expect_nothing();
        rig.commits = Commits::AtOnce;
        rig.commit();
        assert_eq!(sent(&mut rig), ["a", "b"]);
        // With nothing before it, it waits for no commit.
        rig.commits = Commits::Held;
        assert!(matches!(rig.publish("c", AtMostOnce, 3), Accepted::Sent { .. }));
        assert_eq!(sent(&mut rig), ["c"]);
    });
}

/// It is removed before it goes out: a crash loses it rather than doubles it.
#[test]
fn stored_qos_0_waits_for_the_commit_that_removes_it() {
    each_version(|version| {
        for committed in [false, true] {
            let mut rig = offline(keeping_qos0(version));
            rig.publish("a", AtMostOnce, 1);
            rig.accept();
            rig.commits = Commits::Held;
            rig.send(&Packet::ConnAck(accepted()));
            rig.expect_nothing();
            if committed {
                rig.store.commit(&rig.batches[0].records.clone());
            }
            rig.commits = Commits::AtOnce;
            rig.restart_with(&resumed());
            assert_eq!(rig.wire.len(), usize::from(!committed));
        }
    });
}

/// D1: removed, and the connection is gone before it was written.
#[test]
fn stored_qos_0_of_a_connection_that_ends_early_is_known_to_be_lost() {
    each_version(|version| {
        let mut rig = offline(keeping_qos0(version));
        rig.publish("a", AtMostOnce, 1);
        rig.outcomes();
        rig.accept();
        rig.commits = Commits::Held;
        rig.send(&Packet::ConnAck(accepted()));
        rig.cut();
        rig.commit();
        rig.commits = Commits::AtOnce;
        assert_eq!(rig.outcome(1), Err(DeliveryError::ConnectionLost));
        rig.advance(secs(1));
        assert_eq!(removals(&rig), 1);
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
    });
}

/// D9: what the store holds of earlier runs counts, as does what is in it alone.
#[test]
fn what_the_store_holds_counts_against_the_bounds() {
    each_version(|version| {
        for when_full in [WhenFull::Wait, WhenFull::Refuse, WhenFull::LatestPerTopic] {
            let mut config = quiet(lasting(version));
            config.queue.messages = 6;
            config.queue.window = Window { messages: 2, bytes: 1000 };
            config.queue.when_full = when_full;
            let mut rig = offline(config);
            for number in 1..=6 {
                rig.publish(&format!("t/{number}"), AtLeastOnce, number);
            }
            let full = RejectReason::QueueFull { messages: 6, bytes: 6 * (3 + 5) };
            for _ in 0..2 {
                let refused = rig.try_publish(publish("u", "x", AtLeastOnce), 7);
                assert_eq!(refused, Err(full.clone()), "{when_full:?}");
                assert!(!rig.client.takes_publishes());
                rig.crash();
            }
            rig.client.start(rig.now);
            rig.settle();
            rig.accept_with(&resumed());
            assert_eq!(sent(&mut rig).len(), 6);
            assert!(rig.try_publish(publish("u", "x", AtLeastOnce), 8).is_ok());
        }
    });
}

/// D1, D9: the counts of a store are its own affair. What it holds is sent, and
/// that it does not hold what it announced is told.
#[test]
fn a_store_that_counts_wrong_is_survived() {
    const MAX: u64 = u64::MAX;
    for (messages, bytes) in [(1, 1), (1, MAX), (2, 0), (3, 24), (4, 24), (MAX, 0), (MAX, MAX)] {
        for when_full in [WhenFull::Wait, WhenFull::DropOldest, WhenFull::LatestPerTopic] {
            let mut config = quiet(lasting(Version::V5));
            config.queue.when_full = when_full;
            config.queue.messages = 5;
            let mut rig = offline(config);
            for number in 1..=3 {
                rig.publish(&format!("t/{number}"), AtLeastOnce, number);
            }
            rig.crash_and_hear(|recovered| recovered.queued = [Count { messages, bytes }; 3]);
            assert!(rig.client.queued() >= 3);
            rig.settle();
            rig.advance(secs(10));
            assert_eq!(rig.client.queued(), 3, "what is there is counted: {messages} {bytes}");
            let corrupt = |event: &Event| {
                matches!(event, Event::StoreFailed { failure: StorageFailure::Corrupt, .. })
            };
            assert!(rig.take_events().iter().any(corrupt), "nothing is there of other priorities");
            rig.try_publish(expiring("e", 1), 4).unwrap();
            rig.publish("t/1", AtLeastOnce, 5);
            rig.advance(secs(2));
            let (expired, superseded) = match when_full {
                WhenFull::LatestPerTopic => (4, vec![(1, Err(DeliveryError::Superseded))]),
                _ => (4, vec![]),
            };
            assert!(matches!(ends(&mut rig)[..],
                [(number, Err(DeliveryError::Expired { .. }))] if number == expired));
            assert_eq!(rig.settled(), superseded);
            rig.client.start(rig.now);
            rig.settle();
            rig.accept_with(&resumed());
            let expected = match when_full {
                WhenFull::LatestPerTopic => vec!["t/2", "t/3", "t/1"],
                _ => vec!["t/1", "t/2", "t/3", "t/1"],
            };
            assert_eq!(sent(&mut rig), expected);
            assert_eq!(rig.client.queued(), 0);
            rig.advance(secs(1));
            assert_eq!(rig.store.messages(), []);
        }
    }
}

/// The same for all else that it may say: two exchanges under one identifier, one
/// of QoS 0, times at the end of all time, the last of all names.
#[test]
fn a_store_that_makes_no_sense_is_survived() {
    each_version(|version| {
        let mut rig = offline(quiet(lasting(version)));
        rig.publish("a", ExactlyOnce, 1);
        rig.publish("b", AtLeastOnce, 2);
        rig.crash_and_hear(|recovered| {
            let message = |number: u64, qos| StoredMessage {
                serial: Serial(number),
                publish: publish("c", "x", qos),
                accepted: UnixMillis(u64::MAX),
                expires: Some(UnixMillis(u64::MAX)),
                age: Some(Age(u64::MAX)),
                priority: Priority::High,
                state: StoredState::Queued,
            };
            for (id, number, qos) in [
                (1, 7, AtMostOnce),
                (2, 7, ExactlyOnce),
                (2, u64::MAX, AtLeastOnce),
                (u16::MAX, 8, ExactlyOnce),
            ] {
                let phase = Phase::Unanswered(Box::new(message(number, qos)));
                let packet_id = PacketId::new(id).unwrap();
                let serial = Serial(number);
                recovered.exchanges.push(StoredExchange { packet_id, serial, phase });
            }
            recovered.clearing = vec![id(2), id(3), id(3)];
            recovered.received = vec![id(9), id(9)];
            recovered.next_serial = Serial(u64::MAX);
            let at = Instant::from_micros(u64::MAX);
            let (wall, age) = (UnixMillis(u64::MAX), Age(u64::MAX));
            recovered.time = Some(StoredTime { boot: Some(BootId([7; 16])), at, wall, age });
        });
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&resumed());
        for _ in 0..20 {
            while let Some(packet) = rig.wire.pop_front() {
                match packet {
                    Packet::Publish(publish) => match publish.qos {
                        AtMostOnce => {}
                        AtLeastOnce => rig.send(&puback(publish.packet_id.unwrap())),
                        ExactlyOnce => rig.send(&pubrec(publish.packet_id.unwrap())),
                    },
                    Packet::PubRel(ack) => rig.send(&pubcomp(ack.packet_id)),
                    _ => {}
                }
            }
            rig.advance(secs(1));
        }
        assert_eq!(rig.client.queued(), 0);
        assert!(rig.client.is_settled());
        assert!(rig.client.state().is_online());
    });
}

/// D1, D9: what gave way is gone from the store as well.
#[test]
fn what_was_dropped_stays_dropped_over_a_crash() {
    each_version(|version| {
        for (when_full, left, ends) in [
            (WhenFull::DropOldest, ["b", "c", "d"], (1, DeliveryError::Dropped)),
            (WhenFull::DropNewest, ["a", "b", "c"], (4, DeliveryError::Dropped)),
        ] {
            let mut config = quiet(lasting(version));
            config.queue.messages = 3;
            config.queue.when_full = when_full;
            let mut rig = offline(config);
            for (topic, number) in ["a", "b", "c", "d"].iter().zip(1..) {
                rig.publish(topic, AtLeastOnce, number);
            }
            let (number, error) = ends;
            let end = Completion::Publish { token: token(number), result: Err(error) };
            assert!(rig.outcomes().contains(&end), "{when_full:?}");
            rig.advance(secs(1));
            rig.restart_with(&resumed());
            assert_eq!(sent(&mut rig), left, "{when_full:?}");
        }
    });
}

/// One that is replaced in the store and has not been seen by this process.
#[test]
fn the_latest_of_each_topic_replaces_those_of_earlier_runs() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.when_full = WhenFull::LatestPerTopic;
        let mut rig = offline(config);
        for (topic, number) in ["a", "b", "a"].iter().zip(1..) {
            rig.publish(topic, AtLeastOnce, number);
        }
        rig.advance(secs(1));
        rig.crash();
        rig.settle();
        rig.publish("b", AtLeastOnce, 4);
        let replaced = (2, Err(DeliveryError::Superseded));
        assert_eq!(rig.settled(), [replaced], "whoever waited is gone");
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        assert_eq!(sent(&mut rig), ["a", "b"]);
    });
}

/// The oldest is in the store alone, and on its way into memory: it cannot be
/// named yet, so that nothing gives way to anything.
#[test]
fn nothing_is_dropped_that_was_not_read() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.messages = 3;
        config.queue.when_full = WhenFull::DropOldest;
        let mut rig = offline(config);
        for number in 1..=3 {
            rig.publish(&format!("t/{number}"), AtLeastOnce, number);
        }
        rig.commits = Commits::Held;
        rig.crash();
        rig.settle();
        let refused = rig.try_publish(publish("u", "x", AtLeastOnce), 4);
        let full = RejectReason::QueueFull { messages: 3, bytes: 24 };
        assert_eq!(refused, Err(full.clone()));
        assert!(full.is_temporary());
        rig.commit();
        assert!(rig.try_publish(publish("u", "x", AtLeastOnce), 5).is_ok());
        assert_eq!(rig.settled(), [(1, Err(DeliveryError::Dropped))]);
    });
}

/// D1: a batch that fails refuses its messages once, also those that had their
/// outcome while it was on its way.
#[test]
fn each_message_of_a_failed_batch_has_one_outcome() {
    let mut config = quiet(lasting(Version::V5));
    config.queue.messages = 10;
    config.queue.when_full = WhenFull::DropOldest;
    config.queue.window = Window { messages: 10_000, bytes: 1 << 20 };
    let mut rig = offline(config);
    rig.advance(secs(1));
    rig.commits = Commits::Held;
    for number in 1..=5000 {
        assert!(rig.try_publish(publish("a", "x", AtLeastOnce), number).is_ok());
    }
    rig.fail_commit(StorageFailure::Full);
    let mut ends = std::collections::BTreeMap::new();
    for outcome in rig.outcomes() {
        let Completion::Publish { token, result: Err(error) } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(ends.insert(token.0, error), None, "one outcome each");
    }
    let lost = DeliveryError::NotStored(StorageFailure::Full);
    let dropped = ends.values().filter(|error| **error == DeliveryError::Dropped).count();
    assert_eq!((dropped, ends.len()), (4990, 5000));
    assert!(ends.range(4991..).all(|(_, error)| *error == lost));
    assert_eq!(rig.client.queued(), 0);
    while !rig.batches.is_empty() {
        rig.commit();
    }
    assert_eq!(rig.store.messages(), [], "none of them was accepted");
}

/// D2: what no server was known to forbid when it was accepted, and what an
/// earlier process accepted, is checked when its turn comes.
#[test]
fn what_waits_in_the_store_is_checked_when_it_is_sent() {
    for restarts in [false, true] {
        let mut rig = offline(quiet(lasting(Version::V5)));
        rig.publish("qos", ExactlyOnce, 1);
        let retained = Publish { retain: true, ..publish("retained", "x", AtLeastOnce) };
        rig.try_publish(retained, 2).unwrap();
        rig.try_publish(publish("size", &"x".repeat(100), AtLeastOnce), 3).unwrap();
        rig.publish("fine", AtLeastOnce, 4);
        let strict = with([
            Property::MaximumQoS(1),
            Property::RetainAvailable(0),
            Property::MaximumPacketSize(100),
        ]);
        assert_eq!(rig.outcomes().len(), 4, "all are stored");
        if restarts {
            rig.restart_with(&strict);
        } else {
            rig.await_open();
            rig.accept_with(&strict);
        }
        assert_eq!(sent(&mut rig), ["fine"]);
        let ends = if restarts { rig.settled() } else { ends(&mut rig) };
        let limits = ends.into_iter().map(|(number, result)| match result {
            Err(DeliveryError::NotAllowed(limit)) => (number, Some(limit)),
            Ok(()) => (number, None),
            Err(other) => panic!("{other:?}"),
        });
        let size = 2 + 2 + "size".len() + 2 + 1 + 100;
        let expected = [
            (1, Some(PublishLimit::QoS { maximum: AtLeastOnce })),
            (2, Some(PublishLimit::Retain)),
            (3, Some(PublishLimit::PacketSize { size, limit: 100 })),
            (4, None),
        ];
        assert_eq!(limits.collect::<Vec<_>>(), expected);
        assert!(rig.client.state().is_online());
        rig.advance(secs(1));
        assert_eq!(rig.store.messages(), []);
    }
}

/// D9: operations on single messages are bounded while the store is slow.
#[test]
fn operations_on_stored_messages_are_bounded() {
    let mut rig = offline(quiet(lasting(Version::V5)));
    rig.advance(secs(1));
    rig.commits = Commits::Held;
    rig.publish("a", AtLeastOnce, 1);
    for number in 0..1024 {
        rig.client.remove(rig.now, Serial(77), token(number));
    }
    rig.settle();
    assert_eq!(rig.outcomes(), []);
    rig.client.remove(rig.now, Serial(77), token(5000));
    rig.client.requeue(rig.now, Serial(77), token(5001));
    rig.settle();
    let busy = QueueError::Rejected(RejectReason::StoreBusy);
    assert_eq!(
        rig.outcomes(),
        [
            Completion::Removed { token: token(5000), result: Err(busy.clone()) },
            Completion::Requeued { token: token(5001), result: Err(busy) },
        ]
    );
    rig.commits = Commits::AtOnce;
    rig.commit();
    rig.advance(secs(1));
    let unknown = |outcome: &Completion| {
        matches!(outcome, Completion::Removed { result: Err(QueueError::Unknown), .. })
    };
    assert_eq!(rig.outcomes().iter().filter(|it| unknown(it)).count(), 1024);
    rig.client.remove(rig.now, Serial(1), token(6000));
    rig.settle();
    assert!(rig.outcomes().iter().any(|outcome| matches!(
        outcome,
        Completion::Removed { token, result: Ok(_) } if token.0 == 6000
    )));
}

fn expiring(topic: &str, seconds: u32) -> Publish {
    let mut message = publish(topic, "x", AtLeastOnce);
    message.properties.push(Property::MessageExpiryInterval(seconds));
    message
}

/// The clock of a message runs while the machine is off; what was sent once
/// does not expire, and is sent again with what is left.
#[test]
fn what_is_sent_again_by_the_next_process_says_what_is_left() {
    let mut rig = Rig::durable_online(quiet(lasting(Version::V5)));
    rig.try_publish(expiring("long", 600), 1).unwrap();
    rig.try_publish(expiring("short", 60), 2).unwrap();
    for (topic, interval) in [("long", 600), ("short", 60)] {
        let first = rig.expect_publish();
        assert_eq!(first.topic, topic);
        assert_eq!(first.properties.message_expiry_interval(), Some(interval));
    }
    rig.advance(secs(20));
    for rest in [480, 380] {
        rig.jump(secs(100));
        rig.restart_with(&resumed());
        let long = rig.expect_publish();
        assert_eq!((&long.topic[..], long.dup), ("long", true));
        assert_eq!(long.properties.message_expiry_interval(), Some(rest));
    }
    let id = id(1);
    rig.send(&puback(id));
    let short = rig.expect_publish();
    assert_eq!((&short.topic[..], short.dup), ("short", true));
    assert_eq!(short.properties.message_expiry_interval(), Some(1), "not 0, and not forever");
    assert!(
        !rig.store
            .records
            .iter()
            .any(|record| matches!(record, Record::Done { serial: Serial(2), .. }))
    );
}

/// Beyond the window nothing is looked at: what is over there is found when it
/// is read, and not sent.
#[test]
fn what_expires_in_the_store_alone_is_told_when_its_turn_comes() {
    let mut config = quiet(lasting(Version::V5));
    config.queue.window = Window { messages: 2, bytes: 1000 };
    let mut rig = offline(config);
    for number in 1..=2 {
        rig.publish("first", AtLeastOnce, number);
    }
    for number in 3..=4 {
        rig.try_publish(expiring("over", 10), number).unwrap();
    }
    rig.publish("last", AtLeastOnce, 5);
    rig.outcomes();
    rig.cut();
    rig.advance(secs(20));
    assert_eq!(rig.outcomes(), []);
    rig.await_open();
    rig.accept_with(&accepted());
    assert_eq!(sent(&mut rig), ["first", "first", "last"]);
    let expired = rig.outcomes().into_iter().filter_map(|outcome| match outcome {
        Completion::Publish { token, result: Err(DeliveryError::Expired { .. }) } => Some(token.0),
        _ => None,
    });
    assert_eq!(expired.collect::<Vec<_>>(), [3, 4]);
    rig.advance(secs(1));
    assert_eq!(rig.store.messages(), []);
}

#[test]
fn a_priority_survives_a_crash() {
    each_version(|version| {
        let mut rig = offline(quiet(lasting(version)));
        for (level, number) in [(0, 1), (1, 2), (2, 3), (0, 4), (2, 5)] {
            let mut message = publish(&format!("t/{number}"), "x", AtLeastOnce);
            let priority = Priority::from_level(level).unwrap();
            rig.client.publish(rig.now, &mut message, priority, token(number)).unwrap();
        }
        rig.settle();
        rig.restart_with(&resumed());
        assert_eq!(sent(&mut rig), ["t/3", "t/5", "t/2", "t/1", "t/4"]);
    });
}
