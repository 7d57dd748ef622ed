//! Worlds in which nothing is wrong, though the wire or its capture looks so.

use evenkeel_codec::QoS;
use evenkeel_doctor::Side;

use super::scene::{Camera, What};
use super::script::{Message, Script};
use super::{Maker, Scene};
use crate::rng::Rng;

const ALL: &[(&str, Maker)] = &[
    ("single segments sent again", sent_again),
    ("a capture of one direction", one_direction),
    ("a snap length of 96", snap_length),
    ("several devices behind one address", behind_one_address),
    ("large messages that get through", large_messages),
    ("identifiers in turn", identifiers_in_turn),
];

pub(super) fn all() -> impl Iterator<Item = (&'static str, Maker)> {
    ALL.iter().copied()
}

/// A publisher of QoS 0, of which a segment is lost every few minutes.
fn sent_again(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "single segments sent again", &[], &[]);
    let who = it.who(60);
    let connection = it.open(&who);
    for number in 0..90_u32 {
        it.about(5.0);
        let message = Message {
            qos: QoS::AtMostOnce,
            payload: number.to_string().into(),
            ..Message::default()
        };
        it.publish(Side::Client, connection, &message);
        if number % 30 == 10 {
            let What::Bytes(side, bytes) = it.last() else { continue };
            it.line_at(it.now + 0.2 + 2.0 * it.way, connection, What::Again(side, bytes));
        }
        if number % 11 == 5 {
            it.wait(1.0);
            it.pinged(connection);
        }
    }
    it.goodbye(connection);
    it.done()
}

/// Acknowledged messages and pings; the capture shows one side.
fn one_direction(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a capture of one direction", &[], &[]);
    let only = if it.rng.one_in(2) { Side::Client } else { Side::Server };
    let snap = it.rng.one_in(2).then_some(96);
    it.camera(Camera { only: Some(only), snap });
    traffic(&mut it, 200);
    it.done()
}

fn snap_length(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a snap length of 96", &[], &[]);
    it.camera(Camera { only: None, snap: Some(96) });
    traffic(&mut it, 400);
    it.done()
}

/// Messages with few identifiers, each acknowledged, and pings.
fn traffic(it: &mut Script<'_>, messages: u16) {
    let who = it.who(60);
    for _ in 0..2 {
        let connection = it.open(&who);
        for number in 0..messages {
            it.about(1.0);
            let id = number % 10 + 1;
            let payload = vec![b'7'; 20 + it.rng.index(200)];
            it.publish(Side::Client, connection, &Message { id, payload, ..Message::default() });
            it.acked_later(Side::Server, connection, id);
            it.now += 2.0 * it.way + 0.001;
            if number % 50 == 49 {
                it.wait(59.0);
                it.pinged(connection);
            }
        }
        it.goodbye(connection);
        it.about(30.0);
    }
}

/// A router stands for all of them, and their connections overlap.
fn behind_one_address(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "several devices behind one address", &[], &[]);
    let host = it.who(60).host;
    let began = it.now;
    for device in 0..it.rng.range(3, 8) {
        let mut who = it.who(60);
        (who.host, who.id) = (host, format!("meter-{device}"));
        it.now = began + device as f64 * 7.0;
        for _ in 0..2 {
            let connection = it.open(&who);
            it.healthy(connection, &who, 900.0);
            it.goodbye(connection);
            it.about(20.0);
        }
    }
    it.done()
}

/// Many segments each, of which one at a time is lost and sent again.
fn large_messages(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "large messages that get through", &[], &[]);
    let who = it.who(60);
    let connection = it.open(&who);
    for id in 1..40 {
        it.about(10.0);
        let payload = vec![b'7'; 6000];
        it.publish(Side::Client, connection, &Message { id, payload, ..Message::default() });
        if id % 4 == 0
            && let What::Bytes(side, bytes) = it.last()
        {
            let end = bytes.len() - 1448;
            let again = What::Again(side, bytes[end..].to_vec());
            it.now += 0.2 + 2.0 * it.way;
            it.line(connection, again);
        }
        it.acked_later(Side::Server, connection, id);
        it.now += 2.0 * it.way + 0.001;
    }
    it.goodbye(connection);
    it.done()
}

/// Ten identifiers, one after the other, each free before it is used again.
fn identifiers_in_turn(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "identifiers in turn", &[], &[]);
    let who = it.who(60);
    let connection = it.open(&who);
    for number in 0..300_u16 {
        it.about(0.4);
        let id = number % 10 + 1;
        let payload = number.to_string().into_bytes();
        it.publish(Side::Client, connection, &Message { id, payload, ..Message::default() });
        it.acked_later(Side::Server, connection, id);
        it.now += 2.0 * it.way + 0.001;
    }
    it.goodbye(connection);
    it.done()
}
