//! Sessions that the caller keeps: nothing is promised before it is kept, and the next
//! client goes on with what was.

use evenkeel_codec::{Ack, ConnAck, Packet, PacketId, QoS, ReasonCode};
use evenkeel_wasm::*;

use crate::world::{NONE, World, error, input, kind, output};

const FULL: u32 = 630;

/// A client of what was kept; its log.
fn open(log: &[u8]) -> (World, Vec<u8>) {
    let mut kept = log.to_vec();
    let world = World::new(|| {
        assert_eq!(ek_set_number(2, 0.0), 0);
        assert_eq!(ek_set_number(3, 3_600.0), 0);
        assert_eq!(ek_set_number(111, 1_800_000_000_000.0), 0);
        input(&[log]);
        let counts = ek_replay(log.len() as u32);
        assert!(counts >= 0, "{}", error());
        kept.truncate(counts as usize);
    });
    if kept.is_empty() {
        kept = snapshot(&world);
    }
    (world, kept)
}

fn snapshot(world: &World) -> Vec<u8> {
    let len = ek_snapshot(world.client);
    assert!(len > 0, "{}", error());
    output(len as u32)
}

/// Keeps every batch that is told.
fn keep(world: &mut World, log: &mut Vec<u8>) {
    world.drain();
    while let Some(bytes) = commit(world) {
        log.extend(bytes);
        assert_eq!(ek_committed(world.client, world.now, 0), 0, "{}", error());
        world.drain();
    }
}

/// The batch that waits.
fn commit(world: &mut World) -> Option<Vec<u8>> {
    let index = world.records.iter().position(|record| record.kind == kind::COMMIT)?;
    let record = world.records.remove(index).unwrap();
    Some(record.bytes(12, record.word(8)).to_vec())
}

fn connect(world: &mut World, log: &mut Vec<u8>, session_present: bool) {
    assert_eq!(ek_start(world.client, world.now), 0);
    keep(world, log);
    world.open();
    keep(world, log);
    assert!(matches!(world.next_packet(), Packet::Connect(_)));
    world.send(Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
    keep(world, log);
}

#[test]
fn what_was_accepted_is_delivered_by_the_next_client() {
    let (mut world, mut log) = open(&[]);
    assert!(world.publish(1, 1 + 8, "a", b"one") > 0, "{}", error());
    assert!(world.publish(2, 2 + 8, "a", b"two") > 0);
    keep(&mut world, &mut log);
    drop(world);

    let (mut world, mut log) = open(&log);
    connect(&mut world, &mut log, false);
    let first = world.next_publish();
    assert_eq!((&first.payload[..], first.qos), (&b"one"[..], QoS::AtLeastOnce));
    let second = world.next_publish();
    assert_eq!((&second.payload[..], second.qos), (&b"two"[..], QoS::ExactlyOnce));
    for ack in [
        Packet::PubAck(Ack::new(first.packet_id.unwrap(), ReasonCode::SUCCESS)),
        Packet::PubRec(Ack::new(second.packet_id.unwrap(), ReasonCode::SUCCESS)),
    ] {
        world.send(ack);
        keep(&mut world, &mut log);
    }
    assert!(matches!(world.next_packet(), Packet::PubRel(_)));
    drop(world);

    // The first is done with, of the second PUBREL is left.
    let (mut world, mut log) = open(&log);
    connect(&mut world, &mut log, true);
    let Packet::PubRel(released) = world.next_packet() else { panic!() };
    assert_eq!(released.packet_id, second.packet_id.unwrap());
    assert_eq!(world.packet(), None);
}

#[test]
fn a_publish_is_not_sent_before_it_is_kept() {
    let (mut world, mut log) = open(&[]);
    connect(&mut world, &mut log, false);
    assert_eq!(world.publish(1, 1, "a", b"x"), 0, "{}", error());
    world.drain();
    assert_eq!(world.packet(), None);
    keep(&mut world, &mut log);
    assert_eq!(world.next_publish().payload[..], b"x"[..]);
}

#[test]
fn a_message_that_cannot_be_kept_fails() {
    let (mut world, mut log) = open(&[]);
    connect(&mut world, &mut log, false);
    assert_eq!(world.publish(7, 1, "a", b"x"), 0);
    world.drain();
    assert!(commit(&mut world).is_some());
    assert_eq!(ek_committed(world.client, world.now, FULL), 0);
    world.drain();
    let published = world.expect(kind::PUBLISHED);
    assert_eq!(published.words(8), [7, 509], "not stored");
    assert_eq!(world.packet(), None);
}

#[test]
fn a_snapshot_is_all_that_counts() {
    let (mut world, mut log) = open(&[]);
    for number in 0..20_u8 {
        assert_eq!(world.publish(NONE, 1, "a", &[number]), 0);
        keep(&mut world, &mut log);
    }
    connect(&mut world, &mut log, false);
    for _ in 0..19 {
        let id = world.next_publish().packet_id.unwrap();
        world.send(Packet::PubAck(Ack::new(id, ReasonCode::SUCCESS)));
        keep(&mut world, &mut log);
    }
    // What is over need not be kept at once.
    world.now += 1_000.0;
    keep(&mut world, &mut log);
    let short = snapshot(&world);
    assert!(short.len() < log.len() / 4, "{} of {}", short.len(), log.len());
    let last = world.next_publish();
    assert_eq!(last.payload[..], [19]);
    drop(world);

    let (mut world, mut log) = open(&short);
    connect(&mut world, &mut log, true);
    let again = world.next_publish();
    assert_eq!((again.packet_id, again.dup), (last.packet_id, true));
    assert_eq!(world.packet(), None);
}

#[test]
fn receipts_of_qos_2_are_kept() {
    let (mut world, mut log) = open(&[]);
    connect(&mut world, &mut log, false);
    let publish = evenkeel_codec::Publish {
        qos: QoS::ExactlyOnce,
        packet_id: PacketId::new(9),
        topic: "a".try_into().unwrap(),
        ..Default::default()
    };
    world.send(Packet::Publish(publish.clone()));
    let ack = world.expect(kind::MESSAGE).word(16);
    assert_eq!(ek_acknowledge(world.client, world.now, ack, 0, 0, 0), 0);
    keep(&mut world, &mut log);
    assert!(matches!(world.next_packet(), Packet::PubRec(_)));
    drop(world);

    let (mut world, mut log) = open(&log);
    connect(&mut world, &mut log, true);
    world.send(Packet::Publish(evenkeel_codec::Publish { dup: true, ..publish }));
    keep(&mut world, &mut log);
    assert!(!world.saw(kind::MESSAGE), "the application has it");
    assert!(matches!(world.next_packet(), Packet::PubRec(_)));
}

#[test]
fn the_bound_of_its_bytes_is_kept() {
    let mut world = World::new(|| {
        assert_eq!(ek_set_number(110, 10.0), 0);
        assert_eq!(ek_replay(0), 0);
    });
    let mut log = snapshot(&world);
    assert_eq!(world.publish(1, 1, "a", &[0; 9]), 0);
    keep(&mut world, &mut log);
    // The queue has this bound too.
    assert_eq!(world.publish(2, 1, "a", b""), -530, "{}", error());
}

#[test]
fn bytes_that_are_no_session_are_refused() {
    let (world, log) = open(&[]);
    drop(world);
    let mut damaged = log.clone();
    // In the checksum of the first frame.
    damaged[13] ^= 1;
    damaged.extend(&log[8..]);
    for (bytes, says) in [
        (&b"something else"[..], "this is no session of Evenkeel"),
        (b"evklog\x09\x00", "written in format 9"),
        (&damaged, "from 8 on are damaged"),
    ] {
        ek_config();
        input(&[bytes]);
        assert_eq!(ek_replay(bytes.len() as u32), -12);
        assert!(error().contains(says), "{}", error());
    }
}

#[test]
fn a_torn_end_does_not_count() {
    let (mut world, mut log) = open(&[]);
    assert_eq!(world.publish(1, 1, "a", b"one"), 0);
    keep(&mut world, &mut log);
    let whole = log.len();
    assert_eq!(world.publish(2, 1, "a", b"two"), 0);
    keep(&mut world, &mut log);
    drop(world);
    let (mut world, mut log) = open(&log[..log.len() - 1]);
    assert!(log.len() < whole + 10);
    connect(&mut world, &mut log, false);
    assert_eq!(world.next_publish().payload[..], b"one"[..]);
    assert_eq!(world.packet(), None);
}

#[test]
fn calls_out_of_order_do_nothing() {
    ek_config();
    assert_eq!(ek_set_number(110, 1.5), -9);
    let (mut world, mut log) = open(&[]);
    assert_eq!(ek_committed(world.client, world.now, 0), -8);
    assert!(error().contains("no batch waits"), "{}", error());
    assert_eq!(world.publish(1, 1, "a", b""), 0);
    world.drain();
    assert_eq!(ek_committed(world.client, world.now, 1), -8, "no such failure");
    assert_eq!(ek_snapshot(world.client), -8);
    keep(&mut world, &mut log);
    snapshot(&world);

    let payload = ek_payload(16_384);
    assert!(payload > 0);
    world.payloads.insert(payload as u32, Vec::new());
    input(&[b"a"]);
    assert_eq!(ek_publish(world.client, world.now, 2, 16, 1, 0, payload as u32), -8);

    let other = World::new(|| {});
    assert_eq!(ek_committed(other.client, 0.0, 0), -8);
    assert_eq!(ek_snapshot(other.client), -8);
    assert!(error().contains("ek_replay"), "{}", error());
    assert_eq!(ek_snapshot(999), -1);
}
