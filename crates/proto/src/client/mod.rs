//! The client: routes inputs to the sub-machines and their wishes out again.

mod acknowledge;
mod authenticate;
mod certainty;
mod commit;
mod connect;
mod drain;
mod end;
mod inbox;
mod incoming;
mod policy;
mod publish;
mod pump;
mod recover;
mod shelf;
mod subscribe;
mod timers;
mod version;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

use evenkeel_codec::Text;

use crate::cause::DisconnectCause;
use crate::config::{Config, ConfigError};
use crate::connection::{History, Online, Opening, Stream};
use crate::event::{Event, State};
use crate::io::{ConnectionId, Incoming, Input, Output};
use crate::limits::Limits;
use crate::operation::Completion;
use crate::reconnect::{Halt, Reconnector, Retry, Servers};
use crate::rng::Rng;
use crate::session::Session;
use crate::stats::Stats;
use crate::time::Instant;
use crate::transmit::Transmit;

pub use drain::DrainReport;
pub use publish::Accepted;

/// Bounds that give way, rather than block for ever, do so up to this many times.
const HARD_FACTOR: usize = 8;

/// Bytes of the answers to one message, PUBREC and PUBCOMP with their codes.
const ANSWERS_SIZE: u64 = 16;

/// An application that takes no message for so long may be waiting for us.
const STUCK_AFTER: Duration = Duration::from_secs(1);

/// Events kept for a caller that does not poll.
const EVENTS_KEPT: usize = 256;

/// An MQTT client without I/O; see the [crate documentation](crate) for the loop that drives it.
///
/// Commands and inputs never block and never fail by panic. After any of
/// them, [`poll`](Self::poll) until [`Output::Wait`].
#[derive(Debug)]
pub struct Client {
    /// Shared by clients that are alike.
    config: Arc<Config>,
    now: Instant,
    rng: Rng,
    link: Link,
    dialer: Dialer,
    session: Session,
    transmit: Transmit,
    mail: Mail,
    drain: Option<Box<drain::Drain>>,
    stats: Stats,
}

/// The one connection, or the wait for it (R1).
#[derive(Debug)]
enum Link {
    Stopped,
    Waiting(Retry),
    Opening(Box<Opening>),
    Online(Box<Online>),
    Halted(Halt),
    Closed,
}

/// What outlives connections but is no session state.
#[derive(Debug)]
struct Dialer {
    reconnector: Reconnector,
    servers: Servers,
    /// Other addresses of the present host that have not failed.
    alternatives: u32,
    last_conn: ConnectionId,
    last_cause: Option<Box<DisconnectCause>>,
    history: Option<Box<History>>,
    /// Doublings of the response time-out, learnt from late answers.
    patience: u8,
    /// The version that the last attempt spoke.
    version: evenkeel_codec::Version,
    /// Names the session: the caller's, or the one the server assigned.
    client_id: Text,
}

/// What waits to be taken by the caller.
#[derive(Debug, Default)]
struct Mail {
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
            link: Link::Stopped,
            dialer: Dialer {
                reconnector: Reconnector::new(config.clone()),
                servers: Servers::new(config.servers),
                alternatives: 0,
                last_conn: ConnectionId::default(),
                last_cause: None,
                history: None,
                patience: 0,
                version: config.version,
                client_id,
            },
            session: Session::new(&config),
            transmit: Transmit::default(),
            mail: Mail::default(),
            drain: None,
            stats: Stats::default(),
            config,
        })
    }

    /// Begins to connect; also out of [`State::Halted`], with a fresh back-off
    /// but within the budget. Does nothing in other states.
    pub fn start(&mut self, now: Instant) {
        self.advance_clock(now);
        if let Link::Stopped | Link::Halted(_) = self.link {
            self.dialer.reconnector.restart();
            self.dialer.servers.restart();
            self.connect_at_once();
        }
    }

    /// Takes an input. Late inputs of old connections are counted and ignored.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.advance_clock(now);
        match input {
            Input::Timeout => self.on_timeout(),
            Input::Phase(conn, phase) => self.on_phase(conn, phase),
            Input::Alternatives(conn, count) => self.on_alternatives(conn, count),
            Input::FreshCredentials(conn) => self.on_fresh_credentials(conn),
            Input::Opened(conn, credentials) => self.on_opened(conn, credentials),
            Input::Received(conn, buffer) => self.on_received(conn, buffer),
            Input::Written(conn, bytes) => self.on_written(conn, bytes),
            Input::Closed(conn, failure) => self.on_closed(conn, failure),
            Input::Committed(committed) => self.on_committed(committed),
        }
        self.pump();
    }

    /// The next thing to do; [`Output::Wait`] ends the drain.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> Output {
        self.advance_clock(now);
        if let Some(output) = self.mail.outputs.pop_front() {
            return output;
        }
        if self.mail.events_lost > 0 {
            let lost = core::mem::take(&mut self.mail.events_lost);
            return Output::Event(Event::Lagged { lost });
        }
        self.run_timers();
        if let Some(output) = self.mail.outputs.pop_front() {
            return output;
        }
        if let Some(batch) = self.next_batch() {
            return Output::Commit(batch);
        }
        // Outputs are rare, and an idle client keeps no room for them.
        self.mail.outputs.shrink_to(0);
        Output::Wait(self.next_deadline())
    }

    /// True where [`poll`](Self::poll) has something to say, whatever the time.
    pub fn needs_poll(&self) -> bool {
        !self.mail.outputs.is_empty() || self.drain_deadline().is_some() || self.has_batch()
    }

    /// The next outcome of an operation.
    pub fn next_completion(&mut self) -> Option<Completion> {
        self.mail.completions.pop_front()
    }

    /// The next message from the server.
    #[inline]
    pub fn next_message(&mut self) -> Option<Incoming> {
        match self.mail.inbox.len() {
            0 => return None,
            1 => self.resume_reading(),
            _ => {}
        }
        self.mail.last_taken = self.now;
        self.mail.inbox.pop(&self.config.bounds)
    }

    /// Looks at the next message without taking it.
    pub fn peek_message(&self) -> Option<&Incoming> {
        self.mail.inbox.front()
    }

    /// False while messages wait to be taken beyond the bounds, or answers of
    /// ours to be written: the caller stops reading the socket, which holds
    /// back the server (D10).
    ///
    /// Where an operation of ours waits for its answer and the application has
    /// taken no message for a second, it may be waiting for that answer inside
    /// its message handler: reading goes on, up to eight times the bounds, and
    /// QoS 0 messages that do not fit are dropped.
    pub fn wants_read(&self) -> bool {
        match &self.link {
            // A connection in the making brings no messages, and is not to wait for them.
            // One that was accepted is read on when the application believes the server.
            Link::Opening(opening) => return opening.accepted.is_none(),
            Link::Online(online) if !self.answers_fit(&online.stream) => return false,
            _ => {}
        }
        !self.mail.inbox.is_full() || self.reads_on().is_some_and(|since| since <= self.now)
    }

    /// Answers of ours are being written, or not too many of them wait.
    ///
    /// What the application publishes does not count: a server that writes to
    /// us may read nothing meanwhile, and if we read nothing until it has read
    /// ours, both wait for ever. A server never asks for too many unless it uses
    /// identifiers that are in use.
    fn answers_fit(&self, stream: &Stream) -> bool {
        let bounds = &self.config.bounds;
        let unwritten = stream.unwritten();
        if unwritten < bounds.write_buffer as u64 {
            return true;
        }
        let window = self.exchanges_of_server() + u64::from(bounds.in_flight);
        let answers = bounds.write_buffer.saturating_mul(HARD_FACTOR) as u64;
        let most = answers.max(window * ANSWERS_SIZE);
        unwritten < most.saturating_add(stream.publish)
    }

    /// Exchanges the server may have open with us: what we announced, unless it
    /// was never told or has gone beyond (D14).
    fn exchanges_of_server(&self) -> u64 {
        let knows = self.version().has_properties() && !self.session.inbound.quota.is_exceeded;
        u64::from(if knows { self.config.connect.receive_maximum } else { u16::MAX })
    }

    /// When reading goes on with the inbox full; `None` where it does not.
    fn reads_on(&self) -> Option<Instant> {
        let hard_full = self.mail.inbox.holds(HARD_FACTOR, &self.config.bounds);
        (self.session.flights.len() > 0 && !hard_full).then(|| self.mail.last_taken + STUCK_AFTER)
    }

    /// Bytes missing for the packet at the front of the read buffer; 0 if unknown.
    pub fn missing(&self, buffer: &[u8]) -> usize {
        match &self.link {
            Link::Online(online) => online.decoder.missing(buffer),
            _ => 0,
        }
    }

    /// Swaps `batch` for the bytes that wait to be written, and names their
    /// connection. `None`, and nothing swapped, where none wait or where
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
        let cause = || self.dialer.last_cause.clone();
        match &self.link {
            Link::Stopped => State::Stopped,
            Link::Waiting(retry) => State::Waiting { retry: *retry, cause: cause() },
            Link::Opening(opening) => State::Connecting {
                attempt: opening.attempt,
                server: opening.server,
                cause: cause(),
            },
            Link::Online(online) => {
                State::Online { since: online.since, session_present: online.session_present }
            }
            Link::Halted(reason) => State::Halted { reason: *reason, cause: cause() },
            Link::Closed => State::Closed,
        }
    }

    /// What is in force on the present connection; `None` while offline.
    pub fn limits(&self) -> Option<&Limits> {
        match &self.link {
            Link::Online(online) => Some(&online.limits),
            _ => None,
        }
    }

    /// The counters.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Messages accepted and not yet sent, those in the store included.
    pub fn queued(&self) -> usize {
        self.session.queue.len()
    }

    /// True where every message that was accepted has been sent, and every
    /// QoS 1 and 2 message has its outcome.
    pub fn is_drained(&self) -> bool {
        let written = match &self.link {
            Link::Online(online) => online.unwritten.is_empty(),
            _ => true,
        };
        self.session.queue.is_empty() && self.session.flights.messages() == 0 && written
    }

    /// Exchanges in flight.
    pub const fn in_flight(&self) -> usize {
        self.session.flights.len()
    }

    /// Bytes written on a connection; `None` where it is too long ago to know.
    pub fn written(&self, conn: ConnectionId) -> Option<u64> {
        match &self.link {
            Link::Online(online) if online.conn == conn => Some(online.stream.written),
            _ => self.dialer.history.as_ref()?.written(conn),
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
        match &self.link {
            Link::Opening(opening) => Some(opening.conn),
            Link::Online(online) => Some(online.conn),
            _ => None,
        }
    }

    fn event(&mut self, event: Event) {
        if self.mail.outputs.len() < EVENTS_KEPT {
            self.mail.outputs.push_back(Output::Event(event));
        } else {
            self.mail.events_lost += 1;
        }
    }

    /// Reports the outcome of an operation; that of a message is reported where
    /// it is settled.
    fn complete(&mut self, completion: Completion) {
        if completion.token() != crate::Token::NONE {
            self.mail.completions.push_back(completion);
        }
    }
}
