//! R7 and D2 with a store: what connections died of stays, with its evidence,
//! until people have looked at it.

use evenkeel_proto::codec::{ConnAck, Packet, Property, Publish, QoS, Version};
use evenkeel_proto::record::{Serial, StoredMessage, StoredState, Window};
use evenkeel_proto::{
    Completion, Config, DeliveryError, Event, PublishLimit, QueueError, RejectReason, WhenFull,
};

use crate::support::*;

const EVIDENCE: StoredState = StoredState::Quarantined { deaths: 2, attempts: 2 };

/// The message `poison` was in flight at the death of two connections; the
/// client is online again.
fn poisoned(version: Version, qos: QoS) -> Rig {
    poisoned_with(lasting(version), qos)
}

fn poisoned_with(mut config: Config, qos: QoS) -> Rig {
    config.connect.keep_alive = 600;
    poison(Rig::durable_online(config), qos)
}

fn poison(mut rig: Rig, qos: QoS) -> Rig {
    // A sign of life: the deaths that follow are evidence.
    rig.send(&Packet::Publish(delivery("hello", AtMostOnce, 0)));
    rig.publish("poison", qos, 1);
    rig.publish("fine", AtLeastOnce, 2);
    rig.outcomes();
    let mut ended = 0;
    while ended < 2 || !rig.client.state().is_online() {
        if !rig.client.state().is_online() {
            rig.await_open();
            rig.accept_with(&resumed());
        }
        match rig.wire.pop_front() {
            Some(Packet::Publish(poison)) if poison.topic == "poison" => {
                ended += 1;
                rig.cut();
                rig.forget_wire();
            }
            Some(Packet::Publish(Publish { packet_id: Some(id), .. })) => rig.send(&puback(id)),
            Some(Packet::PingReq) => rig.send(&Packet::PingResp),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    rig
}

fn quarantined(rig: &Rig) -> Vec<StoredMessage> {
    let messages = rig.store.messages().into_iter();
    messages.filter(|it| matches!(it.state, StoredState::Quarantined { .. })).collect()
}

/// Answers all that is sent; the topics of the messages.
fn serve(rig: &mut Rig) -> Vec<String> {
    let mut topics = Vec::new();
    while let Some(packet) = rig.wire.pop_front() {
        match packet {
            Packet::PingReq => rig.send(&Packet::PingResp),
            Packet::Publish(publish) => {
                topics.push(publish.topic.to_string());
                let id = publish.packet_id.unwrap();
                let answer = if publish.qos == ExactlyOnce { pubrec(id) } else { puback(id) };
                rig.send(&answer);
            }
            Packet::PubRel(ack) => rig.send(&pubcomp(ack.packet_id)),
            other => panic!("{other:?}"),
        }
    }
    topics
}

#[test]
fn a_quarantined_message_survives_restarts_with_its_evidence() {
    each_version(|version| {
        for qos in [AtLeastOnce, ExactlyOnce] {
            let mut rig = poisoned(version, qos);
            let told = rig.take_events().into_iter().find_map(|event| match event {
                Event::Quarantined { topic, deaths, serial } => Some((topic, deaths, serial)),
                _ => None,
            });
            assert_eq!(told, Some((Some(text("poison")), 2, Some(Serial(1)))));
            let ends = rig.outcomes();
            let evidence = DeliveryError::Quarantined { deaths: 2, attempts: 2 };
            let end = Completion::Publish { token: token(1), result: Err(evidence) };
            assert!(ends.contains(&end), "{ends:?}");
            assert_eq!(serve(&mut rig), ["fine"], "the rest goes on");
            rig.advance(secs(1));
            for _ in 0..2 {
                rig.crash();
                rig.settle();
                let found =
                    Event::Recovered { exchanges: 0, queued: 0, quarantined: 1, subscriptions: 0 };
                assert_eq!(rig.take_events(), [found]);
                let kept = quarantined(&rig);
                assert_eq!(kept.len(), 1);
                assert_eq!((&kept[0].publish.topic[..], kept[0].state), ("poison", EVIDENCE));
                rig.client.start(rig.now);
                rig.settle();
                rig.accept_with(&resumed());
                assert_eq!(serve(&mut rig), [""; 0], "it is not sent");
            }
        }
    });
}

/// D4: the server may hold the identifier; the next process knows.
#[test]
fn the_identifier_of_a_quarantined_qos_2_message_is_in_use_over_a_restart() {
    each_version(|version| {
        let mut rig = poisoned(version, ExactlyOnce);
        let of_poison = rig.history.iter().find_map(|(_, _, packet)| match packet {
            Packet::Publish(publish) if publish.topic == "poison" => publish.packet_id,
            _ => None,
        });
        // The process ends before PUBREL has an answer.
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        let fine = rig.expect_publish();
        assert_eq!(fine.topic, "fine");
        rig.send(&puback(fine.packet_id.unwrap()));
        assert_eq!(rig.expect(), pubrel(of_poison.unwrap()), "the server may hold it");
        rig.expect_nothing();
        rig.send(&pubcomp(of_poison.unwrap()));
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        rig.expect_nothing();
    });
}

#[test]
fn a_quarantined_message_can_be_removed_by_the_next_process() {
    each_version(|version| {
        let mut rig = poisoned(version, AtLeastOnce);
        serve(&mut rig);
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        rig.client.remove(rig.now, Serial(1), token(9));
        rig.settle();
        let outcomes = rig.outcomes();
        let [Completion::Removed { token: answered, result: Ok(message) }] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(*answered, token(9));
        assert_eq!((&message.publish.topic[..], message.state), ("poison", EVIDENCE));
        assert_eq!(rig.store.messages(), [], "gone before it is told");
        rig.client.remove(rig.now, Serial(1), token(10));
        rig.settle();
        let unknown = Completion::Removed { token: token(10), result: Err(QueueError::Unknown) };
        assert_eq!(rig.outcomes(), [unknown]);
    });
}

#[test]
fn a_quarantined_message_can_be_queued_again_by_the_next_process() {
    each_version(|version| {
        for qos in [AtLeastOnce, ExactlyOnce] {
            let mut rig = poisoned(version, qos);
            serve(&mut rig);
            rig.advance(secs(1));
            rig.crash();
            rig.settle();
            rig.client.requeue(rig.now, Serial(1), token(9));
            rig.settle();
            let again = Serial(3);
            let requeued = Completion::Requeued { token: token(9), result: Ok(again) };
            assert_eq!(rig.outcomes(), [requeued]);
            let stored = rig.store.messages();
            assert_eq!(stored.len(), 1, "never twice in the store");
            assert_eq!((stored[0].serial, stored[0].state), (again, StoredState::Queued));
            // The new name is good for the process after the next, too.
            rig.restart_with(&resumed());
            rig.take_events();
            assert_eq!(serve(&mut rig), ["poison"]);
            let settled = Event::Settled { serial: again, result: Ok(()) };
            assert!(rig.take_events().contains(&settled), "its outcome is an event (D1)");
        }
    });
}

/// D1: without a store, too, its outcome is told.
#[test]
fn without_a_store_a_quarantined_message_can_be_queued_again() {
    each_version(|version| {
        let mut config = lasting(version);
        config.connect.keep_alive = 600;
        for answered in [true, false] {
            let mut rig = poison(Rig::online(config.clone()), AtLeastOnce);
            serve(&mut rig);
            rig.outcomes();
            rig.client.requeue(rig.now, Serial(1), token(9));
            rig.settle();
            let again = Serial(3);
            let requeued = Completion::Requeued { token: token(9), result: Ok(again) };
            assert_eq!(rig.outcomes(), [requeued]);
            let result = if answered {
                assert_eq!(serve(&mut rig), ["poison"]);
                Ok(())
            } else {
                rig.client.shutdown(rig.now, secs(1));
                rig.settle();
                rig.advance(secs(1));
                Err(DeliveryError::Abandoned { attempts: 1 })
            };
            assert_eq!(rig.settled(), [(again.0, result)]);
            assert_eq!(rig.outcomes(), []);
        }
    });
}

/// D2: what is queued again is checked like any other; refused, it stays.
#[test]
fn what_cannot_be_queued_again_stays_in_quarantine() {
    let mut rig = poisoned(Version::V5, ExactlyOnce);
    serve(&mut rig);
    rig.advance(secs(1));
    rig.restart_with(&ConnAck { session_present: true, ..with([Property::MaximumQoS(1)]) });
    rig.client.requeue(rig.now, Serial(1), token(9));
    rig.settle();
    let limit = PublishLimit::QoS { maximum: AtLeastOnce };
    let error = QueueError::Rejected(RejectReason::NotAllowed(limit));
    let refused = Completion::Requeued { token: token(9), result: Err(error) };
    assert_eq!(rig.outcomes(), [refused]);
    assert_eq!(quarantined(&rig).len(), 1);
    rig.restart_with(&resumed());
    rig.client.requeue(rig.now, Serial(1), token(10));
    rig.settle();
    assert_eq!(rig.outcomes(), [Completion::Requeued { token: token(10), result: Ok(Serial(3)) }]);
}

/// D1: a policy that drops what does not fit drops nothing in silence.
#[test]
fn what_would_be_dropped_stays_in_quarantine() {
    let mut config = lasting(Version::V5);
    config.queue.messages = 1;
    config.queue.when_full = WhenFull::DropNewest;
    let mut rig = poisoned_with(config, AtLeastOnce);
    serve(&mut rig);
    rig.cut();
    rig.outcomes();
    rig.publish("other", AtLeastOnce, 3);
    rig.outcomes();
    rig.client.requeue(rig.now, Serial(1), token(9));
    rig.settle();
    let error = QueueError::Rejected(RejectReason::QueueFull { messages: 1, bytes: 10 });
    assert_eq!(rig.outcomes(), [Completion::Requeued { token: token(9), result: Err(error) }]);
    assert_eq!(quarantined(&rig).len(), 1);
    rig.await_open();
    rig.accept_with(&resumed());
    assert_eq!(serve(&mut rig), ["other"]);
    rig.outcomes();
    rig.client.requeue(rig.now, Serial(1), token(10));
    rig.settle();
    assert!(matches!(rig.outcomes()[..], [Completion::Requeued { result: Ok(_), .. }]));
    assert_eq!(serve(&mut rig), ["poison"]);
    assert_eq!(quarantined(&rig), []);
}

#[test]
fn only_what_is_in_quarantine_can_be_queued_again() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.queue.window = Window { messages: 1, bytes: 1000 };
        config.bounds.in_flight = 1;
        let mut rig = Rig::durable_online(config);
        for number in 1..=3 {
            rig.publish("a", AtLeastOnce, number);
        }
        rig.outcomes();
        let ends = [
            (1, QueueError::InFlight),
            (2, QueueError::NotQuarantined),
            (3, QueueError::NotQuarantined),
            (4, QueueError::Unknown),
        ];
        for (serial, error) in ends {
            rig.client.requeue(rig.now, Serial(serial), token(serial));
            rig.settle();
            let refused = Completion::Requeued { token: token(serial), result: Err(error) };
            assert_eq!(rig.outcomes(), [refused]);
        }
    });
}
