//! What the handles and the driver share: the core behind one short lock.

mod identity;
pub(crate) mod store;
mod watched;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use evenkeel_codec::ReasonCode;
use evenkeel_dispatch::{Notice, Operations, Streams, Waiters, Wakers};
use evenkeel_proto::record::Serial;
use evenkeel_proto::{
    AckKey, Client as Core, Completion, Connected, DisconnectCause, Event, Output, Pace, State,
    Token,
};

use crate::clock::Clock;
use crate::error::{ConnectError, TransportError};
use crate::events::Reporter;
use crate::measures::{self, Measures};
use crate::tuning;

pub(crate) use identity::Identity;
pub(crate) use watched::Watched;

/// Time to shut down after the last handle is gone.
const LAST_HANDLE_GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Shared {
    inner: Mutex<Inner>,
    pub(crate) identity: Identity,
    /// The client's, for events that its handles tell outside of the driver.
    pub(crate) span: tracing::Span,
    pub(crate) clock: Clock,
    pub(crate) state: Watched,
    pub(crate) events: Reporter,
    /// Client handles and message streams; the last one shuts the client down.
    users: AtomicUsize,
}

/// Behind the lock. Held for encoding or routing, never across I/O or a wake.
pub(crate) struct Inner {
    pub(crate) core: Core,
    pub(crate) operations: Operations,
    pub(crate) streams: Streams,
    pub(crate) gathered: Gathered,
    /// Publishes that wait for room.
    pub(crate) publishers: Waiters,
    /// QoS 0 receipts that wait for bytes to be written, or lost.
    pub(crate) writing: Waiters,
    /// The transport's words about the last end of a connection.
    pub(crate) last_error: Option<Box<TransportError>>,
    /// Made when there is something to measure.
    pub(crate) measures: Option<Box<Measures>>,
    /// The driver is awake or has been woken.
    pub(crate) signalled: bool,
    pub(crate) driver: Option<Waker>,
    /// The store's thread, until it is closed.
    pub(crate) store: Option<store::StoreThread>,
    /// Who waits until everything is delivered.
    pub(crate) drained: Waiters,
    /// Who waits until the client is online, or will not be.
    pub(crate) connecting: Connecting,
    /// To be woken once the lock is released.
    pub(crate) to_wake: Wakers,
    /// The driver has ended: nothing will move any more.
    pub(crate) ended: bool,
}

/// Who waits for a connection, what the last was told, and the ends after which
/// the client goes on.
#[derive(Default)]
pub(crate) struct Connecting {
    pub(crate) waiters: Waiters,
    /// Attempts that were refused, as if for good.
    pub(crate) refusals: Ends,
    /// Attempts that failed, for whatever reason.
    pub(crate) failures: Ends,
    /// What the last CONNACK said.
    pub(crate) connected: Option<Arc<Connected>>,
    /// How the last attempt ended, if it never came online.
    failed: Option<Failed>,
}

/// Ends of one kind. Each is told to those who wait for it when it comes, or
/// else to the first who asks.
#[derive(Default)]
pub(crate) struct Ends {
    pub(crate) count: u64,
    /// Nobody has heard of the last one.
    pub(crate) untold: bool,
}

impl Connecting {
    const fn on_retry(&mut self, pace: Pace) {
        // After the usual back-off another server, or credentials, are tried first.
        if matches!(self.failed, Some(Failed::Refused)) && !matches!(pace, Pace::BackOff) {
            self.refusals.note();
        }
        // A redirect, or what this side wants itself, is followed at once.
        if self.failed.is_some() && !matches!(pace, Pace::AtOnce) {
            self.failures.note();
        }
    }
}

impl Ends {
    const fn note(&mut self) {
        self.count += 1;
        self.untold = true;
    }
}

/// How an attempt ended.
#[derive(Clone, Copy)]
enum Failed {
    Refused,
    Otherwise,
}

/// Gathered for the driver's next turn.
#[derive(Default)]
pub(crate) struct Gathered {
    /// Messages that the application is done with, or let go of unfinished: to
    /// tell the core of each alone would cost more than all else about a small
    /// message.
    pub(crate) settled: Vec<(AckKey, Option<ReasonCode>)>,
    /// QoS 1 and 2 messages that were accepted.
    pub(crate) published: usize,
    /// The driver gives way to those whom it woke, and writes after them.
    pub(crate) gives_way: bool,
}

impl Shared {
    pub(crate) fn new(
        core: Core,
        identity: Identity,
        streams: Streams,
        clock: Clock,
        span: tracing::Span,
    ) -> Arc<Self> {
        let inner = Inner {
            operations: Operations::default(),
            streams,
            gathered: Gathered::default(),
            publishers: Waiters::default(),
            writing: Waiters::default(),
            store: None,
            drained: Waiters::default(),
            connecting: Connecting::default(),
            last_error: None,
            measures: None,
            signalled: false,
            driver: None,
            to_wake: Wakers::default(),
            ended: false,
            core,
        };
        Arc::new(Self {
            state: Watched::new(inner.core.state(), inner.core.now()),
            events: Reporter::new(),
            inner: Mutex::new(inner),
            identity,
            span,
            clock,
            users: AtomicUsize::new(0),
        })
    }

    /// A panic of one caller does not take the client down for the others.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a command on the core, and has the driver see to what follows.
    pub(crate) fn command<T>(&self, run: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        inner.acknowledge();
        let result = run(&mut inner);
        Inner::signal(inner);
        result
    }

    pub(crate) fn add_user(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// The client has closed, and there are no handles and streams.
    pub(crate) fn is_over(&self) -> bool {
        self.users.load(Ordering::Acquire) == 0 && self.lock().ended
    }

    pub(crate) fn remove_user(&self) {
        if self.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            let now = self.clock.now();
            self.command(|inner| inner.core.shutdown(now, LAST_HANDLE_GRACE));
        }
    }
}

impl Inner {
    /// Releases the lock and sees to it that the driver takes a turn.
    pub(crate) fn signal(mut inner: MutexGuard<'_, Self>) {
        if std::mem::replace(&mut inner.signalled, true) {
            return;
        }
        let driver = inner.driver.take();
        drop(inner);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Tells the core what the application is done with; due in every turn of
    /// the driver, and before every command.
    pub(crate) fn acknowledge(&mut self) {
        let Self { core, gathered, .. } = self;
        if gathered.settled.is_empty() {
            return;
        }
        let unfinished = gathered.settled.iter().filter(|(_, answer)| answer.is_none());
        unfinished.for_each(|(key, _)| core.give_back(*key));
        let answers = gathered.settled.drain(..).filter_map(|(key, answer)| Some((key, answer?)));
        core.acknowledge_all(core.now(), answers);
        gathered.settled.shrink_to(tuning::acknowledgements_kept());
    }

    /// Hands outcomes, messages and room to those who wait for them; due
    /// after every change that the core may have gone through.
    pub(crate) fn deliver(&mut self) {
        // Of all that came at once the first is timed: to time each would be felt.
        let mut timed = None;
        while let Some(completion) = self.core.next_completion() {
            if timed.is_none() {
                timed = measures::round_trip(&completion);
            }
            match completion {
                Completion::Stored { token, serial } => self.on_stored(token, serial),
                // No outcome yet.
                Completion::Answered { .. } => {}
                completion @ (Completion::Removed { .. } | Completion::Requeued { .. }) => {
                    self.measures.get_or_insert_default().on_moved(&completion);
                    self.to_wake.extend(self.operations.complete(completion));
                }
                completion => self.to_wake.extend(self.operations.complete(completion)),
            }
        }
        if let Some(round_trip) = timed {
            self.measures.get_or_insert_default().acknowledgements.record(round_trip);
        }
        if self.core.is_settled() {
            self.drained.wake_all(&mut self.to_wake);
        }
        self.streams.route(&mut self.core, &mut self.to_wake, log);
        // Those who are woken without need would try and fail, turn by turn.
        if self.core.takes_publishes() {
            self.publishers.wake_all(&mut self.to_wake);
        }
    }

    /// Tasks that were woken for an outcome or a message and have not come for it.
    pub(crate) const fn expected(&self) -> usize {
        self.operations.expected() + self.streams.expected()
    }

    fn on_stored(&mut self, token: Token, serial: Serial) {
        let (waker, detached) = self.operations.on_stored(token, serial);
        self.to_wake.extend(waker);
        if detached && self.core.detach(serial) {
            self.operations.cancel(token);
        }
    }

    /// Where the client stands, also after a panic of its task.
    pub(crate) fn state(&self) -> State {
        if self.ended { State::Closed } else { self.core.state() }
    }

    /// Nobody waits for this outcome any more.
    pub(crate) fn detach(&mut self, token: Token) {
        if let Some(serial) = self.operations.detach(token)
            && self.core.detach(serial)
        {
            self.operations.cancel(token);
        }
    }

    /// Keeps what an event says for those who ask later.
    pub(crate) fn note_event(&mut self, event: &Event) {
        if Measures::looks_at(event) {
            self.measures.get_or_insert_default().on_event(event);
        }
        match event {
            Event::Connected(connected) => {
                self.connecting.connected = Some(connected.clone());
                self.connecting.refusals.untold = false;
                self.connecting.failures.untold = false;
            }
            Event::Disconnected { cause, online_for, .. } => {
                let refused = cause.refusal().is_some();
                let failed = if refused { Failed::Refused } else { Failed::Otherwise };
                self.connecting.failed = online_for.is_none().then_some(failed);
            }
            Event::RetryScheduled { retry, .. } => self.connecting.on_retry(retry.pace),
            _ => {}
        }
    }

    /// Bytes were written, or will never be.
    pub(crate) fn wake_writing(&mut self) {
        self.writing.wake_all(&mut self.to_wake);
    }

    /// The state, or what is known about it, has changed.
    pub(crate) fn wake_connecting(&mut self) {
        self.connecting.waiters.dismiss_all(&mut self.to_wake);
    }

    /// What the transport said about the end that `cause` names.
    pub(crate) fn detail(&self, cause: Option<&DisconnectCause>) -> Option<TransportError> {
        let by_transport = matches!(cause, Some(DisconnectCause::Transport { .. }));
        if by_transport { self.last_error.as_deref().cloned() } else { None }
    }

    /// Why the client has halted, if it has.
    pub(crate) fn halted(&self) -> Option<ConnectError> {
        match self.state() {
            State::Halted { reason: halt, cause } => {
                let detail = self.detail(cause.as_deref());
                Some(ConnectError::Halted { halt, cause, detail })
            }
            _ => None,
        }
    }

    /// What CONNACK said on the present connection is known.
    pub(crate) fn is_known(&self) -> bool {
        let connected = self.connecting.connected.as_ref();
        connected.is_some_and(|connected| self.core.is_current(connected.conn))
    }

    /// No further message will come: streams end once they are empty.
    pub(crate) fn end_streams(&mut self) {
        self.streams.end(&mut self.to_wake);
        self.deliver();
    }

    /// The driver is gone: everything ends here, and nobody is left waiting.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.driver = None;
        self.streams.end(&mut self.to_wake);
        // After a panic the core may be in any state: it is left alone.
        if !std::thread::panicking() {
            self.acknowledge();
            let now = self.core.now();
            self.core.shutdown(now, Duration::ZERO);
            while !matches!(self.core.poll(now), Output::Wait(_)) {}
            self.deliver();
        }
        self.operations.wake_all(&mut self.to_wake);
        self.publishers.wake_all(&mut self.to_wake);
        self.writing.wake_all(&mut self.to_wake);
        self.drained.wake_all(&mut self.to_wake);
        self.connecting.waiters.wake_all(&mut self.to_wake);
    }
}

/// Logs what becomes of messages.
#[inline]
fn log(notice: Notice<'_>) {
    match notice {
        Notice::Message(publish) => tracing::trace!(
            topic = publish.topic.as_str(),
            qos = publish.qos.level(),
            retain = publish.retain,
            payload_len = publish.payload.len(),
            "message"
        ),
        Notice::GivenUp { messages, first } => tracing::warn!(
            messages,
            topic = first.map(|publish| publish.topic.as_str()),
            "no stream was opened for these messages: they are discarded, and so are later ones"
        ),
    }
}
