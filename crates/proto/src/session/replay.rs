//! What has to be sent again on a new connection.

use alloc::collections::VecDeque;

use evenkeel_codec::PacketId;

/// Unacknowledged publishes of earlier connections, to be sent again in their
/// first order: one alone until it passes, then the rest, of which suspects go
/// alone as well (R7, D6).
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pending: VecDeque<PacketId>,
    /// Sent alone; its answer releases the rest.
    alone: Option<PacketId>,
    /// One has passed on this connection.
    passed: bool,
    /// The server still holds the session: what is sent again carries DUP.
    resumed: bool,
    /// Not everything that is to be sent again is committed yet.
    is_committing: bool,
    /// The connection is being renewed: all waits for the next one.
    is_draining: bool,
}

impl Replay {
    /// Begins with a connection, and waits for [`on_committed`](Self::on_committed);
    /// `resumed` if the server held the session.
    pub(crate) fn begin(&mut self, ids: impl IntoIterator<Item = PacketId>, resumed: bool) {
        self.resumed = resumed;
        self.pending.clear();
        self.pending.extend(ids);
        self.alone = None;
        self.passed = false;
        self.is_committing = true;
        self.is_draining = false;
    }

    /// What is to be sent again may go.
    pub(crate) const fn on_committed(&mut self) {
        self.is_committing = false;
    }

    /// Nothing new goes out, nor again, until the next connection.
    pub(crate) const fn begin_drain(&mut self) {
        self.is_draining = true;
    }

    /// There is to be no next connection.
    pub(crate) const fn cancel_drain(&mut self) {
        self.is_draining = false;
    }

    const fn is_held(&self) -> bool {
        self.is_committing || self.is_draining
    }

    /// One more is to be sent, behind the others.
    pub(crate) fn push(&mut self, id: PacketId) {
        self.pending.push_back(id);
    }

    //= [MQTT-3.3.1-1]
    /// Whether the server knows the session: what is sent again carries DUP,
    /// and what it acknowledges unasked counts.
    pub(crate) const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// True if the one to send next goes out alone whatever it is.
    pub(crate) const fn is_cautious(&self) -> bool {
        !self.passed
    }

    /// True if nothing has to go before new messages.
    pub(crate) fn is_done(&self) -> bool {
        self.pending.is_empty() && self.alone.is_none() && !self.is_held()
    }

    /// The one that is out alone.
    pub(crate) const fn alone(&self) -> Option<PacketId> {
        self.alone
    }

    /// The next to send; `None` while one is out alone, or when done.
    pub(crate) fn next(&self) -> Option<PacketId> {
        if self.alone.is_some() || self.is_held() { None } else { self.pending.front().copied() }
    }

    /// The one that [`next`](Self::next) named was sent.
    pub(crate) fn on_sent(&mut self, alone: bool) {
        let sent = self.pending.pop_front();
        if alone {
            self.alone = sent;
        }
    }

    /// The exchange took a step, or is over: the server bore the packet.
    #[inline]
    pub(crate) fn on_answer(&mut self, id: PacketId) {
        if self.alone == Some(id) {
            self.alone = None;
            self.passed = true;
        } else if !self.is_done() {
            // Acknowledged before it was sent again: nothing is left to send.
            self.pending.retain(|pending| *pending != id);
        }
    }
}
