//! Which message goes to which stream.
//!
//! A message goes once to every stream with a matching filter, or to the
//! stream of unmatched messages. A full stream holds back the messages behind
//! it, and in the end the server. What no stream takes is held for a while.

mod buffer;
mod identifiers;
mod unmatched;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;
use core::time::Duration;

use evenkeel_codec::{Publish, ReasonCode, TopicFilter};
use evenkeel_proto::{AckKey, Bounds, Client as Core, Incoming, Instant};

use crate::StreamId;
use crate::routes::Routes;
use crate::wakers::Wakers;
use buffer::Buffer;
pub use buffer::Prefetched;
use identifiers::Identifiers;
pub use identifiers::Opened;
use unmatched::{Fate, Unmatched};

/// A message on its way to the application.
pub struct StreamMessage {
    /// The message itself.
    pub publish: Publish,
    /// The right to acknowledge it; `None` for QoS 0.
    pub ack: Option<AckShare>,
}

impl StreamMessage {
    fn alone(incoming: Incoming) -> Self {
        Self { publish: incoming.publish, ack: incoming.ack.map(AckShare::Alone) }
    }
}

/// The right to acknowledge, alone or together with other streams.
pub enum AckShare {
    /// No other stream has the message.
    Alone(AckKey),
    /// Acknowledged when the last of the streams is done.
    Joint(Arc<(AckKey, AtomicUsize)>),
}

impl AckShare {
    /// This stream is done with the message. Returns the key if all of them are.
    pub fn settle(self) -> Option<AckKey> {
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
    /// Its task was woken and has not come.
    expected: bool,
    /// The server has not granted it yet.
    opening: bool,
}

/// The streams of one client.
pub struct Streams {
    streams: Vec<Option<Stream>>,
    free: Vec<StreamId>,
    routes: Routes,
    identifiers: Identifiers,
    unmatched: Option<StreamId>,
    /// Messages for streams that are still to come.
    held: Unmatched,
    /// A full stream is in the way of messages of the core.
    blocked: bool,
    /// No further message will come.
    closed: bool,
    /// Messages that no stream gave out.
    discarded: u64,
    /// Streams whose tasks were woken and have not come.
    expected: u32,
}

/// What a stream has to give.
pub enum Next {
    /// The next message.
    Message(StreamMessage),
    /// There is room again in a stream that was in the way: messages can be routed.
    Unblocked(StreamMessage),
    /// None yet; the waker is kept.
    Empty,
    /// None, and none will come.
    Ended,
}

/// What [`Streams::route`] tells as it goes.
pub enum Notice<'a> {
    /// A message is given to its streams.
    Message(&'a Publish),
    /// Messages were held, and no stream was opened for them in time: they are
    /// discarded, and so are later ones.
    GivenUp {
        /// How many.
        messages: usize,
        /// The oldest of them.
        first: Option<&'a Publish>,
    },
}

impl Streams {
    /// Streams of a client with these bounds. A message that no stream takes is
    /// held as long as `held_for` after the last stream was opened, or not at all
    /// if that is zero. `seed` tells the subscription identifiers of clients apart.
    pub fn new(bounds: &Bounds, held_for: Duration, seed: u64) -> Self {
        Self {
            streams: Vec::new(),
            free: Vec::new(),
            routes: Routes::default(),
            identifiers: Identifiers::new(seed),
            unmatched: None,
            held: Unmatched::new(bounds, held_for),
            blocked: false,
            closed: false,
            discarded: 0,
            expected: 0,
        }
    }

    /// Opens a stream that is to be granted; gives it what was held for it.
    /// `own` is the identifier that the application chose for it.
    pub fn open(
        &mut self,
        now: Instant,
        filters: Vec<TopicFilter>,
        capacity: usize,
        own: Option<u32>,
    ) -> Opened {
        self.held.opened(now, &filters);
        let neighbours = self.neighbours(&filters);
        let id = self.insert(filters, capacity, true);
        let opened = self.tell_apart(id, own, neighbours);
        let Self { held, routes, .. } = self;
        let own = held.claim(|held| identifiers::find(routes, &held.publish).contains(&id));
        self.fill(id, own);
        opened
    }

    /// The stream of messages that no filter matches; only one at a time.
    pub fn open_unmatched(&mut self, now: Instant, capacity: usize) -> Option<StreamId> {
        if self.unmatched.is_some() {
            return None;
        }
        self.held.opened(now, &[]);
        let id = self.insert(Vec::new(), capacity, false);
        self.unmatched = Some(id);
        let held = self.held.claim(|_| true);
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
            let (identifier, waker, expected) = (None, None, false);
            *slot = Some(Stream { filters, identifier, buffer, waker, expected, opening });
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
            stream.buffer.push(StreamMessage::alone(held));
        }
    }

    /// The server has granted the stream.
    pub fn granted(&mut self, id: StreamId, now: Instant) {
        self.held.opened(now, &[]);
        if let Some(stream) = self.stream(id) {
            stream.opening = false;
        }
    }

    /// Ends a stream; returns the filters that no other stream uses, and the
    /// right to acknowledge what it had not given out. `kept` is for
    /// subscriptions that go on without it.
    pub fn close(
        &mut self,
        id: StreamId,
        taken: &mut Prefetched,
        kept: bool,
    ) -> (Vec<TopicFilter>, Vec<AckKey>) {
        let Some(mut stream) = self.streams.get_mut(id).and_then(Option::take) else {
            return Default::default();
        };
        self.expected -= u32::from(stream.expected);
        stream.buffer.bring_back(taken);
        let mut messages = stream.buffer.messages;
        self.free.push(id);
        if self.unmatched == Some(id) {
            self.unmatched = None;
            let given_up = self.held.give_up();
            messages.extend(given_up.into_iter().map(StreamMessage::alone));
        } else if stream.opening {
            self.hold_again(&mut messages);
        } else if !kept {
            self.held.closed(&stream.filters);
        }
        self.discarded += messages.len() as u64;
        let unseen = messages.into_iter().filter_map(|message| message.ack?.settle()).collect();
        let mut orphans = stream.filters;
        orphans.retain(|filter| !self.routes.remove(filter, id));
        (orphans, unseen)
    }

    /// What came for a stream that was never granted is for the next who asks.
    fn hold_again(&mut self, messages: &mut VecDeque<StreamMessage>) {
        let mut returned = Vec::new();
        for StreamMessage { publish, ack } in core::mem::take(messages) {
            match ack {
                Some(AckShare::Alone(key)) => returned.push(Incoming { publish, ack: Some(key) }),
                // Other streams have it, or it is not worth it.
                ack => messages.push_back(StreamMessage { publish, ack }),
            }
        }
        self.held.put_back(returned);
    }

    /// The server refused these filters of this stream.
    pub fn remove_filters(&mut self, id: StreamId, refused: &BTreeSet<&TopicFilter>) {
        let Self { streams, routes, .. } = self;
        if let Some(stream) = streams.get_mut(id).and_then(Option::as_mut)
            && !refused.is_empty()
        {
            stream.filters.retain(|known| !refused.contains(known));
            for filter in refused {
                routes.remove(filter, id);
            }
        }
    }

    /// Messages that were acknowledged without being given out by any stream.
    pub const fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Streams whose tasks were woken for a message and have not come for it.
    pub const fn expected(&self) -> usize {
        self.expected as usize
    }

    /// Messages that wait in a stream.
    #[inline]
    pub fn waiting(&self, id: StreamId) -> usize {
        self.streams
            .get(id)
            .and_then(Option::as_ref)
            .map_or(0, |stream| stream.buffer.messages.len())
    }

    /// What the handle of a stream takes messages with.
    #[inline]
    pub fn handle(&self, id: StreamId) -> Prefetched {
        let stream = self.streams.get(id).and_then(Option::as_ref);
        stream.map_or_else(|| Buffer::new(0).handle(), |stream| stream.buffer.handle())
    }

    /// Gives the next message, and its handle some of those that follow.
    #[inline]
    pub fn take(
        &mut self,
        id: StreamId,
        most: usize,
        taken: &mut Prefetched,
        waker: &Waker,
    ) -> Next {
        let (blocked, closed) = (self.blocked, self.closed);
        let Some(stream) = self.streams.get_mut(id).and_then(Option::as_mut) else {
            return Next::Ended;
        };
        self.expected -= u32::from(core::mem::take(&mut stream.expected));
        match stream.buffer.take(most, taken) {
            // Not at the first gap: messages are moved by the batch.
            Some(message) if blocked && stream.buffer.is_half_empty() => Next::Unblocked(message),
            Some(message) => Next::Message(message),
            None if closed => Next::Ended,
            None => {
                stream.buffer.shrink(taken);
                match &mut stream.waker {
                    Some(known) => known.clone_from(waker),
                    none => *none = Some(waker.clone()),
                }
                Next::Empty
            }
        }
    }

    /// Moves messages from the core to the streams until one that is full is in
    /// the way. `tell` gets what is worth a line in a log.
    #[inline]
    pub fn route(
        &mut self,
        core: &mut Core,
        wakers: &mut Wakers,
        mut tell: impl FnMut(Notice<'_>),
    ) {
        self.blocked = false;
        if !self.held.is_empty() {
            self.give_up_late(core, &mut tell);
        }
        while let Some(front) = core.peek_message() {
            let targets = match identifiers::find(&mut self.routes, &front.publish) {
                [] => self.unmatched.as_slice(),
                found => found,
            };
            if targets.is_empty() {
                let fate = self.held.fate(&front.publish);
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
            tell(Notice::Message(&incoming.publish));
            let woken = wakers.len();
            hand_out(&mut self.streams, targets, incoming, wakers);
            self.expected += (wakers.len() - woken) as u32;
        }
    }

    fn carry_out(&mut self, fate: Fate, core: &mut Core, incoming: Incoming) {
        match fate {
            Fate::Hold => self.held.push(core.now(), incoming),
            Fate::Replace(index) => self.held.replace(core.now(), index, incoming),
            Fate::Wait | Fate::Discard => self.discard(core, incoming),
        }
    }

    /// When what is held has waited long enough.
    pub fn held_deadline(&self) -> Option<Instant> {
        if self.held.is_empty() {
            return None;
        }
        self.held.deadline(self.streams.iter().flatten().any(|stream| stream.opening))
    }

    fn give_up_late(&mut self, core: &mut Core, tell: &mut impl FnMut(Notice<'_>)) {
        if self.held_deadline().is_none_or(|deadline| core.now() < deadline) {
            return;
        }
        let given_up = self.held.give_up();
        tell(Notice::GivenUp {
            messages: given_up.len(),
            first: given_up.front().map(|first| &first.publish),
        });
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
    pub fn end(&mut self, wakers: &mut Wakers) {
        self.closed = true;
        wakers.extend(self.streams.iter_mut().flatten().filter_map(|stream| stream.waker.take()));
    }

    /// Messages may come again.
    pub const fn reopen(&mut self) {
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

#[inline]
fn hand_out(
    streams: &mut [Option<Stream>],
    targets: &[StreamId],
    incoming: Incoming,
    wakers: &mut Wakers,
) {
    match targets {
        [id] => give(streams, *id, StreamMessage::alone(incoming), wakers),
        _ => hand_out_copies(streams, targets, incoming, wakers),
    }
}

#[inline(never)]
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
        give(streams, *id, StreamMessage { publish: publish.clone(), ack: share() }, wakers);
    }
    give(streams, *last, StreamMessage { publish, ack: share() }, wakers);
}

#[inline]
fn give(streams: &mut [Option<Stream>], id: StreamId, message: StreamMessage, wakers: &mut Wakers) {
    if let Some(stream) = streams.get_mut(id).and_then(Option::as_mut) {
        stream.buffer.push(message);
        if let Some(waker) = stream.waker.take() {
            stream.expected = true;
            wakers.push(waker);
        }
    }
}
