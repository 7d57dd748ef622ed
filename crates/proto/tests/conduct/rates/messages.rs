//! PUBLISH waits for its rates, and nothing else does.

use evenkeel_proto::codec::{Packet, QoS, Version};
use evenkeel_proto::{
    Accepted, Config, ConfigError, RateLimit, RejectReason, State, Timer, WhenFull, WhenUncertain,
};

use super::*;

/// A client that is online and has so many messages to publish.
fn busy(config: Config, qos: QoS, messages: u64) -> Rig {
    let mut rig = Rig::online(config);
    for number in 0..messages {
        rig.publish("a", qos, number);
    }
    rig
}

/// The server acknowledges all that has come.
fn acknowledge_all(rig: &mut Rig) {
    while let Some(packet) = rig.wire.pop_front() {
        match packet {
            Packet::Publish(publish) if publish.qos == AtLeastOnce => {
                rig.send(&puback(publish.packet_id.unwrap()));
            }
            Packet::Publish(publish) if publish.qos == ExactlyOnce => {
                rig.send(&pubrec(publish.packet_id.unwrap()));
            }
            Packet::PubRel(ack) => rig.send(&pubcomp(ack.packet_id)),
            _ => {}
        }
    }
}

fn seconds_of_work(rig: &mut Rig, seconds: u64) {
    for _ in 0..seconds * 100 {
        rig.advance(millis(10));
        acknowledge_all(rig);
    }
}

/// P2.
#[test]
fn of_a_hundred_a_second_97_to_100_go_out() {
    each_version(|version| {
        for qos in [AtMostOnce, AtLeastOnce, ExactlyOnce] {
            let mut rig = busy(publishing(version, &[(100, secs(1))]), qos, 6200);
            seconds_of_work(&mut rig, 60);
            let sent = rig.published();
            assert!((97 * 60..=100 * 60).contains(&sent.len()), "{qos:?}: {}", sent.len());
            assert!(most_in(secs(1), &sent) <= 100, "{qos:?}");
            assert!(most_in(MICRO, &sent) <= 10, "no burst");
        }
    });
}

/// P2, with a task that is not run, and with a transport that takes nothing.
#[test]
fn no_second_holds_more_after_a_stall() {
    each_version(|version| {
        for stall in [millis(7), millis(200), secs(5)] {
            for of_transport in [false, true] {
                let mut rig = busy(publishing(version, &[(100, secs(1))]), AtMostOnce, 6200);
                for _ in 0..6 {
                    rig.advance(millis(1300));
                    rig.writable = !of_transport;
                    if of_transport {
                        rig.advance(stall);
                    } else {
                        rig.jump(stall);
                    }
                    rig.unblock();
                }
                rig.advance(secs(10));
                let sent = rig.published();
                assert!(most_in(secs(1), &sent) <= 100, "{stall:?} {of_transport}");
                assert!(most_in(MICRO, &sent) <= 10, "{stall:?} {of_transport}");
                let least = 97 * (6 * 1300 + 10_000) / 1000;
                assert!(sent.len() >= least, "{stall:?} {of_transport}: {}", sent.len());
            }
        }
    });
}

/// Two stalls of 200 ms in a minute still leave 97 a second.
#[test]
fn a_short_stall_costs_no_more_than_its_time() {
    let mut rig = busy(publishing(Version::V5, &[(100, secs(1))]), AtMostOnce, 6200);
    rig.advance(secs(20));
    rig.jump(millis(200));
    rig.wake();
    rig.advance(millis(39_800));
    assert!(rig.published().len() >= 97 * 60, "{}", rig.published().len());
}

/// P2: a new connection begins with an empty bucket.
#[test]
fn no_second_holds_more_across_connections() {
    each_version(|version| {
        let mut config = publishing(version, &[(100, secs(1))]);
        config.reconnect.budget = None;
        let mut rig = busy(config, AtLeastOnce, 3000);
        for round in 1..30 {
            rig.advance(millis(40 * (round % 7)));
            if round % 3 == 0 {
                acknowledge_all(&mut rig);
            }
            rig.reconnect_with(&if round % 5 == 0 { accepted() } else { resumed() });
            rig.show_life();
        }
        let sent = rig.published();
        assert!(sent.len() > 60, "{}", sent.len());
        assert!(most_in(secs(1), &sent) <= 100);
        assert!(most_in(millis(10), &sent) <= 10);
        for (begin, conn) in rig.history.iter().filter_map(|(at, conn, packet)| {
            matches!(packet, Packet::Connect(_)).then_some((*at, *conn))
        }) {
            let here = |(at, of, packet): &&(_, _, Packet)| {
                *of == conn && *at <= begin + millis(10) && matches!(packet, Packet::Publish(_))
            };
            assert_eq!(rig.history.iter().filter(here).count(), 0, "it begins empty");
        }
    });
}

#[test]
fn what_is_sent_again_waits_and_keeps_its_order() {
    each_version(|version| {
        let mut rig = busy(publishing(version, &[(10, secs(1))]), AtLeastOnce, 5);
        rig.advance(secs(1));
        rig.reconnect_with(&resumed());
        rig.publish("new", AtLeastOnce, 5);
        rig.show_life();
        rig.forget_wire();
        let begin = rig.history.len();
        for _ in 0..100 {
            rig.advance(millis(10));
            acknowledge_all(&mut rig);
        }
        let (again, rest): (Vec<_>, Vec<_>) = rig.history[begin..]
            .iter()
            .filter_map(|(at, _, packet)| match packet {
                Packet::Publish(publish) => Some((*at, publish)),
                _ => None,
            })
            .partition(|(_, publish)| publish.dup);
        let ids: Vec<_> = again.iter().map(|(_, publish)| publish.packet_id.unwrap()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5].map(id), "all of them, in their first order");
        let mut at: Vec<_> = again.iter().chain(&rest).map(|(at, _)| *at).collect();
        at.dedup();
        assert_eq!(at.len(), 6, "one after the other");
        assert!(at.windows(2).all(|two| two[1].since(two[0]) >= millis(100)), "{at:?}");
        assert_eq!(rest[0].1.topic, text("new"), "what is new comes last");
    });
}

/// With one token in 1,000 s, everything else goes at once.
#[test]
fn what_keeps_the_connection_going_never_waits() {
    each_version(|version| {
        let mut config = publishing(version, &[(1, secs(1000))]);
        config.connect.keep_alive = 60;
        let mut rig = Rig::online(config);
        rig.publish("a", ExactlyOnce, 1);
        rig.publish("b", AtMostOnce, 2);
        let answer_ping = |rig: &mut Rig| {
            if let Some(Packet::PingReq) = rig.wire.pop_front() {
                rig.send(&Packet::PingResp);
            }
        };
        let begin = rig.now;
        while rig.now.since(begin) < secs(1000) {
            rig.advance(secs(1));
            if !rig.wire.is_empty() && rig.published().is_empty() {
                answer_ping(&mut rig);
            }
        }
        assert!(rig.pings().len() > 10, "pings go out meanwhile");
        while matches!(rig.wire.front(), Some(Packet::PingReq)) {
            answer_ping(&mut rig);
        }
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(id));
        assert_eq!(rig.expect(), pubrel(id), "PUBREL");
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        let key = rig.message().ack.unwrap();
        rig.acknowledge(key, evenkeel_proto::codec::ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), pubrec(self::id(9)), "PUBREC");
        rig.subscribe(&[("s", AtMostOnce)], 3);
        rig.expect_subscribe();
        assert_eq!(rig.published().len(), 1, "the second waits for the next token");
    });
}

#[test]
fn the_policy_for_a_full_queue_decides() {
    each_version(|version| {
        let mut config = publishing(version, &[(10, secs(1))]);
        config.queue.messages = 3;
        config.queue.when_full = WhenFull::Refuse;
        let mut rig = busy(config.clone(), AtMostOnce, 3);
        let refused = rig.try_publish(publish("a", "hello", AtMostOnce), 3);
        assert!(matches!(refused, Err(RejectReason::QueueFull { .. })), "{refused:?}");
        rig.advance(millis(100));
        assert_eq!(rig.publish("a", AtMostOnce, 4), Accepted::Tracked, "one token, one place");
        config.queue.when_full = WhenFull::DropOldest;
        let mut rig = busy(config, AtMostOnce, 5);
        rig.advance(secs(1));
        assert_eq!(rig.published().len(), 3, "the oldest have given way");
        assert_eq!(rig.stats().dropped, 2);
    });
}

/// One deadline, one wake-up.
#[test]
fn the_client_wakes_when_the_next_token_comes() {
    let mut rig = busy(publishing(Version::V5, &[(10, secs(1))]), AtMostOnce, 2);
    assert_eq!(rig.until(Timer::Rate), millis(100));
    rig.advance(millis(100) - MICRO);
    assert!(rig.published().is_empty(), "not before");
    assert_eq!(rig.until(Timer::Rate), MICRO);
    rig.advance(MICRO);
    assert_eq!(rig.published().len(), 1);
    assert_eq!(rig.until(Timer::Rate), millis(100));
    rig.advance(secs(1));
    assert_eq!(rig.published().len(), 2);
    assert_eq!(rig.deadline, None, "nothing waits any more");
}

/// A connection that was idle has a token at once.
#[test]
fn a_message_with_a_token_goes_at_once() {
    each_version(|version| {
        for qos in [AtMostOnce, AtLeastOnce, ExactlyOnce] {
            let mut rig = Rig::online(publishing(version, &[(1, secs(60))]));
            rig.advance(secs(60));
            rig.publish("a", qos, 1);
            assert_eq!(rig.published().len(), 1);
            rig.publish("a", qos, 2);
            rig.advance(secs(60) - MICRO);
            assert_eq!(rig.published().len(), 1);
            rig.advance(MICRO);
            assert_eq!(rig.published().len(), 2);
        }
    });
}

#[test]
fn payloads_that_are_borrowed_wait_as_well() {
    let mut rig = Rig::online(publishing(Version::V5, &[(1, secs(60))]));
    let head = publish("a", "", AtMostOnce);
    let priority = evenkeel_proto::record::Priority::default();
    let accepted = rig.client.publish_slice(rig.now, &head, b"first", priority, None);
    assert_eq!(accepted, Ok(Accepted::Tracked));
    rig.wake();
    assert!(rig.published().is_empty());
    rig.advance(secs(60));
    assert_eq!(&rig.expect_publish().payload[..], b"first");
}

#[test]
fn identifiers_that_are_told_at_once_are_those_of_later() {
    let mut rig = Rig::online(publishing(Version::V5, &[(1, secs(60))]));
    let priority = evenkeel_proto::record::Priority::default();
    let mut message = publish("a", "hello", AtLeastOnce);
    let told = rig.client.publish_identified(rig.now, &mut message, priority, None);
    let (accepted, told) = told.unwrap();
    assert_eq!(accepted, Accepted::Tracked);
    rig.wake();
    assert!(rig.published().is_empty());
    rig.advance(secs(60));
    assert_eq!(rig.expect_publish().packet_id, Some(told));
}

#[test]
fn all_windows_hold() {
    each_version(|version| {
        let windows = [(5, secs(1)), (60, secs(60)), (600, secs(3600))];
        let mut rig = busy(publishing(version, &windows), AtMostOnce, 2000);
        rig.advance(secs(2 * 3600));
        let sent = rig.published();
        for (amount, window) in windows {
            let most = most_in(window, &sent);
            assert!(most <= amount as usize, "{most} in {window:?}");
        }
        // The longest window is the tightest: 591 an hour.
        assert!(sent.len() >= 2 * 580, "{}", sent.len());
    });
}

#[test]
fn an_expired_message_takes_no_token() {
    let mut rig = Rig::online(publishing(Version::V5, &[(1, secs(60))]));
    let mut expiring = publish("old", "", AtLeastOnce);
    expiring.properties.push(evenkeel_proto::codec::Property::MessageExpiryInterval(10));
    rig.try_publish(expiring, 1).unwrap();
    rig.publish("good", AtLeastOnce, 2);
    rig.advance(secs(60));
    assert_eq!(rig.expect_publish().topic, text("good"));
    assert_eq!(rig.stats().expired, 1);
}

/// What has no token by then is left, and said so.
#[test]
fn a_shutdown_ends_in_its_time() {
    let mut rig = busy(publishing(Version::V5, &[(10, secs(1))]), AtMostOnce, 30);
    rig.shutdown(secs(1));
    rig.advance(secs(1));
    assert_eq!(rig.client.state(), State::Closed);
    // The tenth would have its token with the end.
    assert_eq!(rig.published().len(), 9);
    assert_eq!(rig.outcomes().len(), 30, "each has its outcome");
}

#[test]
fn a_rate_of_nothing_is_refused() {
    for (amount, period) in [(0, secs(1)), (1, secs(0))] {
        let mut config = config(Version::V5);
        config.rates.bytes = Some(RateLimit::new("byte_rate", amount, period));
        assert_eq!(config.validate(), Err(ConfigError::Rate), "{amount} in {period:?}");
    }
}

#[test]
fn without_a_rate_nothing_waits() {
    let mut rig = busy(quiet(config(Version::V5)), AtMostOnce, 1000);
    assert_eq!(rig.published().len(), 1000);
    assert_eq!(rig.client.waits_for_rate(), None);
    rig.advance(secs(1));
    assert_eq!(rig.deadline, None);
}

/// P2: also what is sent anew, as the server may have lost it behind PUBREC.
#[test]
fn what_is_sent_anew_waits_for_its_rate() {
    each_version(|version| {
        for durable in [false, true] {
            let mut config = publishing(version, &[(1, secs(1))]);
            config.when_uncertain = WhenUncertain::SendAnew;
            let mut rig = if durable { Rig::durable_online(config) } else { Rig::online(config) };
            rig.publish("a", ExactlyOnce, 1);
            rig.advance(secs(2));
            let id = rig.expect_publish().packet_id.unwrap();
            rig.send(&pubrec(id));
            assert_eq!(rig.expect(), pubrel(id));
            rig.cut();
            rig.await_open();
            // Its CONNACK is lost.
            rig.accept();
            rig.reconnect_with(&resumed());
            assert_eq!(rig.expect(), pubrel(id));
            rig.send(&pubcomp(id));
            rig.publish("later", ExactlyOnce, 2);
            rig.advance(secs(1) - MICRO);
            rig.expect_nothing();
            rig.advance(MICRO);
            let anew = rig.expect_publish();
            assert_eq!((&*anew.topic, anew.dup, anew.packet_id), ("a", false, Some(id)));
            rig.send(&pubrec(id));
            assert_eq!(rig.expect(), pubrel(id));
            rig.advance(secs(2));
            assert_eq!(rig.expect_publish().topic, "later", "in their order");
        }
    });
}
