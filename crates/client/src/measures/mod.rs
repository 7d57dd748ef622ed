//! What a client measures of itself beside the core's counters: how connections
//! ended, how long answers took, what is in quarantine.

mod durations;

use std::time::Duration;

use evenkeel_proto::keepalive::Pong;
use evenkeel_proto::record::StoredState;
use evenkeel_proto::{CauseClass, Completion, Event, Repetition};

pub use durations::Durations;

/// How long the server took to acknowledge a message, if that is what it is about.
#[inline]
pub(crate) const fn round_trip(completion: &Completion) -> Option<Duration> {
    match completion {
        Completion::Publish { result: Ok(delivered), .. } => delivered.round_trip,
        _ => None,
    }
}

/// Kept since the client was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measures {
    pub(crate) round_trips: Durations,
    pub(crate) acknowledgements: Durations,
    /// By class, in the order of [`CauseClass::ALL`].
    pub(crate) ends: [u64; CauseClass::ALL.len()],
    /// In the store.
    pub(crate) quarantined: u64,
    /// A bit for each of the last eight pings, 1 if it was not answered in time.
    pub(crate) recent_pings: u8,
    /// Connections end in the same way over and over; until one ends otherwise.
    pub(crate) repetition: Option<Repetition>,
}

impl Measures {
    /// Whether there is something in it to measure: a client whose first ping was not
    /// answered yet has nothing.
    pub(crate) const fn looks_at(event: &Event) -> bool {
        matches!(
            event,
            Event::Disconnected { .. }
                | Event::Loop(_)
                | Event::PongReceived(Pong::Matched { .. })
                | Event::PingUnanswered { .. }
                | Event::Quarantined { .. }
                | Event::Recovered { .. }
        )
    }

    pub(crate) fn on_event(&mut self, event: &Event) {
        match event {
            Event::Disconnected { cause, online_for, .. } => {
                let class = cause.class();
                let places = CauseClass::ALL.iter().zip(&mut self.ends);
                for (_, count) in places.filter(|(known, _)| **known == class) {
                    *count += 1;
                }
                self.repetition =
                    self.repetition.filter(|loops| loops.goes_on_with(class, *online_for));
            }
            Event::Loop(repetition) => self.repetition = Some(*repetition),
            Event::PongReceived(Pong::Matched { round_trip }) => {
                self.round_trips.record(*round_trip);
                self.recent_pings <<= 1;
            }
            Event::PingUnanswered { .. } => self.recent_pings = self.recent_pings << 1 | 1,
            Event::Quarantined { serial: Some(_), .. } => self.quarantined += 1,
            Event::Recovered { quarantined, .. } => self.quarantined += quarantined,
            _ => {}
        }
    }

    /// A message was taken out of the quarantine, or of the queue.
    pub(crate) fn on_moved(&mut self, completion: &Completion) {
        match completion {
            Completion::Removed { result: Ok(message), .. }
                if matches!(message.state, StoredState::Quarantined { .. }) =>
            {
                self.quarantined = self.quarantined.saturating_sub(1);
            }
            Completion::Requeued { result: Ok(_), .. } => {
                self.quarantined = self.quarantined.saturating_sub(1);
            }
            _ => {}
        }
    }
}
