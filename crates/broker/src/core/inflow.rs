//! QoS 1 and 2 messages from a client, counted against Receive Maximum.

/// Counts the QoS 1 and 2 messages of a client that are not acknowledged,
/// against the Receive Maximum announced to it.
///
/// An acknowledgement counts once its bytes have gone to the transport: before
/// that, no client can know of it.
#[derive(Debug)]
pub(crate) struct Inflow {
    maximum: u16,
    unacknowledged: u32,
    acknowledged_not_sent: u32,
    /// Acknowledgements held back for slow subscribers.
    held: u16,
}

impl Inflow {
    pub(crate) const fn new(maximum: u16) -> Self {
        Self { maximum, unacknowledged: 0, acknowledged_not_sent: 0, held: 0 }
    }

    /// One more message; false if the client may not have sent it.
    //= [MQTT-3.3.4-7]
    pub(crate) fn on_publish(&mut self) -> bool {
        self.unacknowledged += 1;
        self.unacknowledged + self.acknowledged_not_sent <= u32::from(self.maximum)
    }

    /// The packet that ends an exchange was encoded.
    pub(crate) fn on_acknowledged(&mut self) {
        if self.unacknowledged > 0 {
            self.unacknowledged -= 1;
            self.acknowledged_not_sent += 1;
        }
    }

    /// All that was encoded has gone to the transport.
    pub(crate) fn on_output_taken(&mut self) {
        self.acknowledged_not_sent = 0;
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
        inflow.on_acknowledged();
        assert!(!inflow.on_publish(), "the acknowledgement has not left");
        let mut inflow = Inflow::new(2);
        assert!(inflow.on_publish() && inflow.on_publish());
        inflow.on_acknowledged();
        inflow.on_output_taken();
        assert!(inflow.on_publish());
        assert!(!inflow.on_publish());
    }
}
