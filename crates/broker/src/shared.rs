//! The core behind its lock, with the broker's clock.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, broadcast};

use crate::arrivals::Arrivals;
use crate::barrier::Barrier;
use crate::core::{
    Arrival, Config, ConnectionId, Core, Event, EventKind, Extension, Instant, Parts, Recorded,
};
use crate::reader::Reader;

/// Events a slow receiver may be behind.
const BROADCAST: usize = 4096;

/// The core behind a lock, and who is to be woken when it has something to say.
///
/// Whoever has bytes takes the lock once for a whole batch of packets. Bytes
/// come in through the [`Arrivals`], in the order in which they arrived.
pub(crate) struct Shared {
    state: Mutex<State>,
    arrivals: Arc<Arrivals>,
    barrier: Arc<Barrier>,
    /// For connections through memory, which need not wait for the system.
    memory_barrier: Arc<Barrier>,
    clock: Clock,
    events: broadcast::Sender<Event>,
    /// Tells the timer of an earlier deadline.
    timer: Notify,
    /// Tells that a connection is gone.
    gone: Notify,
    /// Tells that an event was recorded.
    pub(crate) news: Notify,
    /// Tells that the core's extension has a question.
    pub(crate) asked: Notify,
}

struct State {
    core: Core,
    readers: BTreeMap<ConnectionId, Arc<Reader>>,
    recorded: Recorded,
    /// Events so far, recorded still or not.
    noted: u64,
    /// Writes down the state of the core's extension.
    save: Option<Box<dyn SaveState>>,
    /// It could not be written down: nobody is served any more.
    has_failed: bool,
}

/// Writes down the state of an extension. Functions that take changes are such, too.
pub trait SaveState: Send {
    /// Writes down what has changed; it is safe once this returns.
    fn save(&mut self, changes: &Parts) -> io::Result<()>;

    /// Whether the whole state is wanted in place of these changes: there is none yet,
    /// what was written is much more than what is left of it, or they are too many.
    fn begins_anew(&self, changes: &Parts) -> bool {
        let _ = changes;
        false
    }

    /// Writes the whole state down, in place of all that was written before.
    fn replace(&mut self, state: &mut dyn Iterator<Item = (String, String)>) -> io::Result<()> {
        let _ = state;
        Ok(())
    }
}

impl<F: FnMut(&Parts) -> io::Result<()> + Send> SaveState for F {
    fn save(&mut self, changes: &Parts) -> io::Result<()> {
        self(changes)
    }
}

/// The one place where the broker reads a clock: tokio's, so that tests may
/// pause it.
#[derive(Clone, Copy)]
pub(crate) struct Clock(tokio::time::Instant);

impl Clock {
    fn now(self) -> Instant {
        let micros = self.0.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    pub(crate) fn at(self, instant: Instant) -> tokio::time::Instant {
        self.0 + instant.since_start()
    }
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        extension: Option<(Box<dyn Extension>, Box<dyn SaveState>)>,
    ) -> Self {
        let mut core = Core::new(config, Instant::START);
        let save = extension.map(|(extension, save)| {
            core.extend(extension);
            save
        });
        let state = State {
            core,
            readers: BTreeMap::new(),
            recorded: Recorded::default(),
            noted: 0,
            save,
            has_failed: false,
        };
        let arrivals = Arc::<Arrivals>::default();
        Self {
            state: Mutex::new(state),
            barrier: Barrier::new(arrivals.clone()),
            memory_barrier: Barrier::new(arrivals.clone()),
            arrivals,
            clock: Clock(tokio::time::Instant::now()),
            events: broadcast::Sender::new(BROADCAST),
            timer: Notify::new(),
            gone: Notify::new(),
            news: Notify::new(),
            asked: Notify::new(),
        }
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Does something with the core, then passes on what it says.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Core, Instant) -> R) -> R {
        self.turn(None, act)
    }

    /// The same on behalf of a connection, whose own task needs no waking.
    pub(crate) fn turn<R>(
        &self,
        own: Option<ConnectionId>,
        act: impl FnOnce(&mut Core, Instant) -> R,
    ) -> R {
        self.run(own, act).0
    }

    /// The same for who is answered at once: `None` if the state could not be written
    /// down.
    pub(crate) fn with_saved<R>(&self, act: impl FnOnce(&mut Core, Instant) -> R) -> Option<R> {
        let (result, is_saved) = self.run(None, act);
        is_saved.then_some(result)
    }

    /// What comes of it, and whether the state is written down.
    fn run<R>(
        &self,
        own: Option<ConnectionId>,
        act: impl FnOnce(&mut Core, Instant) -> R,
    ) -> (R, bool) {
        let mut state = self.state();
        // Read under the lock: the core's instants never decrease.
        let now = self.clock.now();
        let before = state.core.next_session_deadline();
        if state.core.is_extended() {
            state.core.set_wall_clock(now, wall_clock());
        }
        let result = act(&mut state.core, now);
        state.save(now);
        let noted = state.noted;
        state.pass_on(own, self.clock, &self.events);
        if state.noted > noted {
            self.news.notify_waiters();
        }
        if state.core.has_question() {
            self.asked.notify_one();
        }
        if state.core.next_session_deadline() != before {
            self.timer.notify_one();
        }
        (result, !state.has_failed)
    }

    pub(crate) const fn arrivals(&self) -> &Arc<Arrivals> {
        &self.arrivals
    }

    pub(crate) const fn barrier(&self) -> &Arc<Barrier> {
        &self.barrier
    }

    pub(crate) const fn memory_barrier(&self) -> &Arc<Barrier> {
        &self.memory_barrier
    }

    /// A connection of this transport, whose answers pass this barrier; `asks` makes its
    /// socket ask the system.
    pub(crate) fn open(
        self: &Arc<Self>,
        arrival: Arrival,
        barrier: Arc<Barrier>,
        asks: Arc<AtomicBool>,
    ) -> Arc<Reader> {
        let id = self.with(|core, now| core.open(now, arrival));
        let reader = Reader::new(self.clone(), id, barrier, asks);
        self.state().readers.insert(id, reader.clone());
        reader
    }

    /// The receiving side of a connection.
    pub(crate) fn reader(&self, id: ConnectionId) -> Option<Arc<Reader>> {
        self.state().readers.get(&id).cloned()
    }

    pub(crate) fn closed(&self, id: ConnectionId) {
        self.turn(Some(id), |core, now| core.closed(now, id));
        self.state().readers.remove(&id);
        self.gone.notify_waiters();
    }

    /// The number of connections that have a task.
    pub(crate) fn tasks(&self) -> usize {
        self.state().readers.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, kind: EventKind) {
        self.with(|core, now| core.note(now, kind));
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(crate) fn recorded(&self) -> Vec<Event> {
        let state = self.state();
        state.recorded.iter().cloned().collect()
    }

    /// The recorded events behind the first `seen`, and how many there have
    /// been by now.
    pub(crate) fn recorded_behind(&self, seen: u64) -> (Vec<Event>, u64) {
        let state = self.state();
        let gone = state.noted - state.recorded.len() as u64;
        let skipped = usize::try_from(seen.saturating_sub(gone)).unwrap_or(usize::MAX);
        (state.recorded.iter().skip(skipped).cloned().collect(), state.noted)
    }

    /// Runs the timers of sessions, without end.
    pub(crate) async fn run_timers(self: Arc<Self>) {
        loop {
            let due = self.with(|core, now| {
                core.tick_sessions(now);
                core.next_session_deadline()
            });
            let changed = self.timer.notified();
            match due {
                None => changed.await,
                Some(due) => {
                    let sleep = tokio::time::sleep_until(self.clock.at(due));
                    tokio::select! { () = changed => {}, () = sleep => {} }
                }
            }
        }
    }

    /// Waits until no connection is left, so long at most.
    pub(crate) async fn until_all_gone(&self, timeout: Duration) {
        let all_gone = async {
            loop {
                let gone = self.gone.notified();
                if self.tasks() == 0 {
                    return;
                }
                gone.await;
            }
        };
        // What is still there then is slow, not harmful.
        let _ = tokio::time::timeout(timeout, all_gone).await;
    }
}

/// Time since the beginning of 1970; a clock that was never set says zero.
fn wall_clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

impl State {
    /// Writes down what has changed, before anything of it can leave. If that
    /// fails the broker stops as if killed, for good: what it would say from then
    /// on might be gone with the process.
    fn save(&mut self, now: Instant) {
        if self.has_failed {
            if self.core.has_connections() {
                self.core.stop(now, false);
            }
            return;
        }
        let Some(save) = &mut self.save else { return };
        let changes = self.core.unsaved(now);
        if changes.is_empty() {
            return;
        }
        let outcome = if save.begins_anew(&changes) {
            save.replace(&mut self.core.state(now))
        } else {
            save.save(&changes)
        };
        if let Err(error) = outcome {
            self.has_failed = true;
            self.core.note(now, EventKind::StateNotSaved { text: error.to_string() });
            self.core.stop(now, false);
        }
    }

    fn pass_on(&mut self, own: Option<ConnectionId>, clock: Clock, to: &broadcast::Sender<Event>) {
        // Read for the first event, as mostly there is none.
        let mut clocks = None;
        while let Some(mut event) = self.core.next_event() {
            let (now, unix) = *clocks.get_or_insert_with(|| (clock.now(), wall_clock()));
            event.unix = Some(unix.saturating_sub(now.since(event.time)));
            if to.receiver_count() > 0 {
                // The last receiver may have gone just now.
                let _ = to.send(event.clone());
            }
            let config = self.core.config();
            self.recorded.bound(config.limits.recorded_events, config.memory.recorded_bytes);
            self.recorded.push(event);
            self.noted += 1;
        }
        while let Some(id) = self.core.next_woken() {
            if own != Some(id)
                && let Some(reader) = self.readers.get(&id)
            {
                reader.woken.notify_one();
            }
        }
    }
}
