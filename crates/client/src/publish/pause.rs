//! When a publisher stops for a moment, so that what was published can be sent.

use crate::shared::Inner;
use crate::tuning::{batch_part, batch_undivided};

impl Inner {
    /// True if the driver is to send what was published before more is.
    pub(super) fn publisher_pauses(&mut self) -> bool {
        // If the driver waits for other tasks as well, one write is for all of them.
        let pauses =
            !self.gathered.gives_way && pauses(self.gathered.published, self.core.in_flight());
        if pauses {
            self.gathered.published = 0;
        }
        pauses
    }
}

/// True if messages are published on, but the driver should send these first: of
/// a window that is not large the server then acknowledges one part while the
/// application publishes the next.
fn pauses(unsent: usize, in_flight: usize) -> bool {
    unsent >= batch_part() && in_flight >= batch_part() && in_flight <= batch_undivided()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_pauses_if_a_part_of_a_middling_window_waits() {
        for (unsent, in_flight, pauses) in [
            (batch_part() - 1, batch_undivided(), false),
            (batch_part(), batch_part() - 1, false),
            (batch_part(), batch_part(), true),
            (batch_part(), batch_undivided(), true),
            (batch_part(), batch_undivided() + 1, false),
        ] {
            assert_eq!(super::pauses(unsent, in_flight), pauses, "{unsent} of {in_flight}");
        }
    }
}
