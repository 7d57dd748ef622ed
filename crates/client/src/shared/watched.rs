//! The state, for those who watch it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use evenkeel_proto::State;
use tokio::sync::watch;

/// The state as it was last told. Most clients of a crowd are watched by
/// nobody: the channel, which is four times its size, is made for the first
/// watcher.
pub(crate) struct Watched(Mutex<Stage>);

enum Stage {
    Alone(State),
    Watched(watch::Sender<State>),
}

impl Watched {
    pub(crate) const fn new(state: State) -> Self {
        Self(Mutex::new(Stage::Alone(state)))
    }

    /// Tells the state; not under the client's lock, as watchers are woken.
    /// Only the driver does, so that what is told last is the latest.
    pub(crate) fn tell(&self, state: &State) {
        let channel = match &mut *self.lock() {
            Stage::Alone(told) if told == state => return,
            Stage::Alone(told) => return *told = state.clone(),
            Stage::Watched(channel) => channel.clone(),
        };
        channel.send_if_modified(|told| {
            let is_news = told != state;
            if is_news {
                *told = state.clone();
            }
            is_news
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        let mut stage = self.lock();
        let told = match &*stage {
            Stage::Watched(channel) => return channel.subscribe(),
            Stage::Alone(told) => told.clone(),
        };
        let (channel, watcher) = watch::channel(told);
        *stage = Stage::Watched(channel);
        watcher
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_see_what_was_told_last_and_wake_for_news_only() {
        let watched = Watched::new(State::Stopped);
        watched.tell(&State::Closed);
        watched.tell(&State::Stopped);
        let mut first = watched.watch();
        assert_eq!(*first.borrow_and_update(), State::Stopped);
        watched.tell(&State::Stopped);
        assert!(!first.has_changed().unwrap());
        watched.tell(&State::Closed);
        assert!(first.has_changed().unwrap());
        assert_eq!(*first.borrow_and_update(), State::Closed);
        assert_eq!(*watched.watch().borrow(), State::Closed);
    }
}
