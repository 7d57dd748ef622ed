//! The same end over and over (R6).

use core::time::Duration;

use crate::cause::CauseClass;
use crate::time::Instant;

/// Deaths of one cause and shape that make a loop worth naming.
const NAMED_AFTER: u32 = 5;

/// The same end over and over: a loop, with its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// The class of every end.
    pub class: CauseClass,
    /// How often in a row.
    pub count: u32,
    /// From the first end to the last, divided by the ends between.
    pub period: Duration,
    /// How long the last connection lived after CONNACK; `None` if it never got there.
    pub lived: Option<Duration>,
}

impl Repetition {
    /// Whether this end is one more of them.
    pub fn goes_on_with(&self, class: CauseClass, lived: Option<Duration>) -> bool {
        self.class == class && alike(self.lived, lived)
    }

    /// Whether a connection that has lived so long after CONNACK is none of them.
    pub fn is_outlived_by(&self, lived: Duration) -> bool {
        let own = self.lived.unwrap_or_default();
        lived > own && !alike(Some(own), Some(lived))
    }
}

/// Watches for the same end in a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct RepeatWatch {
    run: Option<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    class: CauseClass,
    lived: Option<Duration>,
    first: Instant,
    count: u32,
}

impl RepeatWatch {
    /// Notes an end; returns the loop when it is seen for the fifth, tenth, ... time.
    pub(crate) fn on_end(
        &mut self,
        now: Instant,
        class: CauseClass,
        lived: Option<Duration>,
    ) -> Option<Repetition> {
        let run = match self.run {
            Some(run) if run.class == class && alike(run.lived, lived) => {
                Run { count: run.count.saturating_add(1), lived, ..run }
            }
            _ => Run { class, lived, first: now, count: 1 },
        };
        self.run = Some(run);
        (run.count % NAMED_AFTER == 0).then(|| Repetition {
            class,
            count: run.count,
            period: now.since(run.first) / (run.count - 1).max(1),
            lived,
        })
    }
}

/// Lifetimes within a quarter, or half a second, of each other.
fn alike(a: Option<Duration>, b: Option<Duration>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.abs_diff(b) <= (a.max(b) / 4).max(Duration::from_millis(500)),
        _ => false,
    }
}
