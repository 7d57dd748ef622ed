//! Messages that wait: bounds, expiry, and what becomes of QoS 0.

use evenkeel_proto::codec::{Packet, Property, Publish, Text, Version};
use evenkeel_proto::record::{Priority, Serial};
use evenkeel_proto::{
    Accepted, Completion, Config, DeliveryError, Input, OfflineQos0, Output, RejectReason, Timer,
};

use crate::support::*;

fn bounded(version: Version, messages: usize, bytes: usize) -> Config {
    let mut config = config(version);
    config.queue.messages = messages;
    config.queue.bytes = bytes;
    config
}

fn expiring(seconds: u32) -> Publish {
    let mut message = publish("a", "x", AtLeastOnce);
    message.properties.push(Property::MessageExpiryInterval(seconds));
    message
}

#[test]
fn what_waits_goes_out_in_order_once_online() {
    each_version(|version| {
        let mut rig = Rig::new(config(version));
        for (number, qos) in (0..).zip([AtLeastOnce, AtMostOnce, ExactlyOnce, AtMostOnce]) {
            assert_eq!(rig.publish(&number.to_string(), qos, number), Accepted::Tracked);
        }
        assert_eq!(rig.client.queued(), 4);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        for (number, qos) in (0..).zip([AtLeastOnce, AtMostOnce, ExactlyOnce, AtMostOnce]) {
            let sent = rig.expect_publish();
            assert_eq!((sent.topic.to_string(), sent.qos), (number.to_string(), qos));
        }
        assert_eq!(rig.client.queued(), 0);
        assert_eq!(rig.outcomes().len(), 2, "the two of QoS 0 are written");
    });
}

/// D9.
#[test]
fn the_bound_on_messages_is_exact() {
    each_version(|version| {
        let mut rig = Rig::new(bounded(version, 3, 1 << 20));
        for number in 0..3 {
            rig.publish("a", AtLeastOnce, number);
        }
        let message = publish("b", "later", ExactlyOnce);
        let mut offered = message.clone();
        let priority = Priority::default();
        let reason = rig.client.publish(rig.now, &mut offered, priority, token(9)).unwrap_err();
        assert_eq!(offered, message, "it stays as it was");
        assert_eq!(reason, RejectReason::QueueFull { messages: 3, bytes: 18 });
        assert!(reason.is_temporary());
        assert!(rig.outcomes().is_empty(), "a refusal at submit is its only outcome");
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        assert!(rig.try_publish(message, 9).is_ok(), "there is room again");
    });
}

/// D9.
#[test]
fn the_bound_on_bytes_is_exact() {
    // Topic and payload count: one byte and five.
    let mut rig = Rig::new(bounded(Version::V5, 100, 12));
    rig.publish("a", AtLeastOnce, 1);
    rig.publish("a", AtLeastOnce, 2);
    let error = rig.try_publish(publish("a", "", AtLeastOnce), 3).unwrap_err();
    assert_eq!(error, RejectReason::QueueFull { messages: 2, bytes: 12 });
    let mut rig = Rig::new(bounded(Version::V5, 100, 11));
    rig.publish("a", AtLeastOnce, 1);
    assert!(rig.try_publish(publish("a", "hello", AtLeastOnce), 2).is_err());
    assert!(rig.try_publish(publish("a", "hell", AtLeastOnce), 3).is_ok());
}

/// S4: as held, not as encoded.
#[test]
fn properties_count_against_the_queues_bound() {
    let mut message = publish("a", "hello", AtLeastOnce);
    for _ in 0..1_000 {
        let empty = || Text::default();
        message.properties.push(Property::UserProperty(empty(), empty()));
    }
    let weight = message.weight();
    assert!(weight > 10 * message.properties.encoded_len(), "{weight}");
    for (bytes, fits) in [(2 * weight, true), (2 * weight - 1, false)] {
        let mut rig = Rig::new(bounded(Version::V5, 100, bytes));
        rig.try_publish(message.clone(), 1).unwrap();
        let second = rig.try_publish(message.clone(), 2);
        assert_eq!(second.is_ok(), fits, "{second:?}");
    }
}

#[test]
fn a_message_larger_than_the_bound_passes_an_empty_queue() {
    let mut rig = Rig::new(bounded(Version::V5, 100, 3));
    rig.publish("a", AtLeastOnce, 1);
    assert!(rig.try_publish(publish("a", "", AtLeastOnce), 2).is_err());
    assert_eq!(rig.client.queued(), 1);
}

#[test]
fn what_a_full_window_holds_back_is_bounded_too() {
    each_version(|version| {
        let mut settings = bounded(version, 2, 1 << 20);
        settings.bounds.in_flight = 1;
        let mut rig = Rig::online(settings);
        for number in 0..3 {
            rig.publish("a", AtLeastOnce, number);
        }
        let error = rig.try_publish(publish("a", "", AtLeastOnce), 3).unwrap_err();
        assert!(matches!(error, RejectReason::QueueFull { messages: 2, .. }));
        let first = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(first));
        assert_eq!(rig.client.queued(), 1);
        rig.publish("a", AtLeastOnce, 3);
    });
}

#[test]
fn qos_0_is_kept_or_refused_while_offline_as_configured() {
    each_version(|version| {
        let mut settings = config(version);
        settings.queue.offline_qos0 = OfflineQos0::Refuse;
        let mut rig = Rig::new(settings);
        let error = rig.try_publish(publish("a", "", AtMostOnce), 1).unwrap_err();
        assert_eq!(error, RejectReason::Offline);
        assert!(!error.is_temporary(), "nobody should wait for a connection with it");
        rig.publish("a", AtLeastOnce, 2);
        let mut rig = Rig::new(config(version));
        rig.publish("a", AtMostOnce, 1);
        assert_eq!(rig.client.queued(), 1);
    });
}

/// D9.
#[test]
fn a_full_write_buffer_refuses_qos_0_and_queues_the_rest() {
    each_version(|version| {
        let mut settings = quiet(config(version));
        settings.bounds.write_buffer = 15;
        let mut rig = Rig::online(settings);
        rig.writable = false;
        rig.publish("a", AtMostOnce, 1);
        rig.publish("a", AtMostOnce, 2);
        assert!(rig.pending() >= 20, "the second one found room still");
        let error = rig.try_publish(publish("a", "", AtMostOnce), 3).unwrap_err();
        assert_eq!(error, RejectReason::WriteBufferFull);
        assert!(error.is_temporary());
        rig.write(1);
        assert!(rig.try_publish(publish("a", "", AtMostOnce), 4).is_err(), "not yet");
        assert_eq!(rig.publish("a", AtLeastOnce, 5), Accepted::Tracked);
        assert_eq!((rig.client.in_flight(), rig.client.queued()), (0, 1));
        assert_eq!(rig.publish("a", AtMostOnce, 6), Accepted::Tracked, "behind it, in order");
        rig.unblock();
        assert_eq!((rig.client.in_flight(), rig.client.queued()), (1, 0));
        assert!(rig.try_publish(publish("a", "", AtMostOnce), 6).is_ok());
    });
}

#[test]
fn queued_qos_0_is_delivered_when_it_is_written_and_not_before() {
    each_version(|version| {
        let mut rig = Rig::started(quiet(config(version)));
        rig.publish("a", AtMostOnce, 1);
        rig.publish("b", AtMostOnce, 2);
        rig.accept();
        rig.writable = false;
        rig.send(&Packet::ConnAck(accepted()));
        let half = rig.pending() / 2;
        rig.write(half - 1);
        assert!(rig.outcomes().is_empty());
        rig.write(1);
        assert_eq!(rig.outcome(1).unwrap().packet_id, None);
        rig.cut();
        assert_eq!(rig.outcome(2), Err(DeliveryError::ConnectionLost));
    });
}

#[test]
fn the_interval_on_the_wire_is_what_is_left_of_it() {
    let mut rig = Rig::new(config(Version::V5));
    rig.try_publish(expiring(100), 1).unwrap();
    rig.advance(secs(30) + millis(1));
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&accepted());
    let sent = rig.expect_publish();
    assert_eq!(sent.properties.message_expiry_interval(), Some(70), "a started second counts");
    rig.try_publish(expiring(100), 2).unwrap();
    let sent = rig.expect_publish();
    assert_eq!(sent.properties.message_expiry_interval(), Some(100), "it did not wait");
}

#[test]
fn the_last_moment_is_never_sent_as_none_at_all() {
    let mut rig = Rig::started(config(Version::V5));
    rig.accept();
    rig.try_publish(expiring(10), 1).unwrap();
    rig.advance(secs(10) - MICRO);
    rig.send(&Packet::ConnAck(accepted()));
    let sent = rig.expect_publish();
    assert_eq!(sent.properties.message_expiry_interval(), Some(1));
}

#[test]
fn a_message_that_expires_while_it_waits_is_not_sent() {
    {
        let mut rig = Rig::new(config(Version::V5));
        rig.try_publish(expiring(10), 1).unwrap();
        rig.try_publish(expiring(20), 2).unwrap();
        rig.publish("forever", AtLeastOnce, 3);
        rig.settle();
        assert_eq!(rig.until(Timer::MessageExpiry), secs(10));
        rig.advance(secs(10) - MICRO);
        assert!(rig.outcomes().is_empty());
        rig.advance(MICRO);
        assert_eq!(rig.outcome(1), Err(DeliveryError::Expired { queued: secs(10) }));
        assert_eq!(rig.until(Timer::MessageExpiry), secs(10));
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        assert_eq!(rig.expect_publish().topic, "a");
        assert_eq!(rig.expect_publish().topic, "forever");
        assert_eq!(rig.stats().expired, 1);
        rig.advance(secs(15));
        assert!(rig.outcomes().is_empty(), "what was sent expires no more");
    }
}

#[test]
fn a_message_that_expired_unnoticed_is_not_sent() {
    let mut settings = quiet(config(Version::V5));
    settings.bounds.in_flight = 1;
    let mut rig = Rig::online(settings);
    rig.publish("first", AtLeastOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.try_publish(expiring(10), 2).unwrap();
    // The task does not wake in time; the room for it comes first.
    rig.jump(secs(11));
    rig.send(&puback(packet_id));
    rig.expect_nothing();
    assert_eq!(rig.outcomes().len(), 2);
    assert_eq!(rig.stats().expired, 1);
}

#[test]
fn expiry_leaves_the_order_and_the_bounds_right() {
    let mut rig = Rig::new(bounded(Version::V5, 4, 1 << 20));
    for number in 0..4 {
        let message = if number % 2 == 0 { expiring(5) } else { publish("a", "kept", AtLeastOnce) };
        rig.try_publish(message, number).unwrap();
    }
    rig.advance(secs(5));
    assert_eq!(rig.outcomes().len(), 2);
    rig.publish("a", AtLeastOnce, 4);
    rig.publish("a", AtLeastOnce, 5);
    assert!(rig.try_publish(publish("a", "", AtLeastOnce), 6).is_err());
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&accepted());
    let payloads: Vec<_> = (0..4).map(|_| rig.expect_publish().payload).collect();
    assert_eq!(payloads, ["kept", "kept", "hello", "hello"]);
}

#[test]
fn what_waits_survives_any_number_of_connections() {
    each_version(|version| {
        let mut rig = Rig::started(quiet(config(version)));
        rig.publish("a", AtLeastOnce, 1);
        for _ in 0..3 {
            rig.accept();
            rig.cut();
            rig.await_open();
        }
        assert!(rig.outcomes().is_empty());
        rig.accept_with(&accepted());
        let sent = rig.expect_publish();
        assert!(!sent.dup);
        rig.send(&puback(sent.packet_id.unwrap()));
        assert_eq!(rig.outcome(1).unwrap().attempts, 1);
    });
}

/// So many messages expire in one turn at most.
const PART: usize = 256;

/// Messages to be settled, with the outcome of each told once, and how many
/// were in each turn of the client from now on.
fn parts(rig: &mut Rig) -> Vec<Vec<u64>> {
    let mut parts = Vec::new();
    loop {
        while !matches!(rig.client.poll(rig.now), Output::Wait(_)) {}
        let mut part = Vec::new();
        while let Some(completion) = rig.client.next_completion() {
            let Completion::Publish { token, result } = completion else { continue };
            assert!(matches!(result, Err(DeliveryError::Expired { .. })), "{result:?}");
            part.push(token.0);
        }
        let due = rig.client.next_deadline().is_some_and(|deadline| deadline.at <= rig.now);
        parts.push(part);
        if !due {
            return parts;
        }
    }
}

/// However many messages expire at once: whoever waits for the client waits no
/// longer than for a part of them.
#[test]
fn what_expires_at_once_does_so_in_parts() {
    for (count, turns) in [(1, 1), (PART - 1, 1), (PART, 1), (PART + 1, 2), (5 * PART + 7, 6)] {
        let mut rig = Rig::new(bounded(Version::V5, 100_000, 1 << 30));
        for number in 0..count {
            rig.try_publish(expiring(10), number as u64).unwrap();
        }
        rig.publish("forever", AtLeastOnce, 1 << 32);
        rig.try_publish(expiring(20), 1 << 33).unwrap();
        rig.jump(secs(10));
        let parts = parts(&mut rig);
        let told: Vec<u64> = parts.iter().flatten().copied().collect();
        assert_eq!(told, (0..count as u64).collect::<Vec<_>>(), "each once, in order");
        assert!(parts.iter().all(|part| part.len() <= PART));
        assert_eq!(parts.iter().filter(|part| !part.is_empty()).count(), turns, "{count}");
        assert_eq!(rig.client.queued(), 2);
        rig.settle();
        assert_eq!(rig.until(Timer::MessageExpiry), secs(10));
    }
}

/// What has expired is not sent, although its part has not come yet; what waits
/// behind it goes out without anything else happening.
#[test]
fn what_has_expired_is_not_sent_before_its_part_comes() {
    let mut rig = Rig::started(quiet(bounded(Version::V5, 100_000, 1 << 30)));
    let count = 3 * PART + 5;
    for number in 0..count {
        rig.try_publish(expiring(10), number as u64).unwrap();
    }
    rig.publish("last", AtLeastOnce, 1 << 32);
    rig.accept();
    // The task does not wake in time; CONNACK comes first.
    rig.jump(secs(10));
    let (conn, mut bytes) = (rig.conn(), Vec::new());
    Packet::ConnAck(accepted()).encode(Version::V5, &mut bytes).unwrap();
    let mut bytes = bytes::BytesMut::from(&bytes[..]);
    rig.client.handle(rig.now, Input::Received(conn, &mut bytes));
    let mut told = 0;
    while rig.client.next_completion().is_some() {
        told += 1;
    }
    assert!(told <= PART, "{told} in one call");
    rig.advance(MICRO);
    assert_eq!(rig.outcomes().len() + told, count);
    assert_eq!(rig.expect_publish().topic, "last");
    rig.expect_nothing();
    assert_eq!(rig.stats().expired, count as u64);
}

/// Each message at its own time, and in the order of these times.
#[test]
fn messages_expire_in_the_order_of_their_times() {
    let mut rig = Rig::new(config(Version::V5));
    for (number, seconds) in [30, 10, 20, 10].into_iter().enumerate() {
        rig.try_publish(expiring(seconds), number as u64).unwrap();
    }
    rig.settle();
    for (wait, expected) in [(10, vec![1, 3]), (10, vec![2]), (10, vec![0])] {
        assert_eq!(rig.until(Timer::MessageExpiry), secs(wait));
        rig.advance(secs(wait));
        let told: Vec<u64> = rig
            .outcomes()
            .into_iter()
            .map(|outcome| match outcome {
                Completion::Publish { token, .. } => token.0,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, expected);
    }
    assert_eq!(rig.deadline, None, "nothing is left to expire");
}

/// Of a message that was sent nothing is due any more.
#[test]
fn what_has_left_the_queue_leaves_no_deadline() {
    let mut rig = Rig::new(config(Version::V5));
    rig.try_publish(expiring(10), 1).unwrap();
    rig.try_publish(expiring(20), 2).unwrap();
    rig.client.remove(rig.now, Serial(1), token(9));
    rig.settle();
    assert_eq!(rig.until(Timer::MessageExpiry), secs(20));
}
