//! Acknowledgements and flights that go wrong.

use evenkeel_codec::{Property, QoS, Version};
use evenkeel_doctor::{Side, Vantage};

use crate::rng::Rng;
use crate::rogue::scene::{Program, What};
use crate::rogue::script::{Message, PLAIN, Script};
use crate::rogue::{Maker, Scene};

pub(super) const ALL: &[(&str, Maker)] = &[
    ("Receive Maximum exceeded", receive_maximum),
    ("never acknowledges", never_acknowledges),
    ("the server does not acknowledge", server_does_not_acknowledge),
    ("an identifier used again", identifier_again),
    ("sent again on the same connection", sent_again),
    ("the application blocks", application_blocks),
];

fn receive_maximum(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "Receive Maximum exceeded", &["FC01"], PLAIN);
    it.version = Version::V5;
    let who = it.who(60);
    for _ in 0..it.rng.range(2, 4) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.connack(connection, 0, false, vec![Property::ReceiveMaximum(5)]);
        for id in 1..=9 {
            it.wait(0.000_01);
            let payload = id.to_string().into_bytes();
            it.publish(Side::Client, connection, &Message { id, payload, ..Message::default() });
        }
        it.now += 2.0 * it.way + 0.01;
        it.line(connection, What::Fin(Side::Server));
        it.about(8.0);
    }
    it.done()
}

fn never_acknowledges(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "never acknowledges", &["FC02"], PLAIN);
    let who = it.who(20);
    let connection = it.open(&who);
    it.subscribe(connection, 1, &["site/#"], QoS::AtLeastOnce);
    it.suback(connection, 1, &[1]);
    for id in 1..=20 {
        it.about(0.5);
        let payload = id.to_string().into_bytes();
        it.publish(Side::Server, connection, &Message { id, payload, ..Message::default() });
    }
    for _ in 0..5 {
        it.wait(20.0);
        it.pinged(connection);
    }
    it.done()
}

fn server_does_not_acknowledge(rng: &mut Rng) -> Scene {
    let name = "the server does not acknowledge";
    let mut it = Script::new(rng, name, &["FC03"], PLAIN);
    it.log_of(&[Program::Paho, Program::MqttJs5_3, Program::MqttJs5_16]);
    let who = it.who(20);
    let connection = it.open(&who);
    it.healthy(connection, &who, 60.0);
    for id in 100..=103 {
        it.about(1.0);
        let payload = id.to_string().into_bytes();
        it.publish(Side::Client, connection, &Message { id, payload, ..Message::default() });
    }
    for _ in 0..4 {
        it.wait(20.0);
        it.pinged(connection);
    }
    it.done()
}

fn identifier_again(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "an identifier used again", &["FC04"], PLAIN);
    it.way = it.way.max(0.02);
    let who = it.who(60);
    let connection = it.open(&who);
    for round in 0..it.rng.range(3, 8) {
        for part in 0..2 {
            let payload = format!("{round} {part}").into_bytes();
            let message = Message { id: 7, payload, ..Message::default() };
            it.publish(Side::Client, connection, &message);
            it.now += 0.001;
        }
        it.acked_later(Side::Server, connection, 7);
        it.about(5.0);
    }
    it.goodbye(connection);
    it.done()
}

fn sent_again(rng: &mut Rng) -> Scene {
    let name = "sent again on the same connection";
    let mut it = Script::new(rng, name, &["FC05"], PLAIN);
    it.version = Version::V5;
    let who = it.who(60);
    let connection = it.open(&who);
    for id in 1..it.rng.range(3, 8) as u16 {
        it.publish(Side::Client, connection, &Message { id, ..Message::default() });
        it.wait(3.0);
        let again = Message { id, dup: true, ..Message::default() };
        it.publish(Side::Client, connection, &again);
        it.acked_later(Side::Server, connection, id);
        it.about(4.0);
    }
    it.goodbye(connection);
    it.done()
}

/// A message is worked on where the client should read and ping.
fn application_blocks(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "the application blocks", &["FC06"], PLAIN);
    it.shows(Vantage::ClientEvents);
    let k = 10;
    let who = it.who(k);
    for _ in 0..it.rng.range(2, 4) {
        let connection = it.open(&who);
        it.subscribe(connection, 1, &["site/#"], QoS::AtLeastOnce);
        it.suback(connection, 1, &[1]);
        it.about(f64::from(k) * 0.5);
        it.line(connection, What::Pauses(true));
        let stands = it.now;
        for id in 1..=it.rng.range(2, 8) as u16 {
            let payload = id.to_string().into_bytes();
            it.publish(Side::Server, connection, &Message { id, payload, ..Message::default() });
            it.about(1.0);
        }
        // The broker counts from SUBSCRIBE on, and looks every few seconds.
        it.now = stands + f64::from(k) * 1.1 + it.rng.below(50) as f64 / 10.0;
        let ended = it.now;
        it.line(connection, What::Broker("has exceeded timeout, disconnecting."));
        it.line(connection, What::Fin(Side::Server));
        // It goes on, and its acknowledgement meets a closed door.
        it.about(5.0);
        it.line(connection, What::Pauses(false));
        if it.rng.one_in(2) {
            it.acked_later(Side::Client, connection, 1);
        }
        it.now = it.now.max(ended) + 1.0;
    }
    it.done()
}
