//! Any split of the bytes, bytes that are no packets, and what may wait.

use evenkeel_broker::relay::Side;

use crate::world::*;

const DROP: &str = "sent = \"PINGRESP\"\naction = \"drop\"";

#[test]
fn packets_are_cut_from_any_split() {
    let stream = [CONNACK, PINGRESP, &publish("t", &[7; 300]), PINGRESP, PUBACK].concat();
    let left = [CONNACK, &publish("t", &[7; 300]), PUBACK].concat();
    for size in 1..stream.len() {
        let mut world = World::new(&[DROP]);
        world.client(CONNECT);
        let got: Vec<u8> = stream.chunks(size).flat_map(|chunk| world.server(chunk)).collect();
        assert_eq!(got, left, "in pieces of {size}");
    }
}

#[test]
fn what_is_too_long_passes_piece_by_piece() {
    let all = "sent = \"PUBLISH\"\naction = \"drop\"";
    // The longest packet that is looked at has 1 MiB.
    for (payload, passes) in [(1_048_576 - 4 - 3, false), (1_048_576 - 4 - 2, true)] {
        let mut world = World::connected(&[all]);
        let packet = publish("t", &vec![0; payload]);
        assert_eq!(packet.len(), if passes { 1_048_577 } else { 1_048_576 });
        let mut got = Vec::new();
        for chunk in packet.chunks(10_000) {
            got.extend(world.server(chunk));
        }
        assert_eq!(got, if passes { packet } else { Vec::new() });
        // What follows is cut again.
        assert_eq!(world.server(&publish("t", b"")), b"");
        assert!(!world.relay.is_blind());
    }
}

#[test]
fn what_is_no_packet_passes_as_it_is() {
    let mut world = World::connected(&[DROP]);
    assert_eq!(world.server(&PINGRESP[..1]), b"");
    // A length of five bytes.
    let garbage = b"\xd0\xff\xff\xff\xff\x01";
    assert_eq!(world.server(&garbage[1..]), garbage);
    assert!(world.relay.is_blind());
    assert_eq!(world.server(PINGRESP), PINGRESP);
    assert_eq!(world.applied().len(), 0);
}

#[test]
fn what_cannot_be_decoded_is_hit_by_no_rule() {
    let mut world = World::new(&["sent = \"any\"\naction = \"drop\""]);
    world.client(CONNECT);
    // PINGRESP has no content.
    let malformed = b"\xd0\x01\0";
    assert_eq!(world.server(malformed), malformed);
    assert_eq!(world.server(PINGRESP), b"");
}

#[test]
fn half_a_packet_is_passed_on_at_the_end() {
    let mut world = World::connected(&[DROP]);
    assert_eq!(world.server(&PUBACK[..3]), b"");
    world.ends(Side::Server);
    assert_eq!(world.to(Side::Client), PUBACK[..3]);
    assert!(world.is_over(Side::Client));
}

#[test]
fn a_side_that_takes_nothing_stops_the_other() {
    let mut world = World::connected(&[DROP]);
    let now = world.now;
    let fill = |world: &mut World, bytes: usize| {
        world.relay.receive(&mut world.faults, now, Side::Server, &PUBACK.repeat(bytes / 4));
    };
    fill(&mut world, 256 * 1024 - 4);
    assert!(world.relay.wants(now, Side::Server));
    fill(&mut world, 4);
    assert!(!world.relay.wants(now, Side::Server) && world.relay.wants(now, Side::Client));
    assert_eq!(world.to(Side::Client).len(), 256 * 1024);
    assert!(world.relay.wants(now, Side::Server));
}

#[test]
fn a_silent_relay_takes_in_as_much_as_a_system_would() {
    let mut world = World::connected(&["received = \"PINGREQ\"\naction = { silence = {} }"]);
    assert_eq!(world.client(PINGREQ), PINGREQ);
    let now = world.now;
    world.client(&vec![0xC0; 64 * 1024 - 1]);
    assert!(world.relay.wants(now, Side::Client));
    world.client(&[0]);
    assert!(!world.relay.wants(now, Side::Client));
}

#[test]
fn what_is_put_off_is_bounded() {
    let mut world = World::connected(&["sent = \"PUBLISH\"\naction = { delay = \"1s\" }"]);
    let large = publish("t", &vec![0; 1_000_000]);
    for _ in 0..5 {
        assert_eq!(world.server(&large), b"");
    }
    assert_eq!(world.server(&large), large, "beyond 4 MiB it passes at once");
    let mut world = World::connected(&["sent = \"PUBACK\"\naction = { delay = \"1s\" }"]);
    assert_eq!(world.server(&PUBACK.repeat(10_001)), PUBACK);
    world.wait(ms(1000));
    assert_eq!(world.to(Side::Client), PUBACK.repeat(10_000));
}

#[test]
fn no_bytes_are_shown() {
    let mut world = World::connected(&["sent = \"PUBLISH\"\naction = { delay = \"1s\" }"]);
    world.server(&publish("t", b"secret"));
    world.client(&publish("t", b"secret")[..8]);
    let shown = format!("{:?}", world.relay);
    assert_eq!(shown, "Relay { client: Some(\"pump\"), is_closed: false, .. }");
}

/// Whatever it is, and however it is cut: without a rule for it, it passes.
#[test]
fn any_bytes_pass_unchanged() {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    };
    for _ in 0..2000 {
        let mut world = World::new(&["sent = \"AUTH\"\nnth = 9\naction = \"drop\""]);
        let mut stream = Vec::new();
        for _ in 0..random() % 20 {
            match random() % 4 {
                0 => stream.extend(publish("t", &vec![0; (random() % 300) as usize])),
                1 => stream.extend(PUBACK),
                2 => stream.extend(PINGRESP),
                _ => stream.push(random() as u8),
            }
        }
        let mut got = Vec::new();
        for chunk in stream.chunks(1 + (random() % 40) as usize) {
            got.extend(world.server(chunk));
        }
        world.ends(Side::Server);
        got.extend(world.to(Side::Client));
        assert_eq!(got, stream);
        assert!(world.is_over(Side::Client));
    }
}
