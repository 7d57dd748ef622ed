//! All that can be measured of a client, at one moment.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_proto::record::{Count, StorageFailure};
use evenkeel_proto::{CauseClass, Instant, RateLeft, Repetition, State, Stats};

use crate::client::Client;
use crate::measures::{Durations, Measures};
use crate::shared::{Shared, Watched};

/// All that can be measured of a client, at one moment: for metrics and for health.
///
/// Nothing in it is a secret, and there is no topic, payload or identifier of a
/// message in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The state, with the cause of the last end.
    pub state: State,
    /// How long it has been in this state; attempts and waits are states of their own.
    pub in_state: Duration,
    /// Until the next attempt, if one is waited for; zero if it is due.
    pub next_attempt: Option<Duration>,
    /// The keep-alive in force; `None` while offline, zero without pings.
    pub keep_alive: Option<Duration>,
    /// Counters since the client was made.
    pub stats: Stats,
    /// How often connections and attempts ended, by class.
    pub ends: Vec<(CauseClass, u64)>,
    /// The same end over and over, until another comes, or a connection outlives those
    /// of the loop.
    pub repetition: Option<Repetition>,
    /// How many of the last eight pings were not answered in time, on whatever connection.
    pub pings_missed: u32,
    /// From pings to their answers.
    pub round_trips: Durations,
    /// From QoS 1 and 2 messages, as they were last sent, to the end of their exchange.
    /// Of those that were acknowledged by one read of the socket the first counts:
    /// [`Stats::publishes_acknowledged`] counts all.
    pub acknowledgements: Durations,
    /// Messages accepted and not yet sent.
    pub queue: Count,
    /// Messages sent and not yet acknowledged to the end.
    pub in_flight: Count,
    /// Messages in quarantine: those that connections died of, and that are neither
    /// removed nor queued again. Without a store the latest hundred are kept.
    pub quarantined: u64,
    /// What the store failed with last, until it works again.
    pub store_failure: Option<StorageFailure>,
    /// What may go out now of each rate that the broker's profile sets; empty while
    /// offline.
    pub rates: Vec<RateLeft>,
}

impl Client {
    /// All that can be measured, at this moment. It looks through the messages in flight
    /// under the client's lock: for a look now and then, such as once in a second.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.shared())
    }

    /// A look at this client for those who do not use it: it does not keep the client
    /// alive, and goes on to tell the last counts when the client has ended.
    pub fn observer(&self) -> Observer {
        Observer(self.shared().clone())
    }
}

/// Looks at a client, without being one of its users: when all handles and streams are
/// dropped the client shuts down, whoever observes it. Two of one client are equal.
#[derive(Clone)]
pub struct Observer(Arc<Shared>);

impl Observer {
    /// As [`Client::snapshot`]; after the client's end as it was then.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.0)
    }

    /// True once the client has closed and nobody has a handle to it or a stream of it:
    /// nothing will change any more.
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }
}

impl PartialEq for Observer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Observer {}

impl Hash for Observer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

impl Snapshot {
    fn of(shared: &Shared) -> Self {
        let now = shared.clock.now();
        let inner = shared.lock();
        let (core, state) = (&inner.core, inner.state());
        let in_state = now.since(since(&state, &shared.state, now));
        let none = Measures::default();
        let measures = inner.measures.as_deref().unwrap_or(&none);
        let next_attempt = match &state {
            State::Waiting { retry, .. } => Some(retry.at.since(now)),
            _ => None,
        };
        Self {
            in_state,
            next_attempt,
            keep_alive: core.limits().map(|limits| limits.keep_alive.value),
            stats: *core.stats(),
            ends: CauseClass::ALL.into_iter().zip(measures.ends).collect(),
            repetition: measures.repetition.filter(|it| !is_over(it, &state, in_state)),
            pings_missed: measures.recent_pings.count_ones(),
            round_trips: measures.round_trips,
            acknowledgements: measures.acknowledgements,
            queue: core.queue_load(),
            in_flight: core.in_flight_load(),
            quarantined: core.quarantined().map_or(measures.quarantined, |count| count as u64),
            store_failure: core.store_failure(),
            rates: core.rates_left(now),
            state,
        }
    }
}

/// A loop is over once a connection has lived for longer than those of the loop.
fn is_over(repetition: &Repetition, state: &State, in_state: Duration) -> bool {
    state.is_online() && repetition.is_outlived_by(in_state)
}

/// When the client came to be in this state. One that was not told yet has just begun.
fn since(state: &State, told: &Watched, now: Instant) -> Instant {
    match state {
        State::Online { since, .. } => *since,
        _ => told.since(state).unwrap_or(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_over_when_a_connection_outlives_it() {
        let lived = Some(Duration::from_secs(4));
        let (class, count, period) = (CauseClass::Network, 5, Duration::from_secs(6));
        let repetition = Repetition { class, count, period, lived };
        let online = State::Online { since: Default::default(), session_present: false };
        let over = |state: &State, secs| is_over(&repetition, state, Duration::from_secs_f64(secs));
        assert_eq!((over(&online, 5.333), over(&online, 5.334)), (false, true));
        assert!(!over(&State::Stopped, 100.0), "only a connection ends it");
        let never = Repetition { lived: None, ..repetition };
        assert!(!is_over(&never, &online, Duration::from_millis(500)));
        assert!(is_over(&never, &online, Duration::from_millis(501)));
    }
}
