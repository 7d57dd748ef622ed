//! Which message goes to which stream.
//!
//! A message goes once to every stream with a matching filter, or to the
//! stream of unmatched messages. A full stream holds back the messages behind
//! it, and in the end the server. What no stream takes is held for a while.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use evenkeel_codec::{Publish, ReasonCode, TopicFilter};
use evenkeel_proto::{AckKey, Client as Core, Incoming, Instant};

use crate::hold::{Fate, Hold, position_of_copy};
use crate::routes::Routes;
use crate::wakers::Wakers;

/// Names an open stream among those of one client.
pub(crate) type StreamId = usize;

/// A message on its way to the application.
pub(crate) struct Parcel {
    pub(crate) publish: Publish,
    pub(crate) ack: Option<AckShare>,
}

impl Parcel {
    fn alone(incoming: Incoming) -> Self {
        Self { publish: incoming.publish, ack: incoming.ack.map(AckShare::Alone) }
    }
}

/// The right to acknowledge, alone or together with other streams.
pub(crate) enum AckShare {
    Alone(AckKey),
    /// Acknowledged when the last of the streams is done.
    Joint(Arc<(AckKey, AtomicUsize)>),
}

impl AckShare {
    /// This stream is done; the key, where all of them are.
    pub(crate) fn settle(self) -> Option<AckKey> {
        match self {
            Self::Alone(key) => Some(key),
            Self::Joint(joint) => (joint.1.fetch_sub(1, Ordering::AcqRel) == 1).then_some(joint.0),
        }
    }
}

/// Bytes of messages that a stream buffers ...
const BYTES: usize = 512 * 1024;
/// ... or more, if it is to buffer many messages.
const BYTES_EACH: usize = 2 * 1024;

struct Stream {
    filters: Vec<TopicFilter>,
    capacity: usize,
    parcels: VecDeque<Parcel>,
    /// Bytes of the parcels.
    bytes: usize,
    waker: Option<Waker>,
    /// The server has not granted it yet.
    opening: bool,
}

impl Stream {
    fn push(&mut self, parcel: Parcel) {
        let waiting = self.parcels.iter().map(|waiting| &waiting.publish);
        let copy = position_of_copy(&parcel.publish, waiting);
        match copy.and_then(|index| self.parcels.get_mut(index)) {
            // Given out once, with the right to acknowledge that is still valid.
            Some(earlier) => {
                self.bytes = self.bytes - weight(earlier) + weight(&parcel);
                *earlier = parcel;
            }
            None => {
                self.bytes += weight(&parcel);
                self.parcels.push_back(parcel);
            }
        }
    }

    fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.parcels.pop_front()?;
        self.bytes -= weight(&parcel);
        Some(parcel)
    }

    /// However large a message, one fits.
    fn is_full(&self) -> bool {
        self.parcels.len() >= self.capacity
            || self.bytes >= BYTES.max(self.capacity.saturating_mul(BYTES_EACH))
    }

    fn is_half_empty(&self) -> bool {
        self.parcels.len() <= self.capacity / 2 && !self.is_full()
    }
}

/// The streams of one client.
pub(crate) struct Streams {
    streams: Vec<Option<Stream>>,
    free: Vec<StreamId>,
    routes: Routes,
    unmatched: Option<StreamId>,
    /// Messages for streams that are still to come.
    hold: Hold,
    /// A full stream is in the way of messages of the core.
    blocked: bool,
    /// No further message will come.
    closed: bool,
    /// Messages that no stream gave out.
    pub(crate) discarded: u64,
    /// Reused by every routing.
    targets: Vec<StreamId>,
}

/// What a stream has to give.
pub(crate) enum Next {
    Parcel(Parcel),
    /// There is room again in a stream that was in the way: messages can be routed.
    Unblocked(Parcel),
    Empty,
    Ended,
}

impl Streams {
    pub(crate) fn new(hold: Hold) -> Self {
        Self {
            streams: Vec::new(),
            free: Vec::new(),
            routes: Routes::default(),
            unmatched: None,
            hold,
            blocked: false,
            closed: false,
            discarded: 0,
            targets: Vec::new(),
        }
    }

    /// Opens a stream that is to be granted; gives it what was held for it.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        filters: Vec<TopicFilter>,
        capacity: usize,
    ) -> StreamId {
        self.hold.opened(now, &filters);
        let id = self.insert(filters, capacity, true);
        let Self { hold, routes, targets, .. } = self;
        let held = hold.claim(|incoming| {
            targets.clear();
            routes.find(incoming.publish.topic.as_bytes(), targets);
            targets.contains(&id)
        });
        self.fill(id, held);
        id
    }

    /// The stream of messages that no filter matches; only one at a time.
    pub(crate) fn open_unmatched(&mut self, now: Instant, capacity: usize) -> Option<StreamId> {
        if self.unmatched.is_some() {
            return None;
        }
        self.hold.opened(now, &[]);
        let id = self.insert(Vec::new(), capacity, false);
        self.unmatched = Some(id);
        let held = self.hold.claim(|_| true);
        self.fill(id, held);
        Some(id)
    }

    fn insert(&mut self, filters: Vec<TopicFilter>, capacity: usize, opening: bool) -> StreamId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.streams.push(None);
            self.streams.len() - 1
        });
        for filter in &filters {
            self.routes.insert(filter, id);
        }
        let (capacity, parcels) = (capacity.max(1), VecDeque::new());
        if let Some(slot) = self.streams.get_mut(id) {
            *slot = Some(Stream { filters, capacity, parcels, bytes: 0, waker: None, opening });
        }
        id
    }

    /// Whatever its capacity: what was held is bounded, and comes before all that follows.
    fn fill(&mut self, id: StreamId, held: VecDeque<Incoming>) {
        for Incoming { publish, ack } in held {
            self.targets.clear();
            self.targets.push(id);
            // Nobody waits for a stream that is being opened.
            self.hand_out(publish, ack, &mut Wakers::default());
        }
    }

    /// The server has granted the stream.
    pub(crate) fn granted(&mut self, id: StreamId, now: Instant) {
        self.hold.opened(now, &[]);
        if let Some(stream) = self.stream(id) {
            stream.opening = false;
        }
    }

    /// Ends a stream; returns the filters that no other stream uses, and the
    /// right to acknowledge what it had not given out. `kept` is for
    /// subscriptions that go on without it.
    pub(crate) fn close(&mut self, id: StreamId, kept: bool) -> (Vec<TopicFilter>, Vec<AckKey>) {
        let Some(mut stream) = self.streams.get_mut(id).and_then(Option::take) else {
            return Default::default();
        };
        self.free.push(id);
        if self.unmatched == Some(id) {
            self.unmatched = None;
            let given_up = self.hold.give_up();
            stream.parcels.extend(given_up.into_iter().map(Parcel::alone));
        } else if stream.opening {
            self.return_to_hold(&mut stream.parcels);
        } else if !kept {
            self.hold.closed(&stream.filters);
        }
        self.discarded += stream.parcels.len() as u64;
        let unseen = stream.parcels.into_iter().filter_map(|parcel| parcel.ack?.settle()).collect();
        let mut orphans = stream.filters;
        orphans.retain(|filter| !self.routes.remove(filter, id));
        (orphans, unseen)
    }

    /// What came for a stream that was never granted is for the next who asks.
    fn return_to_hold(&mut self, parcels: &mut VecDeque<Parcel>) {
        let mut returned = Vec::new();
        for Parcel { publish, ack } in std::mem::take(parcels) {
            match ack {
                Some(AckShare::Alone(key)) => returned.push(Incoming { publish, ack: Some(key) }),
                // Other streams have it, or it is not worth it.
                ack => parcels.push_back(Parcel { publish, ack }),
            }
        }
        self.hold.put_back(returned);
    }

    /// The server refused a filter of this stream.
    pub(crate) fn remove_filter(&mut self, id: StreamId, filter: &TopicFilter) {
        if let Some(stream) = self.stream(id) {
            stream.filters.retain(|known| known != filter);
            self.routes.remove(filter, id);
        }
    }

    /// Messages that wait in a stream.
    pub(crate) fn waiting(&self, id: StreamId) -> usize {
        self.streams.get(id).and_then(Option::as_ref).map_or(0, |stream| stream.parcels.len())
    }

    pub(crate) fn next(&mut self, id: StreamId, waker: &Waker) -> Next {
        let (blocked, closed) = (self.blocked, self.closed);
        let Some(stream) = self.stream(id) else { return Next::Ended };
        match stream.pop() {
            // Not at the first gap: messages are moved by the batch.
            Some(parcel) if blocked && stream.is_half_empty() => Next::Unblocked(parcel),
            Some(parcel) => Next::Parcel(parcel),
            None if closed => Next::Ended,
            None => {
                stream.parcels.shrink_to(16);
                match &mut stream.waker {
                    Some(known) => known.clone_from(waker),
                    none => *none = Some(waker.clone()),
                }
                Next::Empty
            }
        }
    }

    /// Moves messages from the core to the streams until one that is full is in the way.
    pub(crate) fn route(&mut self, core: &mut Core, wakers: &mut Wakers) {
        self.blocked = false;
        if !self.hold.is_empty() {
            self.judge_hold(core);
        }
        while let Some(front) = core.peek_message() {
            self.find_targets(&front.publish);
            let fate = self.targets.is_empty().then(|| self.hold.fate(&front.publish));
            // The last messages of all are few, and nobody will move them later.
            if !self.closed && (fate == Some(Fate::Wait) || self.is_target_full()) {
                self.blocked = true;
                return;
            }
            let Some(incoming) = core.next_message() else { return };
            match fate {
                None => self.hand_out(incoming.publish, incoming.ack, wakers),
                Some(Fate::Hold) => self.hold.push(core.now(), incoming),
                Some(Fate::Replace(index)) => self.hold.replace(index, incoming),
                Some(Fate::Wait | Fate::Discard) => self.discard(core, incoming),
            }
        }
    }

    /// When what is held has waited long enough.
    pub(crate) fn hold_deadline(&self) -> Option<Instant> {
        if self.hold.is_empty() {
            return None;
        }
        self.hold.deadline(self.streams.iter().flatten().any(|stream| stream.opening))
    }

    fn judge_hold(&mut self, core: &mut Core) {
        if self.hold_deadline().is_none_or(|deadline| core.now() < deadline) {
            return;
        }
        let given_up = self.hold.give_up();
        tracing::warn!(
            messages = given_up.len(),
            topic = given_up.front().map(|first| first.publish.topic.as_str()),
            "no stream was opened for these messages: they are discarded, and so are later ones"
        );
        for incoming in given_up {
            self.discard(core, incoming);
        }
    }

    fn discard(&mut self, core: &mut Core, incoming: Incoming) {
        self.discarded += 1;
        if let Some(key) = incoming.ack {
            core.acknowledge(core.now(), key, ReasonCode::SUCCESS);
        }
    }

    fn find_targets(&mut self, publish: &Publish) {
        self.targets.clear();
        self.routes.find(publish.topic.as_bytes(), &mut self.targets);
        if self.targets.is_empty() {
            self.targets.extend(self.unmatched);
        }
    }

    fn is_target_full(&self) -> bool {
        let is_full = |id: &StreamId| {
            let stream = self.streams.get(*id).and_then(Option::as_ref);
            stream.is_some_and(Stream::is_full)
        };
        self.targets.iter().any(is_full)
    }

    fn hand_out(&mut self, publish: Publish, ack: Option<AckKey>, wakers: &mut Wakers) {
        tracing::trace!(
            topic = publish.topic.as_str(),
            qos = publish.qos.level(),
            retain = publish.retain,
            payload_len = publish.payload.len(),
            "message"
        );
        let Some((last, others)) = self.targets.split_last() else { return };
        let joint = ack
            .filter(|_| !others.is_empty())
            .map(|key| Arc::new((key, AtomicUsize::new(self.targets.len()))));
        let share = || match &joint {
            Some(joint) => Some(AckShare::Joint(joint.clone())),
            None => ack.map(AckShare::Alone),
        };
        let streams = &mut self.streams;
        let mut give = |id: StreamId, parcel| {
            if let Some(stream) = streams.get_mut(id).and_then(Option::as_mut) {
                stream.push(parcel);
                wakers.extend(stream.waker.take());
            }
        };
        for id in others {
            give(*id, Parcel { publish: publish.clone(), ack: share() });
        }
        give(*last, Parcel { publish, ack: share() });
    }

    /// No further message will come: streams end when they are empty, and
    /// what the core still has fits into them whatever their capacity.
    pub(crate) fn end(&mut self, wakers: &mut Wakers) {
        self.closed = true;
        wakers.extend(self.streams.iter_mut().flatten().filter_map(|stream| stream.waker.take()));
    }

    /// Messages may come again.
    pub(crate) const fn reopen(&mut self) {
        self.closed = false;
    }

    fn stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.streams.get_mut(id)?.as_mut()
    }
}

/// What a message takes of a stream's room (D9).
fn weight(parcel: &Parcel) -> usize {
    Incoming::weight_of(&parcel.publish)
}

#[cfg(test)]
mod tests {
    use evenkeel_codec::{Properties, Property, Text};

    use super::*;

    fn filled(capacity: usize, payload: usize, messages: usize) -> Stream {
        let (filters, parcels) = (Vec::new(), VecDeque::new());
        let mut stream =
            Stream { filters, capacity, parcels, bytes: 0, waker: None, opening: false };
        for _ in 0..messages {
            let payload = vec![b'x'; payload].into();
            stream.push(Parcel { publish: Publish { payload, ..Publish::default() }, ack: None });
        }
        stream
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
        for (publish, holds) in [
            (Publish { properties, ..Publish::default() }, 8),
            (Publish { topic: text(65_535), ..Publish::default() }, 9),
        ] {
            let mut stream = filled(256, 0, 0);
            for _ in 0..holds {
                assert!(!stream.is_full());
                stream.push(Parcel { publish: publish.clone(), ack: None });
            }
            assert!(stream.is_full());
            while stream.pop().is_some() {}
            assert_eq!(stream.bytes, 0);
        }
    }

    #[test]
    fn what_is_taken_makes_room_again() {
        let mut stream = filled(256, 1024 * 1024, 2);
        assert!(stream.pop().is_some() && stream.is_full());
        assert!(stream.pop().is_some() && !stream.is_full());
        assert_eq!(stream.bytes, 0);
    }
}
