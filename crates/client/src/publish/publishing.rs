//! Waiting until the client has taken a message over.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_proto::RejectReason;
use evenkeel_proto::record::StorageFailure;

use super::receipt::{Receipt, Waiting};
use super::request::{Draft, Offered, PublishRequest};
use crate::error::PublishError;
use crate::shared::Shared;
use evenkeel_dispatch::Waiter;

impl<'a> IntoFuture for PublishRequest<'a> {
    type Output = Result<Receipt, PublishError>;
    type IntoFuture = Publishing<'a>;

    #[inline]
    fn into_future(self) -> Publishing<'a> {
        let (draft, waiter) = (Some(self.draft), Waiter::default());
        Publishing { shared: self.shared, draft, waiter, storing: None, tracks: false }
    }
}

/// The future of a [`PublishRequest`].
#[must_use = "futures do nothing unless polled"]
pub struct Publishing<'a> {
    shared: &'a Arc<Shared>,
    /// Until it is accepted, or never will be.
    draft: Option<Draft>,
    waiter: Waiter,
    /// The message is on its way into the store.
    storing: Option<Receipt>,
    /// The task waits for the outcome next.
    pub(super) tracks: bool,
}

impl Future for Publishing<'_> {
    type Output = Result<Receipt, PublishError>;

    /// Inlined, so that a receipt is made where it is wanted.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(draft) = &mut this.draft else { return this.poll_storing(cx) };
        let mut inner = this.shared.lock();
        if inner.publisher_pauses() {
            drop(inner);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let tracker = this.tracks.then_some(cx.waker());
        match draft.offer(this.shared, inner, Some((&mut this.waiter, cx.waker())), tracker) {
            Ok(Offered::Taken(waiting)) => {
                this.draft = None;
                Poll::Ready(Ok(Receipt { shared: this.shared.clone(), waiting }))
            }
            Ok(Offered::Storing(token)) => {
                this.draft = None;
                let waiting = Waiting::Tracked(token);
                this.storing = Some(Receipt { shared: this.shared.clone(), waiting });
                this.poll_storing(cx)
            }
            Err(error) => this.poll_refused(error),
        }
    }
}

impl Publishing<'_> {
    #[cold]
    fn poll_refused(&mut self, error: PublishError) -> Poll<Result<Receipt, PublishError>> {
        if let PublishError::Rejected(reason) = &error
            && self.shared.lock().core.waits_for(reason)
        {
            return Poll::Pending;
        }
        self.draft = None;
        Poll::Ready(Err(error))
    }

    #[cold]
    fn leave(&mut self) {
        self.shared.lock().publishers.leave(&mut self.waiter);
    }

    /// Accepted is what is stored.
    #[inline(never)]
    fn poll_storing(&mut self, cx: &Context<'_>) -> Poll<Result<Receipt, PublishError>> {
        let Some(receipt) = self.storing.take() else {
            return Poll::Ready(Err(PublishError::Rejected(RejectReason::Closed)));
        };
        let Waiting::Tracked(token) = receipt.waiting else { return Poll::Ready(Ok(receipt)) };
        let mut inner = self.shared.lock();
        let stored = inner.operations.poll_stored(token, cx.waker());
        let ended = inner.ended;
        drop(inner);
        let failure = match stored {
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(receipt)),
            Poll::Ready(Err(failure)) => failure,
            Poll::Pending if ended => StorageFailure::Closed,
            Poll::Pending => {
                self.storing = Some(receipt);
                return Poll::Pending;
            }
        };
        Poll::Ready(Err(PublishError::Rejected(RejectReason::Storage(failure))))
    }
}

impl Drop for Publishing<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.waiter.is_waiting() {
            self.leave();
        }
    }
}

impl std::fmt::Debug for Publishing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publishing")
            .field("message", &self.draft)
            .field("storing", &self.storing)
            .finish_non_exhaustive()
    }
}
