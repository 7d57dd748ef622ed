//! Names that cannot be resolved.

use evenkeel_doctor::{OpenFailure, What};

use crate::support::*;

const RESOLVER: ([u8; 4], u16) = ([10, 0, 0, 53], 53);

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((28 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(from.0);
    packet.extend(to.0);
    packet.extend(from.1.to_be_bytes());
    packet.extend(to.1.to_be_bytes());
    packet.extend((8 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}

fn message(id: u8, flags: u16, name: &str, kind: u8, address: Option<[u8; 4]>) -> Vec<u8> {
    let mut message = vec![0, id];
    message.extend(flags.to_be_bytes());
    message.extend([0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, kind, 0, 1]);
    if let Some(address) = address {
        message.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
        message.extend(address);
    }
    message
}

impl Wire {
    fn ask(&mut self, at: u64, id: u8, name: &str, kind: u8) {
        let question = message(id, 0x0100, name, kind, None);
        self.ip(at, &udp((self.client.0, 4000), RESOLVER, &question), usize::MAX);
    }

    fn answer(&mut self, at: u64, id: u8, name: &str, code: u16, address: Option<[u8; 4]>) {
        let answer = message(id, 0x8180 | code, name, 1, address);
        self.ip(at, &udp(RESOLVER, (self.client.0, 4000), &answer), usize::MAX);
    }
}

#[test]
fn a_name_of_a_server_that_was_spoken_to() {
    let mut wire = Wire::new();
    wire.ask(0, 1, "broker.test", 1);
    wire.answer(1, 1, "broker.test", 0, Some(SERVER.0));
    wire.open(2);
    wire.send(5, 0, CONNECT);
    let before = wire.words();
    for (at, id, code) in [(10_000, 2, 3), (20_000, 3, 2)] {
        wire.ask(at, id, "Broker.test", 1);
        wire.answer(at + 1, id, "broker.test", code, None);
    }
    // Another name is of no interest.
    wire.ask(30_000, 4, "shop.test", 1);
    wire.answer(30_001, 4, "shop.test", 3, None);
    let notes = wire.notes();
    let failed = "Opening Name Forgotten";
    assert_eq!(notes.words(), format!("{before} {failed} {failed}"));
    let What::Opening { client, server } = notes.what()[3] else { panic!() };
    assert_eq!(notes.texts.text(client.host), "10.0.0.1");
    assert_eq!((notes.texts.text(server.host), server.port), ("10.0.0.9", 1883));
    assert_eq!(notes.what()[4], What::OpenFailed(OpenFailure::Name));
    assert_eq!((notes.events[3].at.0, notes.events[4].at.0), (10_000_000_000, 10_001_000_000));
}

#[test]
fn a_name_that_says_mqtt() {
    let mut wire = Wire::new();
    wire.ask(0, 1, "mqtt.test", 1);
    wire.answer(1, 1, "mqtt.test", 3, None);
    // Another resolver says so too, at once.
    wire.ask(100, 2, "mqtt.test", 1);
    wire.answer(101, 2, "mqtt.test", 3, None);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Name Forgotten");
    let What::Opening { server, .. } = notes.what()[0] else { panic!() };
    assert_eq!(notes.texts.text(server.host), "mqtt.test");
}

#[test]
fn names_that_services_give() {
    let one = |name| {
        let mut wire = Wire::new();
        wire.ask(0, 1, name, 1);
        wire.answer(1, 1, name, 3, None);
        wire.words()
    };
    for name in
        ["a1b2-ats.iot.eu-west-1.amazonaws.com", "hub.azure-devices.net", "c.s1.eu.hivemq.cloud"]
    {
        assert_eq!(one(name), "Opening Name Forgotten", "{name}");
    }
    for name in ["iot.eu-west-1.amazonaws.com", "azure-devices.net.test", "broker.test"] {
        assert_eq!(one(name), "", "{name}");
    }
}

/// In Kubernetes, resolvers try their suffixes first.
#[test]
fn suffixes_that_are_tried_first() {
    let mut wire = Wire::new();
    let tries = |wire: &mut Wire, at: u64, address: Option<[u8; 4]>| {
        let suffixes = [".default.svc.cluster.local", ".cluster.local", ""];
        for (id, suffix) in (1..).zip(suffixes) {
            let name = format!("mqtt.test{suffix}");
            let address = if suffix.is_empty() { address } else { None };
            wire.ask(at + 10 * u64::from(id), id, &name, 1);
            wire.answer(
                at + 10 * u64::from(id) + 5,
                id,
                &name,
                if address.is_some() { 0 } else { 3 },
                address,
            );
        }
    };
    tries(&mut wire, 0, Some(SERVER.0));
    wire.ask(20_000, 9, "shop.test", 1);
    assert_eq!(wire.words(), "");
    let mut wire = Wire::new();
    tries(&mut wire, 0, None);
    tries(&mut wire, 20_000, None);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Name Forgotten Opening Name Forgotten");
    let What::Opening { server, .. } = notes.what()[0] else { panic!() };
    assert_eq!(notes.texts.text(server.host), "mqtt.test");
}

#[test]
fn what_is_no_failure() {
    let mut wire = Wire::new();
    // No address of IPv6, and a suffix that resolvers try.
    wire.ask(0, 1, "mqtt.test", 28);
    wire.answer(1, 1, "mqtt.test", 2, None);
    wire.ask(2, 2, "mqtt.test", 1);
    wire.answer(3, 2, "mqtt.test", 0, Some(SERVER.0));
    wire.ask(4, 3, "mqtt.test.lan", 1);
    wire.answer(5, 3, "mqtt.test.lan", 3, None);
    // A question at the end of the capture.
    wire.ask(6, 4, "mqtt.other", 1);
    wire.ask(10_005, 5, "shop.test", 1);
    assert_eq!(wire.words(), "");
    wire.ask(10_006, 6, "shop.test", 1);
    assert_eq!(wire.words(), "Opening Name Forgotten", "nobody has answered for ten seconds");
}

/// The packets of several queues are not in the order of their times.
#[test]
fn an_answer_that_seems_older_than_its_question() {
    let mut wire = Wire::new();
    wire.ask(10_000, 1, "mqtt.test", 1);
    wire.answer(9_999, 1, "mqtt.test", 3, None);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Name Forgotten");
    assert!(notes.events.is_sorted_by_key(|event| event.at));
}
