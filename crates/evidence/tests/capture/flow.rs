//! TCP: openings, order, gaps, ends.

use evenkeel_doctor::{CloseHow, ConnectionId, Side, Time, Vantage, What};
use evenkeel_evidence::capture::Options;

use crate::support::*;

#[test]
fn a_connection_from_its_opening_to_its_end() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.send(6, 1, CONNACK);
    wire.end(9, 1);
    wire.end(10, 0);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Accepted Connect ConnAck Closing");
    assert_eq!(notes.events[0].at, Time(0));
    assert_eq!(notes.events[0].place.0, 24);
    assert_eq!(notes.sources.len(), 1);
    assert_eq!(notes.sources[0].vantage, Vantage::Plain);
    let What::Opening { client, server } = notes.what()[0] else { panic!() };
    assert_eq!((notes.texts.text(client.host), client.port), ("10.0.0.1", 5000));
    assert_eq!((notes.texts.text(server.host), server.port), ("10.0.0.9", 1883));
    let closing = What::Closing { by: Side::Server, how: CloseHow::Fin };
    assert_eq!(notes.what().last(), Some(&closing));
}

#[test]
fn openings_that_fail() {
    let mut refused = Wire::new();
    refused.raw(0, 0, SYN, b"");
    refused.raw(1, 1, RST | ACK, b"");
    assert_eq!(refused.words(), "Opening Refused");

    let mut silent = Wire::new();
    for at in [0, 1000, 3000] {
        silent.raw(at, 0, SYN, b"");
    }
    assert_eq!(silent.words(), "Opening Resent Resent Silent");

    for (syns, words) in [(3, "Resent Resent Accepted"), (4, "Resent Resent Resent Silent")] {
        let mut late = Wire::new();
        for again in 0..syns {
            late.raw(again * 500, 0, SYN, b"");
        }
        late.raw(2000, 1, SYN | ACK, b"");
        assert_eq!(late.words(), format!("Opening {words}"));
    }

    let mut alone = Wire::new();
    alone.raw(0, 0, SYN, b"");
    assert_eq!(alone.words(), "Opening", "the capture may have ended too soon");
    alone.client.1 = 6000;
    alone.raw(7_900, 0, SYN, b"");
    assert_eq!(alone.words(), "Opening Opening");
    alone.client.1 = 7000;
    alone.raw(8_000, 0, SYN, b"");
    assert_eq!(alone.words(), "Opening Opening Silent Opening");
    // Nothing is known of the server after 3 s: it is taken to be as its port says.
    assert_eq!(alone.notes().sources[0].vantage, Vantage::Plain);
}

#[test]
fn a_router_says_that_there_is_no_way() {
    let mut wire = Wire::new();
    wire.raw(0, 0, SYN, b"");
    let segment = wire.packet(0, 100, SYN, b"");
    let mut icmp = vec![0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 5, 10, 0, 0, 1];
    icmp.extend([3, 1, 0, 0, 0, 0, 0, 0]);
    icmp.extend(&segment[..28]);
    wire.ip(1, &icmp, usize::MAX);
    assert_eq!(wire.words(), "Opening Unreachable");
}

#[test]
fn segments_in_any_order() {
    let mut wire = Wire::up();
    wire.at(5, 0, 10, &CONNECT[10..]);
    wire.at(6, 0, 4, &CONNECT[4..12]);
    wire.at(7, 0, 0, &CONNECT[..6]);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Accepted Connect");
    assert_eq!(notes.events[2].at, Time(7_000_000));
}

#[test]
fn the_same_bytes_again() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.send(6, 1, CONNACK);
    wire.send(1000, 0, PINGREQ);
    wire.seq[0] -= 2;
    wire.raw(1001, 0, ACK, PINGREQ);
    let twice = wire.words();
    assert_eq!(twice, "Opening Accepted Connect ConnAck PingReq", "captured twice");
    wire.send(1200, 0, PINGREQ);
    // How TCP asks whether the other side lives.
    wire.seq[0] -= 1;
    wire.raw(9000, 0, ACK, b"\0");
    wire.raw(9500, 0, ACK, b"");
    let notes = wire.notes();
    assert_eq!(notes.words(), format!("{twice} Resent"));
    assert_eq!(notes.what().last(), Some(&What::Resent { from: Side::Client, bytes: 2 }));
}

#[test]
fn bytes_that_the_other_side_has_and_the_capture_lacks() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.send(6, 1, CONNACK);
    wire.seq[0] += PUBLISH.len() as u32;
    wire.send(20, 0, PINGREQ);
    assert_eq!(wire.words(), "Opening Accepted Connect ConnAck Missing PingReq");
    wire.send(21, 1, PINGRESP);
    let (notes, summary) = wire.notes_with(&Options::default());
    assert_eq!(notes.words(), "Opening Accepted Connect ConnAck Missing PingReq PingResp");
    assert_eq!(summary.gaps, 1);
    assert_eq!((summary.packets, summary.connections, summary.mqtt_packets), (7, 1, 4));
}

#[test]
fn what_is_acknowledged_is_waited_for_50_ms() {
    for (comes, words) in [(55, "PingReq PingResp"), (56, "Missing PingResp")] {
        let mut wire = Wire::up();
        wire.send(5, 0, CONNECT);
        wire.send(6, 1, CONNACK);
        wire.seq[0] += PINGREQ.len() as u32;
        wire.raw(6, 1, ACK, b"");
        wire.seq[0] -= PINGREQ.len() as u32;
        wire.send(comes, 0, PINGREQ);
        wire.send(100, 1, PINGRESP);
        let words = format!("Opening Accepted Connect ConnAck {words}");
        // Who comes too late seems to be sent again.
        assert_eq!(wire.words().replace(" Resent", ""), words);
    }
}

#[test]
fn an_acknowledged_end_is_no_gap() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.end(6, 0);
    wire.raw(7, 1, ACK, b"");
    wire.send(900, 1, CONNACK);
    assert_eq!(wire.words(), "Opening Accepted Connect Closing ConnAck");
}

/// A day of a healthy client, of which one side was captured.
#[test]
fn a_capture_of_one_direction_lacks_the_other() {
    for (side, words) in [
        (0, "Opening Accepted Connect Missing Publish Missing Publish"),
        (1, "Joined Missing ConnAck Missing PubAck Missing PubAck"),
    ] {
        let mut wire = Wire::new();
        wire.snap = 96;
        wire.only = Some(side);
        wire.open(0);
        wire.send(5, 0, CONNECT);
        wire.send(6, 1, CONNACK);
        for at in [7, 9] {
            wire.send(at, 0, b"\x32\x09\0\x03a/b\0\x01hi");
            wire.send(at + 1, 1, b"\x40\x02\0\x01");
        }
        let (notes, _) = wire.notes_with(&Options::default());
        assert_eq!(notes.words(), words);
        let missing = What::Missing { from: if side == 0 { Side::Server } else { Side::Client } };
        assert!(notes.what().contains(&missing));
    }
}

/// One that sends nothing more: what the other side has is known after 50 ms.
#[test]
fn an_acknowledgement_alone_tells_of_a_gap() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.seq[1] = wire.seq[1].wrapping_add(CONNACK.len() as u32);
    wire.raw(7, 0, ACK, b"");
    wire.client.1 += 1;
    wire.raw(57, 0, SYN, b"");
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Accepted Connect Missing Opening");
    assert_eq!(notes.events[3].at, Time(57_000_000));
}

#[test]
fn what_is_ahead_is_held_up_to_its_bound() {
    // One byte each costs 65: 1,008 fit in 64 KiB.
    for (held, gap) in [(1008, false), (1009, true)] {
        let mut wire = Wire::up();
        for ahead in 1..=held {
            wire.at(5, 0, ahead, b"\0");
        }
        wire.at(6, 0, 0, CONNECT);
        let words = wire.words();
        assert_eq!(words.contains("Missing"), gap, "{held}: {words}");
    }
}

#[test]
fn a_snap_length_is_a_gap_that_framing_survives() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.send(6, 1, CONNACK);
    let large = [b"\x30\xC8\x01\0\x03a/b", &[7; 195][..]].concat();
    let packet = wire.packet(0, wire.seq[0], ACK, &large);
    wire.ip(8, &packet, 60);
    wire.seq[0] += large.len() as u32;
    wire.send(9, 0, PINGREQ);
    assert_eq!(wire.words(), "Opening Accepted Connect ConnAck Missing PingReq");
}

#[test]
fn windows_close_and_open() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.window = 0;
    wire.raw(6, 0, ACK, b"");
    wire.raw(7, 0, ACK, b"");
    wire.window = 9;
    wire.raw(8, 0, ACK, b"");
    let windows = [
        What::Window { of: Side::Client, open: false },
        What::Window { of: Side::Client, open: true },
    ];
    assert_eq!(wire.notes().what()[3..], windows);
}

#[test]
fn the_first_end_matters_and_a_late_segment_does_not_undo_it() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.raw(6, 0, RST, b"");
    wire.raw(7, 1, RST, b"");
    wire.send(8, 1, CONNACK);
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Accepted Connect Closing");
    let closing = What::Closing { by: Side::Client, how: CloseHow::Reset };
    assert_eq!(notes.what()[3], closing);
}

#[test]
fn an_end_waits_for_the_bytes_before_it() {
    let mut wire = Wire::up();
    let len = CONNECT.len() as u32;
    wire.seq[0] += len;
    wire.raw(5, 0, FIN | ACK, b"");
    wire.seq[0] -= len;
    wire.raw(6, 0, ACK, CONNECT);
    assert_eq!(wire.words(), "Opening Accepted Connect Closing");
}

#[test]
fn ports_and_numbers_are_used_again() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.end(6, 0);
    wire.seq = [9000, 70];
    wire.open(20);
    wire.send(25, 0, CONNECT);
    let notes = wire.notes();
    let again = "Opening Accepted Connect Closing Forgotten Opening Accepted Connect";
    assert_eq!(notes.words(), again);
    assert!(notes.events.iter().all(|event| event.connection == ConnectionId(0)));
}

#[test]
fn an_ended_connection_is_forgotten_after_ten_seconds() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    wire.raw(10, 0, RST, b"");
    wire.client.1 = 6000;
    wire.raw(10_009, 0, SYN, b"");
    assert_eq!(wire.words(), "Opening Accepted Connect Closing Opening");
    wire.client.1 = 7000;
    wire.raw(10_010, 0, SYN, b"");
    let notes = wire.notes();
    assert_eq!(notes.words(), "Opening Accepted Connect Closing Opening Forgotten Opening");
    assert_eq!(notes.events.last().map(|event| event.connection), Some(ConnectionId(0)));
}

#[test]
fn a_connection_that_is_joined_in_its_middle() {
    let mut wire = Wire::new();
    // The rest of a packet, then whole ones.
    wire.send(5, 1, b"\x00\x91rest of something");
    wire.send(6, 0, PINGREQ);
    wire.send(7, 1, &[PINGRESP, PUBLISH].concat());
    wire.send(8, 1, b"\x30\x07\0\x03a");
    wire.send(9, 1, b"/bhi");
    wire.send(10, 1, b"\x00\x00");
    wire.end(11, 1);
    assert_eq!(wire.words(), "Joined PingReq PingResp Publish Publish Closing");
}

#[test]
fn other_ports_must_show_mqtt() {
    let mut wire = Wire::new().on_port(7777);
    wire.send(5, 0, &CONNECT[..3]);
    wire.send(6, 0, &CONNECT[3..]);
    assert_eq!(wire.words(), "Opening Accepted Connect");
    let mut other = Wire::new().on_port(7777);
    other.send(5, 0, b"\x10\x05hello");
    other.send(6, 0, PINGREQ);
    other.end(7, 0);
    let (notes, summary) = other.notes_with(&Options::default());
    assert_eq!((notes.words().as_str(), summary.connections), ("", 0));
    let listed = Options { ports: vec![7777], ..Options::default() };
    assert!(other.notes_with(&listed).0.words().starts_with("Opening Accepted Malformed"));
}

#[test]
fn a_server_that_spoke_mqtt_is_followed_on_any_port() {
    let mut wire = Wire::new().on_port(7777);
    wire.send(5, 0, CONNECT);
    wire.send(6, 1, CONNACK);
    wire.end(7, 1);
    wire.end(8, 0);
    wire.client.1 += 1;
    wire.open(1000);
    wire.send(1005, 0, CONNECT);
    wire.client.1 += 1;
    wire.raw(2000, 0, SYN, b"");
    wire.raw(2001, 1, RST | ACK, b"");
    let again = "Opening Accepted Connect Opening Refused";
    assert_eq!(wire.words(), format!("Opening Accepted Connect ConnAck Closing {again}"));
}

#[test]
fn the_oldest_of_too_many_is_forgotten() {
    let mut wire = Wire::new();
    for number in 0..=32_767_u32 {
        let [_, b, c, d] = number.to_be_bytes();
        wire.client.0 = [10, b, c, d];
        wire.raw(0, 0, SYN, b"");
    }
    let (notes, summary) = wire.notes_with(&Options::default());
    assert_eq!(summary.forgotten, 1);
    let numbers = notes.events.iter().map(|event| event.connection.0);
    assert_eq!(numbers.max(), Some(32_766));
}

/// The one that was given up has an end, and what follows it is no part of it.
#[test]
fn a_connection_that_comes_up_after_it_was_given_up_is_another_one() {
    let given_up = || {
        let mut wire = Wire::new();
        [0, 1000, 3000, 7000].into_iter().for_each(|at| wire.raw(at, 0, SYN, b""));
        wire.seq[0] += 1;
        wire
    };
    let mut answered = given_up();
    answered.raw(15_000, 1, SYN | ACK, b"");
    answered.seq[1] = answered.seq[1].wrapping_add(1);
    let failed = "Opening Resent Resent Resent Silent";
    for mut wire in [answered, given_up()] {
        wire.send(15_002, 0, CONNECT);
        wire.send(15_003, 1, CONNACK);
        wire.end(15_004, 0);
        let words = wire.notes().words();
        assert_eq!(words, format!("{failed} Forgotten Joined Connect ConnAck Closing"));
    }
    // Its last words make none.
    for flags in [FIN | ACK, RST, ACK, SYN] {
        let mut wire = given_up();
        wire.seq[0] -= u32::from(flags == SYN);
        wire.raw(15_000, 0, flags, b"");
        assert_eq!(wire.notes().words(), failed);
    }
}

/// What waited for bytes that never came says what the connection was, as its ports are
/// used again.
#[test]
fn a_connection_that_is_known_by_its_end_is_forgotten_too() {
    let mut wire = Wire::new().on_port(8883);
    wire.at(3, 1, 5, b"\x15\x03\x03\0\x02\x02\x28");
    wire.seq = [9_000, 9_000];
    wire.raw(4, 0, SYN, b"");
    let words = wire.notes().words();
    assert!(words.contains("Missing"), "{words}");
    assert_eq!(words.matches("Opening").count(), words.matches("Forgotten").count() + 1, "{words}");
}
