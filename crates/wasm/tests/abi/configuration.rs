//! Every key, and what becomes of it on the wire.

use evenkeel_codec::{Packet, Property, QoS, Text, Version};
use evenkeel_wasm::*;

use crate::world::{NONE, World, error, input, kind, set_bytes};

/// The numbers of `ABI.md`, each with its default and a value out of its range.
const NUMBERS: &[(u32, f64, f64)] = &[
    (2, 1.0, 2.0),
    (3, 0.0, 4_294_967_296.0),
    (4, 60.0, 65_536.0),
    (7, 1024.0, 65_536.0),
    (8, 16_777_216.0, -1.0),
    (9, 64.0, 65_536.0),
    (40, 5.0, 6.0),
    (41, 1.0, 0.5),
    (42, 1.0, -1.0),
    (43, 30_000.0, -1.0),
    (44, 100.0, f64::INFINITY),
    (45, 1.0, 2.0),
    (46, f64::NAN, -1.0),
    (47, 1.0, f64::NAN),
    (48, 0.0, 2.0),
    (49, 0.0, 3.0),
    (60, 1.0, 2.0),
    (61, 1000.0, -1.0),
    (62, 60_000.0, 1e300),
    (63, 1.0, 2.0),
    (64, 30_000.0, f64::NAN),
    (65, 0.0, 4_294_967_296.0),
    (66, 8.0, 1.5),
    (67, 60_000.0, -1.0),
    (68, 0.0, -1.0),
    (69, 0.0, 3.0),
    (70, 0.0, 2.0),
    (71, 60_000.0, -1.0),
    (72, 120_000.0, -1.0),
    (80, 10_000.0, -1.0),
    (81, 67_108_864.0, 0.5),
    (82, 0.0, 2.0),
    (83, 0.0, 5.0),
    (90, 1024.0, 65_536.0),
    (91, 20.0, 65_536.0),
    (92, 0.0, 4_294_967_296.0),
    (93, 2.0, 3.0),
    (94, 100.0, -1.0),
    (95, 1024.0, -1.0),
    (96, 262_144.0, -1.0),
    (97, 1024.0, -1.0),
    (98, 1_048_576.0, -1.0),
    (99, 0.0, 2.0),
    (100, 2.0, 256.0),
];

#[test]
fn every_number_takes_its_default_and_nothing_out_of_range() {
    ek_config();
    for (key, default, wrong) in NUMBERS {
        assert_eq!(ek_set_number(*key, *default), 0, "key {key}: {}", error());
        assert_eq!(ek_set_number(*key, *wrong), -9, "key {key} took {wrong}");
        assert!(error().starts_with(&format!("configuration key {key}: ")), "{}", error());
        assert_eq!(set_bytes(*key, b"x"), -9, "key {key} took bytes");
    }
    for key in [0, 1, 13, 22, 39, 52, 73, 101, NONE] {
        assert_eq!(ek_set_number(key, 0.0), -9, "key {key}");
    }
    assert!(ek_create(0.0, 0, 0) > 0, "{}", error());
}

#[test]
fn what_connect_says_is_what_was_set() {
    let mut world = World::new(|| {
        for (key, number) in [(2, 0.0), (3, 300.0), (4, 45.0), (7, 7.0), (8, 9000.0), (9, 3.0)] {
            assert_eq!(ek_set_number(key, number), 0);
        }
        for (key, bytes) in [
            (1, &b"device"[..]),
            (5, b"user"),
            (6, b"secret"),
            (12, b"\x26\0\x01k\0\x01v"),
            (20, b"will/topic"),
            (21, b"gone"),
            (24, b"\x18\0\0\0\x05"),
        ] {
            assert_eq!(set_bytes(key, bytes), 0, "key {key}: {}", error());
        }
        assert_eq!((ek_set_number(22, 1.0), ek_set_number(23, 1.0)), (0, 0));
    });
    world.start();
    let Packet::Connect(connect) = world.next_packet() else { panic!() };
    let text = |text: &str| Text::try_from(text).unwrap();
    assert_eq!((connect.client_id, connect.clean_start), (text("device"), false));
    assert_eq!((connect.keep_alive, connect.username), (45, Some(text("user"))));
    assert_eq!(connect.password.as_deref(), Some(&b"secret"[..]));
    let said: Vec<_> = connect.properties.iter().cloned().collect();
    for property in [
        Property::SessionExpiryInterval(300),
        Property::ReceiveMaximum(7),
        Property::MaximumPacketSize(9000),
        Property::TopicAliasMaximum(3),
        Property::UserProperty(text("k"), text("v")),
    ] {
        assert!(said.contains(&property), "{property:?} is not in {said:?}");
    }
    let will = connect.will.unwrap();
    assert_eq!((will.topic.as_str(), &will.payload[..]), ("will/topic", &b"gone"[..]));
    assert_eq!((will.qos, will.retain), (QoS::AtLeastOnce, true));
    assert_eq!(will.properties.will_delay_interval(), Some(5));
}

#[test]
fn the_credentials_of_an_attempt_replace_the_configured_ones() {
    let mut world = World::new(|| assert_eq!(set_bytes(5, b"configured"), 0));
    assert_eq!(ek_start(world.client, 0.0), 0);
    world.drain();
    input(&[b"fresh", b"token"]);
    assert_eq!(ek_opened(world.client, 0.0, world.conn, 1, 5, 5), 0);
    world.drain();
    let Packet::Connect(connect) = world.next_packet() else { panic!() };
    assert_eq!(connect.username.as_deref(), Some("fresh"));
    assert_eq!(connect.password.as_deref(), Some(&b"token"[..]));
}

#[test]
fn a_client_may_say_something_else_at_its_next_connect() {
    let mut world = World::online(|| assert_eq!(set_bytes(5, b"old"), 0));
    assert_eq!(ek_config_of(world.client), 0);
    assert_eq!((set_bytes(5, b"new"), ek_set_number(4, 30.0)), (0, 0));
    assert_eq!(ek_set_number(40, 4.0), -9, "a client keeps its version");
    assert_eq!(ek_create(0.0, 0, 0), -8, "it is no configuration for another client");
    assert_eq!(ek_reconfigure(world.client), -8, "the configuration is gone");
    assert_eq!(ek_config_of(world.client), 0);
    assert_eq!((set_bytes(5, b"new"), ek_set_number(4, 30.0)), (0, 0));
    assert_eq!(ek_reconfigure(world.client), 0, "{}", error());
    assert_eq!(ek_reconnect(world.client, world.now), 0);
    world.drain();
    world.open();
    let Packet::Connect(connect) = world.next_packet() else { panic!() };
    assert_eq!((connect.username.as_deref(), connect.keep_alive), (Some("new"), 30));
    assert_eq!(connect.client_id.as_str(), "c");
}

#[cfg(feature = "profiles")]
#[test]
fn a_profile_makes_settings_stricter() {
    let mut world = World::new(|| assert_eq!(set_bytes(51, b"aws-iot-core"), 0));
    world.start();
    world.accept(Default::default());
    let size = ek_number(world.client, 23);
    assert!(size < 268_435_460.0, "the packet size in force is {size}");
    ek_config();
    assert_eq!(set_bytes(51, b"none"), 0);
    assert_eq!(set_bytes(51, b"no-such"), -10);
    assert!(error().contains("aws-iot-core"), "{}", error());
}

/// The parts of a value.
fn number(value: f64) -> Vec<u8> {
    [&2_u32.to_le_bytes()[..], &value.to_le_bytes()].concat()
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [&3_u32.to_le_bytes()[..], &name(text)].concat()
}

fn table(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = [5_u32.to_le_bytes(), (parts.len() as u32).to_le_bytes()].concat();
    for (key, value) in parts {
        bytes.extend([name(key), value.clone()].concat());
    }
    bytes
}

#[cfg(feature = "profiles")]
#[test]
fn a_profile_of_ones_own_makes_settings_stricter() {
    let limit = table(&[("value", number(1000.0)), ("source", text("the plant"))]);
    let connection = table(&[("maximum_packet_size", limit)]);
    let profile = table(&[("name", text("plant")), ("connection", connection)]);
    let mut world = World::new(|| assert_eq!(set_bytes(52, &profile), 0, "{}", error()));
    world.start();
    world.accept(Default::default());
    assert_eq!(ek_number(world.client, 23), 1000.0);
}

#[cfg(not(feature = "profiles"))]
#[test]
fn without_profiles_what_is_asked_for_is_refused() {
    ek_config();
    assert_eq!((set_bytes(51, b"standard"), set_bytes(51, b"none")), (0, 0));
    assert_eq!(set_bytes(51, b"aws-iot-core"), -10);
    assert!(error().contains("; hint: "), "{}", error());
    assert_eq!(set_bytes(52, &table(&[("name", text("plant"))])), -10);
}

#[cfg(feature = "profiles")]
#[test]
fn a_value_that_is_no_profile_is_refused() {
    ek_config();
    assert_eq!(set_bytes(52, &table(&[("name", number(1.0))])), -10);
    assert_eq!(error(), "profile, name: a text is wanted");
    let whole = table(&[("name", text("x"))]);
    assert_eq!(set_bytes(52, &whole), 0);
    for end in 0..whole.len() {
        assert_eq!(set_bytes(52, &whole[..end]), -2, "cut off at {end}");
    }
    assert_eq!(set_bytes(52, &6_u32.to_le_bytes()), -8, "no such kind");
    let no_text = [3_u32.to_le_bytes(), 1_u32.to_le_bytes(), [0xff, 0, 0, 0]].concat();
    assert_eq!(set_bytes(52, &no_text), -8, "no UTF-8");
    // Lists in lists, as deep as may be and one deeper.
    let list = |depth| [4_u32.to_le_bytes(), 1_u32.to_le_bytes()].concat().repeat(depth);
    let deep = |depth| [list(depth), 1_u32.to_le_bytes().to_vec()].concat();
    assert_eq!((set_bytes(52, &deep(7)), set_bytes(52, &deep(8))), (-10, -8));
}

#[test]
fn a_configuration_that_contradicts_itself_makes_no_client() {
    assert_eq!(ek_set_number(4, 1.0), -8, "none was begun");
    assert_eq!(ek_create(0.0, 0, 0), -8);
    ek_config();
    assert_eq!(ek_set_number(7, 0.0), 0);
    assert_eq!(ek_create(0.0, 0, 0), -653, "a receive maximum of 0");
    assert!(!error().is_empty());
    for (key, bytes, number) in [
        (1, &b"\xff"[..], -4),
        (5, b"a\0b", -4),
        (11, b"data", -9),
        (12, b"\x7f", -7),
        (12, b"\x26\0\x05k", -7),
        (20, b"a/#", -5),
        (21, b"no topic before", -9),
        (24, b"", -9),
        (50, b"\x11", -7),
        (51, b"\xff", -10),
        (52, b"", -2),
        (53, b"", -9),
    ] {
        ek_config();
        assert_eq!(set_bytes(key, bytes), number, "key {key}: {}", error());
    }
}

#[test]
fn an_older_version_is_spoken_if_it_is_set() {
    let mut world = World::speaking(Version::V311, || {});
    world.start();
    let Packet::Connect(connect) = world.next_packet() else { panic!() };
    assert_eq!(connect.version, Version::V311);
    world.send(Packet::ConnAck(Default::default()));
    assert_eq!(world.expect(kind::CONNECTED).words(8), [world.conn, 4, 0]);
}
