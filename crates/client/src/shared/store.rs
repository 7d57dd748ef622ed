//! The store's own thread: no task ever waits for a disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};

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

/// Gives the store a thread, which ends when it is closed or the client is gone.
pub(crate) fn spawn(store: Box<dyn Store>, shared: &Arc<Shared>) -> std::io::Result<()> {
    let (jobs, queue) = channel();
    let client = Arc::downgrade(shared);
    // `Clock::tokio` asks the runtime for the time, which may be paused.
    let runtime = tokio::runtime::Handle::try_current().ok();
    std::thread::Builder::new().name("evenkeel-store".to_owned()).spawn(move || {
        let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
        work(store, &queue, &client);
    })?;
    shared.lock().store = Some(jobs);
    Ok(())
}

/// Hands a batch over; if the store is gone, that is what comes back.
pub(crate) fn commit(store: Option<&Sender<Job>>, batch: Batch) -> Option<Committed> {
    let job = Job::Commit(batch);
    let job = match store {
        Some(store) => store.send(job).err().map(|error| error.0),
        None => Some(job),
    };
    match job {
        Some(Job::Commit(batch)) => Some(failed(batch, StorageFailure::Closed)),
        _ => None,
    }
}

const fn failed(batch: Batch, failure: StorageFailure) -> Committed {
    Committed { batch, result: Err(failure), read: Err(failure) }
}

fn work(mut store: Box<dyn Store>, jobs: &Receiver<Job>, client: &Weak<Shared>) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Commit(batch) => {
                let committed = carry_out(store.as_mut(), batch, client);
                let Some(shared) = client.upgrade() else { continue };
                report(&shared, committed);
            }
            Job::List(after, limit, answer) => {
                let listed = guarded(|| store.list(after, limit));
                // Who asked may be gone.
                let _ = answer.send(listed);
            }
            Job::Close => break,
        }
    }
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
        if let Some(shared) = client.upgrade() {
            tracing::warn!(parent: &shared.span, error = %format_args!("{error:#}"), "the store failed");
        }
        error.failure()
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
