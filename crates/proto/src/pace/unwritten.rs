//! Packets with a token that are not written yet.

use alloc::collections::VecDeque;

/// What a packet has taken a token of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Publish { topic: u64 },
    Control { filters: u64 },
}

/// The packets, and their sums: what asks for a token asks for these first.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// With the place among the bytes of the connection at which each ends.
    packets: VecDeque<(u64, Taken)>,
    publishes: u64,
    controls: u64,
    filters: u64,
}

impl Unwritten {
    pub(super) const fn publishes(&self) -> u64 {
        self.publishes
    }

    /// Those to one topic, which are counted: only a rate for each topic asks, and
    /// that keeps them few.
    pub(super) fn publishes_to(&self, topic: u64) -> u64 {
        let wanted = Taken::Publish { topic };
        self.packets.iter().filter(|(_, taken)| *taken == wanted).count() as u64
    }

    /// SUBSCRIBE and UNSUBSCRIBE packets.
    pub(super) const fn controls(&self) -> u64 {
        self.controls
    }

    /// Filters in SUBSCRIBE packets.
    pub(super) const fn filters(&self) -> u64 {
        self.filters
    }

    pub(super) fn push(&mut self, end: u64, taken: Taken) {
        match taken {
            Taken::Publish { .. } => self.publishes += 1,
            Taken::Control { filters } => {
                self.controls += 1;
                self.filters += filters;
            }
        }
        self.packets.push_back((end, taken));
    }

    /// Takes out the next packet that is written whole.
    pub(super) fn pop(&mut self, written: u64) -> Option<Taken> {
        let (end, taken) = *self.packets.front()?;
        if end > written {
            return None;
        }
        self.packets.pop_front();
        match taken {
            Taken::Publish { .. } => self.publishes -= 1,
            Taken::Control { filters } => {
                self.controls -= 1;
                self.filters -= filters;
            }
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_packets_that_are_not_written() {
        let mut unwritten = Unwritten::default();
        let [first, second] = [1, 2].map(|topic| Taken::Publish { topic });
        let control = Taken::Control { filters: 3 };
        for (end, taken) in [(10, first), (20, control), (30, second), (40, first)] {
            unwritten.push(end, taken);
        }
        let sums =
            |it: &Unwritten| (it.publishes(), it.publishes_to(1), it.controls(), it.filters());
        assert_eq!(sums(&unwritten), (3, 2, 1, 3));
        assert_eq!(unwritten.pop(9), None);
        assert_eq!(unwritten.pop(10), Some(first));
        assert_eq!((unwritten.pop(25), sums(&unwritten)), (Some(control), (2, 1, 0, 0)));
        assert_eq!(unwritten.pop(25), None);
        assert_eq!((unwritten.pop(99), unwritten.pop(99)), (Some(second), Some(first)));
        assert_eq!((unwritten.pop(99), sums(&unwritten)), (None, (0, 0, 0, 0)));
    }
}
