//! Clients that are not let in, or are thrown out for what they do.

use evenkeel_codec::{Packet, Property, QoS, Version};
use evenkeel_doctor::{Side, Vantage};

use crate::rng::Rng;
use crate::rogue::scene::{Program, What};
use crate::rogue::script::{Message, PLAIN, Script, WIRE};
use crate::rogue::{Maker, Scene};

pub(super) const ALL: &[(&str, Maker)] = &[
    ("wrong password", wrong_password),
    ("denied without an answer", denied_in_silence),
    ("poison subscription", poison_subscription),
    ("poison message", poison_message),
    ("credentials that end", credentials_end),
    ("too large", too_large),
    ("QoS 2", qos_2),
    ("too many filters", too_many_filters),
    ("plain to TLS", plain_to_tls),
    ("another version", another_version),
    ("not MQTT", not_mqtt),
    ("a broken packet", broken_packet),
];

fn wrong_password(rng: &mut Rng) -> Scene {
    let shown = [Vantage::Plain, Vantage::BrokerLog, Vantage::ClientEvents];
    let mut it = Script::new(rng, "wrong password", &["AU03", "RC06"], &shown);
    it.log_of(&[Program::Paho, Program::MqttJs5_16]);
    let mut who = it.who(60);
    who.user = Some("device");
    for _ in 0..it.rng.range(4, 9) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.connack(connection, 0x87, false, Vec::new());
        it.now += 0.000_3;
        it.line(connection, What::Fin(Side::Server));
        it.about(5.0);
    }
    it.done()
}

fn denied_in_silence(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "denied without an answer", &["AU03"], PLAIN);
    it.way = it.way.max(0.02);
    let who = it.who(60);
    for _ in 0..it.rng.range(3, 8) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.now += 2.5 * it.way + 0.1;
        it.line(connection, What::Fin(Side::Server));
        it.about(9.0);
    }
    it.done()
}

fn poison_subscription(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "poison subscription", &["AU01"], WIRE);
    it.shows(Vantage::ClientEvents);
    it.log_of(&[Program::MqttJs5_3, Program::MqttJs5_16]);
    let who = it.who(60);
    for _ in 0..it.rng.range(4, 8) {
        let connection = it.open(&who);
        it.wait(0.02);
        it.subscribe(connection, 1, &["plant/secret/#"], QoS::AtLeastOnce);
        it.now += 2.0 * it.way + 0.01;
        it.line(connection, What::Fin(Side::Server));
        it.about(11.0);
    }
    let connection = it.open(&who);
    it.line(connection, What::SetsAside("plant/secret/#"));
    it.wait(5.0);
    it.goodbye(connection);
    it.done()
}

fn poison_message(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "poison message", &["AU02"], PLAIN);
    it.shows(Vantage::ClientEvents);
    it.log_of(&[Program::MqttJs5_3, Program::MqttJs5_16]);
    let who = it.who(60);
    for _ in 0..it.rng.range(3, 8) {
        let connection = it.open(&who);
        it.wait(0.02);
        let message = Message { topic: "plant/secret", ..Message::default() };
        it.publish(Side::Client, connection, &message);
        it.now += 2.0 * it.way + 0.01;
        it.line(connection, What::Fin(Side::Server));
        it.about(11.0);
    }
    let connection = it.open(&who);
    it.line(connection, What::SetsAside("plant/secret"));
    it.wait(5.0);
    it.goodbye(connection);
    it.done()
}

fn credentials_end(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "credentials that end", &["AU04"], PLAIN);
    let mut who = it.who(60);
    who.user = Some("token");
    for _ in 0..3 {
        let began = it.now;
        let connection = it.open(&who);
        it.healthy(connection, &who, 3500.0);
        it.now = began + 3600.0;
        it.line(connection, What::Fin(Side::Server));
        it.about(4.0);
        for _ in 0..2 {
            let refused = it.tcp(&who);
            it.connect(refused, &who);
            it.connack(refused, 0x87, false, Vec::new());
            it.line(refused, What::Fin(Side::Server));
            it.about(61.0);
        }
    }
    it.done()
}

fn too_large(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "too large", &["LM01"], PLAIN);
    it.shows(Vantage::BrokerLog);
    it.version = Version::V5;
    let who = it.who(60);
    for _ in 0..it.rng.range(3, 6) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.connack(connection, 0, false, vec![Property::MaximumPacketSize(2048)]);
        it.wait(0.02);
        let message = Message { payload: vec![b'x'; 4000], ..Message::default() };
        it.publish(Side::Client, connection, &message);
        it.now += 2.0 * it.way + 0.01;
        it.line(connection, What::Broker("disconnected due to oversize packet."));
        it.line(connection, What::Fin(Side::Server));
        it.about(8.0);
    }
    it.done()
}

fn qos_2(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "QoS 2", &["LM02"], PLAIN);
    let who = it.who(60);
    for _ in 0..it.rng.range(3, 6) {
        let connection = it.open(&who);
        it.wait(0.02);
        let message = Message { qos: QoS::ExactlyOnce, ..Message::default() };
        it.publish(Side::Client, connection, &message);
        it.now += 2.0 * it.way + 0.01;
        it.line(connection, What::Fin(Side::Server));
        it.about(8.0);
    }
    it.done()
}

fn too_many_filters(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "too many filters", &["LM04"], PLAIN);
    it.profile("aws-iot-core");
    let who = it.who(60);
    let filters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for _ in 0..it.rng.range(3, 6) {
        let connection = it.open(&who);
        it.wait(0.02);
        it.subscribe(connection, 1, &filters, QoS::AtLeastOnce);
        it.now += 2.0 * it.way + 0.01;
        it.line(connection, What::Fin(Side::Server));
        it.about(15.0);
    }
    it.done()
}

fn plain_to_tls(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "plain to TLS", &["TL06"], PLAIN);
    it.server_port = 8883;
    let who = it.who(60);
    for _ in 0..it.rng.range(2, 6) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.now += 2.0 * it.way;
        it.line(connection, What::Bytes(Side::Server, vec![21, 3, 1, 0, 2, 2, 70]));
        it.line(connection, What::Fin(Side::Server));
        it.about(8.0);
    }
    it.done()
}

fn another_version(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "another version", &["PR02"], PLAIN);
    it.version = Version::V5;
    let who = it.who(60);
    for _ in 0..it.rng.range(2, 6) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.now += 2.0 * it.way;
        it.line(connection, What::Bytes(Side::Server, vec![0x20, 2, 0, 1]));
        it.line(connection, What::Fin(Side::Server));
        it.about(8.0);
    }
    it.done()
}

fn not_mqtt(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "not MQTT", &["PR03"], PLAIN);
    let who = it.who(60);
    for _ in 0..it.rng.range(2, 6) {
        let connection = it.tcp(&who);
        it.connect(connection, &who);
        it.now += 2.0 * it.way;
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
        it.line(connection, What::Bytes(Side::Server, answer));
        it.line(connection, What::Fin(Side::Server));
        it.about(8.0);
    }
    it.done()
}

fn broken_packet(rng: &mut Rng) -> Scene {
    let mut it = Script::new(rng, "a broken packet", &["PR01", "RC05"], PLAIN);
    it.shows(Vantage::BrokerLog);
    let who = it.who(60);
    for _ in 0..it.rng.range(2, 4) {
        let connection = it.open(&who);
        it.healthy(connection, &who, 30.0);
        let broken = match it.rng.index(3) {
            // A reserved flag of PINGREQ, a second CONNECT, a type that does not exist.
            0 => vec![0xC3, 0],
            1 => {
                it.connect(connection, &who);
                it.encoded(&Packet::PingReq)
            }
            _ => vec![0x00, 0],
        };
        it.line(connection, What::Bytes(Side::Client, broken));
        it.now += 2.0 * it.way;
        it.line(connection, What::Broker("disconnected due to protocol error."));
        it.line(connection, What::Fin(Side::Server));
        it.about(8.0);
    }
    it.done()
}
