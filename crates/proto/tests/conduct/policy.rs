//! Full queues, priorities, and a queue that is longer than its window.

use evenkeel_proto::codec::{Packet, Version};
use evenkeel_proto::record::{Priority, Serial, Window};
use evenkeel_proto::{Completion, Config, DeliveryError, RejectReason, WhenFull};

use crate::support::*;

/// A client, offline, with a queue for three messages.
fn small(version: Version, when_full: WhenFull, durable: bool) -> Rig {
    let mut config = quiet(lasting(version));
    config.queue.messages = 3;
    config.queue.when_full = when_full;
    rig(config, durable)
}

fn rig(config: Config, durable: bool) -> Rig {
    let mut rig = if durable { Rig::durable(config) } else { Rig::new(config) };
    rig.client.start(rig.now);
    rig.settle();
    rig
}

fn each(mut test: impl FnMut(Version, bool)) {
    each_version(|version| [false, true].into_iter().for_each(|durable| test(version, durable)));
}

fn offer(rig: &mut Rig, topic: &str, priority: Priority, number: u64) -> Result<(), RejectReason> {
    let mut message = publish(topic, "x", AtLeastOnce);
    let result = rig.client.publish(rig.now, &mut message, priority, token(number));
    rig.settle();
    if result.is_err() {
        assert_eq!(message, publish(topic, "x", AtLeastOnce), "left as it was");
    }
    result.map(drop)
}

/// Outcomes of publishes since the last call.
fn ends(rig: &mut Rig) -> Vec<(u64, DeliveryError)> {
    let ends = rig.outcomes().into_iter().filter_map(|completion| match completion {
        Completion::Publish { token, result } => Some((token.0, result.unwrap_err())),
        _ => None,
    });
    ends.collect()
}

/// Topics in the order in which they are sent.
fn sent(rig: &mut Rig) -> Vec<String> {
    rig.await_open();
    rig.accept_with(&accepted());
    let mut topics = Vec::new();
    while let Some(packet) = rig.wire.pop_front() {
        let Packet::Publish(publish) = packet else { continue };
        topics.push(publish.topic.to_string());
        rig.send(&puback(publish.packet_id.unwrap()));
    }
    topics
}

/// D9, D1.
#[test]
fn each_policy_does_what_it_says_at_the_bound() {
    use WhenFull::*;
    each(|version, durable| {
        for policy in [Wait, Refuse, DropOldest, DropNewest, LatestPerTopic] {
            let mut rig = small(version, policy, durable);
            for number in 1..=3 {
                offer(&mut rig, &format!("t/{number}"), Priority::Normal, number).unwrap();
            }
            assert_eq!(ends(&mut rig), []);
            let full = RejectReason::QueueFull { messages: 3, bytes: 12 };
            let fourth = offer(&mut rig, "t/4", Priority::Normal, 4);
            let (accepted, dropped) = match policy {
                DropOldest => (Ok(()), vec![(1, DeliveryError::Dropped)]),
                DropNewest => (Ok(()), vec![(4, DeliveryError::Dropped)]),
                _ => (Err(full.clone()), vec![]),
            };
            assert_eq!(fourth, accepted, "{policy:?}");
            assert_eq!(ends(&mut rig), dropped, "{policy:?}");
            assert_eq!(rig.client.waits_for(&full), policy != Refuse);
            let left = match policy {
                DropOldest => ["t/2", "t/3", "t/4"],
                _ => ["t/1", "t/2", "t/3"],
            };
            assert_eq!(sent(&mut rig), left, "{policy:?}");
        }
    });
}

#[test]
fn only_the_latest_of_each_topic_is_queued() {
    each(|version, durable| {
        let mut rig = small(version, WhenFull::LatestPerTopic, durable);
        for (number, topic) in ["a", "b", "a", "c", "b"].iter().enumerate() {
            offer(&mut rig, topic, Priority::Normal, number as u64).unwrap();
        }
        assert_eq!(
            ends(&mut rig),
            [(0, DeliveryError::Superseded), (1, DeliveryError::Superseded)]
        );
        assert_eq!(sent(&mut rig), ["a", "c", "b"]);
    });
}

/// Two messages of a topic come together where they were in the store alone:
/// the next one takes the place of all that are left of them.
#[test]
fn a_topic_that_was_read_from_the_store_twice_is_replaced_whole() {
    each_version(|version| {
        for newer_leaves in [false, true] {
            let mut config = quiet(lasting(version));
            config.queue.when_full = WhenFull::LatestPerTopic;
            config.queue.messages = 4;
            config.queue.window = Window { messages: 1, bytes: 1000 };
            let mut rig = rig(config, true);
            offer(&mut rig, "x", Priority::Low, 1).unwrap();
            offer(&mut rig, "a", Priority::Low, 2).unwrap();
            offer(&mut rig, "y", Priority::High, 3).unwrap();
            offer(&mut rig, "a", Priority::High, 4).unwrap();
            // Both are read now.
            let leave: &[u64] = if newer_leaves { &[1, 3, 4] } else { &[1, 3] };
            for serial in leave {
                rig.client.remove(rig.now, Serial(*serial), token(99));
                rig.settle();
            }
            rig.advance(secs(1));
            ends(&mut rig);
            offer(&mut rig, "a", Priority::Normal, 5).unwrap();
            let superseded: &[u64] = if newer_leaves { &[2] } else { &[2, 4] };
            let expected: Vec<_> =
                superseded.iter().map(|number| (*number, DeliveryError::Superseded)).collect();
            assert_eq!(ends(&mut rig), expected, "the newer one left first: {newer_leaves}");
            assert_eq!(sent(&mut rig), ["a"]);
        }
    });
}

/// D9: what has left the queue makes no room for the next of its topic.
#[test]
fn a_topic_that_has_left_the_queue_is_as_any_other() {
    each(|version, durable| {
        let mut rig = small(version, WhenFull::LatestPerTopic, durable);
        offer(&mut rig, "a", Priority::Normal, 1).unwrap();
        rig.client.remove(rig.now, Serial(1), token(99));
        rig.settle();
        for (topic, number) in ["b", "c", "d"].into_iter().zip(2..) {
            offer(&mut rig, topic, Priority::Normal, number).unwrap();
        }
        let full = RejectReason::QueueFull { messages: 3, bytes: 6 };
        assert_eq!(offer(&mut rig, "a", Priority::Normal, 5), Err(full));
        offer(&mut rig, "c", Priority::Normal, 6).unwrap();
        assert_eq!(sent(&mut rig), ["b", "d", "c"]);
    });
}

/// A client, offline, with a queue for twelve bytes.
fn narrow(version: Version, when_full: WhenFull, durable: bool) -> Rig {
    let mut config = quiet(lasting(version));
    config.queue.bytes = 12;
    config.queue.when_full = when_full;
    rig(config, durable)
}

#[test]
fn the_bytes_of_what_is_replaced_are_free() {
    each(|version, durable| {
        let mut rig = narrow(version, WhenFull::LatestPerTopic, durable);
        offer(&mut rig, "12345", Priority::Normal, 1).unwrap();
        offer(&mut rig, "54321", Priority::Normal, 2).unwrap();
        let full = RejectReason::QueueFull { messages: 2, bytes: 12 };
        assert_eq!(offer(&mut rig, "6", Priority::Normal, 3), Err(full));
        offer(&mut rig, "12345", Priority::Normal, 4).unwrap();
        assert_eq!(ends(&mut rig), [(1, DeliveryError::Superseded)]);
        assert_eq!(sent(&mut rig), ["54321", "12345"]);
    });
}

/// As many as it takes, and none if all of them would not be enough.
#[test]
fn the_oldest_give_way_by_bytes_as_well() {
    each(|version, durable| {
        let mut rig = narrow(version, WhenFull::DropOldest, durable);
        offer(&mut rig, "1", Priority::High, 1).unwrap();
        for number in 2..=6 {
            offer(&mut rig, "2", Priority::Normal, number).unwrap();
        }
        let full = RejectReason::QueueFull { messages: 6, bytes: 12 };
        assert_eq!(offer(&mut rig, "1234567890", Priority::Normal, 7), Err(full));
        assert_eq!(ends(&mut rig), []);
        offer(&mut rig, "12345", Priority::Normal, 8).unwrap();
        let dropped = |number| (number, DeliveryError::Dropped);
        assert_eq!(ends(&mut rig), [2, 3, 4].map(dropped));
        offer(&mut rig, "123456789", Priority::Normal, 9).unwrap();
        assert_eq!(ends(&mut rig), [5, 6, 8].map(dropped));
        assert_eq!(sent(&mut rig), ["1", "123456789"]);
    });
}

#[test]
fn higher_priorities_go_first_and_are_dropped_last() {
    each(|version, durable| {
        let mut rig = small(version, WhenFull::DropOldest, durable);
        offer(&mut rig, "high", Priority::High, 1).unwrap();
        offer(&mut rig, "low", Priority::Low, 2).unwrap();
        offer(&mut rig, "normal", Priority::Normal, 3).unwrap();
        offer(&mut rig, "normal/2", Priority::Normal, 4).unwrap();
        assert_eq!(ends(&mut rig), [(2, DeliveryError::Dropped)]);
        let refused = offer(&mut rig, "low/2", Priority::Low, 5);
        assert!(matches!(refused, Err(RejectReason::QueueFull { .. })), "nothing is below it");
        assert_eq!(sent(&mut rig), ["high", "normal", "normal/2"]);
    });
}

/// Memory holds a window; the rest is read in time, in order, with its tokens.
#[test]
fn a_queue_longer_than_its_window_is_sent_whole_and_in_order() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.window = Window { messages: 4, bytes: 1000 };
        let mut rig = rig(config, true);
        for number in 0..40 {
            let priority = Priority::from_level(number as u8 % 3).unwrap();
            offer(&mut rig, &format!("t/{number}"), priority, number).unwrap();
        }
        assert_eq!(rig.client.queued(), 40);
        let all = Window { messages: 100, bytes: 10_000 };
        assert_eq!(rig.client.list(None, all).len(), 12, "four of each priority are in memory");
        let expected: Vec<String> = [2, 1, 0]
            .iter()
            .flat_map(|level| (0..40).filter(move |number| number % 3 == *level))
            .map(|number| format!("t/{number}"))
            .collect();
        rig.outcomes();
        assert_eq!(sent(&mut rig), expected);
        let mut told: Vec<u64> = rig.outcomes().iter().map(|it| it.token().0).collect();
        told.sort_unstable();
        assert_eq!(told, (0..40).collect::<Vec<_>>(), "each has its outcome, by its token (D1)");
    });
}

#[test]
fn a_message_beyond_the_window_can_be_removed_and_forgotten() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.window = Window { messages: 2, bytes: 1000 };
        let mut rig = rig(config, true);
        for number in 1..=6 {
            offer(&mut rig, &format!("t/{number}"), Priority::Normal, number).unwrap();
        }
        rig.outcomes();
        rig.client.remove(rig.now, Serial(5), token(99));
        rig.settle();
        let outcomes = rig.outcomes();
        let removed = DeliveryError::Removed;
        assert_eq!(outcomes[0], Completion::Publish { token: token(5), result: Err(removed) });
        assert!(matches!(&outcomes[1], Completion::Removed { result: Ok(message), .. }
            if message.publish.topic == "t/5"));
        assert!(rig.client.detach(Serial(6)), "it is in the store alone");
        assert_eq!(sent(&mut rig), ["t/1", "t/2", "t/3", "t/4", "t/6"]);
        let told: Vec<u64> = rig.outcomes().iter().map(|it| it.token().0).collect();
        assert_eq!(told, [1, 2, 3, 4]);
    });
}
