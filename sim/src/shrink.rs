//! Makes a failing plan small: leaves out classes of faults, clients and time
//! while the same law is still broken.

use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::report::Report;
use crate::world;

/// How long one search may last, in real time.
const SEARCH: Duration = Duration::from_secs(20);

/// The smallest plan found that breaks the same law as `report`, with its run.
pub fn shrink(plan: Plan, report: Report) -> (Plan, Report) {
    let mut search = Search { best: plan, report, began: Instant::now() };
    loop {
        let before = search.best.clone();
        for class in before.classes.clone() {
            let mut smaller = search.best.clone();
            smaller.classes.remove(&class);
            search.attempt(smaller);
        }
        while search.best.clients > 1 {
            let mut smaller = search.best.clone();
            smaller.clients -= 1;
            if !search.attempt(smaller) {
                break;
            }
        }
        for percent in [30, 60, 90] {
            let mut smaller = search.best.clone();
            smaller.duration = smaller.duration * percent / 100;
            if smaller.duration > Duration::from_secs(1) {
                search.attempt(smaller);
            }
        }
        if search.best == before || search.is_over() {
            return (search.best, search.report);
        }
    }
}

struct Search {
    best: Plan,
    report: Report,
    began: Instant,
}

impl Search {
    fn is_over(&self) -> bool {
        self.began.elapsed() > SEARCH
    }

    /// True if the smaller plan breaks the same law, and is the best now.
    fn attempt(&mut self, smaller: Plan) -> bool {
        if self.is_over() {
            return false;
        }
        let report = world::run(&smaller.setup());
        let law = |report: &Report| report.violation.as_ref().map(|violation| violation.law);
        let fails = law(&report).is_some() && law(&report) == law(&self.report);
        if fails {
            self.best = smaller;
            self.report = report;
        }
        fails
    }
}
