//! R4: the cause that is told of an end is what really happened.

use std::time::Duration;

use evenkeel_codec::Packet;
use evenkeel_proto::{ConnectionId, DisconnectCause, Event, TransportFailure};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::View;

#[derive(Debug, Default)]
pub(super) struct Evidence {
    lost: Option<(ConnectionId, TransportFailure)>,
    reconnect_asked: bool,
}

impl Oracle for Evidence {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Lost(conn, failure) => self.lost = Some((*conn, *failure)),
            Observation::ReconnectAsked => self.reconnect_asked = true,
            Observation::Event(Event::Disconnected { conn, cause, online_for }) => {
                let lived = view.online().map(|(_, online)| facts.local.since(online.since));
                verdict.require("R5", *online_for == lived, || {
                    format!("told to be online for {online_for:?}, seen was {lived:?}")
                });
                verdict.require("R4", self.happened(facts, view, *conn, cause), || {
                    format!("{conn:?} ended by {cause:?}, which nothing bears out")
                });
                self.reconnect_asked = false;
            }
            _ => {}
        }
    }
}

impl Evidence {
    fn happened(
        &self,
        facts: &Facts,
        view: &View,
        id: ConnectionId,
        cause: &DisconnectCause,
    ) -> bool {
        let Some(conn) = &view.conn else { return false };
        let is_online = conn.online.is_some();
        match (cause, &conn.last_got) {
            (DisconnectCause::Refused { reason, .. }, Some(Packet::ConnAck(connack))) => {
                connack.reason == *reason
            }
            (DisconnectCause::ServerDisconnect { reason, .. }, Some(Packet::Disconnect(got))) => {
                got.reason == *reason
            }
            (DisconnectCause::Transport { failure, phase }, _) => {
                self.lost == Some((id, *failure)) && phase.is_none() == is_online
            }
            (DisconnectCause::ConnectTimeout { after, .. }, _) => {
                let waited = facts.local.since(conn.asked);
                !is_online && *after == view.declared.connect_timeout && waited >= *after
            }
            (DisconnectCause::ReconnectRequested, _) => self.reconnect_asked,
            (DisconnectCause::Renewal, _) => {
                is_online && view.declared.bounds.connection_age.is_some()
            }
            (DisconnectCause::Shutdown, _) => view.shutdown.is_some(),
            // Judged by the laws of the keep-alive.
            (DisconnectCause::KeepAlive(_), _) => is_online,
            (DisconnectCause::Malformed(_) | DisconnectCause::ProtocolError(_), _) => true,
            _ => false,
        }
    }
}

/// How long an attempt to connect may last beyond its time-out.
pub(super) fn is_late(facts: &Facts, view: &View) -> Option<Duration> {
    let conn = view.conn.as_ref().filter(|conn| conn.online.is_none())?;
    let due = (conn.asked + view.declared.connect_timeout).max(facts.awake_since);
    let late = facts.local.since(due);
    (late > facts.grace).then_some(late)
}
