//! What the fuzz target `logs` holds `evenkeel-evidence` to: no log makes it
//! panic, pieces say what the whole says, and the events keep to the rules of a
//! timeline.

use std::cell::RefCell;

use evenkeel_doctor::{Event, Texts};
use evenkeel_evidence::logs::{Log, Options};
use evenkeel_evidence::reader::formats;

use crate::judge::{Judge, assert_same, texts};

/// Input: a byte that chooses the format, one that chooses the size of the
/// pieces, then lines.
pub(crate) fn logs(input: &[u8]) {
    let [choice, piece, lines @ ..] = input else { return };
    // Names of captures are no names of logs; past the last, it is looked for.
    let names: Vec<&str> = formats().skip(2).map(|format| format.name).collect();
    let format = names.get(usize::from(*choice) % (names.len() + 1));
    let options = Options { format: format.map(|name| (*name).into()), ..Options::default() };
    let texts = &texts();
    let (whole, end) = read(lines, &options, texts, usize::MAX);
    let (pieces, end_of_pieces) = read(lines, &options, texts, usize::from(*piece).max(1));
    assert_same(&whole, &pieces);
    assert_eq!(end, end_of_pieces);
}

fn read(
    lines: &[u8],
    options: &Options,
    texts: &RefCell<Texts>,
    piece: usize,
) -> (Vec<Event>, String) {
    let mut judge = Judge::new(1, false, lines.len() as u64 + 1, texts);
    let mut log = Log::new("fuzz", options);
    for bytes in lines.chunks(piece) {
        if log.feed(bytes, &mut judge).is_err() {
            break;
        }
    }
    let ended = log.end(&mut judge);
    let ended = ended.map_or_else(|error| error.to_string(), |summary| summary.to_string());
    (judge.events, ended)
}
