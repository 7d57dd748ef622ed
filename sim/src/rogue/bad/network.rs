//! Paths and servers that fail.

use evenkeel_codec::Packet;
use evenkeel_doctor::{Side, Vantage};

use crate::rng::Rng;
use crate::rogue::scene::{Program, What};
use crate::rogue::script::{Message, PLAIN, Script, WIRE};
use crate::rogue::{Maker, Scene};

pub(super) const ALL: &[(&str, Maker)] = &[
    ("the path forgets idle connections", path_forgets),
    ("half open", half_open),
    ("nobody listens", nobody_listens),
    ("no backend", no_backend),
    ("no CONNACK in time", no_connack),
    ("a lifetime of the server", lifetime),
];

/// A router drops what was idle for too long; the ping finds the hole.
fn path_forgets(rng: &mut Rng) -> Scene {
    let name = "the path forgets idle connections";
    let mut it = Script::new(rng, name, &["KA12", "NW01", "KA13"], WIRE);
    it.shows(Vantage::BrokerLog);
    it.shows(Vantage::ClientEvents);
    it.log_of(&[Program::Paho, Program::MqttJs5_16]);
    let k = 60;
    let who = it.who(k);
    for _ in 0..it.rng.range(3, 6) {
        let connection = it.open(&who);
        for id in 1..4 {
            it.about(15.0);
            it.publish(Side::Client, connection, &Message { id, ..Message::default() });
            it.acked_later(Side::Server, connection, id);
            it.now += 2.0 * it.way + 0.001;
        }
        // The broker hears nothing more, and looks every few seconds.
        let late = it.rng.below(50) as f64 / 10.0;
        let timeout = What::Broker("has exceeded timeout, disconnecting.");
        it.line_at(it.now + f64::from(k) * 1.5 + late, connection, timeout);
        it.wait(f64::from(k));
        lost_ping(&mut it, connection, f64::from(k) * 0.75);
        it.about(2.0);
    }
    // The record goes on until it is back.
    it.open(&who);
    it.done()
}

/// A ping that is never heard; the client waits so long.
fn lost_ping(it: &mut Script<'_>, connection: usize, waits: f64) {
    let ping = it.encoded(&Packet::PingReq);
    it.client_sends_in_vain(connection, &Packet::PingReq);
    let (began, mut after) = (it.now, 0.2_f64);
    while after < waits {
        it.line_at(began + after, connection, What::Again(Side::Client, ping.clone()));
        after = after * 2.0 + 0.2;
    }
    it.wait(waits);
    it.line(connection, What::GivesUp);
    it.line(connection, What::Fin(Side::Client));
}

/// The other machine is gone, once in the middle of traffic.
fn half_open(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "half open", &["NW01", "KA12", "KA13"], WIRE);
    it.shows(Vantage::ClientEvents);
    let k = it.keep_alive();
    let who = it.who(k);
    for _ in 0..2 {
        let connection = it.open(&who);
        it.healthy(connection, &who, f64::from(k) * 3.0);
        it.about(f64::from(k) * 0.5);
        lost_ping(&mut it, connection, f64::from(k) * 0.5 + 5.0);
        it.about(3.0);
    }
    it.done()
}

fn nobody_listens(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "nobody listens", &["NW04"], WIRE);
    it.shows(Vantage::ClientEvents);
    let who = it.who(60);
    let mut delay = 1.0;
    for _ in 0..it.rng.range(8, 14) {
        it.refused(&who);
        it.about(delay);
        delay = (delay * 2.0_f64).min(60.0);
    }
    it.done()
}

fn no_backend(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "no backend", &["NW09"], PLAIN);
    it.way = it.way.min(0.002);
    let who = it.who(60);
    for _ in 0..it.rng.range(4, 9) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.now += 0.003;
        it.line(connection, What::Reset(Side::Server));
        it.about(9.0);
    }
    it.done()
}

/// CONNECT is taken in, and answered too late or never.
fn no_connack(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "no CONNACK in time", &["NW09", "RC08"], WIRE);
    it.shows(Vantage::ClientEvents);
    it.log_of(&[Program::MqttJs5_3, Program::MqttJs5_16]);
    let who = it.who(60);
    let (waits, late) = (3.0 + it.rng.below(8) as f64, it.rng.one_in(2));
    for _ in 0..it.rng.range(3, 8) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        let began = it.now;
        if late {
            it.wait(waits * 1.6);
            it.connack(connection, 0, false, Vec::new());
            it.line(connection, What::Reset(Side::Server));
        }
        it.now = began + waits;
        it.line(connection, What::NoConnAck);
        it.line(connection, What::Fin(Side::Client));
        it.wait(waits);
        it.about(2.0);
    }
    it.done()
}

fn lifetime(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a lifetime of the server", &["SV02"], &[Vantage::Plain]);
    let who = it.who(60);
    let life = [3600.0, 7200.0][it.rng.index(2)];
    for _ in 0..it.rng.range(3, 5) {
        let began = it.now;
        let connection = it.open(&who);
        it.healthy(connection, &who, life - 20.0);
        it.pinged(connection);
        it.now = began + life;
        it.line(connection, What::Fin(Side::Server));
        it.about(3.0);
    }
    it.done()
}
