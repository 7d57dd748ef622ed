//! One intake for all connections: what arrives first is handled first,
//! whichever connection it arrives on and whichever task runs first.
//!
//! The system tells of arrivals in their order. Each [`Bell`] queues its own
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
pub(crate) trait Arrival: Send + Sync {
    /// Takes in what has arrived. `own` is the connection of the task that
    /// does it, which needs no waking.
    fn take_in(&self, own: Option<ConnectionId>) -> Turn;
}

/// What follows when something was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The next has its turn.
    Over,
    /// Nobody has, until this place's bell rings once more.
    Holds,
}

/// The arrivals nobody has looked at, the oldest first.
#[derive(Default)]
pub(crate) struct Intake(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    rung: VecDeque<Arc<Bell>>,
    /// A task takes from the front, and goes on until nothing is left.
    is_taken: bool,
    /// The place that all others wait for.
    held_by: Option<Arc<Bell>>,
}

/// The waker of one place of arrival.
pub(crate) struct Bell {
    intake: Arc<Intake>,
    place: Weak<dyn Arrival>,
    /// The place's own task, which runs the intake if no other does.
    task: Arc<Notify>,
    /// It stands in the queue; changed under the queue's lock only.
    is_rung: AtomicBool,
}

impl Bell {
    pub(crate) fn new(intake: Arc<Intake>, place: Weak<dyn Arrival>, task: Arc<Notify>) -> Self {
        Self { intake, place, task, is_rung: AtomicBool::new(false) }
    }

    /// Something has arrived, or may have.
    pub(crate) fn ring(self: &Arc<Self>) {
        let mut queue = self.intake.queue();
        if queue.held_by.take_if(|holder| Arc::ptr_eq(holder, self)).is_some() {
            self.is_rung.store(true, Ordering::Relaxed);
            queue.rung.push_front(self.clone());
            drop(queue);
            return self.task.notify_one();
        }
        if self.is_rung.swap(true, Ordering::Relaxed) {
            return;
        }
        queue.rung.push_back(self.clone());
        let is_taken = queue.is_taken;
        drop(queue);
        if !is_taken {
            self.task.notify_one();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl Intake {
    /// Takes in all that has arrived, on this connection and on others, unless
    /// another task does so now: that one goes on until nothing is left.
    pub(crate) async fn run(self: &Arc<Self>, own: Option<ConnectionId>) {
        {
            let mut queue = self.queue();
            if queue.is_taken || queue.held_by.is_some() || queue.rung.is_empty() {
                return;
            }
            queue.is_taken = true;
        }
        // A transport must say what it has, not what is good for this task.
        unconstrained(async { self.take(own) }).await;
    }

    fn take(self: &Arc<Self>, own: Option<ConnectionId>) {
        let leave = Leave(self);
        for _ in 0..AT_ONCE {
            let Some(bell) = self.next() else { return };
            let turn = bell.place.upgrade().map(|place| place.take_in(own));
            if turn == Some(Turn::Holds) && self.hold(bell) {
                return;
            }
        }
        std::mem::forget(leave);
        let intake = self.clone();
        tokio::spawn(unconstrained(async move { intake.take(None) }));
    }

    /// The oldest arrival; ends the taking if there is none.
    fn next(&self) -> Option<Arc<Bell>> {
        let mut queue = self.queue();
        let bell = queue.rung.pop_front();
        match &bell {
            // From here on it may ring again.
            Some(bell) => bell.is_rung.store(false, Ordering::Relaxed),
            None => queue.is_taken = false,
        }
        bell
    }

    /// Lets all others wait for this bell; false if it has rung meanwhile.
    fn hold(&self, bell: Arc<Bell>) -> bool {
        let mut queue = self.queue();
        if bell.is_rung.load(Ordering::Relaxed) {
            let at = queue.rung.iter().position(|rung| Arc::ptr_eq(rung, &bell));
            if let Some(bell) = at.and_then(|at| queue.rung.remove(at)) {
                queue.rung.push_front(bell);
            }
            return false;
        }
        queue.held_by = Some(bell);
        queue.is_taken = false;
        true
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets others take if a task ends in a panic.
struct Leave<'a>(&'a Intake);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue().is_taken = false;
        }
    }
}
