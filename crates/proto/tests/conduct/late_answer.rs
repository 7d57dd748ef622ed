//! Servers whose answers to pings are always late: what they cost (K4, K11).

use std::time::Duration;

use evenkeel_proto::codec::{Packet, Version};
use evenkeel_proto::keepalive::{Death, Pong};
use evenkeel_proto::{Config, Event, Instant, Timer};

use crate::keep_alive::{EARLIEST, LATEST, SILENCE, await_death, await_ping, pinging};
use crate::support::*;

fn every(version: Version, keep_alive: u16) -> Config {
    let mut config = pinging(version);
    config.connect.keep_alive = keep_alive;
    config
}

/// When PINGREQs were written on the present connection.
fn pings_here(rig: &Rig) -> Vec<Instant> {
    let conn = rig.conn();
    let pings =
        rig.history.iter().filter(|(_, on, packet)| *on == conn && *packet == Packet::PingReq);
    pings.map(|(at, ..)| *at).collect()
}

/// A server that answers each ping so much later, asked at every step.
struct Late {
    by: Duration,
    answered: usize,
}

impl Late {
    const fn by(by: Duration) -> Self {
        Self { by, answered: 0 }
    }

    /// So much time goes on, and the answers come to the microsecond.
    fn run(&mut self, rig: &mut Rig, span: Duration) {
        let end = rig.now + span;
        while rig.now < end {
            let waiting = rig.link.as_ref().and_then(|_| {
                let pings = pings_here(rig);
                pings.get(self.answered).map(|sent| *sent + self.by)
            });
            let next = end.min(rig.now + self.by / 50);
            let at = waiting.filter(|at| *at <= next).unwrap_or(next);
            rig.advance(at.since(rig.now).saturating_sub(MICRO));
            // What has come by a deadline is read before it is judged.
            rig.now = at;
            self.serve(rig);
            rig.wake();
        }
    }

    /// A connection, if there is none, and the answers that are due.
    fn serve(&mut self, rig: &mut Rig) {
        if !rig.client.state().is_online() {
            rig.await_open();
            rig.accept_with(&accepted());
            self.answered = 0;
        }
        let now = rig.now;
        let due = pings_here(rig).iter().filter(|sent| now.since(**sent) >= self.by).count();
        while self.answered < due {
            rig.send(&Packet::PingResp);
            self.answered += 1;
        }
    }
}

/// What the application and the server do beside the pings.
type Traffic = fn(&mut Rig, u32);

const TRAFFIC: [(&str, Traffic); 4] = [
    ("none", |_, _| {}),
    ("QoS 0 goes out all the time", |rig, _| {
        rig.publish("a", AtMostOnce, 1);
    }),
    ("QoS 0 goes out now and then", |rig, step| {
        if step % 30 == 0 {
            rig.publish("a", AtMostOnce, 1);
        }
    }),
    ("QoS 0 comes now and then", |rig, step| {
        if step % 170 == 0 {
            rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
            rig.message();
        }
    }),
];

/// K4: on a link whose answers take 0.6 keep-alives, nothing is wrong. The
/// bound on the wait for an answer allows that up to keep-alives of 200 s.
#[test]
fn answers_always_late_by_six_tenths_cost_no_connection() {
    for keep_alive in [1, 10, 100, 200] {
        let interval = secs(keep_alive.into());
        for spacing in [millis(100), interval / 2, interval * 9 / 10] {
            for (name, traffic) in TRAFFIC {
                let mut config = every(Version::V5, keep_alive);
                config.keep_alive.min_ping_spacing = spacing;
                let mut rig = Rig::online(config);
                let mut server = Late::by(interval * 6 / 10);
                for step in 0..3_000 {
                    server.run(&mut rig, interval / 100);
                    traffic(&mut rig, step);
                    rig.forget_wire();
                }
                let stats = rig.stats();
                assert_eq!(stats.connects, 1, "{name}, {keep_alive} s, {spacing:?}");
                assert!(rig.client.state().is_online());
                assert!(stats.pings_sent >= 16, "{name}: {stats:?}");
                assert!(stats.pongs + 1 >= stats.pings_sent, "{name}: {stats:?}");
            }
        }
    }
}

/// The other side of that bound: 0.9 intervals cost one connection, and so do
/// 0.61 where they are more than 120 s.
#[test]
fn answers_later_than_that_cost_one_connection() {
    for (keep_alive, late) in [(100, secs(90)), (220, secs(135))] {
        let mut rig = Rig::online(every(Version::V5, keep_alive));
        let mut server = Late::by(late);
        (0..40).for_each(|_| server.run(&mut rig, secs(100)));
        assert_eq!(rig.stats().connects, 2, "{keep_alive} s, late by {late:?}");
    }
}

/// K4, K10: neither a sleep nor a time without reading takes from the time that
/// an answer has.
#[test]
fn nor_do_they_after_a_sleep_or_a_pause() {
    each_version(|version| {
        for asleep in [secs(10), secs(60), secs(149), secs(500), secs(8 * 3600)] {
            let mut rig = Rig::online(pinging(version));
            let mut server = Late::by(secs(60));
            for _ in 0..3 {
                rig.jump(asleep);
                rig.wake();
                server.serve(&mut rig);
                server.run(&mut rig, secs(200));
            }
            assert_eq!(rig.stats().connects, 1, "asleep for {asleep:?}");
        }
        for paused in [secs(10), secs(60), secs(149), secs(500)] {
            let mut settings = pinging(version);
            settings.bounds.inbox_messages = 1;
            let mut rig = Rig::online(settings);
            let mut server = Late::by(secs(60));
            for _ in 0..3 {
                rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
                assert!(!rig.client.wants_read());
                // Answers that come now lie unread.
                server.run(&mut rig, paused);
                rig.message();
                rig.wake();
                rig.read();
                server.run(&mut rig, secs(200));
            }
            assert_eq!(rig.stats().connects, 1, "paused for {paused:?}");
        }
    });
}

/// K4: an idle link is dead 1.5 keep-alives after the last byte, or 120 s after
/// the ping; not later, and not earlier.
#[test]
fn silence_is_death_by_the_last_byte_or_120_s_after_the_ping() {
    each_version(|version| {
        for keep_alive in [1, 10, 60, 150, 180, 1200] {
            let interval = secs(keep_alive.into());
            let mut rig = Rig::online(every(version, keep_alive));
            let heard = rig.now;
            let sent = heard + await_ping(&mut rig);
            let by_silence = heard + interval * 3 / 2;
            let expected = by_silence.min(sent + secs(120));
            rig.advance(expected.since(rig.now) - MICRO);
            assert!(rig.client.state().is_online(), "{keep_alive} s");
            rig.forget_wire();
            await_death(&mut rig, MICRO);
            assert_eq!(rig.now, expected, "{keep_alive} s");
        }
    });
}

/// The time-out of a user is counted from the ping, as it ever was.
#[test]
fn a_time_out_of_the_users_counts_from_the_ping() {
    for (timeout, keep_alive) in
        [(secs(2), 100), (secs(50), 100), (secs(140), 100), (secs(300), 60)]
    {
        let mut settings = every(Version::V5, keep_alive);
        settings.keep_alive.response_timeout = Some(timeout);
        let mut rig = Rig::online(settings);
        await_ping(&mut rig);
        let sent = rig.now;
        await_death(&mut rig, timeout);
        assert_eq!(rig.now, sent + timeout);
    }
}

/// K11: while a ping that was followed by other bytes waits for its answer, the
/// silence of the peer makes the next one due all the same.
#[test]
fn a_ping_that_was_heard_of_does_not_put_off_the_next() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        rig.client.probe(rig.now);
        rig.settle();
        rig.advance(secs(1));
        rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
        rig.message();
        let heard = rig.now;
        while rig.client.state().is_online() {
            rig.advance(secs(1));
            if rig.client.state().is_online() {
                rig.publish("a", AtMostOnce, 1);
            }
            assert!(rig.now <= heard + SILENCE, "K11");
        }
        assert_eq!(rig.now, heard + SILENCE);
        let pings = rig.pings();
        assert_eq!(pings.len(), 2);
        assert!(pings[1].since(heard) <= secs(85), "{pings:?} (K4)");
    });
}

#[test]
fn a_server_found_to_answer_late_is_given_more_time() {
    each_version(|version| {
        let mut rig = Rig::online(pinging(version));
        let mut server = Late::by(secs(110));
        (0..40).for_each(|_| server.run(&mut rig, secs(100)));
        assert_eq!(rig.stats().connects, 2, "1.1 intervals late: one death, then a longer timeout");
        assert!(rig.client.state().is_online());
    });
}

/// The longest time in which nothing was written on a connection, up to its end or to now.
fn longest_silence(rig: &Rig) -> Duration {
    let mut ends: Vec<_> = rig.closes.iter().map(|(at, conn)| (*conn, *at)).collect();
    ends.extend(rig.link.as_ref().map(|link| (link.conn, rig.now)));
    let of_connection = |(conn, end)| {
        let written = rig.history.iter().filter(move |(_, on, _)| *on == conn);
        let times: Vec<Instant> = written.map(|(at, ..)| *at).chain([end]).collect();
        times.windows(2).map(|pair| pair[1].since(pair[0])).max()
    };
    ends.into_iter().filter_map(of_connection).max().unwrap()
}

/// K1, K3, K6: the next ping does not wait for an answer later than the
/// interval; the one that is out is written off instead. Two deaths at most
/// teach the client to wait, then it stays online for good.
//= [MQTT-3.1.2-20] test
//= [MQTT311-3.1.2-23] test
#[test]
fn a_server_that_answers_later_than_the_interval_costs_no_silence() {
    each_version(|version| {
        for (late, most) in [(secs(101), 2), (secs(110), 2), (secs(124), 3)] {
            let mut rig = Rig::online(pinging(version));
            let mut server = Late::by(late);
            (0..40).for_each(|_| server.run(&mut rig, secs(100)));
            let connects = rig.stats().connects;
            assert!((2..=most).contains(&connects), "{connects} connects, late by {late:?}");
            assert!(rig.client.state().is_online());
            let silence = longest_silence(&rig);
            assert!(silence <= LATEST, "{silence:?} (K3)");
            let pings = pings_here(&rig);
            assert!(pings.len() >= 40, "{}", pings.len());
            assert!(pings.windows(2).all(|pair| pair[1].since(pair[0]) >= EARLIEST), "K2");
            let mut round_trips = rig.take_events().into_iter().filter_map(|event| match event {
                Event::PongReceived(Pong::Matched { round_trip }) => Some(round_trip),
                _ => None,
            });
            let first = round_trips.next().unwrap();
            assert_eq!(first, late, "of the first ping");
            assert!(rig.stats().pings_unanswered > 0, "what is written off is counted");
        }
    });
}

/// K11: 1.5 keep-alives since the last byte, and 2.25 at most.
#[test]
fn the_longer_wait_has_its_bound() {
    let deaths = |config: Config| {
        let mut rig = Rig::online(config);
        let mut waited = Vec::new();
        for _ in 0..5 {
            rig.forget_wire();
            let heard = rig.now;
            let Death::NoResponse { sent, last_received } = await_death(&mut rig, secs(225)) else {
                panic!()
            };
            assert_eq!(last_received, heard);
            waited.push((rig.now.since(heard), rig.now.since(sent)));
            rig.await_open();
            rig.accept_with(&accepted());
        }
        waited
    };
    let by_silence = deaths(every(Version::V5, 60)).into_iter().map(|(silence, _)| silence);
    assert_eq!(by_silence.collect::<Vec<_>>(), [90, 120, 135, 135, 135].map(secs));
    // If 120 s after the ping come before, or did.
    for (silence, wait) in deaths(pinging(Version::V5)) {
        assert!(wait >= secs(115).min(silence - secs(85)), "{silence:?}, {wait:?}");
    }
    let mut settings = pinging(Version::V5);
    settings.keep_alive.response_timeout = Some(secs(50));
    let by_ping = deaths(settings).into_iter().map(|(_, wait)| wait);
    let bound = "1.25 times the interval at most";
    assert_eq!(by_ping.collect::<Vec<_>>(), [50, 100, 125, 125, 125].map(secs), "{bound}");
}

#[test]
fn the_longer_timeout_ends_when_answers_come_quickly_again() {
    let usual = secs(60) * 65 / 100;
    let mut rig = Rig::online(every(Version::V5, 60));
    await_death(&mut rig, secs(90));
    rig.await_open();
    rig.accept_with(&accepted());
    // A connection whose answers to publishes say nothing about pings.
    rig.publish("a", AtLeastOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.send(&puback(packet_id));
    rig.reconnect_with(&accepted());
    rig.forget_wire();
    rig.causes();
    let heard = rig.now;
    await_death(&mut rig, secs(120));
    assert_eq!(rig.now, heard + secs(120), "no ping was answered since");
    // Answers that take three quarters of the least time-out are not quick.
    for (late, next) in [(usual * 3 / 4, secs(135)), (usual * 3 / 4 - MICRO, secs(90))] {
        rig.await_open();
        rig.accept_with(&accepted());
        await_ping(&mut rig);
        rig.advance(late);
        rig.send(&Packet::PingResp);
        rig.reconnect_with(&accepted());
        rig.forget_wire();
        rig.causes();
        let heard = rig.now;
        await_death(&mut rig, next);
        assert_eq!(rig.now, heard + next, "after an answer that took {late:?}");
    }
}

/// The engine waits for what comes first, and says for what.
#[test]
fn the_deadline_says_whether_a_ping_is_due_or_judged() {
    let mut settings = pinging(Version::V5);
    settings.keep_alive.response_timeout = Some(secs(20));
    let mut rig = Rig::online(settings);
    await_ping(&mut rig);
    assert_eq!(rig.until(Timer::PingResponse), secs(20));
    let mut rig = Rig::online(every(Version::V5, 1200));
    await_ping(&mut rig);
    assert_eq!(rig.until(Timer::PingResponse), secs(120));
}
