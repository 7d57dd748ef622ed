//! Servers that keep a client out which broke a limit (R15).

use std::time::Duration;

use evenkeel_proto::codec::{ReasonCode, Version};
use evenkeel_proto::{Ban, Config, Pace, State, TransportFailure};

use crate::reconnect::{live, policy};
use crate::support::*;

fn banning() -> Config {
    let ban = Ban { first: secs(30), longest: secs(100) };
    policy(|policy| policy.server.ban = Some(ban))
}

/// The wait after the end that just came, and the rule that set it.
fn wait(rig: &mut Rig) -> (Pace, Duration) {
    let (retry, delay) = rig.retries()[0];
    assert_eq!(rig.await_open(), delay);
    (retry.pace, delay)
}

#[test]
fn a_close_without_a_word_after_a_publish_is_a_ban() {
    each_version(|version| {
        for (published, ban) in [(false, true), (true, false), (true, true)] {
            let mut config = banning();
            config.version = version;
            if !ban {
                config.reconnect.server.ban = None;
            }
            let mut rig = Rig::online(config);
            if published {
                rig.publish("a", AtMostOnce, 1);
            }
            rig.cut();
            let (pace, delay) = wait(&mut rig);
            if published && ban {
                assert_eq!(pace, Pace::Ban);
                assert!((millis(30_500)..=secs(31)).contains(&delay), "{delay:?}");
            } else {
                assert_eq!(pace, Pace::BackOff);
                assert!(delay <= secs(1), "{delay:?}");
            }
        }
    });
}

#[test]
fn words_that_speak_of_a_rate_are_a_ban_and_others_are_not() {
    let ends = [
        (ReasonCode::QUOTA_EXCEEDED, true),
        (ReasonCode::MESSAGE_RATE_TOO_HIGH, true),
        (ReasonCode::SERVER_SHUTTING_DOWN, false),
        (ReasonCode::PACKET_TOO_LARGE, false),
    ];
    for (reason, bans) in ends {
        let mut rig = Rig::online(banning());
        rig.publish("a", AtMostOnce, 1);
        rig.send(&disconnect(reason));
        let (pace, delay) = wait(&mut rig);
        assert_eq!((pace == Pace::Ban, delay >= secs(30)), (bans, bans), "{reason:?}");
    }
    let mut rig = Rig::online(banning());
    rig.publish("a", AtMostOnce, 1);
    rig.drop_link(TransportFailure::TimedOut);
    assert_eq!(wait(&mut rig).0, Pace::BackOff, "the network alone");
}

/// A ban that is known to end is no refusal for good.
#[test]
fn a_connack_that_says_banned_is_waited_out() {
    let mut rig = Rig::started(banning());
    rig.accept_with(&refused(ReasonCode::BANNED));
    let (pace, delay) = wait(&mut rig);
    assert_eq!(pace, Pace::Ban);
    assert!((millis(30_500)..=secs(31)).contains(&delay), "{delay:?}");
    let mut rig = Rig::started(policy(|_| {}));
    rig.accept_with(&refused(ReasonCode::BANNED));
    assert!(matches!(rig.client.state(), State::Halted { .. }), "without a known end it is one");
}

#[test]
fn bans_grow_up_to_the_longest_until_a_connection_was_stable() {
    let mut rig = Rig::started(banning());
    for (ban, step) in [(30, 1), (60, 2), (100, 4), (100, 8)] {
        rig.accept_with(&accepted());
        rig.publish("a", AtMostOnce, 1);
        rig.cut();
        let (pace, delay) = wait(&mut rig);
        assert_eq!(pace, Pace::Ban);
        assert!((secs(ban)..=secs(ban + step)).contains(&delay), "{delay:?} of {ban}");
        rig.forget_wire();
    }
    rig.accept_with(&accepted());
    live(&mut rig, secs(30));
    rig.cut();
    let (_, delay) = wait(&mut rig);
    assert!((secs(30)..=secs(31)).contains(&delay), "{delay:?}: the first again");
}

#[test]
fn the_application_waits_for_the_end_of_a_ban_too() {
    let mut config = banning();
    config.version = Version::V311;
    let mut rig = Rig::online(config);
    rig.publish("a", AtMostOnce, 1);
    rig.cut();
    rig.advance(secs(10));
    rig.client.reconnect(rig.now);
    rig.settle();
    let State::Waiting { retry, .. } = rig.client.state() else { panic!("it waits") };
    assert_eq!(retry.pace, Pace::Ban);
    assert_eq!(rig.await_open(), secs(20));
}
