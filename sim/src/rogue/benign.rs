//! Worlds in which nothing is wrong, though much looks as if.

use evenkeel_codec::QoS;
use evenkeel_doctor::Side;

use super::scene::What;
use super::script::{Message, Script};
use super::{Maker, Scene};
use crate::rng::Rng;

const ALL: &[(&str, Maker)] = &[
    ("a healthy day", healthy_day),
    ("a connection for each message", connection_per_message),
    ("a broker that restarts", broker_restarts),
    ("a broker that restarts, and its clients", fleet_restarts),
    ("a laptop that sleeps once", sleeps_once),
    ("one lost connection", one_loss),
    ("a device that roams once", roams_once),
    ("the session taken over once", taken_over_once),
    ("a slow path", slow_path),
    ("a program that is started again", started_again),
    ("a subscriber with traffic", subscriber),
];

pub(super) fn all() -> impl Iterator<Item = (&'static str, Maker)> {
    ALL.iter().copied()
}

fn healthy_day(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a healthy day", &[], &[]);
    let k = it.keep_alive();
    let who = it.who(k);
    let connection = it.open(&who);
    it.healthy(connection, &who, 4000.0);
    it.goodbye(connection);
    it.done()
}

fn connection_per_message(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a connection for each message", &[], &[]);
    let who = it.who(60);
    let every = 2.0 + it.rng.below(60) as f64;
    for id in 1..it.rng.range(20, 60) as u16 {
        let connection = it.open(&who);
        it.publish(Side::Client, connection, &Message { id, ..Message::default() });
        it.acked_later(Side::Server, connection, id);
        it.now += 2.0 * it.way + 0.002;
        it.goodbye(connection);
        it.wait(every);
    }
    it.done()
}

/// Refused for half a minute, then in again.
fn broker_restarts(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a broker that restarts", &[], &[]);
    let who = it.who(60);
    let connection = it.open(&who);
    it.healthy(connection, &who, 900.0);
    it.line(connection, What::Fin(Side::Server));
    let mut delay = 1.0;
    for _ in 0..it.rng.range(1, 4) {
        it.about(delay);
        it.refused(&who);
        delay *= 2.0;
    }
    it.about(delay);
    let again = it.open(&who);
    it.healthy(again, &who, 900.0);
    it.goodbye(again);
    it.done()
}

/// All lose their connection at once; each comes back by itself.
fn fleet_restarts(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a broker that restarts, and its clients", &[], &[]);
    let began = it.now;
    let ends = began + 1000.0;
    for device in 0..it.rng.range(3, 9) {
        let mut who = it.who(60);
        (who.id, who.host) = (format!("meter-{device}"), 20 + device as u8);
        it.now = began + device as f64;
        let connection = it.open(&who);
        it.subscribe(connection, 1, &["site/#"], QoS::AtLeastOnce);
        it.suback(connection, 1, &[1]);
        let until = ends - 5.0 - it.now;
        it.healthy(connection, &who, until);
        it.now = ends + it.rng.below(1000) as f64 / 1000.0;
        if device == 0 {
            it.line_at(ends, connection, What::Log("mosquitto version 2.0.18 terminating"));
            it.line_at(ends + 4.0, connection, What::Log("mosquitto version 2.0.18 starting"));
        }
        it.stops(connection);
        let mut delay = 1.0;
        while it.now < ends + 4.0 {
            let part = 0.5 + it.rng.below(1000) as f64 / 1000.0;
            it.wait(delay * part);
            delay *= 2.0;
            if it.now < ends + 4.0 {
                it.refused(&who);
            }
        }
        let again = it.open(&who);
        it.subscribe(again, 1, &["site/#"], QoS::AtLeastOnce);
        it.suback(again, 1, &[1]);
        it.healthy(again, &who, 600.0);
        it.goodbye(again);
    }
    it.done()
}

fn sleeps_once(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a laptop that sleeps once", &[], &[]);
    let who = it.who(60);
    let connection = it.open(&who);
    it.healthy(connection, &who, 600.0);
    it.wait(4000.0);
    it.ping(connection);
    it.now += 2.0 * it.way;
    it.line(connection, What::Reset(Side::Server));
    it.about(1.0);
    let again = it.open(&who);
    it.healthy(again, &who, 900.0);
    it.goodbye(again);
    it.done()
}

/// A connection that was reset, once.
fn one_loss(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "one lost connection", &[], &[]);
    let who = it.who(60);
    let connection = it.open(&who);
    it.healthy(connection, &who, 1200.0);
    let side = if it.rng.one_in(2) { Side::Client } else { Side::Server };
    it.line(connection, What::Reset(side));
    it.about(2.0);
    let again = it.open(&who);
    it.healthy(again, &who, 1200.0);
    it.goodbye(again);
    it.done()
}

fn roams_once(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a device that roams once", &[], &[]);
    let who = it.who(60);
    let mut moved = who.clone();
    moved.host = if who.host > 100 { who.host - 60 } else { who.host + 60 };
    let connection = it.open(&who);
    it.healthy(connection, &who, 600.0);
    it.about(30.0);
    let again = it.takes_over(connection, &moved);
    it.healthy(again, &moved, 1200.0);
    it.goodbye(again);
    it.done()
}

fn taken_over_once(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "the session taken over once", &[], &[]);
    let who = it.who(60);
    let connection = it.open(&who);
    it.healthy(connection, &who, 600.0);
    let again = it.takes_over(connection, &who);
    it.healthy(again, &who, 900.0);
    it.goodbye(again);
    it.done()
}

/// Answers that take half a second and vary.
fn slow_path(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a slow path", &[], &[]);
    it.way = 0.3;
    let who = it.who(30);
    let connection = it.open(&who);
    for _ in 0..40 {
        it.wait(30.0);
        it.way = 0.15 + it.rng.below(40) as f64 / 100.0;
        it.pinged(connection);
    }
    it.goodbye(connection);
    it.done()
}

/// A process that ends without a word, now and then, as operators do.
fn started_again(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a program that is started again", &[], &[]);
    let who = it.who(60);
    for _ in 0..3 {
        let connection = it.open(&who);
        let seconds = 700.0 + it.rng.below(900) as f64;
        it.healthy(connection, &who, seconds);
        it.goodbye(connection);
        it.about(20.0);
    }
    it.done()
}

fn subscriber(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a subscriber with traffic", &[], &[]);
    let k = it.keep_alive();
    let who = it.who(k);
    let connection = it.open(&who);
    it.subscribe(connection, 1, &["site/#"], QoS::AtLeastOnce);
    it.suback(connection, 1, &[1]);
    let mut since_ping = 0.0;
    for id in 1..=400 {
        let idle = 0.5 + it.rng.below(20) as f64 / 10.0;
        it.wait(idle);
        let message = Message { id, payload: id.to_string().into_bytes(), ..Message::default() };
        it.publish(Side::Server, connection, &message);
        it.now += it.way;
        it.acked_later(Side::Client, connection, id);
        it.now += 2.0 * it.way + 0.001;
        since_ping += idle;
        if since_ping > f64::from(k) {
            since_ping = 0.0;
            it.pinged(connection);
        }
    }
    it.goodbye(connection);
    it.done()
}
