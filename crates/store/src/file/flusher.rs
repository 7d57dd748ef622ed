//! Syncs in the background, so that what was committed is durable a while
//! later without a commit that waits for it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::disk::File;
use crate::{DiskError, StoreError};

/// A thread that syncs the file last written to.
pub(super) struct Flusher<F> {
    shared: Arc<Shared<F>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared<F> {
    state: Mutex<State<F>>,
    wake: Condvar,
}

struct State<F> {
    /// What was written and is not durable.
    dirty: Option<Dirty<F>>,
    /// Segment and offset that are durable.
    synced: (u64, u64),
    failure: Option<io::Error>,
    syncing: bool,
    stop: bool,
}

struct Dirty<F> {
    file: Arc<F>,
    segment: u64,
    length: u64,
}

impl<F: File> Flusher<F> {
    pub(super) fn start(interval: Duration) -> Result<Self, StoreError> {
        let state =
            State { dirty: None, synced: (0, 0), failure: None, syncing: false, stop: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new() });
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("evenkeel-fsync".into())
            .spawn(move || of_thread.run(interval))
            .map_err(|error| StoreError::Disk { path: "".into(), error: DiskError::from(error) })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The segment was written up to there.
    pub(super) fn written(&self, file: &Arc<F>, segment: u64, length: u64) {
        let mut state = self.shared.state();
        if state.dirty.is_none() {
            self.shared.wake.notify_one();
        }
        state.dirty = Some(Dirty { file: file.clone(), segment, length });
    }

    /// Up to where this segment is durable, as far as the thread made it so.
    pub(super) fn synced(&self, segment: u64) -> u64 {
        let state = self.shared.state();
        if state.synced.0 == segment { state.synced.1 } else { 0 }
    }

    /// It does not sync now, and has no failure to report.
    pub(super) fn rests(&self) -> bool {
        let state = self.shared.state();
        !state.syncing && state.failure.is_none()
    }

    /// Syncs what is left; up to where this segment is durable then.
    pub(super) fn close(self, segment: u64) -> u64 {
        let shared = self.shared.clone();
        drop(self);
        let state = shared.state();
        if state.synced.0 == segment { state.synced.1 } else { 0 }
    }

    /// The error of a sync, once.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.shared.state().failure.take()
    }
}

impl<F> Drop for Flusher<F> {
    /// Syncs what is left, as was promised.
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl<F> Shared<F> {
    fn state(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: File> Shared<F> {
    fn run(&self, interval: Duration) {
        loop {
            let state = self.state();
            let state = self
                .wake
                .wait_while(state, |state| state.dirty.is_none() && !state.stop)
                .unwrap_or_else(PoisonError::into_inner);
            let (mut state, _) = self
                .wake
                .wait_timeout_while(state, interval, |state| !state.stop)
                .unwrap_or_else(PoisonError::into_inner);
            let (dirty, stop) = (state.dirty.take(), state.stop);
            state.syncing = dirty.is_some();
            drop(state);
            if let Some(Dirty { file, segment, length }) = dirty {
                let result = file.sync();
                let mut state = self.state();
                state.syncing = false;
                match result {
                    Ok(()) => state.synced = (segment, length),
                    Err(error) => state.failure = Some(error),
                }
            }
            if stop {
                return;
            }
        }
    }
}
