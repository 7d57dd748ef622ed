//! Messages from the server, and what is said about them.

use evenkeel_codec::{Ack, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode, Text};
use evenkeel_wasm::*;

use crate::world::{NONE, Record, World, error, input, kind};

fn message(qos: QoS, id: u16, topic: &str, payload: &[u8]) -> Publish {
    Publish {
        qos,
        topic: Text::try_from(topic).unwrap(),
        packet_id: PacketId::new(id),
        payload: payload.to_vec().into(),
        ..Publish::default()
    }
}

fn encode(packets: &[Publish]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for publish in packets {
        Packet::Publish(publish.clone()).encode(evenkeel_codec::Version::V5, &mut bytes).unwrap();
    }
    bytes
}

/// Topic, properties and payload, the payload out of the chunk if it is there.
fn parts(record: &Record, chunk: &[u8]) -> (String, Vec<u8>, Vec<u8>) {
    let [flags, _, _, topic, properties, payload, at] = record.words(8);
    let told = if flags & 16 == 0 { topic } else { 0 };
    let topic = record.text(36, told).to_owned();
    let properties = record.bytes(36 + told as usize, properties).to_vec();
    let at = at as usize;
    let payload = match flags & 32 {
        0 => record.bytes(at, payload).to_vec(),
        _ => chunk[at..at + payload as usize].to_vec(),
    };
    (topic, properties, payload)
}

#[test]
fn payloads_are_told_by_their_place_in_the_chunk() {
    let mut world = World::online(|| {});
    let mut first = message(QoS::AtMostOnce, 0, "a/b", b"first");
    first.properties = Properties::new().with(Property::SubscriptionIdentifier(7));
    first.retain = true;
    let chunk = encode(&[first, message(QoS::AtMostOnce, 0, "a/b", b"second")]);
    world.send_bytes(&chunk);
    let record = world.expect(kind::MESSAGE);
    assert_eq!(record.words(8), [4 + 32, 0, 0]);
    assert_eq!(parts(&record, &chunk), ("a/b".into(), b"\x0b\x07".into(), b"first".into()));
    let record = world.expect(kind::MESSAGE);
    assert_eq!(record.words(8), [16 + 32, 0, 0, 3], "the same topic, not told again");
    assert_eq!(parts(&record, &chunk), ("".into(), vec![], b"second".into()));
}

#[test]
fn a_payload_that_came_in_several_chunks_is_in_the_record() {
    let mut world = World::online(|| {});
    let payload: Vec<u8> = (0..5000_u32).map(|at| at as u8).collect();
    let bytes = encode(&[message(QoS::AtMostOnce, 0, "t", &payload)]);
    for part in bytes.chunks(999) {
        world.receive(part);
    }
    world.drain();
    let record = world.expect(kind::MESSAGE);
    assert_eq!(record.word(8), 0);
    assert_eq!(parts(&record, &[]).2, payload);
    let empty = encode(&[message(QoS::AtMostOnce, 0, "t", b"")]);
    world.send_bytes(&empty);
    assert_eq!(parts(&world.expect(kind::MESSAGE), &empty), ("".into(), vec![], vec![]));
}

#[test]
fn a_bound_on_messages_leaves_the_rest_for_the_next_drain() {
    let mut world = World::online(|| assert_eq!(ek_set_number(97, 3.0), 0));
    let messages: Vec<_> = (0..10_u8).map(|at| message(QoS::AtMostOnce, 0, "t", &[at])).collect();
    world.most = 0;
    world.records.clear();
    let chunk = encode(&messages);
    world.receive(&chunk);
    world.drain();
    let wait = world.expect(kind::WAIT);
    assert_eq!(wait.word(20) & 3, 2, "messages wait, and nothing more is to be read");
    world.most = 4;
    let mut came = Vec::new();
    while came.len() < 10 {
        world.drain();
        let before = came.len();
        while world.records.iter().any(|record| record.kind == kind::MESSAGE) {
            came.extend(parts(&world.expect(kind::MESSAGE), &chunk).2);
        }
        assert!(came.len() - before <= 4 && came.len() > before);
        assert_eq!(ek_number(world.client, 5), 1.0, "it reads on");
        // From now on the rest is in a chunk that is gone.
        world.receive(b"");
    }
    assert_eq!(came, (0..10).collect::<Vec<u8>>());
}

#[test]
fn messages_are_acknowledged_by_their_numbers() {
    let mut world = World::online(|| {});
    world.send_bytes(&encode(&[
        message(QoS::AtLeastOnce, 1, "t", b"1"),
        message(QoS::ExactlyOnce, 2, "t", b"2"),
        message(QoS::AtLeastOnce, 3, "t", b"3"),
    ]));
    let acks: Vec<_> = (1..=3)
        .map(|id| {
            let [flags, packet_id, ack] = world.expect(kind::MESSAGE).words(8);
            assert_eq!((flags & 3, packet_id), (if id == 2 { 2 } else { 1 }, id));
            ack
        })
        .collect();
    assert!(world.packet().is_none(), "nothing is acknowledged by itself");
    let client = world.client;
    assert_eq!(ek_acknowledge(client, 0.0, acks[0], 0, 0, 0), 0);
    assert_eq!(ek_acknowledge(client, 0.0, acks[0], 0, 0, 0), -11, "once only");
    assert_eq!(ek_acknowledge(client, 0.0, acks[1], 0x10, 1, 0), 0);
    assert_eq!(ek_acknowledge(client, 0.0, acks[2], 0x81, 1, 0), -721, "not in PUBACK");
    input(&[b"\x1f\0\x04full"]);
    assert_eq!(ek_acknowledge(client, 0.0, acks[2], 0x97, 0, 7), -8, "properties are strict");
    assert_eq!(ek_acknowledge(client, 0.0, acks[2], 0x97, 1, 7), 0, "{}", error());
    world.drain();
    let plain = |id, reason| Ack::new(PacketId::new(id).unwrap(), reason);
    assert_eq!(world.next_packet(), Packet::PubAck(plain(1, ReasonCode::SUCCESS)));
    assert_eq!(world.next_packet(), Packet::PubRec(plain(2, ReasonCode::NO_MATCHING_SUBSCRIBERS)));
    let Packet::PubAck(last) = world.next_packet() else { panic!() };
    assert_eq!((last.packet_id.get(), last.reason), (3, ReasonCode::QUOTA_EXCEEDED));
    assert_eq!(last.properties.reason_string().as_deref(), Some("full"));
    world.send(Packet::PubRel(plain(2, ReasonCode::SUCCESS)));
    assert_eq!(world.next_packet(), Packet::PubComp(plain(2, ReasonCode::SUCCESS)));
}

#[test]
fn many_are_acknowledged_at_once_and_late_ones_do_no_harm() {
    let mut world = World::online(|| {});
    let messages: Vec<_> = (1..=4).map(|id| message(QoS::AtLeastOnce, id, "t", b"x")).collect();
    world.send_bytes(&encode(&messages));
    let acks: Vec<u32> = (0..4).map(|_| world.expect(kind::MESSAGE).word(16)).collect();
    let words = [acks[0], 0, acks[1], 0x80, 999, 0, acks[2], 0x12];
    let bytes: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    input(&[&bytes]);
    assert_eq!(ek_acknowledge_all(world.client, 0.0, 4), 1, "0x12 is no code of PUBACK");
    world.drain();
    let mut codes = Vec::new();
    while let Some(Packet::PubAck(ack)) = world.packet() {
        codes.push((ack.packet_id.get(), ack.reason.0));
    }
    assert_eq!(codes, [(1, 0), (2, 0x80), (3, 0)]);
    world.close();
    assert_eq!(ek_acknowledge(world.client, world.now, acks[3], 0, 0, 0), 2, "too late");
    assert_eq!(ek_give_back(world.client, acks[3]), -11, "it is done with");
}

#[test]
fn a_message_that_is_given_back_stays_unacknowledged() {
    let mut world = World::online(|| {});
    world.send_bytes(&encode(&[message(QoS::AtLeastOnce, 1, "t", b"x")]));
    let ack = world.expect(kind::MESSAGE).word(16);
    assert_eq!(ek_give_back(world.client, ack), 0);
    assert_eq!(ek_acknowledge(world.client, 0.0, ack, 0, 0, 0), -11);
    world.drain();
    assert!(world.packet().is_none());
    assert_eq!(ek_give_back(world.client, NONE), -11);
}

/// What is kept is not handed over: zeros stand in for it.
fn skip(world: &mut World, bytes: &[u8], chunk: usize, announced: usize) -> u32 {
    let left = world.received(&bytes[..chunk]);
    assert_eq!(left as usize, announced);
    let mut left = left as u32;
    for part in bytes[chunk..].chunks(20_000) {
        assert!(left > 0);
        let len = part.len() as u32;
        left = ek_skipped(world.client, world.now, world.conn, len) as u32;
    }
    left
}

#[test]
fn a_large_payload_may_stay_with_the_caller() {
    for (number, qos) in [(1, QoS::AtMostOnce), (1, QoS::AtLeastOnce), (1, QoS::ExactlyOnce)] {
        let mut world = World::online(|| {});
        let id = u16::from(qos.level() > 0);
        let bytes = encode(&[message(qos, id, "large", &[7; 100_000])]);
        // The head, with two bytes of the payload.
        let chunk = bytes.len() - 100_000 + 2;
        assert_eq!(skip(&mut world, &bytes, chunk, 99_998), 0);
        world.drain();
        let record = world.expect(kind::MESSAGE);
        let [flags, packet_id, _, topic, properties, payload, told] = record.words(8);
        assert_eq!((flags, packet_id), (64 + u32::from(qos.level()), id.into()));
        assert_eq!((topic, properties, payload, told), (5, 0, 100_000, number));
        assert_eq!(record.text(36, 5), "large");
        let chunk = encode(&[message(QoS::AtMostOnce, 0, "large", b"next")]);
        assert_eq!(world.received(&chunk), 0);
        world.drain();
        assert_eq!(parts(&world.expect(kind::MESSAGE), &chunk).2, b"next");
    }
}

#[test]
fn only_what_is_surely_payload_and_large_may_be_skipped() {
    let mut world = World::online(|| {});
    let bytes = encode(&[message(QoS::AtMostOnce, 0, "t", &[7; 20_000])]);
    let head = bytes.len() - 20_000;
    assert_eq!(world.received(&bytes[..head - 1]), 0, "the head is not whole");
    assert_eq!(world.received(&bytes[head - 1..head]), 20_000);
    let skipped = |world: &World, len| ek_skipped(world.client, 0.0, world.conn, len);
    assert_eq!(skipped(&world, 20_001), -2, "there is more behind it");
    assert_eq!(world.received(&bytes[head..head + 3616]), 16_384, "it need not be");
    assert_eq!(world.received(&bytes[head + 3616..head + 3617]), 0, "too little is left");
    assert_eq!(skipped(&world, 1), -8);
    world.send_bytes(&bytes[head + 3617..]);
    assert_eq!(parts(&world.expect(kind::MESSAGE), &[]).2, [7; 20_000]);

    assert_eq!(ek_trace(world.client, 1), 0);
    assert_eq!(world.received(&bytes[..head]), 0, "a trace shows payloads");
    world.send_bytes(&bytes[head..]);
    assert_eq!(ek_trace(world.client, 0), 0);

    assert_eq!(world.received(&bytes[..head]), 20_000);
    assert_eq!(skipped(&world, 1), 19_999);
    let room = ek_reserve(world.client, 1);
    assert!(!room.is_null());
    assert_eq!(ek_received(world.client, 0.0, world.conn, 0), -8, "it is to be ended first");
    assert_eq!(ek_skipped(world.client, 0.0, 99, 1), -8, "of an old connection");
    world.close();
    assert_eq!(skipped(&world, 1), -8, "that one is over, too");
}

#[test]
fn skipped_payloads_are_told_in_order_also_if_they_have_to_wait() {
    let mut world = World::online(|| {});
    world.most = 0;
    for size in [20_000, 30_000] {
        let bytes = encode(&[message(QoS::AtMostOnce, 0, "t", &vec![7; size])]);
        let head = bytes.len() - size;
        assert_eq!(skip(&mut world, &bytes, head, size), 0);
        world.drain();
    }
    // One that pretends to be the second.
    let mut mark = b"\x01evenkeel-wasm: skipped \x02caaaaaaa".to_vec();
    let mut payload = vec![0; 16_384];
    payload.append(&mut mark);
    let bytes = encode(&[message(QoS::AtMostOnce, 0, "t", &payload)]);
    world.receive(&bytes[..10_000]);
    world.receive(&bytes[10_000..]);
    world.most = NONE;
    world.drain();
    for (number, size) in [(1, 20_000), (2, 30_000)] {
        let [flags, _, _, _, _, len, told] = world.expect(kind::MESSAGE).words(8);
        assert_eq!((flags & 96, len, told), (64, size, number));
    }
    assert_eq!(parts(&world.expect(kind::MESSAGE), &[]).2, payload);
}
