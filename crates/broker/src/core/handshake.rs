//! From CONNECT to CONNACK.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::{
    Auth, ConnAck, Connect, Decoder, Packet, PacketType, Properties, Property, QoS, ReasonCode,
    Text, Version,
};

use super::Core;
use super::alias::{ReceivedAliases, SentAliases};
use super::auth::{Answer, Exchange};
use super::config::Offer;
use super::connection::{Online, Phase, Refusal};
use super::event::{CloseReason, EventKind};
use super::ids::{ConnectionId, SessionId};
use super::inflow::Inflow;
use super::quota::Judge;
use super::service::{Admission, Happening};
use super::session::Session;
use super::time::Instant;
use super::will;
use super::wire::{server, set_code};
use crate::fault::{Action, Announce, Hit, Trigger};

/// What CONNACK grants to one client.
struct Grant {
    session_present: bool,
    keep_alive: u16,
    expiry: u32,
    assigned_id: Option<Text>,
    receive_maximum: u16,
    topic_alias_maximum: u16,
}

impl Core {
    /// Learns whose connection this is, before rules look at its CONNECT.
    pub(super) fn identify(&mut self, id: ConnectionId, connect: &Connect) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !matches!(connection.phase, Phase::Opened) {
            return;
        }
        connection.version = connect.version;
        connection.maximum_packet_size = connect.properties.maximum_packet_size();
        if !connect.client_id.is_empty() {
            let client: Arc<str> = connect.client_id.as_str().into();
            let limit = self.config.limits.counted_clients;
            connection.number = self.journal.count_connect(&client, limit);
            connection.client_id = Some(client);
        }
    }

    pub(super) fn on_connect(
        &mut self,
        now: Instant,
        id: ConnectionId,
        connect: Connect,
        refusal: Option<&Refusal>,
    ) {
        if let Some(refusal) = refusal {
            return self.refuse_with(now, id, refusal);
        }
        let Some(connect) = self.judge_connect(now, id, connect) else { return };
        match self.ask_gate(now, id, &connect) {
            Admission::Welcome => self.enter(now, id, connect),
            Admission::Ask => self.hold(now, id, connect),
            Admission::Refuse { .. } | Admission::Close => {}
        }
    }

    /// The gate has let a client in; the broker's own checks are next.
    pub(super) fn enter(&mut self, now: Instant, id: ConnectionId, connect: Connect) {
        if let Err((reason, why)) = self.admit(&connect) {
            return self.refuse(now, id, reason, why);
        }
        if !self.admit_will(now, id, &connect) {
            return;
        }
        let Some(method) = connect.properties.authentication_method() else {
            return self.accept(now, id, &connect);
        };
        let challenge = self.config.access.challenge.as_ref();
        let Some(challenge) = challenge.filter(|challenge| challenge.method == *method) else {
            let reason = ReasonCode::BAD_AUTHENTICATION_METHOD;
            return self.refuse(now, id, reason, "authentication method");
        };
        match Exchange::begin(challenge, method, id) {
            None => self.accept(now, id, &connect),
            Some((exchange, auth)) => {
                let Some(mut wire) = self.wire(now, id) else { return };
                wire.connection.phase = Phase::Authenticating(Box::new(connect), exchange);
                wire.send(&Packet::Auth(auth));
            }
        }
    }

    /// Everything that can be wrong with a well-formed CONNECT.
    //= [MQTT-3.1.4-2]
    fn admit(&self, connect: &Connect) -> Result<(), (ReasonCode, &'static str)> {
        let offer = &self.config.offer;
        //= [MQTT311-3.1.3-8]
        //= [MQTT311-3.1.3-9]
        let may_be_empty = match connect.version {
            Version::V31 => false,
            Version::V311 => connect.clean_start,
            Version::V5 => true,
        };
        if connect.client_id.is_empty() && !may_be_empty {
            return Err((ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, "client identifier"));
        }
        if let Some(will) = &connect.will {
            //= [MQTT-3.2.2-12]
            if will.qos > offer.maximum_qos {
                return Err((ReasonCode::QOS_NOT_SUPPORTED, "will qos"));
            }
            //= [MQTT-3.2.2-13]
            if will.retain && !offer.retain {
                return Err((ReasonCode::RETAIN_NOT_SUPPORTED, "will retain"));
            }
        }
        if let Admission::Refuse { reason, why } = self.config.access.judge(connect) {
            return Err((reason, why));
        }
        let is_known = self.sessions.find(&connect.client_id).is_some();
        let is_full = self.sessions.len() >= self.config.limits.sessions;
        if !is_known && is_full && self.sessions.oldest_away().is_none() {
            return Err((ReasonCode::QUOTA_EXCEEDED, "sessions"));
        }
        let limits = &self.config.limits;
        let will = connect.will.as_deref().map_or(0, will::weight);
        let room = limits.queue_bytes_total.saturating_sub(self.sessions.held_bytes());
        if will > room.min(limits.queue_bytes) {
            return Err((ReasonCode::QUOTA_EXCEEDED, "queue"));
        }
        Ok(())
    }

    pub(super) fn refuse(
        &mut self,
        now: Instant,
        id: ConnectionId,
        reason: ReasonCode,
        why: &'static str,
    ) {
        let Some(mut wire) = self.wire(now, id) else { return };
        wire.journal.stats.connects_refused += 1;
        if reason == ReasonCode::QUOTA_EXCEEDED {
            wire.note(EventKind::LimitReached { limit: why });
        }
        wire.note(EventKind::Refused { reason, why });
        wire.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
        wire.close(CloseReason::Refused);
    }

    /// Refuses as a rule says: with the code as it is.
    fn refuse_with(&mut self, now: Instant, id: ConnectionId, refusal: &Refusal) {
        let Some(mut wire) = self.wire(now, id) else { return };
        wire.journal.stats.connects_refused += 1;
        wire.note(EventKind::Refused { reason: ReasonCode(refusal.code), why: "fault" });
        let connack = ConnAck {
            reason: ReasonCode::SERVER_UNAVAILABLE,
            properties: server(refusal.server_reference.as_deref()),
            ..ConnAck::default()
        };
        let mut bytes = Vec::new();
        if Packet::ConnAck(connack).encode(wire.connection.version, &mut bytes).is_ok() {
            set_code(&mut bytes, 1, refusal.code);
            wire.put_bytes(PacketType::ConnAck, false, &bytes);
        }
        wire.close(CloseReason::Fault);
    }

    /// AUTH before CONNACK.
    //= [MQTT-4.12.0-3]
    pub(super) fn on_first_auth(&mut self, now: Instant, id: ConnectionId, auth: &Auth) {
        let Some(mut wire) = self.wire(now, id) else { return };
        let Phase::Authenticating(_, exchange) = &mut wire.connection.phase else { return };
        let is_answer = auth.reason == ReasonCode::CONTINUE_AUTHENTICATION;
        if !is_answer || auth.properties.authentication_method().as_ref() != Some(exchange.method())
        {
            let detail = "AUTH with another method or purpose than CONNECT".into();
            return wire.violation("MQTT-4.12.0-5", ReasonCode::PROTOCOL_ERROR, detail);
        }
        match exchange.on_answer(auth, id) {
            Answer::Continue(auth) => wire.send(&Packet::Auth(auth)),
            //= [MQTT-4.12.0-4]
            Answer::Rejected => self.refuse(now, id, ReasonCode::NOT_AUTHORIZED, "authentication"),
            Answer::Accepted => {
                wire.note(EventKind::Authenticated { again: false });
                let phase = std::mem::replace(&mut wire.connection.phase, Phase::Opened);
                if let Phase::Authenticating(connect, _) = phase {
                    self.accept(now, id, &connect);
                }
            }
        }
    }

    /// AUTH after CONNACK.
    pub(super) fn on_auth(&mut self, now: Instant, id: ConnectionId, auth: &Auth) {
        let challenge = self.config.access.challenge.clone().unwrap_or_default();
        let Some(mut wire) = self.wire(now, id) else { return };
        let Some(online) = wire.connection.online_mut() else { return };
        let Some(method) = online.method.clone() else {
            let detail = "AUTH on a connection without an authentication method".into();
            return wire.violation("MQTT-4.12.0-7", ReasonCode::PROTOCOL_ERROR, detail);
        };
        if auth.properties.authentication_method().as_ref() != Some(&method) {
            let detail = "AUTH with another method than CONNECT".into();
            return wire.violation("section 4.12.1", ReasonCode::PROTOCOL_ERROR, detail);
        }
        let answer = match (auth.reason, online.exchange.take()) {
            (ReasonCode::REAUTHENTICATE, None) => match Exchange::begin(&challenge, method, id) {
                Some((exchange, auth)) => {
                    online.exchange = Some(exchange);
                    Answer::Continue(auth)
                }
                None => Answer::Accepted,
            },
            (ReasonCode::CONTINUE_AUTHENTICATION, Some(mut exchange)) => {
                let answer = exchange.on_answer(auth, id);
                if matches!(answer, Answer::Continue(_)) {
                    online.exchange = Some(exchange);
                }
                answer
            }
            _ => {
                let detail = "AUTH out of turn".into();
                return wire.violation("section 4.12.1", ReasonCode::PROTOCOL_ERROR, detail);
            }
        };
        match answer {
            Answer::Continue(auth) => wire.send(&Packet::Auth(auth)),
            Answer::Accepted => {
                wire.note(EventKind::Authenticated { again: true });
                let properties = method_of(wire.connection.online());
                wire.send(&Packet::Auth(Auth { reason: ReasonCode::SUCCESS, properties }));
            }
            Answer::Rejected => {
                wire.disconnect(ReasonCode::NOT_AUTHORIZED, CloseReason::NotAuthorized);
            }
        }
    }

    /// Everything is well: the session, CONNACK, and what waits for the client.
    fn accept(&mut self, now: Instant, id: ConnectionId, connect: &Connect) {
        let assigned_id = self.assign_id(id, connect);
        let Some(client) = self.connections.get(&id).and_then(|c| c.client_id.clone()) else {
            return;
        };
        let offer = &self.config.offer;
        let asked = imposed(connect, offer.server_keep_alive);
        let judge = self.judge.as_deref();
        let mut grant = Grant {
            session_present: false,
            keep_alive: judge.map_or(asked, |judge| judge.keep_alive(connect.version, asked)),
            expiry: asked_expiry(connect).min(self.longest_session()),
            assigned_id,
            receive_maximum: offer.receive_maximum.max(1),
            topic_alias_maximum: offer.topic_alias_maximum,
        };
        let hits = match self.wire(now, id) {
            Some(mut wire) if !wire.faults.is_empty() => {
                wire.judge(Trigger::Sent(Some(PacketType::ConnAck)), None)
            }
            _ => Vec::new(),
        };
        grant.change(connect, &hits);
        // Whether the session is an old one does not change the size.
        let connack = grant.connack(&self.config.offer, connect, &client);
        if let Some(mut wire) = self.wire(now, id).filter(|wire| !wire.fits(&connack)) {
            return wire.too_large(PacketType::ConnAck);
        }
        let (session, session_present) = self.open_session(now, id, connect, &client);
        grant.session_present = session_present;
        grant.change(connect, &hits);
        let connack = grant.connack(&self.config.offer, connect, &client);
        self.go_online(now, id, session, connect, &grant);
        let limit = self.config.limits.counted_clients;
        self.journal.count_accepted(&client, limit);
        if let Some(mut wire) = self.wire(now, id) {
            wire.note(EventKind::Connected {
                version: connect.version.level(),
                number: wire.connection.number,
                clean_start: connect.clean_start,
                session_present,
                keep_alive: grant.keep_alive,
                session_expiry: grant.expiry,
            });
            let mut bytes = Vec::new();
            if connack.encode(connect.version, &mut bytes).is_ok() {
                wire.send_through(PacketType::ConnAck, bytes, false, hits);
            }
        }
        self.tell(now, &Happening::Connected { id, client: &client });
        self.pump(now, session);
    }

    /// Chooses an identifier for a client that has none.
    //= [MQTT-3.1.3-6]
    //= [MQTT-3.2.2-16]
    fn assign_id(&mut self, id: ConnectionId, connect: &Connect) -> Option<Text> {
        if !connect.client_id.is_empty() {
            return None;
        }
        let client = loop {
            self.assigned += 1;
            let prefix = self.judge.as_ref().and_then(|judge| judge.assigned_prefix());
            let client = format!("{}{:08}", prefix.unwrap_or("auto-"), self.assigned);
            if self.sessions.find(&client).is_none() {
                break client;
            }
        };
        let text = Text::try_from(client.as_str()).ok();
        let client: Arc<str> = client.into();
        let number = self.journal.count_connect(&client, self.config.limits.counted_clients);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.number = number;
            connection.client_id = Some(client);
        }
        text
    }

    /// Takes over, resumes or makes the session; true if it is an old one.
    //= [MQTT-3.1.4-3]
    //= [MQTT-3.1.2-4]
    //= [MQTT-3.1.2-5]
    //= [MQTT-3.1.2-6]
    fn open_session(
        &mut self,
        now: Instant,
        id: ConnectionId,
        connect: &Connect,
        client: &Arc<str>,
    ) -> (SessionId, bool) {
        if let Some(old) = self.sessions.find(client)
            && let Some(other) = self.sessions.get(old).and_then(|session| session.connection)
            && let Some(mut wire) = self.wire(now, other)
        {
            wire.journal.stats.take_overs += 1;
            wire.note(EventKind::TakenOver { by: id });
            wire.disconnect(ReasonCode::SESSION_TAKEN_OVER, CloseReason::TakenOver);
            self.end_connections(now);
        }
        match self.sessions.find(client) {
            Some(old) if !connect.clean_start => {
                self.resume_session(now, old);
                (old, true)
            }
            Some(old) => {
                self.end_session(now, old, "clean_start");
                (self.sessions.create(client.clone()), false)
            }
            None => {
                self.make_room(now);
                (self.sessions.create(client.clone()), false)
            }
        }
    }

    fn go_online(
        &mut self,
        now: Instant,
        id: ConnectionId,
        session: SessionId,
        connect: &Connect,
        grant: &Grant,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let judge = self.judge.as_deref();
        connection.keep_alive.start(now, grant.keep_alive, grace(judge, grant.keep_alive));
        if let Some(judge) = judge {
            let maximum = judge.packet_size(Some(connect.version));
            connection.decoder = Decoder::new(connect.version, maximum);
        }
        let stored = self.sessions.get(session).map_or(0, Session::stored);
        let load = self.sessions.get(session).map(Session::load).unwrap_or_default();
        let properties = &connect.properties;
        let announced = properties.receive_maximum().unwrap_or(u16::MAX);
        let window =
            if self.config.behaviour.honour_receive_maximum { announced } else { u16::MAX };
        let accepted_aliases = properties.topic_alias_maximum().unwrap_or_default();
        let assigns = self.config.behaviour.assign_topic_aliases;
        connection.phase = Phase::Online(Box::new(Online {
            session,
            will: connect.will.as_deref().map(|will| Box::new(will::detached(will))),
            window: judge
                .map_or(window, |judge| judge.window(window))
                .min(self.config.limits.inflight)
                .max(1),
            problem_information: properties.request_problem_information() != Some(0),
            asked_expiry: asked_expiry(connect),
            method: properties.authentication_method(),
            exchange: None,
            load,
            inflow: Inflow::new(match connect.version {
                Version::V5 => grant.receive_maximum,
                // Older clients were told no maximum.
                Version::V31 | Version::V311 => u16::MAX,
            }),
            received_aliases: ReceivedAliases::new(grant.topic_alias_maximum),
            sent_aliases: SentAliases::new(if assigns { accepted_aliases } else { 0 }),
            meter: judge.map(|judge| Box::new(judge.meter(now, id, stored))),
        }));
        let owner = owner(connect, &connection.owner);
        let before = self.sessions.get(session).map_or(0, Session::bytes);
        if let Some(session) = self.sessions.get_mut(session) {
            session.connection = Some(id);
            session.owner = owner;
            session.expiry = grant.expiry;
            session.will_bytes = connect.will.as_deref().map_or(0, will::weight);
            session.inflight.rewind();
        }
        self.sessions.recount(session, before);
    }
}

/// How long the broker waits for a client with this keep-alive.
//= [MQTT-3.1.2-22]
fn grace(judge: Option<&Judge>, seconds: u16) -> Duration {
    let keep_alive = Duration::from_secs(seconds.into());
    judge.map_or(keep_alive * 3 / 2, |judge| judge.grace().of(keep_alive))
}

/// On whose account a session is: a user's, or all of one address.
fn owner(connect: &Connect, address: &Arc<str>) -> Arc<str> {
    match &connect.username {
        Some(name) => name.as_str().into(),
        None => address.clone(),
    }
}

/// Seconds the client wants its session to outlive the connection.
//= [MQTT-3.1.2-23]
fn asked_expiry(connect: &Connect) -> u32 {
    match connect.version {
        Version::V5 => connect.properties.session_expiry_interval().unwrap_or_default(),
        Version::V31 | Version::V311 if connect.clean_start => 0,
        Version::V31 | Version::V311 => u32::MAX,
    }
}

fn method_of(online: Option<&Online>) -> Properties {
    let method = online.and_then(|online| online.method.clone());
    method.map(Property::AuthenticationMethod).into_iter().collect()
}

/// The keep-alive in force. Only MQTT 5 can tell the client of another than its own.
fn imposed(connect: &Connect, keep_alive: Option<u16>) -> u16 {
    match keep_alive {
        Some(keep_alive) if connect.version.has_properties() => keep_alive,
        _ => connect.keep_alive,
    }
}

impl Grant {
    fn change(&mut self, connect: &Connect, hits: &[Hit]) {
        let values = hits.iter().filter_map(|hit| match &hit.action {
            Action::Announce(values) => Some(values),
            _ => None,
        });
        for values in values {
            let Announce { receive_maximum, server_keep_alive, .. } = *values;
            self.receive_maximum = receive_maximum.unwrap_or(self.receive_maximum);
            if server_keep_alive.is_some() {
                self.keep_alive = imposed(connect, server_keep_alive);
            }
            let Announce { topic_alias_maximum, session_expiry, session_present, .. } = *values;
            self.topic_alias_maximum = topic_alias_maximum.unwrap_or(self.topic_alias_maximum);
            self.expiry = session_expiry.unwrap_or(self.expiry);
            self.session_present = session_present.unwrap_or(self.session_present);
        }
    }

    //= [MQTT-3.2.2-2]
    //= [MQTT-3.2.2-3]
    //= [MQTT-3.2.2-9]
    fn connack(&self, offer: &Offer, connect: &Connect, client: &str) -> Packet {
        let mut properties = Properties::new();
        if connect.version == Version::V5 {
            self.announce(offer, connect, client, &mut properties);
        }
        Packet::ConnAck(ConnAck {
            session_present: self.session_present,
            reason: ReasonCode::SUCCESS,
            wire_code: 0,
            properties,
        })
    }

    /// What differs from the defaults of MQTT 5.
    fn announce(&self, offer: &Offer, connect: &Connect, client: &str, list: &mut Properties) {
        let mut add = |condition: bool, property: Property| {
            if condition {
                list.push(property);
            }
        };
        let asked = asked_expiry(connect);
        add(self.expiry != asked, Property::SessionExpiryInterval(self.expiry));
        let maximum = self.receive_maximum;
        add(maximum < u16::MAX, Property::ReceiveMaximum(maximum));
        let level = offer.maximum_qos.level();
        add(offer.maximum_qos < QoS::ExactlyOnce, Property::MaximumQoS(level));
        add(!offer.retain, Property::RetainAvailable(0));
        add(true, Property::MaximumPacketSize(offer.maximum_packet_size.max(1)));
        if let Some(id) = &self.assigned_id {
            add(true, Property::AssignedClientIdentifier(id.clone()));
        }
        let aliases = self.topic_alias_maximum;
        add(aliases > 0, Property::TopicAliasMaximum(aliases));
        add(!offer.wildcard_subscriptions, Property::WildcardSubscriptionAvailable(0));
        add(!offer.subscription_identifiers, Property::SubscriptionIdentifierAvailable(0));
        add(!offer.shared_subscriptions, Property::SharedSubscriptionAvailable(0));
        //= [MQTT-3.2.2-22]
        add(self.keep_alive != connect.keep_alive, Property::ServerKeepAlive(self.keep_alive));
        //= [MQTT-3.1.2-28]
        let wanted = connect.properties.request_response_information() == Some(1);
        if wanted
            && let Some(prefix) = &offer.response_information
            && let Ok(text) = Text::try_from(format!("{prefix}{client}"))
        {
            add(true, Property::ResponseInformation(text));
        }
        if let Some(method) = connect.properties.authentication_method() {
            add(true, Property::AuthenticationMethod(method));
        }
    }
}
