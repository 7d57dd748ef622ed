//! The one task of a client: moves bytes and time between the core and the
//! world, and decides nothing about the protocol.

mod classify;
mod connect;
mod connection;
mod link;
mod log;
mod timer;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use evenkeel_proto::record::Batch;
use evenkeel_proto::{
    Challenge, Close, ConnectionId, Event, Input, Instant, Open, Output, State, Timer,
    TransportFailure,
};

use crate::clock;
use crate::error::TransportError;
use crate::hooks::AuthenticatorError;
use crate::shared::{Inner, Shared, store};
use crate::tls::TlsRenewal;
use crate::transport;
use evenkeel_dispatch::Wakers;

pub(crate) use connect::attempt::ConnectSettings;
use connect::attempt::{Attempt, AttemptEnd};
use connect::history::AttemptHistory;
pub(crate) use connect::hooks::Hooks;
use connect::hooks::{Authenticating, Panicked, guarded};
use connection::{Connection, ReadOutcome};
use link::Link;
use timer::{DeadlineTimer, Due};

/// Turns in a row before other tasks get the thread, and the most without a
/// look at the deadlines.
const TURNS: u32 = 32;

/// How long a store may take to close.
const STORE_LINGER: Duration = Duration::from_secs(1);

/// An answer of the authenticator's that is being waited for.
type Answer = (ConnectionId, Authenticating);

/// What the authenticator has said; `None` gives up.
type Answered = Result<Option<Bytes>, AuthenticatorError>;

/// What the core is told, and what people are told, about a failure.
pub(crate) type Failure = (TransportFailure, TransportError);

/// What follows a turn.
enum Next {
    /// Another one at once.
    Turn,
    /// Another one after other tasks have had the thread.
    Yield,
    /// Another one after all tasks that can run have run.
    GiveWay,
    /// Nothing until something happens, or the deadline comes.
    Wait,
}

/// What came of a turn's waiting for the outside world.
struct Arrivals {
    /// Everything that had arrived is read.
    drained: bool,
    ended: Option<AttemptEnd>,
    /// First data of enhanced authentication, for the transport that was opened.
    first_data: Option<Bytes>,
    answered: Option<(ConnectionId, Answered)>,
}

/// What came of a turn's exchange with the core.
struct Consulted {
    /// False if deadlines could not be judged.
    judged: bool,
    /// Tasks were woken that are to run before anything is written.
    gives_way: bool,
}

pub(crate) struct Driver {
    shared: Arc<Shared>,
    settings: Arc<ConnectSettings>,
    attempt: Option<Box<Attempt>>,
    connection: Option<Connection>,
    link: Link,
    history: AttemptHistory,
    /// Opened once the connection before is closed (R1).
    next: Option<Box<Open>>,
    answer: Option<Box<Answer>>,
    due: Due,
    /// Turns since the core was last asked about deadlines.
    unjudged: u32,
    timer: DeadlineTimer,
    state: State,
    /// Runs while the store closes.
    store_closing: Option<Pin<Box<tokio::time::Sleep>>>,
    /// What the core asked for in this turn.
    outputs: Vec<Output>,
    wakers: Wakers,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, settings: Arc<ConnectSettings>) -> Self {
        let state = shared.lock().core.state();
        Self {
            shared,
            settings,
            attempt: None,
            connection: None,
            link: Link::default(),
            history: AttemptHistory::default(),
            next: None,
            answer: None,
            due: Due::default(),
            unjudged: 0,
            timer: DeadlineTimer::default(),
            state,
            store_closing: None,
            outputs: Vec::new(),
            wakers: Wakers::default(),
        }
    }

    /// One turn: read all there is, let the core judge, do what it asks, write.
    fn turn(&mut self, cx: &mut Context<'_>) -> Next {
        let now = self.shared.clock.now();
        let drained = self.read(cx, now);
        let (ended, first_data) = self.poll_attempt(cx);
        let arrivals = Arrivals { drained, ended, first_data, answered: self.poll_answer(cx) };
        // A new connection has to be read from once before it can be waited for.
        let opened = arrivals.ended.is_some();
        let Consulted { judged, gives_way } = self.consult(cx, now, arrivals);
        let acted = self.act();
        let wrote = !gives_way && self.write(cx);
        self.publish_state();
        self.wakers.wake();
        if gives_way {
            Next::GiveWay
        } else if !drained {
            Next::Yield
        } else if acted || wrote || opened || !judged || self.reading_goes_on() {
            Next::Turn
        } else {
            Next::Wait
        }
    }

    /// Reads until the socket is empty, so that no deadline is judged over
    /// bytes that have arrived (K9); false if the turn's share was used up.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(connection) =
            self.connection.as_mut().filter(|connection| !connection.is_closing())
        else {
            return true;
        };
        let due = self.due.at.is_some_and(|at| at <= now);
        // A ping in its time accuses nobody: what has arrived may be read later.
        let thorough = due && self.due.slack.is_zero();
        match connection.read(cx, &self.shared, now, thorough, &mut self.wakers) {
            ReadOutcome::Drained => true,
            ReadOutcome::More => false,
            ReadOutcome::Ended(failure, error) => {
                let conn = connection.conn;
                let mut inner = self.shared.lock();
                inner.last_error = error.map(Box::new);
                inner.core.handle(now, Input::Closed(conn, failure));
                true
            }
        }
    }

    /// The core stopped reading, and has changed its mind since.
    fn reading_goes_on(&self) -> bool {
        let paused = self.connection.as_ref().is_some_and(|connection| connection.is_paused());
        paused && self.shared.lock().core.wants_read()
    }

    /// What came of the attempt, if it is over. Code of the application's may
    /// run here, such as a connector of its own, and panic.
    fn poll_attempt(&mut self, cx: &mut Context<'_>) -> (Option<AttemptEnd>, Option<Bytes>) {
        let Some(attempt) = &mut self.attempt else { return (None, None) };
        let polled = guarded(|| attempt.future.as_mut().poll(cx));
        let (conn, renewal) = (attempt.conn, attempt.renewal());
        self.tell_renewal(conn, renewal);
        match polled {
            Ok(Poll::Pending) => (None, None),
            Ok(Poll::Ready(Ok(opened))) => match self.settings.hooks.first_data() {
                Ok(data) => (Some(Ok(opened)), data),
                Err(failure) => (Some(Err(failure)), None),
            },
            Ok(Poll::Ready(Err(failure))) => (Some(Err(failure)), None),
            Err(Panicked) => {
                let failure = (TransportFailure::Other(None), TransportError::Panicked);
                (Some(Err(failure)), None)
            }
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Option<(ConnectionId, Answered)> {
        let (conn, future) = &mut **self.answer.as_mut()?;
        let conn = *conn;
        match future.as_mut().poll(cx) {
            Poll::Ready(answer) => {
                self.answer = None;
                Some((conn, answer))
            }
            Poll::Pending => None,
        }
    }

    /// Tells the core what happened and takes what it wants done.
    fn consult(&mut self, cx: &Context<'_>, now: Instant, arrivals: Arrivals) -> Consulted {
        let shared = self.shared.clone();
        let mut inner = shared.lock();
        inner.signalled = false;
        if let Some(connection) = &mut self.connection {
            connection.spin.on_sent(inner.gathered.settled.len() + inner.gathered.published);
        }
        inner.acknowledge();
        inner.gathered.published = 0;
        match &mut inner.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        if let Some(attempt) = &self.attempt {
            inner.core.handle(now, Input::Phase(attempt.conn, attempt.phase()));
            self.history.tell(&mut inner.core, now, attempt);
        }
        if let Some(ended) = arrivals.ended {
            self.on_attempt_end(&mut inner, now, ended, arrivals.first_data);
        }
        match arrivals.answered {
            Some((conn, Ok(answer))) => inner.core.authenticate(now, conn, answer),
            Some((conn, Err(error))) => {
                inner.last_error = Some(Box::new(TransportError::Authenticator(error)));
                inner.core.handle(now, Input::Closed(conn, TransportFailure::Authenticator));
            }
            None => {}
        }
        let judged = self.may_judge(&inner, now, arrivals.drained);
        if judged {
            self.unjudged = 0;
            let deadline = loop {
                match inner.core.poll(now) {
                    Output::Wait(deadline) => break deadline,
                    output => {
                        if let Output::Event(event) = &output {
                            inner.note_event(event);
                        }
                        self.outputs.push(output);
                    }
                }
            };
            let is_ping = deadline.is_some_and(|deadline| deadline.timer == Timer::Ping);
            self.due = Due {
                at: deadline.map(|deadline| deadline.at),
                slack: if is_ping { inner.core.ping_slack() } else { Duration::ZERO },
            };
        }
        inner.deliver();
        self.timer.held = inner.streams.held_deadline();
        let state = inner.core.state();
        if state != self.state || !self.outputs.is_empty() {
            inner.wake_connecting();
        }
        self.state = state;
        self.wakers.append(&mut inner.to_wake);
        let gives_way = self.gives_way(&mut inner);
        Consulted { judged, gives_way }
    }

    /// True if tasks were woken that are to run before anything is written.
    fn gives_way(&mut self, inner: &mut Inner) -> bool {
        let expected = inner.expected();
        let connection = self.connection.as_mut();
        let gives_way = connection.is_some_and(|open| open.courtesy.gives_way(expected));
        inner.gathered.gives_way = gives_way;
        // What those call for is due in the turn that follows anyway.
        inner.signalled = gives_way;
        gives_way
    }

    /// Bytes of an unread socket may change every judgement, and so may those
    /// that came before a handle moved the core's clock over the deadline
    /// behind this turn's back (K9). But bytes that never end do not put off
    /// pings and time-outs forever: who sends them is alive.
    fn may_judge(&mut self, inner: &Inner, now: Instant, drained: bool) -> bool {
        let overtaken = self.due.at.is_some_and(|at| at > now && at <= inner.core.now());
        self.unjudged += 1;
        !overtaken && (drained || self.unjudged >= TURNS)
    }

    fn on_attempt_end(
        &mut self,
        inner: &mut Inner,
        now: Instant,
        ended: AttemptEnd,
        first_data: Option<Bytes>,
    ) {
        let Some(attempt) = self.attempt.take() else { return };
        let conn = attempt.conn;
        self.history.arrive(&attempt);
        match ended {
            Ok((stream, credentials)) => {
                tracing::debug!(connection = conn.0, "transport is open");
                inner.last_error = None;
                self.connection = Some(Connection::new(conn, stream));
                if let Some(data) = first_data {
                    inner.core.begin_authentication(now, conn, data);
                }
                inner.core.handle(now, Input::Opened(conn, credentials));
            }
            Err((failure, error)) => {
                inner.last_error = Some(Box::new(error));
                inner.core.handle(now, Input::Closed(conn, failure));
            }
        }
    }

    /// Does what the core asked for; true if that may change what it wants.
    fn act(&mut self) -> bool {
        let mut acted = false;
        // Outputs are rare: an idle client keeps no room for them.
        for output in std::mem::take(&mut self.outputs) {
            acted |= match &output {
                // To tell of an event changes nothing, except at the end of the streams.
                Output::Event(event) => matches!(event, Event::Halted(_)),
                _ => true,
            };
            match output {
                Output::Open(open) => self.next = Some(Box::new(open)),
                Output::Close(close) => self.close(close),
                Output::Authenticate(conn, challenge) => self.authenticate(conn, challenge),
                Output::Event(event) => self.publish_event(event),
                Output::Commit(batch) => self.commit(batch),
                Output::Wait(_) => {}
            }
        }
        if self.connection.is_none()
            && let Some(open) = self.next.take()
        {
            let route = self.history.route(&open, self.shared.clock.now());
            self.attempt = Some(Box::new(Attempt::begin(*open, &self.settings, route)));
            acted = true;
        }
        acted
    }

    /// Ends whatever there is of a connection, also one that still waits to be opened.
    fn close(&mut self, close: Close) {
        let Close { conn, last, served } = close;
        if let Some(attempt) = self.attempt.as_ref().filter(|attempt| attempt.conn == conn) {
            self.history.arrive(attempt);
        }
        self.history.note(conn, served, self.shared.clock.now());
        self.next = self.next.take().filter(|open| open.conn != conn);
        self.attempt = self.attempt.take().filter(|attempt| attempt.conn != conn);
        self.answer = self.answer.take().filter(|answer| answer.0 != conn);
        if let Some(connection) =
            self.connection.as_mut().filter(|connection| connection.conn == conn)
        {
            self.link.on_close(connection);
            if last.is_empty() {
                self.connection = None;
            } else {
                connection.begin_close(last);
            }
        }
        let mut inner = self.shared.lock();
        inner.wake_writing();
        self.wakers.append(&mut inner.to_wake);
    }

    fn authenticate(&mut self, conn: ConnectionId, challenge: Challenge) {
        self.answer = Some(Box::new((conn, self.settings.hooks.authenticate(challenge))));
    }

    fn publish_event(&mut self, event: Event) {
        let error = match &event {
            Event::Disconnected { cause, .. } => self.shared.lock().detail(Some(cause)),
            Event::Connected(connected) => {
                if let Some(assigned) = &connected.assigned_client_id {
                    self.shared.span.record("client_id", tracing::field::display(assigned));
                }
                self.link.on_connected(connected, &self.shared.lock());
                None
            }
            Event::Halted(_) => {
                let mut inner = self.shared.lock();
                inner.end_streams();
                self.wakers.append(&mut inner.to_wake);
                None
            }
            // It may have been set since the last attempt, as it is when the
            // network comes up.
            Event::Connecting { conn, server, .. } => {
                self.link = Link::begins(*conn, *server);
                let (now, wall) = (self.shared.clock.now(), clock::wall());
                self.shared.lock().core.set_wall_clock(now, wall);
                None
            }
            // A ping means that nothing else was to be written for a while.
            // The buffer is one of two that change places: the other one is
            // given back at the next.
            Event::PingSent => {
                self.connection.as_mut().map(Connection::tidy);
                None
            }
            _ => None,
        };
        self.report(event, error);
    }

    /// Tells what an attempt has found in the files of certificates and keys.
    fn tell_renewal(&self, conn: ConnectionId, renewal: TlsRenewal) {
        if renewal.renewed {
            self.report(Event::FilesRenewed { conn }, None);
        }
        if let Some(error) = renewal.kept {
            let error = transport::ConnectError::Config(error.into());
            self.report(Event::FilesKept { conn }, Some(TransportError::Connect(error)));
        }
    }

    fn report(&self, event: Event, error: Option<TransportError>) {
        log::event(&event, error.as_ref());
        // The turn's instant: a look at the clock for each event would cost more
        // than the event.
        let (at, situation) = {
            let inner = self.shared.lock();
            (inner.core.now(), self.link.situation(&inner, self.connection.as_ref()))
        };
        self.shared.events.report(at, situation, event, error);
    }

    /// Tells the state; the end only when DISCONNECT is written.
    fn publish_state(&self) {
        let closing = self.state == State::Closed && !self.is_idle();
        if !closing {
            self.shared.state.tell(&self.state, &self.shared.clock);
        }
    }

    /// Writes what waits to be written; true if everything was taken and
    /// the core may have more.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        if connection.is_closing() {
            let closed = connection.poll_close(cx).is_ready();
            if closed {
                self.connection = None;
            }
            return closed;
        }
        let written = connection.write(cx, &self.shared, &mut self.wakers);
        let Err((failure, error)) = written else { return written.unwrap_or(true) };
        let now = self.shared.clock.now();
        // A server that says why it closes says more than the failed write.
        connection.read_rest(cx, &self.shared, now, &mut self.wakers);
        let mut inner = self.shared.lock();
        inner.last_error = Some(Box::new(error));
        inner.core.handle(now, Input::Closed(connection.conn, failure));
        true
    }

    /// True if a deadline has come.
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let tidying = self.connection.as_ref().and_then(Connection::tidying_due);
        let others = [self.timer.held, tidying].into_iter().flatten().min();
        let due = match others {
            None => self.due,
            others => {
                Due { at: self.due.at.into_iter().chain(others).min(), slack: Duration::ZERO }
            }
        };
        self.timer.is_due(cx, &self.shared.clock, due)
    }

    fn is_idle(&self) -> bool {
        self.connection.is_none() && self.attempt.is_none() && self.shared.lock().store.is_none()
    }

    fn commit(&self, batch: Batch) {
        if let Some(committed) = store::commit(&self.shared, batch) {
            let now = self.shared.clock.now();
            let mut inner = self.shared.lock();
            inner.core.handle(now, Input::Committed(committed));
            inner.deliver();
        }
    }

    /// Closes the store behind the last batch; a disk that does not answer is
    /// not waited for beyond a second (D12).
    fn close_store(&mut self, cx: &mut Context<'_>) {
        let late = match &mut self.store_closing {
            Some(store_closing) => store_closing.as_mut().poll(cx).is_ready(),
            None => {
                let mut sleep = Box::pin(tokio::time::sleep(STORE_LINGER));
                let late = sleep.as_mut().poll(cx).is_ready();
                self.store_closing = Some(sleep);
                if let Some(store) = &self.shared.lock().store {
                    // A thread that is gone has closed it.
                    store.give(store::Job::Close);
                }
                late
            }
        };
        if late {
            self.shared.lock().store = None;
        }
    }
}

/// Wakes this task once the runtime has run all tasks that can run, and has looked
/// for input.
fn after_all_others(cx: &mut Context<'_>) {
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let shared = this.shared.clone();
        // That of an instrumented future would be one more in each task.
        let _entered = shared.span.enter();
        for _ in 0..TURNS {
            let next = this.turn(cx);
            if this.state == State::Closed {
                this.close_store(cx);
                this.publish_state();
            }
            if this.state == State::Closed && this.is_idle() {
                return Poll::Ready(());
            }
            match next {
                Next::Turn => {}
                Next::Yield => break,
                Next::GiveWay => {
                    after_all_others(cx);
                    return Poll::Pending;
                }
                // What is due in parts, as many messages that expire at once, lets
                // others have the thread between two of them.
                Next::Wait if this.is_due(cx) => {
                    after_all_others(cx);
                    return Poll::Pending;
                }
                Next::Wait => {
                    if this
                        .connection
                        .as_mut()
                        .is_some_and(|connection| connection.spin.spins_again())
                    {
                        after_all_others(cx);
                    }
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    /// Also when the runtime goes away before the client was closed.
    fn drop(&mut self) {
        let _entered = self.shared.span.enter();
        let mut inner = self.shared.lock();
        inner.end();
        self.wakers.append(&mut inner.to_wake);
        drop(inner);
        self.shared.state.tell(&State::Closed, &self.shared.clock);
        self.shared.events.end();
        self.wakers.wake();
    }
}
