//! Clients whose keep-alive is wrong.

use evenkeel_codec::{Property, QoS, Version};
use evenkeel_doctor::{Side, Vantage};

use crate::rng::Rng;
use crate::rogue::scene::{Program, What};
use crate::rogue::script::{Message, PLAIN, Script, WIRE};
use crate::rogue::{Maker, Scene};

pub(super) const ALL: &[(&str, Maker)] = &[
    ("orphan timer", orphan_timer),
    ("double ping", double_ping),
    ("ping too often", ping_too_often),
    ("queued pings flushed", queued_pings),
    ("server ignores pings", server_ignores_pings),
    ("gives up on an answered ping", gives_up_although_answered),
    ("ping postponed by traffic", postponed),
    ("ping not sent", not_sent),
    ("dead link masked", masked),
    ("Server Keep Alive ignored", server_keep_alive_ignored),
];

/// MQTT.js up to 5.3.4: a timer of the connection before ends each new one.
fn orphan_timer(rng: &mut Rng) -> Scene {
    let shown = [Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog];
    let mut it = Script::new(rng, "orphan timer", &["KA05", "KA01"], &shown);
    it.program(Program::MqttJs5_3);
    let k = it.keep_alive();
    let who = it.who(k);
    let delay = 0.5 + it.rng.below(10) as f64 / 10.0;
    let rounds = it.rng.range(3, 6);
    // The first: a ping whose answer is lost.
    let first = it.open(&who);
    it.wait(f64::from(k));
    it.line(first, What::Checked { closes: false });
    it.ping(first);
    it.wait(f64::from(k));
    it.line(first, What::Checked { closes: true });
    it.line(first, What::Fin(Side::Client));
    for _ in 0..rounds {
        it.wait(delay);
        let began = it.now;
        let connection = it.open(&who);
        it.now = began + f64::from(k) - delay;
        it.line(connection, What::Checked { closes: false });
        it.pinged(connection);
        it.now = began + 2.0 * f64::from(k) - delay;
        it.line(connection, What::Checked { closes: false });
        it.ping(connection);
        it.pong_later(connection);
        it.now += 0.000_2 + it.rng.below(50) as f64 / 1e5;
        it.line(connection, What::Checked { closes: true });
        it.line(connection, What::Fin(Side::Client));
    }
    it.done()
}

/// Two timers ping one connection, in one tick or within the round trip.
fn double_ping(rng: &mut Rng) -> Scene {
    let shown = [Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog, Vantage::ClientEvents];
    let mut it = Script::new(rng, "double ping", &["KA01", "KA02", "KA05"], &shown);
    it.way = it.way.max(0.02);
    let k = it.keep_alive();
    let who = it.who(k);
    let rounds = it.rng.range(2, 4);
    let apart = if it.rng.one_in(3) { 0.000_2 } else { it.way * 0.8 };
    for _ in 0..rounds {
        let connection = it.open(&who);
        for _ in 0..3 {
            it.wait(f64::from(k));
            it.ping(connection);
            it.now += apart;
            it.ping(connection);
            it.now -= apart;
            it.pong_later(connection);
            it.now += apart;
            it.pong_later(connection);
            it.now += 3.0 * it.way;
        }
        it.about(1.0);
        it.line(connection, What::GivesUp);
        it.line(connection, What::Reset(Side::Client));
        it.about(5.0);
    }
    it.done()
}

/// Pings every few seconds at a keep-alive of minutes.
fn ping_too_often(rng: &mut Rng) -> Scene {
    let shown = [Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog];
    let mut it = Script::new(rng, "ping too often", &["KA02"], &shown);
    // Version 1 does not know the keep-alive.
    it.events_2_show();
    let who = it.who(120);
    let connection = it.open(&who);
    let every = 3.0 + it.rng.below(20) as f64;
    for _ in 0..it.rng.range(8, 30) {
        it.about(every);
        it.pinged(connection);
    }
    it.goodbye(connection);
    it.done()
}

/// The path stands still; the pings of that time leave in one write.
fn queued_pings(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "queued pings flushed", &["KA03"], PLAIN);
    let k = 10;
    let who = it.who(k);
    for _ in 0..2 {
        let connection = it.open(&who);
        it.pinged(connection);
        it.wait(f64::from(k) * 3.0 + 4.0);
        let ping = it.encoded(&evenkeel_codec::Packet::PingReq);
        it.line(connection, What::Bytes(Side::Client, ping.repeat(3)));
        it.now += 2.0 * it.way + 0.01;
        it.line(connection, What::Reset(Side::Server));
        it.about(6.0);
    }
    it.done()
}

/// The server delivers, but answers no ping.
fn server_ignores_pings(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "server ignores pings", &["KA04"], WIRE);
    it.shows(Vantage::ClientEvents);
    it.log_of(&[Program::MqttJs5_16]);
    let k = 30;
    let who = it.who(k);
    for _ in 0..it.rng.range(2, 3) {
        let connection = it.open(&who);
        it.wait(f64::from(k));
        it.ping(connection);
        for _ in 0..f64::from(k) as u32 / 2 {
            it.wait(2.0);
            let message = Message { qos: QoS::AtMostOnce, ..Message::default() };
            it.publish(Side::Server, connection, &message);
        }
        it.line(connection, What::GivesUp);
        it.line(connection, What::Fin(Side::Client));
        it.about(8.0);
    }
    it.done()
}

/// The answer came; the client gives up all the same.
fn gives_up_although_answered(rng: &mut Rng) -> Scene {
    let name = "gives up on an answered ping";
    let mut it = Script::new(rng, name, &["KA05"], PLAIN);
    it.way = it.way.min(0.02);
    let k = it.keep_alive();
    let who = it.who(k);
    for _ in 0..it.rng.range(2, 5) {
        let connection = it.open(&who);
        it.wait(f64::from(k));
        it.pinged(connection);
        it.about(0.3);
        it.line(connection, What::GivesUp);
        it.line(connection, What::Reset(Side::Client));
        it.about(4.0);
    }
    it.done()
}

/// What comes in puts the ping off, until the server gives up.
fn postponed(rng: &mut Rng) -> Scene {
    // Under TLS nobody knows the keep-alive of a client that never pings.
    let mut it = Script::new(rng, "ping postponed by traffic", &["KA07"], PLAIN);
    it.shows(Vantage::BrokerLog);
    it.log_of(&[Program::MqttJs5_3, Program::MqttJs5_16]);
    let k = it.keep_alive();
    let who = it.who(k);
    for _ in 0..it.rng.range(2, 4) {
        let connection = it.open(&who);
        let spread = it.rng.below(40) as f64 / 10.0;
        let end = it.now + f64::from(k) * 1.5 + spread;
        while it.now < end - 1.0 {
            it.wait(0.8);
            let message = Message { qos: QoS::AtMostOnce, ..Message::default() };
            it.publish(Side::Server, connection, &message);
        }
        it.now = end;
        it.line(connection, What::Broker("has exceeded timeout, disconnecting."));
        it.line(connection, What::Fin(Side::Server));
        it.about(2.0);
    }
    it.done()
}

/// No ping at all, and nothing comes in either.
fn not_sent(rng: &mut Rng) -> Scene {
    // A broker cannot tell it from a ping that was lost on the way.
    let mut it = Script::new(rng, "ping not sent", &["KA08", "KA07"], PLAIN);
    it.log_of(&[Program::MqttJs5_3, Program::MqttJs5_16]);
    let k = it.keep_alive();
    let who = it.who(k);
    for _ in 0..it.rng.range(3, 5) {
        let connection = it.open(&who);
        let spread = it.rng.below(50) as f64 / 10.0;
        it.wait(f64::from(k) * 1.5 + spread);
        it.line(connection, What::Broker("has exceeded timeout, disconnecting."));
        it.line(connection, What::Fin(Side::Server));
        it.about(2.0);
    }
    it.done()
}

/// Publishes into a dead link and takes that for life.
fn masked(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "dead link masked", &["KA10", "NW01"], PLAIN);
    let k = 20;
    let who = it.who(k);
    for _ in 0..2 {
        let connection = it.open(&who);
        it.healthy(connection, &who, 60.0);
        for id in 100..120 {
            it.wait(5.0);
            let payload = id.to_string().into_bytes();
            let message = Message { id, payload, ..Message::default() };
            it.client_sends_in_vain(connection, &message.packet());
        }
        it.line(connection, What::Reset(Side::Client));
        it.about(10.0);
    }
    it.done()
}

/// CONNACK gives a shorter keep-alive; the client keeps its own.
fn server_keep_alive_ignored(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "Server Keep Alive ignored", &["KA11"], PLAIN);
    it.version = Version::V5;
    let who = it.who(60);
    for _ in 0..2 {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.connack(connection, 0, false, vec![Property::ServerKeepAlive(20)]);
        it.wait(31.0);
        it.line(connection, What::Broker("has exceeded timeout, disconnecting."));
        it.line(connection, What::Fin(Side::Server));
        it.about(3.0);
    }
    it.done()
}
