//! Answers that are held on one connection.

use bytes::BytesMut;
use evenkeel_aws::advisor::Packet;
use tokio::time::Instant;

/// The answers of one connection that are held: the first one of each kind.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: Vec<Answer>,
    was_held: Vec<evenkeel_codec::PacketType>,
}

#[derive(Debug)]
struct Answer {
    until: Instant,
    seen: Packet,
    bytes: BytesMut,
}

impl Held {
    /// Holds an answer, or gives it back: if it is not the first of its kind, or answers
    /// the same packet as one that is held, which is then forgotten.
    pub(super) fn hold(
        &mut self,
        until: Instant,
        seen: Packet,
        bytes: BytesMut,
    ) -> Option<(Packet, BytesMut)> {
        self.waiting.retain(|answer| (answer.seen.kind, answer.seen.id) != (seen.kind, seen.id));
        if self.was_held.contains(&seen.kind) {
            return Some((seen, bytes));
        }
        self.was_held.push(seen.kind);
        self.waiting.push(Answer { until, seen, bytes });
        None
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.first().map(|answer| answer.until)
    }

    /// One that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<(Packet, BytesMut)> {
        let due = self.waiting.first().is_some_and(|answer| answer.until <= now);
        due.then(|| self.waiting.remove(0)).map(|answer| (answer.seen, answer.bytes))
    }
}
