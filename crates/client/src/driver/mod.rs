//! The one task of a client: moves bytes and time between the core and the
//! world, and decides nothing about the protocol.

mod dial;
mod link;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evenkeel_proto::{
    Challenge, Close, ConnectionId, Deadline, Event, Input, Instant, Open, Output, State, Timer,
};
use tokio::time::Sleep;

use crate::error::TransportError;
use crate::hooks::{Authenticator, CredentialsHook, HookFuture};
use crate::shared::{Inner, Shared};
use crate::transport::Dialer;

pub(crate) use dial::Server;
use dial::{Dial, Dialed};
use link::{Link, ReadOutcome};

/// Turns in a row before other tasks get the thread.
const TURNS: usize = 32;

/// The runtime's timers stand still while the machine sleeps, so no wait is
/// longer than this: after a resume the clock is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);

/// Functions of the application's that are asked while connecting.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) credentials: Option<CredentialsHook>,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
}

/// An answer of the authenticator's that is being waited for.
type Answer = (ConnectionId, HookFuture<Option<bytes::Bytes>>);

pub(crate) struct Driver {
    shared: Arc<Shared>,
    dialer: Dialer,
    servers: Arc<[Server]>,
    hooks: Hooks,
    dial: Option<Dial>,
    link: Option<Link>,
    /// Opened once the link before is closed (R1).
    next: Option<Open>,
    answer: Option<Answer>,
    deadline: Option<Deadline>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Reused by every turn.
    outputs: VecDeque<Output>,
    wakers: Vec<Waker>,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        dialer: Dialer,
        servers: Vec<Server>,
        hooks: Hooks,
    ) -> Self {
        Self {
            shared,
            dialer,
            servers: servers.into(),
            hooks,
            dial: None,
            link: None,
            next: None,
            answer: None,
            deadline: None,
            sleep: None,
            outputs: VecDeque::new(),
            wakers: Vec::new(),
        }
    }

    /// One turn: read all there is, let the core judge, do what it asks,
    /// write. True where another turn is due at once.
    fn turn(&mut self, cx: &mut Context<'_>) -> bool {
        let now = self.shared.clock.now();
        let due = self.deadline.is_some_and(|deadline| deadline.at <= now);
        let drained = self.read(cx, now, due);
        let dialed = self.poll_dial(cx);
        let answered = self.poll_answer(cx);
        // A new link has to be read from once before it can be waited for.
        let opened = dialed.is_some();
        self.consult(cx, now, drained, dialed, answered);
        let acted = self.act();
        let wrote = self.write(cx);
        acted || wrote || opened || !drained
    }

    /// Reads until the socket is empty, so that no deadline is judged over
    /// bytes that have arrived (K9); false where the turn's share was used up.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant, due: bool) -> bool {
        let Some(link) = self.link.as_mut().filter(|link| !link.is_closing()) else {
            return true;
        };
        let thorough = due
            && self.deadline.is_some_and(|d| matches!(d.timer, Timer::PingResponse | Timer::Ping));
        match link.read(cx, &self.shared, now, thorough, &mut self.wakers) {
            ReadOutcome::Drained => true,
            ReadOutcome::More => false,
            ReadOutcome::Ended(failure, error) => {
                let conn = link.conn;
                let mut inner = self.shared.lock();
                if let Some(error) = error {
                    inner.last_error = Some((conn, error));
                }
                inner.core.handle(now, Input::Closed(conn, failure));
                true
            }
        }
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>) -> Option<(ConnectionId, Dialed)> {
        let dial = self.dial.as_mut()?;
        match dial.future.as_mut().poll(cx) {
            Poll::Ready(dialed) => self.dial.take().map(|dial| (dial.conn, dialed)),
            Poll::Pending => None,
        }
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Option<(ConnectionId, Option<bytes::Bytes>)> {
        let (conn, future) = self.answer.as_mut()?;
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
    fn consult(
        &mut self,
        cx: &Context<'_>,
        now: Instant,
        drained: bool,
        dialed: Option<(ConnectionId, Dialed)>,
        answered: Option<(ConnectionId, Option<bytes::Bytes>)>,
    ) {
        let shared = self.shared.clone();
        let mut inner = shared.lock();
        inner.signalled = false;
        match &inner.driver {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => inner.driver = Some(cx.waker().clone()),
        }
        if let Some(dial) = &self.dial {
            inner.core.handle(now, Input::Phase(dial.conn, dial.phase()));
        }
        if let Some((conn, dialed)) = dialed {
            self.on_dialed(&mut inner, now, conn, dialed);
        }
        if let Some((conn, answer)) = answered {
            inner.core.authenticate(now, conn, answer);
        }
        // Bytes of an unread socket may change every judgement: not before.
        if drained {
            loop {
                match inner.core.poll(now) {
                    Output::Wait(deadline) => {
                        self.deadline = deadline;
                        break;
                    }
                    output => self.outputs.push_back(output),
                }
            }
        }
        inner.deliver();
        self.wakers.append(&mut inner.to_wake);
        self.wake_after(inner);
    }

    fn on_dialed(&mut self, inner: &mut Inner, now: Instant, conn: ConnectionId, dialed: Dialed) {
        match dialed {
            Ok((stream, credentials)) => {
                tracing::debug!(connection = conn.0, "transport is open");
                self.link = Some(Link::new(conn, stream));
                inner.core.handle(now, Input::Opened(conn, credentials));
            }
            Err((failure, error)) => {
                tracing::debug!(connection = conn.0, %error, "transport could not be opened");
                inner.last_error = Some((conn, error));
                inner.core.handle(now, Input::Closed(conn, failure));
            }
        }
    }

    /// Does what the core asked for; true where it asked for anything.
    fn act(&mut self) -> bool {
        let mut acted = false;
        while let Some(output) = self.outputs.pop_front() {
            acted = true;
            match output {
                Output::Open(open) => self.next = Some(open),
                Output::Close(close) => self.close(close),
                Output::Authenticate(conn, challenge) => self.authenticate(conn, challenge),
                Output::Event(event) => self.publish_event(event),
                Output::Wait(_) => {}
            }
        }
        if acted {
            self.publish_state();
        }
        if self.link.is_none()
            && let Some(open) = self.next.take()
        {
            self.dial = Some(Dial::begin(open, &self.dialer, &self.servers, &self.hooks));
            acted = true;
        }
        acted
    }

    fn close(&mut self, close: Close) {
        let Close { conn, last } = close;
        self.dial = self.dial.take().filter(|dial| dial.conn != conn);
        self.answer = self.answer.take().filter(|(of, _)| *of != conn);
        if let Some(link) = self.link.as_mut().filter(|link| link.conn == conn) {
            if last.is_empty() {
                self.link = None;
            } else {
                link.begin_close(last);
            }
        }
    }

    fn authenticate(&mut self, conn: ConnectionId, challenge: Challenge) {
        let Some(authenticator) = self.hooks.authenticator.as_ref().filter(|_| !challenge.done)
        else {
            return;
        };
        self.answer = Some((conn, authenticator.respond(challenge.data)));
    }

    fn publish_event(&self, event: Event) {
        tracing::debug!(?event, "event");
        let error = match &event {
            Event::Disconnected { conn, cause, .. } => {
                let inner = self.shared.lock();
                let of_this = inner.last_error.as_ref().is_some_and(|(of, _)| of == conn);
                inner.detail(Some(cause)).filter(|_| of_this)
            }
            _ => None,
        };
        if let Event::Halted(_) = event {
            let mut inner = self.shared.lock();
            let wakers = inner.streams.end();
            drop(inner);
            wakers.into_iter().for_each(Waker::wake);
        }
        self.shared.report(event, error);
    }

    fn publish_state(&self) {
        let state = self.shared.lock().core.state();
        self.shared.state.send_if_modified(|known| {
            let changed = *known != state;
            *known = state;
            changed
        });
    }

    /// Writes what waits to be written; true where everything was taken and
    /// the core may have more.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(link) = &mut self.link else { return false };
        if link.is_closing() {
            if link.poll_close(cx).is_ready() {
                self.link = None;
                return true;
            }
            return false;
        }
        match link.write(cx, &self.shared, &mut self.wakers) {
            Ok(more) => {
                self.wake_collected();
                more
            }
            Err((failure, error)) => {
                let now = self.shared.clock.now();
                let conn = link.conn;
                let mut inner = self.shared.lock();
                inner.last_error = Some((conn, error));
                inner.core.handle(now, Input::Closed(conn, failure));
                true
            }
        }
    }

    /// Waits for the deadline; true where it has come.
    fn wait(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline else {
            self.sleep = None;
            return false;
        };
        // The clock is asked before the timer: a timer may be late, and is
        // pending for a task that has used up its share of the thread.
        let now = self.shared.clock.now();
        if deadline.at <= now {
            return true;
        }
        let span = deadline.at.since(now).min(LONGEST_SLEEP);
        let until = tokio::time::Instant::now() + span;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        // Moving a timer costs more than waking up a little early.
        let distance = until.max(sleep.deadline()) - until.min(sleep.deadline());
        if distance > Duration::from_millis(1) {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx).is_ready()
    }

    fn wake_after(&mut self, inner: std::sync::MutexGuard<'_, Inner>) {
        drop(inner);
        self.wake_collected();
    }

    fn wake_collected(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }

    /// The client is closed, and so is its connection.
    fn is_done(&self) -> bool {
        self.link.is_none() && self.dial.is_none() && *self.shared.state.borrow() == State::Closed
    }

    fn finish(&self) {
        let mut inner = self.shared.lock();
        inner.deliver();
        inner.ended = true;
        let mut wakers = inner.take_wakers();
        wakers.append(&mut inner.operations.wake_all());
        wakers.append(&mut inner.streams.end());
        wakers.append(&mut inner.space_waiters);
        wakers.append(&mut inner.write_waiters);
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        for _ in 0..TURNS {
            let busy = this.turn(cx);
            this.wake_collected();
            if this.is_done() {
                return Poll::Ready(());
            }
            if !busy && !this.wait(cx) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    /// Also when the runtime goes away before the client was closed: no one
    /// is left waiting.
    fn drop(&mut self) {
        self.finish();
        let _ = self.shared.state.send_replace(State::Closed);
    }
}

/// What the core is told, and what people are told, about a failure.
pub(crate) type Failure = (evenkeel_proto::TransportFailure, TransportError);
