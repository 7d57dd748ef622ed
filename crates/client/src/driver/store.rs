//! The store's own thread: no task ever waits for a disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};

use evenkeel_proto::Input;
use evenkeel_proto::record::{Batch, Committed, Serial, StorageFailure, StoredMessage, Window};
use evenkeel_store::{Store, StoreError};
use tokio::sync::oneshot;

use crate::shared::{Inner, Shared};

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
    std::thread::Builder::new()
        .name("evenkeel-store".to_owned())
        .spawn(move || work(store, &queue, &client))?;
    shared.lock().store = Some(jobs);
    Ok(())
}

/// Hands a batch over; where the store is gone, that is what comes back.
pub(super) fn commit(store: Option<&Sender<Job>>, batch: Batch) -> Option<Committed> {
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
                // Who asked may be gone.
                let _ = answer.send(store.list(after, limit));
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
    let done = catch_unwind(AssertUnwindSafe(|| {
        if !batch.records.is_empty() {
            store.commit(&batch.records)?;
        }
        Ok(batch.read.map_or_else(|| Ok(Vec::new()), |read| store.read(&read)))
    }));
    let tell = |error: StoreError| {
        if let Some(shared) = client.upgrade() {
            tracing::warn!(parent: &shared.span, %error, "the store failed");
        }
        error.failure()
    };
    match done {
        Ok(Ok(read)) => Committed { batch, result: Ok(()), read: read.map_err(tell) },
        Ok(Err(error)) => failed(batch, tell(error)),
        // A panic in a store of someone's own: nothing is known of the batch.
        Err(_) => failed(batch, StorageFailure::Other(None)),
    }
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
