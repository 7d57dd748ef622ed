//! The stream of messages that a subscription gives.

use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_codec::{Properties, QoS, ReasonCode, TopicFilter};
use evenkeel_dispatch::{Next, Prefetched, StreamId};

use super::Message;
use super::batches::Batches;
use crate::shared::{Inner, Shared};

/// The messages of one subscription, in the order they came.
///
/// Dropping it unsubscribes, unless [`keep`](Self::keep) was called, and
/// acknowledges what it had buffered: nobody will handle it, and it would hold
/// back what comes after. To leave that to the next connection of a session,
/// shut the client down before. A stream that is not read holds back the
/// server once its buffer is full.
pub struct Messages {
    shared: Arc<Shared>,
    id: StreamId,
    granted: Vec<(TopicFilter, Result<QoS, ReasonCode>)>,
    manual: bool,
    keep: bool,
    batches: Batches,
    /// Taken under one lock, to be given out without.
    prefetched: Prefetched,
}

impl Messages {
    pub(crate) fn new(shared: Arc<Shared>, id: StreamId, manual: bool) -> Self {
        shared.add_user();
        let prefetched = shared.lock().streams.handle(id);
        let (granted, batches) = (Vec::new(), Batches::default());
        Self { shared, id, granted, manual, keep: false, batches, prefetched }
    }

    /// Notes the server's answer. Refused filters are this stream's no more.
    pub(crate) fn set_granted(&mut self, granted: Vec<(TopicFilter, Result<QoS, ReasonCode>)>) {
        let mut inner = self.shared.lock();
        let now = inner.core.now();
        inner.streams.granted(self.id, now);
        let refused = granted.iter().filter(|(_, result)| result.is_err());
        inner.streams.remove_filters(self.id, &refused.map(|(filter, _)| filter).collect());
        drop(inner);
        self.granted = granted;
    }

    /// What the server granted: one entry for each filter, in order.
    pub fn granted(&self) -> &[(TopicFilter, Result<QoS, ReasonCode>)] {
        &self.granted
    }

    /// The next message; `None` once the client is closed or has halted and
    /// everything was taken.
    ///
    /// Cancel-safe: a message is taken only when the future is ready. It may be
    /// pending for a turn although there are messages, so that acknowledgements
    /// go out; [`try_next`](Self::try_next) gives what there is.
    pub async fn next(&mut self) -> Option<Message> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next) for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if let Some(message) = self.prefetched.take_next() {
            return Poll::Ready(Some(Message::new(message, &self.shared, self.manual)));
        }
        let part = {
            let inner = self.shared.lock();
            let waiting = self.prefetched.len() + inner.streams.waiting(self.id);
            self.batches.next_part(waiting, inner.gathered.settled.len())
        };
        // Acknowledgements are to be sent before this stream gives out more.
        // Where the driver runs on another thread, it mostly has.
        let Some(part) = part else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        let polled = self.poll_take(cx, part);
        if polled.is_pending() {
            self.batches.end_batch();
        }
        polled
    }

    fn poll_take(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Option<Message>> {
        let mut inner = self.shared.lock();
        match inner.streams.take(self.id, most, &mut self.prefetched, cx.waker()) {
            Next::Message(message) => {
                drop(inner);
                Poll::Ready(Some(Message::new(message, &self.shared, self.manual)))
            }
            Next::Unblocked(message) => {
                // The driver moves what waits in the core.
                Inner::signal(inner);
                Poll::Ready(Some(Message::new(message, &self.shared, self.manual)))
            }
            Next::Empty => Poll::Pending,
            Next::Ended => Poll::Ready(None),
        }
    }

    /// A message that is here already; `None` if there is none.
    pub fn try_next(&mut self) -> Option<Message> {
        if let Some(message) = self.prefetched.take_next() {
            return Some(Message::new(message, &self.shared, self.manual));
        }
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.poll_take(&mut cx, usize::MAX) {
            Poll::Ready(message) => message,
            Poll::Pending => None,
        }
    }

    /// Lets the subscription outlive this stream: messages that come after it
    /// was dropped are unmatched, see [`Client::unmatched`](crate::Client::unmatched).
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl futures_core::Stream for Messages {
    type Item = Message;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Message>> {
        Self::poll_next(&mut self, cx)
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let Self { id, prefetched, keep, .. } = self;
        let (id, keep) = (*id, *keep);
        self.shared.command(|inner| {
            let now = inner.core.now();
            let (orphans, unseen) = inner.streams.close(id, prefetched, keep);
            let unseen = unseen.into_iter().map(|key| (key, ReasonCode::SUCCESS));
            inner.core.acknowledge_all(now, unseen);
            if !keep && !orphans.is_empty() {
                let none = Properties::new();
                // Refused only if the client is closed anyway.
                let _ = inner.core.unsubscribe(now, orphans, none, None);
            }
        });
        self.shared.remove_user();
    }
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("granted", &self.granted).finish_non_exhaustive()
    }
}
