//! Messages from the server that wait to be taken, bounded in number and in
//! bytes (D10).

use alloc::collections::VecDeque;

use crate::config::Bounds;
use crate::io::Incoming;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    messages: VecDeque<Incoming>,
    /// What they weigh together.
    bytes: usize,
    is_full: bool,
}

impl Inbox {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// As many messages are in it, or bytes, as the bounds say.
    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// As many messages are in it, or bytes, as `factor` times the bounds.
    pub(super) fn holds(&self, factor: usize, bounds: &Bounds) -> bool {
        self.reaches(self.messages.len(), factor, bounds)
    }

    /// The same of so many messages, which weigh what is counted.
    const fn reaches(&self, messages: usize, factor: usize, bounds: &Bounds) -> bool {
        messages >= bounds.inbox_messages.saturating_mul(factor)
            || self.bytes >= bounds.inbox_bytes.saturating_mul(factor)
    }

    pub(super) fn front(&self) -> Option<&Incoming> {
        self.messages.front()
    }

    #[inline]
    pub(super) fn push(&mut self, incoming: Incoming, bounds: &Bounds) {
        self.bytes += incoming.weight();
        self.messages.push_back(incoming);
        self.is_full = self.holds(1, bounds);
    }

    /// Takes the first. All else is done before, so that it is moved once.
    #[inline]
    pub(super) fn pop(&mut self, bounds: &Bounds) -> Option<Incoming> {
        self.bytes -= self.messages.front()?.weight();
        if self.is_full {
            self.is_full = self.reaches(self.messages.len() - 1, 1, bounds);
        }
        self.messages.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use evenkeel_codec::Publish;

    use super::*;
    use crate::Config;

    fn incoming(payload: usize) -> Incoming {
        let payload = Bytes::from(alloc::vec![0; payload]);
        Incoming { publish: Publish { payload, ..Publish::default() }, ack: None }
    }

    fn bounds(messages: usize, bytes: usize) -> Bounds {
        let mut bounds = Config::default().bounds;
        bounds.inbox_messages = messages;
        bounds.inbox_bytes = bytes;
        bounds
    }

    /// Whether it is full after each push, and then after each pop.
    fn fills(bounds: &Bounds, payloads: [usize; 4]) -> [[bool; 4]; 2] {
        let mut inbox = Inbox::default();
        let pushed = payloads.map(|payload| {
            inbox.push(incoming(payload), bounds);
            inbox.is_full()
        });
        let popped = payloads.map(|payload| {
            assert_eq!(inbox.pop(bounds), Some(incoming(payload)));
            inbox.is_full()
        });
        assert_eq!(inbox.pop(bounds), None);
        assert_eq!((inbox.len(), inbox.bytes), (0, 0));
        [pushed, popped]
    }

    #[test]
    fn it_is_full_from_either_bound_on_and_no_longer_below_it() {
        let by_number = fills(&bounds(3, 1000), [1; 4]);
        assert_eq!(by_number, [[false, false, true, true], [true, false, false, false]]);
        let by_bytes = fills(&bounds(10, 100), [50, 49, 1, 49]);
        assert_eq!(by_bytes, [[false, false, true, true], [false; 4]]);
    }

    #[test]
    fn it_holds_a_multiple_of_either_bound_from_there_on() {
        let mut inbox = Inbox::default();
        for _ in 0..4 {
            inbox.push(incoming(10), &bounds(1, 1));
        }
        for (bounds, holds) in [
            (bounds(2, 1000), true),
            (bounds(3, 1000), false),
            (bounds(1000, 20), true),
            (bounds(1000, 21), false),
        ] {
            assert_eq!(inbox.holds(2, &bounds), holds, "{bounds:?}");
        }
    }
}
