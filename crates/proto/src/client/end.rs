//! The end of a connection, for whatever cause, and what follows.

use alloc::boxed::Box;

use evenkeel_codec::{Disconnect, Packet, PacketId, Properties, Property, ReasonCode};

use crate::cause::{CauseClass, ConnectPhase, DisconnectCause, ProtocolError, TransportFailure};
use crate::connection::{Life, MOST_PATIENCE, Online, impatient_timeout};
use crate::event::Event;
use crate::io::{Close, ConnectionId, Output, Served};
use crate::keepalive::Death;
use crate::limits::Limits;
use crate::operation::{DeliveryError, SubscribeError};
use crate::reconnect::{Ended, Halt, Parting, RefusedPolicy, Retry, Verdict};
use crate::record::{StoredMessage, StoredState};
use crate::session::flights::{Exchange, Suspicion};
use crate::transmit::Transmit;

use super::{Client, Link};

impl Client {
    pub(super) fn on_closed(&mut self, conn: ConnectionId, failure: TransportFailure) {
        if self.conn() != Some(conn) {
            self.stats.stale_inputs += 1;
            return;
        }
        let phase = match &self.link {
            Link::Opening(opening) => Some(opening.phase),
            _ => None,
        };
        if phase == Some(ConnectPhase::Handshake) {
            self.note_no_answer(false);
        }
        self.end(DisconnectCause::Transport { failure, phase }, None);
    }

    /// The attempt takes too long.
    pub(super) fn give_up_attempt(&mut self, phase: ConnectPhase) {
        if phase == ConnectPhase::Handshake {
            self.note_no_answer(true);
        }
        let after = self.config.connect_timeout;
        self.end(DisconnectCause::ConnectTimeout { phase, after }, None);
    }

    /// The server broke the protocol: says so where MQTT 5 allows, and closes.
    pub(super) fn protocol_error(&mut self, error: ProtocolError) {
        let reason = match error {
            ProtocolError::ReceiveMaximumExceeded => ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
            ProtocolError::TopicAliasInvalid => ReasonCode::TOPIC_ALIAS_INVALID,
            _ => ReasonCode::PROTOCOL_ERROR,
        };
        self.end(DisconnectCause::ProtocolError(error), Some(reason));
    }

    /// Ends the connection and asks the policy what follows. `farewell` is
    /// the reason of a DISCONNECT to send, if one is to be sent.
    pub(super) fn end(&mut self, cause: DisconnectCause, farewell: Option<ReasonCode>) {
        let Some((served, others)) = self.leave_server(&cause) else { return };
        let Some((online_since, useful)) = self.close_link(&cause, farewell, served) else {
            return;
        };
        let ended = Ended { cause: &cause, online_since, useful, others };
        let (verdict, repetition) = self.dialer.reconnector.on_end(self.now, &ended, &mut self.rng);
        if let Some(repetition) = repetition {
            self.event(Event::Loop(repetition));
        }
        let shut_down = cause == DisconnectCause::Shutdown;
        self.dialer.last_cause = Some(Box::new(cause));
        if shut_down {
            self.link = Link::Closed;
            return;
        }
        match verdict {
            Verdict::Retry(retry) => self.wait_for(retry),
            Verdict::Halt(_) if self.drain.is_some() => self.finish_drain(),
            Verdict::Halt(reason) => self.halt(reason),
        }
    }

    /// What the end says of the server and its address, and whether others
    /// are left that have not refused for good (R10).
    fn leave_server(&mut self, cause: &DisconnectCause) -> Option<(Served, bool)> {
        let lived = match &self.link {
            Link::Online(online) => Some(self.now.since(online.since)),
            Link::Opening(_) => None,
            _ => return None,
        };
        let halts_always = self.config.reconnect.refused == RefusedPolicy::Halt;
        let is_final = cause.class() == CauseClass::Refused || halts_always && cause.has_expired();
        let parting = Parting { cause, lived, is_final, alternatives: self.dialer.alternatives };
        Some(self.dialer.servers.on_end(self.now, parting))
    }

    /// The next attempt follows at once, with the other version.
    pub(super) fn end_for_fallback(&mut self, cause: DisconnectCause) {
        if self.close_link(&cause, None, Served::Unknown).is_some() {
            let retry = self.dialer.reconnector.after_fallback(self.now, &mut self.rng);
            self.dialer.last_cause = Some(Box::new(cause));
            self.wait_for(retry);
        }
    }

    /// The next attempt is set, and told (R5).
    fn wait_for(&mut self, retry: Retry) {
        let delay = retry.at.since(self.now);
        self.link = Link::Waiting(retry);
        self.event(Event::RetryScheduled { retry, delay });
    }

    /// An attempt that the application asks for.
    pub(super) fn connect_at_once(&mut self) {
        let retry = self.dialer.reconnector.at_once(self.now, &mut self.rng);
        if retry.at > self.now {
            self.wait_for(retry);
        } else {
            self.link = Link::Waiting(retry);
        }
    }

    /// Retires the connection: nothing of it acts from here on (K7).
    fn close_link(
        &mut self,
        cause: &DisconnectCause,
        farewell: Option<ReasonCode>,
        served: Served,
    ) -> Option<(Option<crate::Instant>, bool)> {
        let conn = self.conn()?;
        let link = core::mem::replace(&mut self.link, Link::Stopped);
        let last = self.farewell(&link, cause, farewell);
        let (online_since, useful) = match &link {
            Link::Online(online) => {
                for (_, claim) in &online.unwritten {
                    self.tell(*claim, Err(DeliveryError::ConnectionLost));
                }
                self.learn_patience(cause, online);
                self.count_strikes(cause, online);
                let history = self.dialer.history.get_or_insert_default();
                history.record(online.conn, online.stream.written);
                (Some(online.since), online.proof.useful)
            }
            Link::Opening(opening) if opening.last_sent.is_some() => {
                let answered = matches!(cause, DisconnectCause::Refused { .. });
                self.session.unproven |= !answered;
                (None, false)
            }
            _ => (None, false),
        };
        self.requeue_control();
        self.end_stall();
        self.session.inbound.on_down();
        self.mail.outputs.push_back(Output::Close(Close { conn, last, served }));
        let online_for = online_since.map(|since| self.now.since(since));
        self.event(Event::Disconnected { conn, cause: Box::new(cause.clone()), online_for });
        Some((online_since, useful))
    }

    //= [MQTT-3.14.0-1]
    //= [MQTT-4.13.1-1]
    /// What may still be written: with a DISCONNECT, all that waits before it.
    fn farewell(
        &mut self,
        link: &Link,
        cause: &DisconnectCause,
        reason: Option<ReasonCode>,
    ) -> Transmit {
        let mut last = core::mem::take(&mut self.transmit);
        let accepted;
        let limits = match link {
            Link::Online(online) => Some(&online.limits),
            Link::Opening(opening) => {
                accepted = (opening.accepted.as_ref())
                    .map(|connack| Limits::negotiate(&self.config, opening.version, connack));
                accepted.as_ref()
            }
            _ => None,
        };
        match (reason, limits) {
            (Some(reason), Some(limits))
                if limits.version.has_properties() || reason == ReasonCode::SUCCESS =>
            {
                let properties = match cause {
                    DisconnectCause::Shutdown => self.config.farewell.clone(),
                    _ => Properties::new(),
                };
                append_disconnect(&mut last, limits, reason, properties);
            }
            _ => last.clear(),
        }
        last
    }

    /// A link that was called dead may have been slow: the next one gets
    /// more time (K11), until answers come quickly again.
    fn learn_patience(&mut self, cause: &DisconnectCause, online: &Online) {
        if let DisconnectCause::KeepAlive(Death::NoResponse { .. }) = cause {
            self.dialer.patience = (self.dialer.patience + 1).min(MOST_PATIENCE);
        } else if let Some(engine) = &online.keep_alive {
            let usual = impatient_timeout(&self.config, engine.settings().interval);
            if online.proof.slowest_pong.is_some_and(|slowest| slowest < usual / 4 * 3) {
                self.dialer.patience = 0;
            }
        }
    }

    /// Notes which packets were in flight when the peer cut the connection. One
    /// that was alone, at as many deaths as it may have, is quarantined (R7).
    fn count_strikes(&mut self, cause: &DisconnectCause, online: &Online) {
        let limit = self.config.bounds.deaths_per_packet;
        self.end_clearing(online.stream.written, is_suspicious(cause));
        if limit > 0 && is_suspicious(cause) {
            let alive_from = match online.proof.life {
                Life::Shown { at } => Some(at),
                _ => None,
            };
            let written = online.stream.written;
            let accused = self.session.flights.suspect_unanswered(alive_from, written);
            if let Some(id) = accused.filter(|id| self.is_guilty(*id, limit)) {
                self.quarantine(id);
            }
        }
        self.session.flights.on_down();
    }

    /// The server broke the protocol in its answer to this one: after as many
    /// such ends as it may have, it is quarantined, or the same answer would
    /// end every connection (R7).
    pub(super) fn blame(&mut self, id: PacketId) {
        let limit = self.config.bounds.deaths_per_packet;
        if limit == 0 {
            return;
        }
        self.session.flights.blame(id);
        if self.is_guilty(id, limit) {
            self.quarantine(id);
        }
    }

    fn is_guilty(&self, id: PacketId, limit: u8) -> bool {
        self.session.flights.get(id).is_some_and(|flight| {
            let blamable = match &flight.exchange {
                Exchange::Publish { .. } => true,
                // The server has taken it over, and bore it.
                Exchange::Release { .. } | Exchange::Clearing => false,
                Exchange::Control(control) => control.out == 1,
            };
            blamable && flight.suspicion.strikes >= limit
        })
    }

    fn quarantine(&mut self, id: PacketId) {
        let Some(flight) = self.give_up(id) else { return };
        let deaths = flight.suspicion.strikes;
        let message = self.sent_message(id, &flight);
        let serial = message.as_ref().map(|message| message.serial);
        let topic = match flight.exchange {
            Exchange::Publish { publish, claim } => {
                let attempts = flight.attempts;
                let state = StoredState::Quarantined { deaths, attempts };
                if let Some(message) = message {
                    self.keep_quarantined(claim, StoredMessage { state, ..message });
                }
                self.settle(claim, Err(DeliveryError::Quarantined { deaths, attempts }));
                Some(publish.topic)
            }
            Exchange::Control(mut control) => {
                self.session.subscriptions.end(&control);
                let filter = control.unanswered().next().map(|filter| filter.text().clone());
                control.suspicion = Suspicion { suspect: true, strikes: 1 };
                let error = SubscribeError::Quarantined { deaths };
                self.fail_filter(control, ReasonCode::UNSPECIFIED_ERROR, error);
                filter
            }
            Exchange::Release { .. } | Exchange::Clearing => return,
        };
        self.event(Event::Quarantined { topic, deaths, serial });
    }

    /// SUBSCRIBE and UNSUBSCRIBE without an answer go out again, in order.
    fn requeue_control(&mut self) {
        for flight in self.session.flights.take_control().into_iter().rev() {
            if let Exchange::Control(mut control) = flight.exchange {
                control.suspect(flight.suspicion);
                self.session.subscriptions.end(&control);
                self.session.subscriptions.push_front(control);
            }
        }
    }

    /// Stops for good: everything unfinished ends here, typed (D1).
    pub(super) fn halt(&mut self, reason: Halt) {
        self.link = Link::Halted(reason);
        self.event(Event::Halted(reason));
        self.abandon_all();
    }

    /// Asks for a new connection at once, within the budget.
    pub fn reconnect(&mut self, now: crate::Instant) {
        self.advance_clock(now);
        match &self.link {
            Link::Online(_) | Link::Opening(_) => {
                self.end(DisconnectCause::ReconnectRequested, Some(ReasonCode::SUCCESS));
            }
            Link::Waiting(_) => self.connect_at_once(),
            Link::Stopped | Link::Halted(_) => self.start(now),
            Link::Closed => {}
        }
    }
}

/// Ends by the peer's hand that a packet of ours may have brought about.
fn is_suspicious(cause: &DisconnectCause) -> bool {
    match cause {
        DisconnectCause::Transport { failure, .. } => {
            matches!(failure, TransportFailure::Eof | TransportFailure::Reset)
        }
        DisconnectCause::ServerDisconnect { reason, .. } => !matches!(
            *reason,
            ReasonCode::SERVER_SHUTTING_DOWN
                | ReasonCode::SESSION_TAKEN_OVER
                | ReasonCode::ADMINISTRATIVE_ACTION
                | ReasonCode::KEEP_ALIVE_TIMEOUT
                | ReasonCode::USE_ANOTHER_SERVER
                | ReasonCode::SERVER_MOVED
                | ReasonCode::SERVER_BUSY
                | ReasonCode::MESSAGE_RATE_TOO_HIGH
                | ReasonCode::CONNECTION_RATE_EXCEEDED
                | ReasonCode::MAXIMUM_CONNECT_TIME
        ),
        _ => false,
    }
}

/// Says DISCONNECT, as near to what was wanted as the packet and the server allow.
fn append_disconnect(
    last: &mut Transmit,
    limits: &Limits,
    reason: ReasonCode,
    properties: Properties,
) {
    //= [MQTT-3.14.2-1]
    // Some faults of a packet have a code that DISCONNECT has not.
    let expiry = properties.session_expiry_interval().map(Property::SessionExpiryInterval);
    let attempts = [
        Disconnect { reason, properties },
        Disconnect { reason, properties: expiry.into_iter().collect() },
        Disconnect { reason: ReasonCode::PROTOCOL_ERROR, ..Disconnect::default() },
    ];
    for packet in attempts.map(Packet::Disconnect) {
        //= [MQTT-3.14.2-3]
        //= [MQTT-3.14.2-4]
        // What people may read is left out where the server takes no packet of that size.
        let size = packet.encoded_len(limits.version);
        let fits = size.is_ok_and(|size| size as u64 <= u64::from(limits.packet_size.value));
        if fits && last.append(|out| packet.encode(limits.version, out)).is_ok() {
            return;
        }
    }
}
