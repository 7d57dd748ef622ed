//! Which message goes to which stream.
//!
//! A message goes once to every stream with a matching filter, or to the
//! stream of unmatched messages. A full stream holds back the messages behind
//! it, and in the end the server. What no stream takes is held for a while.

mod buffer;
mod identity;
pub(crate) mod routes;
pub(crate) mod unmatched;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use evenkeel_codec::{Publish, ReasonCode, TopicFilter};
use evenkeel_proto::{AckKey, Client as Core, Incoming, Instant};

use crate::shared::wakers::Wakers;
use buffer::Buffer;
pub(crate) use buffer::Taken;
use identity::Identifiers;
pub(crate) use identity::Opened;
use routes::Routes;
use unmatched::{Fate, Hold};

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

struct Stream {
    filters: Vec<TopicFilter>,
    /// What its SUBSCRIBE says its messages are to be marked with.
    identifier: Option<u32>,
    buffer: Buffer,
    waker: Option<Waker>,
    /// The server has not granted it yet.
    opening: bool,
}

/// The streams of one client.
pub(crate) struct Streams {
    streams: Vec<Option<Stream>>,
    free: Vec<StreamId>,
    routes: Routes,
    identifiers: Identifiers,
    unmatched: Option<StreamId>,
    /// Messages for streams that are still to come.
    hold: Hold,
    /// A full stream is in the way of messages of the core.
    blocked: bool,
    /// No further message will come.
    closed: bool,
    /// Messages that no stream gave out.
    pub(crate) discarded: u64,
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
    pub(crate) fn new(hold: Hold, seed: u64) -> Self {
        Self {
            streams: Vec::new(),
            free: Vec::new(),
            routes: Routes::default(),
            identifiers: Identifiers::new(seed),
            unmatched: None,
            hold,
            blocked: false,
            closed: false,
            discarded: 0,
        }
    }

    /// Opens a stream that is to be granted; gives it what was held for it.
    /// `own` is the identifier that the application chose for it.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        filters: Vec<TopicFilter>,
        capacity: usize,
        own: Option<u32>,
    ) -> Opened {
        self.hold.opened(now, &filters);
        let neighbours = self.neighbours(&filters);
        let id = self.insert(filters, capacity, true);
        let opened = self.tell_apart(id, own, neighbours);
        let Self { hold, routes, .. } = self;
        let held = hold.claim(|held| identity::find(routes, &held.publish).contains(&id));
        self.fill(id, held);
        opened
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
        if let Some(slot) = self.streams.get_mut(id) {
            let buffer = Buffer::new(capacity);
            *slot = Some(Stream { filters, identifier: None, buffer, waker: None, opening });
        }
        id
    }

    /// Whatever its capacity: what was held is bounded, and comes before all that follows.
    fn fill(&mut self, id: StreamId, held: VecDeque<Incoming>) {
        let Self { streams, identifiers, .. } = self;
        let Some(stream) = streams.get_mut(id).and_then(Option::as_mut) else { return };
        for mut held in held {
            identifiers.hide(&mut held.publish.properties);
            // Nobody waits for a stream that is being opened.
            stream.buffer.push(Parcel::alone(held));
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
    pub(crate) fn close(
        &mut self,
        id: StreamId,
        taken: &mut Taken,
        kept: bool,
    ) -> (Vec<TopicFilter>, Vec<AckKey>) {
        let Some(mut stream) = self.streams.get_mut(id).and_then(Option::take) else {
            return Default::default();
        };
        stream.buffer.bring_back(taken);
        let mut parcels = stream.buffer.parcels;
        self.free.push(id);
        if self.unmatched == Some(id) {
            self.unmatched = None;
            let given_up = self.hold.give_up();
            parcels.extend(given_up.into_iter().map(Parcel::alone));
        } else if stream.opening {
            self.return_to_hold(&mut parcels);
        } else if !kept {
            self.hold.closed(&stream.filters);
        }
        self.discarded += parcels.len() as u64;
        let unseen = parcels.into_iter().filter_map(|parcel| parcel.ack?.settle()).collect();
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
        self.streams
            .get(id)
            .and_then(Option::as_ref)
            .map_or(0, |stream| stream.buffer.parcels.len())
    }

    /// What the handle of a stream takes messages with.
    pub(crate) fn handle(&self, id: StreamId) -> Taken {
        let stream = self.streams.get(id).and_then(Option::as_ref);
        stream.map_or_else(|| Buffer::new(0).handle(), |stream| stream.buffer.handle())
    }

    /// Gives the next message, and its handle some of those that follow.
    pub(crate) fn take(
        &mut self,
        id: StreamId,
        most: usize,
        taken: &mut Taken,
        waker: &Waker,
    ) -> Next {
        let (blocked, closed) = (self.blocked, self.closed);
        let Some(stream) = self.stream(id) else { return Next::Ended };
        match stream.buffer.take(most, taken) {
            // Not at the first gap: messages are moved by the batch.
            Some(parcel) if blocked && stream.buffer.is_half_empty() => Next::Unblocked(parcel),
            Some(parcel) => Next::Parcel(parcel),
            None if closed => Next::Ended,
            None => {
                stream.buffer.tidy(taken);
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
            let targets = match identity::find(&mut self.routes, &front.publish) {
                [] => self.unmatched.as_slice(),
                found => found,
            };
            if targets.is_empty() {
                let fate = self.hold.fate(&front.publish);
                self.blocked = fate == Fate::Wait && !self.closed;
                if self.blocked {
                    return;
                }
                let Some(incoming) = core.next_message() else { return };
                self.carry_out(fate, core, incoming);
                continue;
            }
            // The last messages of all are few, and nobody will move them later.
            self.blocked = !self.closed && is_any_full(&self.streams, targets);
            if self.blocked {
                return;
            }
            let Some(mut incoming) = core.next_message() else { return };
            self.identifiers.hide(&mut incoming.publish.properties);
            hand_out(&mut self.streams, targets, incoming, wakers);
        }
    }

    fn carry_out(&mut self, fate: Fate, core: &mut Core, incoming: Incoming) {
        match fate {
            Fate::Hold => self.hold.push(core.now(), incoming),
            Fate::Replace(index) => self.hold.replace(core.now(), index, incoming),
            Fate::Wait | Fate::Discard => self.discard(core, incoming),
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

fn is_any_full(streams: &[Option<Stream>], targets: &[StreamId]) -> bool {
    let stream = |id: &StreamId| streams.get(*id).and_then(Option::as_ref);
    targets.iter().filter_map(stream).any(|stream| stream.buffer.is_full())
}

fn hand_out(
    streams: &mut [Option<Stream>],
    targets: &[StreamId],
    incoming: Incoming,
    wakers: &mut Wakers,
) {
    let publish = &incoming.publish;
    tracing::trace!(
        topic = publish.topic.as_str(),
        qos = publish.qos.level(),
        retain = publish.retain,
        payload_len = publish.payload.len(),
        "message"
    );
    match targets {
        [id] => give(streams, *id, Parcel::alone(incoming), wakers),
        _ => hand_out_copies(streams, targets, incoming, wakers),
    }
}

fn hand_out_copies(
    streams: &mut [Option<Stream>],
    targets: &[StreamId],
    Incoming { publish, ack }: Incoming,
    wakers: &mut Wakers,
) {
    let Some((last, others)) = targets.split_last() else { return };
    let joint = ack.map(|key| Arc::new((key, AtomicUsize::new(targets.len()))));
    let share = || joint.clone().map(AckShare::Joint);
    for id in others {
        give(streams, *id, Parcel { publish: publish.clone(), ack: share() }, wakers);
    }
    give(streams, *last, Parcel { publish, ack: share() }, wakers);
}

#[inline]
fn give(streams: &mut [Option<Stream>], id: StreamId, parcel: Parcel, wakers: &mut Wakers) {
    if let Some(stream) = streams.get_mut(id).and_then(Option::as_mut) {
        stream.buffer.push(parcel);
        wakers.extend(stream.waker.take());
    }
}
