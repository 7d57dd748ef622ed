//! A server that does what it likes.

use evenkeel_codec::{ConnAck, Packet};
use evenkeel_wasm::*;

use crate::world::{World, kind};

/// Every byte that can begin a packet, and nonsense behind it.
#[test]
fn bytes_that_are_no_mqtt_end_the_connection_with_a_cause() {
    for first in 0..=u8::MAX {
        let mut world = World::online(|| {});
        world.send_bytes(&[first, 4, 0xff, 0xff, 0xff, 0xff]);
        assert!(world.saw(kind::DISCONNECTED), "{first:#04x}");
        assert_ne!(ek_state(world.client), 203);
    }
}

#[test]
fn bytes_before_connack_end_the_attempt() {
    for bytes in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x15\x03\x03\0\x02\x02\x28", &[0xff; 64]]
    {
        let mut world = World::new(|| {});
        world.start();
        world.send_bytes(bytes);
        assert!(world.saw(kind::DISCONNECTED));
    }
}

/// The whole packet has three bytes more than it says.
#[test]
fn an_announced_length_is_bounded_before_anything_of_it_came() {
    for (announced, state) in [([0xe5, 0x07], 203), ([0xe6, 0x07], 201)] {
        let mut world = World::online(|| assert_eq!(ek_set_number(8, 1000.0), 0));
        world.send_bytes(&[0x30, announced[0], announced[1]]);
        assert_eq!(ek_state(world.client), state, "{announced:x?}");
    }
}

#[test]
fn the_rest_of_an_old_connection_is_no_part_of_the_next() {
    let mut world = World::online(|| {});
    world.receive(&[0x30]);
    world.close();
    while !world.records.iter().any(|record| record.kind == kind::OPEN) {
        world.pass_deadline();
    }
    world.open();
    world.accept(ConnAck::default());
    world.send(Packet::PingResp);
    assert_eq!(ek_state(world.client), 203);
}
