//! When a stream stops giving out messages for a moment, so that what was
//! acknowledged can be sent.

/// The fewest acknowledgements that are worth a write.
const PART: usize = 32;
/// Parts of the largest batch seen: the server's window may be as large.
const PARTS: usize = 3;
/// A wait for the server after each larger batch costs less than more writes.
const WIDE: usize = 128;

/// Divides a batch of messages into parts: while the next one is worked on, the
/// server sees the acknowledgements of the one before and goes on, so that
/// neither waits for the other.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Messages to give out in this part; `None` before a new batch.
    left: Option<usize>,
    /// The most messages that waited at once, lately.
    widest: usize,
}

impl Pace {
    /// Counts a message that is asked for; true at the end of a part.
    pub(crate) const fn is_at_end_of_part(&mut self) -> bool {
        match &mut self.left {
            None | Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    /// Begins the next part with so many messages waiting, and so many
    /// acknowledged that the driver does not know of; true where it gets to
    /// send these first.
    pub(crate) fn begin_part(&mut self, waiting: usize, settled: usize) -> bool {
        self.widest = self.widest.max(waiting);
        let part = if self.widest > WIDE { usize::MAX } else { PART.max(self.widest / PARTS) };
        self.left.replace(part).is_some() && settled >= PART
    }

    /// Nothing is left of the batch: the driver has its turn anyway. A backlog
    /// of long ago, such as retained messages at the start, is forgotten.
    pub(crate) const fn end_batch(&mut self) {
        self.left = None;
        self.widest -= self.widest / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses while so many messages are given out and acknowledged.
    fn pauses(pace: &mut Pace, batch: usize) -> usize {
        let (mut pauses, mut settled) = (0, 0);
        for given in 0..batch {
            if pace.is_at_end_of_part() && pace.begin_part(batch - given, settled) {
                (pauses, settled) = (pauses + 1, 0);
            }
            settled += 1;
        }
        pace.end_batch();
        pauses
    }

    #[test]
    fn a_middling_batch_has_parts_and_others_have_none() {
        assert_eq!(pauses(&mut Pace::default(), PART), 0);
        assert!((1..=PARTS).contains(&pauses(&mut Pace::default(), 100)));
        assert_eq!(pauses(&mut Pace::default(), 10 * WIDE), 0);
    }

    #[test]
    fn a_backlog_is_forgotten() {
        let mut pace = Pace::default();
        pauses(&mut pace, 10 * WIDE);
        assert_eq!(pauses(&mut pace, 100), 0);
        assert!((0..20).any(|_| pauses(&mut pace, 100) > 0));
    }
}
