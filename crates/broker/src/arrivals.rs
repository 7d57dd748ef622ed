//! One queue of arrivals for all connections: what arrives first is handled first,
//! whichever connection it arrives on and whichever task runs first.
//!
//! The system tells of arrivals in their order. Each [`SourceWaker`] queues its source
//! within that call, and one task at a time takes the queue from its front.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Wake;

use tokio::sync::Notify;
use tokio::task::coop::unconstrained;

use crate::core::ConnectionId;

/// Arrivals that one task takes in before another goes on: its own
/// connection has bytes to send, too.
const AT_ONCE: usize = 32;

/// What bytes or connections arrive at.
pub(crate) trait Source: Send + Sync {
    /// Takes in what has arrived. `own` is the connection of the task that
    /// does it, which needs no waking.
    fn take_in(&self, own: Option<ConnectionId>) -> Taken;
}

/// How much of a source was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The next source has its turn.
    All,
    /// Nothing else is taken in before this source's waker is called again.
    Unfinished,
}

/// The arrivals nobody has looked at, the oldest first.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    ready: VecDeque<Arc<SourceWaker>>,
    /// A task takes from the front, and goes on until nothing is left.
    is_taken: bool,
    /// The source that all others wait for.
    blocked_by: Option<Arc<SourceWaker>>,
}

/// The waker of one source: it queues the source behind those that came
/// before.
pub(crate) struct SourceWaker {
    arrivals: Arc<Arrivals>,
    source: Weak<dyn Source>,
    /// The source's own task, which takes in arrivals if no other does.
    task: Arc<Notify>,
    /// It stands in the queue; changed under the queue's lock only.
    is_queued: AtomicBool,
}

impl SourceWaker {
    pub(crate) fn new(
        arrivals: Arc<Arrivals>,
        source: Weak<dyn Source>,
        task: Arc<Notify>,
    ) -> Self {
        Self { arrivals, source, task, is_queued: AtomicBool::new(false) }
    }

    /// Something has arrived, or may have.
    pub(crate) fn notify(self: &Arc<Self>) {
        let mut queue = self.arrivals.queue();
        if queue.blocked_by.take_if(|blocking| Arc::ptr_eq(blocking, self)).is_some() {
            self.is_queued.store(true, Ordering::Relaxed);
            queue.ready.push_front(self.clone());
            drop(queue);
            return self.task.notify_one();
        }
        if self.is_queued.swap(true, Ordering::Relaxed) {
            return;
        }
        queue.ready.push_back(self.clone());
        let is_taken = queue.is_taken;
        drop(queue);
        if !is_taken {
            self.task.notify_one();
        }
    }

    /// The source goes, and its task with it: nothing is left there, and the task of one that
    /// waits behind it goes on.
    pub(crate) fn leave(self: &Arc<Self>) {
        self.notify();
        let waiting = self.arrivals.queue().ready.clone();
        for waker in waiting {
            waker.task.notify_one();
        }
    }
}

impl Wake for SourceWaker {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}

impl Arrivals {
    /// Takes in all that has arrived, on this connection and on others, unless
    /// another task does so now: that one goes on until nothing is left.
    pub(crate) async fn run(self: &Arc<Self>, own: Option<ConnectionId>) {
        {
            let mut queue = self.queue();
            if queue.is_taken || queue.blocked_by.is_some() || queue.ready.is_empty() {
                return;
            }
            queue.is_taken = true;
        }
        // A transport must say what it has, not what is good for this task.
        unconstrained(async { self.take(own) }).await;
    }

    fn take(self: &Arc<Self>, own: Option<ConnectionId>) {
        let release = ReleaseOnPanic(self);
        for _ in 0..AT_ONCE {
            let Some(waker) = self.next() else { return };
            let taken = waker.source.upgrade().map(|source| source.take_in(own));
            if taken == Some(Taken::Unfinished) && self.hold(waker) {
                return;
            }
        }
        std::mem::forget(release);
        let arrivals = self.clone();
        tokio::spawn(unconstrained(async move { arrivals.take(None) }));
    }

    /// The oldest arrival; ends the taking if there is none.
    fn next(&self) -> Option<Arc<SourceWaker>> {
        let mut queue = self.queue();
        let waker = queue.ready.pop_front();
        match &waker {
            // From here on it may be queued again.
            Some(waker) => waker.is_queued.store(false, Ordering::Relaxed),
            None => queue.is_taken = false,
        }
        waker
    }

    /// Lets all others wait for this waker; false if it was called meanwhile.
    fn hold(&self, waker: Arc<SourceWaker>) -> bool {
        let mut queue = self.queue();
        if waker.is_queued.load(Ordering::Relaxed) {
            let at = queue.ready.iter().position(|ready| Arc::ptr_eq(ready, &waker));
            if let Some(waker) = at.and_then(|at| queue.ready.remove(at)) {
                queue.ready.push_front(waker);
            }
            return false;
        }
        queue.blocked_by = Some(waker);
        queue.is_taken = false;
        true
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets others take if a task ends in a panic.
struct ReleaseOnPanic<'a>(&'a Arrivals);

impl Drop for ReleaseOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue().is_taken = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often it was taken in, and says what is to come of it.
    struct Counted(AtomicUsize, Taken);

    impl Source for Counted {
        fn take_in(&self, _own: Option<ConnectionId>) -> Taken {
            self.0.fetch_add(1, Ordering::Relaxed);
            self.1
        }
    }

    #[tokio::test]
    async fn a_source_that_leaves_unfinished_holds_up_nobody() {
        let arrivals = Arc::<Arrivals>::default();
        let source = |taken| {
            let task = Arc::<Notify>::default();
            let source = Arc::new(Counted(AtomicUsize::new(0), taken));
            let weak: Weak<Counted> = Arc::downgrade(&source);
            let waker = Arc::new(SourceWaker::new(arrivals.clone(), weak, task.clone()));
            (source, waker, task)
        };
        let (first, blocking, _) = source(Taken::Unfinished);
        let (second, waiting, task) = source(Taken::All);
        blocking.notify();
        waiting.notify();
        task.notified().await;
        arrivals.run(None).await;
        let taken = |it: &Counted| it.0.load(Ordering::Relaxed);
        assert_eq!((taken(&first), taken(&second)), (1, 0));
        drop(first);
        blocking.leave();
        task.notified().await;
        arrivals.run(None).await;
        assert_eq!(taken(&second), 1);
    }
}
