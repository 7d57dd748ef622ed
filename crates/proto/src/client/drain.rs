//! Shutting down: everything accepted gets its chance, then its outcome (D12).

use core::time::Duration;

use evenkeel_codec::{PacketId, QoS, ReasonCode};

use crate::cause::DisconnectCause;
use crate::operation::{Completion, DeliveryError, SubscribeError};
use crate::session::flights::Exchange;
use crate::time::Instant;

use super::{Client, Link};

/// A shutdown on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    deadline: Instant,
    report: Option<DrainReport>,
}

/// What was left when the client closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// QoS 1 and 2 publishes sent and not acknowledged.
    pub unacknowledged: usize,
    /// Messages never sent.
    pub queued: usize,
    /// SUBSCRIBE and UNSUBSCRIBE operations without an answer.
    pub operations: usize,
    /// Bytes that the transport had not taken.
    pub unwritten: u64,
}

impl DrainReport {
    /// True where nothing was left.
    pub const fn is_clean(&self) -> bool {
        self.unacknowledged == 0 && self.queued == 0 && self.operations == 0 && self.unwritten == 0
    }
}

impl Client {
    /// Begins to shut down: accepts nothing new, finishes what was accepted
    /// within `limit`, sends DISCONNECT, closes. The state is
    /// [`Closed`](crate::State::Closed) at the latest when `limit` is over,
    /// and everything unfinished has its outcome by then. Called again, it
    /// can bring the end nearer, not put it off.
    pub fn shutdown(&mut self, now: Instant, limit: Duration) {
        self.advance_clock(now);
        let deadline = self.now + limit;
        let drain = self.drain.get_or_insert(Drain { deadline, report: None });
        drain.deadline = drain.deadline.min(deadline);
        if !matches!(self.link, Link::Online(_) | Link::Opening(_) | Link::Waiting(_)) {
            self.finish_drain();
        }
    }

    /// What was left; `None` until the state is [`Closed`](crate::State::Closed).
    pub fn drain_report(&self) -> Option<DrainReport> {
        self.drain.as_ref()?.report
    }

    pub(super) fn drain_deadline(&self) -> Option<Instant> {
        self.drain.as_ref().filter(|drain| drain.report.is_none()).map(|drain| drain.deadline)
    }

    /// True where a shutdown has nothing left to wait for, or no time.
    pub(super) fn drain_is_over(&self) -> bool {
        let Some(deadline) = self.drain_deadline() else { return false };
        self.now >= deadline || self.leftovers().is_clean()
    }

    fn leftovers(&self) -> DrainReport {
        let flights = &self.session.flights;
        let halted = matches!(self.link, Link::Halted(_));
        DrainReport {
            // Halting gave all of them an outcome.
            unacknowledged: if halted { 0 } else { flights.publishes() },
            queued: self.session.queue.len(),
            operations: flights.controls() + self.session.subscriptions.waiting(),
            // A CONNECT on its way is nothing that was accepted.
            unwritten: if self.state().is_online() { self.unwritten() } else { 0 },
        }
    }

    pub(super) fn finish_drain(&mut self) {
        let report = self.leftovers();
        match &mut self.drain {
            Some(drain) if drain.report.is_none() => drain.report = Some(report),
            _ => return,
        }
        if self.conn().is_some() {
            self.end(DisconnectCause::Shutdown, Some(ReasonCode::SUCCESS));
        }
        self.link = Link::Closed;
        self.abandon_all();
    }

    /// Gives every unfinished operation its outcome (D1).
    pub(super) fn abandon_all(&mut self) {
        for id in self.session.flights.all_in_order() {
            self.abandon(id);
        }
        while let Some(queued) = self.session.queue.pop() {
            let result = Err(DeliveryError::Abandoned { attempts: 0 });
            self.complete(Completion::Publish { token: queued.token, result });
        }
        for control in self.session.subscriptions.take_waiting() {
            self.complete(control.fail(SubscribeError::Abandoned));
        }
    }

    /// The server may hold the identifier of a QoS 2 exchange until PUBREL, and
    /// would take a new message under it for a copy: where the client may start
    /// again, the exchange goes on, for nobody, until a connection ends it (D4).
    fn abandon(&mut self, id: PacketId) {
        let Some(flight) = self.session.flights.remove(id) else { return };
        if flight.exchange.qos() == QoS::ExactlyOnce && self.drain.is_none() {
            self.session.flights.forsake(id, self.now);
        }
        match flight.exchange {
            Exchange::Publish { token, .. } | Exchange::Release { token } => {
                let result = Err(DeliveryError::Abandoned { attempts: flight.attempts });
                self.complete(Completion::Publish { token, result });
            }
            Exchange::Control(control) => {
                self.complete(control.fail(SubscribeError::Abandoned));
            }
        }
    }
}
