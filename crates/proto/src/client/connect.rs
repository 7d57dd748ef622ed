//! From the decision to open a connection to CONNACK.

use alloc::boxed::Box;
use alloc::sync::Arc;

use evenkeel_codec::{
    ConnAck, Connect, Decoder, Packet, Properties, PropertyId, ReasonCode, Version,
};

use crate::cause::{ConnectPhase, DisconnectCause, ProtocolError};
use crate::connection::{AuthTurn, Connection, Offsets, Online, Opening, keep_alive_settings};
use crate::event::{Connected, Event};
use crate::io::{ConnectionId, Credentials, Open, Output};
use crate::keepalive::KeepAlive;
use crate::limits::Limits;
use crate::pace::{Pacer, Rated};
use crate::profile;
use crate::reconnect::{Choice, Retry};
use crate::record::Record;
use crate::session::journal::Gate;

use super::Client;
use super::renew::Renewal;
use super::withheld::Withheld;

impl Client {
    /// The only place that opens a connection (R1).
    pub(super) fn open(&mut self, retry: Retry) {
        self.take_connect_config();
        self.attempts.last_conn = ConnectionId(self.attempts.last_conn.0 + 1);
        let conn = self.attempts.last_conn;
        let Choice { server, redirect, round } = self.attempts.servers.choose(self.now);
        self.attempts.alternatives = 0;
        self.attempts.reconnector.on_open(self.now);
        let version = self.version_to_speak();
        if version != self.attempts.version {
            self.attempts.version = version;
            self.event(Event::VersionFallback(version));
        }
        self.stats.connects += 1;
        self.note_unproven();
        self.transmit.clear();
        self.connection = Connection::Opening(Box::new(Opening {
            conn,
            server,
            attempt: retry.attempt,
            since: self.now,
            phase: ConnectPhase::default(),
            version,
            decoder: None,
            auth: AuthTurn::Nobody,
            first_data: None,
            accepted: None,
            offsets: Offsets::default(),
            last_sent: None,
        }));
        self.event(Event::Connecting { conn, attempt: retry.attempt, server });
        self.ready.outputs.push_back(Output::Open(Open { conn, server, redirect, round }));
    }

    pub(super) fn on_phase(&mut self, conn: ConnectionId, phase: ConnectPhase) {
        match self.connection.opening_of(conn) {
            Some(opening) => opening.phase = phase,
            None => self.stats.stale_inputs += 1,
        }
    }

    pub(super) fn on_alternatives(&mut self, conn: ConnectionId, count: usize) {
        match self.connection.opening_of(conn) {
            Some(_) => self.attempts.alternatives = u32::try_from(count).unwrap_or(u32::MAX),
            None => self.stats.stale_inputs += 1,
        }
    }

    pub(super) fn on_fresh_credentials(&mut self, conn: ConnectionId) {
        match self.connection.opening_of(conn) {
            Some(_) => self.attempts.servers.on_fresh_credentials(),
            None => self.stats.stale_inputs += 1,
        }
    }

    pub(super) fn on_opened(&mut self, conn: ConnectionId, credentials: Option<Credentials>) {
        match self.connection.opening_of(conn) {
            Some(opening) if opening.decoder.is_none() => {
                opening.phase = ConnectPhase::Handshake;
                let limit = self.config.connect.maximum_packet_size;
                opening.decoder = Some(Decoder::new(opening.version, limit));
                if self.config.connect.authentication.is_some() {
                    opening.auth = AuthTurn::Server;
                }
            }
            _ => {
                self.stats.stale_inputs += 1;
                return;
            }
        }
        let gate = Gate::Connect(credentials);
        if self.store_works() {
            self.after_commit(gate);
        } else {
            self.pass(gate);
        }
    }

    pub(super) fn send_connect(&mut self, credentials: Option<Credentials>) {
        let credentials = credentials.unwrap_or_else(|| self.config.connect.credentials.clone());
        self.choose_version_for(&credentials);
        let Some(opening) = self.connection.opening() else { return };
        let version = opening.version;
        let connect = self.connect_packet(version, credentials);
        if self.send_bounded(&Packet::Connect(connect)).is_err() {
            let failure = crate::TransportFailure::Config;
            let phase = Some(ConnectPhase::Handshake);
            return self.end(DisconnectCause::Transport { failure, phase }, None);
        }
        self.attempts.reconnector.on_connect(self.now);
    }

    fn connect_packet(&self, version: Version, credentials: Credentials) -> Connect {
        let config = &self.config.connect;
        let first = self.connection.opening().and_then(|opening| opening.first_data.as_ref());
        let mut connect = config.packet(version, self.client_id(), credentials, first);
        connect.clean_start = self.asks_clean_start(version);
        if let Some(profile) = self.config.profile() {
            profile::properties::leave_out(profile, "connect", &mut connect.properties);
        }
        connect
    }

    /// Only the first connect asks for a clean start: later ones of this
    /// process resume what it began, if the session is to outlive connections.
    fn asks_clean_start(&self, version: Version) -> bool {
        let config = &self.config.connect;
        match version {
            Version::V5 => {
                let known = self.session.established || self.session.inherited;
                config.clean_start && !(known && config.session_expiry > 0)
            }
            //= [MQTT311-3.1.3-7]
            _ => self.config.clean_session() || self.client_id().is_empty(),
        }
    }

    /// The first packets of a connection, up to CONNACK.
    pub(super) fn on_handshake_packet(&mut self, packet: Packet) {
        match packet {
            Packet::ConnAck(connack) => self.on_connack(connack),
            Packet::Auth(auth) => self.on_auth(&auth),
            //= [MQTT-3.2.0-1]
            _ => self.protocol_error(ProtocolError::NotConnAck),
        }
    }

    fn on_connack(&mut self, connack: ConnAck) {
        self.note_answer(connack.reason);
        if connack.reason.is_error() {
            return self.on_refused(&connack);
        }
        let Some(opening) = self.connection.opening() else { return };
        let version = opening.version;
        let answered = opening.decoder.as_ref().and_then(Decoder::version);
        if answered != Some(version) {
            return self.on_older_server(&connack);
        }
        //= [MQTT-3.2.2-4]
        if connack.session_present && self.asks_clean_start(version) {
            return self.protocol_error(ProtocolError::UnexpectedSession);
        }
        if !self.is_our_method(&connack.properties) {
            return self.protocol_error(ProtocolError::UnexpectedAuth);
        }
        match self.config.connect.authentication {
            Some(_) => self.await_verdict(connack),
            None => self.accept(&connack),
        }
    }

    /// The connection is made: nothing stands in its way any more.
    pub(super) fn accept(&mut self, connack: &ConnAck) {
        let Some(opening) = self.connection.opening_mut() else { return };
        let Some(decoder) = opening.decoder.take() else { return };
        let (version, begun) = (opening.version, opening.since);
        let limits = Limits::negotiate(&self.config, version, connack);
        let mut online = Online::new(opening, decoder, &self.config, limits);
        let took = self.now.since(begun);
        let last_sent = opening.last_sent.unwrap_or(self.now);
        online.since = self.now;
        online.session_present = connack.session_present;
        if let Some(rates) = &mut online.limits.rates {
            self.lower_rates(rates);
        }
        online.pacer = Rated::new(|| self.pacer(&online));
        online.ends.renewal = Renewal::plan(&self.config, begun, &mut self.rng);
        online.ends.withheld = Withheld::watch(&self.config, version, self.now);
        let interval = online.limits.keep_alive.value;
        online.ends.retry = self.first_retry(version);
        online.keep_alive = keep_alive_settings(
            &self.config,
            interval,
            self.attempts.timeout_doublings,
            &mut self.rng,
        )
        .map(|settings| KeepAlive::new(settings, self.now).silent_since(last_sent));
        let connected = Connected {
            conn: online.conn,
            version,
            session_present: connack.session_present,
            assigned_client_id: connack.properties.assigned_client_identifier(),
            response_information: connack.properties.response_information(),
            properties: without_secrets(&connack.properties),
            took,
        };
        self.connection = Connection::Online(Box::new(online));
        self.go_online(connected);
    }

    /// The buckets of a connection begin empty when it is accepted (P2).
    fn pacer(&self, online: &Online) -> Option<Pacer> {
        let most = self.config.bounds.filters_per_packet;
        let rates = online.limits.rates.as_deref()?;
        Pacer::new(rates, &online.limits, most, &online.offsets, self.now)
    }

    /// An older server took our CONNECT for one of its own version: what it
    /// accepted is not what we asked for.
    fn on_older_server(&mut self, connack: &ConnAck) {
        self.on_refused(&ConnAck {
            reason: ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            ..connack.clone()
        });
    }

    fn go_online(&mut self, connected: Connected) {
        //= [MQTT-3.2.2-16]
        if let Some(assigned) = &connected.assigned_client_id {
            self.attempts.client_id = assigned.clone();
            self.note_identity();
        }
        self.attempts.reconnector.on_online();
        self.attempts.servers.on_accepted(connected.version);
        self.stats.connections += 1;
        let session_present = connected.session_present;
        self.event(Event::Connected(Arc::new(connected)));
        self.note_renewed();
        self.resume_session(session_present);
        self.session.established = true;
        self.note_proven();
    }

    //= [MQTT-4.4.0-1]
    /// Takes up the session, or begins it anew if the server has none.
    ///
    /// One that is resumed need not be ours: if a CONNACK was lost, it may
    /// have been begun without our knowledge, and holds no subscription then.
    fn resume_session(&mut self, session_present: bool) {
        let unproven = core::mem::take(&mut self.session.unproven);
        let is_other = core::mem::take(&mut self.attempts.session_is_other);
        let mut unfinished = self.session.flights.publishes_in_order();
        if session_present {
            self.doubt_session(unproven, is_other);
        } else {
            self.session.doubts.forget();
            if self.session.inbound.forget() {
                self.session.unknown = false;
                self.note(Record::SessionLost);
            }
            self.fulfil_unsubscribes();
            unfinished = self.end_releases(unfinished);
        }
        self.session.replay.begin(unfinished, session_present);
        self.after_commit(Gate::Replay);
        if !session_present && core::mem::take(&mut self.session.unknown) {
            // Nothing waits for this: it would be found out again.
            self.note(Record::SessionLost);
        }
        if unproven {
            self.session.inbound.doubt();
        }
        if session_present && !unproven {
            return;
        }
        self.restore_subscriptions(session_present && !is_other);
    }

    /// Asks for subscriptions again that are lost, or may be, or forgets them (D8).
    fn restore_subscriptions(&mut self, may_be_held: bool) {
        if !self.config.restore_subscriptions {
            if !may_be_held {
                self.forget_subscriptions();
            }
            return;
        }
        let identified = self.has_identifiers();
        let filters = self.session.subscriptions.restore(may_be_held, identified);
        if filters > 0 {
            self.event(Event::SubscriptionsRestoring { filters });
        }
    }

    /// The subscriptions of a lost session are over, for the store as well.
    fn forget_subscriptions(&mut self) {
        let forgotten = self.session.subscriptions.forget();
        if forgotten.is_empty() {
            return;
        }
        self.event(Event::SubscriptionsForgotten { filters: forgotten.len() });
        for filter in forgotten {
            self.note(Record::Unsubscribed { filter });
        }
    }

    /// A session that is resumed and may not be ours: the server may hold any
    /// identifier, or may not have what it took over (D13).
    fn doubt_session(&mut self, unproven: bool, is_other: bool) {
        if self.session.unknown {
            self.session.doubts.raise();
        }
        if is_other {
            self.session.flights.doubt_publishes();
        }
        if unproven {
            self.session.flights.doubt_releases();
        }
    }

    fn on_refused(&mut self, connack: &ConnAck) {
        let properties = &connack.properties;
        let cause = DisconnectCause::Refused {
            reason: connack.reason,
            wire_code: connack.wire_code,
            text: properties.reason_string(),
            server_reference: properties.server_reference(),
            properties: without_secrets(properties),
        };
        let refused_version = connack.reason == ReasonCode::UNSUPPORTED_PROTOCOL_VERSION;
        if refused_version && self.other_version_is_left() {
            return self.end_for_fallback(cause);
        }
        self.end(cause, None);
    }
}

/// What the server said, to be kept and shown (S1).
fn without_secrets(properties: &Properties) -> Properties {
    let mut shown = properties.clone();
    shown.remove(PropertyId::AUTHENTICATION_DATA);
    shown.detached()
}
