//! Which message goes to which stream.
//!
//! A message goes once to every stream with a matching filter, or to the
//! stream of unmatched messages. A full stream holds back the messages behind
//! it, and in the end the server: nothing is dropped here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use evenkeel_codec::{Publish, ReasonCode, TopicFilter};
use evenkeel_proto::{AckKey, Client as Core};

use crate::routes::Routes;
use crate::wakers::Wakers;

/// Names an open stream among those of one client.
pub(crate) type StreamId = usize;

/// A message on its way to the application.
pub(crate) struct Parcel {
    pub(crate) publish: Publish,
    pub(crate) ack: Option<AckShare>,
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

struct Stream {
    filters: Vec<TopicFilter>,
    capacity: usize,
    parcels: VecDeque<Parcel>,
    waker: Option<Waker>,
}

/// The streams of one client.
#[derive(Default)]
pub(crate) struct Streams {
    streams: Vec<Option<Stream>>,
    free: Vec<StreamId>,
    routes: Routes,
    unmatched: Option<StreamId>,
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
    pub(crate) fn open(&mut self, filters: Vec<TopicFilter>, capacity: usize) -> StreamId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.streams.push(None);
            self.streams.len() - 1
        });
        for filter in &filters {
            self.routes.insert(filter, id);
        }
        let capacity = capacity.max(1);
        if let Some(slot) = self.streams.get_mut(id) {
            *slot = Some(Stream { filters, capacity, parcels: VecDeque::new(), waker: None });
        }
        id
    }

    /// The stream of messages that no filter matches; only one at a time.
    pub(crate) fn open_unmatched(&mut self, capacity: usize) -> Option<StreamId> {
        if self.unmatched.is_some() {
            return None;
        }
        let id = self.open(Vec::new(), capacity);
        self.unmatched = Some(id);
        Some(id)
    }

    /// Ends a stream; returns the filters that no other stream uses, and what
    /// it had not given out.
    pub(crate) fn close(&mut self, id: StreamId) -> (Vec<TopicFilter>, VecDeque<Parcel>) {
        if self.unmatched == Some(id) {
            self.unmatched = None;
        }
        let Some(stream) = self.streams.get_mut(id).and_then(Option::take) else {
            return Default::default();
        };
        self.free.push(id);
        self.discarded += stream.parcels.len() as u64;
        let mut orphans = stream.filters;
        orphans.retain(|filter| !self.routes.remove(filter, id));
        (orphans, stream.parcels)
    }

    /// The server refused a filter of this stream.
    pub(crate) fn remove_filter(&mut self, id: StreamId, filter: &TopicFilter) {
        if let Some(stream) = self.stream(id) {
            stream.filters.retain(|known| known != filter);
            self.routes.remove(filter, id);
        }
    }

    pub(crate) fn next(&mut self, id: StreamId, waker: &Waker) -> Next {
        let (blocked, closed) = (self.blocked, self.closed);
        let Some(stream) = self.stream(id) else { return Next::Ended };
        match stream.parcels.pop_front() {
            // Not at the first gap: messages are moved by the batch.
            Some(parcel) if blocked && stream.parcels.len() <= stream.capacity / 2 => {
                Next::Unblocked(parcel)
            }
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
        while let Some(front) = core.peek_message() {
            self.find_targets(&front.publish);
            if self.is_target_full() {
                self.blocked = true;
                return;
            }
            let Some(incoming) = core.next_message() else { return };
            if self.targets.is_empty() {
                self.discarded += 1;
                if let Some(key) = incoming.ack {
                    core.acknowledge(core.now(), key, ReasonCode::SUCCESS);
                }
                continue;
            }
            self.hand_out(incoming.publish, incoming.ack, wakers);
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
            stream.is_some_and(|stream| stream.parcels.len() >= stream.capacity)
        };
        // The last messages of all are few, and nobody will move them later.
        !self.closed && self.targets.iter().any(is_full)
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
                stream.parcels.push_back(parcel);
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
