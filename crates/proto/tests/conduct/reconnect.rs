//! When the client connects again, and why not sooner.

use std::time::Duration;

use evenkeel_proto::codec::{Packet, Property, ReasonCode, Version};
use evenkeel_proto::{
    CauseClass, Config, DisconnectCause, Event, Halt, Instant, Pace, Reconnect, RefusedPolicy,
    Repetition, State, TakeOverPolicy, TransportFailure,
};

use crate::support::*;

pub(crate) fn policy(change: impl FnOnce(&mut Reconnect)) -> Config {
    let mut config = quiet(config(Version::V5));
    change(&mut config.reconnect);
    config
}

/// Most connects in any window of this length, half open.
fn most_within(opens: &[Instant], window: Duration) -> usize {
    let count = |first: usize| {
        opens[first..].iter().take_while(|at| at.since(opens[first]) < window).count()
    };
    (0..opens.len()).map(count).max().unwrap_or(0)
}

fn opens(rig: &Rig) -> Vec<Instant> {
    rig.opens.iter().map(|(at, _)| *at).collect()
}

/// When each CONNECT was written.
pub(crate) fn connects(rig: &Rig) -> Vec<Instant> {
    let sent = rig.history.iter().filter(|(_, _, packet)| matches!(packet, Packet::Connect(_)));
    sent.map(|(at, _, _)| *at).collect()
}

/// The connection does useful work, and lives so long.
pub(crate) fn live(rig: &mut Rig, span: Duration) {
    rig.publish("a", AtLeastOnce, 0);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.send(&puback(packet_id));
    rig.advance(span);
    rig.forget_wire();
}

#[test]
fn a_server_that_closes_after_every_connack_is_not_stormed() {
    each_version(|version| {
        for seed in 0..20 {
            let mut rig = Rig::seeded(quiet(config(version)), seed);
            rig.client.start(rig.now);
            rig.settle();
            let begin = rig.now;
            while rig.now.since(begin) < secs(3600) {
                rig.await_open();
                rig.accept_with(&accepted());
                rig.cut();
            }
            let opens = opens(&rig);
            assert!(most_within(&opens, secs(60)) <= 8, "R2");
            assert!(opens.len() < 120, "{} in an hour", opens.len());
            assert!(opens.len() > 60, "and it never gives up");
            let gaps: Vec<_> = opens.windows(2).map(|pair| pair[1].since(pair[0])).collect();
            let mut different = gaps[10..].to_vec();
            different.sort();
            different.dedup();
            assert!(different.len() > 20, "jitter is visible");
            let span = *different.last().unwrap() - different[0];
            assert!(span > secs(10), "{span:?}");
        }
    });
}

#[test]
fn the_first_retry_after_a_long_life_comes_within_a_second() {
    each_version(|version| {
        for seed in 0..50 {
            let mut rig = Rig::seeded(quiet(config(version)), seed);
            rig.client.start(rig.now);
            rig.settle();
            // A bad time first, which a stable connection makes good.
            for _ in 0..10 {
                rig.drop_link(TransportFailure::Unreachable);
                rig.await_open();
            }
            rig.accept_with(&accepted());
            live(&mut rig, secs(3600));
            rig.cut();
            let wait = rig.await_open();
            assert!((millis(500)..=secs(1)).contains(&wait), "{wait:?}");
        }
    });
}

#[test]
fn delays_double_with_jitter_above_a_floor_up_to_the_cap() {
    for seed in 0..50 {
        let mut rig = Rig::seeded(quiet(config(Version::V5)), seed);
        rig.client.start(rig.now);
        rig.settle();
        for high in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            rig.drop_link(TransportFailure::Refused);
            let retries = rig.retries();
            let [(retry, delay)] = retries[..] else { panic!("{retries:?}") };
            assert_eq!(rig.await_open(), delay);
            match retry.pace {
                Pace::BackOff => {
                    assert!((secs(high) / 2..=secs(high)).contains(&delay), "{delay:?} of {high}");
                }
                pace => assert_eq!(pace, Pace::Budget),
            }
        }
    }
}

#[test]
fn back_off_is_reset_by_stability_and_useful_work_together() {
    // Length of life, and whether anything useful happened.
    let cases = [
        (secs(30), true, true),
        (secs(30) - MICRO, true, false),
        (secs(3600), false, false),
        (secs(0), true, false),
    ];
    for (lived, useful, resets) in cases {
        let mut rig = Rig::started(policy(|_| {}));
        for _ in 0..5 {
            rig.drop_link(TransportFailure::Refused);
            rig.await_open();
        }
        rig.take_events();
        rig.accept_with(&accepted());
        if useful {
            live(&mut rig, lived);
        } else {
            rig.advance(lived);
        }
        rig.cut();
        let (retry, delay) = rig.retries()[0];
        assert_eq!(retry.attempt == 1, resets, "{lived:?}, useful: {useful}");
        // After useful work the wait is no longer than the life was, or the first.
        let short = resets || useful && lived.is_zero();
        assert_eq!(delay <= secs(1), short, "{delay:?}");
    }
}

/// Once the connection is as old as a ping makes it that is not the first: that
/// one may come at any time.
#[test]
fn a_ping_answered_is_useful_work() {
    for (age, is_useful) in [(millis(40_500) - MICRO, false), (millis(40_500), true)] {
        let mut config = config(Version::V5);
        config.connect.keep_alive = 60;
        let mut rig = Rig::started(config);
        for _ in 0..5 {
            rig.drop_link(TransportFailure::Refused);
            rig.await_open();
        }
        rig.accept_with(&accepted());
        rig.advance(age - secs(1));
        rig.client.probe(rig.now);
        rig.settle();
        rig.advance(secs(1));
        rig.send(&Packet::PingResp);
        rig.cut();
        assert_eq!(rig.await_open() <= secs(1), is_useful, "after {age:?}");
    }
}

/// A client that does not read gives a ping up, as its answer may lie unread. If it does,
/// the server has done its part.
#[test]
fn the_answer_to_a_ping_that_was_given_up_is_useful_work() {
    let mut config = config(Version::V5);
    config.connect.keep_alive = 60;
    config.keep_alive.response_timeout = Some(secs(5));
    config.bounds.inbox_messages = 1;
    let mut rig = Rig::started(config);
    for _ in 0..5 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    rig.accept_with(&accepted());
    rig.advance(millis(40_500));
    rig.client.probe(rig.now);
    rig.settle();
    rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
    rig.advance(secs(6));
    rig.send(&Packet::PingResp);
    rig.message();
    rig.read();
    assert_eq!((rig.stats().pongs, rig.stats().pongs_unsolicited), (0, 1));
    rig.cut();
    assert!(rig.await_open() <= secs(1));
}

#[test]
fn a_subscription_granted_is_useful_work() {
    let mut rig = Rig::started(policy(|_| {}));
    for _ in 0..5 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    rig.accept_with(&accepted());
    rig.subscribe(&[("a", AtMostOnce)], 1);
    let packet_id = rig.expect_subscribe().packet_id;
    rig.send(&suback(packet_id, &[0]));
    rig.advance(secs(31));
    rig.cut();
    assert!(rig.await_open() <= secs(1));
}

#[test]
fn connack_alone_resets_nothing() {
    let mut rig = Rig::started(policy(|_| {}));
    let mut waits = Vec::new();
    for _ in 0..6 {
        rig.accept_with(&accepted());
        rig.cut();
        waits.push(rig.await_open());
    }
    assert!(waits[5] >= secs(16), "{waits:?} (R3)");
}

#[test]
fn without_jitter_each_delay_is_exact_and_without_a_budget_nothing_else_is_in_the_way() {
    for seed in 0..10 {
        let mut settings = policy(|policy| {
            (policy.base, policy.cap) = (secs(1), secs(1));
            (policy.jitter, policy.budget) = (false, None);
        });
        settings.servers = 1;
        let mut rig = Rig::seeded(settings, seed);
        rig.client.start(rig.now);
        rig.settle();
        for _ in 0..200 {
            rig.drop_link(TransportFailure::Refused);
            assert_eq!(rig.await_open(), secs(1), "seed {seed}");
        }
        rig.accept_with(&refused(ReasonCode::QUOTA_EXCEEDED));
        assert_eq!(rig.await_open(), secs(1), "a throttled client waits for the period");
    }
}

#[test]
fn without_jitter_back_off_doubles_up_to_the_cap() {
    let mut rig = Rig::started(policy(|policy| policy.jitter = false));
    let waits: Vec<_> = (0..8)
        .map(|_| {
            rig.drop_link(TransportFailure::Refused);
            rig.await_open()
        })
        .collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60].map(secs));
    let mut floored = Rig::started(policy(|policy| {
        (policy.jitter, policy.floor) = (false, secs(11));
    }));
    floored.accept_with(&accepted());
    floored.cut();
    assert_eq!(floored.await_open(), secs(12), "the floor and then the back-off, exactly");
}

/// A budget of zero would never connect.
#[test]
fn a_budget_of_zero_is_one() {
    let mut rig = Rig::started(policy(|policy| policy.budget = Some(0)));
    for _ in 0..3 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    assert_eq!(most_within(&opens(&rig), secs(60)), 1);
}

#[test]
fn the_budget_is_exact() {
    // A policy without any back-off: the budget alone is in the way.
    let mut rig = Rig::started(policy(|policy| {
        policy.base = secs(0);
        policy.budget = Some(5);
        policy.budget_window = secs(10);
    }));
    for _ in 0..100 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    let opens = opens(&rig);
    assert_eq!(most_within(&opens, secs(10)), 5);
    assert_eq!(most_within(&opens, secs(10) + MICRO), 10, "as soon as they may");
    assert_eq!(opens[100].since(opens[0]), secs(200));
}

/// A small generator, so that sequences differ and can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

/// Ends the attempt or connection in one of many ways, and asks for more.
fn misfortune(rig: &mut Rig, dice: &mut Dice) {
    let handshake = matches!(rig.client.state(), State::Connecting { .. });
    match dice.below(12) {
        0 => rig.drop_link(TransportFailure::Refused),
        1 => rig.drop_link(TransportFailure::TlsRefused),
        2 if handshake => rig.advance(secs(30)),
        3 if handshake => drop(rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED))),
        4 if handshake => drop(rig.accept_with(&refused(ReasonCode::QUOTA_EXCEEDED))),
        5 if handshake => {
            let mut connack = refused(ReasonCode::USE_ANOTHER_SERVER);
            connack.properties.push(Property::ServerReference(text("other")));
            rig.accept_with(&connack);
        }
        6 if handshake => {
            rig.accept_with(&accepted());
        }
        7 if handshake => {
            rig.accept_with(&accepted());
            rig.send(&disconnect(ReasonCode::SESSION_TAKEN_OVER));
        }
        8 if handshake => {
            rig.accept_with(&accepted());
            rig.send_bytes(&[0xff, 0xff]);
        }
        9 => rig.client.reconnect(rig.now),
        10 => rig.client.start(rig.now),
        _ => rig.advance(secs(dice.below(40))),
    }
    rig.settle();
    if dice.below(4) == 0 {
        rig.client.reconnect(rig.now);
        rig.settle();
    }
}

#[test]
fn no_sequence_of_misfortunes_breaks_the_budget_or_the_floor() {
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let floor = secs(dice.below(2) * 11);
        let mut settings = policy(|policy| {
            policy.base = secs(dice.below(2));
            policy.budget = Some(2 + dice.below(6) as u32);
            policy.floor = floor;
        });
        let (servers, fallback) = (1 + dice.below(3) as usize, dice.below(2) == 0);
        (settings.servers, settings.fallback) = (servers, fallback);
        let budget = settings.reconnect.budget.unwrap();
        let mut rig = Rig::seeded(settings, seed);
        rig.client.start(rig.now);
        rig.settle();
        let mut short_lives = Vec::new();
        for _ in 0..60 {
            if let State::Halted { .. } = rig.client.state() {
                rig.client.start(rig.now);
                rig.settle();
            }
            rig.await_open();
            let opened = rig.now;
            let before = rig.history.len();
            while rig.link.is_some() && rig.opens.len() < 2000 {
                let before = rig.opens.len();
                misfortune(&mut rig, &mut dice);
                rig.forget_wire();
                if rig.opens.len() > before {
                    break;
                }
            }
            if rig.now.since(opened) < secs(30) {
                let sent = rig.history[before..].iter().map(|(at, _, _)| *at);
                short_lives.extend(sent);
            }
        }
        let opens = opens(&rig);
        let most = most_within(&opens, secs(60));
        assert!(most <= budget as usize, "seed {seed}: {most} of {budget} (R2)");
        let connects = connects(&rig);
        for pair in connects.windows(2).filter(|pair| short_lives.contains(&pair[0])) {
            let gap = pair[1].since(pair[0]);
            assert!(gap >= floor, "seed {seed}: {gap:?} after a short life");
        }
        assert!(opens.len() > 30, "seed {seed}: {} connects", opens.len());
    }
}

#[test]
fn without_a_floor_reconnect_is_at_once_within_the_budget() {
    let mut rig = Rig::online(policy(|_| {}));
    for _ in 0..7 {
        rig.client.reconnect(rig.now);
        rig.settle();
        assert_eq!(rig.await_open(), secs(0));
        rig.accept_with(&accepted());
    }
    rig.take_events();
    rig.client.reconnect(rig.now);
    rig.settle();
    let (retry, delay) = rig.retries()[0];
    assert_eq!((retry.pace, delay), (Pace::Budget, secs(60)), "told, not silent (R5)");
    rig.client.reconnect(rig.now);
    rig.settle();
    assert_eq!(rig.retries()[0].1, secs(60));
    assert_eq!(rig.await_open(), secs(60));
}

#[test]
fn a_refusal_for_good_halts_a_client_that_was_never_accepted() {
    let mut rig = Rig::started(policy(|_| {}));
    rig.publish("a", AtLeastOnce, 1);
    rig.accept_with(&refused(ReasonCode::BAD_USER_NAME_OR_PASSWORD));
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Refused, .. }));
    assert!(rig.take_events().contains(&Event::Halted(Halt::Refused)));
    assert_eq!(rig.deadline, None);
    assert_eq!(rig.outcomes().len(), 1, "everything has its outcome (D1)");
    rig.advance(secs(3600));
    assert_eq!(rig.opens.len(), 1);
}

#[test]
fn a_refusal_for_good_is_never_repeated_faster_than_once_a_minute() {
    let slow = |policy: &mut Reconnect| policy.refused = RefusedPolicy::SlowLane;
    let failures: [fn(&mut Rig); 3] = [
        |rig| drop(rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED))),
        |rig| rig.drop_link(TransportFailure::TlsRefused),
        |rig| rig.drop_link(TransportFailure::WebSocketRefused(403)),
    ];
    for fail in failures {
        let mut proven = Rig::online(policy(|_| {}));
        live(&mut proven, secs(100));
        proven.cut();
        proven.await_open();
        let mut fresh = Rig::started(policy(slow));
        for rig in [&mut proven, &mut fresh] {
            for _ in 0..20 {
                rig.take_events();
                fail(rig);
                let (retry, delay) = rig.retries()[0];
                assert_eq!(retry.pace, Pace::SlowLane);
                assert!((secs(60)..=secs(120)).contains(&delay), "{delay:?}");
                rig.await_open();
            }
        }
    }
}

#[test]
fn a_policy_may_halt_at_every_refusal() {
    let mut rig = Rig::online(policy(|policy| policy.refused = RefusedPolicy::Halt));
    rig.cut();
    rig.await_open();
    rig.accept_with(&refused(ReasonCode::BANNED));
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Refused, .. }));
}

#[test]
fn the_second_take_over_ends_the_fight() {
    let taken = disconnect(ReasonCode::SESSION_TAKEN_OVER);
    let mut rig = Rig::online(policy(|_| {}));
    live(&mut rig, secs(100));
    rig.send(&taken);
    assert!(rig.await_open() <= secs(1), "the first may be our own half-open past");
    rig.accept_with(&accepted());
    live(&mut rig, secs(100));
    rig.send(&taken);
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::TakenOver, .. }), "R9");
    assert!(rig.take_events().contains(&Event::Halted(Halt::TakenOver)));
    assert_eq!(rig.opens.len(), 2);
}

/// An attempt that was given up may reach the server after the one that
/// followed it, and take that one over: nobody else is at work.
#[test]
fn a_take_over_by_our_own_abandoned_attempt_does_not_count() {
    let taken = disconnect(ReasonCode::SESSION_TAKEN_OVER);
    let mut rig = Rig::online(policy(|_| {}));
    for _ in 0..2 {
        rig.cut();
        rig.await_open();
        rig.client.reconnect(rig.now);
        rig.settle();
        rig.await_open();
        rig.accept_with(&accepted());
        rig.send(&taken);
        assert!(!matches!(rig.client.state(), State::Halted { .. }));
        rig.await_open();
        rig.accept_with(&accepted());
        live(&mut rig, secs(100));
    }
    rig.send(&taken);
    rig.await_open();
    rig.accept_with(&accepted());
    rig.send(&taken);
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::TakenOver, .. }), "R9");
}

#[test]
fn the_window_of_take_overs_is_ten_minutes() {
    for (gap, halts) in [(secs(600) - MICRO, true), (secs(600), false)] {
        let mut rig = Rig::online(policy(|_| {}));
        rig.send(&disconnect(ReasonCode::SESSION_TAKEN_OVER));
        let first = rig.now;
        rig.await_open();
        rig.accept_with(&accepted());
        rig.advance((first + gap).since(rig.now));
        rig.send(&disconnect(ReasonCode::SESSION_TAKEN_OVER));
        assert_eq!(matches!(rig.client.state(), State::Halted { .. }), halts, "{gap:?}");
    }
}

#[test]
fn a_policy_may_go_on_fighting_slowly() {
    let mut rig = Rig::online(policy(|policy| policy.taken_over = TakeOverPolicy::SlowLane));
    let mut waits = Vec::new();
    for _ in 0..5 {
        rig.send(&disconnect(ReasonCode::SESSION_TAKEN_OVER));
        waits.push(rig.await_open());
        rig.accept_with(&accepted());
    }
    assert!(waits[0] <= secs(1));
    assert!(waits[1..].iter().all(|wait| *wait >= secs(60)), "{waits:?}");
}

#[test]
fn a_server_that_asks_for_less_gets_less() {
    for reason in
        [ReasonCode::QUOTA_EXCEEDED, ReasonCode::SERVER_BUSY, ReasonCode::CONNECTION_RATE_EXCEEDED]
    {
        for seed in 0..20 {
            let mut rig = Rig::seeded(policy(|_| {}), seed);
            rig.client.start(rig.now);
            rig.settle();
            rig.accept_with(&refused(reason));
            let (retry, delay) = rig.retries()[0];
            assert_eq!(retry.pace, Pace::Throttled);
            assert!((secs(5)..=secs(10)).contains(&delay), "{delay:?}");
        }
    }
    let mut rig = Rig::started(policy(|_| {}));
    rig.drop_link(TransportFailure::WebSocketRefused(429));
    assert_eq!(rig.retries()[0].0.pace, Pace::Throttled);
}

/// R4, with the tests of refusals, take-overs, throttling and references.
#[test]
fn every_other_end_backs_off() {
    type End = fn(&mut Rig);
    let ends: [(CauseClass, End); 5] = [
        (CauseClass::Network, |rig| rig.cut()),
        (CauseClass::Network, |rig| rig.drop_link(TransportFailure::Credentials)),
        (CauseClass::ServerGoingAway, |rig| {
            rig.send(&disconnect(ReasonCode::SERVER_SHUTTING_DOWN))
        }),
        (CauseClass::PacketFault, |rig| rig.send(&disconnect(ReasonCode::PACKET_TOO_LARGE))),
        (CauseClass::KeepAliveDeath, |rig| rig.send(&disconnect(ReasonCode::KEEP_ALIVE_TIMEOUT))),
    ];
    for (class, end) in ends {
        let mut rig = Rig::online(policy(|_| {}));
        end(&mut rig);
        let events = rig.take_events();
        let ended = events.iter().find_map(|event| match event {
            Event::Disconnected { cause, .. } => Some(cause.class()),
            _ => None,
        });
        assert_eq!(ended, Some(class));
        let State::Waiting { retry, cause: Some(cause) } = rig.client.state() else { panic!() };
        assert_eq!((retry.pace, cause.class()), (Pace::BackOff, class));
        assert!((millis(500)..=secs(1)).contains(&rig.await_open()));
    }
}

#[test]
fn the_state_and_the_events_foretell_each_attempt() {
    let mut rig = Rig::started(policy(|_| {}));
    for attempt in 1..10 {
        let announced = rig.take_events().into_iter().find_map(|event| match event {
            Event::Connecting { attempt, conn, server } => Some((attempt, conn, server)),
            _ => None,
        });
        assert_eq!(announced, Some((attempt, rig.conn(), 0)));
        rig.drop_link(TransportFailure::Reset);
        let State::Waiting { retry, cause } = rig.client.state() else { panic!() };
        assert_eq!(retry.attempt, attempt + 1);
        assert!(matches!(cause.as_deref(), Some(DisconnectCause::Transport { .. })));
        assert_eq!(
            rig.events.last(),
            Some(&Event::RetryScheduled { retry, delay: retry.at.since(rig.now) })
        );
        rig.await_open();
        assert_eq!(rig.now, retry.at, "R5");
    }
}

/// The loops named since the last call.
fn loops(rig: &mut Rig) -> Vec<Repetition> {
    let events = rig.take_events();
    let loops = events.into_iter().filter_map(|event| match event {
        Event::Loop(repetition) => Some(repetition),
        _ => None,
    });
    loops.collect()
}

#[test]
fn the_same_end_over_and_over_is_named() {
    let mut rig = Rig::started(policy(|_| {}));
    for round in 1..=12 {
        rig.accept_with(&accepted());
        rig.advance(secs(3));
        rig.cut();
        let named = loops(&mut rig);
        assert_eq!(named.len(), usize::from(round % 5 == 0), "round {round} (R6)");
        for Repetition { class, count, period, lived } in named {
            assert_eq!((class, count, lived), (CauseClass::Network, round, Some(secs(3))));
            assert!(period > secs(3) && period < secs(60), "{period:?}");
        }
        rig.await_open();
    }
}

#[test]
fn different_ends_are_no_loop() {
    let mut rig = Rig::started(policy(|_| {}));
    for round in 0..20_u32 {
        rig.accept_with(&accepted());
        // Each life twice as long as the one before.
        rig.advance(secs(1) * 2_u32.pow(round % 8));
        rig.cut();
        assert!(loops(&mut rig).is_empty());
        rig.await_open();
    }
}

#[test]
fn different_causes_are_no_loop() {
    let mut rig = Rig::started(policy(|_| {}));
    for round in 0..20 {
        rig.accept_with(&accepted());
        if round % 2 == 0 {
            rig.cut();
        } else {
            rig.send(&disconnect(ReasonCode::SERVER_SHUTTING_DOWN));
        }
        assert!(loops(&mut rig).is_empty());
        rig.await_open();
    }
}

#[test]
fn attempts_may_be_limited() {
    let mut rig = Rig::started(policy(|policy| policy.attempts = Some(3)));
    for _ in 0..2 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    rig.drop_link(TransportFailure::Refused);
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Attempts(3), .. }));
    // A fresh start has as many again.
    rig.client.start(rig.now);
    rig.settle();
    for _ in 0..2 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    rig.drop_link(TransportFailure::Refused);
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Attempts(3), .. }));
    assert_eq!(rig.opens.len(), 6);
}

#[test]
fn a_wish_for_a_new_connection_is_no_failed_attempt() {
    for settings in
        [policy(|policy| policy.attempts = Some(1)), policy(|policy| policy.enabled = false)]
    {
        let mut rig = Rig::online(settings);
        for _ in 0..3 {
            rig.client.reconnect(rig.now);
            rig.settle();
            rig.await_open();
            rig.accept_with(&accepted());
            assert!(rig.client.state().is_online());
        }
        rig.cut();
        assert!(matches!(rig.client.state(), State::Halted { .. }));
    }
}

#[test]
fn never_means_never() {
    let mut settings = quiet(config(Version::V5));
    settings.reconnect = Reconnect::never();
    for mut rig in [Rig::started(settings.clone()), Rig::online(settings)] {
        rig.publish("a", AtLeastOnce, 1);
        rig.cut();
        let State::Halted { reason, cause } = rig.client.state() else { panic!() };
        assert_eq!(reason, Halt::Disabled);
        assert!(cause.is_some());
        assert_eq!(rig.deadline, None);
        assert_eq!(rig.outcomes().len(), 1);
    }
}

#[test]
fn two_hundred_clients_do_not_come_back_as_a_herd() {
    let mut second_of_return = vec![0; 3];
    let begin = Instant::from_micros(1_000_000_000) + secs(100);
    for seed in 0..200 {
        let mut rig = Rig::seeded(policy(|_| {}), seed);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        live(&mut rig, secs(100));
        assert_eq!(rig.now, begin);
        rig.cut();
        // The server is still down at the first two tries.
        rig.await_open();
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
        let tenth = rig.now.since(begin).as_millis() / 100;
        let slot = usize::try_from(tenth).unwrap();
        second_of_return.resize(second_of_return.len().max(slot + 1), 0);
        second_of_return[slot] += 1;
    }
    let most = second_of_return.iter().max().unwrap();
    assert!(*most <= 30, "{second_of_return:?} per tenth of a second");
    let used = second_of_return.iter().filter(|count| **count > 0).count();
    assert!(used >= 15, "spread over {used} tenths of a second");
}

#[test]
fn the_same_seed_gives_the_same_delays() {
    let run = |seed| {
        let mut rig = Rig::seeded(policy(|_| {}), seed);
        rig.client.start(rig.now);
        rig.settle();
        let waits: Vec<_> = (0..10)
            .map(|_| {
                rig.drop_link(TransportFailure::Refused);
                rig.await_open()
            })
            .collect();
        waits
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_halted_client_keeps_its_budget_when_it_is_started_again() {
    let mut rig = Rig::new(policy(|_| {}));
    for _ in 0..20 {
        rig.client.start(rig.now);
        rig.settle();
        rig.await_open();
        rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
        assert!(matches!(rig.client.state(), State::Halted { .. }));
    }
    assert_eq!(most_within(&opens(&rig), secs(60)), 8);
}
