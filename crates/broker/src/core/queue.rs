//! The messages that wait for one session.

use std::collections::VecDeque;

use evenkeel_codec::QoS;

use super::inflight::Delivery;

/// Messages that wait for their session's connection, oldest first.
///
/// QoS 0 waits apart: a client that does not acknowledge gets it all the same.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    acknowledged: VecDeque<(u64, Delivery)>,
    unacknowledged: VecDeque<(u64, Delivery)>,
    bytes: usize,
    number: u64,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.acknowledged.len() + self.unacknowledged.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// True if [`Queue::pop`] would give a message.
    pub(crate) fn has_next(&self, window_is_open: bool) -> bool {
        !self.unacknowledged.is_empty() || (window_is_open && !self.acknowledged.is_empty())
    }

    pub(crate) fn push(&mut self, delivery: Delivery) {
        self.bytes += delivery.cost();
        self.number += 1;
        let entry = (self.number, delivery);
        match entry.1.qos {
            QoS::AtMostOnce => self.unacknowledged.push_back(entry),
            _ => self.acknowledged.push_back(entry),
        }
    }

    /// The oldest message that may go now: with a closed window only QoS 0.
    pub(crate) fn pop(&mut self, window_is_open: bool) -> Option<Delivery> {
        let number = |queue: &VecDeque<(u64, Delivery)>| queue.front().map(|entry| entry.0);
        let acknowledged = if window_is_open { number(&self.acknowledged) } else { None };
        let from = match (acknowledged, number(&self.unacknowledged)) {
            (Some(one), Some(other)) if one < other => &mut self.acknowledged,
            (Some(_), None) => &mut self.acknowledged,
            (_, Some(_)) => &mut self.unacknowledged,
            (None, None) => return None,
        };
        let (_, delivery) = from.pop_front()?;
        self.bytes -= delivery.cost();
        Some(delivery)
    }
}
