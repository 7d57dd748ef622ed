//! QoS 1 and 2 messages from a client, counted against Receive Maximum.

use std::collections::VecDeque;

/// Counts the QoS 1 and 2 messages of a client that are not acknowledged,
/// against the Receive Maximum announced to it.
///
/// An acknowledgement counts once its bytes have gone to the transport: before
/// that, no client can know of it.
#[derive(Debug)]
pub(crate) struct Inflow {
    maximum: u16,
    unacknowledged: u32,
    /// Where the acknowledgements end that have not left, in bytes of the connection:
    /// a fault may hold back what comes behind them.
    leaving: VecDeque<u64>,
    /// Bytes that have left.
    left: u64,
    /// Acknowledgements held back for slow subscribers.
    held: u16,
}

impl Inflow {
    pub(crate) const fn new(maximum: u16) -> Self {
        Self { maximum, unacknowledged: 0, leaving: VecDeque::new(), left: 0, held: 0 }
    }

    /// One more message; false if the client may not have sent it.
    //= [MQTT-3.3.4-7]
    pub(crate) fn on_publish(&mut self) -> bool {
        self.unacknowledged += 1;
        self.unacknowledged() <= usize::from(self.maximum)
    }

    /// Messages whose acknowledgements have not left.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.unacknowledged as usize + self.leaving.len()
    }

    /// The packet that ends an exchange was encoded, as the last of so many bytes
    /// that wait.
    pub(crate) fn on_acknowledged(&mut self, waiting: usize) {
        if self.unacknowledged > 0 {
            self.unacknowledged -= 1;
            self.leaving.push_back(self.left + waiting as u64);
        }
    }

    /// So many bytes have gone to the transport.
    pub(crate) fn on_output_taken(&mut self, bytes: usize) {
        self.left += bytes as u64;
        while self.leaving.front().is_some_and(|end| *end <= self.left) {
            self.leaving.pop_front();
        }
    }

    /// Asks for one acknowledgement to be held back; false if too many are.
    pub(crate) fn hold(&mut self) -> bool {
        let may_hold = self.held < self.maximum;
        self.held += u16::from(may_hold);
        may_hold
    }

    pub(crate) fn release(&mut self) {
        self.held = self.held.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= [MQTT-3.3.4-7] test
    #[test]
    fn the_maximum_is_the_last_that_is_allowed() {
        let mut inflow = Inflow::new(2);
        assert!(inflow.on_publish() && inflow.on_publish());
        inflow.on_acknowledged(4);
        assert!(!inflow.on_publish(), "the acknowledgement has not left");
        let mut inflow = Inflow::new(2);
        assert!(inflow.on_publish() && inflow.on_publish());
        inflow.on_acknowledged(4);
        inflow.on_output_taken(4);
        assert!(inflow.on_publish());
        assert!(!inflow.on_publish());
    }

    #[test]
    fn an_acknowledgement_that_has_left_counts_whatever_is_held_back_behind_it() {
        let mut inflow = Inflow::new(2);
        inflow.on_output_taken(10);
        assert!(inflow.on_publish() && inflow.on_publish());
        inflow.on_acknowledged(4);
        inflow.on_acknowledged(10);
        inflow.on_output_taken(9);
        assert!(inflow.on_publish());
        let mut both = Inflow::new(2);
        assert!(both.on_publish() && both.on_publish());
        both.on_acknowledged(4);
        both.on_acknowledged(10);
        both.on_output_taken(3);
        both.on_output_taken(7);
        assert!(both.on_publish() && both.on_publish());
        assert!(!both.on_publish());
    }
}
