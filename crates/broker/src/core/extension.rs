//! What the core asks and tells its extension, and what it does for it.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::{Connect, Publish, ReasonCode, Version, Will};
use serde_json::Value;

use super::Core;
use super::event::{CloseReason, EventKind};
use super::ids::ConnectionId;
use super::inflight::Delivery;
use super::message::Message;
use super::service::{
    Act, Admission, Arrival, Claim, Effect, Effects, Extension, Gate, Happening, HttpFacts, Parts,
    Permit, TlsFacts,
};
use super::time::{Instant, Time};

impl Core {
    /// Lets somebody else decide who may do what, and what happens behind topics;
    /// from now on, in place of whoever did before.
    pub fn extend(&mut self, extension: Box<dyn Extension>) {
        self.extension = Some(extension);
    }

    /// True if there is an extension, which wants to know the wall clock.
    pub const fn is_extended(&self) -> bool {
        self.extension.is_some()
    }

    /// Tells the time of the wall clock, since the beginning of 1970. It goes on
    /// by itself, so once is enough if nobody sets it.
    pub fn set_wall_clock(&mut self, now: Instant, unix: Duration) {
        self.wall.set(now, unix);
    }

    /// A request of the owner's for the extension; `None` without one.
    pub fn ask(&mut self, now: Instant, request: &Value) -> Option<Value> {
        self.tick_sessions(now);
        let time = self.wall.at(now);
        let mut effects = Effects::default();
        let answer = self.extension.as_mut()?.ask(time, request, &mut effects);
        self.apply(now, effects);
        self.end_connections(now);
        Some(answer)
    }

    /// What of the extension's state has to be written down before any output leaves.
    pub fn unsaved(&mut self, now: Instant) -> Parts {
        let time = self.wall.at(now);
        self.extension.as_mut().map(|extension| extension.changes(time)).unwrap_or_default()
    }

    /// The extension's whole state, part by part.
    pub fn state(&self, now: Instant) -> Box<dyn Iterator<Item = (String, String)> + '_> {
        match &self.extension {
            Some(extension) => extension.state(self.wall.at(now)),
            None => Box::new(std::iter::empty()),
        }
    }

    /// The TLS handshake of a connection is over.
    pub fn secured(&mut self, now: Instant, id: ConnectionId, tls: TlsFacts) {
        let Some(mut wire) = self.wire(now, id) else { return };
        wire.note(EventKind::Tls {
            alpn: tls.alpn.clone(),
            server_name: tls.server_name.clone(),
            version: tls.version.clone(),
            client_certificate: tls.fingerprint.clone(),
        });
        if let Some(arrival) = &mut wire.connection.arrival {
            arrival.tls = Some(tls);
        }
    }

    /// An HTTP request is to become a WebSocket; `Err` is the status that refuses it.
    pub fn upgrade(&mut self, now: Instant, id: ConnectionId, http: HttpFacts) -> Result<(), u16> {
        let time = self.wall.at(now);
        let connection = self.connections.get_mut(&id);
        let Some(arrival) = connection.and_then(|c| c.arrival.as_mut()) else { return Ok(()) };
        arrival.http = Some(http);
        let answer = match &mut self.extension {
            Some(extension) => extension.upgrade(time, arrival),
            None => Ok(()),
        };
        if let (Err(status), Some(mut wire)) = (answer, self.wire(now, id)) {
            wire.note(EventKind::UpgradeRefused { status });
        }
        answer
    }

    /// The client has ended its WebSocket by a Close frame. To some services that is
    /// as good as DISCONNECT.
    pub fn close_frame(&mut self, now: Instant, id: ConnectionId) {
        let ends = self.extension.as_ref().is_some_and(|one| one.close_frame_is_disconnect());
        if !ends {
            return;
        }
        if let Some(mut wire) = self.wire(now, id) {
            if let Some(online) = wire.connection.online_mut() {
                online.will = None;
            }
            wire.close(CloseReason::Disconnected);
        }
        self.end_connections(now);
    }

    /// Asks the gate about a CONNECT, and does what a refusal demands.
    pub(super) fn ask_gate(
        &mut self,
        now: Instant,
        id: ConnectionId,
        connect: &Connect,
    ) -> Admission {
        self.with_gate(now, id, connect, |gate, time, arrival| {
            gate.admit(time, id, arrival, connect)
        })
    }

    /// The same with what the gate has to say of a CONNECT later.
    pub(super) fn with_gate(
        &mut self,
        now: Instant,
        id: ConnectionId,
        connect: &Connect,
        ask: impl FnOnce(&mut dyn Extension, Time, &Arrival) -> Admission,
    ) -> Admission {
        let time = self.wall.at(now);
        let Some(connection) = self.connections.get_mut(&id) else { return Admission::Close };
        let arrival = connection.arrival.take();
        let Some(extension) = &mut self.extension else { return Admission::Welcome };
        let admission = match &arrival {
            Some(arrival) => ask(&mut **extension, time, arrival),
            None => Admission::Close,
        };
        match admission {
            Admission::Welcome => return admission,
            Admission::Ask => {
                // It will be wanted once more.
                connection.arrival = arrival;
                return admission;
            }
            Admission::Refuse { reason, why } => self.refuse(now, id, reason, why),
            Admission::Close => self.end(now, id, CloseReason::Refused),
        }
        self.tell(now, &Happening::Refused { id, client: &connect.client_id });
        admission
    }

    /// Whether a client may do this: the gate first, then the broker's own settings.
    pub(super) fn permits(&mut self, now: Instant, id: ConnectionId, act: Act<'_>) -> Permit {
        let time = self.wall.at(now);
        let Some(gate) = &self.extension else { return self.config.access.may(time, id, act) };
        let permit = gate.may(time, id, act);
        if permit == Permit::Allow {
            return self.config.access.may(time, id, act);
        }
        let (topic, why) = (act.topic().to_owned(), gate.explain(id, act));
        if let Some(mut wire) = self.wire(now, id) {
            wire.note(EventKind::Denied { act: act.name(), topic, why });
        }
        permit
    }

    /// The longest session expiry that is granted, in seconds.
    pub(super) fn longest_session(&self) -> u32 {
        let own = self.config.offer.session_expiry_maximum;
        let of_gate = self.extension.as_ref().and_then(|gate| gate.longest_session());
        of_gate.map_or(own, |longest| u32::try_from(longest.as_secs()).unwrap_or(u32::MAX).min(own))
    }

    /// Who gets a message with this topic.
    pub(super) fn claims(&self, topic: &str) -> Claim {
        self.extension.as_ref().map_or(Claim::Pass, |service| service.claims(topic))
    }

    /// A will may go where a message of its client may; false if the CONNECT is over.
    pub(super) fn admit_will(&mut self, now: Instant, id: ConnectionId, connect: &Connect) -> bool {
        let Some(will) = &connect.will else { return true };
        let reason = match self.claims(&will.topic) {
            Claim::Forbid(reason) if connect.version == Version::V5 => reason,
            // The word of older versions that lets a client not try on and on.
            Claim::Forbid(_) => ReasonCode::NOT_AUTHORIZED,
            _ if will.topic.starts_with("$SYS/") => ReasonCode::NOT_AUTHORIZED,
            Claim::Pass | Claim::Consume => return true,
        };
        if let Some(mut wire) = self.wire(now, id) {
            let why = "no client may publish there, nor may its will".into();
            wire.note(EventKind::Denied { act: "publish", topic: will.topic.as_str().into(), why });
        }
        self.refuse(now, id, reason, "will topic");
        false
    }

    /// Tells the service, and does what it wants.
    pub(super) fn tell(&mut self, now: Instant, what: &Happening<'_>) {
        let time = self.wall.at(now);
        let Some(extension) = &mut self.extension else { return };
        let mut effects = Effects::default();
        extension.on(time, what, &mut effects);
        self.apply(now, effects);
    }

    /// A message of a client's for the service alone.
    pub(super) fn consume(
        &mut self,
        now: Instant,
        id: ConnectionId,
        topic: &str,
        publish: &Publish,
    ) {
        self.tell(now, &Happening::Published { id, topic, publish });
        self.acknowledge(now, id, publish, ReasonCode::SUCCESS);
    }

    /// Lets the service do what is due.
    pub(super) fn tick_service(&mut self, now: Instant) {
        let time = self.wall.at(now);
        let Some(extension) = &mut self.extension else { return };
        if extension.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let mut effects = Effects::default();
        extension.tick(time, &mut effects);
        self.apply(now, effects);
    }

    pub(super) fn apply(&mut self, now: Instant, effects: Effects) {
        for effect in effects.0 {
            match effect {
                Effect::Publish(message) => {
                    self.distribute(now, Arc::new(Message::of_will(now, message)));
                }
                Effect::Send(id, message) => self.send_past_router(now, id, message),
                Effect::Disconnect(id, reason) => {
                    if let Some(mut wire) = self.wire(now, id) {
                        wire.disconnect(reason, CloseReason::Administrative);
                    }
                }
                Effect::Delete { id, forget_session, drop_will } => {
                    self.delete_connection(now, id, forget_session, drop_will);
                }
                Effect::Note(kind) => self.journal.note_of(now, None, kind),
            }
        }
    }

    fn delete_connection(
        &mut self,
        now: Instant,
        id: ConnectionId,
        forget_session: bool,
        drop_will: bool,
    ) {
        let Some(mut wire) = self.wire(now, id) else { return };
        let Some(online) = wire.connection.online_mut() else { return };
        let session = online.session;
        if drop_will {
            online.will = None;
        }
        wire.disconnect(ReasonCode::ADMINISTRATIVE_ACTION, CloseReason::Administrative);
        if forget_session && let Some(session) = self.sessions.get_mut(session) {
            session.expiry = 0;
        }
    }

    fn send_past_router(&mut self, now: Instant, id: ConnectionId, message: Will) {
        let online = self.connections.get(&id).and_then(|c| c.online());
        let Some(session) = online.map(|online| online.session) else { return };
        let delivery = Delivery {
            qos: message.qos,
            retain: false,
            identifiers: Box::default(),
            message: Arc::new(Message::of_will(now, message)),
        };
        self.enqueue(now, session, delivery);
        self.pump(now, session);
    }
}
