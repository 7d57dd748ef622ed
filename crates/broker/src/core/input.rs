//! What the outside tells the core, and the way of a packet to its handler.

use bytes::BytesMut;
use evenkeel_codec::{ConnAck, DecodeError, Packet, PacketType, ReasonCode, Version};

use super::connection::{Connection, Phase, Postponed, Refusal};
use super::event::{CloseReason, EventKind};
use super::ids::ConnectionId;
use super::journal::Journal;
use super::service::Arrival;
use super::time::Instant;
use super::timers::Timer;
use super::{ConnectionStatus, Core, End};
use crate::fault::{Action, Hit, Trigger};

impl Core {
    /// A transport was opened. What its handshakes show comes later, by
    /// [`Core::secured`] and [`Core::upgrade`].
    ///
    /// The connection is there in any case; beyond a limit, or by a rule, its
    /// [`ConnectionStatus`] says that it closes.
    pub fn open(&mut self, now: Instant, arrival: Arrival) -> ConnectionId {
        self.tick_sessions(now);
        self.opened += 1;
        let id = ConnectionId::new(self.opened);
        let limits = &self.config.limits;
        let is_full = self.connections.len() >= limits.connections;
        let maximum = match &self.judge {
            Some(judge) => judge.packet_size(None),
            None => self.config.offer.maximum_packet_size,
        };
        let (transport, peer) = (arrival.transport, arrival.peer.clone());
        let connection =
            Connection::new(now, self.opened, arrival, limits.connect_timeout, maximum);
        self.connections.insert(id, Box::new(connection));
        self.journal.stats.connections += 1;
        self.journal.stats.connections_now += 1;
        if let Some(mut wire) = self.wire(now, id) {
            wire.note(EventKind::Opened { transport, peer });
            if is_full {
                wire.note(EventKind::LimitReached { limit: "connections" });
                wire.abort(CloseReason::Limit);
            }
            for Hit { action, wait, .. } in wire.judge(Trigger::Opened, None) {
                if wait.is_zero() {
                    wire.act(action);
                } else {
                    wire.postpone(wait, Postponed::Act(action));
                }
            }
        }
        self.end_connections(now);
        id
    }

    /// Bytes came from the client: whole packets are taken off the front and
    /// handled. What is left must stay in front of the bytes to come.
    pub fn receive(&mut self, now: Instant, id: ConnectionId, bytes: &mut BytesMut) {
        self.receive_below(now, id, bytes, self.config.limits.output_bytes);
    }

    /// The same for a connection that has no time left, because its transport
    /// has ended or another connection takes its session over: a client that
    /// does not read is read from all the same.
    pub fn receive_all(&mut self, now: Instant, id: ConnectionId, bytes: &mut BytesMut) {
        self.receive_below(now, id, bytes, usize::MAX);
    }

    fn receive_below(
        &mut self,
        now: Instant,
        id: ConnectionId,
        bytes: &mut BytesMut,
        limit: usize,
    ) {
        self.tick_sessions(now);
        let before = bytes.len();
        while let Some(connection) = self.connections.get_mut(&id) {
            if !connection.reads(now, limit) {
                break;
            }
            connection.keep_alive.on_received(now);
            let is_first = matches!(connection.phase, Phase::Opened);
            let level = if is_first { protocol_level(bytes) } else { None };
            let (waiting, counts) = (bytes.len(), connection.online().is_some());
            match connection.decoder.decode(bytes) {
                Ok(Some(packet)) => {
                    let size = waiting - bytes.len();
                    if let Phase::Pending(held) = &mut connection.phase {
                        held.push(packet, size);
                        continue;
                    }
                    self.arrived(now, id, packet);
                    if counts && self.judge.is_some() {
                        self.charge(now, id, size);
                    }
                }
                Ok(None) => break,
                Err(error) => self.malformed(now, id, error, level),
            }
        }
        self.journal.stats.bytes_received += (before - bytes.len()) as u64;
        self.end_connections(now);
    }

    /// The transport has taken this many bytes of those
    /// [`Core::take_output`] gave.
    pub fn written(&mut self, now: Instant, id: ConnectionId, bytes: usize) {
        let limit = self.config.limits.output_bytes;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !connection.reads(now, limit) {
            connection.keep_alive.restart(now);
        }
        connection.output.written(now, bytes);
        self.pump_connection(now, id);
        self.end_connections(now);
    }

    /// Appends what is to be sent to the client now.
    pub fn take_output(&mut self, now: Instant, id: ConnectionId, into: &mut Vec<u8>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let taken = connection.output.take(now, into);
        if taken == 0 {
            return;
        }
        self.journal.stats.bytes_sent += taken as u64;
        if let Some(closing) = &mut connection.closing {
            // A client that still reads is given its time.
            closing.deadline = closing.deadline.max(now + super::connection::CLOSE_TIMEOUT);
        }
        if let Some(online) = connection.online_mut() {
            online.inflow.on_output_taken(taken);
        }
    }

    /// The transport is closed, by whichever side. The connection is gone.
    pub fn closed(&mut self, now: Instant, id: ConnectionId) {
        self.tick_sessions(now);
        if let Some(mut wire) = self.wire(now, id) {
            let lost = match wire.connection.phase {
                Phase::Opened | Phase::Authenticating(..) => CloseReason::NoConnect,
                Phase::Pending(_) | Phase::Requested(_) => CloseReason::ConnectionLost,
                Phase::Online(_) | Phase::Over => CloseReason::ConnectionLost,
            };
            wire.lose(lost);
        }
        self.end_connections(now);
        if let Some(connection) = self.connections.remove(&id) {
            self.journal.stats.connections_now -= 1;
            Journal::add_counts(&mut self.journal.stats, &connection);
            self.faults.forget(id);
        }
        if let Some(gate) = &mut self.extension {
            gate.forget(id);
        }
    }

    /// Does everything that is due. The only input of a driver that has read
    /// all transports; one that reads them apart uses
    /// [`Core::tick_connection`] and [`Core::tick_sessions`].
    pub fn tick(&mut self, now: Instant) {
        self.tick_sessions(now);
        for id in self.connection_ids() {
            self.tick_connection(now, id);
        }
    }

    /// Does what is due for one connection: judges its keep alive, sends what
    /// faults have delayed. Everything the transport has must have been read.
    pub fn tick_connection(&mut self, now: Instant, id: ConnectionId) {
        while let Some(later) = self.connections.get_mut(&id).and_then(|c| c.delayed.pop(now)) {
            self.happen(now, id, later);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            if connection.input.end().is_some_and(|end| end <= now) {
                connection.input = super::output::Pause::Off;
                connection.keep_alive.restart(now);
                self.journal.wake(id, connection);
            }
            match &mut connection.closing {
                Some(closing) if closing.deadline <= now && !closing.abort => {
                    closing.abort = true;
                    self.journal.wake(id, connection);
                }
                _ if !connection.output.buffer.is_empty() => self.journal.wake(id, connection),
                _ => {}
            }
            self.judge_silence(now, id);
            self.tick_meter(now, id);
        }
        self.end_connections(now);
    }

    /// Does what is due apart from connections: wills, expiry, `$SYS`, the service.
    pub fn tick_sessions(&mut self, now: Instant) {
        while let Some((at, timer)) = self.timers.pop(now) {
            match timer {
                Timer::Will(session) => self.will_due(now, at, session),
                Timer::Expiry(session) => self.expiry_due(now, at, session),
                Timer::Held(session) => self.held_due(now, session),
                Timer::Sys => self.sys_due(now),
            }
        }
        self.tick_service(now);
        self.end_connections(now);
    }

    /// How a connection stands; one that is gone closes at once.
    pub fn status(&self, now: Instant, id: ConnectionId) -> ConnectionStatus {
        let Some(connection) = self.connections.get(&id) else {
            return ConnectionStatus { reads: false, deadline: None, end: End::Abort };
        };
        ConnectionStatus {
            reads: connection.reads(now, self.config.limits.output_bytes),
            deadline: connection.deadline(now),
            end: match connection.closing {
                None => End::None,
                Some(closing) if closing.abort => End::Abort,
                Some(_) if connection.output.waiting() == 0 => End::Done,
                Some(_) => End::Flush,
            },
        }
    }

    //= [MQTT-3.1.2-22]
    fn judge_silence(&mut self, now: Instant, id: ConnectionId) {
        let limit = self.config.limits.output_bytes;
        let Some(mut wire) = self.wire(now, id) else { return };
        if wire.connection.held().is_some() {
            // The broker is silent, not the client.
            return self.judge_admission(now, id);
        }
        if wire.connection.requested().is_some_and(|held| held.deadline().is_some()) {
            return self.judge_request(now, id);
        }
        let is_due = wire.connection.keep_alive.deadline().is_some_and(|at| at <= now);
        if !is_due {
            return;
        }
        if !wire.connection.reads(now, limit) {
            // What the client has sent meanwhile lies unread.
            wire.connection.keep_alive.restart(now);
            return;
        }
        if wire.connection.online().is_none() {
            wire.close(CloseReason::NoConnect);
            return;
        }
        if self.end_silence(now, id) {
            return;
        }
        let Some(mut wire) = self.wire(now, id) else { return };
        let silence = wire.connection.keep_alive.timeout().as_secs_f64();
        wire.journal.stats.keep_alive_timeouts += 1;
        wire.note(EventKind::KeepAliveTimeout { silence });
        wire.disconnect(ReasonCode::KEEP_ALIVE_TIMEOUT, CloseReason::KeepAliveTimeout);
    }

    /// A packet came: faults first, then its handler.
    pub(super) fn arrived(&mut self, now: Instant, id: ConnectionId, packet: Packet) {
        let kind = packet.packet_type();
        if let Packet::Connect(connect) = &packet {
            self.identify(id, connect);
        }
        let Some(mut wire) = self.wire(now, id) else { return };
        wire.journal.received(now, id, wire.connection, kind);
        if wire.faults.is_empty() {
            self.handle(now, id, packet, None);
            return;
        }
        let hits = wire.judge(Trigger::Received(Some(kind)), Some(&packet));
        self.handle_through(now, id, packet, hits);
    }

    /// Handles a packet as the rules that hit it say.
    fn handle_through(&mut self, now: Instant, id: ConnectionId, packet: Packet, hits: Vec<Hit>) {
        let Some(mut wire) = self.wire(now, id) else { return };
        let (mut copies, mut delay, mut close_after, mut refusal) =
            (1, std::time::Duration::ZERO, false, None);
        for hit in hits {
            match hit.action {
                action if !hit.wait.is_zero() => wire.postpone(hit.wait, Postponed::Act(action)),
                Action::Drop => copies = 0,
                Action::Duplicate => copies *= 2,
                Action::Delay(by) => delay += by,
                Action::CloseAfter => close_after = true,
                Action::Refuse { code, server_reference } => {
                    refusal = Some(Refusal { code, server_reference });
                }
                action => wire.act(action),
            }
        }
        if wire.is_closing() {
            return;
        }
        for _ in 0..copies.min(16) {
            if delay.is_zero() {
                self.handle(now, id, packet.clone(), refusal.as_ref());
            } else if let Some(mut wire) = self.wire(now, id) {
                wire.postpone(delay, Postponed::Handle(packet.clone(), refusal.clone()));
            }
        }
        if close_after && let Some(mut wire) = self.wire(now, id) {
            wire.close(CloseReason::Fault);
        }
    }

    /// Something that a fault postponed.
    fn happen(&mut self, now: Instant, id: ConnectionId, later: Postponed) {
        let Some(mut wire) = self.wire(now, id) else { return };
        match later {
            Postponed::Send { kind, bytes, ends_exchange } => {
                wire.put_bytes(kind, ends_exchange, &bytes);
            }
            Postponed::Act(action) => wire.act(action),
            Postponed::Handle(packet, refusal) if !wire.is_closing() => {
                self.handle(now, id, packet, refusal.as_ref());
            }
            Postponed::Handle(..) => {}
        }
    }

    fn handle(
        &mut self,
        now: Instant,
        id: ConnectionId,
        packet: Packet,
        refusal: Option<&Refusal>,
    ) {
        if self.judge.is_some() && !self.judge_properties(now, id, &packet) {
            return;
        }
        let Some(connection) = self.connections.get(&id) else { return };
        match (&connection.phase, packet) {
            (Phase::Opened, Packet::Connect(connect)) => {
                self.on_connect(now, id, connect, refusal);
            }
            (Phase::Authenticating(..), Packet::Auth(auth)) => self.on_first_auth(now, id, &auth),
            (Phase::Authenticating(..), Packet::Disconnect(_)) => {
                self.end(now, id, CloseReason::Disconnected);
            }
            (Phase::Online(_), Packet::Publish(publish)) => self.on_publish(now, id, publish),
            (Phase::Online(_), Packet::PubAck(ack)) => {
                self.on_ack(now, id, PacketType::PubAck, &ack);
            }
            (Phase::Online(_), Packet::PubRec(ack)) => {
                self.on_ack(now, id, PacketType::PubRec, &ack);
            }
            (Phase::Online(_), Packet::PubComp(ack)) => {
                self.on_ack(now, id, PacketType::PubComp, &ack);
            }
            (Phase::Online(_), Packet::PubRel(ack)) => self.on_release(now, id, &ack),
            (Phase::Online(_), Packet::Subscribe(packet)) => self.on_subscribe(now, id, packet),
            (Phase::Online(_), Packet::Unsubscribe(packet)) => {
                self.on_unsubscribe(now, id, packet);
            }
            //= [MQTT-3.12.4-1]
            (Phase::Online(_), Packet::PingReq) => {
                if self.judge_ping(now, id)
                    && let Some(mut wire) = self.wire(now, id)
                {
                    wire.send(&Packet::PingResp);
                }
            }
            (Phase::Online(_), Packet::Auth(auth)) => self.on_auth(now, id, &auth),
            (Phase::Online(_), Packet::Disconnect(packet)) => {
                self.on_disconnect(now, id, &packet);
            }
            (_, packet) => self.misplaced(now, id, &packet),
        }
    }

    /// A packet that may not come now, or never from a client.
    //= [MQTT-3.1.0-1]
    //= [MQTT-3.1.0-2]
    fn misplaced(&mut self, now: Instant, id: ConnectionId, packet: &Packet) {
        let rule = match packet {
            Packet::Connect(_) => "MQTT-3.1.0-2",
            _ => "section 4.13",
        };
        let kind = packet.packet_type();
        if let Some(mut wire) = self.wire(now, id) {
            let detail = format!("{kind} has no place here");
            wire.violation(rule, ReasonCode::PROTOCOL_ERROR, detail);
        }
    }

    //= [MQTT-3.1.4-1]
    fn malformed(&mut self, now: Instant, id: ConnectionId, error: DecodeError, level: Option<u8>) {
        if let DecodeError::PacketTooLarge { size, .. } = error
            && self.judge_size(now, id, size)
        {
            return;
        }
        let Some(mut wire) = self.wire(now, id) else { return };
        if let (Phase::Opened, DecodeError::ProtocolLevel { level }) =
            (&wire.connection.phase, error)
        {
            // The client may not know the CONNACK of any version but its own.
            //= [MQTT-3.1.2-2]
            let connack: &[u8] = if level < 5 { &[0x20, 2, 0, 1] } else { &[0x20, 3, 0, 0x84, 0] };
            wire.put_raw(connack);
        } else if level == Some(Version::V5.level()) {
            // A first packet of MQTT 5 is answered in CONNACK.
            wire.connection.version = Version::V5;
            let reason = error.reason_code();
            wire.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
        }
        wire.violation(error.rule(), error.reason_code(), format!("{error:#}"));
    }
}

/// The protocol level in a CONNECT whose name is MQTT, as far as it has come.
fn protocol_level(bytes: &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    if PacketType::from_first_byte(*first) != Some(PacketType::Connect) {
        return None;
    }
    let len = rest.iter().take(4).position(|byte| byte & 0x80 == 0)? + 1;
    rest.get(len..)?.strip_prefix(b"\0\x04MQTT")?.first().copied()
}
