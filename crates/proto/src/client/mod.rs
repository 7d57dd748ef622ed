//! The client: routes inputs to the sub-machines and their wishes out again.

mod acknowledge;
mod api;
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
mod measure;
mod outgoing;
mod poison;
mod publish;
mod queue;
mod rates;
mod reconfigure;
#[cfg(feature = "store")]
mod recover;
mod renew;
mod resend;
mod retry;
mod send;
mod shutdown;
mod subscribe;
mod timers;
mod trace;
mod version;
mod when_full;
mod withheld;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

use evenkeel_codec::Text;

use crate::cause::DisconnectCause;
use crate::config::{Config, ConnectConfig};
use crate::connection::{Connection, History, Offsets};
use crate::event::Event;
use crate::io::{ConnectionId, Output};
use crate::operation::Completion;
use crate::reconnect::{Reconnector, Servers};
use crate::rng::Rng;
use crate::session::Session;
use crate::sorted::Map;
use crate::stats::Stats;
use crate::time::Instant;
use crate::trace::Trace;
use crate::transmit::Transmit;
use crate::tuning;

pub use publish::Accepted;
pub use shutdown::ShutdownReport;

pub(crate) use renew::Renewal;
pub(crate) use withheld::Withheld;

/// Bounds that give way, rather than block forever, do so up to this many times.
const HARD_FACTOR: usize = 8;

/// Bytes of the answers to one message, PUBREC and PUBCOMP with their codes.
const ANSWERS_SIZE: u64 = 16;

/// An application that takes no message for so long may be waiting for us.
const STUCK_AFTER: Duration = Duration::from_secs(1);

/// An MQTT client without I/O; see the [crate documentation](crate) for the loop
/// that drives it.
///
/// Its methods stand in four groups: *feed* tells it what happened, *command* what
/// is wanted; *drain* takes what it wants done and what it has; *query* changes
/// nothing. None blocks, and none fails by panic.
///
/// The order of calls: after any number of feeds and commands, `poll` until it
/// returns [`Output::Wait`]; then take outcomes, messages and bytes. What a
/// deadline is about is done by `poll` at that instant or later; before, the
/// socket is read until it is empty.
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
    topics: Map<u16, Text>,
    /// The packets that went by, if they are wanted.
    trace: Option<Box<Trace>>,
    /// When identifiers may be recovered again whose acknowledgements are withheld.
    recovery: withheld::Recovery,
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
    /// When the connection ended that is being renewed.
    renewed: Option<Instant>,
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

    /// Instants never decrease: an earlier one is read as the last one.
    fn advance_clock(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn conn(&self) -> Option<ConnectionId> {
        self.connection.conn()
    }

    /// Tells it, unless too much was not taken in time. What becomes of connections
    /// is told all the same, up to an end that is further off (R5).
    fn event(&mut self, event: Event) {
        let factor = if event.is_about_attempts() { HARD_FACTOR } else { 1 };
        if self.ready.outputs.len() < tuning::EVENTS_KEPT * factor {
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
