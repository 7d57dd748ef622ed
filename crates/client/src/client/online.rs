//! Waiting until a client is online.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use evenkeel_proto::State;

use crate::error::ConnectError;
use crate::shared::{Ends, Inner, Shared};
use evenkeel_dispatch::Waiter;

/// The future of [`Client::online`](crate::Client::online) and
/// [`Client::try_online`](crate::Client::try_online).
pub(crate) struct Connecting<'a> {
    shared: &'a Shared,
    waiter: Waiter,
    until: Until,
    /// The ends before this began to wait; `None` before it did.
    before: Option<u64>,
}

/// What ends the wait beside being online, and halting.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Refusal,
    Failure,
}

impl<'a> Connecting<'a> {
    pub(crate) fn new(shared: &'a Shared, until: Until) -> Self {
        Self { shared, waiter: Waiter::default(), until, before: None }
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
        let ends = this.until.ends(&mut inner);
        // One that nobody has heard of is told to the first who asks.
        let told = ends.count - u64::from(ends.untold);
        if ends.count > *this.before.get_or_insert(told)
            && let Some(failure) = failure(&inner)
        {
            this.until.ends(&mut inner).untold = false;
            return Poll::Ready(Err(failure));
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

impl Until {
    const fn ends(self, inner: &mut Inner) -> &mut Ends {
        match self {
            Self::Refusal => &mut inner.connecting.refusals,
            Self::Failure => &mut inner.connecting.failures,
        }
    }
}

/// The end after which the client waits for its next attempt, if it does.
fn failure(inner: &Inner) -> Option<ConnectError> {
    match inner.core.state() {
        State::Waiting { retry, cause: Some(cause) } => {
            let detail = inner.detail(Some(&cause));
            Some(if cause.refusal().is_some() {
                ConnectError::Refused { retry, cause, detail }
            } else {
                ConnectError::Failed { retry, cause, detail }
            })
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
