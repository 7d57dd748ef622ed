//! The end of a connection, for whatever cause, and what follows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::{Disconnect, Packet, Property, ReasonCode};

use crate::cause::{CauseClass, ConnectPhase, DisconnectCause, ProtocolError, TransportFailure};
use crate::connection::{Connection, MOST_TIMEOUT_DOUBLINGS, Online, Opening, usual_timeout};
use crate::event::Event;
use crate::io::{Close, ConnectionId, Output, Served};
use crate::keepalive::Death;
use crate::limits::Limits;
use crate::operation::DeliveryError;
use crate::reconnect::{Ended, Halt, Parting, RefusedPolicy, Retry, Verdict};
use crate::session::flights::Exchange;
use crate::time::Instant;
use crate::trace::Direction;
use crate::transmit::Transmit;

use super::Client;

/// What the life of a connection was, for the policy.
struct Life {
    since: Instant,
    useful: bool,
    /// A message was published.
    published: bool,
}

impl Client {
    pub(super) fn on_closed(&mut self, conn: ConnectionId, failure: TransportFailure) {
        if self.conn() != Some(conn) {
            self.stats.stale_inputs += 1;
            return;
        }
        let phase = self.connection.opening().map(|opening| opening.phase);
        if phase == Some(ConnectPhase::Handshake) {
            self.note_no_answer(false);
        }
        self.end(DisconnectCause::Transport { failure, phase }, None);
    }

    /// When the attempt has taken too long.
    pub(super) fn attempt_deadline(&self, opening: &Opening) -> Instant {
        let at = opening.since + self.config.connect_timeout;
        let wait = self.attempts.reconnector.wait_for_answer();
        match (opening.last_sent, wait) {
            (Some(sent), Some(wait)) => at.min(sent + wait),
            _ => at,
        }
    }

    /// The attempt takes too long.
    pub(super) fn give_up_attempt(&mut self) {
        let Some(opening) = self.connection.opening() else { return };
        let (phase, was_asked) = (opening.phase, opening.last_sent.is_some());
        let after = self.attempt_deadline(opening).since(opening.since);
        if phase == ConnectPhase::Handshake {
            self.note_no_answer(true);
        }
        if was_asked {
            self.attempts.reconnector.on_no_answer();
        }
        self.end(DisconnectCause::ConnectTimeout { phase, after }, None);
    }

    /// The server broke the protocol: says so if MQTT 5 allows, and closes.
    pub(super) fn protocol_error(&mut self, error: ProtocolError) {
        let reason = match error {
            ProtocolError::ReceiveMaximumExceeded => ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
            ProtocolError::TopicAliasInvalid => ReasonCode::TOPIC_ALIAS_INVALID,
            _ => ReasonCode::PROTOCOL_ERROR,
        };
        self.end(DisconnectCause::ProtocolError(error), Some(because(reason)));
    }

    /// Ends the connection and asks the policy what follows; sends this
    /// DISCONNECT, if there is one and the version has it.
    pub(super) fn end(&mut self, cause: DisconnectCause, disconnect: Option<Disconnect>) {
        let Some((served, others)) = self.leave_server(&cause) else { return };
        let Some(life) = self.close_connection(&cause, disconnect, served) else { return };
        let (online_since, useful, published) = life
            .map_or((None, false, false), |life| (Some(life.since), life.useful, life.published));
        let ended = Ended { cause: &cause, online_since, useful, published, others };
        let (verdict, repetition) =
            self.attempts.reconnector.on_end(self.now, &ended, &mut self.rng);
        if let Some(repetition) = repetition {
            self.event(Event::Loop(repetition));
        }
        // (As a pattern: comparing takes all that a cause can hold.)
        let shut_down = matches!(cause, DisconnectCause::Shutdown);
        self.attempts.last_cause = Some(Box::new(cause));
        if shut_down {
            self.connection = Connection::Closed;
            return;
        }
        match verdict {
            Verdict::Retry(retry) => self.wait_for(retry),
            Verdict::Halt(_) if self.shutdown.is_some() => self.finish_shutdown(),
            Verdict::Halt(reason) => self.halt(reason),
        }
    }

    /// What the end says of the server and its address, and whether others
    /// are left that have not refused for good (R10).
    fn leave_server(&mut self, cause: &DisconnectCause) -> Option<(Served, bool)> {
        let lived = match &self.connection {
            Connection::Online(online) => Some(self.now.since(online.since)),
            Connection::Opening(_) => None,
            _ => return None,
        };
        let halts_always = self.config.reconnect.refused == RefusedPolicy::Halt;
        let is_final = cause.class() == CauseClass::Refused || halts_always && cause.has_expired();
        let parting = Parting { cause, lived, is_final, alternatives: self.attempts.alternatives };
        Some(self.attempts.servers.on_end(self.now, parting))
    }

    /// The next attempt follows at once, with the other version.
    pub(super) fn end_for_fallback(&mut self, cause: DisconnectCause) {
        if self.close_connection(&cause, None, Served::Unknown).is_some() {
            let retry = self.attempts.reconnector.after_fallback(self.now, &mut self.rng);
            self.attempts.last_cause = Some(Box::new(cause));
            self.wait_for(retry);
        }
    }

    /// The next attempt is set, and told (R5).
    fn wait_for(&mut self, retry: Retry) {
        let delay = retry.at.since(self.now);
        self.connection = Connection::Waiting(retry);
        self.event(Event::RetryScheduled { retry, delay });
    }

    /// An attempt that the application asks for.
    pub(super) fn connect_at_once(&mut self) {
        let retry = self.attempts.reconnector.at_once(self.now, &mut self.rng);
        if retry.at > self.now {
            self.wait_for(retry);
        } else {
            self.connection = Connection::Waiting(retry);
        }
    }

    /// Retires the connection: nothing of it acts from here on (K7).
    fn close_connection(
        &mut self,
        cause: &DisconnectCause,
        disconnect: Option<Disconnect>,
        served: Served,
    ) -> Option<Option<Life>> {
        let conn = self.conn()?;
        let connection = core::mem::replace(&mut self.connection, Connection::Stopped);
        let last = self.last_bytes(&connection, disconnect);
        let life = match &connection {
            Connection::Online(online) => {
                for (_, claim) in &online.unwritten {
                    self.tell(*claim, Err(DeliveryError::ConnectionLost));
                }
                self.learn_timeout(cause, online);
                self.count_strikes(cause, online);
                let history = self.attempts.history.get_or_insert_default();
                history.record(online.conn, online.offsets.written);
                let published = online.offsets.publish > 0;
                Some(Life { since: online.since, useful: online.proof.useful, published })
            }
            Connection::Opening(opening) if opening.last_sent.is_some() => {
                let answered = matches!(cause, DisconnectCause::Refused { .. });
                self.session.unproven |= !answered;
                None
            }
            _ => None,
        };
        self.requeue_control();
        self.end_stall();
        self.session.inbound.on_down();
        self.ready.outputs.push_back(Output::Close(Close { conn, last, served }));
        let online_for = life.as_ref().map(|life| self.now.since(life.since));
        self.event(Event::Disconnected { conn, cause: Box::new(cause.clone()), online_for });
        Some(life)
    }

    //= [MQTT-3.14.0-1]
    //= [MQTT-4.13.1-1]
    /// What may still be written: with a DISCONNECT, all that waits before it.
    fn last_bytes(&mut self, connection: &Connection, disconnect: Option<Disconnect>) -> Transmit {
        let mut last = core::mem::take(&mut self.transmit);
        let accepted;
        let limits = match connection {
            Connection::Online(online) => Some(&online.limits),
            Connection::Opening(opening) => {
                accepted = (opening.accepted.as_ref())
                    .map(|connack| Limits::negotiate(&self.config, opening.version, connack));
                accepted.as_ref()
            }
            _ => None,
        };
        let (Some(disconnect), Some(limits)) = (disconnect, limits) else {
            last.clear();
            return last;
        };
        let reason = disconnect.reason;
        if limits.version.has_properties() || reason == ReasonCode::SUCCESS {
            if let Some(packet) = append_disconnect(&mut last, limits, disconnect)
                && let Some(conn) = connection.conn()
            {
                self.trace_of(conn, Direction::Sent, packet);
            }
        } else if reason.is_error() {
            last.clear();
        }
        // With 0x04 the server shall publish the will: what waits goes out, and
        // before MQTT 5 no DISCONNECT.
        last
    }

    /// A link that was called dead may have been slow: the next one gets
    /// more time (K11), until answers come quickly again.
    fn learn_timeout(&mut self, cause: &DisconnectCause, online: &Online) {
        if let DisconnectCause::KeepAlive(Death::NoResponse { .. }) = cause {
            self.attempts.timeout_doublings =
                (self.attempts.timeout_doublings + 1).min(MOST_TIMEOUT_DOUBLINGS);
        } else if let Some(engine) = &online.keep_alive {
            let usual = usual_timeout(&self.config, engine.settings().interval);
            if online.proof.slowest_pong.is_some_and(|slowest| slowest < usual / 4 * 3) {
                self.attempts.timeout_doublings = 0;
            }
        }
    }

    /// SUBSCRIBE and UNSUBSCRIBE without an answer go out again, in order.
    fn requeue_control(&mut self) {
        let mut out = Vec::new();
        for flight in self.session.flights.take_control() {
            if let Exchange::Control(mut control) = flight.exchange {
                control.suspect(flight.suspicion);
                out.push(control);
            }
        }
        self.session.subscriptions.on_down(out.into_iter());
    }

    /// Stops for good: everything unfinished ends here, typed (D1).
    pub(super) fn halt(&mut self, reason: Halt) {
        self.connection = Connection::Halted(reason);
        self.event(Event::Halted(reason));
        self.abandon_all();
    }

    /// Ends the connection for another one, or hurries the next attempt.
    pub(super) fn leave_connection(&mut self) {
        match &self.connection {
            Connection::Online(_) | Connection::Opening(_) => {
                self.end(DisconnectCause::ReconnectRequested, Some(Disconnect::default()));
            }
            Connection::Waiting(_) => self.connect_at_once(),
            Connection::Stopped | Connection::Halted(_) => self.start(self.now),
            Connection::Closed => {}
        }
    }
}

/// A DISCONNECT that says why, and nothing else.
pub(super) fn because(reason: ReasonCode) -> Disconnect {
    Disconnect { reason, ..Disconnect::default() }
}

/// Says DISCONNECT, as near to what was wanted as the packet and the server
/// allow. Returns what it said.
fn append_disconnect(
    last: &mut Transmit,
    limits: &Limits,
    disconnect: Disconnect,
) -> Option<Packet> {
    //= [MQTT-3.14.2-1]
    // Some faults of a packet have a code that DISCONNECT has not.
    let Disconnect { reason, properties } = &disconnect;
    let expiry = properties.session_expiry_interval().map(Property::SessionExpiryInterval);
    let brief = Disconnect { reason: *reason, properties: expiry.into_iter().collect() };
    let attempts = [disconnect, brief, because(ReasonCode::PROTOCOL_ERROR)];
    for packet in attempts.map(Packet::Disconnect) {
        //= [MQTT-3.14.2-3]
        //= [MQTT-3.14.2-4]
        // What people may read is left out if the server takes no packet of that size.
        let size = packet.encoded_len(limits.version);
        let fits = size.is_ok_and(|size| size as u64 <= u64::from(limits.packet_size.value));
        if fits && last.append(|out| packet.encode(limits.version, out)).is_ok() {
            return Some(packet);
        }
    }
    None
}
