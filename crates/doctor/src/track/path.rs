//! How TCP fares on one connection.

use core::time::Duration;

use crate::event::{Moment, Side};
use crate::time::Time;

/// What one side's bytes met on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    /// Events that carried bytes.
    pub(crate) sent: u32,
    /// Retransmissions in all.
    pub(crate) resent: u32,
    /// Their bytes.
    pub(crate) resent_bytes: u64,
    /// Retransmissions in a row, as TCP backs off: nothing came from the other
    /// side in between, and this side sent nothing new, which it could only do
    /// after an acknowledgement.
    pub(crate) resent_in_silence: u32,
    /// The first of those.
    pub(crate) silence_from: Option<Moment>,
    /// The newest of all.
    pub(crate) last_resent: Option<Time>,
    /// When this side's newest bytes were sent for the first time.
    last_sent: Option<Time>,
    /// The time before the newest retransmission of the row.
    gap: Duration,
    /// Retransmissions of full segments, 1,200 bytes and more, and of smaller ones.
    pub(crate) resent_full: u32,
    pub(crate) resent_small: u32,
    /// Since when this side's receive window is closed.
    pub(crate) window_closed: Option<Time>,
    /// The longest time it was closed.
    pub(crate) longest_closed: Duration,
}

/// Payload of a segment that fills most paths.
const FULL: u32 = 1200;

/// Retransmissions closer together repair several segments of one loss: what
/// backs off waits longer.
const BURST: Duration = Duration::from_millis(100);
/// The longest that a sender waits before its first retransmission.
const FIRST: Duration = Duration::from_secs(3);
/// Each wait of a row is twice the one before, and this much more at most.
const LATE: Duration = Duration::from_secs(2);

impl Path {
    /// What was sent before has arrived.
    fn passes(&mut self) {
        (self.resent_in_silence, self.silence_from) = (0, None);
    }

    fn resent(&mut self, bytes: u32, moment: Moment) {
        let at = moment.at;
        self.resent = self.resent.saturating_add(1);
        self.resent_bytes = self.resent_bytes.saturating_add(bytes.into());
        let sizes = if bytes >= FULL { &mut self.resent_full } else { &mut self.resent_small };
        *sizes = sizes.saturating_add(1);
        let row = self.silence_from.is_some();
        let last = self.last_resent.replace(at);
        let last = if row { last } else { None };
        let gap = match last {
            Some(last) => at.since(last),
            None => self.last_sent.map_or(FIRST, |sent| at.since(sent)).min(FIRST),
        };
        if last.is_some() && gap < BURST {
            return;
        }
        if last.is_some() && gap > self.gap.saturating_mul(2).saturating_add(LATE) {
            // No back-off waits so long: this is another loss.
            self.passes();
            self.gap = Duration::ZERO;
        } else {
            self.gap = gap;
        }
        self.silence_from.get_or_insert(moment);
        self.resent_in_silence = self.resent_in_silence.saturating_add(1);
    }
}

/// Both sides' paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    sides: [Path; 2],
    /// The capture lacks bytes of either: times of this connection prove nothing.
    gaps: bool,
    /// Either may have a row of retransmissions.
    rows: bool,
}

impl Paths {
    pub(crate) fn of(&self, side: Side) -> &Path {
        let [client, server] = &self.sides;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut Path {
        let [client, server] = &mut self.sides;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    pub(crate) fn sent(&mut self, side: Side, at: Time) {
        let path = self.of_mut(side);
        path.sent = path.sent.saturating_add(1);
        path.last_sent = Some(at);
        if core::mem::take(&mut self.rows) {
            self.sides.iter_mut().for_each(Path::passes);
        }
    }

    pub(crate) fn resent(&mut self, side: Side, bytes: u32, moment: Moment) {
        self.rows = true;
        self.of_mut(side).resent(bytes, moment);
    }

    pub(crate) fn window(&mut self, of: Side, open: bool, at: Time) {
        let path = self.of_mut(of);
        if !open {
            path.window_closed.get_or_insert(at);
        } else if let Some(from) = path.window_closed.take() {
            path.longest_closed = path.longest_closed.max(at.since(from));
        }
    }

    pub(crate) fn missing(&mut self) {
        self.gaps = true;
    }

    /// Whether the capture lacks bytes of either side.
    pub(crate) fn has_gaps(&self) -> bool {
        self.gaps
    }
}
