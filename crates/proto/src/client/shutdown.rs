//! Shutting down: everything accepted gets its chance, then its outcome (D12).

use alloc::boxed::Box;
use core::time::Duration;

use evenkeel_codec::{Disconnect, PacketId, QoS};

use crate::cause::{DisconnectCause, Refusal};
use crate::config::ConfigError;
use crate::io::Output;
use crate::operation::{Claim, DeliveryError, QueueError, RejectReason, SubscribeError};
use crate::reconnect::Halt;
use crate::record::{Record, Serial, StorageFailure};
use crate::session::control::Control;
use crate::session::flights::{Exchange, Flight};
use crate::session::journal::Gate;
use crate::time::Instant;

use crate::connection::Connection;

use super::Client;

/// A shutdown on its way.
#[derive(Debug)]
pub(super) struct Shutdown {
    deadline: Instant,
    /// What is said at the end.
    disconnect: Disconnect,
    pub(super) report: Option<ShutdownReport>,
}

/// What was left when the client closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// QoS 1 and 2 publishes sent and not acknowledged.
    pub unacknowledged: usize,
    /// Messages never sent.
    pub queued: usize,
    /// How many of these messages the store keeps: the next client with it
    /// goes on with them.
    pub stored: usize,
    /// SUBSCRIBE and UNSUBSCRIBE operations without an answer.
    pub operations: usize,
    /// Bytes that the transport had not taken.
    pub unwritten: u64,
}

impl ShutdownReport {
    /// True if nothing was left.
    pub const fn is_clean(&self) -> bool {
        self.unacknowledged == 0 && self.queued == 0 && self.operations == 0 && self.unwritten == 0
    }
}

impl Client {
    /// No later than after `limit` all is over.
    pub(super) fn begin_shutdown(&mut self, limit: Duration) {
        let deadline = self.now + limit;
        let properties = &self.config.disconnect_properties;
        let shutdown = self.shutdown.get_or_insert_with(|| {
            let disconnect = Disconnect { properties: properties.clone(), ..Disconnect::default() };
            Box::new(Shutdown { deadline, disconnect, report: None })
        });
        shutdown.deadline = shutdown.deadline.min(deadline);
        self.cancel_renewal();
        if let Some(journal) = self.session.journal.as_mut() {
            journal.hurry(self.now);
        }
        match self.connection {
            Connection::Online(_) | Connection::Opening(_) | Connection::Waiting(_) => {}
            Connection::Stopped | Connection::Halted(_) | Connection::Closed => {
                self.finish_shutdown();
            }
        }
    }

    /// The same, if this DISCONNECT can be sent.
    pub(super) fn begin_shutdown_with(
        &mut self,
        limit: Duration,
        disconnect: Disconnect,
    ) -> Result<(), ConfigError> {
        self.config.check_disconnect(&disconnect, self.version_in_force())?;
        let deadline = self.now + limit;
        match &mut self.shutdown {
            Some(shutdown) => shutdown.disconnect = disconnect,
            None => {
                self.shutdown = Some(Box::new(Shutdown { deadline, disconnect, report: None }));
            }
        }
        self.begin_shutdown(limit);
        Ok(())
    }

    /// What a shutdown says at its end.
    pub(super) fn last_words(&mut self) -> Disconnect {
        let shutdown = self.shutdown.as_mut();
        shutdown.map(|shutdown| core::mem::take(&mut shutdown.disconnect)).unwrap_or_default()
    }

    pub(super) fn shutdown_deadline(&self) -> Option<Instant> {
        match &self.shutdown {
            Some(shutdown) if shutdown.report.is_none() => Some(shutdown.deadline),
            _ => None,
        }
    }

    /// True if a shutdown has nothing left to wait for, or no time.
    pub(super) fn shutdown_is_over(&self) -> bool {
        let Some(deadline) = self.shutdown_deadline() else { return false };
        let committed = self.session.journal.as_ref().is_none_or(|journal| journal.is_idle());
        self.now >= deadline || self.leftovers().is_clean() && committed
    }

    fn leftovers(&self) -> ShutdownReport {
        let flights = &self.session.flights;
        let halted = self.connection.is_halted();
        let operations = flights.controls() + self.session.subscriptions.waiting();
        ShutdownReport {
            // Halting ended all that somebody waits for.
            unacknowledged: if halted { 0 } else { flights.messages() },
            queued: self.session.queue.len(),
            stored: 0,
            operations: if halted { 0 } else { operations },
            // A CONNECT on its way is nothing that was accepted.
            unwritten: if self.state().is_online() { self.unwritten() } else { 0 },
        }
    }

    fn kept_in_store(&self) -> usize {
        let Some(journal) = self.session.journal.as_ref() else { return 0 };
        let queue = &self.session.queue;
        let elsewhere = queue.iter().filter(|(_, queued)| !queued.claim.stored).count();
        let all = self.session.flights.messages() + queue.len();
        all.saturating_sub(elsewhere + journal.on_their_way())
    }

    pub(super) fn finish_shutdown(&mut self) {
        let report = ShutdownReport { stored: self.kept_in_store(), ..self.leftovers() };
        match &mut self.shutdown {
            Some(shutdown) if shutdown.report.is_none() => shutdown.report = Some(report),
            _ => return,
        }
        if self.conn().is_some() {
            let disconnect = self.last_words();
            self.end(DisconnectCause::Shutdown, Some(disconnect));
        }
        self.connection = Connection::Closed;
        self.abandon_all();
        self.close_journal();
    }

    /// Gives every unfinished operation its outcome (D1). What is stored stays
    /// as it is: the next run, or the next start, goes on with it.
    pub(super) fn abandon_all(&mut self) {
        let flights = &self.session.flights;
        let ids =
            if self.is_durable() { flights.controls_in_order() } else { flights.all_in_order() };
        for id in ids {
            self.end_unfinished(id);
        }
        let stored_below = self.stored_below();
        for (claim, attempts) in self.session.flights.abandon(stored_below) {
            self.leave(claim, attempts);
        }
        for claim in self.session.queue.abandon(stored_below) {
            self.leave(claim, 0);
        }
        for control in self.session.subscriptions.take_waiting() {
            // Nobody asked for it, so that nobody would know: it waits for the next start.
            if control.restores && self.connection.is_halted() {
                self.session.subscriptions.push(control);
            } else {
                self.fail_control(*control);
            }
        }
    }

    /// The client lets go of a SUBSCRIBE or UNSUBSCRIBE.
    fn fail_control(&mut self, control: Control) {
        let completion = control.fail(self.left_unanswered());
        self.ready.completions.extend(completion);
    }

    /// Takes out an exchange that ends without its last answer.
    ///
    /// The server may hold the identifier of a QoS 2 exchange until PUBREL, and
    /// would take a new message under it for a copy: unless the session goes
    /// with the client, the exchange goes on, for nobody, until a connection
    /// ends it (D4).
    pub(super) fn give_up(&mut self, id: PacketId) -> Option<Flight> {
        let flight = self.session.flights.remove(id)?;
        let goes_on = self.is_durable() || self.shutdown.is_none();
        let may_be_held = flight.exchange.qos() == QoS::ExactlyOnce && flight.attempts > 0;
        if may_be_held && goes_on {
            self.session.flights.give_up(id, self.now);
            self.note(Record::Clearing { packet_id: id });
        }
        Some(flight)
    }

    /// Why a client that has halted did so, if it was refused: whoever asks is
    /// to hear that, and not only that nothing goes on.
    pub(super) fn refused_for_good(&self) -> Option<Refusal> {
        match &self.connection {
            Connection::Halted(Halt::Refused) => self.attempts.last_cause.as_ref()?.refusal(),
            _ => None,
        }
    }

    pub(super) fn left_unanswered(&self) -> SubscribeError {
        match self.refused_for_good() {
            Some(refusal) => SubscribeError::ConnectionRefused(refusal),
            None => SubscribeError::Abandoned,
        }
    }

    fn end_unfinished(&mut self, id: PacketId) {
        let Some(flight) = self.give_up(id) else { return };
        match flight.exchange {
            Exchange::Publish { claim, .. } | Exchange::Release { claim, .. } => {
                self.leave(claim, flight.attempts);
            }
            Exchange::GivenUp | Exchange::Abandoned(_) | Exchange::Clearing => {}
            Exchange::Control(control) => self.fail_control(*control),
        }
    }

    /// The client lets go of a message.
    fn leave(&mut self, claim: Claim, attempts: u32) {
        let error = if !claim.stored {
            match self.refused_for_good() {
                Some(refusal) => DeliveryError::ConnectionRefused { refusal, attempts },
                None => DeliveryError::Abandoned { attempts },
            }
        } else if claim.serial < self.stored_below() {
            DeliveryError::StillStored { attempts }
        } else {
            DeliveryError::NotStored(StorageFailure::TimedOut)
        };
        self.settle(claim, Err(error));
    }

    /// Messages from this one on are not in the store yet.
    fn stored_below(&self) -> Serial {
        let all = Serial(u64::MAX);
        self.session.journal.as_ref().map_or(all, |journal| journal.stored_below())
    }

    /// Nothing waits for the store any more; what it has not been told, it is
    /// told now, and nobody hears how that ends.
    fn close_journal(&mut self) {
        let Some(journal) = self.session.journal.as_mut() else { return };
        let (gates, wishes) = (journal.open_all(), journal.take_wishes());
        for gate in gates {
            match gate {
                Gate::Complete(completion) => self.complete(*completion),
                Gate::StoredQos0(_, claim, _) => {
                    self.tell(claim, Err(DeliveryError::ConnectionLost));
                }
                // Of all others the store, or the next connection, knows the rest.
                _ => {}
            }
        }
        for (wish, _, token) in wishes {
            self.complete(wish.failed(token, QueueError::Rejected(RejectReason::Closed)));
        }
        // Who was to hear that a message is stored hears that it is not known.
        let everything = Serial(u64::MAX);
        for (claim, attempts) in self.session.flights.abandon(everything) {
            self.leave(claim, attempts);
        }
        for claim in self.session.queue.abandon(everything) {
            self.leave(claim, 0);
        }
        let present = self.session.clock.present(self.now);
        let batch = self.session.journal.as_mut().and_then(|journal| journal.last_batch(present));
        self.ready.outputs.extend(batch.map(Output::Commit));
    }
}
