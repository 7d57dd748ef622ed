//! The streams of an application, one for each of its filters: the real dispatch says
//! which of them gets which message.

use std::fmt;
use std::task::Waker;
use std::time::Duration;

use evenkeel_codec::{Properties, SubscribeFilter, TopicFilter};
use evenkeel_dispatch::{AckShare, Next, Notice, Prefetched, StreamId, Wakers};
use evenkeel_proto::{Bounds, Instant, SubscribeError, Token};

use crate::message::MessageId;
use crate::observation::Delivery;
use crate::subject::Subject;

/// Messages that one stream has room for: few, so that full ones are in the way.
const CAPACITY: usize = 4;

/// The streams of one client.
pub(crate) struct Streams {
    inner: evenkeel_dispatch::Streams,
    wakers: Wakers,
    open: Vec<Stream>,
}

struct Stream {
    /// `None` for what no filter matches.
    filter: Option<TopicFilter>,
    id: StreamId,
    taken: Prefetched,
    /// What the server marks its messages with.
    identifier: Option<u32>,
}

/// A message that the core gave out, `None` if its payload was changed.
pub(crate) type Routed = Option<Delivery>;

/// A message as it came out of a stream.
pub(crate) struct Given {
    pub(crate) filter: Option<TopicFilter>,
    pub(crate) delivery: Routed,
    pub(crate) ack: Option<AckShare>,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        let mut inner = evenkeel_dispatch::Streams::new(&Bounds::default(), Duration::ZERO, seed);
        let mut open = Vec::new();
        if let Some(id) = inner.open_unmatched(Instant::default(), CAPACITY) {
            let taken = inner.handle(id);
            open.push(Stream { filter: None, id, taken, identifier: None });
        }
        Self { inner, wakers: Wakers::default(), open }
    }

    /// Opens a stream for this filter, unless there is one. Returns the filters of
    /// others that are asked for again, to be marked.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        filter: &TopicFilter,
        subject: &mut Subject,
    ) -> Vec<TopicFilter> {
        let mut marked = Vec::new();
        if self.stream(filter).is_some() {
            return marked;
        }
        let opened = self.inner.open(now, vec![filter.clone()], CAPACITY, None);
        for (filters, identifier) in opened.others {
            subject.identify(now, &filters, identifier);
            self.note(&filters, identifier);
            marked.extend(filters);
        }
        self.inner.granted(opened.id, now);
        let (id, identifier) = (opened.id, opened.identifier);
        let (filter, taken) = (Some(filter.clone()), self.inner.handle(id));
        self.open.push(Stream { filter, id, taken, identifier });
        marked
    }

    /// Subscribes for the stream of this filter.
    pub(crate) fn subscribe(
        &self,
        now: Instant,
        entry: SubscribeFilter,
        token: Token,
        subject: &mut Subject,
    ) -> Result<(), SubscribeError> {
        let identifier = self.stream(&entry.filter).and_then(|stream| stream.identifier);
        subject.subscribe(now, vec![entry], Properties::new(), identifier, token)
    }

    fn stream(&self, filter: &TopicFilter) -> Option<&Stream> {
        self.open.iter().find(|stream| stream.filter.as_ref() == Some(filter))
    }

    fn note(&mut self, filters: &[TopicFilter], identifier: u32) {
        for stream in &mut self.open {
            if stream.filter.as_ref().is_some_and(|filter| filters.contains(filter)) {
                stream.identifier = Some(identifier);
            }
        }
    }

    /// Takes what has come, as far as the streams have room; `first` is the number
    /// of the first message. Gives the messages, and what came out of the streams.
    pub(crate) fn take(&mut self, first: u64, subject: &mut Subject) -> (Vec<Routed>, Vec<Given>) {
        let mut messages = Vec::new();
        let Self { inner, wakers, open } = self;
        inner.route(subject.core(), wakers, |notice| {
            if let Notice::Message(publish) = notice {
                let number = first + messages.len() as u64;
                messages.push(Delivery::of(publish, number));
            }
        });
        wakers.wake();
        let mut copies = Vec::new();
        for stream in open {
            while let Next::Message(message) | Next::Unblocked(message) =
                inner.take(stream.id, CAPACITY, &mut stream.taken, Waker::noop())
            {
                let id = MessageId::of(&message.publish.payload);
                let packet_id = message.publish.packet_id.map(evenkeel_codec::PacketId::get);
                let is_it = |delivery: &&Delivery| {
                    Some(delivery.message) == id && delivery.packet_id == packet_id
                };
                let delivery = messages.iter().flatten().find(is_it).copied();
                let (filter, ack) = (stream.filter.clone(), message.ack);
                copies.push(Given { filter, delivery, ack });
            }
        }
        (messages, copies)
    }
}
