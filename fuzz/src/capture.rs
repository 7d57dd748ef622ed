//! What the fuzz target `capture` holds `evenkeel-evidence` to: no capture makes
//! it panic, or hold more than it says, pieces say what the whole says, and the
//! events keep to the rules of a timeline.

use std::cell::RefCell;

use evenkeel_doctor::{Event, Texts};
use evenkeel_evidence::capture::{Capture, Options, Summary};

use crate::judge::{Judge, assert_same, texts};

/// The most that a capture may hold.
const HELD: usize = 34 << 20;

/// Input: a byte that chooses the size of the pieces, then a file. A part of it
/// may be a key log: what follows the first line that is `keys`.
pub(crate) fn capture(input: &[u8]) {
    let [choice, file @ ..] = input else { return };
    let mark = b"\nkeys\n";
    let at = file.windows(mark.len()).position(|it| it == mark);
    let (file, keys) = match at {
        Some(at) => (&file[..at], &file[at + mark.len()..]),
        None => (file, &[][..]),
    };
    let options = Options { key_log: keys.to_vec(), ..Options::default() };
    let texts = &texts();
    let (whole, end) = read(file, &options, texts, usize::MAX);
    let (pieces, end_of_pieces) = read(file, &options, texts, usize::from(*choice).max(1));
    assert_same(&whole, &pieces);
    assert_eq!(end, end_of_pieces);
}

fn read(
    file: &[u8],
    options: &Options,
    texts: &RefCell<Texts>,
    piece: usize,
) -> (Vec<Event>, (Summary, String)) {
    let mut judge = Judge::new(2, true, file.len() as u64, texts);
    let mut capture = Capture::new("fuzz", options);
    for bytes in file.chunks(piece) {
        let fed = capture.feed(bytes, &mut judge);
        assert!(capture.held() <= HELD);
        if fed.is_err() {
            break;
        }
    }
    let ended = capture.end(&mut judge);
    let ended = ended.err().map(|error| error.to_string());
    (judge.events, (capture.summary(), ended.unwrap_or_default()))
}
