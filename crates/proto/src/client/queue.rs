//! Looking at queued messages, taking them out, and queueing quarantined ones
//! again.

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::PacketId;

use crate::operation::{Claim, Completion, DeliveryError, QueueError, RejectReason, Report, Token};
use crate::record::{
    Age, Outcome, Priority, Record, Serial, StoredMessage, StoredState, UnixMillis, Window,
};
use crate::session::flights::{Exchange, Flight};
use crate::session::journal::{Gate, Wish};
use crate::session::queue::{Queued, weight};
use crate::time::Instant;

use super::Client;
use super::expiry::expiry;

impl Client {
    /// Copies of the messages in memory. Of the queue no more are copied than are
    /// asked for: there may be many.
    pub(super) fn messages_here(&self, after: Option<Serial>, limit: Window) -> Vec<StoredMessage> {
        let is_after = |serial: Serial| after.is_none_or(|after| serial > after);
        let in_flight = self.session.flights.iter().filter(|(_, flight)| {
            flight.exchange.claim().is_some_and(|claim| is_after(claim.serial))
        });
        let queued = self.session.queue.iter_after(after, limit.messages);
        let quarantined = self.session.quarantine.iter();
        let mut found: Vec<StoredMessage> = in_flight
            .filter_map(|(id, flight)| self.sent_message(id, flight))
            .chain(queued.map(|(priority, it)| self.message(priority, it)))
            .chain(quarantined.filter(|message| is_after(message.serial)).cloned())
            .collect();
        found.sort_unstable_by_key(|message| message.serial);
        let mut bytes = 0;
        let within = found.iter().take(limit.messages).take_while(|message| {
            let first = bytes == 0;
            bytes += weight(&message.publish);
            first || bytes <= limit.bytes
        });
        let count = within.count();
        found.truncate(count);
        found
    }

    pub(super) fn operate(&mut self, now: Instant, wish: Wish, serial: Serial, token: Token) {
        self.advance_clock(now);
        if self.connection.is_closed() {
            let error = QueueError::Rejected(RejectReason::Closed);
            return self.complete(wish.failed(token, error));
        }
        if wish == Wish::Requeue && !cfg!(feature = "quarantine") {
            return self.complete(wish.failed(token, QueueError::Unknown));
        }
        let Some(journal) = self.session.journal.as_mut() else {
            return self.answer_here(wish, serial, token);
        };
        if !journal.wish(wish, serial, token) {
            let error = QueueError::Rejected(RejectReason::StoreBusy);
            self.complete(wish.failed(token, error));
        }
    }

    /// Answers the wishes that need no reading. A message whose place is not
    /// known is in the store alone, or nowhere; as one thing is read at a
    /// time, it stays there until the answer.
    pub(super) fn answer_wishes(&mut self) {
        while let Some(journal) = self.session.journal.as_mut()
            && journal.may_read()
            && let Some((wish, serial, token)) = journal.next_wish()
            && self.is_in_memory(serial)
        {
            if let Some(journal) = self.session.journal.as_mut() {
                journal.take_wish();
            }
            self.answer_here(wish, serial, token);
        }
    }

    fn is_in_memory(&self, serial: Serial) -> bool {
        self.session.flights.find(serial).is_some() || self.session.queue.get(serial).is_some()
    }

    fn answer_here(&mut self, wish: Wish, serial: Serial, token: Token) {
        if self.session.flights.find(serial).is_some() {
            return self.complete(wish.failed(token, QueueError::InFlight));
        }
        match wish {
            Wish::Remove => {
                let removed = match self.session.queue.take(serial) {
                    Some((priority, queued)) => {
                        let message = self.message(priority, &queued);
                        self.settle(queued.claim, Err(DeliveryError::Removed));
                        Some(message)
                    }
                    None => self.session.quarantine.take(serial),
                };
                let result = removed.map(Box::new).ok_or(QueueError::Unknown);
                let removed = Completion::Removed { token, result };
                self.after_commit(Gate::Complete(Box::new(removed)));
            }
            Wish::Requeue if self.session.queue.get(serial).is_some() => {
                self.complete(wish.failed(token, QueueError::NotQuarantined));
            }
            Wish::Requeue => match self.session.quarantine.take(serial) {
                Some(message) => self.requeue_message(message, token),
                None => self.complete(wish.failed(token, QueueError::Unknown)),
            },
        }
    }

    /// What was read for the first wish: the message, as far as there is one.
    pub(super) fn grant_wish(&mut self, read: Result<Option<StoredMessage>, QueueError>) {
        let wish = self.session.journal.as_mut().and_then(|journal| journal.take_wish());
        let Some((wish, serial, token)) = wish else { return };
        let message = match read {
            Ok(Some(message)) => message,
            Ok(None) => return self.complete(wish.failed(token, QueueError::Unknown)),
            Err(error) => return self.complete(wish.failed(token, error)),
        };
        match (wish, message.state) {
            (_, StoredState::Sent(_)) => self.complete(wish.failed(token, QueueError::InFlight)),
            (Wish::Remove, state) => {
                let size = weight(&message.publish);
                let waiting = match state {
                    StoredState::Queued => {
                        self.session.queue.take_rest(message.priority, serial, size)
                    }
                    StoredState::Sent(_) | StoredState::Quarantined { .. } => Report::Nobody,
                };
                let claim = Claim { report: waiting, serial, stored: true };
                if state == StoredState::Queued {
                    self.settle(claim, Err(DeliveryError::Removed));
                } else {
                    // Its outcome was that of the quarantine.
                    self.note(Record::Done { serial, outcome: Outcome::Removed });
                }
                let removed = Completion::Removed { token, result: Ok(Box::new(message)) };
                self.after_commit(Gate::Complete(Box::new(removed)));
            }
            (Wish::Requeue, StoredState::Quarantined { .. }) => {
                self.requeue_message(message, token);
            }
            (Wish::Requeue, _) => self.complete(wish.failed(token, QueueError::NotQuarantined)),
        }
    }

    fn requeue_message(&mut self, mut message: StoredMessage, token: Token) {
        let old = message.serial;
        let expires = self.session.clock.expiry(&message, self.now);
        let publish = &message.publish;
        let refusal = self
            .refusal(publish, publish.payload.len())
            .or_else(|| self.would_drop(publish, message.priority));
        let report = if self.is_durable() { Report::Nobody } else { Report::Event };
        let accepted = match refusal {
            Some(reason) => Err(reason),
            None => self.queue_up(&mut message.publish, message.priority, expires, report),
        };
        let result = match accepted {
            Ok(serial) => {
                self.note(Record::Done { serial: old, outcome: Outcome::Requeued(serial) });
                Ok(serial)
            }
            Err(reason) => {
                if !self.is_durable() {
                    self.session.quarantine.push(message);
                }
                Err(QueueError::Rejected(reason))
            }
        };
        self.after_commit(Gate::Complete(Box::new(Completion::Requeued { token, result })));
        self.send_pending();
    }

    fn message(&self, priority: Priority, queued: &Queued) -> StoredMessage {
        let clock = &self.session.clock;
        let waited = queued.waited(self.now);
        let millis = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let age = clock.age(self.now).0.saturating_sub(millis);
        StoredMessage {
            serial: queued.claim.serial,
            publish: queued.publish.clone(),
            accepted: UnixMillis(clock.wall(self.now).0.saturating_sub(millis)),
            expires: queued.expires.map(|at| clock.wall(at)),
            age: queued.expires.map(|_| Age(age)),
            priority,
            state: StoredState::Queued,
        }
    }

    pub(super) fn sent_message(&self, id: PacketId, flight: &Flight) -> Option<StoredMessage> {
        let Exchange::Publish { publish, claim } = &flight.exchange else { return None };
        let clock = &self.session.clock;
        let millis = u64::try_from(self.now.since(flight.sent).as_millis()).unwrap_or(u64::MAX);
        let expires = flight.expires.or_else(|| expiry(publish, flight.sent));
        Some(StoredMessage {
            serial: claim.serial,
            publish: publish.clone(),
            accepted: clock.wall(flight.sent),
            expires: expires.map(|at| clock.wall(at)),
            age: expires.map(|_| Age(clock.age(self.now).0.saturating_sub(millis))),
            priority: Priority::default(),
            state: StoredState::Sent(id),
        })
    }
}

impl Wish {
    pub(super) const fn failed(self, token: Token, error: QueueError) -> Completion {
        match self {
            Self::Remove => Completion::Removed { token, result: Err(error) },
            Self::Requeue => Completion::Requeued { token, result: Err(error) },
        }
    }
}
