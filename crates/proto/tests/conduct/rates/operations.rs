//! SUBSCRIBE and UNSUBSCRIBE wait for their rates.

use evenkeel_proto::RateLimit;
use evenkeel_proto::codec::Version;

use super::*;

fn packets(version: Version, amount: u32) -> Config {
    let mut config = quiet(lasting(version));
    config.bounds.filters_per_packet = 2;
    let limit = RateLimit::new("subscribe_packet_rate", amount, secs(1));
    config.rates.subscribe_packets = Some(limit);
    config
}

fn operations(rig: &Rig) -> Vec<Instant> {
    rig.written(|packet| matches!(packet, Packet::Subscribe(_) | Packet::Unsubscribe(_)))
}

fn answer_all(rig: &mut Rig) {
    while let Some(packet) = rig.wire.pop_front() {
        match packet {
            Packet::Subscribe(subscribe) => {
                let codes = vec![0; subscribe.filters.len()];
                rig.send(&suback(subscribe.packet_id, &codes));
            }
            Packet::Unsubscribe(unsubscribe) => {
                let codes = vec![0; unsubscribe.filters.len()];
                rig.send(&unsuback(unsubscribe.packet_id, &codes));
            }
            _ => {}
        }
    }
}

/// P2: in parts, with their answers in between, and in order.
#[test]
fn subscribe_and_unsubscribe_have_one_rate() {
    each_version(|version| {
        let mut rig = Rig::online(packets(version, 4));
        let names: Vec<String> = (0..7).map(|number| format!("f/{number}")).collect();
        let filters: Vec<_> = names.iter().map(|name| (name.as_str(), AtMostOnce)).collect();
        rig.subscribe(&filters, 1);
        rig.unsubscribe(&["f/0", "f/1", "f/2"], 2);
        rig.publish("free", AtMostOnce, 3);
        assert_eq!(rig.published().len(), 1, "messages do not wait for it");
        for _ in 0..300 {
            rig.advance(millis(10));
            answer_all(&mut rig);
        }
        let sent = operations(&rig);
        assert_eq!(sent.len(), 4 + 2);
        assert!(most_in(secs(1), &sent) <= 4);
        assert!(sent.windows(2).all(|two| two[1].since(two[0]) >= millis(240)), "{sent:?}");
        assert_eq!(rig.outcomes().len(), 2, "each operation has its outcome");
    });
}

/// P2: lost subscriptions are restored within it, too.
#[test]
fn a_restored_session_keeps_the_rate() {
    each_version(|version| {
        let mut rig = Rig::online(packets(version, 4));
        let names: Vec<String> = (0..12).map(|number| format!("f/{number}")).collect();
        let filters: Vec<_> = names.iter().map(|name| (name.as_str(), AtMostOnce)).collect();
        rig.subscribe(&filters, 1);
        for _ in 0..300 {
            rig.advance(millis(10));
            answer_all(&mut rig);
        }
        rig.reconnect_with(&accepted());
        let begin = rig.now;
        assert_eq!(operations(&rig).len(), 6, "the bucket begins empty");
        for _ in 0..300 {
            rig.advance(millis(10));
            answer_all(&mut rig);
        }
        let sent = operations(&rig);
        assert_eq!(sent.len(), 12);
        assert!(sent[6].since(begin) >= millis(250), "{sent:?}");
        assert!(most_in(secs(1), &sent) <= 4);
    });
}

/// A share of an account's rate: filters are counted, and packets split by it.
#[test]
fn filters_have_a_rate_of_their_own() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        let limit = RateLimit::new("account_subscribe_rate", 10, secs(1));
        config.rates.subscribe_filters = Some(limit);
        let mut rig = Rig::online(config);
        let names: Vec<String> = (0..40).map(|number| format!("f/{number}")).collect();
        let filters: Vec<_> = names.iter().map(|name| (name.as_str(), AtMostOnce)).collect();
        rig.subscribe(&filters, 1);
        for _ in 0..800 {
            rig.advance(millis(10));
            answer_all(&mut rig);
        }
        let mut sent = Vec::new();
        for (at, _, packet) in &rig.history {
            if let Packet::Subscribe(subscribe) = packet {
                sent.extend(subscribe.filters.iter().map(|_| *at));
            }
        }
        assert_eq!(sent.len(), 40);
        assert!(most_in(secs(1), &sent) <= 10, "{}", most_in(secs(1), &sent));
        // It does not count what is given up.
        let before = rig.now;
        rig.unsubscribe(&["f/0", "f/1", "f/2", "f/3", "f/4", "f/5", "f/6", "f/7"], 2);
        rig.unsubscribe(&["f/8"], 3);
        assert_eq!(operations(&rig).iter().filter(|at| **at == before).count(), 2);
    });
}

/// Both sides of the bound.
#[test]
fn an_operation_with_a_token_goes_at_once() {
    each_version(|version| {
        let mut rig = Rig::online(packets(version, 1));
        rig.advance(secs(1) - MICRO);
        rig.subscribe(&[("a", AtMostOnce)], 1);
        assert_eq!(operations(&rig).len(), 0);
        rig.advance(MICRO);
        assert_eq!(operations(&rig).len(), 1);
        rig.advance(secs(1));
        rig.subscribe(&[("b", AtMostOnce)], 2);
        assert_eq!(operations(&rig).len(), 2);
    });
}

/// What waits for a rate of filters is at the front, and no such rate holds up the
/// rest of an UNSUBSCRIBE that comes before it.
#[test]
fn an_unsubscribe_does_not_wait_for_filters() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.rates.subscribe_filters = Some(RateLimit::new("filters", 1, secs(900)));
        let mut rig = Rig::online(config);
        // No packet has more filters than the rate.
        rig.unsubscribe(&["a", "b"], 1);
        let first = rig.expect_unsubscribe();
        rig.subscribe(&[("c", AtMostOnce)], 2);
        rig.expect_nothing();
        rig.send(&unsuback(first.packet_id, &[0]));
        assert_eq!(rig.expect_unsubscribe().filters, [filter("b")]);
        rig.advance(secs(900) - MICRO);
        rig.expect_nothing();
        rig.advance(MICRO);
        rig.expect_subscribe();
    });
}
