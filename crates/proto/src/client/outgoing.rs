//! What goes out, and in which order: acknowledgements, then SUBSCRIBE and
//! UNSUBSCRIBE, then what has to be sent again, then the queue.

use evenkeel_codec::{EncodeError, PacketId, PacketType, Publish, QoS, ReasonCode};

use crate::operation::{Claim, Delivered, DeliveryError, PublishLimit};
use crate::pace::{Held, Which};
use crate::record::{Outcome, Record};
use crate::session::flights::{Exchange, Here};
use crate::session::journal::Gate;
use crate::session::queue::Queued;
use crate::time::Instant;
use crate::tuning;

use super::Client;
use super::expiry::seconds_left;

/// All 65,535 identifiers are in use.
pub(super) const NO_IDENTIFIER: PublishLimit =
    PublishLimit::Encode(EncodeError::PacketIdentifierMissing);

impl Client {
    /// Sends whatever may go out now.
    pub(super) fn send_pending(&mut self) {
        if !self.connection.is_online() {
            return;
        }
        self.send_acknowledgements();
        let operation = self.send_operations();
        // A connection that is busy to the last byte lets no operation go before
        // messages wait, too.
        let message = operation
            .filter(|held| held.by == Which::Bytes)
            .or_else(|| self.send_replay())
            .or_else(|| self.send_queue());
        if self.is_paced() {
            self.note_waits(message, operation);
        }
    }

    fn send_acknowledgements(&mut self) {
        while let Some(ack) = self.session.inbound.next_puback() {
            self.send_answer(PacketType::PubAck, ack);
        }
        while let Some(ack) = self.session.inbound.next_pubrec() {
            let (packet_id, accepted) = (ack.packet_id, !ack.reason.is_error());
            if accepted && self.is_durable() && self.session.inbound.record(packet_id) {
                self.note(Record::Received { packet_id });
            }
            if ack.properties.is_empty() {
                self.send_committed(PacketType::PubRec, packet_id, ack.reason);
            } else {
                self.after_commit(Gate::Answer(alloc::boxed::Box::new(ack)));
            }
        }
        self.watch_quota();
    }

    /// Ends an exchange that leaves nothing with the server.
    pub(super) fn fail_flight(&mut self, id: PacketId, error: DeliveryError) {
        let Some(flight) = self.session.flights.remove(id) else { return };
        if flight.exchange.is_given_up() {
            self.note_freed(id, flight.exchange.qos());
        } else if let Some(claim) = flight.exchange.claim() {
            self.settle(claim, Err(error));
        }
    }

    /// An identifier is free whose message had left its exchange. The store knows
    /// those of QoS 2.
    pub(super) fn note_freed(&mut self, packet_id: PacketId, qos: QoS) {
        if qos == QoS::ExactlyOnce {
            self.note(Record::Freed { packet_id });
        }
    }

    /// Sends from the queue what may go. Much that is useless at its front is for
    /// the next turn: whoever waits for the client waits no longer than for a part.
    /// Returns the rate that the first one waits for, if it does.
    fn send_queue(&mut self) -> Option<Held> {
        let mut useless = 0;
        while self.session.replay.is_done()
            && self.has_room()
            && let Some((priority, front)) = self.session.queue.front()
        {
            let qos = front.publish.qos;
            let held = self.session.flights.held(front.claim.serial);
            if qos != QoS::AtMostOnce && !self.may_begin_exchange(qos, held.is_some())
                || !self.has_identifier(qos, held)
            {
                return None;
            }
            if let Some(held) = self.rate_of_front() {
                return Some(held);
            }
            if useless == tuning::EXPIRED_AT_ONCE {
                self.session.queue.goes_on = true;
                return None;
            }
            let mut queued = self.session.queue.pop_oldest(priority)?;
            if self.is_useless(&queued) {
                useless += 1;
                self.expire(queued);
            } else {
                self.send_queued(&mut queued);
            }
        }
        None
    }

    /// Goes on where the last turn left the queue.
    pub(super) fn resume_queue(&mut self) {
        if core::mem::take(&mut self.session.queue.goes_on) {
            self.send_pending();
        }
    }

    /// Takes the message out of `queued`.
    fn send_queued(&mut self, queued: &mut Queued) {
        let Queued { publish, claim, expires, .. } = queued;
        let (claim, expires) = (*claim, *expires);
        match (claim.stored, publish.qos) {
            (false, _) => self.send_from_queue(publish, claim, expires),
            (true, QoS::AtMostOnce) => {
                // Removed before it is sent: never sent twice.
                let serial = claim.serial;
                self.note(Record::Done { serial, outcome: Outcome::Delivered });
                let publish = alloc::boxed::Box::new(core::mem::take(publish));
                self.after_commit(Gate::StoredQos0(publish, claim, expires));
            }
            (true, _) => self.begin_exchange(core::mem::take(publish), claim, expires),
        }
    }

    /// Begins an exchange that a store knows of: its PUBLISH goes out once
    /// that is committed (D3).
    fn begin_exchange(&mut self, publish: Publish, claim: Claim, expires: Option<Instant>) {
        let payload = publish.payload.len();
        let forbidden = self.forbidden(&publish, payload).or_else(|| self.unsendable(&publish));
        let packet_id = match forbidden {
            Some(limit) => Err(limit),
            None => self.identifier_for(claim.serial, publish.qos).ok_or(NO_IDENTIFIER),
        };
        let id = match packet_id {
            Ok(id) => id,
            Err(limit) => return self.settle(claim, Err(DeliveryError::NotAllowed(limit))),
        };
        let serial = claim.serial;
        let qos = publish.qos;
        let exchange = Exchange::Publish { publish, claim };
        self.session.flights.insert(id, exchange, self.now, Here::Begun);
        self.note_doubt(id, qos);
        self.session.flights.set_expiry(id, expires);
        self.note(Record::Sent { serial, packet_id: id });
        self.after_commit(Gate::Publish(id, serial));
    }

    /// Sends a message that the store does not have, or not any more.
    pub(super) fn send_from_queue(
        &mut self,
        publish: &mut Publish,
        claim: Claim,
        expires: Option<Instant>,
    ) {
        let message_expiry = expires.map(|at| seconds_left(at, self.now));
        let sent = match self.forbidden(publish, publish.payload.len()) {
            Some(limit) => Err(limit),
            None => self.send_publish(publish, claim, message_expiry),
        };
        match sent {
            Err(limit) => self.tell(claim, Err(DeliveryError::NotAllowed(limit))),
            Ok(Some(id)) => self.session.flights.set_expiry(id, expires),
            Ok(None) => {
                if let Some(online) = self.connection.online_mut() {
                    online.unwritten.push_back((online.offsets.queued, claim));
                }
            }
        }
    }

    /// QoS 0 messages from the queue are done when they are written.
    pub(super) fn complete_written(&mut self) {
        while let Some(online) = self.connection.online_mut()
            && let Some((offset, claim)) = online.unwritten.front().copied()
            && offset <= online.offsets.written
        {
            online.unwritten.pop_front();
            let delivered = Delivered {
                reason: ReasonCode::SUCCESS,
                packet_id: None,
                attempts: 1,
                round_trip: None,
            };
            self.tell(claim, Ok(delivered));
        }
    }

    //= [MQTT-3.3.4-7]
    //= [MQTT-4.9.0-2]
    /// The server takes one more publish of ours with this QoS, 1 or 2.
    pub(super) fn window_is_open(&self, qos: QoS) -> bool {
        let Some(online) = self.connection.online() else { return false };
        let open = self.session.flights.publishes_open_here();
        let before_v5 = !online.limits.version.has_properties();
        open < usize::from(online.limits.in_flight.value)
            && !(before_v5 && qos == QoS::ExactlyOnce && self.has_unreleased(open))
    }

    /// As many of the open exchanges count as a server before MQTT 5 bears. One whose
    /// PUBREL lies in front of the next message is over there by then; with a store
    /// PUBREL may come later than the message.
    fn has_unreleased(&self, open: usize) -> bool {
        let released = if self.is_durable() { 0 } else { self.session.flights.released_here() };
        open - released >= usize::from(self.config.bounds.in_flight_qos2_before_v5)
    }

    /// A new QoS 1 or 2 publish may go: the window is open, an identifier is
    /// free (D4), the store works if there is one, and it would not disturb the
    /// trial of a suspect (R7).
    pub(super) fn may_begin_exchange(&self, qos: QoS, has_identifier: bool) -> bool {
        self.window_is_open(qos)
            && (has_identifier || !self.session.flights.is_full())
            && !self.is_suspect_control_near()
            && self.store_works()
    }
}
