//! The floor from CONNECT to CONNECT, to which the back-off is added (R2).

use evenkeel_proto::codec::Version;
use evenkeel_proto::{Pace, State, TransportFailure};

use crate::reconnect::{connects, live, policy};
use crate::support::*;

/// A judge who sees CONNACK followed by a cut wants growing distances with
/// jitter, whatever the floor.
#[test]
fn distances_grow_and_vary_above_the_floor() {
    each_version(|version| {
        let mut firsts = Vec::new();
        for seed in 0..40 {
            let mut config = policy(|policy| policy.floor = secs(11));
            config.version = version;
            let mut rig = Rig::seeded(config, seed);
            rig.client.start(rig.now);
            rig.settle();
            for _ in 0..8 {
                rig.accept_with(&accepted());
                rig.cut();
                rig.await_open();
            }
            rig.accept();
            let connects = connects(&rig);
            let gaps: Vec<_> = connects.windows(2).map(|pair| pair[1].since(pair[0])).collect();
            for (high, gap) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().zip(&gaps) {
                let (low, high) = (secs(11) + secs(high) / 2, millis(12_100) + secs(high));
                assert!((low..=high).contains(gap), "{gap:?} of {gaps:?}");
            }
            assert!(gaps[7] > 3 * gaps[0], "no judge calls this constant: {gaps:?}");
            firsts.push(gaps[0]);
        }
        firsts.sort();
        firsts.dedup();
        assert!(firsts.len() > 35 && firsts[firsts.len() - 1] - firsts[0] > secs(1), "{firsts:?}");
    });
}

#[test]
fn the_floor_holds_after_a_life_that_is_short_by_the_policy() {
    for short_life in [secs(10), secs(30)] {
        for (lived, floored) in [(secs(0), true), (short_life - MICRO, true), (short_life, false)] {
            let mut rig = Rig::started(policy(|policy| {
                (policy.floor, policy.short_life) = (secs(40), short_life);
            }));
            rig.accept_with(&accepted());
            live(&mut rig, lived);
            rig.cut();
            let (retry, _) = rig.retries()[0];
            let gap = retry.at.since(rig.opens[0].0);
            let (pace, low, high) = if floored {
                (Pace::Floor, millis(40_500), secs(45))
            } else {
                (Pace::BackOff, lived + millis(500), lived + secs(1))
            };
            assert_eq!(retry.pace, pace, "{lived:?}");
            assert!((low..=high).contains(&gap), "{gap:?} after {lived:?}");
        }
    }
}

#[test]
fn the_spacing_holds_after_long_lives_too() {
    let mut rig = Rig::started(policy(|policy| policy.spacing = secs(60)));
    rig.accept_with(&accepted());
    live(&mut rig, secs(50));
    rig.cut();
    let (retry, _) = rig.retries()[0];
    assert_eq!(retry.pace, Pace::Floor);
    let gap = retry.at.since(rig.opens[0].0);
    assert!((millis(60_500)..=secs(67)).contains(&gap), "{gap:?}");
    rig.await_open();
    rig.accept_with(&accepted());
    live(&mut rig, secs(66));
    rig.cut();
    let (retry, delay) = rig.retries()[0];
    assert_eq!(retry.pace, Pace::BackOff);
    assert!(delay <= secs(1), "{delay:?}");
}

/// Name, proxy and TLS take their time before CONNECT.
#[test]
fn the_floor_counts_from_connect_to_connect() {
    let mut rig = Rig::started(policy(|policy| policy.floor = secs(11)));
    rig.advance(secs(9));
    rig.accept_with(&accepted());
    rig.cut();
    rig.await_open();
    rig.accept();
    let connects = connects(&rig);
    let gap = connects[1].since(connects[0]);
    assert!((millis(11_500)..=millis(13_100)).contains(&gap), "{gap:?}");
}

#[test]
fn an_attempt_that_sent_no_connect_has_no_floor() {
    let mut rig = Rig::started(policy(|policy| policy.floor = secs(11)));
    rig.drop_link(TransportFailure::Refused);
    assert!(rig.await_open() <= secs(1));
    rig.accept_with(&accepted());
    rig.cut();
    let wait = rig.await_open();
    assert!(wait >= secs(11), "{wait:?} after CONNECT");
    rig.drop_link(TransportFailure::Refused);
    let wait = rig.await_open();
    assert!(wait <= secs(4), "{wait:?}: the floor after that CONNECT is over");
}

#[test]
fn the_wait_for_connack_is_part_of_the_floor() {
    for version in [Version::V311, Version::V5] {
        let mut config = policy(|policy| policy.floor = secs(31));
        config.version = version;
        let mut rig = Rig::started(config);
        rig.accept();
        rig.advance(secs(30));
        let (retry, delay) = rig.retries()[0];
        assert_eq!(retry.pace, Pace::Floor);
        assert!((millis(1500)..=millis(5100)).contains(&delay), "{delay:?}: a second is left");
    }
    let mut rig = Rig::started(policy(|policy| policy.floor = secs(27)));
    rig.accept();
    rig.advance(secs(30));
    let (retry, delay) = rig.retries()[0];
    assert_eq!(retry.pace, Pace::BackOff, "nothing is left of it");
    assert!(delay <= secs(1), "{delay:?}");
}

#[test]
fn the_floor_holds_for_the_applications_wishes_too() {
    let mut rig = Rig::started(policy(|policy| policy.floor = secs(11)));
    rig.accept_with(&accepted());
    rig.client.reconnect(rig.now);
    rig.settle();
    rig.client.reconnect(rig.now);
    rig.settle();
    let State::Waiting { retry, .. } = rig.client.state() else { panic!() };
    assert_eq!(retry.pace, Pace::Floor);
    assert!(rig.await_open() >= secs(11));
    let mut settings = policy(|policy| policy.floor = secs(11));
    settings.fallback = true;
    let mut rig = Rig::started(settings);
    rig.accept();
    rig.send_bytes(&[0x20, 2, 0, 1]);
    assert!(rig.await_open() >= secs(11), "nor does a fallback pass it");
}
