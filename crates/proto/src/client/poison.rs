//! Packets that the server cuts connections for (R7): who is suspected, what a
//! suspect waits for (D16), and who is guilty.

use evenkeel_codec::{PacketId, ReasonCode};

use crate::cause::{DisconnectCause, TransportFailure};
use crate::connection::{Life, Online, usual_timeout};
use crate::event::Event;
use crate::operation::{Claim, DeliveryError, SubscribeError};
use crate::record::{Record, StoredMessage, StoredState};
use crate::session::flights::{Exchange, Suspicion};
use crate::time::Instant;

use super::Client;

impl Client {
    /// Connections that may die of one packet; 0 for any number.
    pub(super) fn deaths_limit(&self) -> u8 {
        if cfg!(feature = "quarantine") { self.config.bounds.deaths_per_packet } else { 0 }
    }

    // ---- evidence: a connection ends ----

    /// Notes which packets were in flight when the peer cut the connection. One
    /// that was alone, at as many deaths as it may have, is quarantined (R7).
    pub(super) fn count_strikes(&mut self, cause: &DisconnectCause, online: &Online) {
        let limit = self.deaths_limit();
        self.end_clearing(online.offsets.written, is_suspicious(cause));
        if limit > 0 && is_suspicious(cause) {
            let alive_from = match online.proof.life {
                Life::Shown { at } => Some(at),
                _ => None,
            };
            let written = online.offsets.written;
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
        let limit = self.deaths_limit();
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
                // The server has taken it over, and lived.
                Exchange::Release { .. } | Exchange::GivenUp | Exchange::Clearing => false,
                // Its content is gone.
                Exchange::Abandoned(_) => false,
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
                let filter = control.unanswered().next().map(|filter| filter.text().clone());
                control.suspicion = Suspicion { suspect: true, strikes: 1 };
                let error = SubscribeError::Quarantined { deaths };
                self.fail_filter(control, ReasonCode::UNSPECIFIED_ERROR, error);
                filter
            }
            Exchange::Release { .. }
            | Exchange::GivenUp
            | Exchange::Abandoned(_)
            | Exchange::Clearing => return,
        };
        self.event(Event::Quarantined { topic, deaths, serial });
    }

    /// Keeps a message that connections died of (R7).
    fn keep_quarantined(&mut self, claim: Claim, message: StoredMessage) {
        let StoredState::Quarantined { deaths, attempts } = message.state else { return };
        if claim.stored {
            self.note(Record::Quarantined { serial: claim.serial, deaths, attempts });
        } else {
            self.session.quarantine.push(message);
        }
    }

    // ---- trial: a suspect goes out again ----

    /// It has used up its deaths in company: the next one shall tell.
    pub(super) fn must_go_alone(&self, suspicion: Suspicion) -> bool {
        let limit = self.deaths_limit();
        limit > 0 && suspicion.strikes >= limit
    }

    /// What was in flight at a death waits for a sign of life, and if it is to
    /// go alone, for the answers to all else (R7).
    pub(super) fn may_send_suspect(&mut self, alone: bool) -> bool {
        !self.waits_for_life() && (!alone || self.session.flights.unanswered() == 0)
    }

    /// A suspected operation goes out alone, after a sign of life or the wait for
    /// one (D16); nothing goes beside it, nor beside a suspected publish (R7).
    pub(super) fn may_send_control(&mut self) -> bool {
        if !self.session.subscriptions.front_suspicion().is_some_and(|front| front.suspect) {
            return !self.session.flights.has_suspect_control() && !self.is_suspect_publish_out();
        }
        self.session.flights.unanswered() == 0 && !self.waits_for_life()
    }

    fn is_suspect_publish_out(&self) -> bool {
        let alone = self.session.replay.alone().and_then(|id| self.session.flights.get(id));
        alone.is_some_and(|flight| flight.suspicion.suspect)
    }

    /// A suspected operation waits to go out alone, or is out.
    pub(super) fn is_suspect_control_near(&self) -> bool {
        self.session.subscriptions.front_suspicion().is_some_and(|front| front.suspect)
            || self.session.flights.has_suspect_control()
    }

    /// True if a suspect has to wait for a sign of life, so that a server
    /// which cuts every connection is not blamed on it. A ping asks for one;
    /// a server that answers all but pings gets its messages, too (D16).
    pub(super) fn waits_for_life(&mut self) -> bool {
        let now = self.now;
        let Some(online) = self.connection.online_mut() else { return true };
        let until = match online.proof.life {
            Life::Shown { .. } | Life::WaitedFor => return false,
            Life::Awaited { until } => until,
            Life::Unknown => {
                let engine = online.keep_alive.as_ref();
                let interval = engine.map(|engine| engine.settings().interval);
                let timeout = interval.map(|interval| usual_timeout(&self.config, interval));
                now + Life::wait(timeout)
            }
        };
        online.proof.life = Life::Awaited { until };
        self.request_probe();
        true
    }

    /// No sign of life came in time: what waits for one goes out (D16).
    pub(super) fn end_wait_for_life(&mut self) {
        if let Some(online) = self.connection.online_mut()
            && let Life::Awaited { until } = online.proof.life
            && until <= self.now
        {
            online.proof.life = Life::WaitedFor;
            self.send_pending();
        }
    }

    pub(super) fn life_deadline(&self) -> Option<Instant> {
        match self.connection.online()?.proof.life {
            Life::Awaited { until } => Some(until),
            Life::Unknown | Life::WaitedFor | Life::Shown { .. } => None,
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
