//! The client: routes inputs to the sub-machines and their wishes out again.

mod acknowledge;
mod authenticate;
mod certainty;
mod commit;
mod connect;
mod encode;
mod end;
mod expiry;
mod identifier;
mod inbox;
mod incoming;
mod outgoing;
mod poison;
mod publish;
mod queue;
mod reconfigure;
#[cfg(feature = "store")]
mod recover;
mod resend;
mod send;
mod shutdown;
mod subscribe;
mod timers;
mod trace;
mod version;
mod when_full;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::time::Duration;

use evenkeel_codec::Text;

use crate::cause::DisconnectCause;
use crate::config::{Config, ConfigError, ConnectConfig};
use crate::connection::{Connection, History, Offsets};
use crate::event::{Event, State};
use crate::io::{ConnectionId, Incoming, Input, Output};
use crate::limits::Limits;
use crate::operation::Completion;
use crate::reconnect::{Reconnector, Servers};
use crate::rng::Rng;
use crate::session::Session;
use crate::stats::Stats;
use crate::time::Instant;
use crate::trace::Trace;
use crate::transmit::Transmit;
use crate::tuning;

pub use publish::Accepted;
pub use shutdown::ShutdownReport;

/// Bounds that give way, rather than block forever, do so up to this many times.
const HARD_FACTOR: usize = 8;

/// Bytes of the answers to one message, PUBREC and PUBCOMP with their codes.
const ANSWERS_SIZE: u64 = 16;

/// An application that takes no message for so long may be waiting for us.
const STUCK_AFTER: Duration = Duration::from_secs(1);

/// An MQTT client without I/O; see the [crate documentation](crate) for the loop
/// that drives it.
///
/// Its methods stand in four groups. None blocks, and none fails by panic.
///
/// **Feed** it what happened: [`handle`](Self::handle) with an [`Input`],
/// [`begin_authentication`](Self::begin_authentication) and
/// [`authenticate`](Self::authenticate) with data of enhanced authentication,
/// [`set_wall_clock`](Self::set_wall_clock).
///
/// **Command** what is wanted: [`start`](Self::start),
/// [`publish`](Self::publish), [`acknowledge`](Self::acknowledge),
/// [`acknowledge_all`](Self::acknowledge_all), [`give_back`](Self::give_back),
/// [`subscribe`](Self::subscribe),
/// [`subscribe_identified`](Self::subscribe_identified),
/// [`identify`](Self::identify), [`unsubscribe`](Self::unsubscribe),
/// [`remove`](Self::remove), [`requeue`](Self::requeue),
/// [`detach`](Self::detach), [`probe`](Self::probe),
/// [`reauthenticate`](Self::reauthenticate), [`reconnect`](Self::reconnect),
/// [`shutdown`](Self::shutdown).
///
/// **Drain** what it wants and has: [`poll`](Self::poll),
/// [`next_completion`](Self::next_completion),
/// [`next_message`](Self::next_message), [`take_transmit`](Self::take_transmit).
///
/// **Query** how it stands, which changes nothing:
/// [`next_deadline`](Self::next_deadline), [`needs_poll`](Self::needs_poll),
/// [`wants_read`](Self::wants_read), [`state`](Self::state),
/// [`limits`](Self::limits), [`stats`](Self::stats), and all others that take
/// `&self`.
///
/// The order of calls: after any number of feeds and commands, `poll` until it
/// returns [`Output::Wait`]; then take outcomes, messages and bytes. What a
/// deadline is about is done by `poll` at that instant or later; before, the
/// socket is read until it is empty (K9).
///
/// The rule on `now`: it is the present instant of a clock that never goes
/// back, and the same clock for every call. An instant before the last one is
/// read as the last one. A command may be given [`Client::now`] if an exact time
/// does not matter.
#[derive(Debug)]
pub struct Client {
    /// Shared by clients that are alike.
    config: Arc<Config>,
    now: Instant,
    rng: Rng,
    connection: Connection,
    attempts: Attempts,
    session: Session,
    transmit: Transmit,
    ready: Ready,
    shutdown: Option<Box<shutdown::Shutdown>>,
    stats: Stats,
    extras: Option<Box<Extras>>,
}

/// What few clients use; made when it is first needed.
#[derive(Debug, Default)]
struct Extras {
    /// What CONNECT says from the next attempt on.
    next_connect: Option<Box<ConnectConfig>>,
    /// What the application's topic aliases stand for.
    topics: BTreeMap<u16, Text>,
    /// The packets that went by, if they are wanted.
    trace: Option<Box<Trace>>,
}

/// What one attempt to connect hands on to the next; no session state.
#[derive(Debug)]
struct Attempts {
    reconnector: Reconnector,
    servers: Servers,
    /// Other addresses of the present host that have not failed.
    alternatives: u32,
    last_conn: ConnectionId,
    last_cause: Option<Box<DisconnectCause>>,
    history: Option<Box<History>>,
    /// Doublings of the response timeout, learnt from late answers.
    timeout_doublings: u8,
    /// The version that the last attempt spoke.
    version: evenkeel_codec::Version,
    /// Names the session: the caller's, or the one the server assigned.
    client_id: Text,
    /// It has changed since the last CONNACK: what is in flight began in
    /// another session.
    session_is_other: bool,
}

/// What is ready to be taken by the caller.
#[derive(Debug, Default)]
struct Ready {
    outputs: VecDeque<Output>,
    completions: VecDeque<Completion>,
    inbox: inbox::Inbox,
    events_lost: u64,
    reading_paused: bool,
    /// When the application took a message last, or the inbox filled up.
    last_taken: Instant,
}

impl Client {
    /// Makes a client that has not started. `seed` decides all jitter.
    pub fn new(
        config: impl Into<Arc<Config>>,
        seed: u64,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let config = config.into();
        let client_id = config.connect.client_id.clone();
        Self::named(config, client_id, seed, now)
    }

    /// The same with another client identifier than the configuration's, for
    /// clients that share one.
    pub fn named(
        config: impl Into<Arc<Config>>,
        client_id: Text,
        seed: u64,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let config = config.into();
        config.validate_with(&client_id)?;
        Ok(Self {
            now,
            rng: Rng::new(seed),
            connection: Connection::Stopped,
            attempts: Attempts {
                reconnector: Reconnector::new(config.clone()),
                servers: Servers::new(config.servers),
                alternatives: 0,
                last_conn: ConnectionId::default(),
                last_cause: None,
                history: None,
                timeout_doublings: 0,
                version: config.version,
                client_id,
                session_is_other: false,
            },
            session: Session::new(&config),
            transmit: Transmit::default(),
            ready: Ready::default(),
            shutdown: None,
            stats: Stats::default(),
            extras: None,
            config,
        })
    }

    /// Begins to connect; also out of [`State::Halted`], with a fresh back-off
    /// but within the budget. Does nothing in other states.
    pub fn start(&mut self, now: Instant) {
        self.advance_clock(now);
        if let Connection::Stopped | Connection::Halted(_) = self.connection {
            self.attempts.reconnector.restart();
            self.attempts.servers.restart();
            self.connect_at_once();
        }
    }

    /// Takes an input. Late inputs of old connections are counted and ignored.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.advance_clock(now);
        match input {
            Input::Phase(conn, phase) => self.on_phase(conn, phase),
            Input::Alternatives(conn, count) => self.on_alternatives(conn, count),
            Input::FreshCredentials(conn) => self.on_fresh_credentials(conn),
            Input::Opened(conn, credentials) => self.on_opened(conn, credentials),
            Input::Received(conn, buffer) => self.on_received(conn, buffer),
            Input::Written(conn, bytes) => self.on_written(conn, bytes),
            Input::Closed(conn, failure) => self.on_closed(conn, failure),
            Input::Committed(committed) => self.on_committed(committed),
        }
        self.send_pending();
    }

    /// Does what is due at `now`, and returns the next thing to do;
    /// [`Output::Wait`] is the last. Always safe, early or late. Everything that
    /// had arrived by `now` must have been handed over before (K9).
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> Output {
        self.advance_clock(now);
        if let Some(output) = self.ready.outputs.pop_front() {
            return output;
        }
        if self.ready.events_lost > 0 {
            let lost = core::mem::take(&mut self.ready.events_lost);
            return Output::Event(Event::Lagged { lost });
        }
        self.run_timers();
        if let Some(output) = self.ready.outputs.pop_front() {
            return output;
        }
        if let Some(batch) = self.next_batch() {
            return Output::Commit(batch);
        }
        // Outputs are rare, and an idle client keeps no room for them.
        self.ready.outputs.shrink_to(0);
        Output::Wait(self.next_deadline())
    }

    /// True if [`poll`](Self::poll) has something to say, whatever the time.
    pub fn needs_poll(&self) -> bool {
        !self.ready.outputs.is_empty() || self.shutdown_deadline().is_some() || self.has_batch()
    }

    /// The next outcome of an operation.
    pub fn next_completion(&mut self) -> Option<Completion> {
        self.ready.completions.pop_front()
    }

    /// The next message from the server.
    #[inline]
    pub fn next_message(&mut self) -> Option<Incoming> {
        match self.ready.inbox.len() {
            0 => return None,
            1 => self.resume_reading(),
            _ => {}
        }
        self.ready.last_taken = self.now;
        self.ready.inbox.pop(&self.config.bounds)
    }

    /// Looks at the next message without taking it.
    pub fn peek_message(&self) -> Option<&Incoming> {
        self.ready.inbox.front()
    }

    /// False while messages wait to be taken beyond the bounds, or answers of
    /// ours to be written: the caller stops reading the socket, which holds
    /// back the server (D10).
    ///
    /// If an operation of ours waits for its answer and the application has
    /// taken no message for a second, it may be waiting for that answer inside
    /// its message handler: reading goes on, up to eight times the bounds, and
    /// QoS 0 messages that do not fit are dropped.
    pub fn wants_read(&self) -> bool {
        match &self.connection {
            // A connection in the making brings no messages, and is not to wait for them.
            // One that was accepted is read on when the application believes the server.
            Connection::Opening(opening) => return opening.accepted.is_none(),
            Connection::Online(online) if !self.answers_fit(&online.offsets) => return false,
            _ => {}
        }
        !self.ready.inbox.is_full() || self.reads_on().is_some_and(|since| since <= self.now)
    }

    /// Answers of ours are being written, or not too many of them wait.
    ///
    /// What the application publishes does not count: a server that writes to
    /// us may read nothing meanwhile, and if we read nothing until it has read
    /// ours, both wait forever. A server never asks for too many unless it uses
    /// identifiers that are in use.
    fn answers_fit(&self, sent: &Offsets) -> bool {
        let bounds = &self.config.bounds;
        let unwritten = sent.unwritten();
        if unwritten < bounds.write_buffer as u64 {
            return true;
        }
        let window = self.exchanges_of_server() + u64::from(bounds.in_flight);
        let answers = bounds.write_buffer.saturating_mul(HARD_FACTOR) as u64;
        let most = answers.max(window * ANSWERS_SIZE);
        unwritten < most.saturating_add(sent.publish)
    }

    /// Exchanges the server may have open with us: what we announced, unless it
    /// was never told or has gone beyond (D14).
    fn exchanges_of_server(&self) -> u64 {
        let knows = self.version().has_properties() && !self.session.inbound.quota.is_exceeded;
        u64::from(if knows { self.config.connect.receive_maximum } else { u16::MAX })
    }

    /// When reading goes on with the inbox full; `None` if it does not.
    fn reads_on(&self) -> Option<Instant> {
        let hard_full = self.ready.inbox.holds(HARD_FACTOR, &self.config.bounds);
        (self.session.flights.len() > 0 && !hard_full).then(|| self.ready.last_taken + STUCK_AFTER)
    }

    /// Bytes missing for the packet at the front of the read buffer; 0 if unknown.
    pub fn missing(&self, buffer: &[u8]) -> usize {
        self.connection.online().map_or(0, |online| online.decoder.missing(buffer))
    }

    /// Swaps `batch` for the bytes that wait to be written, and names their
    /// connection. `None`, and nothing swapped, if none wait or if
    /// `batch` is not empty: a batch is written whole before the next is taken.
    pub fn take_transmit(&mut self, batch: &mut Transmit) -> Option<ConnectionId> {
        let conn = self.conn()?;
        if self.transmit.is_empty() || !batch.is_empty() {
            return None;
        }
        core::mem::swap(&mut self.transmit, batch);
        Some(conn)
    }

    /// Where the client stands.
    pub fn state(&self) -> State {
        let cause = || self.attempts.last_cause.clone();
        match &self.connection {
            Connection::Stopped => State::Stopped,
            Connection::Waiting(retry) => State::Waiting { retry: *retry, cause: cause() },
            Connection::Opening(opening) => State::Connecting {
                attempt: opening.attempt,
                server: opening.server,
                cause: cause(),
            },
            Connection::Online(online) => {
                State::Online { since: online.since, session_present: online.session_present }
            }
            Connection::Halted(reason) => State::Halted { reason: *reason, cause: cause() },
            Connection::Closed => State::Closed,
        }
    }

    /// What is in force on the present connection; `None` while offline.
    pub fn limits(&self) -> Option<&Limits> {
        self.connection.online().map(|online| &online.limits)
    }

    /// The counters.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Messages accepted and not yet sent, those in the store included.
    pub fn queued(&self) -> usize {
        self.session.queue.len()
    }

    /// True if every message that was accepted has been sent, and every
    /// QoS 1 and 2 message has its outcome.
    pub fn is_settled(&self) -> bool {
        let written = self.connection.online().is_none_or(|online| online.unwritten.is_empty());
        self.session.queue.is_empty() && self.session.flights.messages() == 0 && written
    }

    /// Exchanges in flight.
    pub const fn in_flight(&self) -> usize {
        self.session.flights.len()
    }

    /// Bytes written on a connection; `None` where it is too long ago to know.
    pub fn written(&self, conn: ConnectionId) -> Option<u64> {
        match &self.connection {
            Connection::Online(online) if online.conn == conn => Some(online.offsets.written),
            _ => self.attempts.history.as_ref()?.written(conn),
        }
    }

    /// True while this connection is the present one.
    pub fn is_current(&self, conn: ConnectionId) -> bool {
        self.conn() == Some(conn)
    }

    /// The instant of the last input: for commands that need no exact time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Instants never decrease: an earlier one is read as the last one.
    fn advance_clock(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn conn(&self) -> Option<ConnectionId> {
        self.connection.conn()
    }

    fn event(&mut self, event: Event) {
        if self.ready.outputs.len() < tuning::EVENTS_KEPT {
            self.ready.outputs.push_back(Output::Event(event));
        } else {
            self.ready.events_lost += 1;
        }
    }

    /// Reports the outcome of an operation; that of a message is reported where
    /// it is settled.
    fn complete(&mut self, completion: Completion) {
        self.ready.completions.push_back(completion);
    }
}
