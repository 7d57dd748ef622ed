//! Enhanced authentication: server and client speak in turn (MQTT 5 section 4.12).

use alloc::boxed::Box;

use bytes::Bytes;
use evenkeel_codec::{Auth, ConnAck, Packet, Properties, Property, ReasonCode};

use crate::cause::{DisconnectCause, ProtocolError};
use crate::connection::{AuthTurn, Connection};
use crate::event::Event;
use crate::io::{Challenge, ConnectionId, Output};

use super::Client;
use super::end::because;

impl Client {
    //= [MQTT-4.12.0-3]
    /// The application answers the server, or gives up.
    pub(super) fn take_authentication(&mut self, conn: ConnectionId, answer: Option<Bytes>) {
        let turn = if self.is_current(conn) { self.auth_turn() } else { None };
        match (turn, answer) {
            (Some(AuthTurn::Client), Some(data)) => {
                self.set_auth_turn(AuthTurn::Server);
                self.send_auth(ReasonCode::CONTINUE_AUTHENTICATION, data);
            }
            (Some(AuthTurn::Verdict), Some(_)) => self.believe(conn),
            //= [MQTT-4.12.1-2]
            (Some(_), None) => {
                self.end(
                    DisconnectCause::Authentication,
                    Some(because(ReasonCode::NOT_AUTHORIZED)),
                );
            }
            _ => self.stats.stale_inputs += 1,
        }
        self.send_pending();
    }

    /// The server is who it should be.
    fn believe(&mut self, conn: ConnectionId) {
        let accepted = self.connection.opening_mut().and_then(|opening| opening.accepted.take());
        match accepted {
            Some(connack) => self.accept(&connack),
            None => {
                self.set_auth_turn(AuthTurn::Nobody);
                self.event(Event::Reauthenticated { conn });
            }
        }
    }

    //= [MQTT-4.12.1-1]
    /// Sends AUTH if it is possible now.
    pub(super) fn begin_reauthentication(&mut self, data: Bytes) -> bool {
        let possible = self.config.connect.authentication.is_some()
            && self.connection.online().is_some_and(|online| online.auth == AuthTurn::Nobody);
        if possible {
            self.set_auth_turn(AuthTurn::Server);
            self.send_auth(ReasonCode::REAUTHENTICATE, data);
        }
        possible
    }

    //= [MQTT-4.12.0-5]
    fn send_auth(&mut self, reason: ReasonCode, data: Bytes) {
        let Some((method, _)) = &self.config.connect.authentication else { return };
        let mut properties = Properties::new().with(Property::AuthenticationMethod(method.clone()));
        if !data.is_empty() {
            properties.push(Property::AuthenticationData(data));
        }
        if self.send_bounded(&Packet::Auth(Auth { reason, properties })).is_err() {
            self.end(DisconnectCause::Authentication, Some(because(ReasonCode::NOT_AUTHORIZED)));
        }
    }

    pub(super) fn on_auth(&mut self, auth: &Auth) {
        let turn = self.auth_turn().unwrap_or_default();
        let online = self.connection.is_online();
        let done = auth.reason == ReasonCode::SUCCESS;
        // The end of a connection's first authentication is CONNACK.
        let in_turn = turn == AuthTurn::Server
            && (done && online || auth.reason == ReasonCode::CONTINUE_AUTHENTICATION);
        if !in_turn || !self.is_our_method(&auth.properties) {
            return self.protocol_error(ProtocolError::UnexpectedAuth);
        }
        self.set_auth_turn(if done { AuthTurn::Verdict } else { AuthTurn::Client });
        self.challenge(&auth.properties, done);
    }

    /// CONNACK ends the first authentication, and may hold its last data. An
    /// impostor is to get no message and not to pass for a server that has
    /// accepted this client, so that nothing else happens before the verdict.
    pub(super) fn await_verdict(&mut self, connack: ConnAck) {
        self.challenge(&connack.properties, true);
        if let Some(opening) = self.connection.opening_mut() {
            opening.auth = AuthTurn::Verdict;
            opening.accepted = Some(Box::new(connack));
        }
    }

    fn challenge(&mut self, properties: &Properties, done: bool) {
        let Some(conn) = self.conn() else { return };
        let data = properties.authentication_data().unwrap_or_default();
        self.ready.outputs.push_back(Output::Authenticate(conn, Challenge { data, done }));
    }

    //= [MQTT-4.12.0-5]
    /// No other method than that of CONNECT is named. Leaving it out is not
    /// held against a server: it says nothing else.
    pub(super) fn is_our_method(&self, properties: &Properties) -> bool {
        let ours = self.config.connect.authentication.as_ref().map(|(method, _)| method);
        properties.authentication_method().is_none_or(|method| Some(&method) == ours)
    }

    const fn auth_turn(&self) -> Option<AuthTurn> {
        match &self.connection {
            Connection::Opening(opening) => Some(opening.auth),
            Connection::Online(online) => Some(online.auth),
            _ => None,
        }
    }

    const fn set_auth_turn(&mut self, turn: AuthTurn) {
        match &mut self.connection {
            Connection::Opening(opening) => opening.auth = turn,
            Connection::Online(online) => online.auth = turn,
            _ => {}
        }
    }
}
