//! The life of connections.

use evenkeel_codec::{
    Ack, Auth, ConnAck, Disconnect, Packet, Properties, Property, ReasonCode, Text, Version,
};
use evenkeel_wasm::*;

use crate::world::{NONE, Record, World, error, input, kind, refusal, set_bytes};

#[test]
fn connecting_tells_what_connack_says() {
    let mut world = World::new(|| {});
    assert_eq!(ek_state(world.client), 200);
    assert_eq!(ek_start(world.client, 0.0), 0);
    world.drain();
    let connecting = world.expect(kind::EVENT);
    assert_eq!((connecting.words(8), connecting.float(16)), ([100, 1], 1.0));
    let open = world.expect(kind::OPEN);
    assert_eq!((open.words(8), open.word(20)), ([1, 0], 0), "connection, server, no redirect");
    assert_eq!(ek_state(world.client), 202);
    for phase in 420..=426 {
        assert_eq!(ek_phase(world.client, 1.0, 1, phase), 0);
    }
    assert_eq!(ek_phase(world.client, 1.0, 1, 427), -8);
    assert_eq!(ek_alternatives(world.client, 1.0, 1, 1), 0);
    assert_eq!(ek_fresh_credentials(world.client, 1.0, 1), 0);
    world.now = 20.5;
    assert_eq!(ek_opened(world.client, world.now, 1, 0, NONE, NONE), 0);
    world.drain();
    let properties = Properties::new()
        .with(Property::AssignedClientIdentifier(Text::from_static("yours").unwrap()))
        .with(Property::ServerKeepAlive(30));
    world.accept_here(ConnAck { session_present: false, properties, ..ConnAck::default() });
    assert_eq!((ek_state(world.client), ek_number(world.client, 21)), (203, 30.0));
    let numbers = [20, 5, 40, 41].map(|which| ek_number(world.client, which));
    assert_eq!(numbers, [5.0, 1.0, 1.0, 1.0]);
}

impl World {
    /// As `accept`, and looks at the record.
    fn accept_here(&mut self, connack: ConnAck) {
        assert!(matches!(self.next_packet(), Packet::Connect(_)));
        self.send(Packet::ConnAck(connack));
        let connected = self.expect(kind::CONNECTED);
        assert_eq!(connected.words(8), [1, 5, 0]);
        assert_eq!(connected.float(20), 20.5);
        let [id, properties] = connected.words(28);
        assert_eq!(connected.text(36, id), "yours");
        assert_eq!(connected.bytes(36 + id as usize, properties), b"\x12\0\x05yours\x13\0\x1e");
    }
}

/// K1, K4: a server that answers no ping is left, and not pinged twice.
#[test]
fn keep_alive_ends_a_dead_connection_and_the_next_one_follows() {
    let mut world = World::online(|| {
        assert_eq!((ek_set_number(4, 10.0), ek_set_number(45, 0.0)), (0, 0));
    });
    let pinged = world.pass_deadline();
    assert!((7_000.0..=10_000.0).contains(&pinged), "the ping went out at {pinged}");
    assert_eq!(world.next_packet(), Packet::PingReq);
    world.send(Packet::PingResp);
    let pong = world.expect(kind::EVENT);
    assert!([108, 109].contains(&pong.word(8)));
    while !world.saw(kind::CLOSE) {
        assert!(world.now < 60_000.0, "it lives without an answer");
        world.pass_deadline();
    }
    let reconnected = world.now + 60_000.0;
    while !world.saw(kind::OPEN) {
        assert!(world.now < reconnected, "no reconnect");
        world.pass_deadline();
    }
    assert_eq!(world.conn, 2);
}

#[test]
fn the_end_of_a_connection_is_told_with_its_cause_and_the_next_attempt() {
    let mut world = World::online(|| {
        // A fixed period, as MQTT.js has it.
        let fixed = [(61, 5000.0), (62, 5000.0), (63, 0.0), (66, 0.0)];
        assert!(fixed.iter().all(|(key, value)| ek_set_number(*key, *value) == 0));
    });
    world.now = 250.0;
    world.close();
    let end = world.expect(kind::DISCONNECTED);
    assert_eq!(end.words(8), [1, 302, 408, 321, NONE, NONE, 0]);
    assert_eq!(end.float(36), 250.0);
    let [properties, text] = end.words(44);
    assert!(!end.text(52 + properties as usize, text).is_empty());
    let retry = world.expect(kind::EVENT);
    assert_eq!((retry.word(8), retry.float(16), retry.float(24)), (104, 2.0, 5000.0));
    assert_eq!((ek_state(world.client), world.pass_deadline()), (201, 5250.0));
    world.open();
    assert!(matches!(world.next_packet(), Packet::Connect(_)));
}

#[test]
fn a_server_that_refuses_or_says_goodbye_is_quoted() {
    let mut world = World::new(|| {});
    world.start();
    world.send(Packet::ConnAck(refusal(ReasonCode::NOT_AUTHORIZED)));
    let end = world.expect(kind::DISCONNECTED);
    assert_eq!(end.words(8), [1, 300, 400, 0, 0x87, 0x87, 0]);
    assert!(end.float(36).is_nan());
    let halted = world.expect(kind::EVENT);
    assert_eq!((halted.word(8), halted.float(16), ek_state(world.client)), (105, 441.0, 204));

    let mut world = World::online(|| {});
    let properties =
        Properties::new().with(Property::ReasonString(Text::from_static("late").unwrap()));
    let reason = ReasonCode::SERVER_SHUTTING_DOWN;
    world.send(Packet::Disconnect(Disconnect { reason, properties }));
    let end = world.expect(kind::DISCONNECTED);
    assert_eq!(end.words(8), [1, 301, 405, 0, 0x8b, NONE, 0]);
    assert_eq!((end.word(44), end.bytes(52, 7)), (7, &b"\x1f\0\x04late"[..]));
}

#[test]
fn shutdown_says_disconnect_and_closes() {
    let mut world = World::online(|| {});
    input(&[b"\x1f\0\x03bye"]);
    assert_eq!(ek_shutdown(world.client, world.now, 1000.0, 4, 6), 0, "{}", error());
    world.drain();
    let Packet::Disconnect(said) = world.next_packet() else { panic!() };
    assert_eq!(said.reason, ReasonCode::DISCONNECT_WITH_WILL);
    assert_eq!(said.properties.reason_string().as_deref(), Some("bye"));
    assert_eq!((ek_state(world.client), ek_number(world.client, 70)), (205, 0.0));

    let mut world = World::online(|| assert_eq!(set_bytes(50, b"\x11\0\0\0\0"), 0));
    assert_eq!(ek_shutdown(world.client, world.now, f64::NAN, NONE, 0), -8);
    assert_eq!(ek_shutdown(world.client, world.now, 0.0, 256, 0), -8);
    assert_eq!(ek_shutdown(world.client, world.now, 0.0, 0x81, 0), 0);
    world.drain();
    let Packet::Disconnect(said) = world.next_packet() else { panic!() };
    assert_eq!(said.reason, ReasonCode::MALFORMED_PACKET);
    assert!(world.publish(1, 0, "t", b"") == -535, "a closed client takes nothing");
}

/// What is under way has until the limit; meanwhile there is nothing to do.
#[test]
fn a_shutdown_waits_for_what_is_under_way() {
    let mut world = World::online(|| assert_eq!(ek_set_number(4, 0.0), 0));
    assert_eq!(world.subscribe(1, &[("a", 0)]), 0);
    world.publish(2, 1, "t", b"x");
    world.drain();
    assert_eq!(ek_shutdown(world.client, world.now, 30_000.0, NONE, 0), 0);
    world.drain();
    let wait = world.records.back().unwrap();
    assert_eq!((wait.kind, wait.float(8), wait.word(16)), (kind::WAIT, 30_000.0, 486));
    world.pass_deadline();
    assert_eq!(world.expect(kind::PUBLISHED).words(8), [2, 506]);
    assert_eq!(ek_state(world.client), 205);
    let left = [70, 71, 72, 73].map(|which| ek_number(world.client, which));
    assert_eq!(left, [1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn enhanced_authentication_goes_both_ways() {
    let mut world = World::new(|| {
        assert_eq!((set_bytes(10, b"M"), set_bytes(11, b"configured")), (0, 0));
    });
    assert_eq!(ek_start(world.client, 0.0), 0);
    world.drain();
    input(&[b"first"]);
    assert_eq!(ek_begin_authentication(world.client, 0.0, 1, 5), 0);
    world.open();
    let Packet::Connect(connect) = world.next_packet() else { panic!() };
    assert_eq!(connect.properties.authentication_data().unwrap()[..], b"first"[..]);
    let auth = |reason, data: &'static [u8]| Auth {
        reason,
        properties: Properties::new()
            .with(Property::AuthenticationMethod(Text::from_static("M").unwrap()))
            .with(Property::AuthenticationData(data.into())),
    };
    world.send(Packet::Auth(auth(ReasonCode::CONTINUE_AUTHENTICATION, b"challenge")));
    let step = world.expect(kind::AUTHENTICATE);
    assert_eq!((step.words(8), step.bytes(20, 9)), ([1, 0, 9], &b"challenge"[..]));
    input(&[b"answer"]);
    assert_eq!(ek_authenticate(world.client, 0.0, 1, 6), 0);
    world.drain();
    let Packet::Auth(answer) = world.next_packet() else { panic!() };
    assert_eq!(answer.properties.authentication_data().unwrap()[..], b"answer"[..]);
    let properties = auth(ReasonCode::SUCCESS, b"").properties;
    world.send(Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }));
    assert_eq!(world.expect(kind::AUTHENTICATE).word(12), 1, "the last step");
    assert_eq!(ek_authenticate(world.client, 0.0, 1, 0), 0);
    world.drain();
    assert_eq!(ek_state(world.client), 203);
    input(&[b"again"]);
    assert_eq!(ek_reauthenticate(world.client, 0.0, 5), 1);
    assert_eq!(ek_reauthenticate(world.client, 0.0, 5), 0, "one at a time");
    world.send(Packet::Auth(auth(ReasonCode::CONTINUE_AUTHENTICATION, b"")));
    assert_eq!(ek_authenticate(world.client, 0.0, 1, NONE), 0);
    world.drain();
    assert_eq!(world.expect(kind::DISCONNECTED).word(12), 307);
}

#[test]
fn a_trace_has_the_packets_as_they_are_on_the_wire() {
    let mut world = World::new(|| {
        assert_eq!((set_bytes(5, b"user"), set_bytes(6, b"secret")), (0, 0));
    });
    assert_eq!(ek_trace(world.client, 1), 0);
    world.start();
    world.accept_traced();
    world.publish(1, 1, "t", b"payload");
    world.drain();
    let publish = world.expect(kind::PACKET);
    assert_eq!(publish.words(8), [1, 0, 5, 0, 0, 15]);
    assert_eq!(publish.bytes(32, 15), b"\x32\x0d\0\x01t\0\x01\0payload");
    assert_eq!(ek_trace(world.client, 0), 0);
    world.publish(2, 1, "t", b"");
    world.drain();
    assert!(!world.saw(kind::PACKET));
}

impl World {
    fn accept_traced(&mut self) {
        assert!(matches!(self.next_packet(), Packet::Connect(_)));
        let connect = self.expect(kind::PACKET);
        let [conn, direction, version, lost, held, len] = connect.words(8);
        assert_eq!((conn, direction, version, lost, held), (1, 0, 5, 0, 0));
        let wire = connect.bytes(32, len);
        assert_eq!(wire[0], 0x10);
        assert!(!wire.windows(6).any(|part| part == b"secret"), "{wire:?}");
        self.send(Packet::ConnAck(ConnAck::default()));
        let connack = self.expect(kind::PACKET);
        assert_eq!((connack.word(12), connack.bytes(32, 5)), (1, &b"\x20\x03\0\0\0"[..]));
    }
}

#[test]
fn a_probe_pings_and_inputs_of_old_connections_are_counted() {
    let mut world = World::online(|| {});
    assert_eq!(ek_probe(world.client, 1.0), 1);
    world.drain();
    assert_eq!(world.next_packet(), Packet::PingReq);
    world.send(Packet::PingResp);
    assert_eq!(ek_heard(world.client, world.now, 77), 0);
    assert_eq!(ek_closed(world.client, world.now, 77, 320, 0.0, 0.0), 0);
    assert_eq!(ek_received(world.client, world.now, 77, 0), 0);
    assert_eq!((ek_number(world.client, 56), ek_state(world.client)), (3.0, 203));
    assert_eq!(ek_heard(world.client, world.now, world.conn), 0);
    let mut world = World::new(|| {});
    assert_eq!(ek_probe(world.client, 1.0), 0, "there is no connection");
    world.version = Version::V5;
}

impl World {
    /// The next event with this code, now or when it is due.
    fn told(&mut self, code: u32) -> Record {
        let end = self.now + 60_000.0;
        loop {
            while let Some(record) = self.records.pop_front() {
                if record.kind == kind::EVENT && record.word(8) == code {
                    return record;
                }
            }
            assert!(self.pass_deadline() < end, "no event {code}");
        }
    }
}

/// R17.
#[cfg(feature = "profiles")]
#[test]
fn withheld_answers_the_renewal_and_the_lowered_rate_are_told_with_numbers() {
    let mut world =
        World::speaking(Version::V311, || assert_eq!(set_bytes(51, b"aws-iot-core"), 0));
    world.start();
    world.accept(ConnAck::default());
    for token in 1..=2 {
        world.publish(token, 1, "a", b"");
    }
    world.next_publish();
    let answered = world.next_publish().packet_id.unwrap();
    world.send(Packet::PubAck(Ack::new(answered, ReasonCode::SUCCESS)));
    let withheld = world.told(131);
    assert_eq!(withheld.float(16), 1.0, "one message");
    assert!((30_000.0..=40_000.0).contains(&withheld.float(24)), "{}", withheld.float(24));
    assert_eq!(world.expect(kind::DISCONNECTED).word(12), 310);
    while !world.records.iter().any(|record| record.kind == kind::OPEN) {
        world.pass_deadline();
    }
    world.now += 250.0;
    world.open();
    world.accept(ConnAck::default());
    assert!(world.told(130).float(16) >= 250.0, "the gap");
    let again = world.next_publish().packet_id.unwrap();
    world.send(Packet::PubAck(Ack::new(again, ReasonCode::SUCCESS)));
    for token in 10..210 {
        world.publish(token, 0, "a", b"");
    }
    let reached = world.told(132);
    assert_eq!(reached.float(16), 50.0, "half of the profile's 100");
    assert!((1.0..=200.0).contains(&reached.float(24)), "{} wait", reached.float(24));
    let text = reached.text(36, reached.word(32)).to_owned();
    assert!(text.starts_with("publish_rate of 50 in 1s (lowered for a time; "), "{text}");
}
