//! What goes out, and in which order: acknowledgements, then SUBSCRIBE and
//! UNSUBSCRIBE, then what has to be sent again, then the queue.

use core::time::Duration;

use evenkeel_codec::{
    Ack, EncodeError, Packet, PacketId, PacketType, Publish, QoS, ReasonCode, Transfer, Version,
};

use crate::connection::{Life, impatient_timeout};
use crate::operation::{Claim, Delivered, DeliveryError, PublishLimit};
use crate::record::{Outcome, Record};
use crate::session::flights::{Exchange, Here, Suspicion};
use crate::session::journal::Gate;
use crate::session::queue::Queued;
use crate::time::Instant;

use super::{Client, Link};

/// All 65,535 identifiers are in use.
pub(super) const NO_IDENTIFIER: PublishLimit =
    PublishLimit::Encode(EncodeError::PacketIdentifierMissing);

impl Client {
    /// Sends whatever may go out now.
    pub(super) fn pump(&mut self) {
        if !matches!(self.link, Link::Online(_)) {
            return;
        }
        self.pump_acks();
        self.pump_control();
        self.pump_replay();
        self.pump_queue();
    }

    fn pump_acks(&mut self) {
        while let Some(ack) = self.session.inbound.next_puback() {
            self.send_ack(PacketType::PubAck, ack.packet_id, ack.reason);
        }
        while let Some(Ack { packet_id, reason, .. }) = self.session.inbound.next_pubrec() {
            let accepted = !reason.is_error();
            if accepted && self.is_durable() && self.session.inbound.record(packet_id) {
                self.note(Record::Received { packet_id });
            }
            self.send_committed(PacketType::PubRec, packet_id, reason);
        }
        self.watch_quota();
    }

    //= [MQTT-4.4.0-1]
    //= [MQTT-4.6.0-1]
    /// Resends in the first order: one until it passes, then the rest.
    fn pump_replay(&mut self) {
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
                return;
            }
            if self.resend(id) {
                self.session.replay.on_sent(alone);
            } else {
                self.session.replay.on_answer(id);
            }
        }
    }

    /// It has used up its deaths in company: the next one shall tell.
    fn must_go_alone(&self, suspicion: Suspicion) -> bool {
        let limit = self.config.bounds.deaths_per_packet;
        limit > 0 && suspicion.strikes >= limit
    }

    /// What was in flight at a death waits for a sign of life, and if it is to
    /// go alone, for the answers to all else (R7).
    fn may_send_suspect(&mut self, alone: bool) -> bool {
        !self.waits_for_life() && (!alone || self.session.flights.unanswered() == 0)
    }

    /// True where a suspect has to wait for a sign of life, so that a server
    /// which cuts every connection is not blamed on it. A ping asks for one;
    /// a server that answers all but pings gets its messages, too (D16).
    pub(super) fn waits_for_life(&mut self) -> bool {
        let now = self.now;
        let Link::Online(online) = &mut self.link else { return true };
        let until = match online.proof.life {
            Life::Shown { .. } | Life::WaitedFor => return false,
            Life::Awaited { until } => until,
            Life::Unknown => {
                let engine = online.keep_alive.as_ref();
                let interval = engine.map(|engine| engine.settings().interval);
                let timeout = interval.map(|interval| impatient_timeout(&self.config, interval));
                now + Life::wait(timeout)
            }
        };
        online.proof.life = Life::Awaited { until };
        self.request_probe();
        true
    }

    /// Sends an exchange again where it stands; false if it is over.
    fn resend(&mut self, id: PacketId) -> bool {
        let dup = self.session.replay.is_resumed();
        let Some(flight) = self.session.flights.get(id) else { return false };
        let publish = match &flight.exchange {
            Exchange::Publish { publish, .. } => publish.clone(),
            Exchange::Release { .. } => {
                self.session.flights.on_resent(id, self.now, self.bytes_queued());
                self.session.flights.repeat_release(id);
                self.send_ack(PacketType::PubRel, id, ReasonCode::SUCCESS);
                return true;
            }
            Exchange::Clearing | Exchange::Control(_) => return false,
        };
        let expires = flight.expires.or_else(|| expiry(&publish, flight.sent));
        let message_expiry = expires.map(|at| seconds_left(at, self.now));
        let transfer = Transfer { dup, packet_id: Some(id), message_expiry, ..Transfer::default() };
        let begins = self.bytes_queued();
        let sent = match self.forbidden(&publish) {
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
        let flight = match self.session.replay.is_resumed() {
            true => self.give_up(id),
            false => self.session.flights.remove(id),
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

    /// Ends an exchange that leaves nothing with the server.
    pub(super) fn fail_flight(&mut self, id: PacketId, error: DeliveryError) {
        let flight = self.session.flights.remove(id);
        if let Some(claim) = flight.and_then(|flight| flight.exchange.claim()) {
            self.settle(claim, Err(error));
        }
    }

    fn pump_queue(&mut self) {
        while self.session.replay.is_done()
            && self.has_room()
            && let Some((_, front)) = self.session.queue.front()
        {
            let qos = front.publish.qos;
            if qos != QoS::AtMostOnce && !self.may_begin_exchange(qos) || !self.has_identifier(qos)
            {
                return;
            }
            let Some(queued) = self.session.queue.pop() else { return };
            self.send_queued(queued);
        }
    }

    fn send_queued(&mut self, queued: Queued) {
        let now = self.now;
        let is_late = is_momentary(&queued.publish) && !self.was_online(queued.since);
        if is_late || queued.expires.is_some_and(|expires| expires <= now) {
            return self.expire(queued);
        }
        let Queued { publish, claim, expires, .. } = queued;
        match (claim.stored, publish.qos) {
            (false, _) => self.send_from_queue(publish, claim, expires),
            (true, QoS::AtMostOnce) => {
                // Struck off before it is sent: never sent twice.
                let serial = claim.serial;
                self.note(Record::Done { serial, outcome: Outcome::Delivered });
                let publish = alloc::boxed::Box::new(publish);
                self.after_commit(Gate::Stream(publish, claim, expires));
            }
            (true, _) => self.begin_exchange(publish, claim, expires),
        }
    }

    /// Begins an exchange that a store knows of: its PUBLISH goes out once
    /// that is committed (D3).
    fn begin_exchange(&mut self, publish: Publish, claim: Claim, expires: Option<Instant>) {
        let forbidden = self.forbidden(&publish).or_else(|| self.unsendable(&publish));
        let packet_id = match forbidden {
            Some(limit) => Err(limit),
            None => self.reserve_for(publish.qos).ok_or(NO_IDENTIFIER),
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
        mut publish: Publish,
        claim: Claim,
        expires: Option<Instant>,
    ) {
        let message_expiry = expires.map(|at| seconds_left(at, self.now));
        let sent = match self.forbidden(&publish) {
            Some(limit) => Err(limit),
            None => self.send_publish(&mut publish, claim, message_expiry),
        };
        match (sent, &mut self.link) {
            (Err(limit), _) => self.tell(claim, Err(DeliveryError::NotAllowed(limit))),
            (Ok(Some(id)), _) => self.session.flights.set_expiry(id, expires),
            (Ok(None), Link::Online(online)) => {
                online.unwritten.push_back((online.stream.queued, claim));
            }
            (Ok(None), _) => {}
        }
    }

    /// QoS 0 messages from the queue are done when they are written.
    pub(super) fn complete_written(&mut self) {
        while let Link::Online(online) = &mut self.link
            && let Some((offset, claim)) = online.unwritten.front().copied()
            && offset <= online.stream.written
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

    pub(super) fn expire(&mut self, queued: Queued) {
        self.stats.expired += 1;
        let error = DeliveryError::Expired { queued: queued.waited(self.now) };
        self.settle(queued.claim, Err(error));
    }

    /// Bytes may be added to the write buffer.
    pub(super) fn has_room(&self) -> bool {
        self.unwritten() < self.config.bounds.write_buffer as u64
    }

    /// Bytes handed over or waiting that the transport has not taken.
    pub(super) fn unwritten(&self) -> u64 {
        match &self.link {
            Link::Online(online) => online.stream.unwritten(),
            Link::Opening(opening) => opening.stream.unwritten(),
            _ => 0,
        }
    }

    /// The present connection was online at that time already.
    fn was_online(&self, at: Instant) -> bool {
        matches!(&self.link, Link::Online(online) if online.since <= at)
    }

    //= [MQTT-3.3.4-7]
    //= [MQTT-4.9.0-2]
    /// The server takes one more publish of ours with this QoS, 1 or 2.
    fn window_is_open(&self, qos: QoS) -> bool {
        let Link::Online(online) = &self.link else { return false };
        let announced = online.limits.in_flight.value;
        let limit = match qos {
            QoS::ExactlyOnce if !online.limits.version.has_properties() => {
                announced.min(self.config.bounds.in_flight_qos2_before_v5)
            }
            _ => announced,
        };
        self.session.flights.publishes_open_here() < usize::from(limit)
    }

    /// A new QoS 1 or 2 publish may go: the window is open, an identifier is
    /// free (D4), the store works if there is one, and it would not disturb the
    /// trial of a suspect (R7).
    pub(super) fn may_begin_exchange(&self, qos: QoS) -> bool {
        self.window_is_open(qos)
            && !self.session.flights.is_full()
            && !self.is_suspect_control_near()
            && self.store_works()
    }

    pub(super) fn version(&self) -> Version {
        match &self.link {
            Link::Online(online) => online.limits.version,
            Link::Opening(opening) => opening.version,
            _ => self.dialer.version,
        }
    }

    /// Puts a packet into the transmit buffer.
    pub(super) fn send(&mut self, packet: &Packet) -> Result<(), EncodeError> {
        let version = self.version();
        let before = self.transmit.len();
        self.transmit.append(|out| packet.encode(version, out))?;
        self.note_queued(before);
        Ok(())
    }

    /// Puts an acknowledgement into the transmit buffer of a client that is online.
    #[inline]
    pub(super) fn send_ack(&mut self, kind: PacketType, id: PacketId, reason: ReasonCode) {
        let Link::Online(online) = &mut self.link else { return };
        let version = online.limits.version;
        let before = self.transmit.len();
        let ack = Ack::new(id, reason);
        let encoded = self.transmit.append(|out| ack.encode(kind, version, out));
        debug_assert!(encoded.is_ok(), "acknowledgements without properties always encode");
        online.stream.on_queued(self.transmit.len() - before);
    }

    /// Sends PUBREC, PUBREL or PUBCOMP once what it promises is committed.
    #[inline]
    pub(super) fn send_committed(&mut self, kind: PacketType, id: PacketId, reason: ReasonCode) {
        match self.is_durable() {
            true => self.after_commit(Gate::Acknowledge(kind, id, reason)),
            false => self.send_ack(kind, id, reason),
        }
    }

    /// Bytes queued on the present connection so far.
    pub(super) const fn bytes_queued(&self) -> u64 {
        match &self.link {
            Link::Online(online) => online.stream.queued,
            _ => 0,
        }
    }

    pub(super) fn note_queued(&mut self, before: usize) {
        let bytes = self.transmit.len().saturating_sub(before);
        match &mut self.link {
            Link::Online(online) => online.stream.on_queued(bytes),
            Link::Opening(opening) => opening.stream.on_queued(bytes),
            _ => {}
        }
    }
}

/// Whole seconds, rounded up, and never 0: what goes out is of use still, or
/// was sent before and expires no more on our side.
pub(super) fn seconds_left(expires: Instant, now: Instant) -> u32 {
    let span = expires.since(now);
    let whole = u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    whole.saturating_add(u32::from(span.subsec_nanos() > 0)).max(1)
}

pub(super) fn expiry(publish: &Publish, now: Instant) -> Option<Instant> {
    if publish.properties.is_empty() {
        return None;
    }
    let seconds = publish.properties.message_expiry_interval().filter(|seconds| *seconds > 0)?;
    Some(now + Duration::from_secs(seconds.into()))
}

/// Of use to those alone who are there when it is published (an interval of
/// 0): it is sent on the connection it was published on, or not at all.
pub(super) fn is_momentary(publish: &Publish) -> bool {
    !publish.properties.is_empty() && publish.properties.message_expiry_interval() == Some(0)
}
