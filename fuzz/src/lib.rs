//! What each fuzz target holds the codec to. The codec's test `corpus` runs
//! the same functions over the committed corpus, without a fuzzer.

use bytes::BytesMut;
use evenkeel_codec::{DecodeError, Decoder, Packet, TopicFilter, TopicName, Version};

/// Small enough that the fuzzer meets it.
const MAXIMUM_PACKET_SIZE: u32 = 4096;

/// Input: a byte that chooses version and chunk size, then a stream for a client.
pub fn decode_client(input: &[u8]) {
    let [choice, stream @ ..] = input else { return };
    let version = version(*choice);
    let chunk = usize::from(choice / 3).max(1);
    assert_same_in_chunks(|| Decoder::new(version, MAXIMUM_PACKET_SIZE), stream, chunk);
}

/// Input: a stream for a server.
pub fn decode_server(stream: &[u8]) {
    let decoder = || Decoder::for_server(MAXIMUM_PACKET_SIZE);
    for chunk in [1, 7] {
        assert_same_in_chunks(decoder, stream, chunk);
    }
}

/// Input: a byte that chooses the version, then packets. What decodes must
/// encode, in no more bytes than it came in, and decode to the same packet.
pub fn roundtrip(input: &[u8]) {
    let [choice, stream @ ..] = input else { return };
    let mut decoder = Decoder::new(version(*choice), MAXIMUM_PACKET_SIZE);
    let mut buf = BytesMut::from(stream);
    let mut before = buf.len();
    while let Ok(Some(packet)) = decoder.decode(&mut buf) {
        let version = match &packet {
            Packet::Connect(connect) => Some(connect.version),
            _ => decoder.version(),
        };
        assert_survives(&packet, version.unwrap(), before - buf.len());
        before = buf.len();
    }
}

/// Input: a filter, a line feed, a topic name.
pub fn topic_match(input: &[u8]) {
    let Ok(text) = core::str::from_utf8(input) else { return };
    let Some((filter, topic)) = text.split_once('\n') else { return };
    let (Ok(filter), Ok(topic)) = (TopicFilter::try_from(filter), TopicName::try_from(topic))
    else {
        return;
    };
    let expected = matches_by_levels(filter.pattern(), &topic);
    assert_eq!(filter.matches_name(&topic), expected, "{filter} on {topic}");
}

fn version(choice: u8) -> Version {
    match choice % 3 {
        0 => Version::V31,
        1 => Version::V311,
        _ => Version::V5,
    }
}

/// Packets of a stream, up to an error if there is one.
type Decoded = (Vec<Packet>, Option<DecodeError>);

fn decode_chunks(mut decoder: Decoder, stream: &[u8], chunk: usize) -> Decoded {
    let (mut buf, mut packets) = (BytesMut::new(), Vec::new());
    for bytes in stream.chunks(chunk) {
        buf.extend_from_slice(bytes);
        loop {
            match decoder.decode(&mut buf) {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break,
                Err(error) => return (packets, Some(error)),
            }
        }
        let limit = MAXIMUM_PACKET_SIZE as usize;
        assert!(buf.len() <= limit, "{} bytes are kept", buf.len());
        assert!(decoder.missing(&buf) <= limit);
    }
    (packets, None)
}

fn assert_same_in_chunks(decoder: impl Fn() -> Decoder, stream: &[u8], chunk: usize) {
    let whole = decode_chunks(decoder(), stream, usize::MAX);
    let parts = decode_chunks(decoder(), stream, chunk);
    assert_eq!(whole, parts, "chunks of {chunk}");
}

fn assert_survives(packet: &Packet, version: Version, received: usize) {
    let mut out = Vec::new();
    packet.encode(version, &mut out).unwrap();
    assert_eq!(packet.encoded_len(version), Ok(out.len()));
    assert!(out.len() <= received, "{packet:?} grew from {received} to {} bytes", out.len());
    let mut decoder = Decoder::new(version, MAXIMUM_PACKET_SIZE);
    let again = decoder.decode(&mut BytesMut::from(&out[..]));
    assert_eq!(again, Ok(Some(packet.clone())));
}

/// The rules of section 4.7 level by level, slow and plain.
fn matches_by_levels(pattern: &str, topic: &str) -> bool {
    if topic.starts_with('$') && pattern.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in pattern.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            (_, None) => return false,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}
