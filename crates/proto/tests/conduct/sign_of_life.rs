//! Servers that answer all but pings: what was in flight at a cut waits for a
//! sign of life, but not forever (D16).

use std::time::Duration;

use evenkeel_proto::codec::{Packet, Property, Version};
use evenkeel_proto::{
    Completion, Config, DeliveryError, DisconnectCause, Event, Timer, TransportFailure,
};

use crate::support::*;

/// A message in flight is cut off, and the client is back on a server that has
/// not said a word yet.
fn back_again(config: Config) -> Rig {
    let mut rig = Rig::online(config);
    rig.publish("a", AtLeastOnce, 1);
    rig.expect_publish();
    rig.cut();
    rig.await_open();
    rig.accept_with(&resumed());
    rig
}

fn with_keep_alive(version: Version, keep_alive: u16) -> Config {
    let mut config = lasting(version);
    config.connect.keep_alive = keep_alive;
    config
}

/// Half the response time-out, so that the other half is left for answers; 10 s
/// without pings.
#[test]
fn it_is_sent_after_the_wait_and_not_before() {
    each_version(|version| {
        for (keep_alive, timeout, wait) in [
            (60, None, secs(39) / 2),
            (1, None, millis(650) / 2),
            (1200, None, secs(60)),
            (60, Some(secs(4)), secs(2)),
            (60, Some(secs(60)), secs(30)),
            (0, None, secs(10)),
            (0, Some(secs(4)), secs(10)),
        ] {
            let mut config = with_keep_alive(version, keep_alive);
            config.keep_alive.response_timeout = timeout;
            let mut rig = back_again(config);
            if keep_alive > 0 {
                assert_eq!(rig.expect(), Packet::PingReq, "the server is asked");
            }
            assert_eq!(rig.until(Timer::SignOfLife), wait);
            rig.advance(wait - MICRO);
            rig.expect_nothing();
            rig.advance(MICRO);
            let again = rig.expect_publish();
            assert!(again.dup);
            rig.send(&puback(again.packet_id.unwrap()));
            assert!(rig.outcome(1).is_ok());
            assert_eq!(rig.stats().connects, 2);
        }
    });
}

/// The wait is over at the first packet, whatever it is, and is no timer any more.
#[test]
fn a_sign_of_life_ends_the_wait() {
    each_version(|version| {
        for keep_alive in [60, 0] {
            let mut rig = back_again(with_keep_alive(version, keep_alive));
            rig.advance(secs(5));
            rig.forget_wire();
            rig.send(&Packet::Publish(delivery("b", AtMostOnce, 0)));
            assert_eq!(rig.expect_publish().topic, "a");
            let left = rig.deadline.map(|deadline| deadline.timer);
            assert_ne!(left, Some(Timer::SignOfLife));
        }
    });
}

/// A server that is found to answer late is not one to wait longer for.
#[test]
fn late_answers_do_not_prolong_it() {
    let mut rig = Rig::online(with_keep_alive(Version::V5, 60));
    for _ in 0..3 {
        rig.advance(secs(140));
        assert!(!rig.client.state().is_online());
        rig.await_open();
        rig.accept_with(&resumed());
    }
    rig.publish("a", AtLeastOnce, 1);
    rig.cut();
    rig.await_open();
    rig.accept_with(&resumed());
    assert_eq!(rig.expect(), Packet::PingReq);
    assert_eq!(rig.until(Timer::SignOfLife), secs(39) / 2);
}

/// Whoever is given half of a time-out by a user can use it: the ping without
/// an answer does not end the connection first.
#[test]
fn the_rest_of_the_time_out_is_left_for_the_answer() {
    each_version(|version| {
        let mut config = with_keep_alive(version, 60);
        config.keep_alive.response_timeout = Some(secs(4));
        let mut rig = back_again(config);
        rig.forget_wire();
        rig.advance(secs(2));
        let again = rig.expect_publish();
        rig.advance(secs(2) - MICRO);
        rig.send(&puback(again.packet_id.unwrap()));
        assert!(rig.outcome(1).is_ok());
        rig.advance(secs(20));
        assert_eq!(rig.stats().connects, 2, "PUBACK is life");
    });
}

/// One goes alone, then the rest, then what is new: also both halves of QoS 2,
/// and subscriptions.
#[test]
fn everything_gets_through_to_a_server_that_answers_all_but_pings() {
    each_version(|version| {
        for keep_alive in [60, 0] {
            let mut rig = Rig::online(with_keep_alive(version, keep_alive));
            rig.publish("a", ExactlyOnce, 1);
            let released = rig.expect_publish().packet_id.unwrap();
            rig.send(&pubrec(released));
            rig.publish("b", ExactlyOnce, 2);
            rig.publish("c", AtLeastOnce, 3);
            rig.subscribe(&[("d", AtMostOnce)], 4);
            rig.cut();
            rig.await_open();
            rig.accept_with(&resumed());
            rig.publish("new", AtLeastOnce, 5);
            rig.forget_wire();
            let begin = rig.now;
            while rig.completions.len() < 5 {
                while let Some(packet) = rig.wire.pop_front() {
                    let answer = match packet {
                        Packet::Publish(publish) if publish.qos == AtLeastOnce => {
                            puback(publish.packet_id.unwrap())
                        }
                        Packet::Publish(publish) => pubrec(publish.packet_id.unwrap()),
                        Packet::PubRel(ack) => pubcomp(ack.packet_id),
                        Packet::Subscribe(subscribe) => suback(subscribe.packet_id, &[0]),
                        _ => continue,
                    };
                    rig.send(&answer);
                }
                rig.advance(millis(100));
                assert!(rig.now.since(begin) < secs(20), "{:?}", rig.completions);
            }
            assert_eq!(rig.stats().connects, 2);
        }
    });
}

#[test]
fn a_subscribe_alone_is_sent_after_the_wait_too() {
    each_version(|version| {
        let mut rig = Rig::online(with_keep_alive(version, 60));
        rig.subscribe(&[("d", AtMostOnce)], 1);
        rig.expect_subscribe();
        rig.cut();
        rig.await_open();
        rig.accept_with(&resumed());
        rig.forget_wire();
        rig.advance(secs(39) / 2 - MICRO);
        rig.expect_nothing();
        rig.advance(MICRO);
        let again = rig.expect_subscribe();
        rig.send(&suback(again.packet_id, &[0]));
        assert_eq!(rig.outcomes().len(), 1);
    });
}

/// The connection is cut over what was sent without a sign of life: by a server
/// that says nothing, and by one that has said something since.
#[test]
fn a_resend_without_a_sign_of_life_is_no_evidence() {
    each_version(|version| {
        for speaks in [false, true] {
            let mut rig = back_again(with_keep_alive(version, 60));
            for _ in 0..10 {
                rig.forget_wire();
                rig.advance(secs(20));
                assert_eq!(rig.expect_publish().topic, "a");
                if speaks {
                    rig.send(&Packet::Publish(delivery("b", AtMostOnce, 0)));
                    rig.message();
                }
                rig.cut();
                assert!(rig.outcomes().is_empty());
                rig.await_open();
                rig.accept_with(&resumed());
            }
            let told = rig.take_events();
            assert!(!told.iter().any(|event| matches!(event, Event::Quarantined { .. })));
        }
    });
}

/// The same end after a sign of life is.
#[test]
fn a_resend_behind_a_sign_of_life_is_evidence() {
    each_version(|version| {
        let mut rig = back_again(with_keep_alive(version, 60));
        for deaths in 1..=2 {
            rig.forget_wire();
            assert!(rig.outcomes().is_empty(), "{deaths}");
            rig.send(&Packet::Publish(delivery("b", AtMostOnce, 0)));
            rig.message();
            assert_eq!(rig.expect_publish().topic, "a");
            rig.cut();
            rig.await_open();
            rig.accept_with(&resumed());
        }
        let error = DeliveryError::Quarantined { deaths: 2, attempts: 3 };
        let result = Err(error);
        assert_eq!(rig.outcomes(), [Completion::Publish { token: token(1), result }]);
    });
}

/// What had company at its deaths is not convicted by one that proves nothing.
#[test]
fn strikes_of_before_do_not_convict_without_evidence() {
    each_version(|version| {
        let mut rig = Rig::online(with_keep_alive(version, 60));
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("b", AtLeastOnce, 2);
        rig.send(&Packet::PingResp);
        rig.cut();
        rig.await_open();
        rig.accept_with(&resumed());
        rig.send(&Packet::PingResp);
        rig.forget_wire();
        // `a` is out alone: its second strike is evidence, and sets it aside.
        rig.cut();
        assert_eq!(rig.outcomes().len(), 1);
        // `b` has one strike, of the first end. These give it none.
        for _ in 0..5 {
            rig.await_open();
            rig.accept_with(&resumed());
            rig.forget_wire();
            rig.advance(secs(20));
            assert_eq!(rig.expect_publish().topic, "b");
            rig.cut();
        }
        assert!(rig.outcomes().is_empty());
    });
}

/// An end by the silence of the network accuses nobody: nothing waits.
#[test]
fn what_is_not_suspected_does_not_wait() {
    let mut rig = Rig::online(with_keep_alive(Version::V5, 0));
    rig.publish("a", AtLeastOnce, 1);
    rig.forget_wire();
    rig.drop_link(TransportFailure::TimedOut);
    rig.await_open();
    rig.accept_with(&resumed());
    assert_eq!(rig.expect_publish().topic, "a");
}

/// The wait is that of the keep-alive in force.
#[test]
fn the_servers_keep_alive_decides() {
    for (server, wait) in [(20, millis(6_500)), (0, secs(10))] {
        let mut rig = Rig::online(with_keep_alive(Version::V5, 60));
        rig.publish("a", AtLeastOnce, 1);
        rig.cut();
        rig.await_open();
        let mut connack = with([Property::ServerKeepAlive(server)]);
        connack.session_present = true;
        rig.accept_with(&connack);
        rig.forget_wire();
        assert_eq!(rig.until(Timer::SignOfLife), wait);
    }
}

/// A sleep ends the wait, and is no death: what is sent then is no evidence.
#[test]
fn after_a_sleep_it_goes_out_at_once() {
    let mut rig = back_again(with_keep_alive(Version::V5, 60));
    rig.forget_wire();
    rig.jump(secs(3600));
    rig.wake();
    let sent: Vec<_> = rig.wire.drain(..).collect();
    assert!(sent.iter().any(|packet| matches!(packet, Packet::Publish(_))), "{sent:?}");
    assert!(rig.client.state().is_online());
    rig.cut();
    let end = |cause: &DisconnectCause| matches!(cause, DisconnectCause::Transport { .. });
    assert!(rig.causes().iter().all(end));
    assert!(rig.outcomes().is_empty());
}

/// Nothing is written a moment before the deadline of a shutdown that the wait
/// would outlast, and the message is reported.
#[test]
fn a_shutdown_does_not_wait_for_it() {
    let mut rig = back_again(with_keep_alive(Version::V5, 60));
    rig.forget_wire();
    rig.shutdown(Duration::from_secs(5));
    rig.advance(secs(5));
    assert_eq!(rig.client.state(), evenkeel_proto::State::Closed);
    assert_eq!(rig.outcomes().len(), 1);
}
