//! The bytes of a connection, put in their order.

use std::time::Duration;

use evenkeel_doctor::{CloseHow, What};

use super::Counts;
use super::half::distance;
use super::tcp::Flow;
use crate::capture::net::Segment;
use crate::capture::out::Out;

/// The same bytes again within this time are one packet that was captured
/// twice: no sender sends again so soon.
const TWICE: Duration = Duration::from_millis(2);

impl Flow {
    /// Takes the payload of a segment in.
    pub(super) fn data(
        &mut self,
        direction: usize,
        segment: &Segment<'_>,
        counts: &mut Counts,
        out: &mut Out<'_>,
    ) {
        let from = self.side(direction);
        let Some(half) = self.halves.get_mut(direction) else { return };
        half.spoke = true;
        let next = *half.next.get_or_insert(segment.seq);
        let ahead = distance(next, segment.seq);
        if ahead > 0 {
            if half.holds(segment.seq, segment.len) {
                if out.at.since(half.newest) >= TWICE {
                    self.tell(What::Resent { from, bytes: segment.len }, out);
                }
                return;
            }
            half.newest = out.at;
            if !half.hold(segment.seq, segment.len, segment.payload) {
                // What is missing comes too late to be waited for.
                while self.halves.get(direction).is_some_and(|half| half.has_ahead()) {
                    self.gap(direction, counts, out);
                }
                self.skip_to(direction, segment.seq, counts, out);
                self.deliver(direction, segment.seq, segment.payload, segment.len, counts, out);
            }
            return;
        }
        let old = u32::try_from(-ahead).unwrap_or(u32::MAX);
        // A byte before the next one is how TCP asks whether the other lives.
        let probe = old == 1 && segment.len <= 1;
        let again = old > 0 && !probe && out.at.since(half.newest) >= TWICE;
        let is_new = old < segment.len;
        if is_new {
            half.newest = out.at;
        }
        if again {
            let bytes = old.min(segment.len);
            self.tell(What::Resent { from, bytes }, out);
        }
        if !is_new {
            return;
        }
        self.deliver(direction, segment.seq, segment.payload, segment.len, counts, out);
        self.drain(direction, counts, out);
    }

    /// Hands the new part of a segment on, and says what the capture cut off.
    fn deliver(
        &mut self,
        direction: usize,
        seq: u32,
        bytes: &[u8],
        len: u32,
        counts: &mut Counts,
        out: &mut Out<'_>,
    ) {
        let from = self.side(direction);
        let Some(half) = self.halves.get_mut(direction) else { return };
        let old = u32::try_from(-distance(half.next.unwrap_or(seq), seq)).unwrap_or_default();
        let Some(new) = len.checked_sub(old) else { return };
        half.next = Some(seq.wrapping_add(len));
        let bytes = bytes.get(old as usize..).unwrap_or_default();
        let bytes = bytes.get(..new as usize).unwrap_or(bytes);
        if !bytes.is_empty() {
            self.speech.bytes(from, bytes, out);
        }
        let cut = u64::from(new) - bytes.len() as u64;
        if cut > 0 {
            counts.gaps += 1;
            self.tell(What::Missing { from }, out);
            self.speech.gap(from, cut, out);
        }
    }

    /// Hands on what was waiting for the bytes that have come.
    fn drain(&mut self, direction: usize, counts: &mut Counts, out: &mut Out<'_>) {
        while let Some(it) = self.halves.get_mut(direction).and_then(|half| half.ready()) {
            self.deliver(direction, it.seq, &it.bytes, it.len, counts, out);
        }
        self.check_fin(direction, out);
    }

    /// The bytes before the first held segment will not come.
    pub(super) fn gap(&mut self, direction: usize, counts: &mut Counts, out: &mut Out<'_>) {
        let first = self.halves.get(direction).and_then(|half| half.first_ahead());
        let Some(first) = first else { return };
        self.skip_to(direction, first, counts, out);
        self.drain(direction, counts, out);
    }

    /// The bytes before this one will not come.
    pub(super) fn skip_to(
        &mut self,
        direction: usize,
        seq: u32,
        counts: &mut Counts,
        out: &mut Out<'_>,
    ) {
        let from = self.side(direction);
        let Some(half) = self.halves.get_mut(direction) else { return };
        let missing = distance(half.next.unwrap_or(seq), seq);
        if let Ok(missing) = u64::try_from(missing)
            && missing > 0
        {
            half.next = Some(seq);
            counts.gaps += 1;
            self.tell(What::Missing { from }, out);
            self.speech.gap(from, missing, out);
        }
    }

    /// Whether a side has ended, now that all its bytes are here.
    pub(super) fn check_fin(&mut self, direction: usize, out: &mut Out<'_>) {
        let side = self.side(direction);
        let Some(half) = self.halves.get_mut(direction) else { return };
        let (Some(fin), Some(next)) = (half.fin, half.next) else { return };
        if half.ended || distance(next, fin) > 0 {
            return;
        }
        half.ended = true;
        self.closes(side, CloseHow::Fin, out);
        if self.halves.iter().all(|half| half.ended) {
            self.finish();
        }
    }
}
