//! The way of a message to its subscribers.

use std::sync::Arc;

use evenkeel_codec::{Ack, Packet, PacketId, PacketType, QoS, ReasonCode, Version};

use super::Core;
use super::event::EventKind;
use super::ids::{ConnectionId, SessionId};
use super::inflight::{Delivery, Resend};
use super::message::Message;
use super::retained::Kept;
use super::service::{Act, Extension, Permit};
use super::session::{Held, Session};
use super::subscription::Match;
use super::time::{Instant, Time};
use super::timers::Timer;
use super::wire::Wire;

/// What became of a message.
pub(super) struct Distributed {
    /// Somebody has subscribed to it.
    pub(super) matched: bool,
    /// A connected subscriber whose queue is more than half full.
    pub(super) slow: Option<SessionId>,
}

impl Core {
    /// Retains a message if it asks for that, and gives it to everyone who
    /// has subscribed to its topic.
    pub(super) fn distribute(&mut self, now: Instant, message: Arc<Message>) -> Distributed {
        if message.retain {
            let limits = (self.config.limits.retained_messages, self.config.memory.retained_bytes);
            if let Kept::Full(limit) = self.retained.keep(now, &message, limits) {
                self.journal.note_of(now, None, EventKind::LimitReached { limit });
            }
        }
        let mut matches = std::mem::take(&mut self.scratch);
        matches.clear();
        let sessions = &self.sessions;
        let is_online = |id| sessions.is_online(id);
        self.router.matches(&message.topic, &is_online, &mut matches);
        //= [MQTT-3.8.3-3]
        matches.retain(|entry| !entry.subscription.no_local || message.from != Some(entry.session));
        matches.sort_by_key(|entry| entry.session);
        let mut distributed = Distributed { matched: !matches.is_empty(), slow: None };
        for own in matches.chunk_by(|one, other| one.session == other.session) {
            let Some(session) = own.first().map(|entry| entry.session) else { continue };
            let at_once = if self.config.behaviour.merge_subscriptions { own.len() } else { 1 };
            for part in own.chunks(at_once) {
                self.enqueue(now, session, merge(&message, part));
            }
            self.pump(now, session);
            if distributed.slow.is_none() && self.is_slow(session) {
                distributed.slow = Some(session);
            }
        }
        self.scratch = matches;
        distributed
    }

    /// Puts a message into a session's queue, or drops it if that is full.
    //= [MQTT-4.5.0-1]
    pub(super) fn enqueue(&mut self, now: Instant, id: SessionId, delivery: Delivery) {
        let limits = &self.config.limits;
        let held = self.sessions.held_bytes();
        let Some(session) = self.sessions.get_mut(id) else { return };
        let is_kept = delivery.qos > QoS::AtMostOnce || self.config.behaviour.queue_qos_0;
        if session.connection.is_none() && !is_kept {
            return;
        }
        let cost = delivery.cost();
        let before = session.bytes();
        let is_full = session.queue.len() >= limits.queue_messages
            || before + cost > limits.queue_bytes
            || held + cost > limits.queue_bytes_total;
        if !is_full {
            session.queue.push(delivery);
            return self.sessions.recount(id, before);
        }
        self.journal.stats.messages_dropped += 1;
        let client = session.client_id.clone();
        if !session.full_reported {
            session.full_reported = true;
            let kind = EventKind::LimitReached { limit: "queue" };
            self.journal.note_of(now, Some(&client), kind);
        }
        if self.config.behaviour.message_events {
            let topic = delivery.message.topic.as_str().to_owned();
            let kind = EventKind::MessageDropped { topic, why: "queue_full" };
            self.journal.note_of(now, Some(&client), kind);
        }
    }

    /// True if publishers had better wait for this subscriber.
    fn is_slow(&self, id: SessionId) -> bool {
        let limits = &self.config.limits;
        self.sessions
            .get(id)
            .is_some_and(|session| session.connection.is_some() && is_half_full(session, limits))
    }

    /// Sends what waits in a session, as far as its connection has room.
    pub(super) fn pump(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Some(connection_id) = session.connection else { return };
        let Some(connection) = self.connections.get_mut(&connection_id) else { return };
        let Some(window) = connection.online().map(|online| online.window) else { return };
        let mut wire = Wire {
            now,
            id: connection_id,
            connection,
            faults: &mut self.faults,
            journal: &mut self.journal,
            config: &self.config,
        };
        let before = session.bytes();
        weigh(&mut wire, session);
        while !wire.is_closing()
            && wire.connection.output.waiting() < self.config.limits.output_bytes
        {
            if !Self::delivers(self.judge.as_deref(), &mut wire, session, window) {
                break;
            }
            let before = wire.connection.output.buffer.len();
            let gate = self.extension.as_deref().map(|gate| (gate, self.wall.at(now)));
            if !send_again(&mut wire, session, window)
                && !send_next(&mut wire, session, window, gate)
            {
                break;
            }
            Self::delivered(&mut wire, before);
        }
        weigh(&mut wire, session);
        let recovers = !is_half_full(session, &self.config.limits);
        session.full_reported &= !recovers;
        let releases = recovers && !session.held.is_empty();
        self.sessions.recount(id, before);
        if releases {
            self.release_held(now, id);
        }
    }

    /// [`Core::pump`] for the session of a connection, if it has one.
    pub(super) fn pump_connection(&mut self, now: Instant, id: ConnectionId) {
        let connection = self.connections.get(&id);
        if let Some(session) = connection.and_then(|c| c.online()).map(|online| online.session) {
            self.pump(now, session);
        }
    }

    /// An acknowledgement of the client. One that no exchange knows may be late;
    /// one of the wrong kind is an error of the client.
    //= [MQTT-4.13.1-1]
    //= [MQTT311-4.8.0-1]
    pub(super) fn on_ack(&mut self, now: Instant, id: ConnectionId, kind: PacketType, ack: &Ack) {
        use super::inflight::Acked;
        let Some(online) = self.connections.get(&id).and_then(|c| c.online()) else { return };
        let session_id = online.session;
        let Some(session) = self.sessions.get_mut(session_id) else { return };
        let before = session.bytes();
        let acked = match kind {
            PacketType::PubAck => session.inflight.on_puback(ack.packet_id),
            PacketType::PubRec => session.inflight.on_pubrec(ack.packet_id, ack.reason.is_error()),
            _ => session.inflight.on_pubcomp(ack.packet_id),
        };
        self.sessions.recount(session_id, before);
        let Some(mut wire) = self.wire(now, id) else { return };
        match acked {
            Acked::Finished => self.pump(now, session_id),
            Acked::WrongKind => {
                let rule = match wire.connection.version {
                    Version::V5 => "MQTT-4.13.1-1",
                    Version::V31 | Version::V311 => "MQTT311-4.8.0-1",
                };
                let packet_id = ack.packet_id.get();
                let detail = format!(
                    "the message with packet identifier {packet_id} waits for another packet than {kind}"
                );
                wire.violation(rule, ReasonCode::PROTOCOL_ERROR, detail);
            }
            Acked::Release => release(&mut wire, ack.packet_id, ReasonCode::SUCCESS),
            Acked::Unknown => {
                let packet_id = ack.packet_id.get();
                wire.note(EventKind::UnexpectedAck { packet: kind, packet_id });
                if kind == PacketType::PubRec && !ack.reason.is_error() {
                    release(&mut wire, ack.packet_id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
                }
            }
        }
    }

    /// Holds an acknowledgement back for a slow subscriber; false if it
    /// should be sent at once.
    pub(super) fn hold_ack(
        &mut self,
        now: Instant,
        publisher: ConnectionId,
        kind: PacketType,
        packet_id: PacketId,
        slow: SessionId,
    ) -> bool {
        let timeout = self.config.limits.hold_acks_for;
        let online = self.connections.get_mut(&publisher).and_then(|c| c.online_mut());
        let (Some(online), Some(session)) = (online, self.sessions.get_mut(slow)) else {
            return false;
        };
        if timeout.is_zero() || !online.inflow.hold() {
            return false;
        }
        let until = now + timeout;
        if session.held.is_empty() {
            let subscriber = session.client_id.clone();
            self.journal.note_of(now, None, EventKind::AckHeld { subscriber });
        }
        if session.held_timer.is_none() {
            session.held_timer = Some(until);
            self.timers.set(until, Timer::Held(slow));
        }
        session.held.push_back(Held { until, publisher, kind, packet_id });
        true
    }

    /// Sends all acknowledgements that were held back for a session.
    pub(super) fn release_held(&mut self, now: Instant, id: SessionId) {
        while let Some(held) = self.sessions.get_mut(id).and_then(|s| s.held.pop_front()) {
            self.send_held(now, held);
        }
    }

    /// Sends those that were held back for long enough.
    pub(super) fn held_due(&mut self, now: Instant, id: SessionId) {
        while let Some(session) = self.sessions.get_mut(id) {
            session.held_timer = None;
            let Some(until) = session.held.front().map(|held| held.until) else { return };
            if until > now {
                session.held_timer = Some(until);
                self.timers.set(until, Timer::Held(id));
                return;
            }
            if let Some(held) = session.held.pop_front() {
                self.send_held(now, held);
            }
        }
    }

    fn send_held(&mut self, now: Instant, held: Held) {
        let Some(mut wire) = self.wire(now, held.publisher) else { return };
        if let Some(online) = wire.connection.online_mut() {
            online.inflow.release();
        }
        wire.send(&ack(held.kind, Ack::new(held.packet_id, ReasonCode::SUCCESS)));
    }
}

/// Tells the connection what its session holds, for its events.
fn weigh(wire: &mut Wire<'_>, session: &Session) {
    if let Some(online) = wire.connection.online_mut() {
        online.load = session.load();
    }
}

/// Sends one packet that an earlier connection has left unfinished.
//= [MQTT-4.4.0-1]
//= [MQTT-3.3.1-1]
fn send_again(wire: &mut Wire<'_>, session: &mut Session, window: u16) -> bool {
    match session.inflight.next_resend(window) {
        None => return false,
        Some(Resend::Release(id)) => release(wire, id, ReasonCode::SUCCESS),
        Some(Resend::Publish(id, delivery)) => {
            if !wire.publish(&delivery, Some(id), true) {
                session.inflight.give_up(id);
                dropped(wire, &delivery, "too_large");
            }
        }
    }
    true
}

/// Sends the next message of the queue.
//= [MQTT-4.6.0-6]
fn send_next(
    wire: &mut Wire<'_>,
    session: &mut Session,
    window: u16,
    gate: Option<(&dyn Extension, Time)>,
) -> bool {
    let Some(delivery) = session.queue.pop(session.inflight.has_room(window)) else {
        return false;
    };
    weigh(wire, session);
    //= [MQTT-3.3.2-5]
    if delivery.message.is_expired(wire.now) {
        dropped(wire, &delivery, "expired");
        return true;
    }
    if !may_receive(wire, gate, &delivery.message.topic) {
        dropped(wire, &delivery, "not_authorized");
        return true;
    }
    let packet_id = match delivery.qos {
        QoS::AtMostOnce => None,
        _ => session.inflight.begin(delivery.clone()),
    };
    weigh(wire, session);
    if !wire.publish(&delivery, packet_id, false) {
        if let Some(id) = packet_id {
            session.inflight.give_up(id);
        }
        dropped(wire, &delivery, "too_large");
    }
    true
}

/// Whether the gate lets the client have messages of this topic.
fn may_receive(wire: &mut Wire<'_>, gate: Option<(&dyn Extension, Time)>, topic: &str) -> bool {
    let Some((gate, time)) = gate else { return true };
    let act = Act::Receive(topic);
    if gate.may(time, wire.id, act) == Permit::Allow {
        return true;
    }
    let why = gate.explain(wire.id, act);
    wire.note(EventKind::Denied { act: act.name(), topic: topic.into(), why });
    false
}

fn dropped(wire: &mut Wire<'_>, delivery: &Delivery, why: &'static str) {
    wire.journal.stats.messages_dropped += 1;
    let topic = delivery.message.topic.as_str().to_owned();
    wire.note(EventKind::MessageDropped { topic, why });
}

fn release(wire: &mut Wire<'_>, id: PacketId, reason: ReasonCode) {
    wire.send(&Packet::PubRel(Ack::new(id, reason)));
}

/// An acknowledgement as the packet of its type.
pub(super) fn ack(kind: PacketType, ack: Ack) -> Packet {
    match kind {
        PacketType::PubRec => Packet::PubRec(ack),
        PacketType::PubComp => Packet::PubComp(ack),
        _ => Packet::PubAck(ack),
    }
}

fn is_half_full(session: &Session, limits: &super::Limits) -> bool {
    session.queue.len() > limits.queue_messages / 2 || session.bytes() > limits.queue_bytes / 2
}

/// One delivery for all subscriptions of a session that match.
//= [MQTT-3.3.4-2]
//= [MQTT-3.3.4-3]
//= [MQTT-3.3.4-4]
//= [MQTT-3.3.1-12]
//= [MQTT-3.3.1-13]
//= [MQTT-3.8.4-8]
fn merge(message: &Arc<Message>, own: &[Match]) -> Delivery {
    let granted = own.iter().map(|entry| entry.subscription.qos).max().unwrap_or_default();
    let as_published = own.iter().any(|entry| entry.subscription.retain_as_published);
    Delivery {
        message: message.clone(),
        qos: granted.min(message.qos),
        retain: message.retain && as_published,
        identifiers: own.iter().filter_map(|entry| entry.subscription.identifier).collect(),
    }
}
