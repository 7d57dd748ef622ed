//! The receipt for an accepted message, and how it comes to its outcome.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use evenkeel_codec::ReasonCode;
use evenkeel_proto::{ConnectionId, Delivered, DeliveryError, Token};

use crate::shared::{Inner, Shared};
use evenkeel_dispatch::Waiter;

/// The claim to the outcome of an accepted message; await it.
///
/// QoS 1 and 2 end with the server's acknowledgement, QoS 0 when the message
/// is written to the transport. Dropping a receipt does not cancel its
/// message. Cancel-safe: awaiting `&mut receipt` may be given up and resumed.
#[must_use = "the outcome is known only to those who await it; drop it knowingly"]
pub struct Receipt {
    pub(super) shared: Arc<Shared>,
    pub(super) waiting: Waiting,
}

pub(super) enum Waiting {
    Tracked(Token),
    /// As tracked, by the task that published it and polls next: it waits since
    /// then, under the same lock.
    Awaited(Token),
    Streamed {
        conn: ConnectionId,
        offset: u64,
        waiter: Waiter,
    },
    Over,
}

impl Future for Receipt {
    type Output = Result<Delivered, DeliveryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Waiting::Awaited(token) = this.waiting {
            this.waiting = Waiting::Tracked(token);
            return Poll::Pending;
        }
        let mut inner = this.shared.lock();
        let result = match &mut this.waiting {
            Waiting::Tracked(token) | Waiting::Awaited(token) => {
                inner.poll_tracked(*token, cx.waker())
            }
            Waiting::Streamed { conn, offset, waiter } => {
                inner.poll_streamed(*conn, *offset, waiter, cx.waker())
            }
            Waiting::Over => Poll::Ready(Err(DeliveryError::Abandoned { attempts: 0 })),
        };
        drop(inner);
        if result.is_ready() {
            this.waiting = Waiting::Over;
        }
        result
    }
}

impl Inner {
    fn poll_tracked(
        &mut self,
        token: Token,
        waker: &Waker,
    ) -> Poll<Result<Delivered, DeliveryError>> {
        match self.operations.poll_publish(token, waker) {
            Some(result) => Poll::Ready(result),
            None if !self.ended => Poll::Pending,
            None => Poll::Ready(Err(DeliveryError::Abandoned { attempts: 0 })),
        }
    }

    fn poll_streamed(
        &mut self,
        conn: ConnectionId,
        offset: u64,
        waiter: &mut Waiter,
        waker: &Waker,
    ) -> Poll<Result<Delivered, DeliveryError>> {
        let is_written = self.core.written(conn).is_some_and(|written| written >= offset);
        if !is_written && self.core.is_current(conn) && !self.ended {
            self.writing.wait(waiter, waker);
            return Poll::Pending;
        }
        self.writing.leave(waiter);
        Poll::Ready(if is_written {
            Ok(Delivered {
                reason: ReasonCode::SUCCESS,
                packet_id: None,
                attempts: 1,
                round_trip: None,
            })
        } else {
            Err(DeliveryError::ConnectionLost)
        })
    }
}

impl Receipt {
    #[inline(never)]
    fn detach(&mut self) {
        let mut inner = self.shared.lock();
        match &mut self.waiting {
            Waiting::Tracked(token) | Waiting::Awaited(token) => inner.detach(*token),
            Waiting::Streamed { waiter, .. } => inner.writing.leave(waiter),
            Waiting::Over => {}
        }
    }
}

impl Drop for Receipt {
    #[inline]
    fn drop(&mut self) {
        let waits = match &self.waiting {
            Waiting::Tracked(_) | Waiting::Awaited(_) => true,
            Waiting::Streamed { waiter, .. } => waiter.is_waiting(),
            Waiting::Over => false,
        };
        if waits {
            self.detach();
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt")
    }
}
