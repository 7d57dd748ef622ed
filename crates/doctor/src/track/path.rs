//! How TCP fares on one connection.

use core::time::Duration;

use crate::event::Side;
use crate::time::Time;

/// What one side's bytes met on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    /// Events that carried bytes.
    pub(crate) sent: u32,
    /// Retransmissions in all.
    pub(crate) resent: u32,
    /// Retransmissions since the other side was last heard.
    pub(crate) resent_in_silence: u32,
    /// The first of those, and the newest.
    pub(crate) silence_from: Option<Time>,
    pub(crate) last_resent: Option<Time>,
    /// Retransmissions of full segments, 1,200 bytes and more, and of smaller ones.
    pub(crate) resent_full: u32,
    pub(crate) resent_small: u32,
    /// Since when this side's receive window is closed.
    pub(crate) window_closed: Option<Time>,
    /// The longest time it was closed.
    pub(crate) longest_closed: Duration,
    /// Bytes that the capture lacks: times of this connection prove nothing.
    pub(crate) missing: bool,
}

/// Payload of a segment that fills most paths.
const FULL: u32 = 1200;

/// Both sides' paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths([Path; 2]);

impl Paths {
    pub(crate) fn of(&self, side: Side) -> &Path {
        let [client, server] = &self.0;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut Path {
        let [client, server] = &mut self.0;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    pub(crate) fn sent(&mut self, side: Side) {
        let path = self.of_mut(side);
        path.sent = path.sent.saturating_add(1);
        let other = self.of_mut(side.other());
        other.resent_in_silence = 0;
        other.silence_from = None;
    }

    pub(crate) fn resent(&mut self, side: Side, bytes: u32, at: Time) {
        let path = self.of_mut(side);
        path.resent = path.resent.saturating_add(1);
        path.resent_in_silence = path.resent_in_silence.saturating_add(1);
        path.silence_from.get_or_insert(at);
        path.last_resent = Some(at);
        let sizes = if bytes >= FULL { &mut path.resent_full } else { &mut path.resent_small };
        *sizes = sizes.saturating_add(1);
    }

    pub(crate) fn window(&mut self, of: Side, open: bool, at: Time) {
        let path = self.of_mut(of);
        if !open {
            path.window_closed.get_or_insert(at);
        } else if let Some(from) = path.window_closed.take() {
            path.longest_closed = path.longest_closed.max(at.since(from));
        }
    }

    pub(crate) fn missing(&mut self, side: Side) {
        self.of_mut(side).missing = true;
    }

    /// Whether the capture lacks bytes of either side.
    pub(crate) fn has_gaps(&self) -> bool {
        self.0.iter().any(|path| path.missing)
    }
}
