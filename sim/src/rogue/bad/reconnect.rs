//! Clients that come back wrongly, or under a wrong name.

use evenkeel_codec::{QoS, Version};
use evenkeel_doctor::{Side, Vantage};

use crate::rng::Rng;
use crate::rogue::scene::{Program, What};
use crate::rogue::script::{Message, PLAIN, Script, WIRE};
use crate::rogue::{Maker, Scene};

pub(super) const ALL: &[(&str, Maker)] = &[
    ("no back-off", no_backoff),
    ("back-off reset by CONNACK", reset_by_connack),
    ("storm", storm),
    ("two owners", two_owners),
    ("client identifier used twice", take_over_fight),
    ("a new identifier each time", random_identifier),
    ("lost session ignored", lost_session),
];

/// The server is away, and the client knocks every second.
fn no_backoff(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "no back-off", &["RC01", "NW04"], WIRE);
    it.shows(Vantage::ClientEvents);
    it.log_of(&[Program::Paho, Program::MqttJs5_3, Program::MqttJs5_16]);
    let who = it.who(60);
    let every = 1.0 + it.rng.below(20) as f64 / 10.0;
    for _ in 0..it.rng.range(60, 120) {
        it.refused(&who);
        it.wait(every);
    }
    it.done()
}

/// Let in, thrown out, at once again: the delay never grows.
fn reset_by_connack(rng: &mut Rng) -> Scene {
    let shown = [Vantage::Plain, Vantage::ClientEvents];
    let mut it = Script::new(rng, "back-off reset by CONNACK", &["RC03", "RC01", "RC04"], &shown);
    it.log_of(&[Program::Paho, Program::MqttJs5_3, Program::MqttJs5_16]);
    let who = it.who(60);
    for _ in 0..it.rng.range(8, 14) {
        let connection = it.open(&who);
        it.about(2.0);
        let message = Message { qos: QoS::AtMostOnce, ..Message::default() };
        it.publish(Side::Server, connection, &message);
        it.about(1.0);
        it.line(connection, What::Fin(Side::Server));
        it.wait(1.0);
    }
    it.done()
}

/// Dozens of connections a minute.
fn storm(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "storm", &["RC04", "RC03", "RC01"], PLAIN);
    it.shows(Vantage::BrokerLog);
    it.log_of(&[Program::Paho, Program::MqttJs5_3, Program::MqttJs5_16]);
    let who = it.who(60);
    for _ in 0..60 {
        let connection = it.open(&who);
        it.about(0.3);
        it.line(connection, What::Reset(Side::Client));
        it.about(0.4);
    }
    it.done()
}

/// Two loops of one program connect with one identifier.
fn two_owners(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "two owners", &["RC05", "RC10", "ID01"], PLAIN);
    it.shows(Vantage::BrokerLog);
    let who = it.who(60);
    let mut open = it.open(&who);
    for _ in 0..it.rng.range(5, 9) {
        it.about(3.0);
        open = it.takes_over(open, &who);
    }
    it.done()
}

/// Two devices with one identifier throw each other off.
fn take_over_fight(rng: &mut Rng) -> Scene {
    let shown = [Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog];
    let mut it = Script::new(rng, "client identifier used twice", &["ID01"], &shown);
    it.says_why = it.version == Version::V5 && it.rng.one_in(2);
    if it.says_why {
        it.shows(Vantage::ClientLog);
        it.shows(Vantage::ClientEvents);
    }
    let one = it.who(60);
    let mut other = one.clone();
    other.host = if one.host > 100 { one.host - 50 } else { one.host + 50 };
    let mut open = it.open(&one);
    for swap in 0..it.rng.range(8, 16) {
        it.about(1.0);
        let who = if swap % 2 == 0 { &other } else { &one };
        open = it.takes_over(open, who);
    }
    it.done()
}

/// Sessions that nobody comes back to.
fn random_identifier(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a new identifier each time", &["ID03"], PLAIN);
    it.shows(Vantage::BrokerLog);
    // With MQTT 5 a session without an expiry ends with its connection.
    it.version = Version::V311;
    let mut who = it.who(60);
    who.clean = false;
    for n in 0..it.rng.range(9, 14) {
        who.id = format!("mqttjs_{:08x}", it.rng.next() ^ n);
        let connection = it.open(&who);
        it.healthy(connection, &who, 90.0);
        it.line(connection, What::Reset(Side::Client));
        it.about(5.0);
    }
    it.done()
}

/// The session is gone; the client subscribes to nothing again.
fn lost_session(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "lost session ignored", &["ID04"], PLAIN);
    let mut who = it.who(60);
    who.clean = false;
    let first = it.open(&who);
    it.subscribe(first, 1, &["site/+/alarm"], QoS::AtLeastOnce);
    it.suback(first, 1, &[1]);
    it.healthy(first, &who, 120.0);
    it.line(first, What::Reset(Side::Server));
    for _ in 0..3 {
        it.about(5.0);
        let connection = it.open(&who);
        it.healthy(connection, &who, 120.0);
        // What the server does is not bound to the client's clock.
        it.about(25.0);
        it.line(connection, What::Reset(Side::Server));
    }
    it.done()
}
