//! Bytes that the other side has acknowledged and the capture lacks.

use std::time::Duration;

use super::Counts;
use super::half::{Half, distance};
use super::tcp::Flow;
use crate::capture::net::Segment;
use crate::capture::out::Out;

/// How long they are waited for: who captures on several queues may see an
/// acknowledgement before what it acknowledges.
pub(super) const WAIT: Duration = Duration::from_millis(50);

impl Flow {
    /// The other side says which bytes it has: those that are missing here
    /// before others will not come.
    pub(super) fn acknowledged(
        &mut self,
        direction: usize,
        segment: &Segment<'_>,
        counts: &mut Counts,
        out: &mut Out<'_>,
    ) {
        let missed = |half: &Half| {
            let first = half.first_ahead()?;
            Some(distance(first, segment.ack) >= 0)
        };
        while self.halves.get(direction).and_then(missed) == Some(true) {
            self.gap(direction, counts, out);
        }
        let Some(half) = self.halves.get_mut(direction) else { return };
        let Some(ack) = half.lacks(segment.ack) else {
            half.owed = None;
            return;
        };
        // An answer to a side of which there is nothing: it was not captured.
        if !half.spoke && segment.len > 0 {
            half.owed = None;
            self.skip_to(direction, ack, counts, out);
        } else {
            half.owed.get_or_insert((ack, out.at));
        }
    }

    /// Whether bytes are waited for.
    pub(super) fn is_owed(&self) -> bool {
        self.halves.iter().any(|half| half.owed.is_some())
    }

    /// What was waited for long enough will not come.
    pub(super) fn give_up_owed(
        &mut self,
        waited: Duration,
        counts: &mut Counts,
        out: &mut Out<'_>,
    ) {
        for direction in 0..2 {
            let Some(half) = self.halves.get_mut(direction) else { continue };
            if let Some((ack, since)) = half.owed
                && since.plus(waited) <= out.at
            {
                half.owed = None;
                self.skip_to(direction, ack, counts, out);
                self.check_fin(direction, out);
            }
        }
    }
}

impl Half {
    /// Up to where bytes are missing, if the other side has those before `ack`.
    /// The first acknowledgement tells where a direction is.
    fn lacks(&mut self, ack: u32) -> Option<u32> {
        let next = *self.next.get_or_insert(ack);
        // A FIN takes a number, but is no byte.
        let ack = self.fin.filter(|fin| distance(*fin, ack) > 0).unwrap_or(ack);
        (distance(next, ack) > 0).then_some(ack)
    }
}
