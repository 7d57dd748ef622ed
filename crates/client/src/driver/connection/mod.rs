//! One open transport: reading, writing, closing.

mod courtesy;
mod packet_memory;
mod read_buffer;
mod spin;

use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evenkeel_proto::{ConnectionId, Input, Instant, Transmit, TransportFailure};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::driver::{Failure, classify};
use crate::error::TransportError;
use crate::events::Activity;
use crate::shared::Shared;
use crate::transport::{StreamError, Transport};
use crate::tuning;
use evenkeel_dispatch::Wakers;

use courtesy::Courtesy;
use read_buffer::{ReadBuffer, SMALL};
use spin::Spin;

/// Slices of one vectored write.
const SLICES: usize = 32;
/// Shares of a turn that reading the rest of a broken transport may take.
const REST: usize = 256;
/// How long sending DISCONNECT and closing may take.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    pub(super) conn: ConnectionId,
    transport: Transport,
    buffer: ReadBuffer,
    /// The core wanted no more when it was last asked.
    paused: bool,
    batch: Transmit,
    /// Bytes that the stream took and has not flushed: not written yet (K5).
    unflushed: usize,
    pub(super) activity: Activity,
    pub(super) spin: Spin,
    pub(super) courtesy: Courtesy,
    /// In a box, as it is rarely there.
    closing: Option<Box<Closing>>,
}

/// A DISCONNECT on its way.
struct Closing {
    last: Transmit,
    is_written: bool,
    limit: Pin<Box<tokio::time::Sleep>>,
}

/// What is left after an exchange with the core.
struct More {
    has_batch: bool,
    needs_poll: bool,
}

pub(super) enum ReadOutcome {
    /// Nothing is left to read, or reading is paused.
    Drained,
    /// There may be more.
    More,
    Ended(TransportFailure, Option<TransportError>),
}

impl Connection {
    pub(super) fn new(conn: ConnectionId, transport: Transport) -> Self {
        Self {
            conn,
            transport,
            buffer: ReadBuffer::new(),
            paused: false,
            batch: Transmit::default(),
            unflushed: 0,
            activity: Activity::default(),
            spin: Spin::default(),
            courtesy: Courtesy::default(),
            closing: None,
        }
    }

    pub(super) const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.paused && self.closing.is_none()
    }

    /// When memory is to be given back that is of no more use.
    pub(super) fn tidying_due(&self) -> Option<Instant> {
        if self.is_closing() { None } else { self.buffer.due() }
    }

    /// Reads and hands over until nothing is left. A thorough read asks the
    /// operating system itself.
    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        now: Instant,
        thorough: bool,
        wakers: &mut Wakers,
    ) -> ReadOutcome {
        let mut total = 0;
        self.buffer.tidy(now);
        for _ in 0..tuning::turn_reads() {
            if total >= tuning::turn_read_bytes() {
                break;
            }
            if !self.hand_over(shared, now, wakers) {
                return ReadOutcome::Drained;
            }
            let read = match self.poll_read(cx, now, thorough) {
                Poll::Ready(read) => read,
                Poll::Pending => {
                    if self.transport.take_heard() && total == 0 {
                        shared.lock().core.handle(now, Input::Heard(self.conn));
                    }
                    self.buffer.release(now);
                    return ReadOutcome::Drained;
                }
            };
            match read {
                Ok(0) => {
                    let error = self.transport.websocket_close().cloned();
                    let error = error.map(TransportError::WebSocketClosed);
                    return ReadOutcome::Ended(TransportFailure::Eof, error);
                }
                Ok(bytes) => {
                    tracing::trace!(connection = self.conn.0, bytes, "read");
                    total += bytes;
                    self.activity.received = Some(now);
                    self.spin.on_read();
                }
                Err(error) => {
                    let error = StreamError::from(&error);
                    let failure = classify::stream(&error);
                    return ReadOutcome::Ended(failure, Some(TransportError::Stream(error)));
                }
            }
        }
        // What the last read brought is handed over before anything is judged.
        self.hand_over(shared, now, wakers);
        ReadOutcome::More
    }

    /// Reads what the peer sent before the transport broke.
    pub(super) fn read_rest(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        now: Instant,
        wakers: &mut Wakers,
    ) {
        for _ in 0..REST {
            if !matches!(self.read(cx, shared, now, true, wakers), ReadOutcome::More) {
                return;
            }
        }
    }

    /// Gives the core what is in the buffer; false if it wants no more.
    fn hand_over(&mut self, shared: &Shared, now: Instant, wakers: &mut Wakers) -> bool {
        let mut inner = shared.lock();
        loop {
            let before = self.buffer.bytes.len();
            let wanted = inner.core.wants_read();
            if before > 0 && wanted {
                inner.core.handle(now, Input::Received(self.conn, &mut self.buffer.bytes));
            }
            inner.deliver();
            // Delivering makes room in the core: then the rest of the buffer has its turn.
            let goes_on = self.buffer.bytes.len() < before || (!wanted && inner.core.wants_read());
            if !goes_on || self.buffer.bytes.is_empty() {
                break;
            }
        }
        wakers.append(&mut inner.to_wake);
        self.paused = !inner.core.wants_read();
        self.buffer.expect(inner.core.missing(&self.buffer.bytes));
        !self.paused
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        thorough: bool,
    ) -> Poll<std::io::Result<usize>> {
        if thorough {
            return self.poll_read_thoroughly(cx);
        }
        if self.buffer.bytes.is_empty() {
            // An idle connection holds no buffer.
            ready!(self.transport.poll_read_ready(cx))?;
        }
        self.buffer.poll_read(cx, &mut self.transport, now)
    }

    /// Asks the operating system itself, before a connection is taken to be dead (K9).
    fn poll_read_thoroughly(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let mut bytes = [0; SMALL];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.transport).poll_read_thoroughly(cx, &mut buffer))?;
        self.buffer.push(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes batches until the transport or the core has no more; true if
    /// the turn's share was used up, or the core has something to say to it.
    pub(super) fn write(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        wakers: &mut Wakers,
    ) -> Result<bool, Failure> {
        for _ in 0..tuning::turn_writes() {
            let mut blocked = false;
            while !self.batch.is_empty() {
                match self.poll_write_batch(cx) {
                    Poll::Ready(Ok(0)) => {
                        return Err(write_failure(std::io::ErrorKind::WriteZero.into()));
                    }
                    Poll::Ready(Ok(count)) => self.unflushed += count,
                    Poll::Ready(Err(error)) => return Err(write_failure(error)),
                    Poll::Pending => {
                        blocked = true;
                        break;
                    }
                }
            }
            let mut written = 0;
            if self.unflushed > 0
                && let Poll::Ready(flushed) = Pin::new(&mut self.transport).poll_flush(cx)
            {
                flushed.map_err(write_failure)?;
                written = std::mem::take(&mut self.unflushed);
            }
            let more = self.exchange(shared, written, wakers);
            let speaks = more.needs_poll && written > 0;
            if speaks || !more.has_batch || blocked {
                return Ok(speaks);
            }
        }
        Ok(true)
    }

    /// Reports what was written and takes the next batch.
    fn exchange(&mut self, shared: &Shared, written: usize, wakers: &mut Wakers) -> More {
        let mut inner = shared.lock();
        if written > 0 {
            let now = shared.clock.now();
            tracing::trace!(connection = self.conn.0, bytes = written, "written");
            self.activity.sent = Some(now);
            inner.core.handle(now, Input::Written(self.conn, written));
            inner.deliver();
            inner.wake_writing();
            wakers.append(&mut inner.to_wake);
        }
        if self.batch.is_empty() && inner.core.is_current(self.conn) {
            inner.core.take_transmit(&mut self.batch);
        }
        More { has_batch: !self.batch.is_empty(), needs_poll: inner.core.needs_poll() }
    }

    fn poll_write_batch(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let count = {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut used = 0;
            for (slot, chunk) in slices.iter_mut().zip(self.batch.chunks()) {
                *slot = IoSlice::new(chunk);
                used += 1;
            }
            // The call for a single slice is the cheaper one.
            match slices.get(..used).unwrap_or_default() {
                [one] => ready!(Pin::new(&mut self.transport).poll_write(cx, one))?,
                slices => ready!(Pin::new(&mut self.transport).poll_write_vectored(cx, slices))?,
            }
        };
        self.batch.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Gives back what bursts needed; the connection is quiet.
    pub(super) fn tidy(&mut self) {
        self.batch.shrink_to(tuning::write_buffer_kept());
    }

    /// Begins to close: what was handed over before goes first, then DISCONNECT.
    pub(super) fn begin_close(&mut self, last: Transmit) {
        let limit = Box::pin(tokio::time::sleep(LINGER));
        self.closing = Some(Box::new(Closing { last, is_written: false, limit }));
    }

    /// Ready when all is sent, or cannot be.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(closing) = &mut self.closing else { return Poll::Ready(()) };
        if closing.limit.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // A failure on the way is the end that was wanted.
        self.poll_last_writes(cx).map(drop)
    }

    fn poll_last_writes(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while let Some(closing) = self.closing.as_mut().filter(|closing| !closing.is_written) {
            if self.batch.is_empty() {
                std::mem::swap(&mut self.batch, &mut closing.last);
            }
            if self.batch.is_empty() {
                ready!(Pin::new(&mut self.transport).poll_flush(cx))?;
                ready!(Pin::new(&mut self.transport).poll_shutdown(cx))?;
                closing.is_written = true;
            } else if ready!(self.poll_write_batch(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        // To close over unread bytes would reset the connection, and the
        // server might drop our DISCONNECT and take the client to be lost.
        let mut bytes = [0; SMALL];
        for _ in 0..tuning::turn_reads() {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.transport).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn write_failure(error: std::io::Error) -> Failure {
    let error = StreamError::from(&error);
    (classify::stream(&error), TransportError::Stream(error))
}
