//! What one stream has to give, and what its handle has taken of it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::iter;
use core::sync::atomic::{AtomicBool, Ordering};

use super::StreamMessage;
use super::unmatched::position_of_copy;
use crate::tuning;

/// Bytes of messages that a stream buffers ...
const BYTES: usize = 512 * 1024;
/// ... or more, if it is to buffer many messages.
const BYTES_EACH: usize = 2 * 1024;

/// The messages of one stream that the application does not have yet.
///
/// Its handle takes all that wait, under one lock. They count against the
/// bounds until it tells that they are given out, and are brought back if
/// it is dropped, or one of them may have come again.
pub(super) struct Buffer {
    capacity: usize,
    pub(super) messages: VecDeque<StreamMessage>,
    /// Bytes of the messages and of what its handle has.
    bytes: usize,
    /// Messages that its handle has.
    taken: usize,
    recalled: Arc<AtomicBool>,
}

/// What the handle of a stream has taken and not given to the application yet.
pub struct Prefetched {
    messages: VecDeque<StreamMessage>,
    /// Messages to give out before the stream is told.
    left: usize,
    /// Bytes given out since.
    given: usize,
    /// The stream wants it back.
    recalled: Arc<AtomicBool>,
}

impl Prefetched {
    /// The next message, without a lock; `None` if the stream is to be told.
    #[inline]
    pub fn take_next(&mut self) -> Option<StreamMessage> {
        let is_due = self.left == 0 || self.given >= tuning::BYTES_UNTOLD;
        if is_due || self.recalled.load(Ordering::Relaxed) {
            return None;
        }
        self.pop()
    }

    #[inline]
    fn pop(&mut self) -> Option<StreamMessage> {
        let message = self.messages.pop_front()?;
        self.left = self.left.saturating_sub(1);
        self.given += weight(&message);
        Some(message)
    }

    /// Messages taken and not given out.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

impl Buffer {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            messages: VecDeque::new(),
            bytes: 0,
            taken: 0,
            recalled: Arc::default(),
        }
    }

    /// What its handle takes messages with.
    pub(super) fn handle(&self) -> Prefetched {
        let recalled = self.recalled.clone();
        Prefetched { messages: VecDeque::new(), left: 0, given: 0, recalled }
    }

    #[inline]
    pub(super) fn push(&mut self, message: StreamMessage) {
        self.bytes += weight(&message);
        if !message.publish.dup {
            return self.messages.push_back(message);
        }
        let waiting = self.messages.iter().map(|waiting| &waiting.publish);
        let copy = position_of_copy(&message.publish, waiting);
        match copy.and_then(|index| self.messages.get_mut(index)) {
            // Given out once, with the right to acknowledge that is still valid.
            Some(earlier) => {
                self.bytes -= weight(earlier);
                *earlier = message;
            }
            None => {
                self.recalled.store(self.taken > 0, Ordering::Relaxed);
                self.messages.push_back(message);
            }
        }
    }

    /// Gives the next message; its handle has those behind it, and is to tell
    /// when it has given out `most` of them, or half of the capacity: there is
    /// room for others while these are given out.
    pub(super) fn take(&mut self, most: usize, taken: &mut Prefetched) -> Option<StreamMessage> {
        if self.recalled.load(Ordering::Relaxed) {
            self.bring_back(taken);
        }
        if taken.messages.is_empty() {
            core::mem::swap(&mut self.messages, &mut taken.messages);
        }
        taken.left = most.min(self.capacity / 2);
        let next = taken.pop();
        self.bytes -= core::mem::take(&mut taken.given);
        self.taken = taken.messages.len();
        next
    }

    /// Where a message that was taken has come again meanwhile, the later one
    /// has its place, with the right to acknowledge that is still valid.
    pub(super) fn bring_back(&mut self, taken: &mut Prefetched) {
        self.bytes -= core::mem::take(&mut taken.given);
        self.taken = 0;
        while let Some(earlier) = taken.messages.pop_back() {
            let is_copy = |later: &StreamMessage| {
                position_of_copy(&later.publish, iter::once(&earlier.publish)).is_some()
            };
            let copy = self.messages.iter().position(is_copy);
            let later = copy.and_then(|index| self.messages.remove(index));
            if later.is_some() {
                self.bytes -= weight(&earlier);
            }
            self.messages.push_front(later.unwrap_or(earlier));
        }
        self.recalled.store(false, Ordering::Relaxed);
    }

    /// An empty stream keeps little memory.
    pub(super) fn shrink(&mut self, taken: &mut Prefetched) {
        self.messages.shrink_to(tuning::MESSAGES_KEPT);
        taken.messages.shrink_to(tuning::MESSAGES_KEPT);
    }

    /// However large a message, one fits.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() + self.taken >= self.capacity
            || self.bytes >= BYTES.max(self.capacity.saturating_mul(BYTES_EACH))
    }

    pub(super) fn is_half_empty(&self) -> bool {
        self.messages.len() + self.taken <= self.capacity / 2 && !self.is_full()
    }
}

/// What a message takes of a stream's room (D9).
#[inline]
fn weight(message: &StreamMessage) -> usize {
    message.publish.weight()
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use evenkeel_codec::{PacketId, Properties, Property, Publish, QoS, Text};

    use super::*;

    fn filled(capacity: usize, payload: usize, messages: usize) -> Buffer {
        let mut buffer = Buffer::new(capacity);
        for number in 1..=messages as u16 {
            buffer.push(message(number, payload, false));
        }
        buffer
    }

    fn message(number: u16, payload: usize, dup: bool) -> StreamMessage {
        let (payload, packet_id) = (vec![b'x'; payload].into(), PacketId::new(number));
        let qos = QoS::AtLeastOnce;
        StreamMessage {
            publish: Publish { dup, qos, packet_id, payload, ..Publish::default() },
            ack: None,
        }
    }

    /// Whether each of the messages that are left came again, by identifiers.
    fn rest(buffer: &mut Buffer, taken: &mut Prefetched) -> Vec<(u16, bool)> {
        let name = |message: StreamMessage| {
            (message.publish.packet_id.unwrap().get(), message.publish.dup)
        };
        iter::from_fn(|| taken.take_next().or_else(|| buffer.take(4, taken))).map(name).collect()
    }

    #[test]
    fn a_stream_is_full_by_messages_or_by_bytes() {
        assert!(filled(256, 64, 256).is_full());
        assert!(!filled(256, 64, 255).is_full());
        assert!(filled(256, 64 * 1024, 8).is_full());
        assert!(!filled(256, 64 * 1024, 7).is_full());
        assert!(filled(1024, 64 * 1024, 32).is_full(), "2 KiB for each of many messages");
        assert!(!filled(1024, 64 * 1024, 31).is_full());
        assert!(!filled(1, 0, 0).is_full(), "one always fits");
    }

    #[test]
    fn properties_and_topics_fill_a_stream_as_well() {
        let text = |length| Text::try_from("x".repeat(length)).unwrap();
        let user = Property::UserProperty(text(1), text(65_535));
        let properties = Properties::new().with(user);
        let empty = Property::UserProperty(Text::new(), Text::new());
        let held = BYTES.div_ceil(1024 * size_of::<Property>());
        assert!(held <= 8, "{held}");
        for (publish, holds) in [
            (Publish { properties, ..Publish::default() }, 8),
            // 5 bytes each on the wire, and 72 KiB in memory (S4).
            (
                Publish {
                    properties: vec![empty; 1024].into_iter().collect(),
                    ..Publish::default()
                },
                held,
            ),
            (Publish { topic: text(65_535), ..Publish::default() }, 9),
        ] {
            let mut buffer = filled(256, 0, 0);
            for _ in 0..holds {
                assert!(!buffer.is_full());
                buffer.push(StreamMessage { publish: publish.clone(), ack: None });
            }
            assert!(buffer.is_full());
            let mut taken = buffer.handle();
            while taken.take_next().or_else(|| buffer.take(3, &mut taken)).is_some() {}
            assert_eq!(buffer.bytes, 0);
        }
    }

    #[test]
    fn what_is_given_makes_room_again() {
        let mut buffer = filled(256, 1024 * 1024, 2);
        let mut taken = buffer.handle();
        assert!(buffer.take(1, &mut taken).is_some() && buffer.is_full());
        assert!(buffer.take(1, &mut taken).is_some() && !buffer.is_full());
        assert_eq!(buffer.bytes, 0);
    }

    #[test]
    fn what_its_handle_has_counts_until_it_tells() {
        let mut buffer = filled(8, 64, 8);
        let mut taken = buffer.handle();
        assert!(buffer.take(usize::MAX, &mut taken).is_some());
        assert_eq!((taken.len(), buffer.messages.len()), (7, 0));
        buffer.push(message(9, 64, false));
        for _ in 0..3 {
            assert!(taken.take_next().is_some() && buffer.is_full());
        }
        assert!(taken.take_next().is_none(), "half of the capacity is given out");
        assert!(buffer.take(2, &mut taken).is_some() && buffer.is_half_empty());
        assert!(
            taken.take_next().is_some() && taken.take_next().is_none(),
            "it was to give out two"
        );
    }

    #[test]
    fn large_messages_make_room_two_by_two() {
        let mut buffer = filled(256, tuning::BYTES_UNTOLD, 8);
        let mut taken = buffer.handle();
        for _ in 0..4 {
            assert!(taken.take_next().is_none());
            assert!(buffer.take(100, &mut taken).is_some() && buffer.is_half_empty());
            assert!(taken.take_next().is_some());
        }
    }

    #[test]
    fn what_comes_again_while_it_is_taken_is_brought_back_first() {
        let mut buffer = filled(8, 64, 4);
        let mut taken = buffer.handle();
        assert!(buffer.take(3, &mut taken).is_some());
        for number in [1, 3, 4] {
            buffer.push(message(number, 64, true));
        }
        assert!(taken.take_next().is_none());
        let wanted = [(2, false), (3, true), (4, true), (1, true)];
        assert_eq!(rest(&mut buffer, &mut taken), wanted);
        assert_eq!((buffer.bytes, buffer.taken), (0, 0));
    }

    #[test]
    fn nothing_is_brought_back_for_what_was_given_out() {
        let mut buffer = filled(8, 64, 3);
        let mut taken = buffer.handle();
        for number in 1..=4 {
            assert_eq!(buffer.take(9, &mut taken).is_some(), number < 4);
        }
        buffer.push(message(1, 64, true));
        buffer.push(message(1, 64, true));
        assert!(!taken.recalled.load(Ordering::Relaxed));
        assert_eq!(rest(&mut buffer, &mut taken), [(1, true)], "given out once");
    }
}
