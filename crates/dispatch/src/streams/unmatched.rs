//! Messages that no stream takes, held for streams that are still to come.
//!
//! The server may send the messages of a resumed session before the
//! application has opened a stream for them. They are held unacknowledged, so
//! that the server still has them if the program ends. But acknowledgements go
//! out in the order of the messages ([MQTT-4.6.0-2]): what is held holds back
//! those of all later messages, and in the end the server. So nothing is held
//! forever once the application has opened streams, and holding ends for good
//! if nobody came.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{Publish, QoS, TopicFilter};
use evenkeel_proto::{Bounds, Incoming, Instant};

/// Filters of dropped streams that are remembered, for the messages that were
/// on their way.
const CLOSED_KEPT: usize = 64;

pub(super) struct Unmatched {
    held: VecDeque<Incoming>,
    bytes: usize,
    bounds: (usize, usize),
    /// How long to wait for another stream.
    limit: Duration,
    /// The oldest message came.
    since: Instant,
    /// The bounds were reached.
    full_since: Option<Instant>,
    /// The last stream was opened or granted.
    opened: Option<Instant>,
    /// Filters whose streams were dropped: nobody is to come for these.
    closed: VecDeque<TopicFilter>,
    is_over: bool,
}

/// What becomes of a message that no stream takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Hold,
    /// It comes again, on another connection: this is where it is held.
    Replace(usize),
    /// It stays where it is, and holds back what comes after it.
    Wait,
    Discard,
}

impl Unmatched {
    pub(super) fn new(bounds: &Bounds, limit: Duration) -> Self {
        Self {
            held: VecDeque::new(),
            bytes: 0,
            bounds: (bounds.inbox_messages, bounds.inbox_bytes),
            limit,
            since: Instant::default(),
            full_since: None,
            opened: None,
            closed: VecDeque::new(),
            is_over: limit.is_zero(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn fate(&self, publish: &Publish) -> Fate {
        let is_closed = |filter: &TopicFilter| filter.matches_text(&publish.topic);
        if self.is_over || self.closed.iter().any(is_closed) {
            Fate::Discard
        } else if let Some(index) = self.earlier_copy(publish) {
            Fate::Replace(index)
        } else if !self.is_full() {
            Fate::Hold
        } else if publish.qos == QoS::AtMostOnce {
            // Not worth to hold back the others for.
            Fate::Discard
        } else {
            Fate::Wait
        }
    }

    pub(super) fn push(&mut self, now: Instant, incoming: Incoming) {
        if self.held.is_empty() {
            self.since = now;
        }
        self.bytes += incoming.weight();
        self.held.push_back(detached(incoming));
        self.note_full(now);
    }

    /// Only the latest copy can be acknowledged. It may have other properties.
    pub(super) fn replace(&mut self, now: Instant, index: usize, incoming: Incoming) {
        if let Some(held) = self.held.get_mut(index) {
            self.bytes = self.bytes - held.weight() + incoming.weight();
            *held = detached(incoming);
            self.note_full(now);
        }
    }

    fn note_full(&mut self, now: Instant) {
        if self.is_full() {
            self.full_since.get_or_insert(now);
        } else {
            self.full_since = None;
        }
    }

    fn earlier_copy(&self, publish: &Publish) -> Option<usize> {
        position_of_copy(publish, self.held.iter().map(|held| &held.publish))
    }

    /// Takes out what `wanted` takes, in the order it came.
    pub(super) fn claim(&mut self, wanted: impl FnMut(&Incoming) -> bool) -> VecDeque<Incoming> {
        let (claimed, held) = core::mem::take(&mut self.held).into_iter().partition(wanted);
        self.set(held);
        claimed
    }

    /// Takes back, before all others, what a stream was opened for in vain.
    pub(super) fn put_back(&mut self, messages: Vec<Incoming>) {
        let held = core::mem::take(&mut self.held);
        self.set(messages.into_iter().chain(held).collect());
    }

    fn set(&mut self, held: VecDeque<Incoming>) {
        self.bytes = held.iter().map(Incoming::weight).sum();
        self.held = held;
        if !self.is_full() {
            self.full_since = None;
        }
    }

    /// A stream with these filters is open.
    pub(super) fn opened(&mut self, now: Instant, filters: &[TopicFilter]) {
        self.opened = Some(now);
        self.closed.retain(|closed| !filters.contains(closed));
    }

    /// Nobody is to come for these filters.
    pub(super) fn closed(&mut self, filters: &[TopicFilter]) {
        if !self.is_over {
            let excess = (self.closed.len() + filters.len()).saturating_sub(CLOSED_KEPT);
            self.closed.drain(..excess.min(self.closed.len()));
            self.closed.extend(filters.iter().take(CLOSED_KEPT).cloned());
        }
    }

    /// When the wait ends. An application that has opened no stream yet,
    /// or is opening one, is waited for unless the bounds are reached.
    pub(super) fn deadline(&self, is_opening: bool) -> Option<Instant> {
        if self.held.is_empty() {
            return None;
        }
        let from = match self.opened {
            Some(opened) if !is_opening => opened.max(self.since),
            _ => self.full_since?,
        };
        Some(from + self.limit)
    }

    /// Holds nothing from now on; returns what was held.
    pub(super) fn give_up(&mut self) -> VecDeque<Incoming> {
        self.is_over = true;
        self.closed = VecDeque::new();
        self.bytes = 0;
        core::mem::take(&mut self.held)
    }

    fn is_full(&self) -> bool {
        self.held.len() >= self.bounds.0 || self.bytes >= self.bounds.1
    }
}

/// Those it was read with may be gone long before it (S4).
fn detached(incoming: Incoming) -> Incoming {
    Incoming { publish: incoming.publish.detached(), ..incoming }
}

/// Where the same message waits already, from an earlier connection: one of
/// QoS 1 that is not acknowledged comes again, under the same identifier. Those
/// of QoS 2 are known to the core.
pub(super) fn position_of_copy<'a>(
    publish: &Publish,
    mut waiting: impl Iterator<Item = &'a Publish>,
) -> Option<usize> {
    let is_copy = |earlier: &Publish| {
        earlier.packet_id == publish.packet_id
            && (earlier.qos, &earlier.topic) == (publish.qos, &publish.topic)
            && earlier.payload == publish.payload
    };
    let may_be = publish.dup && publish.qos == QoS::AtLeastOnce;
    may_be.then(|| waiting.position(is_copy)).flatten()
}

#[cfg(test)]
mod tests {
    use std::vec;

    use evenkeel_codec::{PacketId, Properties, Property, Text};

    use super::*;

    fn message(id: u16, properties: usize) -> Incoming {
        let empty = Property::UserProperty(Text::new(), Text::new());
        let properties: Properties = vec![empty; properties].into_iter().collect();
        let (dup, qos) = (true, QoS::AtLeastOnce);
        let packet_id = PacketId::new(id);
        Incoming {
            publish: Publish { dup, qos, packet_id, properties, ..Publish::default() },
            ack: None,
        }
    }

    /// S4: a copy of the same message may have other properties.
    #[test]
    fn a_copy_counts_in_place_of_the_message_that_is_held() {
        let mut bounds = Bounds::default();
        bounds.inbox_bytes = message(1, 1000).weight() + 1;
        let mut unmatched = Unmatched::new(&bounds, Duration::from_secs(1));
        let now = Instant::from_micros(0);
        unmatched.push(now, message(1, 0));
        for (properties, fate) in [(1000, Fate::Hold), (1024, Fate::Wait), (0, Fate::Hold)] {
            let copy = message(1, properties);
            assert_eq!(unmatched.fate(&copy.publish), Fate::Replace(0));
            unmatched.replace(now, 0, copy);
            assert_eq!(unmatched.fate(&message(2, 0).publish), fate, "{properties}");
        }
        assert_eq!(unmatched.claim(|_| true).len(), 1);
        assert_eq!(unmatched.bytes, 0);
    }
}
