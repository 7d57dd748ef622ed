//! When a stream stops giving out messages for a moment, so that what was
//! acknowledged can be sent.

use crate::tuning::{batch_part, batch_parts, batch_undivided};

/// Divides a batch of messages into parts: while the next one is worked on, the
/// server sees the acknowledgements of the one before and goes on, so that
/// neither waits for the other.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// A part of the batch has been given out.
    has_begun: bool,
    /// The most messages that waited at once, lately.
    widest: usize,
}

impl Batches {
    /// How many of the waiting messages to give out now; `None` if the
    /// driver, which does not know of so many acknowledgements, gets to send
    /// these first.
    pub(crate) fn next_part(&mut self, waiting: usize, settled: usize) -> Option<usize> {
        self.widest = self.widest.max(waiting);
        if self.widest > batch_undivided() {
            return Some(usize::MAX);
        }
        self.has_begun = !(self.has_begun && settled >= batch_part());
        self.has_begun.then_some(batch_part().max(self.widest / batch_parts()))
    }

    /// Nothing is left of the batch: the driver has its turn anyway. A backlog
    /// of long ago, such as retained messages at the start, is forgotten.
    pub(crate) const fn end_batch(&mut self) {
        self.has_begun = false;
        self.widest -= self.widest / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses while so many messages are given out and acknowledged.
    fn pauses(batches: &mut Batches, batch: usize) -> usize {
        let (mut pauses, mut settled, mut given) = (0, 0, 0);
        while given < batch {
            match batches.next_part(batch - given, settled) {
                None => (pauses, settled) = (pauses + 1, 0),
                Some(part) => {
                    let part = part.min(batch - given);
                    (given, settled) = (given + part, settled + part);
                }
            }
        }
        batches.end_batch();
        pauses
    }

    #[test]
    fn a_middling_batch_has_parts_and_others_have_none() {
        assert_eq!(pauses(&mut Batches::default(), batch_part()), 0);
        assert!((1..=batch_parts()).contains(&pauses(&mut Batches::default(), 100)));
        assert_eq!(pauses(&mut Batches::default(), 10 * batch_undivided()), 0);
    }

    #[test]
    fn a_backlog_is_forgotten() {
        let mut batches = Batches::default();
        pauses(&mut batches, 10 * batch_undivided());
        assert_eq!(pauses(&mut batches, 100), 0);
        assert!((0..20).any(|_| pauses(&mut batches, 100) > 0));
    }
}
