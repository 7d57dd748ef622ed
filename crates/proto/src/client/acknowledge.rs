//! Acknowledging messages, and enhanced authentication.

use bytes::Bytes;
use evenkeel_codec::{Auth, Packet, Properties, Property, ReasonCode};

use crate::cause::DisconnectCause;
use crate::io::{AckKey, ConnectionId};
use crate::time::Instant;

use super::{Client, Link};

impl Client {
    /// Says that the application is done with a message. `reason` is success
    /// or, on MQTT 5, a refusal (`0x80` or above); before MQTT 5 every answer
    /// is sent as success. A code that PUBACK and PUBREC do not have is
    /// replaced by success or by unspecified error.
    ///
    /// A key of a connection that is over is counted and ignored: the server
    /// delivers that message again.
    pub fn acknowledge(&mut self, now: Instant, key: AckKey, reason: ReasonCode) {
        self.advance_clock(now);
        let conn = self.conn().unwrap_or(self.dialer.last_conn);
        let online = matches!(self.link, Link::Online(_));
        let of_use = self.session.inbound.acknowledge(conn, key, sendable(reason));
        if !of_use {
            self.stats.stale_acknowledgements += 1;
        } else if online {
            self.pump();
        }
    }

    /// Answers [`Output::Authenticate`](crate::Output::Authenticate); `None`
    /// gives up and closes the connection.
    //= [MQTT-4.12.0-3]
    pub fn authenticate(&mut self, now: Instant, conn: ConnectionId, answer: Option<Bytes>) {
        self.advance_clock(now);
        if self.conn() != Some(conn) {
            self.stats.stale_inputs += 1;
            return;
        }
        match answer {
            Some(data) => self.send_auth(ReasonCode::CONTINUE_AUTHENTICATION, data),
            None => self.end(DisconnectCause::Authentication, None),
        }
        self.pump();
    }

    /// Begins re-authentication (MQTT 5 section 4.12.1). False while offline
    /// or without an authentication method.
    pub fn reauthenticate(&mut self, now: Instant, data: Bytes) -> bool {
        self.advance_clock(now);
        let possible = matches!(&self.link, Link::Online(online) if online.limits.version.has_properties())
            && self.config.connect.authentication.is_some();
        if possible {
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
        let sent = self.send(&Packet::Auth(Auth { reason, properties }));
        if sent.is_err() {
            self.end(DisconnectCause::Authentication, None);
        }
    }
}

//= [MQTT-3.4.2-1]
//= [MQTT-3.5.2-1]
/// The code as PUBACK and PUBREC may hold it.
const fn sendable(reason: ReasonCode) -> ReasonCode {
    match reason {
        ReasonCode::SUCCESS
        | ReasonCode::NO_MATCHING_SUBSCRIBERS
        | ReasonCode::UNSPECIFIED_ERROR
        | ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR
        | ReasonCode::NOT_AUTHORIZED
        | ReasonCode::TOPIC_NAME_INVALID
        | ReasonCode::PACKET_IDENTIFIER_IN_USE
        | ReasonCode::QUOTA_EXCEEDED
        | ReasonCode::PAYLOAD_FORMAT_INVALID => reason,
        reason if reason.is_error() => ReasonCode::UNSPECIFIED_ERROR,
        _ => ReasonCode::SUCCESS,
    }
}
