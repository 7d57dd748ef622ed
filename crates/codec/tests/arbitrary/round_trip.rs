//! What was encoded decodes to the same packet, however it is cut.

use bytes::BytesMut;
use evenkeel_codec::{Decoder, Packet, Version};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::packets::{packet, version};

fn encoded(packet: &Packet, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out).unwrap();
    assert_eq!(packet.encoded_len(version), Ok(out.len()));
    out
}

fn one_packet() -> impl Strategy<Value = (Version, Packet)> {
    version().prop_flat_map(|version| (Just(version), packet(version)))
}

fn stream() -> impl Strategy<Value = (Version, Vec<Packet>)> {
    version().prop_flat_map(|version| (Just(version), vec(packet(version), 1..6)))
}

proptest! {
    #[test]
    fn each_packet_survives_and_is_recognised_at_no_earlier_byte(
        (version, packet) in one_packet(),
    ) {
        let bytes = encoded(&packet, version);
        for split in 0..bytes.len() {
            let mut decoder = Decoder::new(version, u32::MAX);
            let mut buf = BytesMut::from(&bytes[..split]);
            prop_assert_eq!(decoder.decode(&mut buf), Ok(None));
            let missing = decoder.missing(&buf);
            prop_assert!(missing == 0 || missing == bytes.len() - split);
            buf.extend_from_slice(&bytes[split..]);
            prop_assert_eq!(decoder.decode(&mut buf), Ok(Some(packet.clone())));
            prop_assert!(buf.is_empty());
        }
    }

    #[test]
    fn a_plain_publish_is_recognised_and_nothing_else(
        (version, packet) in one_packet(),
    ) {
        let bytes = encoded(&packet, version);
        let plain = match packet {
            Packet::Publish(publish) => {
                let topic = publish.topic.as_bytes();
                let is_plain = !topic.is_empty() && topic.is_ascii();
                Some(publish).filter(|it| is_plain && it.properties.is_empty())
            }
            _ => None,
        };
        let decoder = Decoder::new(version, u32::MAX);
        for split in 0..bytes.len() {
            let mut buf = BytesMut::from(&bytes[..split]);
            prop_assert_eq!(decoder.decode_plain_publish(&mut buf), None);
            prop_assert_eq!(buf.len(), split);
        }
        let mut buf = BytesMut::from(&bytes[..]);
        prop_assert_eq!(&decoder.decode_plain_publish(&mut buf), &plain);
        prop_assert_eq!(buf.is_empty(), plain.is_some());
    }

    #[test]
    fn a_stream_of_packets_survives_any_chunks(
        (version, packets) in stream(),
        sizes in vec(1..40_usize, 1..20),
    ) {
        let bytes: Vec<u8> = packets.iter().flat_map(|p| encoded(p, version)).collect();
        let mut decoder = Decoder::new(version, u32::MAX);
        let (mut buf, mut decoded) = (BytesMut::new(), Vec::new());
        let (mut rest, mut sizes) = (&bytes[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            rest = behind;
            buf.extend_from_slice(chunk);
            while let Some(packet) = decoder.decode(&mut buf).unwrap() {
                decoded.push(packet);
            }
        }
        prop_assert_eq!(decoded, packets);
        prop_assert!(buf.is_empty());
    }

    #[test]
    fn a_server_takes_up_the_version_of_any_connect(
        (version, packet) in one_packet(),
    ) {
        let mut decoder = Decoder::for_server(u32::MAX);
        let decoded = decoder.decode(&mut BytesMut::from(&encoded(&packet, version)[..]));
        if matches!(packet, Packet::Connect(_)) {
            prop_assert_eq!(decoded, Ok(Some(packet)));
            prop_assert_eq!(decoder.version(), Some(version));
        } else {
            prop_assert!(decoded.is_err());
            prop_assert_eq!(decoder.version(), None);
        }
    }
}
