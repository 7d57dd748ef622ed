//! The store and its own thread: no task waits for a disk, unless the store says
//! that a batch needs none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use evenkeel_proto::Input;
use evenkeel_proto::record::{Batch, Committed, Serial, StorageFailure, StoredMessage, Window};
use evenkeel_store::{Store, StoreError};
use tokio::sync::oneshot;

use super::{Inner, Shared};

/// What the store is asked to do; worked off in order.
pub(crate) enum Job {
    Commit(Batch),
    List(Option<Serial>, Window, oneshot::Sender<Result<Vec<StoredMessage>, StoreError>>),
    /// The last one: the store is closed.
    Close,
}

/// The store's thread, and the store, which is the thread's while it works.
#[derive(Clone)]
pub(crate) struct StoreThread {
    jobs: Sender<Job>,
    store: Kept,
}

/// `None` once it is closed.
type Kept = Arc<Mutex<Option<Box<dyn Store>>>>;

impl StoreThread {
    /// Has the thread do it; false if it is gone.
    pub(crate) fn give(&self, job: Job) -> bool {
        self.jobs.send(job).is_ok()
    }

    /// Commits a batch on the spot, if the thread has nothing to do and the store
    /// says that it takes no time.
    fn commit_in_place(&self, batch: &Batch) -> Option<Result<(), StoreError>> {
        if batch.records.is_empty() || batch.read.is_some() {
            return None;
        }
        let mut store = self.store.try_lock().ok()?;
        let store = store.as_mut()?;
        guarded(|| Ok(store.commit_in_place(&batch.records)))
            .unwrap_or_else(|error| Some(Err(error)))
    }
}

/// Gives the store a thread, which ends when it is closed or the client is gone.
pub(crate) fn spawn(store: Box<dyn Store>, shared: &Arc<Shared>) -> std::io::Result<()> {
    let (jobs, queue) = channel();
    let client = Arc::downgrade(shared);
    // `Clock::tokio` asks the runtime for the time, which may be paused.
    let runtime = tokio::runtime::Handle::try_current().ok();
    let store: Kept = Arc::new(Mutex::new(Some(store)));
    let kept = store.clone();
    std::thread::Builder::new().name("evenkeel-store".to_owned()).spawn(move || {
        let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
        work(&kept, &queue, &client);
    })?;
    shared.lock().store = Some(StoreThread { jobs, store });
    Ok(())
}

/// Commits a batch, or hands it to the thread; what comes back is done with. Not
/// under the client's lock.
pub(crate) fn commit(shared: &Shared, batch: Batch) -> Option<Committed> {
    let thread = shared.lock().store.clone();
    let Some(thread) = thread else { return Some(failed(batch, StorageFailure::Closed)) };
    match thread.commit_in_place(&batch) {
        Some(Ok(())) => return Some(Committed { batch, result: Ok(()), read: Ok(Vec::new()) }),
        Some(Err(error)) => return Some(failed(batch, tell(shared, &error))),
        None => {}
    }
    match thread.jobs.send(Job::Commit(batch)) {
        Err(SendError(Job::Commit(batch))) => Some(failed(batch, StorageFailure::Closed)),
        _ => None,
    }
}

fn tell(shared: &Shared, error: &StoreError) -> StorageFailure {
    tracing::warn!(parent: &shared.span, error = %format_args!("{error:#}"), "the store failed");
    error.failure()
}

const fn failed(batch: Batch, failure: StorageFailure) -> Committed {
    Committed { batch, result: Err(failure), read: Err(failure) }
}

fn work(kept: &Kept, jobs: &Receiver<Job>, client: &Weak<Shared>) {
    while let Ok(job) = jobs.recv() {
        let mut locked = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(store) = locked.as_deref_mut() else { break };
        match job {
            Job::Commit(batch) => {
                let committed = carry_out(store, batch, client);
                drop(locked);
                let Some(shared) = client.upgrade() else { continue };
                report(&shared, committed);
            }
            Job::List(after, limit, answer) => {
                let listed = guarded(|| store.list(after, limit));
                drop(locked);
                // Who asked may be gone.
                let _ = answer.send(listed);
            }
            Job::Close => break,
        }
    }
    let store = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(store);
    if let Some(shared) = client.upgrade() {
        shared.command(|inner| inner.store = None);
    }
}

fn carry_out(store: &mut dyn Store, batch: Batch, client: &Weak<Shared>) -> Committed {
    let commit = guarded(|| match &batch.records[..] {
        [] => Ok(()),
        records => store.commit(records),
    });
    let tell = |error: StoreError| {
        client.upgrade().map_or_else(|| error.failure(), |shared| tell(&shared, &error))
    };
    if let Err(error) = commit {
        return failed(batch, tell(error));
    }
    let read = batch.read.map_or_else(|| Ok(Vec::new()), |read| guarded(|| store.read(&read)));
    Committed { batch, result: Ok(()), read: read.map_err(tell) }
}

/// Outlives the panic of a store of someone's own: the thread goes on.
fn guarded<T>(call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(StoreError::Panicked))
}

fn report(shared: &Shared, committed: Committed) {
    let now = shared.clock.now();
    let mut inner = shared.lock();
    inner.core.handle(now, Input::Committed(committed));
    inner.deliver();
    let mut wakers = std::mem::take(&mut inner.to_wake);
    Inner::signal(inner);
    wakers.wake();
}
