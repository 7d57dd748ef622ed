//! One connection's task: its handshake, its timer, and the bytes to it. The
//! bytes from it come in through its [`Reader`], in their turn.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::sync::Notify;
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use crate::barrier::Barrier;
use crate::core::{Arrival, ConnectionStatus, Instant};
use crate::listen::ByteStream;
use crate::reader::Reader;
use crate::shared::Shared;

/// What an output buffer may keep for the next time.
const KEPT_MAX: usize = 256 * 1024;

/// Output of an exchange in steps; a stream of messages has more.
const ANSWER_MAX: usize = 512;

/// A peer gets this long, and this many bytes, to read the last packets and close.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
pub(crate) const LINGER_BYTES: u64 = 1024 * 1024;

/// A connection that the core knows; dropping it tells the core that the
/// transport is gone.
pub(crate) struct OpenConnection {
    shared: Arc<Shared>,
    reader: Arc<Reader>,
    /// Something may have happened to it; for a request that waits.
    #[cfg(feature = "http")]
    ticked: Notify,
}

impl OpenConnection {
    /// `asks` makes the transport's socket ask the system for what it has.
    pub(crate) fn open(shared: Arc<Shared>, arrival: Arrival, asks: Arc<AtomicBool>) -> Self {
        let barrier = shared.barrier().clone();
        Self::open_behind(barrier, shared, arrival, asks)
    }

    /// A connection through memory: its answers need not wait for the system, which another
    /// runtime may watch.
    pub(crate) fn open_memory(shared: Arc<Shared>) -> Self {
        let barrier = shared.memory_barrier().clone();
        Self::open_behind(barrier, shared, Arrival::new("memory", "memory"), Arc::default())
    }

    fn open_behind(
        barrier: Arc<Barrier>,
        shared: Arc<Shared>,
        arrival: Arrival,
        asks: Arc<AtomicBool>,
    ) -> Self {
        let reader = shared.open(arrival, barrier, asks);
        Self {
            shared,
            reader,
            #[cfg(feature = "http")]
            ticked: Notify::new(),
        }
    }

    /// Begins to read. Nothing has been read yet: the caller lets the reader
    /// take in, or notifies it.
    pub(crate) fn attach<S: ByteStream + 'static>(self, stream: S) -> Served<S> {
        let (reading, writing) = tokio::io::split(stream);
        self.reader.attach(Box::new(reading));
        Served { connection: self, io: Output::new(writing) }
    }

    fn status(&self, tick: bool) -> ConnectionStatus {
        let id = self.reader.id();
        self.shared.turn(Some(id), |core, now| {
            if tick {
                core.tick_connection(now, id);
            }
            core.status(now, id)
        })
    }

    /// Waits while a rule keeps the connection silent; false if it is to be
    /// closed before anything was said.
    pub(crate) async fn is_admitted(&self) -> bool {
        loop {
            let status = self.status(true);
            if status.closes() || status.reads {
                return !status.closes();
            }
            self.changed(status.deadline).await;
        }
    }

    /// Runs a handshake; `None` if it fails, or takes longer than a client
    /// may take before its CONNECT.
    #[cfg(any(feature = "tls", feature = "websocket"))]
    pub(crate) async fn before_timeout<T>(
        &self,
        handshake: impl Future<Output = std::io::Result<T>>,
    ) -> Option<T> {
        let over = async {
            loop {
                let status = self.status(true);
                if status.closes() {
                    return;
                }
                #[cfg(feature = "http")]
                self.ticked.notify_one();
                self.changed(status.deadline).await;
            }
        };
        tokio::select! {
            done = handshake => done.ok(),
            () = over => None,
        }
    }

    /// The TLS handshake is over.
    #[cfg(feature = "tls")]
    pub(crate) fn secured(&self, tls: crate::core::TlsFacts) {
        let id = self.reader.id();
        self.shared.with(|core, now| core.secured(now, id, tls));
    }

    /// A request to become a WebSocket; `Err` is the HTTP status that refuses it.
    #[cfg(feature = "websocket")]
    pub(crate) fn upgrade(&self, http: crate::core::HttpFacts) -> Result<(), u16> {
        let id = self.reader.id();
        self.shared.with(|core, now| core.upgrade(now, id, http))
    }

    /// Answers a request of the HTTP API, within [`OpenConnection::before_timeout`];
    /// nothing if the connection ends, as it does if what the answer rests on could not be
    /// written down.
    #[cfg(feature = "http")]
    pub(crate) async fn http(
        &self,
        request: crate::core::HttpRequest,
    ) -> Option<crate::core::HttpResponse> {
        let id = self.reader.id();
        let mut answer = self.shared.with(|core, now| core.http(now, id, &request));
        while answer.is_none() {
            self.ticked.notified().await;
            answer = self.shared.with(|core, _| core.take_response(id));
        }
        if self.status(false).closes() { None } else { answer }
    }

    /// What tells the core of a Close frame.
    #[cfg(feature = "websocket")]
    pub(crate) fn on_close_frame(&self) -> impl Fn() + Send + use<> {
        let (shared, id) = (self.shared.clone(), self.reader.id());
        move || shared.with(|core, now| core.close_frame(now, id))
    }

    /// Largest packet accepted, and largest frame to be sent.
    #[cfg(feature = "websocket")]
    pub(crate) fn frame_limits(&self) -> (u32, Option<usize>) {
        self.shared.with(|core, _| {
            let config = core.config();
            (config.offer.maximum_packet_size, config.behaviour.websocket_frame_size)
        })
    }

    async fn changed(&self, deadline: Option<Instant>) {
        let woken = self.reader.woken.notified();
        match deadline {
            None => woken.await,
            Some(deadline) => {
                let sleep = tokio::time::sleep_until(self.shared.clock().at(deadline));
                tokio::select! { () = woken => {}, () = sleep => {} }
            }
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        drop(self.reader.detach());
        self.shared.closed(self.reader.id());
    }
}

/// A connection whose bytes flow.
pub(crate) struct Served<S> {
    connection: OpenConnection,
    io: Output<S>,
}

impl<S: ByteStream> Served<S> {
    pub(crate) fn reader(&self) -> &Arc<Reader> {
        &self.connection.reader
    }

    /// Serves the connection until one side ends it.
    pub(crate) async fn run(mut self) {
        let mut timer = LazyTimer::default();
        let (shared, reader) = (self.connection.shared.clone(), self.connection.reader.clone());
        let mut is_due = false;
        loop {
            shared.arrivals().run(Some(reader.id())).await;
            let status = self.turn(std::mem::take(&mut is_due));
            if status.aborts() {
                // In boxes, as an end is not to take room from the beginning on.
                return Box::pin(self.send_last_output()).await;
            }
            if status.is_flushed() {
                return Box::pin(self.linger()).await;
            }
            if status.reads && reader.resume() {
                continue;
            }
            if self.io.answers() {
                // The client goes on once it has this. In a box, as it is for a short time.
                Box::pin(reader.barrier().pass()).await;
            }
            timer.set(&self.connection, status.deadline);
            self.io.progress(&reader.woken, &mut timer).await;
            if self.io.has_failed {
                // What the client sent before it went must not be lost with it.
                return unconstrained(async { reader.drain() }).await;
            }
            if std::mem::take(&mut timer.is_due) {
                // Time is judged only after all that has come was read.
                unconstrained(async {
                    reader.drain();
                    reader.drain_replaced();
                })
                .await;
                is_due = true;
            }
        }
    }

    /// Tells the core what has happened and takes what it has to send.
    fn turn(&mut self, is_due: bool) -> ConnectionStatus {
        let id = self.connection.reader.id();
        let io = &mut self.io;
        self.connection.shared.turn(Some(id), |core, now| {
            if io.sent > io.told {
                core.written(now, id, io.sent - io.told);
                io.told = io.sent;
            }
            if is_due {
                core.tick_connection(now, id);
            }
            if io.sent == io.bytes.len() {
                io.bytes.clear();
                io.bytes.shrink_to(KEPT_MAX);
                (io.sent, io.told) = (0, 0);
                core.take_output(now, id, &mut io.bytes);
            }
            core.status(now, id)
        })
    }

    /// Closes so that the peer can still read what was sent: a socket that is
    /// dropped with unread bytes would take the last packets with it.
    async fn linger(&mut self) {
        let Some(reading) = self.connection.reader.detach() else { return };
        let stream = &mut self.io.stream;
        let closing = async {
            stream.shutdown().await?;
            tokio::io::copy(&mut reading.take(LINGER_BYTES), &mut tokio::io::sink()).await
        };
        // The peer's own end, or its silence, are both the end.
        let _ = tokio::time::timeout(LINGER, closing).await;
    }

    /// Sends what was ready when the client ended its side: it may have ended
    /// that side only. Nothing if the broker ended the connection.
    async fn send_last_output(&mut self) {
        let Some(last) = self.connection.reader.take_last_output() else { return };
        let stream = &mut self.io.stream;
        let rest = self.io.bytes.get(self.io.sent..).unwrap_or_default();
        let sending = async {
            stream.write_all(rest).await?;
            stream.write_all(&last).await?;
            stream.shutdown().await
        };
        // The client may be gone.
        let _ = tokio::time::timeout(LINGER, sending).await;
    }
}

/// Bytes between the core and the transport's sending side.
struct Output<S> {
    stream: WriteHalf<S>,
    bytes: Vec<u8>,
    /// Bytes of these that the transport has taken.
    sent: usize,
    /// Of these, how many the core has been told of.
    told: usize,
    is_flushed: bool,
    has_failed: bool,
}

impl<S: ByteStream> Output<S> {
    const fn new(stream: WriteHalf<S>) -> Self {
        let (sent, told) = (0, 0);
        Self { stream, bytes: Vec::new(), sent, told, is_flushed: true, has_failed: false }
    }

    /// True if a few packets are to be sent, as a client waits for that
    /// takes one step after the other.
    const fn answers(&self) -> bool {
        self.sent == 0 && !self.bytes.is_empty() && self.bytes.len() <= ANSWER_MAX
    }

    /// Waits until bytes have moved, the core has something, or the timer is_due.
    async fn progress(&mut self, woken: &Notify, timer: &mut LazyTimer) {
        let mut notified = pin!(woken.notified());
        poll_fn(|cx| {
            let wrote = self.poll_write(cx);
            let was_woken = notified.as_mut().poll(cx).is_ready();
            if self.has_failed || wrote || was_woken || timer.poll(cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Writes what there is; true if bytes have gone that the core does not
    /// know of.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Pending => return false,
                Poll::Ready(Ok(0) | Err(_)) => {
                    self.has_failed = true;
                    return false;
                }
                Poll::Ready(Ok(count)) => {
                    self.sent += count;
                    self.is_flushed = false;
                }
            }
        }
        if !self.is_flushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => return false,
                Poll::Ready(Err(_)) => self.has_failed = true,
                Poll::Ready(Ok(())) => self.is_flushed = true,
            }
        }
        self.sent > self.told
    }
}

/// A timer that is set anew only if it would end too late.
#[derive(Default)]
struct LazyTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_due: bool,
}

impl LazyTimer {
    fn set(&mut self, connection: &OpenConnection, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            self.sleep = None;
            return;
        };
        let at = connection.shared.clock().at(deadline);
        match &mut self.sleep {
            // One that ends too early does no harm: the core sees that nothing
            // is due, and the timer is set again.
            Some(sleep) if sleep.deadline() <= at && !sleep.is_elapsed() => {}
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(at))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(sleep) = &mut self.sleep else { return false };
        self.is_due = sleep.as_mut().poll(cx).is_ready();
        self.is_due
    }
}
