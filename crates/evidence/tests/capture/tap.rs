//! Live bytes of a proxy.

use evenkeel_doctor::{CloseHow, ConnectionId, OpenFailure, Side, Time, What, Words};
use evenkeel_evidence::capture::Tap;

use crate::support::*;

const AT: Time = Time(1_000);

#[test]
fn a_connection_through_a_proxy() {
    let mut notes = Notes::default();
    let mut tap = Tap::new("proxy", &mut notes).unwrap();
    let client = ("127.0.0.1", 5000);
    let one = tap.opening(client, ("broker.test", 8883), AT, &mut notes).unwrap();
    tap.accepted(one, AT, &mut notes);
    tap.bytes(one, Side::Client, AT, &CONNECT[..5], &mut notes);
    tap.bytes(one, Side::Client, Time(2_000), &CONNECT[5..], &mut notes);
    // A clock that was set back.
    tap.bytes(one, Side::Server, Time(1_500), CONNACK, &mut notes);
    tap.closing(one, Side::Server, CloseHow::Fin, Time(3_000), &mut notes);
    tap.closing(one, Side::Client, CloseHow::Fin, Time(3_001), &mut notes);
    assert_eq!(notes.words(), "Opening Accepted Connect ConnAck Closing");
    assert_eq!(notes.events[3].at, Time(2_000));
    let What::Opening { server, .. } = notes.what()[0] else { panic!() };
    assert_eq!((notes.texts.text(server.host), server.port), ("broker.test", 8883));
    tap.forget(one, AT, &mut notes);
    tap.bytes(one, Side::Client, AT, PINGREQ, &mut notes);
    let two = tap.opening(client, ("broker.test", 8883), AT, &mut notes).unwrap();
    assert_eq!((one, two), (ConnectionId(0), ConnectionId(0)));
    tap.failed(two, OpenFailure::Refused, AT, &mut notes);
    assert!(notes.words().ends_with("Closing Forgotten Opening Refused"));
}

#[test]
fn what_is_half_a_packet_is_bounded_over_all_connections() {
    let mut notes = Notes::default();
    let mut tap = Tap::new("proxy", &mut notes).unwrap();
    let large = [CONNECT, b"\x82\xF0\xFF\x03", &[0; 60_000]].concat();
    let mut opened = Vec::new();
    for _ in 0..600 {
        let one = tap.opening(("h", 1), ("s", 2), AT, &mut notes).unwrap();
        tap.bytes(one, Side::Client, AT, &large, &mut notes);
        opened.push(one);
    }
    // The rest of the packet comes: those held are read, the others lost their place.
    let before = notes.events.len();
    for one in opened {
        tap.bytes(one, Side::Client, AT, &[0; 5520], &mut notes);
    }
    let what = notes.what();
    let read = what[before..].iter().filter(|what| matches!(what, What::Malformed { .. })).count();
    assert_eq!(read, (32 << 20) / 60_004);
}

#[test]
fn connections_are_bounded() {
    let mut notes = Notes::default();
    let mut tap = Tap::new("proxy", &mut notes).unwrap();
    for _ in 0..1 << 15 {
        assert!(tap.opening(("h", 1), ("s", 2), AT, &mut notes).is_some());
    }
    assert_eq!(tap.opening(("h", 1), ("s", 2), AT, &mut notes), None);
    tap.forget(ConnectionId(7), AT, &mut notes);
    assert_eq!(tap.opening(("h", 1), ("s", 2), AT, &mut notes), Some(ConnectionId(7)));
}

/// The same timeline with and without the words: they stand beside it.
#[test]
fn a_fault_is_a_word_and_changes_nothing_else() {
    let [without, with] = [false, true].map(|is_told| {
        let mut notes = Notes::default();
        let mut tap = Tap::new("proxy", &mut notes).unwrap();
        let one = tap.opening(("h", 1), ("s", 2), AT, &mut notes).unwrap();
        for (from, bytes) in [(Side::Client, CONNECT), (Side::Server, CONNACK)] {
            if is_told {
                tap.fault(one, "delay", AT, &mut notes);
            }
            tap.bytes(one, from, AT, bytes, &mut notes);
        }
        notes
    });
    assert_eq!(with.words(), "Opening Words Connect Words ConnAck");
    assert_eq!(with.words().replace("Words ", ""), without.words());
    let What::Words(Words::Fault(action)) = with.what()[1] else { panic!() };
    assert_eq!(with.texts.text(action), "delay");
}

#[test]
fn no_bytes_are_shown() {
    let mut notes = Notes::default();
    let mut tap = Tap::new("proxy", &mut notes).unwrap();
    let one = tap.opening(("h", 1), ("s", 2), AT, &mut notes).unwrap();
    tap.bytes(one, Side::Client, AT, &CONNECT[..CONNECT.len() - 1], &mut notes);
    let shown = format!("{tap:?}");
    assert!(shown.starts_with("Tap { open: 1") && shown.len() < 100, "{shown}");
}
