//! The timer that ends a wait.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use evenkeel_proto::Instant;
use tokio::time::Sleep;

use crate::clock::Clock;

/// The runtime's timers stand still while the machine sleeps, so no wait is
/// longer than this: after a resume the clock is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);

/// Moving a timer costs more than waking up this much too early.
const TOLERANCE: Duration = Duration::from_millis(1);

#[derive(Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// True where it is worth looking again: the deadline has come, or the
    /// clock has to be compared with it. Wakes the task when that becomes true.
    pub(super) fn rings(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        deadline: Option<Instant>,
    ) -> bool {
        let Some(deadline) = deadline else {
            self.sleep = None;
            return false;
        };
        // The clock is asked before the timer: a timer may be late, and is
        // pending for a task that has used up its share of the thread.
        let now = clock.now();
        if deadline <= now {
            return true;
        }
        let until = tokio::time::Instant::now() + deadline.since(now).min(LONGEST_SLEEP);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        let distance = until.max(sleep.deadline()) - until.min(sleep.deadline());
        // One that has rung is always moved, lest the task spin up to the deadline.
        if distance > TOLERANCE || sleep.is_elapsed() {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}
