//! The timer that ends a wait.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use evenkeel_proto::Instant;
use tokio::time::Sleep;

use crate::clock::Clock;
use crate::tuning;

/// The runtime's timers stand still while the machine sleeps, so no wait is
/// longer than this: after a resume the clock is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);

/// Moving a timer costs more than waking up this much too early.
const TOLERANCE: Duration = Duration::from_millis(1);

/// When to look again.
#[derive(Clone, Copy, Default)]
pub(super) struct Due {
    pub(super) at: Option<Instant>,
    /// How much later will do.
    pub(super) slack: Duration,
}

#[derive(Default)]
pub(super) struct DeadlineTimer {
    /// When the streams want to look at what they hold.
    pub(super) held: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl DeadlineTimer {
    /// True if it is worth looking again: the deadline has come, or the
    /// clock has to be compared with it. Wakes the task when that becomes true,
    /// or within the slack, together with other clients.
    pub(super) fn is_due(&mut self, cx: &mut Context<'_>, clock: &Clock, due: Due) -> bool {
        let Some(deadline) = due.at else {
            self.sleep = None;
            return false;
        };
        // The clock is asked before the timer: a timer may be late, and is
        // pending for a task that has used up its share of the thread.
        let now = clock.now();
        if deadline <= now {
            return true;
        }
        let wanted = deadline.min(now + LONGEST_SLEEP);
        let wait = if due.slack < grid() { wanted } else { on_grid(wanted) }.since(now);
        let until = tokio::time::Instant::now() + wait;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        let distance = until.max(sleep.deadline()) - until.min(sleep.deadline());
        // One that has fired is always moved, so that the task does not spin up to the deadline.
        if distance > TOLERANCE || sleep.is_elapsed() {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}

/// Deadlines with some slack come at multiples of this by the client's clock,
/// which all clients with the system's clock share: one wake-up of the
/// runtime then serves all of them that are due.
fn grid() -> Duration {
    Duration::from_millis(tuning::wake_grid())
}

/// The next instant of the grid that is not before `at`.
fn on_grid(at: Instant) -> Instant {
    let grid = grid().as_micros() as u64;
    Instant::from_micros(at.as_micros().saturating_add(grid - 1) / grid * grid)
}
