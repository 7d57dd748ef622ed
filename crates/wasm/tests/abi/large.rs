//! Payloads that stay with the caller.

use evenkeel_codec::{Ack, ConnAck, Packet, PacketId, ReasonCode};
use evenkeel_wasm::*;

use crate::world::{NONE, World, error, kind};

const LEAST: usize = 16 * 1024;

fn payload(len: usize, first: u8) -> Vec<u8> {
    (0..len).map(|at| first.wrapping_add(at as u8)).collect()
}

#[test]
fn they_reach_the_server_whole_in_every_qos() {
    let mut world = World::online(|| {});
    let sizes = [LEAST, LEAST + 1, 1 << 20, LEAST, 100_000, 70_000];
    for (index, size) in sizes.into_iter().enumerate() {
        let index = index as u32;
        world.publish_held(index, index % 3, payload(size, index as u8));
        // More than the write buffer takes at once.
        world.drain();
        assert_eq!(world.publish(NONE, 0, "small", b"between"), 0, "{}", error());
    }
    world.drain();
    for (index, size) in sizes.into_iter().enumerate() {
        let Packet::Publish(publish) = world.next_packet() else { panic!() };
        assert!(publish.payload[..] == payload(size, index as u8)[..], "payload {index}");
        assert_eq!(u32::from(publish.qos.level()), index as u32 % 3);
        let Packet::Publish(small) = world.next_packet() else { panic!() };
        assert_eq!(small.payload[..], b"between"[..]);
    }
    assert_eq!(world.payloads.len(), 4, "those of QoS 0 are released once they are written");
    for id in [1, 2, 3, 4].map(|id| PacketId::new(id).unwrap()) {
        let ack = Ack::new(id, ReasonCode::SUCCESS);
        match id.get() % 2 {
            1 => world.send(Packet::PubAck(ack)),
            _ => world.send(Packet::PubRec(ack)),
        }
    }
    world.drain();
    assert_eq!(world.payloads.len(), 0, "nobody needs them any more");
}

#[test]
fn they_are_held_for_the_next_connection() {
    let mut world = World::new(|| assert_eq!(ek_set_number(2, 0.0), 0));
    world.publish_held(1, 1, payload(LEAST, 1));
    world.publish_held(2, 2 + 8, payload(LEAST, 2));
    world.start();
    world.accept(ConnAck::default());
    let ids: Vec<_> = (1..=2)
        .map(|first| {
            let publish = world.next_publish();
            assert!(publish.payload[..] == payload(LEAST, first)[..]);
            publish.packet_id.unwrap()
        })
        .collect();
    world.close();
    while !world.records.iter().any(|record| record.kind == kind::OPEN) {
        world.pass_deadline();
    }
    world.open();
    world.accept(ConnAck { session_present: true, ..ConnAck::default() });
    let again = world.next_publish();
    assert!(again.dup && again.payload[..] == payload(LEAST, 1)[..]);
    world.send(Packet::PubAck(Ack::new(ids[0], ReasonCode::SUCCESS)));
    let again = world.next_publish();
    assert!(again.dup && again.payload[..] == payload(LEAST, 2)[..]);
    assert_eq!(world.payloads.keys().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(ek_abandon(world.client, world.now, ids[1].get().into()), 0);
    world.drain();
    assert!(world.payloads.is_empty());
    assert_eq!(ek_payload(LEAST as u32), 1, "numbers are used again");
}

#[test]
fn a_trace_names_them() {
    let mut world = World::online(|| {});
    assert_eq!(ek_trace(world.client, 1), 0);
    let number = world.publish_held(1, 1, payload(LEAST, 1));
    world.drain();
    let packet = world.expect(kind::PACKET);
    assert_eq!(packet.words(8), [1, 0, 5, 0, number]);
    assert_eq!(packet.bytes(32, packet.word(28)), b"\x32\x8a\x80\x01\0\x05large\0\x01\0");
}

#[test]
fn they_are_refused_where_they_would_be_no_gain_or_no_use() {
    let mut world = World::online(|| assert_eq!(ek_set_number(92, 20_000.0), 0));
    for len in [0, 1, LEAST as u32 - 1, 268_435_456, NONE] {
        assert_eq!(ek_payload(len), -8, "{len}: {}", error());
    }
    let number = ek_payload(30_000);
    world.payloads.insert(number as u32, payload(30_000, 0));
    crate::world::input(&[b"large"]);
    let publish = |number| ek_publish(world.client, 0.0, 1, 1 + 16, 5, 0, number);
    assert_eq!(publish(number as u32), -533, "larger than a packet may be");
    assert_eq!(publish(number as u32), -11, "it is for one publish");
    assert_eq!(publish(77), -11);
    world.drain();
    assert!(world.payloads.is_empty(), "it was released");
}

#[test]
fn there_are_65_535_of_them_at_most() {
    for number in 1..=65_535 {
        assert_eq!(ek_payload(LEAST as u32), number);
    }
    assert_eq!(ek_payload(LEAST as u32), -3);
    assert!(error().contains("taken"), "{}", error());
}
