//! The receiving side of one connection: from its transport into the core.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Notify;

use crate::arrivals::{Source, SourceWaker};
use crate::barrier::Barrier;
use crate::core::{ConnectionId, Core};
use crate::shared::Shared;

/// Bytes asked of the transport at once, at least and at most.
const READ_MIN: usize = 4 * 1024;
const READ_MAX: usize = 64 * 1024;

/// Reads on one connection before others have their turn.
const READS: usize = 16;

/// What a transport may hold when the broker wants all of it. A client that
/// writes as fast as the broker reads must not keep it without end.
const DRAINED_MAX: usize = 16 * 1024 * 1024;

/// Takes in what arrives on one connection.
pub(crate) struct Reader {
    id: ConnectionId,
    shared: Arc<Shared>,
    barrier: Arc<Barrier>,
    /// Wakes the connection's own task.
    pub(crate) woken: Arc<Notify>,
    /// Makes the transport ask the system itself.
    asks: Arc<AtomicBool>,
    waker: OnceLock<Arc<SourceWaker>>,
    /// The core would not read when it was asked last.
    is_paused: AtomicBool,
    input: Mutex<Option<Input>>,
}

/// How much of what a transport holds is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What the core has room for.
    Fair,
    /// All, before something happens that must come after it.
    All,
}

impl Reader {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: ConnectionId,
        barrier: Arc<Barrier>,
        asks: Arc<AtomicBool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            shared,
            barrier,
            woken: Arc::new(Notify::new()),
            asks,
            waker: OnceLock::new(),
            is_paused: AtomicBool::new(false),
            input: Mutex::new(None),
        })
    }

    pub(crate) const fn id(&self) -> ConnectionId {
        self.id
    }

    /// What the connection's answers pass.
    pub(crate) fn barrier(&self) -> &Barrier {
        &self.barrier
    }

    /// From now on bytes may arrive.
    pub(crate) fn attach(self: &Arc<Self>, stream: Box<dyn AsyncRead + Send + Unpin>) {
        let source: std::sync::Weak<Self> = Arc::downgrade(self);
        let waker = SourceWaker::new(self.shared.arrivals().clone(), source, self.woken.clone());
        let waker = self.waker.get_or_init(|| Arc::new(waker));
        *self.input() = Some(Input::new(stream, waker.clone()));
    }

    /// Gives up the transport's receiving side.
    pub(crate) fn detach(&self) -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        self.input().take().map(|input| input.stream)
    }

    /// Asks to be looked at in turn, as if bytes had arrived.
    pub(crate) fn notify(&self) {
        if let Some(waker) = self.waker.get() {
            waker.notify();
        }
    }

    /// Lets a connection that was not read from be read from again; false
    /// if it was.
    pub(crate) fn resume(&self) -> bool {
        let was_paused = self.is_paused.swap(false, Ordering::AcqRel);
        if was_paused {
            self.notify();
        }
        was_paused
    }

    /// Takes in all that the transport has by now, whatever the system has
    /// told so far.
    pub(crate) fn drain(&self) {
        self.asks.store(true, Ordering::Release);
        if let Some(input) = self.input().as_mut() {
            input.take_in(self, Depth::All, None);
        }
    }

    /// Takes in what the connection must not be ahead of: all that has arrived
    /// on the one whose session it is about to take over.
    pub(crate) fn drain_replaced(&self) {
        let empty = BytesMut::new();
        let slot = self.input();
        let bytes = slot.as_ref().map_or(&empty, |input| &input.bytes);
        self.drain_replaced_by(bytes);
    }

    fn drain_replaced_by(&self, bytes: &BytesMut) {
        let other = self.shared.with(|core, now| core.takes_over(now, self.id, bytes));
        if let Some(reader) = other.and_then(|id| self.shared.reader(id)) {
            reader.drain();
        }
    }

    /// Output that was ready when the end of the client's stream came; `None`
    /// if it has not come.
    pub(crate) fn take_last_output(&self) -> Option<Vec<u8>> {
        self.input().as_mut().and_then(|input| input.last_output.take())
    }

    fn input(&self) -> MutexGuard<'_, Option<Input>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Reader {
    fn take_in(&self, own: Option<ConnectionId>) {
        if let Some(input) = self.input().as_mut() {
            input.take_in(self, Depth::Fair, own);
        }
    }
}

/// A transport's receiving side, and what of it the core has not taken.
struct Input {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    source: Arc<SourceWaker>,
    waker: Waker,
    bytes: BytesMut,
    read_size: usize,
    /// The core would not read at the end of the last turn; nor has it been
    /// asked before the first.
    is_stuck: bool,
    /// The connection has its session: it takes none over any more.
    is_online: bool,
    /// At the end of the stream, what the core still had to send.
    last_output: Option<Vec<u8>>,
    is_over: bool,
}

impl Input {
    fn new(stream: Box<dyn AsyncRead + Send + Unpin>, source: Arc<SourceWaker>) -> Self {
        Self {
            stream,
            waker: Waker::from(source.clone()),
            source,
            bytes: BytesMut::new(),
            read_size: READ_MIN,
            is_stuck: true,
            is_online: false,
            last_output: None,
            is_over: false,
        }
    }

    fn take_in(&mut self, reader: &Reader, depth: Depth, own: Option<ConnectionId>) {
        let mut reads = !self.is_stuck || self.hand_in(reader, depth, own);
        let (mut count, mut bytes) = (0, 0);
        while reads && !self.is_over {
            if count == READS && depth == Depth::Fair {
                return self.source.notify();
            }
            let Some(read) = self.read() else { return };
            count += 1;
            bytes += read;
            if read == 0 {
                return self.end(reader);
            }
            reads = self.hand_in(reader, depth, own) && bytes < DRAINED_MAX;
        }
        self.is_stuck = !reads;
        if self.is_stuck {
            // The own task looks whether the core reads again, and says so.
            reader.is_paused.store(true, Ordering::Release);
            reader.woken.notify_one();
        }
    }

    /// Gives the core what it will take; false if it reads no more.
    fn hand_in(&mut self, reader: &Reader, depth: Depth, own: Option<ConnectionId>) -> bool {
        if !self.is_online {
            reader.drain_replaced_by(&self.bytes);
        }
        let id = reader.id;
        let bytes = &mut self.bytes;
        let (reads, is_online) = reader.shared.turn(own, |core, now| {
            let receive = match depth {
                Depth::Fair => Core::receive,
                Depth::All => Core::receive_all,
            };
            // No bytes are no sign of life.
            if !bytes.is_empty() {
                receive(core, now, id, bytes);
            }
            let reads = match depth {
                Depth::Fair => core.status(now, id).reads,
                Depth::All => core.listens(now, id),
            };
            (reads, core.is_online(id))
        });
        self.is_online = is_online;
        reads
    }

    /// Bytes read; `None` if there are none yet, 0 at the end.
    fn read(&mut self) -> Option<usize> {
        self.bytes.reserve(self.read_size);
        let mut cx = Context::from_waker(&self.waker);
        // The future keeps nothing between polls, so it may be made anew.
        match pin!(self.stream.read_buf(&mut self.bytes)).poll(&mut cx) {
            Poll::Pending => {
                self.release();
                None
            }
            Poll::Ready(Err(_)) => Some(0),
            Poll::Ready(Ok(count)) => {
                self.read_size = match count {
                    count if count >= self.read_size => READ_MAX.min(self.read_size * 4),
                    count if count < READ_MIN => READ_MIN,
                    _ => self.read_size,
                };
                Some(count)
            }
        }
    }

    /// An idle connection holds no buffer.
    fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }

    /// The client's side has ended, behind all that it has sent.
    fn end(&mut self, reader: &Reader) {
        self.is_over = true;
        let last_output = self.last_output.insert(Vec::new());
        reader.shared.with(|core, now| {
            core.take_output(now, reader.id, last_output);
            core.closed(now, reader.id);
        });
        reader.woken.notify_one();
    }
}
