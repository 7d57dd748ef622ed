//! One connection's task: moves bytes between a transport and the core.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::Sleep;

use crate::core::{ConnectionId, Instant, Standing};
use crate::listen::ByteStream;
use crate::shared::Shared;

/// Bytes asked of the transport at once, at least and at most.
const READ_MIN: usize = 4 * 1024;
const READ_MAX: usize = 64 * 1024;

/// What an output buffer may keep for the next time.
const KEPT_MAX: usize = 256 * 1024;

/// A peer gets this long, and this many bytes, to read its farewell and close.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1024 * 1024;

/// A connection that the core knows; dropping it tells the core that the
/// transport is gone.
pub(crate) struct Guest {
    shared: Arc<Shared>,
    id: ConnectionId,
    woken: Arc<Notify>,
}

impl Guest {
    pub(crate) fn open(shared: Arc<Shared>, transport: &'static str, peer: &str) -> Self {
        let (id, woken) = shared.open(transport, peer);
        Self { shared, id, woken }
    }

    fn standing(&self, tick: bool) -> Standing {
        self.shared.turn(Some(self.id), |core, now| {
            if tick {
                core.tick_connection(now, self.id);
            }
            core.standing(now, self.id)
        })
    }

    /// Waits while a rule keeps the connection silent; false where it is to be
    /// closed before anything was said.
    pub(crate) async fn is_admitted(&self) -> bool {
        loop {
            let standing = self.standing(true);
            if standing.closes() || standing.reads {
                return !standing.closes();
            }
            self.changed(standing.deadline).await;
        }
    }

    /// Runs a handshake; `None` where it fails, or takes longer than a client
    /// may take before its CONNECT.
    #[cfg(any(feature = "tls", feature = "websocket"))]
    pub(crate) async fn within_patience<T>(
        &self,
        handshake: impl Future<Output = std::io::Result<T>>,
    ) -> Option<T> {
        let over = async {
            loop {
                let standing = self.standing(true);
                if standing.closes() {
                    return;
                }
                self.changed(standing.deadline).await;
            }
        };
        tokio::select! {
            done = handshake => done.ok(),
            () = over => None,
        }
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
        let woken = self.woken.notified();
        match deadline {
            None => woken.await,
            Some(deadline) => {
                let sleep = tokio::time::sleep_until(self.shared.clock().at(deadline));
                tokio::select! { () = woken => {}, () = sleep => {} }
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.shared.closed(self.id);
    }
}

/// Serves a connection until one side ends it.
pub(crate) async fn serve<S: ByteStream>(guest: Guest, mut stream: S) {
    let mut io = Io::new();
    let mut alarm = Alarm::default();
    loop {
        let standing = io.turn(&guest);
        if standing.aborts() || io.is_over {
            return;
        }
        if standing.is_flushed() {
            return linger(&mut stream).await;
        }
        alarm.set(&guest, standing.deadline);
        io.progress(&mut stream, &guest.woken, &mut alarm, standing.reads).await;
        if alarm.rings && standing.reads && io.fresh == 0 {
            // Keep alive is judged only after all that has come was read. The
            // reactor is asked first: what it does not know of looks unread.
            tokio::task::yield_now().await;
            poll_fn(|cx| {
                io.poll_read(cx, &mut stream);
                Poll::Ready(())
            })
            .await;
        }
        io.is_due = std::mem::take(&mut alarm.rings);
    }
}

/// Bytes between the core and the transport.
struct Io {
    input: BytesMut,
    read_size: usize,
    output: Vec<u8>,
    /// Bytes of `output` that the transport has taken.
    sent: usize,
    /// Of these, how many the core has been told of.
    told: usize,
    is_flushed: bool,
    /// Bytes read since the last turn.
    fresh: usize,
    /// The core would not read at the end of the last turn.
    was_paused: bool,
    is_due: bool,
    is_over: bool,
}

impl Io {
    fn new() -> Self {
        Self {
            input: BytesMut::new(),
            read_size: READ_MIN,
            output: Vec::new(),
            sent: 0,
            told: 0,
            is_flushed: true,
            fresh: 0,
            was_paused: false,
            is_due: false,
            is_over: false,
        }
    }

    /// Tells the core what has happened and takes what it has to send.
    fn turn(&mut self, guest: &Guest) -> Standing {
        let id = guest.id;
        guest.shared.turn(Some(id), |core, now| {
            if self.sent > self.told {
                core.written(now, id, self.sent - self.told);
                self.told = self.sent;
            }
            if self.fresh > 0 {
                core.receive(now, id, &mut self.input);
                self.fresh = 0;
            }
            if std::mem::take(&mut self.is_due) {
                core.tick_connection(now, id);
            }
            // What the core would not read before, it may read now.
            if self.was_paused && !self.input.is_empty() && core.standing(now, id).reads {
                core.receive(now, id, &mut self.input);
            }
            if self.sent == self.output.len() {
                self.output.clear();
                self.output.shrink_to(KEPT_MAX);
                (self.sent, self.told) = (0, 0);
                core.take_output(now, id, &mut self.output);
            }
            let standing = core.standing(now, id);
            self.was_paused = !standing.reads;
            standing
        })
    }

    /// Waits until bytes have moved, the core has something, or the alarm rings.
    async fn progress<S: ByteStream>(
        &mut self,
        stream: &mut S,
        woken: &Notify,
        alarm: &mut Alarm,
        reads: bool,
    ) {
        let mut notified = pin!(woken.notified());
        poll_fn(|cx| {
            if reads {
                self.poll_read(cx, stream);
            }
            let wrote = self.poll_write(cx, stream);
            let was_woken = notified.as_mut().poll(cx).is_ready();
            if self.fresh > 0 || self.is_over || wrote || was_woken || alarm.poll(cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn poll_read<S: ByteStream>(&mut self, cx: &mut Context<'_>, stream: &mut S) {
        self.input.reserve(self.read_size);
        // The future keeps nothing between polls, so it may be made anew.
        match pin!(stream.read_buf(&mut self.input)).poll(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok(0) | Err(_)) => self.is_over = true,
            Poll::Ready(Ok(count)) => {
                self.fresh += count;
                self.read_size = match count {
                    count if count >= self.read_size => READ_MAX.min(self.read_size * 4),
                    count if count < READ_MIN => READ_MIN,
                    _ => self.read_size,
                };
            }
        }
    }

    /// Writes what there is; true where all of it has gone just now.
    fn poll_write<S: ByteStream>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> bool {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut *stream).poll_write(cx, rest) {
                Poll::Pending => return false,
                Poll::Ready(Ok(0) | Err(_)) => {
                    self.is_over = true;
                    return false;
                }
                Poll::Ready(Ok(count)) => {
                    self.sent += count;
                    self.is_flushed = false;
                }
            }
        }
        if !self.is_flushed {
            match Pin::new(stream).poll_flush(cx) {
                Poll::Pending => return false,
                Poll::Ready(Err(_)) => self.is_over = true,
                Poll::Ready(Ok(())) => self.is_flushed = true,
            }
        }
        self.sent > self.told
    }
}

/// A timer that is set anew only when it would ring too late.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    rings: bool,
}

impl Alarm {
    fn set(&mut self, guest: &Guest, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            self.sleep = None;
            return;
        };
        let at = guest.shared.clock().at(deadline);
        match &mut self.sleep {
            // One that rings too early does no harm: the core sees that nothing
            // is due, and the alarm is set again.
            Some(sleep) if sleep.deadline() <= at && !sleep.is_elapsed() => {}
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(at))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(sleep) = &mut self.sleep else { return false };
        self.rings = sleep.as_mut().poll(cx).is_ready();
        self.rings
    }
}

/// Closes so that the peer can still read what was sent: a socket that is
/// dropped with unread bytes would take the last packets with it.
async fn linger<S: ByteStream>(stream: &mut S) {
    let farewell = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // The peer's own end, or its silence, are both the end.
    let _ = tokio::time::timeout(LINGER, farewell).await;
}
