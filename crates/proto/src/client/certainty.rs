//! Outcomes that are true (D13): a QoS 2 message is called delivered only where
//! PUBCOMP tells that the server took it in a session that still exists.

use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{PacketId, PacketType, QoS, ReasonCode};

use crate::config::WhenUncertain;
use crate::operation::{Claim, DeliveryError};
use crate::record::{Record, Serial};
use crate::session::flights::{Exchange, Here};
use crate::session::journal::Gate;
use crate::time::Instant;

use super::Client;
use super::expiry::expiry;

/// So many identifiers are given back at a time.
const CLEARED_AT_ONCE: usize = 16;

/// A server that leaves PUBREL without an answer for so long will not answer.
const CLEARING_TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    // ---- a session that was lost, or may have been ----

    /// The server has the message; content that may be sent anew is kept.
    pub(super) fn release(&mut self, id: PacketId) {
        let keep = self.config.when_uncertain == WhenUncertain::SendAnew;
        if keep {
            self.keep_expiry(id);
        }
        let Some(Claim { serial, .. }) = self.session.flights.release(id, keep) else { return };
        self.note(if keep {
            Record::ReleasedAndKept { serial }
        } else {
            Record::Released { serial }
        });
    }

    /// The time of a message that may be sent anew goes on from its first sending (D18).
    fn keep_expiry(&mut self, id: PacketId) {
        let Some(flight) = self.session.flights.get(id) else { return };
        let Exchange::Publish { publish, .. } = &flight.exchange else { return };
        let expires = flight.expires.or_else(|| expiry(publish, flight.sent));
        self.session.flights.set_expiry(id, expires);
    }

    /// The session in which the server took these QoS 2 messages is lost, and
    /// with it what had not been finished. Returns the exchanges that go on.
    pub(super) fn end_releases(&mut self, unfinished: Vec<PacketId>) -> Vec<PacketId> {
        self.session.flights.doubt_releases();
        let mut left = Vec::with_capacity(unfinished.len());
        for id in unfinished {
            let flight = self.session.flights.get(id);
            let released = flight.is_some_and(|flight| flight.exchange.is_release());
            if released && self.renew(id).is_none() {
                self.finish_publish(id, ReasonCode::SUCCESS);
            } else {
                left.push(id);
            }
        }
        left
    }

    /// The message of this exchange is to be sent anew, if that is in doubt and
    /// wanted.
    fn renew(&mut self, id: PacketId) -> Option<Serial> {
        if self.config.when_uncertain != WhenUncertain::SendAnew {
            return None;
        }
        let serial = self.session.flights.renew(id)?;
        self.note(Record::Sent { serial, packet_id: id });
        Some(serial)
    }

    /// Sends the message of an exchange that is over anew, under the identifier
    /// that is free now, if that is in doubt and wanted.
    pub(super) fn sends_anew(&mut self, id: PacketId) -> bool {
        let serial = self.renew(id);
        if let Some(serial) = serial {
            self.after_commit(Gate::Anew(id, serial));
        }
        serial.is_some()
    }

    /// A message that is to be sent anew is committed as such: it goes as those of
    /// earlier connections do, each as rates and the window let it.
    pub(super) fn await_turn(&mut self, id: PacketId, serial: Serial) {
        let flight = self.session.flights.get(id);
        let claim = flight.and_then(|flight| flight.exchange.claim());
        if claim.is_some_and(|claim| claim.serial == serial) {
            self.session.replay.push(id);
        }
    }

    /// PUBCOMP for an exchange of ours, or for an identifier that was given back.
    pub(super) fn on_completed(&mut self, id: PacketId, reason: ReasonCode) {
        self.session.doubts.clear(id);
        if self.session.flights.end_clearing(id) {
            return self.mark_useful();
        }
        let were_certain = self.session.flights.are_certain();
        // "Not found" for a PUBREL that was repeated: the server had finished
        // before. For the first one it means that the message is gone.
        if reason.is_error() && self.session.flights.is_first_release(id) {
            self.session.flights.doubt(id);
        }
        self.end_publish(id, ReasonCode::SUCCESS);
        if !were_certain {
            self.note_proven();
        }
    }

    /// The outcome of a QoS 2 message that the server may have lost.
    pub(super) fn settle_uncertain(&mut self, claim: Claim, attempts: u32) {
        self.stats.uncertain += 1;
        self.settle(claim, Err(DeliveryError::Uncertain { attempts }));
    }

    // ---- identifiers of a session nobody remembers ----

    /// An identifier for a new message; none that has to be given back first.
    #[inline]
    pub(super) fn reserve_for(&mut self, qos: QoS) -> Option<PacketId> {
        let doubts = &self.session.doubts;
        match qos {
            QoS::ExactlyOnce if doubts.ask_first() => self.session.flights.reserve_clear(doubts),
            _ => self.session.flights.reserve(),
        }
    }

    /// The identifier that was told for this message, or else a new one.
    #[inline]
    pub(super) fn identifier_for(&mut self, serial: Serial, qos: QoS) -> Option<PacketId> {
        self.session.flights.unhold(serial).or_else(|| self.reserve_for(qos))
    }

    /// There is an identifier for a new message of this QoS; if the server
    /// may hold them all, some are given back.
    ///
    /// Messages wait in the queue meanwhile, so that none overtakes another (D3).
    pub(super) fn has_identifier(&mut self, qos: QoS, held: Option<PacketId>) -> bool {
        if qos != QoS::ExactlyOnce || !self.session.doubts.ask_first() {
            return true;
        }
        if let Some(id) = held {
            let is_doubted = self.session.doubts.holds(id);
            if is_doubted && self.session.flights.get(id).is_none() {
                self.send_clearing(id);
            }
            return !is_doubted;
        }
        if self.session.flights.reserve_clear(&self.session.doubts).is_some() {
            return true;
        }
        let wanted = self.session.queue.len().clamp(1, CLEARED_AT_ONCE);
        while self.session.flights.clearing() < wanted
            && let Some(id) = self.session.flights.reserve()
        {
            self.send_clearing(id);
        }
        false
    }

    /// Gives an identifier back that the server may hold.
    fn send_clearing(&mut self, id: PacketId) {
        let here = Here::Sent { begins: self.bytes_queued() };
        self.session.flights.insert(id, Exchange::Clearing, self.now, here);
        self.stats.identifiers_released += 1;
        self.session.clearing_since = self.now;
        self.send_ack(PacketType::PubRel, id, ReasonCode::SUCCESS);
    }

    /// A new exchange begins under an identifier that the server may hold: it
    /// may take the message for a copy.
    pub(super) fn note_doubt(&mut self, id: PacketId, qos: QoS) {
        if qos == QoS::ExactlyOnce && self.session.doubts.holds(id) {
            self.session.flights.doubt(id);
        }
    }

    /// The connection ends. If the server closed it over our PUBREL, that is
    /// not repeated.
    pub(super) fn end_clearing(&mut self, written: u64, by_peer: bool) {
        if self.session.flights.end_all_clearing(written) && by_peer {
            self.session.doubts.give_up();
        }
    }

    /// When a server that is silent about our PUBREL is waited for no longer.
    pub(super) fn clearing_deadline(&self) -> Option<Instant> {
        if self.session.flights.clearing() == 0 || !self.wants_read() {
            return None;
        }
        let since = self.session.clearing_since.max(self.ready.last_taken);
        Some(since + CLEARING_TIMEOUT)
    }

    pub(super) fn run_clearing(&mut self) {
        if self.clearing_deadline().is_some_and(|at| at <= self.now) {
            self.session.flights.end_all_clearing(u64::MAX);
            self.session.doubts.give_up();
            self.send_pending();
        }
    }
}
