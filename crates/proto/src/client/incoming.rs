//! Packets from the server.

use alloc::boxed::Box;

use bytes::BytesMut;
use evenkeel_codec::{
    Ack, DecodeError, Disconnect, Packet, PacketId, PacketType, Publish, QoS, ReasonCode,
};

use crate::cause::{DisconnectCause, ProtocolError};
use crate::event::Event;
use crate::io::{AckKey, ConnectionId, Incoming, Output};
use crate::keepalive::Pong;
use crate::operation::{Answer, Claim, Completion, Delivered, DeliveryError, Report};
use crate::record::Record;
use crate::session::flights::{Exchange, Finished, Flight};
use crate::session::inbound::{Arrival, MOST_OPEN};

use crate::connection::Connection;

use super::Client;
use super::end::because;

impl Client {
    pub(super) fn on_received(&mut self, conn: ConnectionId, buffer: &mut BytesMut) {
        if self.conn() != Some(conn) {
            self.stats.stale_inputs += 1;
            buffer.clear();
            return;
        }
        let before = buffer.len();
        self.note_life(before);
        while self.conn() == Some(conn) && self.wants_read() {
            if let Some((kind, id)) = self.decode_plain_ack(buffer) {
                self.trace_received(|| Ack::new(id, ReasonCode::SUCCESS).into_packet(kind));
                self.on_ack(kind, id, ReasonCode::SUCCESS);
                continue;
            }
            if let Some(publish) = self.decode_plain_publish(buffer) {
                self.trace_received(|| Packet::Publish(publish.clone()));
                self.on_publish(publish);
                continue;
            }
            match self.decode(buffer) {
                Ok(Some(packet)) => {
                    self.trace_received(|| packet.clone());
                    self.on_packet(packet);
                }
                Ok(None) => break,
                //= [MQTT-3.2.0-1]
                Err(DecodeError::ClientPacket { .. }) => {
                    let is_answer = self.connection.opening().is_some();
                    self.protocol_error(if is_answer {
                        ProtocolError::NotConnAck
                    } else {
                        ProtocolError::ClientPacket
                    });
                }
                Err(error) => match self.other_protocol(buffer) {
                    Some(other) => self.protocol_error(other),
                    None => {
                        let because = because(error.reason_code());
                        self.end(DisconnectCause::Malformed(error), Some(because));
                    }
                },
            }
        }
        self.stats.bytes_received += (before - buffer.len()) as u64;
        if let Some(online) = self.connection.online_mut() {
            online.unread = buffer.len();
        }
    }

    /// What the answer to CONNECT is if it is none of MQTT. Neither of these begins as a packet
    /// may, so that they are still in the buffer.
    fn other_protocol(&self, answer: &[u8]) -> Option<ProtocolError> {
        self.connection.opening()?;
        match answer {
            // An alert or a handshake record, and the first byte of the version.
            [0x15 | 0x16, 3, ..] => Some(ProtocolError::TlsAnswer),
            [b'H', b'T', ..] => Some(ProtocolError::HttpAnswer),
            _ => None,
        }
    }

    /// Bytes came that are no use yet.
    pub(super) fn on_heard(&mut self, conn: ConnectionId) {
        if self.conn() != Some(conn) {
            self.stats.stale_inputs += 1;
        } else if let Some(online) = self.connection.online_mut()
            && let Some(engine) = &mut online.keep_alive
        {
            engine.on_received(self.now);
        }
    }

    /// Only bytes that were not in the buffer before are a sign of life (K4).
    fn note_life(&mut self, in_buffer: usize) {
        if let Some(online) = self.connection.online_mut()
            && let Some(engine) = &mut online.keep_alive
            && in_buffer > online.unread
        {
            engine.on_received(self.now);
        }
    }

    fn deliver(&mut self, incoming: Incoming) {
        let was_full = self.ready.inbox.is_full();
        self.ready.inbox.push(incoming, &self.config.bounds);
        if was_full || !self.ready.inbox.is_full() {
            return;
        }
        self.ready.last_taken = self.now;
        if !core::mem::replace(&mut self.ready.reading_paused, true) {
            self.event(Event::ReadingPaused);
        }
    }

    pub(super) fn resume_reading(&mut self) {
        if !core::mem::take(&mut self.ready.reading_paused) {
            return;
        }
        // A pause that nobody has been told of is none.
        if let Some(Output::Event(Event::ReadingPaused)) = self.ready.outputs.back() {
            self.ready.outputs.pop_back();
        } else {
            self.event(Event::ReadingResumed);
        }
    }

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
        let decoder = match &mut self.connection {
            Connection::Opening(opening) => opening.decoder.as_mut(),
            Connection::Online(online) => Some(&mut online.decoder),
            _ => None,
        };
        decoder.map_or(Ok(None), |decoder| decoder.decode_from_server(buffer))
    }

    fn decode_plain_ack(&self, buffer: &mut BytesMut) -> Option<(PacketType, PacketId)> {
        self.connection.online()?.decoder.decode_plain_ack(buffer)
    }

    fn decode_plain_publish(&self, buffer: &mut BytesMut) -> Option<Publish> {
        self.connection.online()?.decoder.decode_plain_publish(buffer)
    }

    fn on_packet(&mut self, packet: Packet) {
        let Some(online) = self.connection.online_mut() else {
            return self.on_handshake_packet(packet);
        };
        online.show_life();
        let is_v5 = online.limits.version.has_properties();
        match packet {
            Packet::Publish(publish) => self.on_publish(publish),
            Packet::PubAck(ack) => self.on_full_ack(PacketType::PubAck, ack),
            Packet::PubRec(ack) => self.on_full_ack(PacketType::PubRec, ack),
            Packet::PubRel(ack) => self.on_full_ack(PacketType::PubRel, ack),
            Packet::PubComp(ack) => self.on_full_ack(PacketType::PubComp, ack),
            Packet::SubAck(ack) => self.on_suback(ack),
            Packet::UnsubAck(ack) => self.on_unsuback(ack),
            Packet::PingResp => self.on_pong(),
            Packet::Disconnect(disconnect) if is_v5 => self.on_server_disconnect(&disconnect),
            Packet::Auth(auth) => self.on_auth(&auth),
            //= [MQTT-3.2.0-2]
            Packet::ConnAck(_) => self.protocol_error(ProtocolError::SecondConnAck),
            Packet::Connect(_)
            | Packet::Disconnect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq => self.protocol_error(ProtocolError::ClientPacket),
        }
    }

    //= [MQTT-3.3.4-1]
    fn on_publish(&mut self, mut publish: Publish) {
        self.stats.publishes_received += 1;
        let Some(online) = self.connection.online_mut() else { return };
        online.show_life();
        if !publish.properties.is_empty()
            && let Some(alias) = publish.properties.topic_alias()
        {
            let topic = core::mem::take(&mut publish.topic);
            match online.incoming_aliases.resolve(topic, alias) {
                Ok(topic) => publish.topic = topic,
                Err(_) => return self.protocol_error(ProtocolError::TopicAliasInvalid),
            }
        }
        let conn = online.conn;
        let announced = usize::from(self.config.connect.receive_maximum);
        if let Some(id) = publish.packet_id
            && self.session.inbound.open() >= announced
            && !self.takes_further_exchange(publish.qos, id)
        {
            return;
        }
        let ack = match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => Some(self.session.inbound.on_at_least_once(conn, id)),
            (QoS::ExactlyOnce, Some(id)) => match self.on_exactly_once(id, publish.dup) {
                Some(key) => Some(key),
                None => return,
            },
            _ => None,
        };
        if ack.is_none() && self.ready.inbox.is_full() {
            self.stats.qos0_dropped += 1;
            return;
        }
        self.deliver(Incoming { publish, ack });
    }

    /// The key of a QoS 2 message; `None` for a second copy.
    fn on_exactly_once(&mut self, packet_id: PacketId, dup: bool) -> Option<AckKey> {
        let was_certain = self.session.inbound.is_certain();
        let arrival = self.session.inbound.on_exactly_once(packet_id, dup);
        if let Arrival::InPlace(_) = arrival {
            // The next process would take a copy of this message for one of that.
            self.note(Record::Finished { packet_id });
        }
        if !was_certain {
            self.note_proven();
        }
        match arrival {
            Arrival::New(key) | Arrival::InPlace(key) => Some(key),
            Arrival::Copy => {
                self.stats.duplicates_suppressed += 1;
                None
            }
        }
    }

    //= [MQTT-3.3.4-9]
    /// Judges a message that comes when our receive maximum is used up, before
    /// anything is noted of it; false if the connection was closed instead.
    ///
    /// A server that sends more than it may (mosquitto 2.0 does, after a restart)
    /// is held back by our reading alone: what it sends beyond is taken in, told
    /// and answered like the rest, and nothing is lost by it (D14). Reading never
    /// stops for that, as the PUBRELs that make room come behind.
    #[cold]
    fn takes_further_exchange(&mut self, qos: QoS, id: PacketId) -> bool {
        let inbound = &mut self.session.inbound;
        if qos == QoS::ExactlyOnce && inbound.is_open(id) {
            return true;
        }
        let open = inbound.open() + 1;
        // Before MQTT 5 the server was told no maximum, and there is an end all the same.
        let has_maximum = self.version().has_properties();
        self.stats.receive_maximum_exceeded += u64::from(has_maximum);
        let is_strict = has_maximum && self.config.bounds.strict_receive_maximum;
        if open > MOST_OPEN || is_strict {
            self.protocol_error(ProtocolError::ReceiveMaximumExceeded);
            return false;
        }
        if has_maximum && !core::mem::replace(&mut self.session.inbound.quota.is_exceeded, true) {
            let maximum = self.config.connect.receive_maximum;
            self.event(Event::ReceiveMaximumExceeded { maximum });
        }
        true
    }

    /// An acknowledgement came that may say more than a code.
    fn on_full_ack(&mut self, packet_type: PacketType, ack: Ack) {
        let Ack { packet_id, reason, properties } = ack;
        if !properties.is_empty() {
            let reason = Some(reason);
            self.tell_answer(Answer { packet_type, packet_id, reason, properties });
        }
        self.on_ack(packet_type, packet_id, reason);
    }

    /// Hands out what the server said beside a code, if it answers something.
    #[cold]
    pub(super) fn tell_answer(&mut self, answer: Answer) {
        let id = answer.packet_id;
        let exchange = self.session.flights.get(id).map(|flight| &flight.exchange);
        let token = match (answer.packet_type, exchange) {
            (PacketType::PubRel, _) => None,
            (PacketType::SubAck | PacketType::UnsubAck, Some(Exchange::Control(control))) => {
                control.token
            }
            (PacketType::SubAck | PacketType::UnsubAck, _) => return,
            _ if self.expectation(id).is_none() => return,
            (_, exchange) => match exchange.and_then(Exchange::claim) {
                Some(Claim { report: Report::Completion(token), .. }) => Some(token),
                _ => None,
            },
        };
        let answer = Box::new(Answer { properties: answer.properties.detached(), ..answer });
        match token {
            None => self.event(Event::Answered(answer)),
            Some(token) => self.complete(Completion::Answered { token, answer }),
        }
    }

    /// An acknowledgement came, in whatever form.
    fn on_ack(&mut self, kind: PacketType, id: PacketId, reason: ReasonCode) {
        if kind != PacketType::PubRel {
            self.note_acknowledged(id);
        }
        if let Some(online) = self.connection.online_mut() {
            online.show_life();
        }
        match kind {
            PacketType::PubAck => self.on_puback(id, reason),
            PacketType::PubRec => self.on_pubrec(id, reason),
            PacketType::PubRel => self.on_pubrel(id),
            _ => self.on_pubcomp(id, reason),
        }
    }

    fn on_puback(&mut self, id: PacketId, reason: ReasonCode) {
        match self.expectation(id) {
            Some(PacketType::PubAck) => self.end_publish(id, reason),
            Some(PacketType::PubRec) if self.is_sent_here(id) => {
                self.end_by_wrong(PacketType::PubAck, id, reason);
            }
            _ if self.session.flights.pay(id) => {}
            _ => self.stats.unknown_acknowledgements += 1,
        }
    }

    //= [MQTT-4.3.3-4]
    fn on_pubrec(&mut self, id: PacketId, reason: ReasonCode) {
        match self.expectation(id) {
            Some(PacketType::PubRec) if reason.is_error() => {
                self.session.doubts.clear(id);
                self.end_publish(id, reason);
            }
            Some(PacketType::PubRec) => {
                self.release(id);
                self.session.replay.on_answer(id);
                self.mark_useful();
                self.send_release(id);
            }
            // A second answer; the first one holds.
            Some(PacketType::PubComp) => {
                self.stats.unknown_acknowledgements += 1;
                if !reason.is_error() {
                    self.session.flights.repeat_release(id);
                    self.send_release(id);
                }
            }
            Some(PacketType::PubAck) if self.is_sent_here(id) => {
                self.end_by_wrong(PacketType::PubRec, id, reason);
                // The server holds it as QoS 2 until it is released.
                if !reason.is_error() {
                    self.send_ack(PacketType::PubRel, id, ReasonCode::SUCCESS);
                }
            }
            _ => {
                self.stats.unknown_acknowledgements += 1;
                if !reason.is_error() {
                    self.send_ack(PacketType::PubRel, id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
                }
            }
        }
    }

    /// PUBREL goes out once it is committed that the server owns the message.
    pub(super) fn send_release(&mut self, id: PacketId) {
        self.send_committed(PacketType::PubRel, id, ReasonCode::SUCCESS);
    }

    fn on_pubcomp(&mut self, id: PacketId, reason: ReasonCode) {
        match self.expectation(id) {
            Some(PacketType::PubComp) => self.on_completed(id, reason),
            _ => self.stats.unknown_acknowledgements += 1,
        }
    }

    //= [MQTT-4.3.3-11]
    fn on_pubrel(&mut self, packet_id: PacketId) {
        let was_certain = self.session.inbound.is_certain();
        let reason = if self.session.inbound.on_release(packet_id) {
            self.note(Record::Finished { packet_id });
            if !was_certain {
                self.note_proven();
            }
            ReasonCode::SUCCESS
        } else {
            self.stats.unknown_acknowledgements += 1;
            ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
        };
        // Once the server has it, the identifier may mean another message.
        self.send_committed(PacketType::PubComp, packet_id, reason);
    }

    /// The answer that the exchange with this identifier waits for. One that
    /// was not sent to this session waits for none (D7).
    fn expectation(&self, id: PacketId) -> Option<PacketType> {
        let flight = self.session.flights.get(id)?;
        let was_sent = flight.attempts > 0 && !flight.is_new();
        if !was_sent || !flight.is_sent_here() && !self.session.replay.is_resumed() {
            return None;
        }
        match &flight.exchange {
            Exchange::Publish { publish, .. } if publish.qos == QoS::AtLeastOnce => {
                Some(PacketType::PubAck)
            }
            Exchange::Abandoned(QoS::AtLeastOnce) => Some(PacketType::PubAck),
            Exchange::Publish { .. } | Exchange::Abandoned(_) => Some(PacketType::PubRec),
            Exchange::Release { .. } | Exchange::GivenUp | Exchange::Clearing => {
                Some(PacketType::PubComp)
            }
            Exchange::Control(_) => None,
        }
    }

    fn is_sent_here(&self, id: PacketId) -> bool {
        self.session.flights.get(id).is_some_and(Flight::is_sent_here)
    }

    /// The server answered the PUBLISH as one of another QoS (RabbitMQ 3 does):
    /// what is due will never come, so the exchange is over (D1).
    fn end_by_wrong(&mut self, came: PacketType, id: PacketId, reason: ReasonCode) {
        let Some(expected) = self.expectation(id) else { return };
        self.session.replay.on_answer(id);
        self.mark_useful();
        self.stats.wrong_acknowledgements += 1;
        let attempts = self.session.flights.get(id).map_or(0, |flight| flight.attempts);
        let error = DeliveryError::WrongAcknowledgement { expected, came, reason, attempts };
        self.fail_flight(id, error);
    }

    /// The exchange of a publish is over.
    pub(super) fn end_publish(&mut self, id: PacketId, reason: ReasonCode) {
        self.session.replay.on_answer(id);
        self.mark_useful();
        self.finish_publish(id, reason);
    }

    pub(super) fn finish_publish(&mut self, id: PacketId, reason: ReasonCode) {
        if self.sends_anew(id) {
            return;
        }
        let Some(finished) = self.session.flights.finish(id) else { return };
        let Finished { claim, qos, is_doubtful, attempts, sent } = finished;
        let Some(claim) = claim else { return self.note_freed(id, qos) };
        if is_doubtful && !reason.is_error() {
            return self.settle_uncertain(claim, attempts);
        }
        self.stats.publishes_acknowledged += 1;
        let result = if reason.is_error() {
            Err(DeliveryError::Refused { reason, attempts })
        } else {
            let round_trip = Some(self.now.since(sent));
            Ok(Delivered { reason, packet_id: Some(id), attempts, round_trip })
        };
        self.settle(claim, result);
    }

    fn on_pong(&mut self) {
        let now = self.now;
        let Some(online) = self.connection.online_mut() else { return };
        let pong =
            online.keep_alive.as_mut().map_or(Pong::Unsolicited, |engine| engine.on_pong(now));
        // One that was given up is answered all the same.
        if online.proof.unanswered > 0 {
            online.proof.unanswered -= 1;
            online.proof.useful |= online.is_proven_by_pong(now);
        }
        match pong {
            Pong::Matched { round_trip } => {
                online.proof.slowest_pong = online.proof.slowest_pong.max(Some(round_trip));
                self.stats.pongs += 1;
                self.note_answered(now - round_trip);
            }
            Pong::Unsolicited => self.stats.pongs_unsolicited += 1,
        }
        self.event(Event::PongReceived(pong));
    }

    fn on_server_disconnect(&mut self, disconnect: &Disconnect) {
        let properties = &disconnect.properties;
        let cause = DisconnectCause::ServerDisconnect {
            reason: disconnect.reason,
            text: properties.reason_string(),
            server_reference: properties.server_reference(),
            properties: properties.clone().detached(),
        };
        self.end(cause, None);
    }

    pub(super) fn mark_useful(&mut self) {
        if let Some(online) = self.connection.online_mut() {
            online.proof.useful = true;
        }
    }

    pub(super) fn request_probe(&mut self) -> bool {
        let engine = self.connection.online_mut().and_then(|online| online.keep_alive.as_mut());
        match engine {
            Some(engine) => {
                engine.request_probe();
                true
            }
            None => false,
        }
    }
}
