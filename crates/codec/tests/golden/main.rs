//! Holds the codec against packets written by hand from the specifications.

mod frame;
mod vectors;

use bytes::BytesMut;
use evenkeel_codec::{Decoder, Packet, PacketType, Version};

use vectors::{Vector, all};

const LIMIT: u32 = 1024;

fn decoder(vector: &Vector) -> Decoder {
    match vector.packet {
        Packet::Connect(_) => Decoder::for_server(LIMIT),
        _ => Decoder::new(vector.version, LIMIT),
    }
}

#[test]
fn each_vector_decodes_to_its_packet() {
    for vector in all() {
        let mut buf = BytesMut::from(&vector.bytes[..]);
        let mut decoder = decoder(&vector);
        let packet = decoder.decode(&mut buf);
        assert_eq!(packet, Ok(Some(vector.packet.clone())), "{}", vector.name);
        assert!(buf.is_empty(), "{}", vector.name);
        assert_eq!(decoder.version(), Some(vector.version), "{}", vector.name);
    }
}

#[test]
fn each_packet_encodes_to_its_vector() {
    for vector in all().into_iter().filter(|vector| vector.canonical) {
        let mut out = vec![0xee];
        vector.packet.encode(vector.version, &mut out).unwrap();
        assert_eq!(out[0], 0xee, "{}", vector.name);
        assert_eq!(out[1..], vector.bytes, "{}", vector.name);
        let len = vector.packet.encoded_len(vector.version);
        assert_eq!(len, Ok(vector.bytes.len()), "{}", vector.name);
    }
}

#[test]
fn longer_forms_are_never_written() {
    for vector in all().into_iter().filter(|vector| !vector.canonical) {
        let mut out = Vec::new();
        vector.packet.encode(vector.version, &mut out).unwrap();
        assert_ne!(out, vector.bytes, "{}", vector.name);
        let packet = decoder(&vector).decode(&mut BytesMut::from(&out[..]));
        assert_eq!(packet, Ok(Some(vector.packet)), "{}", vector.name);
    }
}

#[test]
fn each_split_of_a_vector_decodes_once_complete() {
    for vector in all() {
        for split in 0..vector.bytes.len() {
            let mut decoder = decoder(&vector);
            let mut buf = BytesMut::from(&vector.bytes[..split]);
            assert_eq!(decoder.decode(&mut buf), Ok(None), "{} at {split}", vector.name);
            assert_eq!(buf, vector.bytes[..split], "{} at {split}", vector.name);
            buf.extend_from_slice(&vector.bytes[split..]);
            let packet = decoder.decode(&mut buf);
            assert_eq!(packet, Ok(Some(vector.packet.clone())), "{} at {split}", vector.name);
        }
    }
}

#[test]
fn each_packet_type_has_a_vector_in_each_version_that_has_it() {
    let vectors = all();
    for first_byte in (0x10..=0xff).step_by(0x10) {
        let packet_type = PacketType::from_first_byte(first_byte).unwrap();
        for version in [Version::V31, Version::V311, Version::V5] {
            let expected = packet_type != PacketType::Auth || version == Version::V5;
            let found = vectors.iter().any(|vector| {
                vector.version == version && vector.packet.packet_type() == packet_type
            });
            assert_eq!(found, expected, "{packet_type} {version:?}");
        }
    }
}

#[test]
fn names_of_vectors_are_unique() {
    let mut names: Vec<_> = all().iter().map(|vector| vector.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
