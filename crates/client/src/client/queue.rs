//! The messages that have no outcome yet, and those in quarantine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_proto::record::{Serial, StoredMessage, Window};
use evenkeel_proto::{Completion, QueueError, RejectReason, Token};
use evenkeel_store::StoreError;
use tokio::sync::oneshot;

use crate::shared::Shared;
use crate::shared::store::Job;
use evenkeel_dispatch::Waiter;

/// A look into the queue of a client: what waits, what is in flight, and what
/// is in quarantine.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
}

impl Queue {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Messages that are queued, in flight or in quarantine, in the order in
    /// which they were accepted, from the one after `after`; one at least, if
    /// there is any, and otherwise within `limit`. To export them all, ask
    /// again after the last. With a store it is asked, and tells what is
    /// committed; without, what is in memory.
    ///
    /// Cancel-safe.
    pub async fn list(
        &self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let asked = {
            let inner = self.shared.lock();
            let job = Job::List(after, limit, answer);
            inner.store.as_ref().is_some_and(|store| store.give(job))
        };
        match answered.await {
            Ok(listed) if asked => listed,
            _ => Ok(self.shared.lock().core.list(after, limit)),
        }
    }

    /// Takes a message out of the queue or the quarantine; it is the caller's
    /// then, and the receipt ends as
    /// [`DeliveryError::Removed`](crate::DeliveryError::Removed). One that is
    /// in flight cannot be taken back.
    ///
    /// Dropping the future leaves open whether the message was removed.
    pub async fn remove(&self, serial: Serial) -> Result<StoredMessage, QueueError> {
        let now = self.shared.clock.now();
        let outcome = self.operate(|core, token| core.remove(now, serial, token)).await;
        match outcome {
            Some(Completion::Removed { result, .. }) => result.map(|message| *message),
            _ => Err(QueueError::Rejected(RejectReason::Closed)),
        }
    }

    /// Puts a quarantined message at the end of the queue of its priority.
    /// Returns its new number; its outcome is told by
    /// [`Event::Settled`](crate::Event::Settled).
    ///
    /// Dropping the future leaves open whether the message was queued.
    pub async fn requeue(&self, serial: Serial) -> Result<Serial, QueueError> {
        let now = self.shared.clock.now();
        let outcome = self.operate(|core, token| core.requeue(now, serial, token)).await;
        match outcome {
            Some(Completion::Requeued { result, .. }) => result,
            _ => Err(QueueError::Rejected(RejectReason::Closed)),
        }
    }

    fn operate(&self, run: impl FnOnce(&mut evenkeel_proto::Client, Token)) -> Operation {
        let token = self.shared.command(|inner| {
            let token = inner.operations.begin();
            run(&mut inner.core, token);
            inner.deliver();
            token
        });
        Operation { shared: self.shared.clone(), token }
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

/// An operation on one message; `None` if the client is gone.
struct Operation {
    shared: Arc<Shared>,
    token: Token,
}

impl Future for Operation {
    type Output = Option<Completion>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.shared.lock();
        match inner.operations.poll(self.token, cx.waker()) {
            None if !inner.ended => Poll::Pending,
            outcome => Poll::Ready(outcome),
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.shared.lock().detach(self.token);
    }
}

/// The future of [`Client::drained`](crate::Client::drained).
pub(crate) struct Drained<'a> {
    shared: &'a Shared,
    waiter: Waiter,
}

impl<'a> Drained<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, waiter: Waiter::default() }
    }
}

impl Future for Drained<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut inner = this.shared.lock();
        if inner.ended || inner.core.is_settled() {
            return Poll::Ready(());
        }
        inner.drained.wait(&mut this.waiter, cx.waker());
        Poll::Pending
    }
}

impl Drop for Drained<'_> {
    fn drop(&mut self) {
        self.shared.lock().drained.leave(&mut self.waiter);
    }
}
