//! Packet identifiers that the caller is told, and messages given up by them.

use evenkeel_proto::codec::{Ack, Packet, PacketId, Publish, QoS, ReasonCode, Version};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{
    Completion, DeliveryError, Event, QueueError, RejectReason, TransportFailure,
};

use crate::support::*;

/// Publishes and hears the identifier.
#[track_caller]
fn identified(rig: &mut Rig, topic: &str, qos: QoS, number: u64) -> PacketId {
    try_identified(rig, publish(topic, "", qos), number).unwrap()
}

fn try_identified(
    rig: &mut Rig,
    mut message: Publish,
    number: u64,
) -> Result<PacketId, RejectReason> {
    let normal = Priority::Normal;
    let told = rig.client.publish_identified(rig.now, &mut message, normal, token(number));
    rig.settle();
    told.map(|(_, id)| id)
}

/// Both kinds of clients, in both versions.
fn each_client(mut test: impl FnMut(Rig, Version)) {
    each_version(|version| {
        let settings = quiet(lasting(version));
        test(Rig::online(settings.clone()), version);
        println!("with a store");
        test(Rig::durable_online(settings), version);
    });
}

#[track_caller]
fn sent(rig: &mut Rig) -> (String, PacketId) {
    let sent = rig.expect_publish();
    (sent.topic.to_string(), sent.packet_id.unwrap())
}

fn ended(rig: &mut Rig) -> Vec<(u64, Result<(), DeliveryError>)> {
    let outcomes = rig.outcomes().into_iter();
    let ended = outcomes.filter_map(|outcome| match outcome {
        Completion::Publish { token, result } => Some((token.0, result.map(drop))),
        _ => None,
    });
    ended.collect()
}

// ---- told at publish ----

#[test]
fn the_identifier_told_at_publish_is_the_one_that_is_sent() {
    each_client(|mut rig, _| {
        for (number, qos) in [(1, AtLeastOnce), (2, ExactlyOnce)] {
            let told = identified(&mut rig, "a", qos, number);
            assert_eq!(rig.client.packet_id(token(number)), Some(told));
            assert_eq!(sent(&mut rig), ("a".into(), told));
        }
    });
}

/// D4: one allocator; what waits has its identifier for itself.
#[test]
fn the_identifier_of_a_message_that_waits_is_in_use() {
    for durable in [false, true] {
        let settings = quiet(lasting(Version::V5));
        let mut rig = if durable { Rig::durable(settings) } else { Rig::new(settings) };
        let mut told: Vec<_> =
            (1..=40).map(|number| identified(&mut rig, "waits", AtLeastOnce, number)).collect();
        assert_eq!(rig.client.packet_id(token(7)), Some(told[6]));
        rig.publish("other", AtLeastOnce, 50);
        rig.subscribe(&[("s", AtMostOnce)], 51);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        let subscribed = rig.expect_subscribe().packet_id;
        assert!(!told.contains(&subscribed), "SUBSCRIBE takes none of them");
        for expected in &told {
            assert_eq!(sent(&mut rig), ("waits".into(), *expected), "in order (D3)");
        }
        told.push(sent(&mut rig).1);
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), 41, "each its own");
    }
}

/// D4: running out is back-pressure, and never reuse.
#[test]
fn when_all_identifiers_are_told_the_next_publish_waits() {
    let mut settings = quiet(lasting(Version::V5));
    settings.queue.messages = 100_000;
    settings.bounds.in_flight = u16::MAX;
    let mut rig = Rig::new(settings);
    let mut told = std::collections::BTreeSet::new();
    for number in 0..u64::from(u16::MAX) {
        assert!(told.insert(identified(&mut rig, "a", AtLeastOnce, number)));
    }
    let reason = try_identified(&mut rig, publish("a", "", AtLeastOnce), 1).unwrap_err();
    assert_eq!(reason, RejectReason::NoIdentifier);
    assert!(reason.is_temporary() && rig.client.waits_for(&reason));
    assert!(!rig.client.takes_publishes());
    rig.publish("waits its turn", AtLeastOnce, 99_999);
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&accepted());
    let (_, first) = sent(&mut rig);
    rig.send(&puback(first));
    assert!(rig.client.takes_publishes());
    let sent: Vec<_> = std::iter::from_fn(|| rig.wire.pop_front()).collect();
    assert_eq!(sent.len(), usize::from(u16::MAX), "all the others, and the last under the first");
    let Some(Packet::Publish(last)) = sent.last() else { panic!() };
    assert_eq!((&*last.topic, last.packet_id), ("waits its turn", Some(first)));
}

#[test]
fn an_identifier_is_free_again_when_its_message_leaves_the_queue() {
    let mut settings = quiet(lasting(Version::V5));
    settings.queue.messages = 1;
    settings.queue.when_full = evenkeel_proto::WhenFull::DropOldest;
    let mut rig = Rig::new(settings);
    let first = identified(&mut rig, "a", AtLeastOnce, 1);
    assert_ne!(identified(&mut rig, "b", AtLeastOnce, 2), first);
    assert_eq!(ended(&mut rig), [(1, Err(DeliveryError::Dropped))]);
    assert_eq!(rig.client.abandon(rig.now, first), Err(QueueError::Unknown));
    // A message that is not accepted takes none.
    let mut settings = quiet(lasting(Version::V5));
    settings.queue.messages = 1;
    let mut rig = Rig::new(settings);
    let first = identified(&mut rig, "a", AtLeastOnce, 1);
    for _ in 0..100_000 {
        let full = try_identified(&mut rig, publish("b", "", AtLeastOnce), 2).unwrap_err();
        assert!(matches!(full, RejectReason::QueueFull { .. }));
    }
    rig.client.abandon(rig.now, first).unwrap();
    rig.settle();
    assert_eq!(ended(&mut rig), [(1, Err(DeliveryError::Removed))]);
    identified(&mut rig, "c", AtLeastOnce, 3);
}

#[test]
fn qos_0_has_no_identifier_to_tell() {
    let mut rig = Rig::online(config(Version::V5));
    let refused = try_identified(&mut rig, publish("a", "", AtMostOnce), 1);
    assert!(matches!(refused, Err(RejectReason::NotAllowed(_))));
    rig.expect_nothing();
}

/// D13: the server may hold it for a message of a session nobody remembers.
#[test]
fn an_identifier_that_the_server_may_hold_is_given_back_before_its_use() {
    let mut rig = Rig::new(quiet(lasting(Version::V5)));
    let told = identified(&mut rig, "a", ExactlyOnce, 1);
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&resumed());
    assert_eq!(rig.expect(), pubrel(told));
    rig.expect_nothing();
    rig.send(&Packet::PubComp(Ack::new(told, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND)));
    assert_eq!(sent(&mut rig), ("a".into(), told));
    rig.send(&pubrec(told));
    assert_eq!(rig.expect(), pubrel(told));
    rig.send(&pubcomp(told));
    assert!(rig.outcome(1).is_ok());
}

// ---- given up in flight ----

#[track_caller]
fn abandon(rig: &mut Rig, id: PacketId) {
    rig.client.abandon(rig.now, id).unwrap();
    rig.settle();
}

/// The next identifiers that are told are all others.
#[track_caller]
fn assert_in_use(rig: &mut Rig, id: PacketId) {
    for number in 1000..1040 {
        let other = identified(rig, "other", AtLeastOnce, number);
        assert_ne!(other, id, "in use (D4)");
        assert_eq!(sent(rig).1, other);
        rig.send(&puback(other));
    }
    rig.outcomes();
}

#[test]
fn a_qos_1_message_that_is_given_up_holds_its_identifier_until_puback() {
    each_client(|mut rig, _| {
        let id = identified(&mut rig, "a", AtLeastOnce, 1);
        sent(&mut rig);
        abandon(&mut rig, id);
        assert_eq!(ended(&mut rig), [(1, Err(DeliveryError::Withdrawn { attempts: 1 }))]);
        assert!(rig.client.is_settled(), "no message is under way");
        assert_in_use(&mut rig, id);
        assert_eq!(rig.client.abandon(rig.now, id), Err(QueueError::Unknown), "once");
        rig.send(&puback(id));
        assert_eq!(rig.outcomes(), [], "one outcome (D1)");
        assert_eq!(rig.client.in_flight(), 0);
        assert_eq!(rig.stats().unknown_acknowledgements, 0);
    });
}

/// A server keeps nothing of QoS 1 beyond a connection.
#[test]
fn a_qos_1_message_that_is_given_up_is_not_sent_again() {
    each_client(|mut rig, _| {
        let id = identified(&mut rig, "a", AtLeastOnce, 1);
        sent(&mut rig);
        abandon(&mut rig, id);
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
        assert_eq!(rig.client.in_flight(), 0);
        // Nor is one that was given up while offline.
        rig.outcomes();
        let id = identified(&mut rig, "b", AtLeastOnce, 2);
        sent(&mut rig);
        rig.drop_link(TransportFailure::TimedOut);
        abandon(&mut rig, id);
        assert_eq!(ended(&mut rig), [(2, Err(DeliveryError::Withdrawn { attempts: 1 }))]);
        rig.await_open();
        rig.accept_with(&resumed());
        rig.expect_nothing();
    });
}

#[test]
fn a_qos_2_message_that_is_given_up_before_pubrec_comes_to_its_end_on_the_wire() {
    each_client(|mut rig, version| {
        let id = identified(&mut rig, "a", ExactlyOnce, 1);
        sent(&mut rig);
        abandon(&mut rig, id);
        assert_eq!(ended(&mut rig), [(1, Err(DeliveryError::Withdrawn { attempts: 1 }))]);
        assert_in_use(&mut rig, id);
        rig.send(&pubrec(id));
        assert_eq!(rig.expect(), pubrel(id));
        assert_in_use(&mut rig, id);
        rig.send(&pubcomp(id));
        assert_eq!(rig.client.in_flight(), 0);
        assert_eq!(rig.outcomes(), []);
        assert_eq!(rig.stats().unknown_acknowledgements, 0);
        if version == Version::V5 {
            let id = identified(&mut rig, "a", ExactlyOnce, 2);
            sent(&mut rig);
            abandon(&mut rig, id);
            rig.outcomes();
            rig.send(&Packet::PubRec(Ack::new(id, ReasonCode::QUOTA_EXCEEDED)));
            rig.expect_nothing();
            assert_eq!(rig.client.in_flight(), 0, "the server did not take it");
        }
    });
}

#[test]
fn a_qos_2_message_that_is_given_up_after_pubrec_waits_for_pubcomp() {
    each_client(|mut rig, _| {
        let id = identified(&mut rig, "a", ExactlyOnce, 1);
        sent(&mut rig);
        rig.send(&pubrec(id));
        assert_eq!(rig.expect(), pubrel(id));
        abandon(&mut rig, id);
        assert_eq!(ended(&mut rig), [(1, Err(DeliveryError::Withdrawn { attempts: 1 }))]);
        assert_in_use(&mut rig, id);
        rig.send(&pubcomp(id));
        assert_eq!(rig.client.in_flight(), 0);
        assert_eq!(rig.outcomes(), []);
    });
}

/// D4: the server may hold it until PUBREL, on whatever connection.
#[test]
fn a_qos_2_message_that_is_given_up_is_released_on_the_next_connection() {
    each_client(|mut rig, _| {
        let before = identified(&mut rig, "a", ExactlyOnce, 1);
        let after = identified(&mut rig, "b", ExactlyOnce, 2);
        sent(&mut rig);
        sent(&mut rig);
        abandon(&mut rig, before);
        rig.drop_link(TransportFailure::TimedOut);
        abandon(&mut rig, after);
        rig.outcomes();
        rig.await_open();
        rig.accept_with(&resumed());
        for _ in 0..2 {
            let Packet::PubRel(ack) = rig.expect() else { panic!("PUBREL") };
            assert!([before, after].contains(&ack.packet_id));
            rig.send(&pubcomp(ack.packet_id));
        }
        rig.expect_nothing();
        assert_eq!(rig.client.in_flight(), 0);
        assert_eq!(rig.outcomes(), []);
    });
}

#[test]
fn what_is_given_up_ends_with_its_session() {
    each_client(|mut rig, _| {
        let id = identified(&mut rig, "a", ExactlyOnce, 1);
        sent(&mut rig);
        abandon(&mut rig, id);
        rig.reconnect_with(&accepted());
        rig.expect_nothing();
        assert_eq!(rig.client.in_flight(), 0);
        let lost = |event: &Event| matches!(event, Event::Settled { .. });
        assert!(!rig.take_events().iter().any(lost), "nobody waits for it");
    });
}

/// A store knows which identifiers are in use.
#[test]
fn what_is_given_up_is_in_use_for_the_next_process_too() {
    let mut rig = Rig::durable_online(quiet(lasting(Version::V5)));
    let first = identified(&mut rig, "a", AtLeastOnce, 1);
    let second = identified(&mut rig, "b", ExactlyOnce, 2);
    sent(&mut rig);
    sent(&mut rig);
    abandon(&mut rig, first);
    abandon(&mut rig, second);
    rig.advance(secs(1));
    assert!(rig.store.messages().is_empty());
    rig.restart_with(&resumed());
    assert_eq!(rig.expect(), pubrel(second));
    rig.expect_nothing();
    rig.send(&pubcomp(second));
    rig.advance(secs(1));
    assert!(rig.store.recovered().clearing.is_empty());
}

/// R7: it is judged no more.
#[test]
fn what_is_given_up_is_no_suspect() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    for round in 0..4 {
        let id = identified(&mut rig, "a", AtLeastOnce, round);
        sent(&mut rig);
        rig.show_life();
        abandon(&mut rig, id);
        rig.cut();
        rig.await_open();
        rig.accept_with(&resumed());
        rig.forget_wire();
    }
    let quarantined = |event: &Event| matches!(event, Event::Quarantined { .. });
    assert!(!rig.take_events().iter().any(quarantined));
}

#[test]
fn a_message_that_waits_to_be_sent_again_is_given_up() {
    each_client(|mut rig, _| {
        for number in 1..=3 {
            identified(&mut rig, "a", AtLeastOnce, number);
        }
        let ids: Vec<_> = (0..3).map(|_| sent(&mut rig).1).collect();
        rig.reconnect_with(&resumed());
        assert_eq!(sent(&mut rig).1, ids[0], "one alone at first");
        abandon(&mut rig, ids[1]);
        rig.send(&puback(ids[0]));
        assert_eq!(sent(&mut rig).1, ids[2]);
        rig.send(&puback(ids[2]));
        rig.expect_nothing();
        let mut outcomes = ended(&mut rig);
        outcomes.sort_by_key(|(number, _)| *number);
        let withdrawn = Err(DeliveryError::Withdrawn { attempts: 1 });
        assert_eq!(outcomes, [(1, Ok(())), (2, withdrawn), (3, Ok(()))]);
    });
}

#[test]
fn only_a_message_can_be_given_up() {
    let mut rig = Rig::online(config(Version::V5));
    rig.subscribe(&[("a", AtMostOnce)], 1);
    let packet_id = rig.expect_subscribe().packet_id;
    assert_eq!(rig.client.abandon(rig.now, packet_id), Err(QueueError::Unknown));
    assert_eq!(rig.client.abandon(rig.now, id(4000)), Err(QueueError::Unknown));
    rig.send(&suback(packet_id, &[0]));
    assert_eq!(rig.answer(1), Ok(vec![0]));
}
