//! The state, for those who watch it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use evenkeel_proto::{Instant, State};
use tokio::sync::watch;

use crate::clock::Clock;

/// The state as it was last told. Most clients of a crowd are watched by
/// nobody: the channel, which is four times its size, is made for the first
/// watcher.
pub(crate) struct Watched(Mutex<Told>);

struct Told {
    stage: Stage,
    /// When the client came to be in a state of this name.
    since: Instant,
}

enum Stage {
    Alone(State),
    Watched(watch::Sender<State>),
}

impl Watched {
    pub(crate) const fn new(state: State, now: Instant) -> Self {
        Self(Mutex::new(Told { stage: Stage::Alone(state), since: now }))
    }

    /// Tells the state; not under the client's lock, as watchers are woken.
    /// Only the driver does, so that what is told last is the latest.
    pub(crate) fn tell(&self, state: &State, clock: &Clock) {
        let mut told = self.lock();
        let change = match &told.stage {
            Stage::Alone(last) => Change::between(last, state),
            Stage::Watched(channel) => Change::between(&channel.borrow(), state),
        };
        match change {
            Change::None => return,
            Change::Details => {}
            Change::State => told.since = clock.now(),
        }
        match &mut told.stage {
            Stage::Alone(last) => *last = state.clone(),
            Stage::Watched(channel) => {
                let channel = channel.clone();
                drop(told);
                channel.send_replace(state.clone());
            }
        }
    }

    /// When the client came to be in a state of this name, whatever else is known of it
    /// now; `None` if another one was told last.
    pub(crate) fn since(&self, state: &State) -> Option<Instant> {
        let told = self.lock();
        let last = match &told.stage {
            Stage::Alone(last) => last.name(),
            Stage::Watched(channel) => channel.borrow().name(),
        };
        (last == state.name()).then_some(told.since)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        let mut told = self.lock();
        let last = match &told.stage {
            Stage::Watched(channel) => return channel.subscribe(),
            Stage::Alone(last) => last.clone(),
        };
        let (channel, watcher) = watch::channel(last);
        told.stage = Stage::Watched(channel);
        watcher
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is new about a state.
enum Change {
    None,
    /// It is the same, and more is known of it.
    Details,
    State,
}

impl Change {
    fn between(last: &State, state: &State) -> Self {
        match (last == state, last.name() == state.name()) {
            (true, _) => Self::None,
            (false, true) => Self::Details,
            (false, false) => Self::State,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_see_what_was_told_last_and_wake_for_news_only() {
        let clock = Clock::default();
        let watched = Watched::new(State::Stopped, Instant::default());
        watched.tell(&State::Closed, &clock);
        watched.tell(&State::Stopped, &clock);
        let mut first = watched.watch();
        assert_eq!(*first.borrow_and_update(), State::Stopped);
        watched.tell(&State::Stopped, &clock);
        assert!(!first.has_changed().unwrap());
        watched.tell(&State::Closed, &clock);
        assert!(first.has_changed().unwrap());
        assert_eq!(*first.borrow_and_update(), State::Closed);
        assert_eq!(*watched.watch().borrow(), State::Closed);
    }
}
