//! Keep-alive as the server sees it: when PINGREQ comes, and when the end.

use std::time::Duration;

use evenkeel_proto::codec::{Packet, Property, Version};
use evenkeel_proto::keepalive::{Death, Pong};
use evenkeel_proto::{
    Accepted, CauseClass, Config, ConfigError, DisconnectCause, Event, Input, SetBy, State, Timer,
};

use crate::support::*;

pub(crate) const KEEP_ALIVE: u16 = 100;
/// Pings are due between these, and written by 0.85 intervals.
pub(crate) const EARLIEST: Duration = millis(67_500);
pub(crate) const LATEST: Duration = millis(82_500);
/// The least time an answer has, and a ping to be written: 0.65 intervals.
pub(crate) const TIMEOUT: Duration = secs(65);
/// Silence of the peer, from its last byte on, that is death.
pub(crate) const SILENCE: Duration = secs(150);

pub(crate) fn pinging(version: Version) -> Config {
    let mut config = config(version);
    config.connect.keep_alive = KEEP_ALIVE;
    config
}

/// Waits for the next ping; returns how long it took.
#[track_caller]
pub(crate) fn await_ping(rig: &mut Rig) -> Duration {
    rig.expect_nothing();
    let wait = rig.until(Timer::Ping);
    rig.advance(wait - MICRO);
    rig.expect_nothing();
    rig.advance(MICRO);
    assert_eq!(rig.expect(), Packet::PingReq);
    rig.expect_nothing();
    wait
}

/// Waits for the end of the connection, so long at most.
#[track_caller]
pub(crate) fn await_death(rig: &mut Rig, within: Duration) -> Death {
    let end = rig.now + within;
    while rig.client.state().is_online() {
        let next = rig.deadline.unwrap().at;
        assert!(next <= end, "the link is found dead in time");
        rig.advance(next.since(rig.now));
    }
    rig.forget_wire();
    death(rig)
}

#[track_caller]
pub(crate) fn death(rig: &mut Rig) -> Death {
    let cause = rig.cause();
    assert_eq!(cause.class(), CauseClass::KeepAliveDeath);
    let DisconnectCause::KeepAlive(death) = cause else { panic!("{cause:?}") };
    death
}

//= [MQTT-3.1.2-20] test
//= [MQTT311-3.1.2-23] test
#[test]
fn an_idle_client_pings_before_the_interval_is_over() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        for _ in 0..20 {
            let silence = await_ping(&mut rig);
            assert!((EARLIEST..=LATEST).contains(&silence), "{silence:?} (K3)");
            rig.advance(millis(10));
            rig.send(&Packet::PingResp);
            rig.advance(secs(0));
        }
        let stats = rig.stats();
        assert_eq!((stats.pings_sent, stats.pongs, stats.connects), (20, 20, 1));
    });
}

/// K4: within 0.85 intervals after our last packet, grouping included.
#[test]
fn a_ping_may_be_late_by_a_fortieth_of_the_interval() {
    for seed in 0..20 {
        let mut rig = Rig::seeded(pinging(Version::V5), seed);
        rig.client.start(rig.now);
        rig.settle();
        assert_eq!(rig.client.ping_slack(), secs(0), "there is no connection");
        rig.accept_with(&accepted());
        for _ in 0..2 {
            let wait = rig.until(Timer::Ping);
            assert!((EARLIEST..=LATEST).contains(&wait), "{wait:?}");
            assert_eq!(rig.client.ping_slack(), millis(2_500));
            rig.advance(wait);
            assert_eq!(rig.expect(), Packet::PingReq);
            assert_eq!(rig.client.ping_slack(), secs(0), "what is judged, is judged in time");
            rig.send(&Packet::PingResp);
        }
    }
}

/// K4: nor later than 0.85 intervals after the last byte of the peer.
#[test]
fn a_ping_is_late_by_no_more_than_the_silence_of_the_peer_allows() {
    let mut rig = Rig::online(pinging(Version::V5));
    let wait = rig.until(Timer::Ping);
    let slack = rig.client.ping_slack();
    // The peer was heard last at the start: by then it is asked in any case (K11).
    let write = |rig: &mut Rig, at: Duration| {
        rig.advance(at);
        rig.publish("a", AtMostOnce, 1);
        rig.forget_wire();
    };
    write(&mut rig, slack - millis(1));
    assert_eq!((rig.until(Timer::Ping), rig.client.ping_slack()), (wait, millis(1)));
    write(&mut rig, millis(1));
    assert_eq!(rig.client.ping_slack(), secs(0));
    write(&mut rig, millis(1));
    assert_eq!(rig.until(Timer::Ping), wait - millis(1), "from the peer's last byte");
    assert_eq!(rig.client.ping_slack(), secs(0));
    assert!(slack + wait <= secs(85));
}

#[test]
fn a_ping_that_its_spacing_holds_back_is_not_late_beyond() {
    let mut settings = pinging(Version::V5);
    settings.keep_alive.min_ping_spacing = secs(120);
    let mut rig = Rig::online(settings);
    await_ping(&mut rig);
    rig.send(&Packet::PingResp);
    assert_eq!((rig.until(Timer::Ping), rig.client.ping_slack()), (secs(120), secs(0)), "K2");
}

#[test]
fn many_clients_do_not_ping_in_step() {
    let mut due: Vec<Duration> = (0..50)
        .map(|seed| {
            let mut rig = Rig::seeded(pinging(Version::V5), seed);
            rig.client.start(rig.now);
            rig.settle();
            rig.accept_with(&accepted());
            rig.until(Timer::Ping)
        })
        .collect();
    due.sort();
    due.dedup();
    assert!(due.len() > 45, "K14");
    assert!(*due.last().unwrap() - due[0] > secs(10), "they spread over the margin");
}

/// When such clients, all accepted at one moment, ping in the first seconds.
fn pings_of_a_crowd(config: &Config, clients: u64, seconds: u64) -> Vec<Duration> {
    let pings_of = |seed| {
        let mut rig = Rig::seeded(config.clone(), seed);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        let begin = rig.now;
        std::iter::from_fn(move || {
            let wait = rig.until(Timer::Ping);
            rig.advance(wait);
            assert_eq!(rig.expect(), Packet::PingReq);
            rig.send(&Packet::PingResp);
            Some(rig.now.since(begin))
        })
        .take_while(|at| *at < secs(seconds))
    };
    (0..clients).flat_map(pings_of).collect()
}

/// The most pings in a tenth of a second, as a multiple of the mean.
fn fullest(pings: &[Duration], seconds: u64) -> f64 {
    let mut tenths = vec![0_u32; 10 * seconds as usize];
    pings.iter().for_each(|at| tenths[(at.as_millis() / 100) as usize] += 1);
    let most = *tenths.iter().max().unwrap();
    f64::from(most) * tenths.len() as f64 / pings.len() as f64
}

/// K14: a broker that restarts has all of them back at one moment.
#[test]
fn clients_that_connect_at_one_moment_ping_evenly_from_the_start() {
    let mut config = pinging(Version::V5);
    config.connect.keep_alive = 5;
    for (spread, most) in [(true, 0.0..1.5), (false, 2.0..10.0)] {
        config.keep_alive.spread_first_ping = spread;
        let fullest = fullest(&pings_of_a_crowd(&config, 10_000, 16), 16);
        assert!(most.contains(&fullest), "{fullest} times the mean, spread: {spread}");
    }
}

/// K3, K4 and K14: the first ping comes after 0.025 intervals at least and as late as
/// all others at most; those that follow are not early.
#[test]
fn only_the_first_ping_of_a_connection_is_early() {
    let mut config = pinging(Version::V5);
    config.keep_alive.spread_first_ping = true;
    let mut early = 0;
    for seed in 0..200 {
        let mut rig = Rig::seeded(config.clone(), seed);
        rig.client.start(rig.now);
        rig.settle();
        for _ in 0..2 {
            rig.accept_with(&accepted());
            let first = rig.until(Timer::Ping);
            assert!((millis(2_500)..=LATEST).contains(&first), "{first:?}");
            assert_eq!(rig.client.ping_slack(), millis(2_500));
            early += u32::from(first < EARLIEST);
            let silence = await_ping(&mut rig);
            assert_eq!(silence, first);
            rig.send(&Packet::PingResp);
            for _ in 0..2 {
                let usual = await_ping(&mut rig);
                assert!((EARLIEST..=LATEST).contains(&usual), "{usual:?}");
                rig.send(&Packet::PingResp);
            }
            rig.cut();
            rig.await_open();
        }
    }
    // All but 7.5 of the 72.5 to 82.5 hundredths there are.
    assert!((300..=385).contains(&early), "{early} of 400");
}

/// What is written puts off the first ping by as much as it was after CONNECT.
#[test]
fn the_first_ping_comes_after_silence_too() {
    let mut config = pinging(Version::V5);
    config.keep_alive.spread_first_ping = true;
    let mut rig = Rig::seeded(config, 1);
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&accepted());
    let wait = rig.until(Timer::Ping);
    for _ in 0..3 {
        rig.advance(wait - MICRO);
        rig.publish("a", AtMostOnce, 1);
        rig.forget_wire();
        rig.send_bytes(&[0xd0]);
        assert_eq!(rig.until(Timer::Ping), wait);
        rig.send_bytes(&[0]);
    }
    await_ping(&mut rig);
}

#[test]
fn any_packet_written_puts_the_ping_off() {
    each_version(|version| {
        type Write = fn(&mut Rig);
        let writes: [Write; 4] = [
            |rig| assert_ne!(rig.publish("a", AtMostOnce, 1), Accepted::Tracked),
            |rig| assert_eq!(rig.publish("a", AtLeastOnce, 1), Accepted::Tracked),
            |rig| rig.subscribe(&[("a", AtMostOnce)], 1),
            |rig| {
                rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 1)));
                rig.handle_message();
            },
        ];
        for write in writes {
            let mut rig = Rig::online(pinging(version));
            let wait = rig.until(Timer::Ping);
            rig.advance(secs(40));
            write(&mut rig);
            rig.forget_wire();
            // Or else the peer would be asked before, for its silence of 40 s (K11).
            rig.send_bytes(&[0xd0]);
            assert_eq!(rig.until(Timer::Ping), wait, "the whole interval from the write");
        }
    });
}

#[test]
fn what_only_waits_to_be_written_does_not() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let due = rig.deadline;
        rig.advance(secs(40));
        rig.writable = false;
        rig.publish("a", AtMostOnce, 1);
        assert_eq!(rig.deadline, due, "queued is not written");
        let whole = rig.pending();
        rig.write(whole - 1);
        assert_eq!(rig.deadline, due, "nor is a part");
        rig.write(1);
        assert!(rig.deadline > due);
    });
}

#[test]
fn what_comes_in_does_not_break_our_silence() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let due = rig.deadline;
        for _ in 0..60 {
            rig.advance(secs(1));
            rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
            rig.message();
            assert_eq!(rig.deadline, due, "a client that only receives pings all the same");
        }
        assert!((EARLIEST..=LATEST).contains(&(secs(60) + await_ping(&mut rig))));
    });
}

/// The loop of acknowledged publishes: PUBACK comes 0.95 intervals late.
#[test]
fn a_late_acknowledgement_does_not_put_the_ping_off() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        for round in 0..10 {
            rig.publish("a", AtLeastOnce, round);
            let packet_id = rig.expect_publish().packet_id.unwrap();
            let silence = await_ping(&mut rig);
            assert!(silence <= LATEST);
            rig.advance(secs(95) - silence);
            rig.send(&Packet::PingResp);
            rig.send(&puback(packet_id));
        }
        assert_eq!(rig.stats().connects, 1);
    });
}

#[test]
fn pings_keep_their_spacing_whoever_asks() {
    each_version(|version| {
        let mut settings = pinging(version);
        settings.keep_alive.min_ping_spacing = secs(30);
        let mut rig = Rig::online(settings);
        rig.advance(secs(1));
        for round in 0..5 {
            rig.client.probe(rig.now);
            rig.settle();
            if round > 0 {
                rig.expect_nothing();
                assert_eq!(rig.until(Timer::Ping), secs(30), "K2");
                rig.advance(secs(30) - MICRO);
                rig.expect_nothing();
                rig.advance(MICRO);
            }
            assert_eq!(rig.expect(), Packet::PingReq);
            rig.send(&Packet::PingResp);
        }
    });
}

#[test]
fn spacing_is_between_pings_as_written() {
    each_version(|version| {
        let mut settings = pinging(version);
        settings.keep_alive.min_ping_spacing = secs(30);
        let mut rig = Rig::online(settings);
        rig.writable = false;
        rig.client.probe(rig.now);
        rig.settle();
        rig.advance(secs(20));
        rig.unblock();
        assert_eq!(rig.expect(), Packet::PingReq);
        rig.send(&Packet::PingResp);
        rig.client.probe(rig.now);
        rig.settle();
        assert_eq!(rig.until(Timer::Ping), secs(30), "not 10 s");
    });
}

#[test]
fn one_ping_is_outstanding_at_most() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        await_ping(&mut rig);
        for _ in 0..40 {
            rig.advance(secs(1));
            rig.client.probe(rig.now);
            rig.settle();
            rig.publish("a", AtMostOnce, 1);
            assert!(matches!(rig.expect(), Packet::Publish(_)));
            rig.expect_nothing();
        }
        rig.send(&Packet::PingResp);
        rig.expect_nothing();
        assert_eq!(rig.stats().pings_sent, 1, "K1: a probe joins the ping that is out");
    });
}

#[test]
fn a_ping_without_any_answer_is_death_at_the_time_out_and_not_before() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let heard = rig.now;
        let sent = rig.now + await_ping(&mut rig);
        rig.advance((heard + SILENCE).since(rig.now) - MICRO);
        assert!(rig.client.state().is_online());
        rig.forget_wire();
        rig.advance(MICRO);
        assert_eq!(death(&mut rig), Death::NoResponse { sent, last_received: heard }, "K4");
        assert!(rig.link.is_none());
        rig.expect_nothing();
    });
}

#[test]
fn an_answer_at_the_last_moment_is_an_answer() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let wait = await_ping(&mut rig);
        let round_trip = SILENCE - wait - MICRO;
        rig.advance(round_trip);
        rig.send(&Packet::PingResp);
        rig.advance(secs(1));
        assert!(rig.client.state().is_online());
        assert!(rig.take_events().contains(&Event::PongReceived(Pong::Matched { round_trip })));
    });
}

#[test]
fn a_configured_response_time_out_is_kept() {
    each_version(|version| {
        for timeout in [secs(3), secs(140)] {
            let mut settings = pinging(version);
            settings.keep_alive.response_timeout = Some(timeout);
            let mut rig = Rig::online(settings);
            await_ping(&mut rig);
            let sent = rig.now;
            rig.advance(timeout - MICRO);
            assert!(rig.client.state().is_online());
            rig.advance(MICRO);
            let Death::NoResponse { sent: evidence, .. } = death(&mut rig) else { panic!() };
            assert_eq!(evidence, sent, "the first ping that nothing followed");
            assert_eq!(rig.now.since(sent), timeout);
        }
    });
}

#[test]
fn the_response_clock_starts_when_the_ping_is_written() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let wait = rig.until(Timer::Ping);
        rig.writable = false;
        rig.advance(wait);
        rig.advance(TIMEOUT - secs(1));
        assert!(rig.client.state().is_online());
        rig.unblock();
        assert_eq!(rig.expect(), Packet::PingReq);
        assert!(wait + TIMEOUT - secs(1) + TIMEOUT > SILENCE, "it is written too late for that");
        assert_eq!(rig.until(Timer::PingResponse), TIMEOUT, "K5");
        rig.advance(TIMEOUT - MICRO);
        assert!(rig.client.state().is_online());
        rig.advance(MICRO);
        assert!(matches!(death(&mut rig), Death::NoResponse { .. }));
    });
}

#[test]
fn a_ping_that_cannot_be_written_is_death() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let wait = rig.until(Timer::Ping);
        rig.writable = false;
        rig.publish("a", AtMostOnce, 1);
        rig.advance(wait);
        let queued = rig.now;
        rig.advance(TIMEOUT - MICRO);
        assert!(rig.client.state().is_online());
        rig.advance(MICRO);
        assert_eq!(death(&mut rig), Death::NotWritten { queued });
        rig.expect_nothing();
    });
}

#[test]
fn a_slow_transport_is_not_a_dead_one() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        rig.writable = false;
        for number in 0..100 {
            rig.publish("a", AtMostOnce, number);
        }
        // A byte now and then: the ping waits behind all of it.
        for _ in 0..100 {
            rig.advance(secs(20));
            rig.write(1);
        }
        assert!(rig.client.state().is_online());
        assert_eq!(rig.stats().pings_sent, 0);
        rig.advance(TIMEOUT);
        assert!(matches!(death(&mut rig), Death::NotWritten { .. }));
    });
}

/// Both sides send a message, so that neither's silence makes a ping due soon.
#[track_caller]
fn speak(rig: &mut Rig) {
    rig.advance(secs(30));
    rig.publish("a", AtMostOnce, 9);
    rig.expect_publish();
    rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
    rig.message();
}

#[test]
fn other_bytes_are_life_and_the_ping_is_written_off() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let begin = rig.now;
        let wait = await_ping(&mut rig);
        speak(&mut rig);
        // When a peer that stayed silent would have been dead.
        rig.advance((begin + SILENCE).since(rig.now) - MICRO);
        assert_eq!(rig.stats().pings_unanswered, 0);
        rig.expect_nothing();
        rig.advance(MICRO);
        assert!(rig.client.state().is_online(), "K4");
        let after = SILENCE - wait;
        let unanswered = Event::PingUnanswered { after, heard: true };
        assert!(rig.take_events().contains(&unanswered));
        for _ in 0..100 {
            rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
            rig.message();
            rig.advance(secs(10));
        }
        assert_eq!(rig.stats().connects, 1);
        let stats = rig.stats();
        assert!((10..=15).contains(&stats.pings_unanswered), "{stats:?}");
        assert_eq!(stats.pings_sent, stats.pings_unanswered + 1, "and pinging goes on");
        for told in rig.take_events() {
            assert!(!matches!(told, Event::PingUnanswered { heard: false, .. }), "{told:?}");
        }
    });
}

/// A large message at the speed of a modem.
#[test]
fn bytes_of_an_unfinished_packet_are_life() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let mut bytes = Vec::new();
        let mut large = delivery("a", AtMostOnce, 0);
        large.payload = vec![7; 40].into();
        Packet::Publish(large).encode(version, &mut bytes).unwrap();
        for byte in bytes {
            rig.advance(secs(12));
            rig.send_bytes(&[byte]);
        }
        assert!(rig.client.state().is_online());
        assert_eq!(rig.message().publish.payload.len(), 40);
        assert_eq!(rig.stats().connects, 1);
    });
}

#[test]
fn bytes_that_came_before_the_ping_are_no_answer_to_it() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let wait = rig.until(Timer::Ping);
        rig.advance(wait - MICRO);
        rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
        rig.advance(MICRO);
        assert_eq!(rig.expect(), Packet::PingReq);
        let sent = rig.now;
        let Death::NoResponse { sent: evidence, last_received } = await_death(&mut rig, SILENCE)
        else {
            panic!()
        };
        assert_eq!((evidence, last_received), (sent, sent - MICRO));
        let limit = (last_received + SILENCE).min(sent + secs(120));
        assert_eq!(rig.now, limit);
    });
}

/// K6.
#[test]
fn a_stray_pingresp_is_counted_and_closes_nothing() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let due = rig.deadline;
        for _ in 0..3 {
            rig.send(&Packet::PingResp);
        }
        assert_eq!(rig.stats().pongs_unsolicited, 3);
        assert_eq!(rig.stats().pongs, 0);
        assert_eq!(rig.deadline, due);
        assert!(rig.take_events().contains(&Event::PongReceived(Pong::Unsolicited)));
        await_ping(&mut rig);
        rig.send_all(&[Packet::PingResp, Packet::PingResp]);
        assert_eq!((rig.stats().pongs, rig.stats().pongs_unsolicited), (1, 4));
        assert!(rig.client.state().is_online());
    });
}

#[test]
fn a_pingresp_after_the_ping_was_written_off_closes_nothing() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let wait = await_ping(&mut rig);
        speak(&mut rig);
        rig.advance(SILENCE - wait - secs(30));
        assert_eq!(rig.stats().pings_unanswered, 1);
        rig.send(&Packet::PingResp);
        assert_eq!(rig.stats().pongs_unsolicited, 1);
        assert!(rig.client.state().is_online());
    });
}

/// The founding bug: one lost PINGRESP, and every later connection dies.
#[test]
fn one_lost_pingresp_costs_one_connection() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        await_ping(&mut rig);
        await_death(&mut rig, SILENCE);
        rig.await_open();
        rig.accept_with(&accepted());
        let pings = rig.pings().len();
        for _ in 0..100 {
            let silence = await_ping(&mut rig);
            assert!((EARLIEST..=LATEST).contains(&silence));
            rig.send(&Packet::PingResp);
        }
        assert_eq!(rig.stats().connects, 2);
        assert_eq!(rig.pings().len(), pings + 100);
    });
}

#[test]
fn a_new_connection_owes_nothing_to_the_old_one() {
    each_version(|version| {
        let mut settings = pinging(version);
        settings.keep_alive.min_ping_spacing = secs(60);
        let mut rig = Rig::online(settings);
        await_ping(&mut rig);
        rig.reconnect_with(&accepted());
        rig.client.probe(rig.now);
        rig.settle();
        assert_eq!(rig.expect(), Packet::PingReq, "spacing is that of one connection (K7)");
        rig.advance(TIMEOUT - MICRO);
        assert!(rig.client.state().is_online(), "the old ping is not judged here");
    });
}

#[test]
fn answers_to_the_old_connection_do_not_reach_the_new_engine() {
    let mut rig = Rig::online(pinging(Version::V5));
    await_ping(&mut rig);
    let old = rig.conn();
    rig.reconnect_with(&accepted());
    let mut bytes = bytes::BytesMut::from(&[0xd0, 0][..]);
    rig.client.handle(rig.now, Input::Received(old, &mut bytes));
    rig.settle();
    assert_eq!(rig.stats().pongs + rig.stats().pongs_unsolicited, 0);
    assert_eq!(rig.stats().stale_inputs, 1);
}

//= [MQTT-3.1.2-21] test
//= [MQTT-3.2.2-21] test
#[test]
fn the_servers_keep_alive_replaces_ours_for_its_connection() {
    for (server, earliest, latest) in [
        (1, millis(675), millis(825)),
        (1000, secs(675), secs(825)),
        (65535, secs(44_236), secs(54_067)),
    ] {
        let connack = with([Property::ServerKeepAlive(server)]);
        let mut rig = Rig::online_with(pinging(Version::V5), &connack);
        assert_eq!(rig.client.limits().unwrap().keep_alive.set_by, SetBy::Server);
        for _ in 0..3 {
            let silence = await_ping(&mut rig);
            assert!((earliest..=latest).contains(&silence), "{server}: {silence:?}");
            rig.send(&Packet::PingResp);
        }
        assert_eq!(rig.reconnect_with(&accepted()).keep_alive, KEEP_ALIVE, "never mutated");
        assert!((EARLIEST..=LATEST).contains(&await_ping(&mut rig)));
    }
}

/// K12.
#[test]
fn a_server_keep_alive_of_zero_turns_pings_off() {
    let connack = with([Property::ServerKeepAlive(0)]);
    let mut rig = Rig::online_with(pinging(Version::V5), &connack);
    assert_eq!(rig.deadline, None);
    rig.advance(secs(1_000_000));
    rig.expect_nothing();
    assert!(rig.client.state().is_online());
    assert!(!rig.client.probe(rig.now));
    rig.reconnect_with(&accepted());
    await_ping(&mut rig);
}

#[test]
fn the_server_turns_pings_on_for_a_client_that_wanted_none() {
    let mut settings = config(Version::V5);
    settings.connect.keep_alive = 0;
    let mut rig = Rig::online(settings.clone());
    rig.advance(secs(1_000_000));
    rig.expect_nothing();
    let mut rig = Rig::online_with(settings, &with([Property::ServerKeepAlive(100)]));
    assert!((EARLIEST..=LATEST).contains(&await_ping(&mut rig)));
}

#[test]
fn a_keep_alive_of_one_second_works() {
    each_version(|version| {
        let mut settings = config(version);
        settings.connect.keep_alive = 1;
        let mut rig = Rig::online(settings);
        for _ in 0..100 {
            let silence = await_ping(&mut rig);
            assert!((millis(375)..=millis(825)).contains(&silence));
            rig.advance(millis(300));
            rig.send(&Packet::PingResp);
        }
        let heard = rig.now;
        await_ping(&mut rig);
        await_death(&mut rig, millis(1500));
        assert_eq!(rig.now, heard + millis(1500));
        assert_eq!(rig.stats().connects, 1);
    });
}

/// Connections of many lengths of silence: the server closes at 1.5 times the interval.
#[test]
fn a_half_open_link_is_found_while_qos_0_goes_out_all_the_time() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let begin = rig.now;
        while rig.client.state().is_online() {
            rig.advance(secs(1));
            if rig.client.state().is_online() {
                rig.publish("a", AtMostOnce, 1);
            }
            assert!(rig.now.since(begin) <= secs(150), "K11");
        }
        assert_eq!(rig.now.since(begin), SILENCE);
        let Death::NoResponse { sent, .. } = death(&mut rig) else { panic!() };
        let asked = sent.since(begin);
        assert!((EARLIEST..=LATEST + millis(2_500)).contains(&asked), "{asked:?} (K4)");
        assert_eq!(rig.pings(), [sent]);
    });
}

#[test]
fn a_publisher_that_is_answered_needs_no_pings() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        for number in 0..1000 {
            rig.advance(secs(1));
            rig.publish("a", AtLeastOnce, number);
            let packet_id = rig.expect_publish().packet_id.unwrap();
            rig.send(&puback(packet_id));
        }
        assert_eq!(rig.stats().pings_sent, 0);
    });
}

#[test]
fn a_stalled_task_reads_before_it_judges() {
    each_version(|version| {
        for late in [MICRO, secs(3), secs(30), secs(65), secs(1000)] {
            let mut rig = Rig::online(pinging(version));
            let wait = await_ping(&mut rig);
            rig.jump(SILENCE - wait + late);
            rig.send(&Packet::PingResp);
            rig.wake();
            assert!(rig.client.state().is_online(), "{late:?} (K9)");
        }
    });
}

#[test]
fn a_stalled_task_pings_at_once_when_it_wakes() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        rig.jump(secs(130));
        rig.wake();
        assert_eq!(rig.expect(), Packet::PingReq);
        rig.send(&Packet::PingResp);
        assert!(rig.client.state().is_online());
    });
}

#[test]
fn sleep_alone_is_no_death() {
    each_version(|version| {
        // With a ping out.
        let mut rig = Rig::online(pinging(version));
        await_ping(&mut rig);
        for _ in 0..3 {
            rig.jump(secs(8 * 3600));
            rig.wake();
            assert!(rig.client.state().is_online(), "K10");
            assert_eq!(rig.until(Timer::PingResponse), TIMEOUT, "judged afresh");
            rig.advance(secs(5));
        }
        await_death(&mut rig, TIMEOUT);

        // With a ping that could not be written.
        let mut rig = Rig::online(pinging(version));
        let wait = rig.until(Timer::Ping);
        rig.writable = false;
        rig.advance(wait);
        rig.jump(secs(8 * 3600));
        rig.wake();
        assert!(rig.client.state().is_online());
        rig.unblock();
        assert_eq!(rig.expect(), Packet::PingReq);
        rig.send(&Packet::PingResp);
        rig.advance(secs(10));
        assert!(rig.client.state().is_online());

        // With nothing out: a ping at once, and a verdict soon.
        let mut rig = Rig::online(pinging(version));
        rig.jump(secs(8 * 3600));
        rig.wake();
        assert_eq!(rig.expect(), Packet::PingReq);
        let sent = rig.now;
        await_death(&mut rig, TIMEOUT);
        assert_eq!(rig.now, sent + TIMEOUT);
    });
}

fn full_inbox(version: Version) -> Rig {
    let mut settings = pinging(version);
    settings.bounds.inbox_messages = 1;
    let mut rig = Rig::online(settings);
    rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
    assert!(!rig.client.wants_read());
    rig
}

/// K13: the protocol takes PINGRESP; messages that nobody takes are not in its way.
#[test]
fn a_pingresp_does_not_wait_for_the_application() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        for _ in 0..5 {
            rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
            rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 7)));
        }
        await_ping(&mut rig);
        let began = rig.now;
        rig.send(&Packet::PingResp);
        assert_eq!(rig.stats().pongs, 1);
        assert!(rig.until(Timer::Ping) >= EARLIEST, "no ping is out any more");
        rig.advance(TIMEOUT);
        assert!(rig.client.state().is_online());
        assert_eq!(rig.now.since(began), TIMEOUT);
    });
}

/// K13: an application takes no message for long. The client does not read, so
/// it cannot judge, but it keeps the server content.
#[test]
fn a_paused_client_goes_on_pinging_and_judges_nobody() {
    each_version(|version| {
        let mut rig = full_inbox(version);
        let mut last = rig.now;
        for _ in 0..20 {
            let wait = rig.deadline.unwrap().at.since(rig.now);
            rig.advance(wait);
            while let Some(packet) = rig.wire.pop_front() {
                assert_eq!(packet, Packet::PingReq);
                let silence = rig.now.since(last);
                assert!(silence <= LATEST, "{silence:?} (K3)");
                assert!(silence >= EARLIEST, "{silence:?}: one at a time (K1)");
                last = rig.now;
                rig.send(&Packet::PingResp);
            }
        }
        assert!(rig.client.state().is_online());
        assert!(rig.stats().pings_sent >= 9);
        assert_eq!(rig.stats().pings_unanswered, 0, "nobody has looked for the answers");
        rig.message();
        rig.read();
        assert!(rig.stats().pongs + rig.stats().pongs_unsolicited >= 9);
        assert!(rig.client.state().is_online());
    });
}

#[test]
fn a_client_that_goes_on_reading_judges_afresh() {
    each_version(|version| {
        let mut rig = full_inbox(version);
        rig.advance(LATEST);
        assert_eq!(rig.expect(), Packet::PingReq);
        let deadline = rig.deadline.unwrap().at.since(rig.now);
        rig.advance(deadline - secs(10));
        rig.message();
        // The task wakes at the old deadline without having read yet.
        rig.advance(secs(10) + secs(5));
        assert!(rig.client.state().is_online(), "K9: the answer may lie unread");
        rig.forget_wire();
        rig.send(&Packet::PingResp);
        assert!(rig.client.state().is_online());
        await_ping(&mut rig);
        await_death(&mut rig, SILENCE);
    });
}

#[test]
fn a_dead_link_is_found_soon_after_reading_goes_on() {
    each_version(|version| {
        let mut rig = full_inbox(version);
        rig.advance(secs(1000));
        assert!(rig.client.state().is_online());
        rig.message();
        let resumed = rig.now;
        await_death(&mut rig, LATEST + TIMEOUT);
        assert!(rig.now.since(resumed) >= TIMEOUT);
    });
}

#[test]
fn a_buffer_looked_at_again_is_no_new_life() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        rig.send_bytes(&[0x30, 100, 0]);
        let heard = rig.now;
        await_ping(&mut rig);
        while rig.client.state().is_online() {
            assert!(rig.now < heard + SILENCE);
            rig.advance(secs(10));
            rig.read();
        }
        rig.forget_wire();
        death(&mut rig);
    });
}

#[test]
fn further_pings_do_not_put_off_the_end_of_a_dead_link() {
    each_version(|version| {
        let mut settings = pinging(version);
        settings.keep_alive.response_timeout = Some(secs(140));
        let mut rig = Rig::online(settings);
        await_ping(&mut rig);
        let sent = rig.now;
        let next = rig.until(Timer::Ping);
        assert!((EARLIEST..=LATEST).contains(&next), "{next:?} (K3)");
        rig.advance(next);
        assert_eq!(rig.expect(), Packet::PingReq);
        assert_eq!(rig.stats().pings_unanswered, 1, "one is out, one is written off (K1)");
        let unanswered = Event::PingUnanswered { after: next, heard: false };
        assert!(rig.take_events().contains(&unanswered), "nothing came");
        assert_eq!(rig.until(Timer::PingResponse), secs(140) - next);
        rig.advance(secs(140) - next);
        let Death::NoResponse { sent: evidence, .. } = death(&mut rig) else { panic!() };
        assert_eq!((evidence, rig.now.since(sent)), (sent, secs(140)), "K4");
    });
}

#[test]
fn bytes_end_the_trial_of_a_link_that_further_pings_prolonged() {
    each_version(|version| {
        let mut settings = pinging(version);
        settings.keep_alive.response_timeout = Some(secs(140));
        let mut rig = Rig::online(settings);
        await_ping(&mut rig);
        let next = rig.until(Timer::Ping);
        rig.advance(next);
        assert_eq!(rig.expect(), Packet::PingReq);
        rig.advance(secs(10));
        rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
        rig.message();
        // The second ping was heard of, so the third one opens the next trial.
        let third = rig.until(Timer::Ping);
        rig.advance(third);
        assert_eq!(rig.expect(), Packet::PingReq);
        let sent = rig.now;
        assert_eq!(await_death(&mut rig, secs(140)), {
            Death::NoResponse { sent, last_received: sent - third }
        });
        assert_eq!(rig.now.since(sent), secs(140));
    });
}

/// K10: one that wakes late for whatever it had to do has slept.
#[test]
fn a_client_that_wakes_late_for_something_else_has_slept_too() {
    for (expires_after, sleeps) in [(10, true), (19, false)] {
        let mut config = pinging(Version::V5);
        config.keep_alive.response_timeout = Some(secs(20));
        config.bounds.in_flight = 1;
        let mut rig = Rig::online(config);
        await_ping(&mut rig);
        rig.publish("sent", AtLeastOnce, 1);
        let mut waits = publish("waits", "x", AtLeastOnce);
        waits.properties.push(Property::MessageExpiryInterval(expires_after));
        rig.try_publish(waits, 2).unwrap();
        rig.settle();
        rig.forget_wire();
        // A second behind the end of the ping's time.
        rig.jump(secs(21));
        rig.wake();
        assert_eq!(rig.client.state().is_online(), sleeps, "{expires_after}");
        if sleeps {
            assert_eq!(rig.until(Timer::PingResponse), secs(20), "judged afresh");
            await_death(&mut rig, secs(20));
        }
    }
}

/// K10: the machine sleeps between the queueing of the next ping and its
/// writing, while an earlier one has no answer.
#[test]
fn sleep_with_a_ping_queued_behind_an_unanswered_one_is_no_death() {
    each_version(|version| {
        for span in [secs(60), secs(140), secs(141), secs(200), secs(8 * 3600)] {
            let mut settings = pinging(version);
            settings.keep_alive.response_timeout = Some(secs(140));
            let mut rig = Rig::online(settings);
            await_ping(&mut rig);
            rig.writable = false;
            let next = rig.until(Timer::Ping);
            rig.advance(next);
            assert!(rig.pending() > 0, "queued, not written");
            let deadline = rig.until(Timer::PingResponse);
            rig.jump(deadline + span);
            rig.wake();
            assert!(rig.client.state().is_online(), "{span:?} (K10)");
            rig.unblock();
            assert_eq!(rig.expect(), Packet::PingReq);
            rig.send(&Packet::PingResp);
            rig.advance(secs(10));
            assert!(rig.client.state().is_online());
        }
    });
}

#[test]
fn a_slow_connack_counts_as_our_silence() {
    each_version(|version| {
        let mut settings = pinging(version);
        settings.connect_timeout = secs(300);
        let mut rig = Rig::started(settings);
        rig.accept();
        rig.advance(secs(60));
        rig.send(&Packet::ConnAck(accepted()));
        let wait = rig.until(Timer::Ping);
        assert!(wait <= LATEST - secs(60), "{wait:?}: the server counts from CONNECT");
    });
}

#[test]
fn spacing_that_no_server_accepts_is_refused() {
    for (spacing, fits) in [(secs(150) - MICRO, true), (secs(150), false), (secs(151), false)] {
        let mut settings = pinging(Version::V5);
        settings.keep_alive.min_ping_spacing = spacing;
        let refused = ConfigError::PingSpacing { spacing, keep_alive: secs(100) };
        let expected = if fits { Ok(()) } else { Err(refused) };
        assert_eq!(settings.validate(), expected, "K8");
        settings.connect.keep_alive = 0;
        assert_eq!(settings.validate(), Ok(()), "without pings there is nothing to space");
    }
}

/// AWS IoT Core: at most one ping in 30 s, keep-alive from 30 s on.
#[test]
fn spacing_above_the_interval_delays_pings_no_further_than_it_must() {
    let mut settings = config(Version::V5);
    settings.connect.keep_alive = 30;
    settings.keep_alive.min_ping_spacing = millis(30_500);
    let mut rig = Rig::online(settings);
    await_ping(&mut rig);
    rig.send(&Packet::PingResp);
    for _ in 0..10 {
        assert_eq!(await_ping(&mut rig), millis(30_500), "K2 before K3");
        rig.send(&Packet::PingResp);
    }
}

#[test]
fn no_timer_outlives_its_connection() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        await_ping(&mut rig);
        rig.cut();
        assert!(matches!(rig.client.state(), State::Waiting { .. }));
        assert_eq!(rig.deadline.unwrap().timer, Timer::Reconnect);
        rig.shutdown(secs(0));
        assert_eq!(rig.deadline, None, "K7");
        rig.advance(secs(1000));
        rig.expect_nothing();
    });
}

/// K4: bytes that a layer below holds back, of a large WebSocket message, say.
#[test]
fn bytes_that_are_no_use_yet_are_a_sign_of_life() {
    each_version(|version| {
        for heard in [true, false] {
            let mut rig = Rig::online(pinging(version));
            let mut alive = 0;
            while rig.client.state().is_online() && alive < 100 {
                rig.advance(secs(5));
                alive += 1;
                if heard {
                    let conn = rig.conn();
                    rig.client.handle(rig.now, Input::Heard(conn));
                    rig.settle();
                }
            }
            assert_eq!(rig.client.state().is_online(), heard, "after {alive} times 5 s");
            if !heard {
                let stale = rig.stats().stale_inputs;
                rig.client.handle(rig.now, Input::Heard(evenkeel_proto::ConnectionId(99)));
                assert_eq!(rig.stats().stale_inputs, stale + 1, "K7");
            }
        }
    });
}
