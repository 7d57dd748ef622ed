//! Renewing a connection before the server ends it (R16).

use core::time::Duration;

use evenkeel_codec::Disconnect;

use crate::cause::DisconnectCause;
use crate::config::Config;
use crate::event::Event;
use crate::rng::Rng;
use crate::time::Instant;

use super::Client;

/// How long the answers to what went out are waited for.
const DRAIN: Duration = Duration::from_secs(10);

/// The part of its age by which a connection is renewed early at most.
const EARLY_SHARE: u32 = 5;

/// And no earlier than this.
const MOST_EARLY: Duration = Duration::from_secs(20 * 60);

/// The part of the longest time to be early that is the shortest.
const LEAST_SHARE: u32 = 4;

/// The planned end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// None is planned.
    None,
    /// It is to begin then.
    Due(Instant),
    /// New messages wait for the next connection.
    Draining {
        /// Answers are waited for until then.
        until: Instant,
        /// So many never come.
        lost: usize,
    },
}

impl Renewal {
    /// For a connection that was begun then: its age may count from there.
    pub(super) fn plan(config: &Config, begun: Instant, rng: &mut Rng) -> Self {
        config.bounds.connection_age.map_or(Self::None, |age| {
            let earliest = (age / EARLY_SHARE).min(MOST_EARLY);
            Self::Due(begun + (age - rng.between(earliest / LEAST_SHARE, earliest)))
        })
    }

    /// Brings it forward.
    pub(super) fn hurry(&mut self, at: Instant) {
        match self {
            Self::None => *self = Self::Due(at),
            Self::Due(due) => *due = at.min(*due),
            Self::Draining { .. } => {}
        }
    }
}

impl Client {
    fn renewal(&self) -> Renewal {
        self.connection.online().map_or(Renewal::None, |online| online.ends.renewal)
    }

    fn set_renewal(&mut self, renewal: Renewal) {
        if let Some(online) = self.connection.online_mut() {
            online.ends.renewal = renewal;
        }
    }

    /// New messages and operations wait for the next connection.
    pub(super) fn is_draining(&self) -> bool {
        matches!(self.renewal(), Renewal::Draining { .. })
    }

    /// There is a connection, or one that was renewed is followed by the next just
    /// now: what would be refused offline waits for that (R16).
    pub(super) fn is_online_or_renewing(&self) -> bool {
        let last = self.attempts.last_cause.as_deref();
        self.connection.is_online() || last == Some(&DisconnectCause::Renewal)
    }

    pub(super) fn renewal_deadline(&self) -> Option<Instant> {
        match self.renewal() {
            Renewal::Due(at) if self.shutdown.is_none() => Some(at),
            // Behind it bytes are waited for, which are no matter of time.
            Renewal::Draining { until, .. } if until > self.now => Some(until),
            _ => None,
        }
    }

    /// Begins or ends the wait for the last answers, where it is time.
    pub(super) fn run_renewal(&mut self) {
        match self.renewal() {
            Renewal::Due(at) if at <= self.now && self.shutdown.is_none() => self.begin_drain(),
            _ => {}
        }
        if let Renewal::Draining { until, lost } = self.renewal()
            && self.has_nothing_on_its_way()
            && (self.now >= until || self.is_all_answered(lost))
        {
            self.attempts.renewed = Some(self.now);
            self.end(DisconnectCause::Renewal, Some(Disconnect::default()));
        }
    }

    /// The wait for a connect that floor or budget ask for passes online.
    fn begin_drain(&mut self) {
        let Some(online) = self.connection.online() else { return };
        let free_from = self.attempts.reconnector.free_from(self.now.since(online.since));
        if free_from > self.now {
            return self.set_renewal(Renewal::Due(free_from));
        }
        let lost = self.lost_count();
        self.session.replay.begin_drain();
        self.set_renewal(Renewal::Draining { until: self.now + DRAIN, lost });
    }

    /// No message is fed into a socket that closes: the transport has taken all
    /// bytes, and nothing waits for the store that is sent only once.
    fn has_nothing_on_its_way(&self) -> bool {
        let journal = self.session.journal.as_ref();
        self.unwritten() == 0 && journal.is_none_or(|journal| !journal.has_stored_qos0())
    }

    /// The server has answered what was sent, and has our answers.
    fn is_all_answered(&self, lost: usize) -> bool {
        self.session.flights.unanswered() <= lost && self.session.inbound.owed() == 0
    }

    /// A shutdown has no next connection for what waits.
    pub(super) fn cancel_renewal(&mut self) {
        let was_draining = self.is_draining();
        self.set_renewal(Renewal::None);
        if was_draining {
            self.session.replay.cancel_drain();
            self.send_pending();
        }
    }

    /// CONNACK came: tells the gap if this connection follows one that was
    /// renewed.
    pub(super) fn note_renewed(&mut self) {
        if let Some(ended) = self.attempts.renewed.take() {
            self.event(Event::Renewed { gap: self.now.since(ended) });
        }
    }
}
