//! What the fuzz target `tap` holds `evenkeel-evidence` to: no bytes through a
//! proxy, and no order of calls, make it panic; pieces say what the whole says, and
//! the events keep to the rules of a timeline.

use std::cell::RefCell;
use std::collections::BTreeSet;

use evenkeel_doctor::{CloseHow, ConnectionId, Event, OpenFailure, Side, Texts, Time};
use evenkeel_evidence::capture::Tap;

use crate::judge::{Judge, assert_same, texts};

/// Input: a byte that chooses the size of pieces, then calls: a byte that names
/// what happens, one for the connection, one for how much time passes, and for
/// bytes of a side two with their length, and the bytes.
pub(crate) fn tap(input: &[u8]) {
    let [piece, calls @ ..] = input else { return };
    let texts = &texts();
    let whole = play(calls, texts, usize::MAX);
    let pieces = play(calls, texts, usize::from(*piece).max(1));
    assert_same(&whole, &pieces);
}

fn play(mut calls: &[u8], texts: &RefCell<Texts>, piece: usize) -> Vec<Event> {
    let judge = &mut Judge::new(1, true, calls.len() as u64, texts);
    let mut tap = Tap::new("fuzz", judge).expect("a source");
    let mut at = Time(0);
    // What is no MQTT is told by those bytes of a side that come first: they come whole.
    let mut begun = BTreeSet::new();
    while let [what, number, pause, rest @ ..] = calls {
        calls = rest;
        let number = ConnectionId(u32::from(number % 16));
        // Clocks are set back, too.
        at = Time(at.0 + (i64::from(*pause) - 16) * 100_000_000);
        match what % 16 {
            0 | 1 => drop(tap.opening(("10.0.0.1", 5000), ("broker", 1883), at, judge)),
            2 => tap.accepted(number, at, judge),
            3 => tap.failed(number, OpenFailure::Refused, at, judge),
            4 => tap.closing(number, Side::Client, CloseHow::Fin, at, judge),
            5 => tap.closing(number, Side::Server, CloseHow::Reset, at, judge),
            6 => {
                tap.forget(number, at, judge);
                begun.retain(|(known, _)| *known != number);
            }
            7 => tap.fault(number, "drop", at, judge),
            side => {
                let [high, low, rest @ ..] = calls else { break };
                let len = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
                let (bytes, rest) = rest.split_at(len);
                calls = rest;
                let from = if side % 2 == 0 { Side::Client } else { Side::Server };
                let piece = if begun.insert((number, from)) { usize::MAX } else { piece };
                for bytes in bytes.chunks(piece) {
                    tap.bytes(number, from, at, bytes, judge);
                }
            }
        }
    }
    std::mem::take(&mut judge.events)
}
