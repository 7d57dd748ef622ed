//! Events on their way to those who listen.

#[cfg(feature = "json")]
mod json;

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use evenkeel_proto::{Event, Instant};
use tokio::sync::broadcast;

use crate::error::TransportError;

/// Events kept for a receiver that does not take them.
const KEPT: usize = 256;

/// Events kept from the start for the first receiver.
const KEPT_EARLY: usize = 64;

/// An event with what the core does not know: wall-clock time and the
/// transport's own words.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// When it happened, by the system's clock: for people to read. It may be
    /// set at any time, so no two of these say how much time lies between.
    pub time: SystemTime,
    /// When it happened, by the client's clock: the time between two events is
    /// the difference of these.
    pub at: Instant,
    /// What happened.
    pub event: Event,
    /// What the transport said, beside a [`Event::Disconnected`] that it caused, or what is wrong
    /// with files, beside an [`Event::FilesKept`].
    pub error: Option<Box<TransportError>>,
}

impl Report {
    fn now(at: Instant, event: Event, error: Option<TransportError>) -> Self {
        Self { time: SystemTime::now(), at, event, error: error.map(Box::new) }
    }
}

/// Where events go.
pub(crate) struct Events(Mutex<Stage>);

enum Stage {
    /// Nobody has asked yet.
    Early {
        first: Vec<Report>,
        /// Those after the first, of which only the number is kept.
        lost: u64,
    },
    /// The channel is made for the first receiver: its memory is most of what
    /// a client needs.
    Live(broadcast::Sender<Report>),
    /// There will be no more than these, which the first receiver is to get.
    Over(Vec<Report>),
}

impl Events {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Stage::Early { first: Vec::new(), lost: 0 }))
    }

    pub(crate) fn report(&self, at: Instant, event: Event, error: Option<TransportError>) {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *stage {
            Stage::Live(channel) => {
                // That nobody listens any more is no error.
                let _ = channel.send(Report::now(at, event, error));
            }
            Stage::Early { first, lost } if *lost == 0 && is_kept(&event, first.len()) => {
                first.reserve_exact(1);
                first.push(Report::now(at, event, error));
            }
            Stage::Early { lost, .. } => *lost += 1,
            Stage::Over(_) => {}
        }
    }

    /// There are no more: receivers end behind the last one.
    pub(crate) fn end(&self, at: Instant) {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = match std::mem::replace(&mut *stage, Stage::Over(Vec::new())) {
            Stage::Early { first, lost } => Stage::Over(with_gap(first, lost, at)),
            Stage::Live(_) => Stage::Over(Vec::new()),
            over @ Stage::Over(_) => over,
        };
    }

    /// A receiver of what is reported from now on; the first one has it from
    /// the start. `at` is the present instant.
    pub(crate) fn subscribe(&self, at: Instant) -> broadcast::Receiver<Report> {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, is_over) = match &mut *stage {
            Stage::Live(channel) => return channel.subscribe(),
            Stage::Early { first, lost } => (with_gap(std::mem::take(first), *lost, at), false),
            Stage::Over(first) => (std::mem::take(first), true),
        };
        let (channel, receiver) = broadcast::channel(KEPT);
        for report in first {
            // The receiver is at hand, and has room for more than these.
            let _ = channel.send(report);
        }
        if !is_over {
            *stage = Stage::Live(channel);
        }
        receiver
    }
}

/// The first events, and behind them how many more there were.
fn with_gap(mut first: Vec<Report>, lost: u64, at: Instant) -> Vec<Report> {
    first.extend((lost > 0).then(|| Report::now(at, Event::Lagged { lost }, None)));
    first
}

/// A client that lives long enough to ping is past its start: an idle one is
/// not to collect memory for a receiver that never comes.
const fn is_kept(event: &Event, kept: usize) -> bool {
    kept < KEPT_EARLY && !matches!(event, Event::PingSent | Event::PongReceived(_))
}

#[cfg(test)]
mod tests {
    use evenkeel_proto::Halt;
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    const NOON: Instant = Instant::from_micros(12);

    fn numbered(number: u32) -> Event {
        Event::Halted(Halt::Attempts(number))
    }

    fn reported(events: &Events, numbers: impl IntoIterator<Item = u32>) {
        numbers.into_iter().for_each(|number| events.report(NOON, numbered(number), None));
    }

    /// Everything there is for a receiver to take.
    fn drained(receiver: &mut broadcast::Receiver<Report>) -> Vec<Event> {
        std::iter::from_fn(|| receiver.try_recv().ok()).map(|report| report.event).collect()
    }

    #[test]
    fn the_first_receiver_has_everything_and_the_second_what_follows() {
        let events = Events::new();
        reported(&events, [1, 2]);
        let mut first = events.subscribe(NOON);
        reported(&events, [3]);
        let mut second = events.subscribe(NOON);
        reported(&events, [4]);
        assert_eq!(drained(&mut first), [1, 2, 3, 4].map(numbered));
        assert_eq!(drained(&mut second), [4].map(numbered));
    }

    #[test]
    fn what_is_not_kept_is_counted_on_both_sides_of_the_bound() {
        let kept = KEPT_EARLY as u32;
        for reported_before in [kept, kept + 1, kept + 500] {
            let events = Events::new();
            reported(&events, 0..reported_before);
            let mut receiver = events.subscribe(NOON);
            reported(&events, [7]);
            let lost = u64::from(reported_before - kept);
            let gap = (lost > 0).then_some(Event::Lagged { lost });
            let wanted: Vec<_> = (0..kept).map(numbered).chain(gap).chain([numbered(7)]).collect();
            assert_eq!(drained(&mut receiver), wanted, "{reported_before} before");
        }
    }

    #[test]
    fn nothing_is_kept_from_the_first_ping_on() {
        let events = Events::new();
        reported(&events, [1]);
        events.report(NOON, Event::PingSent, None);
        reported(&events, [2]);
        assert_eq!(drained(&mut events.subscribe(NOON)), [numbered(1), Event::Lagged { lost: 2 }]);
    }

    #[test]
    fn a_slow_receiver_is_told_by_the_channel() {
        let events = Events::new();
        let mut receiver = events.subscribe(NOON);
        reported(&events, 0..KEPT as u32 + 5);
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Lagged(5));
        assert_eq!(drained(&mut receiver).len(), KEPT);
    }

    #[test]
    fn behind_the_last_event_receivers_end() {
        let events = Events::new();
        reported(&events, [1]);
        events.end(NOON);
        reported(&events, [2]);
        let mut receiver = events.subscribe(NOON);
        assert_eq!(drained(&mut receiver), [numbered(1)]);
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Closed);
        let events = Events::new();
        let mut receiver = events.subscribe(NOON);
        reported(&events, [1]);
        events.end(NOON);
        assert_eq!(drained(&mut receiver), [numbered(1)]);
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Closed);
        assert_eq!(events.subscribe(NOON).try_recv().unwrap_err(), TryRecvError::Closed);
    }

    #[test]
    fn a_report_has_its_time_of_happening() {
        let events = Events::new();
        let before = SystemTime::now();
        reported(&events, [1]);
        let after = SystemTime::now();
        let Report { time, at, .. } = events.subscribe(NOON).try_recv().unwrap();
        assert!((before..=after).contains(&time));
        assert_eq!(at, NOON);
    }
}
