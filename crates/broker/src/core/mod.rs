//! The broker without I/O: bytes of connections in, bytes of connections out.
//!
//! The core knows no sockets and no clock; what drives it says what has come,
//! what has gone, and what time it is. Instants must never decrease. After
//! every input the driver looks at three things: [`Core::next_event`],
//! [`Core::next_woken`] (the connections that have output, an end, or an
//! earlier deadline) and [`Core::next_deadline`].
//!
//! ```
//! use bytes::BytesMut;
//! use evenkeel_broker::core::{Arrival, Core, Instant};
//! use evenkeel_broker::Config;
//!
//! let mut core = Core::new(Config::default(), Instant::START);
//! let client = core.open(Instant::START, Arrival::new("memory", "a test"));
//! // CONNECT, MQTT 3.1.1, clean session, keep alive 10 s, client id "x".
//! let mut bytes = BytesMut::from(&b"\x10\x0d\0\x04MQTT\x04\x02\0\x0a\0\x01x"[..]);
//! core.receive(Instant::START, client, &mut bytes);
//! let mut answer = Vec::new();
//! core.take_output(Instant::START, client, &mut answer);
//! assert_eq!(answer, b"\x20\x02\0\0");
//!
//! // After 15 s of silence the connection is over.
//! core.tick(Instant::from_micros(15_000_000));
//! assert!(core.status(Instant::from_micros(15_000_000), client).closes());
//! ```

mod access;
mod admission;
mod alias;
mod auth;
mod close_reason;
mod config;
mod connection;
mod date;
mod deliver;
mod ending;
mod event;
mod extension;
mod handshake;
mod http;
mod ids;
mod inflight;
mod inflow;
mod input;
mod journal;
mod keepalive;
mod message;
mod order;
mod output;
mod publish;
mod queue;
mod quota;
mod recorded;
mod retained;
mod router;
mod service;
mod session;
mod share;
mod snapshot;
mod stats;
mod subscribe;
mod subscription;
mod sys;
mod time;
mod timers;
mod will;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_codec::{ReasonCode, Will};

pub use access::{Access, Challenge, Denial, Users, UsersError, UsersProblem};
pub use admission::ADMISSION_TIMEOUT;
pub(crate) use alias::ReceivedAliases;
pub use config::{Behaviour, Config, Limits, Memory, Offer};
pub use date::Date;
pub use event::{CloseReason, Closer, Event, EventKind, Situation};
pub use http::{HttpCall, HttpRequest, HttpResponse, RetainedMessage, RetainedMessages};
pub use ids::ConnectionId;
pub(crate) use output::{Output, Pause};
pub use quota::{By, Quota, Span, Strictness};
pub(crate) use recorded::Recorded;
pub use service::{
    Act, Admission, Arrival, Claim, Effects, Extension, Gate, Happening, HttpFacts, Parts, Permit,
    Question, Service, TlsFacts,
};
pub use snapshot::Snapshot;
pub use stats::{ClientStats, PacketCounts, Stats};
pub use time::{Instant, Time};

use crate::fault::{Engine, Rule, RuleError, RuleId};
use crate::text;
use connection::Connection;
use journal::Journal;
use message::Message;
use quota::Judge;
use retained::Retained;
use router::Router;
use service::WallClock;
use session::Sessions;
use subscription::Match;
use timers::{Timer, Timers};
use wire::Wire;

/// The broker's state: everything but the transports and the clock.
#[derive(Debug)]
pub struct Core {
    config: Config,
    /// In boxes, as a map keeps room for more.
    connections: BTreeMap<ConnectionId, Box<Connection>>,
    sessions: Sessions,
    router: Router,
    retained: Retained,
    faults: Engine,
    timers: Timers,
    journal: Journal,
    /// Connections opened so far.
    opened: u64,
    /// Client identifiers assigned so far.
    assigned: u64,
    /// Enforces the limits of a profile.
    judge: Option<Box<Judge>>,
    /// Decides who may do what, and what happens behind topics.
    extension: Option<Box<dyn Extension>>,
    wall: WallClock,
    /// Kept to save an allocation for each message.
    scratch: Vec<Match>,
}

/// How a connection stands, for the side that moves its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionStatus {
    /// Whether bytes of the client are wanted now; those read already and not
    /// taken by [`Core::receive`] must be offered again once they are.
    pub reads: bool,
    /// When [`Core::tick_connection`] is due.
    pub deadline: Option<Instant>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    None,
    Flush,
    Done,
    Abort,
}

impl ConnectionStatus {
    /// True if the connection is to end: once all output was written
    /// ([`ConnectionStatus::is_flushed`]), or at once ([`ConnectionStatus::aborts`]).
    pub const fn closes(self) -> bool {
        !matches!(self.end, End::None)
    }

    /// True if the transport is to be closed because all was written.
    pub const fn is_flushed(self) -> bool {
        matches!(self.end, End::Done)
    }

    /// True if the transport is to be closed without writing any more.
    pub const fn aborts(self) -> bool {
        matches!(self.end, End::Abort)
    }
}

impl Core {
    /// A broker without connections, sessions and rules.
    pub fn new(config: Config, now: Instant) -> Self {
        let mut timers = Timers::default();
        if config.behaviour.sys_interval.is_some() {
            timers.set(now, Timer::Sys);
        }
        let mut journal = Journal::default();
        journal.events.bound(config.limits.recorded_events, config.memory.recorded_bytes);
        let mut core = Self {
            config,
            connections: BTreeMap::new(),
            sessions: Sessions::default(),
            router: Router::default(),
            retained: Retained::default(),
            faults: Engine::default(),
            timers,
            journal,
            opened: 0,
            assigned: 0,
            judge: None,
            extension: None,
            wall: WallClock::default(),
            scratch: Vec::new(),
        };
        core.appoint();
        core
    }

    /// Enforces the profile of the settings; one that is in force already goes on.
    fn appoint(&mut self) {
        self.judge = match (&self.config.quota, self.judge.take()) {
            (None, _) => None,
            (Some(quota), Some(judge)) if judge.is_of(quota) => Some(judge),
            (Some(quota), _) => Some(Box::new(Judge::new(quota, &mut self.config.offer))),
        };
        let judge = self.judge.as_ref();
        self.router.hash_matches_parent = judge.is_none_or(|judge| judge.hash_matches_parent());
    }

    /// The settings in force.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// New connections are taken from now on, or wait. Those that wait are read
    /// late, so that a profile's floor between connects counts them from the moment
    /// this began.
    pub fn note_accepting(&mut self, now: Instant, accepts: bool) {
        if let Some(judge) = &mut self.judge {
            judge.accepting(now, accepts);
        }
    }

    /// Changes settings. What a connection was told in its CONNACK stays in
    /// force for it; everything else is looked at when it is needed. A profile
    /// changes [`Config::offer`] to what it allows, which stays if it is taken away.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.appoint();
        let bytes = self.config.memory.recorded_bytes;
        self.journal.events.bound(self.config.limits.recorded_events, bytes);
    }

    /// Adds a fault rule behind those in force.
    pub fn add_fault(&mut self, now: Instant, rule: Rule) -> Result<RuleId, RuleError> {
        self.faults.add(now, rule)
    }

    /// Removes a fault rule; false if it was not there. What it has begun,
    /// such as a silence, goes on.
    pub fn remove_fault(&mut self, id: RuleId) -> bool {
        self.faults.remove(id)
    }

    /// Removes all fault rules.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Publishes a message of the broker's own; true if somebody has
    /// subscribed to it.
    pub fn publish(&mut self, now: Instant, message: Will) -> bool {
        let matched = self.distribute(now, Arc::new(Message::of_will(now, message))).matched;
        self.end_connections(now);
        matched
    }

    /// Adds an event of the driver's.
    pub fn note(&mut self, now: Instant, kind: EventKind) {
        self.journal.note_of(now, None, kind);
    }

    /// Adds an event of the driver's about a connection.
    pub fn note_on(&mut self, now: Instant, id: ConnectionId, kind: EventKind) {
        if let Some(mut wire) = self.wire(now, id) {
            wire.note(kind);
        }
    }

    /// Takes the oldest event nobody has taken.
    pub fn next_event(&mut self) -> Option<Event> {
        self.journal.events.pop()
    }

    /// Takes a connection whose [`ConnectionStatus`] or output has changed.
    pub fn next_woken(&mut self) -> Option<ConnectionId> {
        let id = self.journal.woken.pop()?;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.is_woken = false;
        }
        Some(id)
    }

    /// When [`Core::tick`] is due next.
    pub fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let connections = self.connections.values();
        let deadlines = connections.filter_map(|connection| connection.deadline(now));
        deadlines.chain(self.next_session_deadline()).min()
    }

    /// When [`Core::tick_sessions`] is due next.
    pub fn next_session_deadline(&self) -> Option<Instant> {
        let service = self.extension.as_ref().and_then(|service| service.deadline());
        self.timers.next().into_iter().chain(service).min()
    }

    /// The counters, those of open connections included.
    pub fn stats(&self) -> Stats {
        let mut stats = self.journal.stats.clone();
        for connection in self.connections.values() {
            Journal::add_counts(&mut stats, connection);
        }
        stats
    }

    /// The number of sessions, with and without a connection.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The number of retained messages, `$SYS` included.
    pub fn retained_count(&self) -> usize {
        self.retained.len()
    }

    /// The number of subscriptions of all sessions.
    pub const fn subscription_count(&self) -> usize {
        self.router.len()
    }

    /// Messages waiting for a client, those on the way not counted; `None`
    /// if it has no session.
    pub fn queued(&self, client_id: &str) -> Option<usize> {
        let session = self.sessions.get(self.sessions.find(client_id)?)?;
        Some(session.queue.len())
    }

    /// Ends a client's connection, on MQTT 5 with a DISCONNECT; false if it
    /// has none. The reason must be one that DISCONNECT may hold.
    pub fn disconnect(&mut self, now: Instant, client_id: &str, reason: ReasonCode) -> bool {
        let session = self.sessions.find(client_id).and_then(|id| self.sessions.get(id));
        let Some(connection) = session.and_then(|session| session.connection) else {
            return false;
        };
        if let Some(mut wire) = self.wire(now, connection) {
            wire.disconnect(reason, CloseReason::Administrative);
        }
        self.end_connections(now);
        true
    }

    /// Ends the connections of all clients whose identifier fits the pattern,
    /// in which `*` stands for any text, and returns how many that were.
    pub fn disconnect_matching(
        &mut self,
        now: Instant,
        pattern: &str,
        reason: ReasonCode,
    ) -> usize {
        let fits = |connection: &Connection| {
            connection.client_id.as_ref().is_some_and(|client| text::fits(pattern, client))
        };
        let found = self.connections.iter().filter(|(_, connection)| fits(connection));
        let found: Vec<ConnectionId> = found.map(|(id, _)| *id).collect();
        for id in &found {
            if let Some(mut wire) = self.wire(now, *id) {
                wire.disconnect(reason, CloseReason::Administrative);
            }
        }
        self.end_connections(now);
        found.len()
    }

    /// Ends all connections, on MQTT 5 with a DISCONNECT.
    pub fn disconnect_all(&mut self, now: Instant, reason: ReasonCode) {
        for id in self.connection_ids() {
            if let Some(mut wire) = self.wire(now, id) {
                wire.disconnect(reason, CloseReason::Administrative);
            }
        }
        self.end_connections(now);
    }

    pub(crate) fn has_connections(&self) -> bool {
        !self.connections.is_empty()
    }

    fn connection_ids(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    fn wire(&mut self, now: Instant, id: ConnectionId) -> Option<Wire<'_>> {
        let connection = self.connections.get_mut(&id)?;
        Some(Wire {
            now,
            id,
            connection,
            faults: &mut self.faults,
            journal: &mut self.journal,
            config: &self.config,
        })
    }
}
