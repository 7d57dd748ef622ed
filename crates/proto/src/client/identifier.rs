//! Packet identifiers that the caller knows: told at publish, and used to give
//! a message up.

use evenkeel_codec::{EncodeError, PacketId, Publish, QoS};

use crate::operation::{DeliveryError, PublishLimit, QueueError, RejectReason, Report, Token};
use crate::record::Priority;
use crate::session::flights::Exchange;

use super::Client;
use super::publish::Accepted;

impl Client {
    /// Accepts a message that has its identifier at once.
    pub(super) fn accept_identified(
        &mut self,
        publish: &mut Publish,
        priority: Priority,
        token: Option<Token>,
    ) -> Result<(Accepted, PacketId), RejectReason> {
        if publish.qos == QoS::AtMostOnce {
            let error = EncodeError::PacketIdentifierUnexpected;
            return Err(RejectReason::NotAllowed(PublishLimit::Encode(error)));
        }
        self.admit_publish(publish)?;
        if !self.is_durable() && self.may_send_now(publish, publish.payload.len()) {
            let claim = self.session.claim(Report::of(token), false);
            let sent = self.send_publish(publish, claim, None).map_err(RejectReason::NotAllowed)?;
            return Ok((Accepted::Tracked, sent.ok_or(RejectReason::NoIdentifier)?));
        }
        // One that the server may hold is given back when its turn comes (D13).
        let id = self.reserve_for(publish.qos).or_else(|| self.session.flights.reserve());
        let id = id.ok_or(RejectReason::NoIdentifier)?;
        let serial = self.session.upcoming();
        self.session.flights.hold(id, serial);
        let accepted = self.enqueue(publish, priority, token);
        if accepted.is_err() {
            self.session.flights.unhold(serial);
        }
        Ok((accepted?, id))
    }

    /// Looks at everything in flight, and at what waits.
    pub(super) fn identifier_of(&self, token: Token) -> Option<PacketId> {
        let wanted = Report::Completion(token);
        let has_token =
            |exchange: &Exchange| exchange.claim().is_some_and(|it| it.report == wanted);
        let mut in_flight = self.session.flights.iter();
        if let Some((id, _)) = in_flight.find(|(_, flight)| has_token(&flight.exchange)) {
            return Some(id);
        }
        let mut queued = self.session.queue.iter();
        let (_, waiting) = queued.find(|(_, queued)| queued.claim.report == wanted)?;
        self.session.flights.held(waiting.claim.serial)
    }

    /// The message has its outcome now, its exchange goes on.
    pub(super) fn abandon_message(&mut self, packet_id: PacketId) -> Result<(), QueueError> {
        if let Some(serial) = self.session.flights.holder(packet_id) {
            let (_, queued) = self.session.queue.take(serial).ok_or(QueueError::Unknown)?;
            self.settle(queued.claim, Err(DeliveryError::Removed));
            return Ok(());
        }
        let Some(flight) = self.session.flights.get(packet_id) else {
            return Err(QueueError::Unknown);
        };
        let goes_on_here = flight.attempts > 0
            && (flight.is_sent_here()
                || self.connection.is_online() && self.session.replay.is_resumed());
        let ended = match &flight.exchange {
            Exchange::Publish { .. } if !goes_on_here => {
                let given_up = self.give_up(packet_id);
                given_up.and_then(|it| Some((it.exchange.claim()?, it.attempts)))
            }
            exchange @ (Exchange::Publish { .. } | Exchange::Release { .. }) => {
                let is_known = exchange.qos() == QoS::ExactlyOnce && !exchange.is_given_up();
                if is_known {
                    self.note(crate::record::Record::Clearing { packet_id });
                }
                self.session.flights.abandon_message(packet_id)
            }
            _ => None,
        };
        let (claim, attempts) = ended.ok_or(QueueError::Unknown)?;
        self.settle(claim, Err(DeliveryError::Withdrawn { attempts }));
        self.send_pending();
        Ok(())
    }
}
