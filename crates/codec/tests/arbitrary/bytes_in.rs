//! Bytes that no one encoded: decoding must end in a packet or in an error,
//! and what it takes for a packet must be one that can be written again.

use bytes::BytesMut;
use evenkeel_codec::{DecodeError, Decoder, Packet, Version};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::packets::{packet, version};

/// Decodes until the bytes are used up or refused.
fn decode_all(mut decoder: Decoder, bytes: &[u8]) {
    let mut buf = BytesMut::from(bytes);
    let mut left = usize::MAX;
    while let Ok(Some(packet)) = decode(&mut decoder, &mut buf) {
        assert!(buf.len() < left, "a packet without a byte");
        left = buf.len();
        assert_writable(&packet, decoder.version().unwrap());
    }
}

/// Decodes by both ways, if a PUBLISH is plain.
fn decode(decoder: &mut Decoder, buf: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
    let mut copy = buf.clone();
    let plain = decoder.decode_plain_publish(&mut copy);
    if plain.is_none() {
        assert_eq!(copy, *buf, "something was taken");
    }
    let decoded = decoder.decode(buf);
    if let Some(publish) = plain {
        assert_eq!(decoded, Ok(Some(Packet::Publish(publish))));
        assert_eq!(copy, *buf);
    }
    decoded
}

fn assert_writable(packet: &Packet, version: Version) {
    let mut out = Vec::new();
    packet.encode(version, &mut out).unwrap();
    let version = match packet {
        Packet::Connect(connect) => connect.version,
        _ => version,
    };
    let again = Decoder::new(version, u32::MAX).decode(&mut BytesMut::from(&out[..]));
    assert_eq!(again, Ok(Some(packet.clone())));
}

/// A change to one place of a byte string.
#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Remove(Index),
    Insert(Index, u8),
    Truncate(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let telling = prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x80), Just(0x7f)];
    prop_oneof![
        (any::<Index>(), telling.clone()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        any::<Index>().prop_map(Mutation::Remove),
        (any::<Index>(), telling).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        any::<Index>().prop_map(Mutation::Truncate),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        match self {
            Self::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            _ if len == 0 => {}
            Self::Set(at, byte) => bytes[at.index(len)] = *byte,
            Self::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
            Self::Remove(at) => drop(bytes.remove(at.index(len))),
            Self::Truncate(at) => bytes.truncate(at.index(len)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn mutated_packets_end_in_a_packet_or_an_error(
        (version, packet) in version().prop_flat_map(|v| (Just(v), packet(v))),
        mutations in vec(mutation(), 1..4),
    ) {
        let mut bytes = Vec::new();
        packet.encode(version, &mut bytes).unwrap();
        mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
        decode_all(Decoder::new(version, 4096), &bytes);
        decode_all(Decoder::for_server(4096), &bytes);
    }

    #[test]
    fn random_bytes_end_in_a_packet_or_an_error(
        version in version(),
        bytes in vec(any::<u8>(), 0..64),
    ) {
        decode_all(Decoder::new(version, 4096), &bytes);
        decode_all(Decoder::for_server(4096), &bytes);
    }

    /// Random bytes seldom get past the header; here they all do.
    #[test]
    fn random_bodies_end_in_a_packet_or_an_error(
        version in version(),
        first_byte in 0x10..=0xff_u8,
        body in vec(any::<u8>(), 0..100),
    ) {
        let mut bytes = vec![first_byte, body.len() as u8];
        bytes.extend_from_slice(&body);
        decode_all(Decoder::new(version, 4096), &bytes);
    }
}
