//! What is said of a rate that is used up (P3).

use evenkeel_proto::codec::Version;
use evenkeel_proto::{Event, RateLimit, SetBy};

use super::*;

fn named(version: Version) -> Config {
    let mut config = publishing(version, &[(10, secs(1))]);
    let limit = &mut config.rates.publish[0];
    limit.set_by = SetBy::Profile;
    limit.source = "the manual".into();
    config
}

fn told(rig: &mut Rig) -> Vec<String> {
    let events = rig.take_events();
    let reached = events.iter().filter(|event| matches!(event, Event::RateReached(_)));
    reached.map(ToString::to_string).collect()
}

/// P3.
#[test]
fn a_wait_of_a_second_is_told_once_with_name_value_and_source() {
    each_version(|version| {
        let mut rig = Rig::online(named(version));
        let begin = rig.now;
        for number in 0..800 {
            rig.publish("a", AtMostOnce, number);
        }
        rig.advance(millis(850));
        assert_eq!(told(&mut rig), [""; 0], "not for a moment");
        rig.advance(millis(200));
        let texts = told(&mut rig);
        assert_eq!(texts, ["publish_rate of 10 in 1s (the manual) is used up, 791 messages wait"]);
        let wait = rig.client.waits_for_rate().unwrap();
        assert_eq!((wait.limit.name.as_ref(), wait.limit.amount), ("publish_rate", 10));
        assert_eq!((wait.since, wait.queued), (begin, 790));
        assert_eq!(wait.next, Some(begin + millis(1100)));
        rig.advance(secs(59));
        assert_eq!(told(&mut rig), [""; 0], "not for each message");
        rig.advance(secs(2));
        assert_eq!(told(&mut rig).len(), 1, "and again after a minute");
        rig.advance(secs(60));
        assert_eq!(rig.client.waits_for_rate(), None);
    });
}

/// P3.
#[test]
fn a_rate_in_force_says_who_set_it() {
    each_version(|version| {
        let rig = Rig::online(named(version));
        let rates = rig.client.limits().unwrap().rates.clone().unwrap();
        let rates: Vec<&RateLimit> = rates.iter().collect();
        let [rate] = rates[..] else { panic!("{rates:?}") };
        assert_eq!((rate.set_by, rate.source.as_ref()), (SetBy::Profile, "the manual"));
        assert_eq!((rate.amount, rate.period), (10, secs(1)));
    });
}

#[test]
fn an_operation_that_waits_is_told_as_well() {
    let mut config = quiet(lasting(Version::V5));
    let limit = RateLimit::new("subscribe_packet_rate", 1, secs(5));
    config.rates.subscribe_packets = Some(limit);
    let mut rig = Rig::online(config);
    rig.subscribe(&[("a", AtMostOnce)], 1);
    assert_eq!(told(&mut rig), ["subscribe_packet_rate of 1 in 5s is used up"]);
}

/// The one that ends later, not a message's moment.
#[test]
fn of_two_waits_the_longer_one_is_told() {
    let mut config = publishing(Version::V5, &[(100, secs(1))]);
    config.rates.subscribe_packets = Some(RateLimit::new("subscribe_packet_rate", 1, secs(5)));
    let mut rig = Rig::online(config);
    rig.publish("a", AtMostOnce, 1);
    rig.subscribe(&[("a", AtMostOnce)], 2);
    assert_eq!(told(&mut rig), ["subscribe_packet_rate of 1 in 5s is used up, 1 messages wait"]);
    assert_eq!(rig.client.waits_for_rate().unwrap().limit.name, "subscribe_packet_rate");
}
