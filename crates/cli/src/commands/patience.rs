//! A time limit that begins anew with each acknowledgement.

use std::time::Duration;

use evenkeel::Client;

use super::deadline::Deadline;

/// Waits for acknowledgements, also of messages that earlier runs left in the
/// store: a long queue is no reason to give up as long as it gets shorter.
pub(super) struct Patience<'a> {
    client: &'a Client,
    deadline: Deadline,
    /// As many messages were acknowledged when the time began.
    acknowledged: u64,
}

impl<'a> Patience<'a> {
    /// Starts now.
    pub(super) fn new(client: &'a Client, limit: Option<Duration>) -> Self {
        Self { client, deadline: Deadline::new(limit), acknowledged: 0 }
    }

    /// Starts anew.
    pub(super) fn restart(&mut self) {
        self.acknowledged = self.client.stats().publishes_acknowledged;
        self.deadline.restart();
    }

    /// The limit; zero where there is none.
    pub(super) fn limit(&self) -> Duration {
        self.deadline.limit()
    }

    /// Waits until the limit is over and nothing was acknowledged within it.
    /// Cancel-safe.
    pub(super) async fn over(&mut self) {
        loop {
            self.deadline.over().await;
            if self.client.stats().publishes_acknowledged == self.acknowledged {
                return;
            }
            self.restart();
        }
    }
}
