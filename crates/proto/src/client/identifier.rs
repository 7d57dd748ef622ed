//! Packet identifiers that the caller knows: told at publish, and used to give
//! a message up.

use evenkeel_codec::{EncodeError, PacketId, Publish, QoS};

use crate::config::TopicAliases;
use crate::operation::{DeliveryError, PublishLimit, QueueError, RejectReason, Report, Token};
use crate::record::Priority;
use crate::session::flights::Exchange;
use crate::time::Instant;

use super::Client;
use super::publish::Accepted;

impl Client {
    /// As [`publish`](Self::publish) for QoS 1 and 2, and tells the packet
    /// identifier at once, also of a message that has to wait: it is in use from
    /// now on (D4), for this message alone, until the message has its outcome.
    /// For bindings whose API tells the identifier at publish; others do better
    /// without, as each message that waits takes one of 65,535. If none is left,
    /// the message is refused for now as [`NoIdentifier`](RejectReason::NoIdentifier).
    ///
    /// A store does not keep it for a message that waits: after a restart, or
    /// a [`start`](Self::start) out of a halt, such a message has another one.
    pub fn publish_identified(
        &mut self,
        now: Instant,
        publish: &mut Publish,
        priority: Priority,
        token: impl Into<Option<Token>>,
    ) -> Result<(Accepted, PacketId), RejectReason> {
        self.advance_clock(now);
        let token = token.into();
        if publish.qos == QoS::AtMostOnce {
            let error = EncodeError::PacketIdentifierUnexpected;
            return Err(RejectReason::NotAllowed(PublishLimit::Encode(error)));
        }
        if let Some(reason) = self.refusal(publish) {
            return Err(reason);
        }
        if self.config.topic_aliases == TopicAliases::Manual {
            self.resolve_alias(publish).map_err(RejectReason::NotAllowed)?;
        }
        if !self.is_durable() && self.may_send_now(publish.qos) {
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

    /// The packet identifier of the message in flight that was published with
    /// this token, or of one that waits with its identifier told. Looks through
    /// all that is in flight.
    pub fn packet_id(&self, token: Token) -> Option<PacketId> {
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

    /// Gives up the message of QoS 1 or 2 that has this packet identifier: its
    /// outcome is [`Withdrawn`](DeliveryError::Withdrawn), and it is not sent
    /// again (D1). One that waits in the queue in memory is taken out of it, and
    /// ends as [`Removed`](DeliveryError::Removed); one in the store alone is left
    /// to [`remove`](Self::remove).
    ///
    /// The identifier stays in use until the exchange is over on the wire, or the
    /// session (D4): QoS 2 is brought to its end, on a later connection if need
    /// be; of QoS 1 a server keeps nothing, so that it ends with PUBACK or the
    /// connection. An error says that no message has this identifier.
    pub fn abandon(&mut self, now: Instant, packet_id: PacketId) -> Result<(), QueueError> {
        self.advance_clock(now);
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
