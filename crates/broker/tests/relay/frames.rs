//! Packets in frames of a WebSocket.

use evenkeel_broker::relay::{Side, Speech};

use crate::world::*;

const REQUEST: &[u8] = b"GET /mqtt HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const DROP: &str = "sent = \"PINGRESP\"\naction = \"drop\"";
const MASK: [u8; 4] = [1, 2, 3, 4];

/// A frame, masked as a client's or not.
fn frame(first: u8, payload: &[u8], is_masked: bool) -> Vec<u8> {
    let mask = if is_masked { 0x80 } else { 0 };
    let mut frame = match payload.len() {
        len @ ..126 => vec![first, u8::try_from(len).unwrap() | mask],
        len @ ..65_536 => {
            let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
            vec![first, 126 | mask, high, low]
        }
        len => [vec![first, 127 | mask], (len as u64).to_be_bytes().to_vec()].concat(),
    };
    if is_masked {
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        frame.extend(payload);
    }
    frame
}

fn upgraded(rules: &[&str]) -> World {
    let mut world = World::speaking(Speech::WebSocket, rules);
    assert_eq!(world.client(REQUEST), REQUEST);
    assert_eq!(world.server(ANSWER), ANSWER);
    world
}

#[test]
fn packets_are_cut_from_frames_and_put_into_frames() {
    let large = publish("t", &[7; 300]);
    let huge = publish("t", &[8; 70_000]);
    let stream = [CONNACK, PINGRESP, &large, PINGRESP, &huge].concat();
    let expected = [CONNACK, &large, &huge].map(|packet| frame(0x82, packet, false)).concat();
    // Frames end where packets do not.
    for size in [1, 3, 125, 126, 1000, 70_000] {
        let mut world = upgraded(&[DROP]);
        world.client(&frame(0x82, CONNECT, true));
        let framed: Vec<u8> =
            stream.chunks(size).flat_map(|chunk| frame(0x82, chunk, false)).collect();
        let got: Vec<u8> = framed.chunks(77).flat_map(|chunk| world.server(chunk)).collect();
        assert_eq!(got, expected, "in frames of {size}");
    }
}

#[test]
fn what_a_client_sends_stays_masked() {
    let mut world = upgraded(&["received = \"PINGREQ\"\nnth = 1\naction = \"drop\""]);
    let both = [CONNECT, PINGREQ, PINGREQ].concat();
    // One message in two frames.
    let framed = [frame(0x02, &both[..7], true), frame(0x80, &both[7..], true)].concat();
    let expected = [CONNECT, PINGREQ].map(|packet| frame(0x82, packet, true)).concat();
    assert_eq!(world.client(&framed), expected);
}

#[test]
fn control_frames_pass_as_they_are() {
    let mut world = upgraded(&[DROP]);
    let ping = frame(0x89, b"hi", false);
    let (first, second) = PUBACK.split_at(2);
    let stream = [frame(0x82, PINGRESP, false), frame(0x02, first, false), ping.clone()].concat();
    assert_eq!(world.server(&stream), ping);
    let close = frame(0x88, &[3, 232], false);
    let rest = [frame(0x80, second, false), close.clone()].concat();
    assert_eq!(world.server(&rest), [frame(0x82, PUBACK, false), close].concat());
}

#[test]
fn inject_is_a_frame() {
    let mut world = upgraded(&["sent = \"CONNACK\"\naction = { inject = \"d0 00\" }"]);
    world.client(&frame(0x82, CONNECT, true));
    let expected = [PINGRESP, CONNACK].map(|packet| frame(0x82, packet, false)).concat();
    assert_eq!(world.server(&frame(0x82, CONNACK, false)), expected);
}

#[test]
fn what_cannot_be_cut_passes_as_it_is() {
    let cases = [
        ("packed", frame(0xC2, PINGRESP, false)),
        ("text", frame(0x81, PINGRESP, false)),
        ("masked by a server", frame(0x82, PINGRESP, true)),
        ("a long control frame", [&[0x89, 126, 1, 0][..], &[0; 256]].concat()),
    ];
    for (name, bytes) in cases {
        let mut world = upgraded(&[DROP]);
        assert_eq!(world.server(&bytes), bytes, "{name}");
        assert!(world.relay.is_blind(), "{name}");
        let more = frame(0x82, PINGRESP, false);
        assert_eq!(world.server(&more), more, "{name}");
    }
}

#[test]
fn an_answer_that_is_no_upgrade_passes_as_it_is() {
    let mut world = World::speaking(Speech::WebSocket, &[DROP]);
    assert_eq!(world.client(REQUEST), REQUEST);
    let refusal = b"HTTP/1.1 403 Forbidden\r\n\r\n\xd0\0";
    assert_eq!(world.server(refusal), refusal);
    assert!(world.relay.is_blind());
    // A head without an end is not waited for.
    let mut world = World::speaking(Speech::WebSocket, &[DROP]);
    assert_eq!(world.client(&vec![b'a'; 16 * 1024]), b"");
    assert_eq!(world.client(b"a"), vec![b'a'; 16 * 1024 + 1]);
    world.ends(Side::Client);
    assert!(world.is_over(Side::Server));
}

/// Nothing of a peer stops a relay: whatever comes, it takes it in, and ends.
#[test]
fn any_bytes_behind_an_upgrade() {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as u8
    };
    for _ in 0..2000 {
        let mut world = upgraded(&[DROP]);
        for _ in 0..random() % 16 {
            let bytes: Vec<u8> = (0..random() % 32).map(|_| random() % 132).collect();
            world.server(&frame(0x80 | (random() % 12), &bytes, random() < 4));
        }
        world.ends(Side::Server);
        world.to(Side::Client);
        assert!(world.is_over(Side::Client));
    }
}
