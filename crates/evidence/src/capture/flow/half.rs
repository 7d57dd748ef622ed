//! One direction of a connection: which byte is next, and what came too early.

use std::collections::VecDeque;

use evenkeel_doctor::Time;

/// Bytes of one direction that are held until those before them come.
const AHEAD: usize = 64 << 10;
/// What holding a segment costs beside its bytes.
const OVERHEAD: usize = 64;
/// How far ahead a segment can be at most: the largest window of TCP.
const WINDOW: u32 = 1 << 30;

/// A segment that came too early.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) seq: u32,
    /// What it has on the wire; the capture may hold less.
    pub(super) len: u32,
    pub(super) bytes: Box<[u8]>,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// The sequence number of the next byte; `None` before the first.
    pub(super) next: Option<u32>,
    ahead: VecDeque<Ahead>,
    held: usize,
    /// The sequence number of the FIN.
    pub(super) fin: Option<u32>,
    /// The direction has ended.
    pub(super) ended: bool,
    /// This side's receive window is closed.
    pub(super) window_closed: bool,
    /// When its newest bytes came.
    pub(super) newest: Time,
    /// A byte of it was captured.
    pub(super) spoke: bool,
    /// The other side has the bytes up to here, and the capture does not yet;
    /// since when.
    pub(super) owed: Option<(u32, Time)>,
}

/// How far `seq` is behind `from`; negative if it is before it.
pub(super) fn distance(from: u32, seq: u32) -> i64 {
    let ahead = seq.wrapping_sub(from);
    if ahead < 1 << 31 { ahead.into() } else { i64::from(ahead) - (1 << 32) }
}

impl Half {
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn has_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Holds a segment; `false` if there is no room for it.
    pub(super) fn hold(&mut self, seq: u32, len: u32, bytes: &[u8]) -> bool {
        let next = self.next.unwrap_or(seq);
        let cost = bytes.len() + OVERHEAD;
        if self.held + cost > AHEAD || distance(next, seq) > WINDOW.into() {
            return false;
        }
        let later = |it: &Ahead| distance(next, it.seq) > distance(next, seq);
        let at = self.ahead.iter().position(later).unwrap_or(self.ahead.len());
        self.ahead.insert(at, Ahead { seq, len, bytes: bytes.into() });
        self.held += cost;
        true
    }

    /// Whether exactly this segment is held.
    pub(super) fn holds(&self, seq: u32, len: u32) -> bool {
        self.ahead.iter().any(|it| it.seq == seq && it.len == len)
    }

    /// The first held segment, if the bytes before it have come.
    pub(super) fn ready(&mut self) -> Option<Ahead> {
        let first = self.ahead.front()?;
        if distance(self.next?, first.seq) > 0 {
            return None;
        }
        self.take_first()
    }

    /// The sequence number of the first held segment.
    pub(super) fn first_ahead(&self) -> Option<u32> {
        self.ahead.front().map(|it| it.seq)
    }

    fn take_first(&mut self) -> Option<Ahead> {
        let first = self.ahead.pop_front()?;
        self.held -= first.bytes.len() + OVERHEAD;
        if self.ahead.is_empty() {
            // There may have been a thousand.
            self.ahead = VecDeque::new();
        }
        Some(first)
    }

    pub(super) fn clear(&mut self) {
        self.ahead = VecDeque::new();
        self.held = 0;
    }
}
