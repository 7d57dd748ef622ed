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
    fn take_in(&self, own: Option<ConnectionId>);
}

/// The arrivals nobody has looked at, the oldest first.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    ready: VecDeque<Arc<SourceWaker>>,
    /// A task takes from the front, and goes on until nothing is left.
    is_taken: bool,
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
            if queue.is_taken || queue.ready.is_empty() {
                return;
            }
            queue.is_taken = true;
        }
        let taking = Taking { arrivals: self.clone(), is_over: false };
        // A transport must say what it has, not what is good for this task.
        unconstrained(async { taking.run(own) }).await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to take in what has arrived. Given up before nothing is left, by a panic or with a
/// runtime, it lets others take.
struct Taking {
    arrivals: Arc<Arrivals>,
    is_over: bool,
}

impl Taking {
    fn run(mut self, own: Option<ConnectionId>) {
        for _ in 0..AT_ONCE {
            let Some(waker) = self.next() else { return };
            if let Some(source) = waker.source.upgrade() {
                source.take_in(own);
            }
        }
        tokio::spawn(unconstrained(async move { self.run(None) }));
    }

    /// The oldest arrival; ends the taking if there is none.
    fn next(&mut self) -> Option<Arc<SourceWaker>> {
        let mut queue = self.arrivals.queue();
        let waker = queue.ready.pop_front();
        match &waker {
            // From here on it may be queued again.
            Some(waker) => waker.is_queued.store(false, Ordering::Relaxed),
            None => {
                queue.is_taken = false;
                self.is_over = true;
            }
        }
        waker
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut queue = self.arrivals.queue();
        queue.is_taken = false;
        for waker in &queue.ready {
            waker.task.notify_one();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often it was taken in.
    #[derive(Default)]
    pub(crate) struct Counted(AtomicUsize);

    impl Source for Counted {
        fn take_in(&self, _own: Option<ConnectionId>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Counted {
        pub(crate) fn taken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// Panics when it is taken in.
    struct Broken;

    impl Source for Broken {
        fn take_in(&self, _own: Option<ConnectionId>) {
            panic!("as the test wants it");
        }
    }

    /// A source's waker, and what wakes its task.
    pub(crate) fn waker<S: Source + 'static>(
        arrivals: &Arc<Arrivals>,
        source: &Arc<S>,
    ) -> (Arc<SourceWaker>, Arc<Notify>) {
        let task = Arc::<Notify>::default();
        let weak: Weak<S> = Arc::downgrade(source);
        (Arc::new(SourceWaker::new(arrivals.clone(), weak, task.clone())), task)
    }

    #[tokio::test]
    async fn a_panic_holds_up_nobody() {
        let arrivals = Arc::<Arrivals>::default();
        let (broken, counted) = (Arc::new(Broken), Arc::<Counted>::default());
        let (first, _) = waker(&arrivals, &broken);
        let (second, task) = waker(&arrivals, &counted);
        first.notify();
        let taking = arrivals.clone();
        // Queued while the first is taken in, so that its task is not woken for it.
        arrivals.queue().is_taken = true;
        second.notify();
        arrivals.queue().is_taken = false;
        let outcome = tokio::spawn(async move { taking.run(None).await }).await;
        assert!(outcome.is_err_and(|error| error.is_panic()));
        task.notified().await;
        arrivals.run(None).await;
        assert_eq!(counted.taken(), 1);
    }

    #[test]
    fn a_runtime_that_ends_holds_up_nobody() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let arrivals = Arc::<Arrivals>::default();
        let sources: Vec<_> = (0..AT_ONCE + 1).map(|_| Arc::<Counted>::default()).collect();
        let wakers: Vec<_> = sources.iter().map(|one| waker(&arrivals, one)).collect();
        wakers.iter().for_each(|(waker, _)| waker.notify());
        // The rest is left to a task, which never runs.
        runtime().block_on(arrivals.run(None));
        let taken = || sources.iter().map(|one| one.taken()).sum::<usize>();
        assert_eq!(taken(), AT_ONCE);
        runtime().block_on(arrivals.run(None));
        assert_eq!(taken(), AT_ONCE + 1);
    }
}
