//! What the fuzz target `tls` holds `evenkeel-evidence` to: no bytes of a
//! connection on a port of TLS make it panic, or hold more than it says, however
//! they are cut into segments, lost or repeated; pieces say what the whole says,
//! smaller segments what larger ones say, and the events keep to the rules of a
//! timeline.

use std::cell::RefCell;

use evenkeel_doctor::{Event, Texts};
use evenkeel_evidence::capture::{Capture, Options};

use crate::judge::{Judge, assert_same, texts};

/// The most that one connection may hold, with a packet of the file.
const HELD: usize = 1 << 20;

const SYN: u8 = 2;
const ACK: u8 = 16;

/// Input: a byte that chooses how it begins, one that chooses the size of pieces
/// and of smaller segments, then segments: a byte that says what becomes of it, two
/// with its length, its bytes. What follows the first line that is `keys` is a key log.
pub(crate) fn tls(input: &[u8]) {
    let [begin, piece, rest @ ..] = input else { return };
    let mark = b"\nkeys\n";
    let at = rest.windows(mark.len()).position(|it| it == mark);
    let (segments, keys) = match at {
        Some(at) => (&rest[..at], &rest[at + mark.len()..]),
        None => (rest, &[][..]),
    };
    let options = Options { key_log: keys.to_vec(), ..Options::default() };
    let (file, in_order) = Wire::of(*begin, segments, usize::MAX);
    let texts = &texts();
    let whole = read(&file, &options, texts, usize::MAX);
    let piece = usize::from(*piece).max(1);
    assert_same(&whole, &read(&file, &options, texts, piece));
    // Where records begin is told by where segments begin, if other bytes came before
    // or the beginning was not captured.
    if in_order && begin & 4 == 0 && (0..2).all(|side| are_records(segments, side)) {
        let (file, _) = Wire::of(*begin, segments, piece);
        assert_same(&whole, &read(&file, &options, texts, usize::MAX));
    }
}

fn read(file: &[u8], options: &Options, texts: &RefCell<Texts>, piece: usize) -> Vec<Event> {
    let mut judge = Judge::new(2, true, file.len() as u64, texts);
    let mut capture = Capture::new("fuzz", options);
    for bytes in file.chunks(piece) {
        capture.feed(bytes, &mut judge).expect("a capture");
        assert!(capture.held() <= HELD);
    }
    capture.end(&mut judge).expect("whole packets");
    judge.events
}

/// Whether what a side sends is nothing but records, the last one maybe cut.
fn are_records(mut rest: &[u8], side: u8) -> bool {
    let mut all = Vec::new();
    while let [fate, high, low, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len()).min(60_000);
        let (bytes, after) = after.split_at(len);
        rest = after;
        if fate & 1 == side {
            all.extend(bytes);
        }
    }
    let mut all = &all[..];
    while let [kind, 3, 0..=4, high, low, body @ ..] = all {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        if !(20..=23).contains(kind) || !(1..=18_432).contains(&len) {
            return false;
        }
        all = body.get(len..).unwrap_or_default();
    }
    all.is_empty()
}

/// A capture of one connection, raw IP.
struct Wire {
    file: Vec<u8>,
    port: u16,
    millis: u64,
    /// The next sequence number of each side.
    seq: [u32; 2],
}

impl Wire {
    /// A capture of these segments, none of them longer than `most`; and whether
    /// all of them came, in order.
    fn of(begin: u8, mut rest: &[u8], most: usize) -> (Vec<u8>, bool) {
        let mut file = Vec::new();
        for field in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, 101] {
            file.extend(field.to_be_bytes());
        }
        let port = [8883, 443, 1883, 8084][usize::from(begin & 3)];
        // The numbers of one side are about to begin anew.
        let mut wire = Self { file, port, millis: 0, seq: [100, 0xFFFF_FF00] };
        if begin & 4 == 0 {
            wire.open();
        }
        let (mut in_order, mut late) = (true, None);
        while let [fate, high, low, after @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len()).min(60_000);
            let (bytes, after) = after.split_at(len);
            rest = after;
            let side = usize::from(fate & 1);
            let seq = wire.seq[side];
            wire.seq[side] = seq.wrapping_add(len as u32);
            wire.millis += [0, 1, 40, 60, 1_000, 5_000, 60_000, 600_000][usize::from(fate >> 5)];
            in_order &= fate & 0x1E == 0;
            match fate >> 1 & 15 {
                // It is not in the capture.
                1 => {}
                // It comes after the one that follows.
                2 => late = Some((side, seq, bytes)),
                // Twice.
                3 => (0..2).for_each(|_| wire.segment(side, seq, ACK, bytes, len)),
                // Only its beginning was captured.
                4 => wire.segment(side, seq, ACK, &bytes[..len / 2], len),
                // The end of a side, or of all.
                5 => wire.segment(side, seq, ACK | 1, bytes, len),
                6 => wire.segment(side, seq, 4, bytes, len),
                // A question whether the other side lives.
                7 => wire.segment(side, seq.wrapping_sub(1), ACK, b"x", 1),
                _ => {
                    let mut seq = seq;
                    for bytes in bytes.chunks(most) {
                        wire.segment(side, seq, ACK, bytes, bytes.len());
                        seq = seq.wrapping_add(bytes.len() as u32);
                    }
                }
            }
            if fate >> 1 & 15 != 2
                && let Some((side, seq, bytes)) = late.take()
            {
                wire.segment(side, seq, ACK, bytes, bytes.len());
            }
        }
        (wire.file, in_order)
    }

    fn open(&mut self) {
        self.segment(0, self.seq[0], SYN, b"", 0);
        self.seq[0] += 1;
        self.segment(1, self.seq[1], SYN | ACK, b"", 0);
        self.seq[1] += 1;
        self.segment(0, self.seq[0], ACK, b"", 0);
    }

    /// A packet with these bytes, of which the wire had `len`.
    fn segment(&mut self, from: usize, seq: u32, flags: u8, bytes: &[u8], len: usize) {
        let mut ends = [([10, 0, 0, 1], 5000), ([10, 0, 0, 9], self.port)];
        ends.rotate_left(from);
        let (millis, len) = (self.millis, len as u32);
        let micros = millis % 1000 * 1000;
        for field in [millis / 1000, micros, 40 + bytes.len() as u64, 40 + u64::from(len)] {
            self.file.extend((field as u32).to_be_bytes());
        }
        self.file.extend([0x45, 0]);
        self.file.extend((40 + len as u16).to_be_bytes());
        self.file.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        ends.iter().for_each(|(host, _)| self.file.extend(host));
        ends.iter().for_each(|(_, port)| self.file.extend(port.to_be_bytes()));
        self.file.extend(seq.to_be_bytes());
        self.file.extend(self.seq[1 - from].to_be_bytes());
        self.file.extend([0x50, flags, 1, 0, 0, 0, 0, 0]);
        self.file.extend(bytes);
    }
}
