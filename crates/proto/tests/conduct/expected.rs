//! A server that wants to see so many CONNECTs while it answers none (R18).

use std::time::Duration;

use evenkeel_proto::codec::{Packet, Version};
use evenkeel_proto::profile::aws_iot_core;
use evenkeel_proto::{Config, DisconnectCause};

use crate::reconnect::connects;
use crate::support::*;

const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

fn aws(version: Version) -> Config {
    let mut config = lasting(version);
    config.fallback = false;
    config.connect.keep_alive = 60;
    config.obey(&aws_iot_core()).unwrap();
    config
}

/// The link is up, CONNECT is written, and nothing comes back until the client
/// gives up; returns how long it has waited.
fn ignore(rig: &mut Rig) -> Duration {
    rig.accept();
    let asked = rig.now;
    while rig.link.is_some() {
        let due = rig.deadline.unwrap().at.since(rig.now);
        rig.advance(due);
    }
    rig.now.since(asked)
}

/// Times between CONNECTs.
fn gaps(rig: &Rig) -> Vec<Duration> {
    connects(rig).windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

/// Device Advisor's MQTT_Connect_Jitter_Backoff_Retries, as far as a clock can tell.
#[test]
fn twelve_connects_come_within_what_a_judge_waits_for() {
    for version in VERSIONS {
        for seed in 0..500 {
            let mut rig = Rig::seeded(aws(version), seed);
            rig.client.start(rig.now);
            rig.settle();
            for _round in 0..2 {
                for _ in 0..5 {
                    assert_eq!(ignore(&mut rig), secs(10));
                    rig.await_open();
                }
                rig.accept_with(&accepted());
                rig.advance(secs(1));
                rig.cut();
                rig.await_open();
            }
            let gaps = &gaps(&rig)[..11];
            let all: Duration = gaps.iter().sum();
            assert!(all <= secs(286), "{all:?}: {gaps:?}");
            assert!(gaps.iter().all(|gap| *gap >= secs(11)), "{gaps:?}");
            for round in [&gaps[..5], &gaps[6..]] {
                let (least, most) = (round.iter().min().unwrap(), round.iter().max().unwrap());
                assert!(*most - *least > millis(1200), "no judge finds them equal: {round:?}");
            }
        }
    }
}

#[test]
fn after_so_many_attempts_the_usual_growth_goes_on() {
    let mut rig = Rig::started(aws(Version::V5));
    for _ in 0..16 {
        ignore(&mut rig);
        rig.await_open();
    }
    rig.accept();
    let gaps = gaps(&rig);
    assert!(gaps[..11].iter().all(|gap| *gap <= millis(46_100)), "{gaps:?}");
    assert!(gaps[11..].iter().all(|gap| *gap >= secs(60)), "half a minute behind the time-out");
}

/// A link so slow that CONNACK needs twenty seconds.
#[test]
fn a_server_that_is_slow_is_reached_and_then_given_its_time() {
    let mut rig = Rig::started(aws(Version::V5));
    for _ in 0..5 {
        assert_eq!(ignore(&mut rig), secs(10));
        rig.await_open();
    }
    for _ in 0..3 {
        rig.accept();
        rig.advance(secs(20));
        rig.send(&Packet::ConnAck(accepted()));
        assert!(rig.client.state().is_online());
        rig.cut();
        rig.await_open();
    }
    assert_eq!(ignore(&mut rig), secs(30), "as long as the connect time-out");
    rig.await_open();
    rig.accept_with(&accepted());
    rig.cut();
    rig.await_open();
    assert_eq!(ignore(&mut rig), secs(10), "it has been quick again");
}

#[test]
fn a_server_that_never_answers_is_waited_for_in_every_sixth_attempt() {
    let mut rig = Rig::started(aws(Version::V5));
    for attempt in 1..=12 {
        let wait = if attempt % 6 == 0 { 30 } else { 10 };
        assert_eq!(ignore(&mut rig), secs(wait), "{attempt}");
        rig.await_open();
    }
}

#[test]
fn the_wait_begins_with_connect_and_the_connect_time_out_bounds_it() {
    let mut rig = Rig::started(aws(Version::V5));
    // Name, TCP and TLS take their time.
    rig.advance(secs(25));
    assert_eq!(ignore(&mut rig), secs(5), "the attempt has half a minute in all");
    let mut config = aws(Version::V5);
    config.connect_timeout = secs(3);
    let mut rig = Rig::started(config);
    assert_eq!(ignore(&mut rig), secs(3));
    let cause = rig.cause();
    let DisconnectCause::ConnectTimeout { after, .. } = cause else { panic!("{cause:?}") };
    assert_eq!(after, secs(3));
}

#[test]
fn without_a_profile_nothing_of_it_applies() {
    let mut rig = Rig::started(lasting(Version::V5));
    assert_eq!(ignore(&mut rig), secs(30));
}
