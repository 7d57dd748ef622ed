//! Packets from the server.

use bytes::BytesMut;
use evenkeel_codec::{
    Ack, DecodeError, Disconnect, Packet, PacketId, PacketType, Publish, QoS, ReasonCode,
};

use crate::cause::{DisconnectCause, ProtocolError};
use crate::event::Event;
use crate::io::{ConnectionId, Incoming};
use crate::keepalive::Pong;
use crate::operation::{Completion, Delivered, DeliveryError, Token};
use crate::session::flights::{Exchange, Flight};
use crate::session::inbound::Arrival;
use crate::time::Instant;

use super::{Client, Link, weight};

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
            match self.decode(buffer) {
                Ok(Some(packet)) => self.on_packet(packet),
                Ok(None) => break,
                Err(error) => {
                    self.end(DisconnectCause::Malformed(error), Some(error.reason_code()));
                }
            }
        }
        self.stats.bytes_received += (before - buffer.len()) as u64;
        if let Link::Online(online) = &mut self.link {
            online.unread = buffer.len();
        }
        if !self.wants_read() && !core::mem::replace(&mut self.mail.reading_paused, true) {
            self.event(Event::ReadingPaused);
        }
    }

    /// Only bytes that were not in the buffer before are a sign of life (K4).
    fn note_life(&mut self, in_buffer: usize) {
        if let Link::Online(online) = &mut self.link
            && let Some(engine) = &mut online.keep_alive
            && in_buffer > online.unread
        {
            engine.on_received(self.now);
        }
    }

    pub(super) fn resume_reading(&mut self) {
        if core::mem::take(&mut self.mail.reading_paused) {
            self.event(Event::ReadingResumed);
        }
    }

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
        match &mut self.link {
            Link::Opening(opening) => match &mut opening.decoder {
                Some(decoder) => decoder.decode(buffer),
                None => Ok(None),
            },
            Link::Online(online) => online.decoder.decode(buffer),
            _ => Ok(None),
        }
    }

    fn on_packet(&mut self, packet: Packet) {
        let Link::Online(online) = &mut self.link else {
            return self.on_handshake_packet(packet);
        };
        online.proof.alive = true;
        let is_v5 = online.limits.version.has_properties();
        match packet {
            Packet::Publish(publish) => self.on_publish(publish),
            Packet::PubAck(ack) => self.on_puback(&ack),
            Packet::PubRec(ack) => self.on_pubrec(&ack),
            Packet::PubRel(ack) => self.on_pubrel(&ack),
            Packet::PubComp(ack) => self.on_pubcomp(&ack),
            Packet::SubAck(ack) => self.on_suback(ack.packet_id, &ack.codes),
            Packet::UnsubAck(ack) => self.on_unsuback(ack.packet_id, &ack.codes),
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
        let Link::Online(online) = &mut self.link else { return };
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
        let is_v5 = online.limits.version.has_properties();
        let ack = match (publish.qos, publish.packet_id) {
            (QoS::AtMostOnce, _) | (_, None) => None,
            (qos, Some(id)) => match self.session.inbound.on_publish(conn, qos, id) {
                Arrival::Deliver(key) => Some(key),
                Arrival::Duplicate => {
                    self.stats.duplicates_suppressed += 1;
                    return;
                }
            },
        };
        let open = self.session.inbound.open();
        if is_v5 && open > usize::from(self.config.connect.receive_maximum) {
            return self.protocol_error(ProtocolError::ReceiveMaximumExceeded);
        }
        if ack.is_none() && self.inbox_is_full() {
            self.stats.qos0_dropped += 1;
            return;
        }
        let incoming = Incoming { publish, ack };
        self.mail.inbox_bytes += weight(&incoming);
        self.mail.inbox.push_back(incoming);
    }

    fn on_puback(&mut self, ack: &Ack) {
        let Some(flight) = self.take_flight(ack.packet_id, QoS::AtLeastOnce) else { return };
        self.finish_publish(ack, &flight);
    }

    //= [MQTT-4.3.3-4]
    fn on_pubrec(&mut self, ack: &Ack) {
        let id = ack.packet_id;
        let known = match self.session.flights.get_mut(id) {
            Some(Flight { exchange, sent_here: true, .. }) => match exchange {
                Exchange::Publish { publish, token } if publish.qos == QoS::ExactlyOnce => {
                    let token = *token;
                    if !ack.reason.is_error() {
                        // Ownership has passed: the message is not needed any more.
                        *exchange = Exchange::Release { token };
                    }
                    Some(false)
                }
                Exchange::Release { .. } => Some(true),
                _ => None,
            },
            _ => None,
        };
        self.session.replay.on_answer(id);
        match known {
            None => {
                self.stats.unknown_acknowledgements += 1;
                if !ack.reason.is_error() {
                    self.send_ack(PacketType::PubRel, id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
                }
            }
            Some(again) if ack.reason.is_error() => {
                // A refusal ends the exchange; one that comes after PUBREL is out of place.
                match self.take_flight(id, QoS::ExactlyOnce) {
                    Some(flight) if !again => self.finish_publish(ack, &flight),
                    Some(flight) => self.finish_publish(ack, &flight),
                    None => {}
                }
            }
            Some(_) => {
                self.mark_useful();
                self.send_ack(PacketType::PubRel, id, ReasonCode::SUCCESS);
            }
        }
    }

    fn on_pubcomp(&mut self, ack: &Ack) {
        let is_release = (self.session.flights.get(ack.packet_id))
            .is_some_and(|flight| matches!(flight.exchange, Exchange::Release { .. }));
        if !is_release {
            self.stats.unknown_acknowledgements += 1;
            return;
        }
        let Some(flight) = self.take_flight(ack.packet_id, QoS::ExactlyOnce) else { return };
        // "Packet identifier not found" after PUBREC: the server had finished before.
        let reason = match ack.reason {
            ReasonCode::PACKET_IDENTIFIER_NOT_FOUND => ReasonCode::SUCCESS,
            reason => reason,
        };
        self.finish_publish(&Ack::new(ack.packet_id, reason), &flight);
    }

    //= [MQTT-4.3.3-11]
    fn on_pubrel(&mut self, ack: &Ack) {
        let known = self.session.inbound.on_release(ack.packet_id);
        let reason = if known {
            ReasonCode::SUCCESS
        } else {
            self.stats.unknown_acknowledgements += 1;
            ReasonCode::PACKET_IDENTIFIER_NOT_FOUND
        };
        self.send_ack(PacketType::PubComp, ack.packet_id, reason);
    }

    /// Takes out the publish exchange that an acknowledgement of this QoS
    /// ends. Others are counted, and never fatal (D7).
    fn take_flight(&mut self, id: PacketId, qos: QoS) -> Option<Flight> {
        let fits = self.session.flights.get(id).is_some_and(|flight| {
            flight.sent_here
                && match &flight.exchange {
                    Exchange::Publish { publish, .. } => publish.qos == qos,
                    Exchange::Release { .. } => qos == QoS::ExactlyOnce,
                    _ => false,
                }
        });
        if !fits {
            self.stats.unknown_acknowledgements += 1;
            return None;
        }
        self.session.replay.on_answer(id);
        self.mark_useful();
        self.session.flights.remove(id)
    }

    fn finish_publish(&mut self, ack: &Ack, flight: &Flight) {
        self.stats.publishes_acknowledged += 1;
        let token = match &flight.exchange {
            Exchange::Publish { token, .. } | Exchange::Release { token } => *token,
            _ => Token::NONE,
        };
        let result = if ack.reason.is_error() {
            Err(DeliveryError::Refused { reason: ack.reason, attempts: flight.attempts })
        } else {
            Ok(Delivered {
                reason: ack.reason,
                packet_id: Some(ack.packet_id),
                attempts: flight.attempts,
                round_trip: Some(self.now.since(flight.sent)),
            })
        };
        self.complete(Completion::Publish { token, result });
    }

    /// QoS 2 exchanges the server had taken over before it lost the session:
    /// nothing is left to send. Returns what is.
    pub(super) fn forget_releases(
        &mut self,
        unfinished: alloc::vec::Vec<PacketId>,
    ) -> alloc::vec::Vec<PacketId> {
        let mut left = alloc::vec::Vec::with_capacity(unfinished.len());
        for id in unfinished {
            let released = (self.session.flights.get(id))
                .is_some_and(|flight| matches!(flight.exchange, Exchange::Release { .. }));
            match released.then(|| self.session.flights.remove(id)).flatten() {
                Some(flight) => self.finish_publish(&Ack::new(id, ReasonCode::SUCCESS), &flight),
                None => left.push(id),
            }
        }
        left
    }

    fn on_pong(&mut self) {
        let now = self.now;
        let Link::Online(online) = &mut self.link else { return };
        let pong =
            online.keep_alive.as_mut().map_or(Pong::Unsolicited, |engine| engine.on_pong(now));
        match pong {
            Pong::Matched { round_trip } => {
                online.proof.useful = true;
                online.proof.slowest_pong = online.proof.slowest_pong.max(round_trip);
                self.stats.pongs += 1;
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
        };
        self.end(cause, None);
    }

    pub(super) fn mark_useful(&mut self) {
        if let Link::Online(online) = &mut self.link {
            online.proof.useful = true;
        }
    }

    /// Asks for a sign of life now, within the laws K1 and K2: it joins an
    /// outstanding ping and keeps the spacing. False while offline or without
    /// keep-alive.
    pub fn probe(&mut self, now: Instant) -> bool {
        self.advance_clock(now);
        self.request_probe()
    }

    pub(super) fn request_probe(&mut self) -> bool {
        match &mut self.link {
            Link::Online(online) => match &mut online.keep_alive {
                Some(engine) => {
                    engine.request_probe();
                    true
                }
                None => false,
            },
            _ => false,
        }
    }
}
