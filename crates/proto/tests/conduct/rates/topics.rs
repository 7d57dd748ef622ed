//! PUBLISH to one topic, and how many topics are counted.

use evenkeel_proto::RateLimit;
use evenkeel_proto::codec::Version;

use super::*;

fn per_topic(version: Version, amount: u32, period: Duration) -> Config {
    let mut config = quiet(lasting(version));
    let limit = RateLimit::new("publish_rate_per_topic", amount, period);
    config.rates.publish_per_topic = Some(limit);
    config
}

fn to(rig: &Rig, topic: &str) -> Vec<Instant> {
    rig.written(|packet| matches!(packet, Packet::Publish(publish) if publish.topic == text(topic)))
}

/// P2.
#[test]
fn each_topic_has_its_rate() {
    each_version(|version| {
        let mut rig = Rig::online(per_topic(version, 3, secs(1)));
        rig.advance(secs(1));
        for number in 0..40 {
            rig.publish("a", AtMostOnce, number);
            rig.publish("b", AtMostOnce, 100 + number);
        }
        rig.advance(secs(10));
        for topic in ["a", "b"] {
            let sent = to(&rig, topic);
            assert_eq!(most_in(secs(1), &sent), 3, "{topic}");
            assert!((30..=31).contains(&sent.len()), "{topic}: {}", sent.len());
        }
    });
}

/// Nothing overtakes a message that waits (D3).
#[test]
fn other_topics_wait_behind_it() {
    let mut rig = Rig::online(per_topic(Version::V5, 1, secs(10)));
    rig.advance(secs(10));
    for (number, topic) in ["a", "a", "b"].into_iter().enumerate() {
        rig.publish(topic, AtMostOnce, number as u64);
    }
    assert_eq!(rig.published().len(), 1);
    rig.advance(secs(10) - MICRO);
    assert_eq!(rig.published().len(), 1);
    rig.advance(MICRO);
    assert_eq!(to(&rig, "a").len(), 2);
    assert_eq!(to(&rig, "b").len(), 1, "and b goes with it");
}

/// The 1,025th topic waits until one is forgotten that has its whole rate again.
#[test]
fn a_topic_too_many_waits_until_another_is_forgotten() {
    let mut rig = Rig::online(per_topic(Version::V5, 1, secs(10)));
    rig.advance(secs(10));
    for number in 0..1024 {
        rig.publish(&format!("t/{number}"), AtMostOnce, number);
        if number == 511 {
            rig.advance(secs(4));
        }
    }
    assert_eq!(rig.published().len(), 1024);
    rig.publish("one/more", AtMostOnce, 1024);
    rig.publish("one/more", AtMostOnce, 1025);
    rig.advance(secs(6) - MICRO);
    assert_eq!(rig.published().len(), 1024, "none has its whole rate");
    rig.advance(MICRO);
    assert_eq!(rig.published().len(), 1025);
    rig.advance(secs(10) - MICRO);
    assert_eq!(to(&rig, "one/more").len(), 1, "its own rate counts from there");
    rig.advance(MICRO);
    assert_eq!(to(&rig, "one/more").len(), 2);
}

/// Forgetting a topic gives it nothing that it would not have.
#[test]
fn a_forgotten_topic_has_its_rate_and_no_more() {
    let mut rig = Rig::online(per_topic(Version::V5, 2, secs(10)));
    rig.advance(secs(20));
    for number in 0..3000_u64 {
        rig.publish(&format!("t/{}", number % 1500), AtMostOnce, number);
    }
    rig.advance(secs(100));
    for topic in ["t/0", "t/700", "t/1400"] {
        let sent = to(&rig, topic);
        assert_eq!(sent.len(), 2, "{topic}");
        assert!(most_in(secs(10), &sent) <= 2, "{topic}");
    }
}
