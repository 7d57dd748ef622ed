//! When a stream stops giving out messages for a moment, or a publisher stops
//! publishing, so that what was acknowledged or published can be sent.

/// The fewest acknowledgements, or messages, that are worth a write.
const PART: usize = 32;
/// Parts of the largest batch seen: the server's window may be as large. It
/// works on one half while the application works on the other.
const PARTS: usize = 2;
/// A wait for the server after each larger batch costs less than more writes.
const WIDE: usize = 128;

/// True where messages are published on, but the driver should send these
/// first: of a window that is not large the server then acknowledges one part
/// while the application publishes the next.
pub(crate) const fn publisher_pauses(unsent: usize, in_flight: usize) -> bool {
    unsent >= PART && in_flight >= PART && in_flight <= WIDE
}

/// Divides a batch of messages into parts: while the next one is worked on, the
/// server sees the acknowledgements of the one before and goes on, so that
/// neither waits for the other.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// A part of the batch has been given out.
    has_begun: bool,
    /// The most messages that waited at once, lately.
    widest: usize,
}

impl Pace {
    /// How many of the waiting messages to give out now; `None` where the
    /// driver, which does not know of so many acknowledgements, gets to send
    /// these first.
    pub(crate) fn next_part(&mut self, waiting: usize, settled: usize) -> Option<usize> {
        self.widest = self.widest.max(waiting);
        if self.widest > WIDE {
            return Some(usize::MAX);
        }
        self.has_begun = !(self.has_begun && settled >= PART);
        self.has_begun.then_some(PART.max(self.widest / PARTS))
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
    fn pauses(pace: &mut Pace, batch: usize) -> usize {
        let (mut pauses, mut settled, mut given) = (0, 0, 0);
        while given < batch {
            match pace.next_part(batch - given, settled) {
                None => (pauses, settled) = (pauses + 1, 0),
                Some(part) => {
                    let part = part.min(batch - given);
                    (given, settled) = (given + part, settled + part);
                }
            }
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
    fn a_publisher_pauses_where_a_part_of_a_middling_window_waits() {
        for (unsent, in_flight, pauses) in [
            (PART - 1, WIDE, false),
            (PART, PART - 1, false),
            (PART, PART, true),
            (PART, WIDE, true),
            (PART, WIDE + 1, false),
        ] {
            assert_eq!(publisher_pauses(unsent, in_flight), pauses, "{unsent} of {in_flight}");
        }
    }

    #[test]
    fn a_backlog_is_forgotten() {
        let mut pace = Pace::default();
        pauses(&mut pace, 10 * WIDE);
        assert_eq!(pauses(&mut pace, 100), 0);
        assert!((0..20).any(|_| pauses(&mut pace, 100) > 0));
    }
}
