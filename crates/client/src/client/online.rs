//! Waiting until a client is online.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use evenkeel_proto::State;

use crate::error::ConnectError;
use crate::shared::{Inner, Shared};
use evenkeel_dispatch::Waiter;

/// The future of [`Client::online`](crate::Client::online).
pub(crate) struct Connecting<'a> {
    shared: &'a Shared,
    waiter: Waiter,
    /// Refusals before this began to wait; `None` before it did.
    refusals: Option<u64>,
}

impl<'a> Connecting<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, waiter: Waiter::default(), refusals: None }
    }
}

impl Future for Connecting<'_> {
    type Output = Result<(), ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut inner = this.shared.lock();
        if let Some(outcome) = outcome(&inner) {
            return Poll::Ready(outcome);
        }
        // One that nobody has heard of is told to the first who asks.
        let told = inner.connecting.refusals - u64::from(inner.connecting.untold);
        if inner.connecting.refusals > *this.refusals.get_or_insert(told)
            && let Some(refusal) = refusal(&inner)
        {
            inner.connecting.untold = false;
            return Poll::Ready(Err(refusal));
        }
        inner.connecting.waiters.wait(&mut this.waiter, cx.waker());
        Poll::Pending
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.shared.lock().connecting.waiters.leave(&mut self.waiter);
    }
}

/// The refusal after which the client waits for its next attempt, if it does.
fn refusal(inner: &Inner) -> Option<ConnectError> {
    match inner.core.state() {
        State::Waiting { retry, cause: Some(cause) } => {
            let detail = inner.detail(Some(&cause));
            Some(ConnectError::Refused { retry, cause, detail })
        }
        _ => None,
    }
}

/// How connecting has ended, if it has.
fn outcome(inner: &Inner) -> Option<Result<(), ConnectError>> {
    if inner.ended {
        return Some(Err(ConnectError::Closed));
    }
    match inner.core.state() {
        // Not before what CONNACK said can be asked for.
        State::Online { .. } if inner.is_known() => Some(Ok(())),
        State::Halted { .. } => inner.halted().map(Err),
        State::Closed => Some(Err(ConnectError::Closed)),
        _ => None,
    }
}
