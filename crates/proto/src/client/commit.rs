//! Commits: what is told to the store, and what waits for it (D3).

use evenkeel_codec::{PacketId, PacketType, Publish, Transfer};

use crate::event::Event;
use crate::operation::{
    Claim, Completion, Delivered, DeliveryError, QueueError, RejectReason, Report,
};
use crate::record::{
    Accepted, Batch, Committed, Outcome, Read, Record, Serial, StorageFailure, StoredMessage,
};
use crate::session::flights::Exchange;
use crate::session::journal::Gate;
use crate::session::queue::{Queued, weight};
use crate::time::Instant;

use super::Client;
use super::expiry::seconds_left;

impl Client {
    /// True if there is a store.
    pub(super) const fn is_durable(&self) -> bool {
        self.session.journal.is_some()
    }

    /// Tells the store, if there is one, what has happened.
    #[inline]
    pub(super) fn note(&mut self, record: Record) {
        if let Some(journal) = self.session.journal.as_mut() {
            journal.record(self.now, record);
        }
    }

    /// Tells the store under which identifier the server holds the session.
    pub(super) fn note_identity(&mut self) {
        let client_id = self.client_id().clone();
        if !client_id.is_empty() {
            self.note(Record::Identity { client_id });
        }
    }

    /// Does what the gate says once everything noted before is committed; at
    /// once without a store.
    pub(super) fn after_commit(&mut self, gate: Gate) {
        let conn = match &gate {
            Gate::Stored(..) | Gate::Complete(_) => None,
            _ => self.conn(),
        };
        let open = match self.session.journal.as_mut() {
            Some(journal) => journal.after(self.now, conn, gate),
            None => Some(gate),
        };
        if let Some(gate) = open {
            self.pass(gate);
        }
    }

    pub(super) fn pass(&mut self, gate: Gate) {
        match gate {
            Gate::Connect(credentials) => self.send_connect(credentials),
            Gate::Stored(Report::Completion(token), serial) => {
                self.complete(Completion::Stored { token, serial });
            }
            Gate::Stored(Report::Nobody | Report::Event, _) => {}
            Gate::Publish(id, serial) => self.send_begun(id, serial),
            Gate::StoredQos0(publish, claim, expires) => {
                self.send_stored_qos0(*publish, claim, expires);
            }
            Gate::Replay => self.session.replay.on_committed(),
            Gate::Anew(id, serial) => self.await_turn(id, serial),
            Gate::Acknowledge(kind, id, reason) => self.send_ack(kind, id, reason),
            Gate::Answer(ack) => self.send_answer(PacketType::PubRec, *ack),
            Gate::Complete(completion) => self.complete(*completion),
        }
    }

    /// Gives a message its outcome, for the store as well.
    #[inline]
    pub(super) fn settle(&mut self, claim: Claim, result: Result<Delivered, DeliveryError>) {
        if claim.stored {
            self.note_outcome(claim.serial, &result);
        }
        self.tell(claim, result);
    }

    fn note_outcome(&mut self, serial: Serial, result: &Result<Delivered, DeliveryError>) {
        if let Some(outcome) = Outcome::of(result) {
            self.note(Record::Done { serial, outcome });
        }
    }

    /// Tells the outcome of a message: the only place that does (D1). What the
    /// store has to know of it is noted.
    #[inline]
    pub(super) fn tell(&mut self, claim: Claim, result: Result<Delivered, DeliveryError>) {
        let Claim { report, serial, stored } = claim;
        self.session.flights.unhold(serial);
        let is_event = match report {
            Report::Completion(token) => {
                return self.ready.completions.push_back(Completion::Publish { token, result });
            }
            Report::Event => true,
            Report::Nobody => stored && !matches!(result, Err(DeliveryError::StillStored { .. })),
        };
        if is_event {
            self.event(Event::Settled { serial, result: result.map(drop) });
        }
    }

    /// The next CONNECT may begin a session that is not ours; this process may
    /// not live to see it.
    pub(super) fn note_unproven(&mut self) {
        let journal = self.session.journal.as_mut();
        if journal.is_some_and(|journal| !core::mem::replace(&mut journal.unproven, true)) {
            self.note(Record::Unproven);
        }
    }

    /// If no subscription waits for an answer, and neither a receipt nor an exchange
    /// is in doubt, the session is as the store says.
    pub(super) fn note_proven(&mut self) {
        let asked = self.session.subscriptions.waiting() + self.session.flights.controls();
        let online = self.connection.is_online();
        if online
            && asked == 0
            && self.session.inbound.is_certain()
            && self.session.flights.are_certain()
            && let Some(journal) = self.session.journal.as_mut()
            && core::mem::take(&mut journal.unproven)
        {
            self.note(Record::Proven);
        }
    }

    // ---- batches ----

    pub(super) fn has_batch(&self) -> bool {
        self.store_deadline().is_some_and(|at| at <= self.now)
    }

    pub(super) fn store_deadline(&self) -> Option<Instant> {
        let journal = self.session.journal.as_ref()?;
        let waits = self.connection.is_online() && !self.session.queue.is_empty();
        let again = if waits { journal.trusted_again_at() } else { None };
        journal.deadline(self.wanted_read().is_some()).into_iter().chain(again).min()
    }

    /// A store that failed may be tried with what waits in the queue.
    pub(super) fn trust_store_again(&mut self) {
        let now = self.now;
        if self.session.journal.as_mut().is_some_and(|journal| journal.trusts_again(now)) {
            self.send_pending();
        }
    }

    fn wanted_read(&self) -> Option<Read> {
        if self.connection.is_closed() { None } else { self.session.queue.wanted() }
    }

    pub(super) fn next_batch(&mut self) -> Option<Batch> {
        self.session.journal.as_ref()?;
        self.answer_wishes();
        let wanted = self.wanted_read();
        let present = self.session.clock.present(self.now);
        let settled = self.is_settled();
        let journal = self.session.journal.as_mut()?;
        if settled {
            journal.watch_no_time();
        }
        let batch = journal.next_batch(wanted, present)?;
        if let Some(Read::Queue { priority, .. }) = batch.read {
            self.session.queue.on_reading(priority);
        }
        Some(batch)
    }

    pub(super) fn on_committed(&mut self, committed: Committed) {
        let Committed { batch, result, read } = committed;
        let Some(journal) = self.session.journal.as_mut().filter(|it| it.is_out(batch.id)) else {
            self.stats.stale_inputs += 1;
            return;
        };
        let asked = batch.read;
        match result {
            Ok(()) => {
                self.stats.commits += u64::from(!batch.records.is_empty());
                self.stats.records += batch.records.len() as u64;
                if journal.on_committed(self.now, batch) {
                    self.event(Event::StoreRestored);
                }
                self.open_gates();
                self.on_read(asked, read);
            }
            Err(failure) => {
                let (refused, retry) = journal.on_failed(self.now, batch, failure);
                self.on_read(asked, Err(failure));
                self.event(Event::StoreFailed { failure, retry });
                for accepted in refused {
                    self.refuse(&accepted, failure);
                }
                self.open_gates();
                let conn = self.conn();
                let journal = self.session.journal.as_mut();
                if let Some(gate) = journal.and_then(|journal| journal.take_connect(conn)) {
                    self.pass(gate);
                }
            }
        }
        if self.connection.is_halted() {
            self.abandon_all();
        }
    }

    fn open_gates(&mut self) {
        let conn = self.conn();
        while let Some(gate) = (self.session.journal.as_mut()).and_then(|it| it.next_open(conn)) {
            self.pass(gate);
        }
    }

    /// The store did not take this message: it is not accepted.
    fn refuse(&mut self, accepted: &Accepted, failure: StorageFailure) {
        let Accepted { serial, priority, .. } = *accepted;
        let in_flight = self.session.flights.find(serial);
        let flight = in_flight.and_then(|id| self.session.flights.remove(id));
        let queue = &mut self.session.queue;
        let claim = flight
            .and_then(|flight| flight.exchange.claim())
            .or_else(|| queue.take(serial).map(|(_, queued)| queued.claim));
        let claim = claim.unwrap_or_else(|| {
            let report = queue.take_rest(priority, serial, weight(&accepted.publish));
            Claim { report, serial, stored: true }
        });
        self.settle(claim, Err(DeliveryError::NotStored(failure)));
    }

    // ---- reads ----

    fn on_read(
        &mut self,
        asked: Option<Read>,
        read: Result<alloc::vec::Vec<StoredMessage>, StorageFailure>,
    ) {
        match asked {
            None => {}
            Some(Read::Message(_)) => {
                let read = read.map(|messages| messages.into_iter().next());
                self.grant_wish(read.map_err(QueueError::Storage));
            }
            Some(Read::Queue { priority, .. }) => {
                let messages = match read {
                    // More was announced: to ask again and again would not help.
                    Ok(messages) if messages.is_empty() => {
                        self.session.queue.on_missing(priority);
                        return self.store_failed(StorageFailure::Corrupt);
                    }
                    Ok(messages) => messages,
                    Err(failure) => {
                        self.session.queue.on_read(priority);
                        return self.store_failed(failure);
                    }
                };
                self.session.queue.on_read(priority);
                for message in messages {
                    let queued = self.queued_from(message);
                    self.session.note_expiry(queued.expires);
                    self.session.queue.load(priority, queued);
                }
            }
        }
    }

    /// Reading failed; tells unless the batch has failed as well.
    fn store_failed(&mut self, failure: StorageFailure) {
        let Some(journal) = self.session.journal.as_mut() else { return };
        if journal.failure(self.now).is_none() {
            let retry = journal.fail(self.now, failure);
            self.event(Event::StoreFailed { failure, retry });
        }
    }

    fn queued_from(&self, message: StoredMessage) -> Queued {
        let clock = &self.session.clock;
        let (before, expires) =
            (clock.waited(&message, self.now), clock.expiry(&message, self.now));
        let claim = Claim { report: Report::Nobody, serial: message.serial, stored: true };
        Queued { publish: message.publish, claim, since: self.now, before, expires }
    }

    // ---- sending what is committed ----

    //= [MQTT-3.3.2-6]
    /// A new exchange is committed: its PUBLISH goes out.
    fn send_begun(&mut self, id: PacketId, serial: Serial) {
        let flight = self.session.flights.get(id).filter(|flight| flight.is_begun());
        let Some(flight) = flight else { return };
        let publish = match &flight.exchange {
            Exchange::Publish { publish, claim } if claim.serial == serial => publish.clone(),
            _ => return,
        };
        let message_expiry = flight.expires.map(|at| seconds_left(at, self.now));
        let transfer = Transfer { packet_id: Some(id), message_expiry, ..Transfer::default() };
        let begins = self.bytes_queued();
        let sent = self.write_first(&publish, transfer);
        match sent {
            Ok(()) => self.session.flights.on_resent(id, self.now, begins),
            Err(limit) => self.fail_flight(id, DeliveryError::NotAllowed(limit)),
        }
    }

    /// A QoS 0 message is removed from the store: it goes out if it still can.
    fn send_stored_qos0(&mut self, mut publish: Publish, claim: Claim, expires: Option<Instant>) {
        if !self.connection.is_online() {
            return self.tell(claim, Err(DeliveryError::ConnectionLost));
        }
        self.send_from_queue(&mut publish, claim, expires);
    }

    /// Why a message that is to be stored is not accepted now, if so.
    pub(super) fn storage_refusal(&self, publish: &Publish) -> Option<RejectReason> {
        let journal = self.session.journal.as_ref()?;
        let transfer = Transfer { packet_id: PacketId::new(1), ..Transfer::default() };
        let size = publish.encoded_len_with(evenkeel_codec::Version::V5, &transfer);
        if size.is_ok_and(|size| size as u64 > journal.bounds.message_bytes) {
            return Some(RejectReason::Storage(StorageFailure::TooLarge));
        }
        match journal.failure(self.now) {
            Some(failure) => Some(RejectReason::Storage(failure)),
            None => journal.is_busy(self.config.queue.window).then_some(RejectReason::StoreBusy),
        }
    }

    /// The store works, or there is none.
    pub(super) fn store_works(&self) -> bool {
        let journal = self.session.journal.as_ref();
        journal.is_none_or(|journal| journal.failure(self.now).is_none())
    }
}
