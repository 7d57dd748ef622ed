//! What a client tells of itself: its state, its events, its limits and counters.

#[cfg(feature = "json")]
mod json;
mod origin;
mod situation;
mod suspects;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

#[doc(inline)]
pub use evenkeel_proto::keepalive::Pong;
#[doc(inline)]
pub use evenkeel_proto::record::{Count, StorageFailure};
#[doc(inline)]
pub use evenkeel_proto::record::{Notice, NoticeKind};
#[doc(inline)]
pub use evenkeel_proto::{
    Answer, ConnectPhase, Connected, ConnectionId, Effective, Event, Instant, Limits, Pace,
    RateLeft, RateLimit, RateWait, Repetition, Retry, SetBy, State, Stats,
};

use crate::error::TransportError;
use crate::shared::Shared;

pub use crate::measures::Durations;
pub use crate::snapshot::{Observer, Snapshot};
pub use origin::Origin;
use origin::Origins;
pub(crate) use situation::Activity;
pub use situation::Situation;
pub use suspects::suspects;

/// Events kept for a reader that does not take them.
const KEPT: usize = 256;

/// Events kept from the start for the first reader.
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
    /// Where the client stood.
    pub situation: Situation,
    /// Which client this is of; [`Events`] always say it.
    pub origin: Option<Arc<Origin>>,
}

impl Report {
    fn now(at: Instant, situation: Situation, event: Event, error: Option<TransportError>) -> Self {
        let (time, error) = (SystemTime::now(), error.map(Box::new));
        Self { time, at, event, error, situation, origin: None }
    }
}

/// The events of a client, in the order in which they happened.
///
/// It ends when the client has closed; so the loop is all there is to it:
///
/// ```no_run
/// # async fn watch(client: evenkeel::Client) {
/// let mut events = client.events();
/// while let Some(report) = events.next().await {
///     println!("{:?}", report.event);
/// }
/// # }
/// ```
///
/// It is a [`Stream`](futures_core::Stream), too. The last 256 events are kept for
/// one that does not take them; in place of those that are lost, it gives one
/// [`Event::Lagged`] with their number. It does not keep the client alive.
pub struct Events {
    shared: Arc<Shared>,
    reader: usize,
    origins: Origins,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let reader = shared.events.add_reader(shared.clock.now());
        Self { shared, reader, origins: Origins::default() }
    }

    /// The next event; `None` once the client has closed and all were taken.
    ///
    /// Cancel-safe: an event is taken only when the future is ready.
    pub async fn next(&mut self) -> Option<Report> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next) for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Report>> {
        let polled = self.shared.events.poll_next(self.reader, Some(cx.waker()));
        polled.map(|report| self.named(report))
    }

    /// An event that is here already; `None` if there is none.
    pub fn try_next(&mut self) -> Option<Report> {
        match self.shared.events.poll_next(self.reader, None) {
            Poll::Ready(report) => self.named(report),
            Poll::Pending => None,
        }
    }

    fn named(&mut self, mut report: Option<Report>) -> Option<Report> {
        if let Some(report) = &mut report {
            self.origins.name(report, &self.shared);
        }
        report
    }
}

impl futures_core::Stream for Events {
    type Item = Report;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Report>> {
        Self::poll_next(&mut self, cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.events.remove_reader(self.reader);
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

/// Where events go.
pub(crate) struct Reporter(Mutex<Stage>);

enum Stage {
    /// Nobody has asked yet.
    Early {
        first: Vec<Report>,
        /// Those after the first, of which only the number is kept.
        lost: u64,
        /// There will be no more than these, which the first reader is to get.
        ended: bool,
    },
    /// Made for the first reader: its memory is more than an idle client needs.
    Live(Box<Ring>),
}

/// Events that some reader has still to take.
#[derive(Default)]
struct Ring {
    kept: VecDeque<Report>,
    /// The number of the first that is kept, of all since the first reader came.
    first: u64,
    readers: Vec<Option<Reader>>,
    ended: bool,
}

struct Reader {
    /// The number of the next event that it takes.
    next: u64,
    waker: Option<Waker>,
}

impl Reporter {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Stage::Early { first: Vec::new(), lost: 0, ended: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(
        &self,
        at: Instant,
        situation: Situation,
        event: Event,
        error: Option<TransportError>,
    ) {
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Live(ring) => {
                let woken = ring.push(|| Report::now(at, situation, event, error));
                drop(stage);
                woken.into_iter().for_each(Waker::wake);
            }
            Stage::Early { ended: true, .. } => {}
            Stage::Early { first, lost: 0, .. } if is_kept(&event, first.len()) => {
                first.reserve_exact(1);
                first.push(Report::now(at, situation, event, error));
            }
            Stage::Early { lost, .. } => *lost += 1,
        }
    }

    /// There are no more: readers end behind the last one.
    pub(crate) fn end(&self) {
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Early { ended, .. } => *ended = true,
            Stage::Live(ring) => {
                ring.ended = true;
                let woken = ring.wakers();
                drop(stage);
                woken.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// A reader of what is reported from now on; the first one has it from the
    /// start. `at` is the present instant.
    fn add_reader(&self, at: Instant) -> usize {
        let mut stage = self.lock();
        let (mut ring, next) = match std::mem::replace(&mut *stage, Stage::Live(Box::default())) {
            Stage::Live(ring) => {
                let next = ring.first + ring.kept.len() as u64;
                (ring, next)
            }
            Stage::Early { first, lost, ended } => {
                let kept = with_gap(first, lost, at).into();
                (Box::new(Ring { kept, ended, ..Ring::default() }), 0)
            }
        };
        let reader = ring.add(Reader { next, waker: None });
        *stage = Stage::Live(ring);
        reader
    }

    fn remove_reader(&self, reader: usize) {
        if let Stage::Live(ring) = &mut *self.lock() {
            ring.remove(reader);
        }
    }

    fn poll_next(&self, reader: usize, waker: Option<&Waker>) -> Poll<Option<Report>> {
        match &mut *self.lock() {
            Stage::Live(ring) => ring.poll_next(reader, waker),
            Stage::Early { .. } => Poll::Ready(None),
        }
    }
}

impl Ring {
    fn add(&mut self, reader: Reader) -> usize {
        let free = self.readers.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.readers.push(None);
            self.readers.len() - 1
        });
        self.readers[at] = Some(reader);
        at
    }

    fn remove(&mut self, reader: usize) {
        self.readers[reader] = None;
        self.forget_taken();
    }

    /// Returns whom to wake. That nobody listens any more is no error.
    fn push(&mut self, report: impl FnOnce() -> Report) -> Vec<Waker> {
        if self.readers.iter().all(Option::is_none) {
            return Vec::new();
        }
        let report = report();
        if self.is_answered_pause(&report.event) {
            self.kept.pop_back();
            return Vec::new();
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.first += 1;
        }
        self.kept.push_back(report);
        self.wakers()
    }

    /// Reading goes on, and that it had stopped is the last event, which no reader has
    /// taken: many such pairs are not to drive out what matters more.
    fn is_answered_pause(&self, event: &Event) -> bool {
        let end = self.first + self.kept.len() as u64;
        let last = self.kept.back().map(|report| &report.event);
        matches!((last, event), (Some(Event::ReadingPaused), Event::ReadingResumed))
            && self.readers.iter().flatten().all(|reader| reader.next < end)
    }

    fn wakers(&mut self) -> Vec<Waker> {
        self.readers.iter_mut().flatten().filter_map(|reader| reader.waker.take()).collect()
    }

    fn poll_next(&mut self, reader: usize, waker: Option<&Waker>) -> Poll<Option<Report>> {
        let Some(reader) = &mut self.readers[reader] else { return Poll::Ready(None) };
        let lost = self.first.saturating_sub(reader.next);
        let index = reader.next.saturating_sub(self.first) as usize;
        let Some(report) = self.kept.get(index) else {
            if self.ended {
                return Poll::Ready(None);
            }
            reader.waker = waker.cloned();
            return Poll::Pending;
        };
        if lost > 0 {
            reader.next = self.first;
            let lagged = Event::Lagged { lost };
            return Poll::Ready(Some(Report::now(report.at, report.situation, lagged, None)));
        }
        reader.next += 1;
        let report = report.clone();
        self.forget_taken();
        Poll::Ready(Some(report))
    }

    /// Drops what every reader has taken.
    fn forget_taken(&mut self) {
        let end = self.first + self.kept.len() as u64;
        let next = self.readers.iter().flatten().map(|reader| reader.next).min().unwrap_or(end);
        let taken = next.saturating_sub(self.first);
        self.kept.drain(..taken as usize);
        self.first += taken;
        if self.kept.is_empty() {
            self.kept.shrink_to(KEPT_EARLY);
        }
    }
}

/// The first events, and behind them how many more there were.
fn with_gap(mut first: Vec<Report>, lost: u64, at: Instant) -> Vec<Report> {
    let situation = first.last().map_or(Situation::NONE, |report| report.situation);
    first.extend((lost > 0).then(|| Report::now(at, situation, Event::Lagged { lost }, None)));
    first
}

/// A client that lives long enough to ping is past its start: an idle one is
/// not to collect memory for a reader that never comes.
const fn is_kept(event: &Event, kept: usize) -> bool {
    kept < KEPT_EARLY && !matches!(event, Event::PingSent | Event::PongReceived(_))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use evenkeel_proto::Halt;

    use super::*;

    const NOON: Instant = Instant::from_micros(12);

    fn numbered(number: u32) -> Event {
        Event::Halted(Halt::Attempts(number))
    }

    fn reported(events: &Reporter, numbers: impl IntoIterator<Item = u32>) {
        numbers
            .into_iter()
            .for_each(|number| events.report(NOON, Situation::NONE, numbered(number), None));
    }

    /// Everything there is for a reader to take.
    fn taken(events: &Reporter, reader: usize) -> Vec<Event> {
        let next = || match events.poll_next(reader, None) {
            Poll::Ready(report) => report,
            Poll::Pending => None,
        };
        std::iter::from_fn(next).map(|report| report.event).collect()
    }

    fn has_ended(events: &Reporter, reader: usize) -> bool {
        matches!(events.poll_next(reader, None), Poll::Ready(None))
    }

    #[test]
    fn the_first_reader_has_everything_and_the_second_what_follows() {
        let events = Reporter::new();
        reported(&events, [1, 2]);
        let first = events.add_reader(NOON);
        reported(&events, [3]);
        let second = events.add_reader(NOON);
        reported(&events, [4]);
        assert_eq!(taken(&events, first), [1, 2, 3, 4].map(numbered));
        assert_eq!(taken(&events, second), [4].map(numbered));
    }

    #[test]
    fn what_is_not_kept_is_counted_on_both_sides_of_the_bound() {
        let kept = KEPT_EARLY as u32;
        for reported_before in [kept, kept + 1, kept + 500] {
            let events = Reporter::new();
            reported(&events, 0..reported_before);
            let reader = events.add_reader(NOON);
            reported(&events, [7]);
            let lost = u64::from(reported_before - kept);
            let gap = (lost > 0).then_some(Event::Lagged { lost });
            let wanted: Vec<_> = (0..kept).map(numbered).chain(gap).chain([numbered(7)]).collect();
            assert_eq!(taken(&events, reader), wanted, "{reported_before} before");
        }
    }

    #[test]
    fn nothing_is_kept_from_the_first_ping_on() {
        let events = Reporter::new();
        reported(&events, [1]);
        events.report(NOON, Situation::NONE, Event::PingSent, None);
        reported(&events, [2]);
        let reader = events.add_reader(NOON);
        assert_eq!(taken(&events, reader), [numbered(1), Event::Lagged { lost: 2 }]);
    }

    #[test]
    fn a_slow_reader_is_told_how_many_it_missed() {
        let events = Reporter::new();
        let slow = events.add_reader(NOON);
        let quick = events.add_reader(NOON);
        let all = KEPT as u32 + 5;
        for number in 0..all {
            reported(&events, [number]);
            assert_eq!(taken(&events, quick), [numbered(number)]);
        }
        let wanted: Vec<_> =
            std::iter::once(Event::Lagged { lost: 5 }).chain((5..all).map(numbered)).collect();
        assert_eq!(taken(&events, slow), wanted);
        reported(&events, [7]);
        assert_eq!(taken(&events, slow), [numbered(7)]);
    }

    #[test]
    fn a_pause_and_its_end_drive_nothing_out() {
        let events = Reporter::new();
        let slow = events.add_reader(NOON);
        reported(&events, [1]);
        let paused = || events.report(NOON, Situation::NONE, Event::ReadingPaused, None);
        let resumed = || events.report(NOON, Situation::NONE, Event::ReadingResumed, None);
        for _ in 0..KEPT {
            paused();
            resumed();
        }
        paused();
        assert_eq!(taken(&events, slow), [numbered(1), Event::ReadingPaused]);
        let late = events.add_reader(NOON);
        resumed();
        assert_eq!(taken(&events, slow), [Event::ReadingResumed], "of one that was told");
        assert_eq!(taken(&events, late), [Event::ReadingResumed]);
    }

    #[test]
    fn what_all_have_taken_is_not_kept() {
        let events = Reporter::new();
        let kept = || match &*events.lock() {
            Stage::Live(ring) => ring.kept.len(),
            Stage::Early { .. } => unreachable!("there are readers"),
        };
        let (one, two) = (events.add_reader(NOON), events.add_reader(NOON));
        reported(&events, [1, 2, 3]);
        taken(&events, one);
        assert_eq!(kept(), 3, "the other may come for them");
        events.remove_reader(two);
        assert_eq!(kept(), 0);
        events.remove_reader(one);
        reported(&events, [4]);
        assert_eq!(kept(), 0, "nobody listens");
        let late = events.add_reader(NOON);
        reported(&events, [5]);
        assert_eq!(taken(&events, late), [numbered(5)]);
    }

    #[test]
    fn behind_the_last_event_readers_end() {
        let events = Reporter::new();
        reported(&events, [1]);
        events.end();
        reported(&events, [2]);
        let reader = events.add_reader(NOON);
        assert_eq!(taken(&events, reader), [numbered(1)]);
        assert!(has_ended(&events, reader));
        let events = Reporter::new();
        let reader = events.add_reader(NOON);
        assert!(!has_ended(&events, reader));
        reported(&events, [1]);
        events.end();
        assert_eq!(taken(&events, reader), [numbered(1)]);
        assert!(has_ended(&events, reader));
        let late = events.add_reader(NOON);
        assert!(has_ended(&events, late));
    }

    #[test]
    fn who_waits_is_woken_by_an_event_and_by_the_end() {
        let events = Reporter::new();
        let reader = events.add_reader(NOON);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let waits = || events.poll_next(reader, Some(&waker)).is_pending();
        assert!(waits());
        reported(&events, [1]);
        assert_eq!(woken.0.swap(0, Ordering::Relaxed), 1);
        assert!(!waits());
        assert!(waits());
        events.end();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_report_has_its_time_of_happening() {
        let events = Reporter::new();
        let before = SystemTime::now();
        reported(&events, [1]);
        let after = SystemTime::now();
        let reader = events.add_reader(NOON);
        let Poll::Ready(Some(Report { time, at, .. })) = events.poll_next(reader, None) else {
            panic!("no event");
        };
        assert!((before..=after).contains(&time));
        assert_eq!(at, NOON);
    }
}
