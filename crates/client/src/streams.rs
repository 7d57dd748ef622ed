//! Which message goes to which stream.
//!
//! A message goes once to every stream with a matching filter, or to the
//! stream of unmatched messages. A full stream holds back the messages behind
//! it, and in the end the server: nothing is dropped here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;

use evenkeel_codec::{Publish, ReasonCode, TopicFilter};
use evenkeel_proto::{AckKey, Client as Core};

/// Names a stream among those of one client.
pub(crate) type StreamId = u64;

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

struct Stream {
    id: StreamId,
    filters: Vec<TopicFilter>,
    capacity: usize,
    parcels: VecDeque<Parcel>,
    waker: Option<Waker>,
}

/// The streams of one client.
#[derive(Default)]
pub(crate) struct Streams {
    next_id: StreamId,
    streams: Vec<Stream>,
    unmatched: Option<StreamId>,
    /// No further message will come.
    closed: bool,
    /// Messages for which no stream was there.
    pub(crate) discarded: u64,
    /// Reused by every routing.
    targets: Vec<usize>,
}

/// What a stream has to give.
pub(crate) enum Next {
    Parcel(Parcel),
    /// The stream was full: the driver may go on routing.
    Unblocked(Parcel),
    Empty,
    Ended,
}

impl Streams {
    pub(crate) fn open(&mut self, filters: Vec<TopicFilter>, capacity: usize) -> StreamId {
        self.next_id += 1;
        let id = self.next_id;
        let capacity = capacity.max(1);
        self.streams.push(Stream { id, filters, capacity, parcels: VecDeque::new(), waker: None });
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
        let Some(index) = self.streams.iter().position(|stream| stream.id == id) else {
            return Default::default();
        };
        let stream = self.streams.swap_remove(index);
        let used = |filter: &TopicFilter| self.streams.iter().any(|s| s.filters.contains(filter));
        let orphans = stream.filters.into_iter().filter(|filter| !used(filter)).collect();
        (orphans, stream.parcels)
    }

    /// No filter of this stream is in force at the server.
    pub(crate) fn retain_filters(&mut self, id: StreamId, keep: impl Fn(&TopicFilter) -> bool) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
            stream.filters.retain(keep);
        }
    }

    pub(crate) fn next(&mut self, id: StreamId, waker: &Waker) -> Next {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) else {
            return Next::Ended;
        };
        let was_full = stream.parcels.len() >= stream.capacity;
        match stream.parcels.pop_front() {
            Some(parcel) if was_full => Next::Unblocked(parcel),
            Some(parcel) => Next::Parcel(parcel),
            None if self.closed => Next::Ended,
            None => {
                stream.parcels.shrink_to(16);
                match &stream.waker {
                    Some(old) if old.will_wake(waker) => {}
                    _ => stream.waker = Some(waker.clone()),
                }
                Next::Empty
            }
        }
    }

    /// Moves messages from the core to the streams until one that is full is in the way.
    pub(crate) fn route(&mut self, core: &mut Core, to_wake: &mut Vec<Waker>) {
        while let Some(front) = core.peek_message() {
            if !self.find_targets(&front.publish) {
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
            self.hand_out(incoming.publish, incoming.ack, to_wake);
        }
    }

    /// Fills `targets`; false where one of them is full.
    fn find_targets(&mut self, publish: &Publish) -> bool {
        self.targets.clear();
        for (index, stream) in self.streams.iter().enumerate() {
            if stream.filters.iter().any(|filter| filter.matches_text(&publish.topic)) {
                self.targets.push(index);
            }
        }
        if self.targets.is_empty()
            && let Some(id) = self.unmatched
        {
            self.targets.extend(self.streams.iter().position(|stream| stream.id == id));
        }
        let full = |index: &usize| {
            self.streams.get(*index).is_some_and(|stream| stream.parcels.len() >= stream.capacity)
        };
        !self.targets.iter().any(full)
    }

    fn hand_out(&mut self, publish: Publish, ack: Option<AckKey>, to_wake: &mut Vec<Waker>) {
        let joint = match (ack, self.targets.len()) {
            (Some(key), count @ 2..) => Some(Arc::new((key, AtomicUsize::new(count)))),
            _ => None,
        };
        let share = || match &joint {
            Some(joint) => Some(AckShare::Joint(joint.clone())),
            None => ack.map(AckShare::Alone),
        };
        let mut publish = Some(publish);
        let last = self.targets.len() - 1;
        for (nth, index) in self.targets.iter().enumerate() {
            let copy = if nth == last { publish.take() } else { publish.clone() };
            if let (Some(stream), Some(publish)) = (self.streams.get_mut(*index), copy) {
                stream.parcels.push_back(Parcel { publish, ack: share() });
                to_wake.extend(stream.waker.take());
            }
        }
    }

    /// No further message will come: streams end when they are empty.
    pub(crate) fn end(&mut self) -> Vec<Waker> {
        self.closed = true;
        self.streams.iter_mut().filter_map(|stream| stream.waker.take()).collect()
    }

    /// Messages may come again.
    pub(crate) fn reopen(&mut self) {
        self.closed = false;
    }
}
