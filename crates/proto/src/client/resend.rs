//! What was in flight when a connection ended is sent again on the next one (D6).

use evenkeel_codec::{PacketId, PacketType, ReasonCode, Transfer};

use crate::operation::{DeliveryError, PublishLimit};
use crate::pace::Held;
use crate::session::flights::Exchange;

use super::Client;
use super::expiry::{expiry, seconds_left};

impl Client {
    //= [MQTT-4.4.0-1]
    //= [MQTT-4.6.0-1]
    /// Resends in the first order: one until it passes, then the rest. Returns the
    /// rate that the next one waits for, if it does.
    pub(super) fn send_replay(&mut self) -> Option<Held> {
        while self.has_room()
            && let Some(id) = self.session.replay.next()
        {
            let Some(flight) = self.session.flights.get(id) else {
                self.session.replay.on_answer(id);
                continue;
            };
            let suspicion = flight.suspicion;
            let qos = flight.exchange.qos();
            let alone = self.session.replay.is_cautious() || self.must_go_alone(suspicion);
            if suspicion.suspect && !self.may_send_suspect(alone) || !self.window_is_open(qos) {
                return None;
            }
            if let Some(held) = self.rate_of_flight(id) {
                return Some(held);
            }
            if self.resend(id) {
                self.session.replay.on_sent(alone);
            } else {
                self.session.replay.on_answer(id);
            }
        }
        None
    }

    /// A PUBLISH waits for a rate when it is sent again, too; PUBREL does not.
    fn rate_of_flight(&self, id: PacketId) -> Option<Held> {
        match &self.session.flights.get(id)?.exchange {
            Exchange::Publish { publish, .. } => self.rate_of(publish, publish.payload.len()),
            _ => None,
        }
    }

    /// Sends an exchange again where it stands; false if it is over.
    fn resend(&mut self, id: PacketId) -> bool {
        let Some(flight) = self.session.flights.get(id) else { return false };
        let dup = self.session.replay.is_resumed() && !flight.is_new();
        let publish = match &flight.exchange {
            Exchange::Publish { publish, .. } => publish.clone(),
            Exchange::Release { .. } | Exchange::GivenUp => {
                self.session.flights.on_resent(id, self.now, self.bytes_queued());
                self.session.flights.repeat_release(id);
                self.send_ack(PacketType::PubRel, id, ReasonCode::SUCCESS);
                return true;
            }
            Exchange::Abandoned(_) | Exchange::Clearing | Exchange::Control(_) => return false,
        };
        let expires = flight.expires.or_else(|| expiry(&publish, flight.sent));
        let message_expiry = expires.map(|at| seconds_left(at, self.now));
        let transfer = Transfer { dup, packet_id: Some(id), message_expiry, ..Transfer::default() };
        let begins = self.bytes_queued();
        let sent = match self.forbidden(&publish, publish.payload.len()) {
            Some(limit) => Err(limit),
            None => self.write_publish(&publish, &transfer),
        };
        match sent {
            Ok(()) => {
                self.stats.publishes_resent += 1;
                self.session.flights.set_expiry(id, expires);
                self.session.flights.on_resent(id, self.now, begins);
                true
            }
            Err(limit) => self.end_unsent(id, limit),
        }
    }

    //= [MQTT-4.3.3-1]
    /// What was sent before may not be sent again. A server that goes on with
    /// the session may hold the identifier of a QoS 2 message: PUBREL gives it
    /// back (D4). False if the exchange is over.
    fn end_unsent(&mut self, id: PacketId, limit: PublishLimit) -> bool {
        let flight = if self.session.replay.is_resumed() {
            self.give_up(id)
        } else {
            self.session.flights.remove(id)
        };
        if let Some(claim) = flight.and_then(|flight| flight.exchange.claim()) {
            self.settle(claim, Err(DeliveryError::NotAllowed(limit)));
        }
        let goes_on = self.session.flights.get(id).is_some();
        if goes_on {
            self.session.flights.on_resent(id, self.now, self.bytes_queued());
            self.send_release(id);
        }
        goes_on
    }
}
