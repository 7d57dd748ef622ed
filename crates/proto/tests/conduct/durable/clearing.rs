//! Exchanges of QoS 2 that are given up while the server may hold their
//! identifiers: these stay in use, also for the next process (D4).

use evenkeel_proto::codec::{ConnAck, Packet, PacketId, Property, Version};
use evenkeel_proto::{Completion, DeliveryError, Event, PublishLimit};

use crate::support::*;

/// A server that goes on with the session, and takes no QoS 2 any more.
fn strict() -> ConnAck {
    ConnAck { session_present: true, ..with([Property::MaximumQoS(1)]) }
}

/// A QoS 2 message is in flight that may not be sent again, and the client is
/// back on the server; its identifier.
fn clearing() -> (Rig, PacketId) {
    let mut rig = Rig::durable_online(quiet(lasting(Version::V5)));
    rig.publish("old", ExactlyOnce, 1);
    let old = rig.expect_publish().packet_id.unwrap();
    rig.outcomes();
    rig.advance(secs(1));
    rig.cut();
    rig.await_open();
    rig.commits = Commits::Held;
    let conn = rig.conn();
    rig.client.handle(rig.now, evenkeel_proto::Input::Opened(conn, None));
    rig.settle();
    rig.commit();
    assert!(matches!(rig.expect(), Packet::Connect(_)));
    rig.send(&Packet::ConnAck(strict()));
    rig.show_life();
    (rig, old)
}

/// Publishes and acknowledges QoS 1 messages; the identifiers they had.
fn used(rig: &mut Rig) -> Vec<PacketId> {
    let mut used = Vec::new();
    for number in 100..200 {
        rig.publish("new", AtLeastOnce, number);
        while let Some(packet) = rig.wire.pop_front() {
            let Packet::Publish(publish) = packet else { continue };
            used.push(publish.packet_id.unwrap());
            rig.send(&puback(publish.packet_id.unwrap()));
        }
    }
    used
}

/// D3: PUBREL lets go of the message, so that the store must not have it any
/// more: the next process would send it again, as a new one for the server.
#[test]
fn the_release_of_what_was_given_up_waits_for_its_commit() {
    let (mut rig, old) = clearing();
    let limit = PublishLimit::QoS { maximum: AtLeastOnce };
    let result = Err(DeliveryError::NotAllowed(limit));
    assert_eq!(rig.outcomes(), [Completion::Publish { token: token(1), result }]);
    rig.expect_nothing();
    rig.commit();
    assert_eq!(rig.expect(), pubrel(old));
    assert_eq!(rig.store.messages(), []);
    assert_eq!(rig.store.recovered().clearing, [old]);
    rig.commits = Commits::AtOnce;
    rig.send(&pubcomp(old));
    rig.advance(secs(1));
    assert_eq!(rig.store.recovered().clearing, []);
    assert!(used(&mut rig).contains(&old), "it is free");
}

//= [MQTT-2.2.1-3] test
/// D4 over a crash: the identifier is in use in the next process as well.
#[test]
fn the_next_process_knows_which_identifiers_the_server_may_hold() {
    let (mut rig, old) = clearing();
    rig.commit();
    rig.commits = Commits::AtOnce;
    for _ in 0..3 {
        rig.restart_with(&resumed());
        assert_eq!(rig.expect(), pubrel(old));
        assert!(rig.client.is_settled(), "it is no message");
        // The model store sees to it that no message goes under `old`.
        let settled = |event: &Event| matches!(event, Event::Settled { .. });
        assert!(!rig.take_events().iter().any(settled), "its outcome was told");
    }
    rig.send(&pubcomp(old));
    assert!(used(&mut rig).contains(&old), "it is free");
    rig.advance(secs(1));
    rig.restart_with(&resumed());
    rig.expect_nothing();
    assert_eq!(rig.client.in_flight(), 0);
}

#[test]
fn a_lost_session_frees_what_is_being_cleared() {
    let (mut rig, old) = clearing();
    rig.commit();
    rig.commits = Commits::AtOnce;
    rig.restart_with(&accepted());
    rig.expect_nothing();
    assert!(used(&mut rig).contains(&old));
    assert_eq!(rig.store.recovered().clearing, []);
}

/// A crash before the commit: nothing of it has happened.
#[test]
fn what_was_not_committed_was_not_given_up() {
    let (mut rig, old) = clearing();
    rig.commits = Commits::AtOnce;
    rig.restart_with(&resumed());
    let again = rig.expect_publish();
    assert_eq!((again.packet_id, again.dup), (Some(old), true));
}

/// A shutdown leaves it to the next process.
#[test]
fn a_shutdown_does_not_wait_for_an_identifier() {
    let (mut rig, old) = clearing();
    rig.commit();
    rig.commits = Commits::AtOnce;
    rig.shutdown(secs(10));
    assert_eq!(rig.client.state(), evenkeel_proto::State::Closed);
    let report = rig.client.shutdown_report().unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.stored, 0);
    rig.restart_with(&resumed());
    assert_eq!(rig.expect(), pubrel(old));
}
