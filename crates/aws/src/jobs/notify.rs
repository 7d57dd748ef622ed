//! What a thing is told when its pending executions change.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::events::Turn;
use super::execution::{Execution, Status};
use crate::Time;
use crate::effects::Effects;
use crate::json;

/// The pending executions of a thing, those in progress first, each kind in
/// the order of creation.
pub(super) fn pending(executions: &[Execution]) -> impl Iterator<Item = &Execution> {
    let of = |status| executions.iter().filter(move |execution| execution.status == status);
    of(Status::InProgress).chain(of(Status::Queued))
}

/// What a thing knew before a change.
pub(super) struct Before {
    pending: Vec<(String, u64)>,
    next: Option<(String, u64)>,
    /// The state of each.
    all: BTreeMap<(String, u64), Status>,
}

impl Before {
    pub(super) fn of(executions: &[Execution]) -> Self {
        let mut pending: Vec<_> = pending(executions).map(Execution::key).collect();
        let next = pending.first().cloned();
        pending.sort();
        let all = executions.iter().map(|one| (one.key(), one.status)).collect();
        Self { pending, next, all }
    }

    /// What is new, has changed its state, or is gone.
    pub(super) fn turns(&self, executions: &[Execution]) -> Vec<Turn> {
        let mut gone = self.all.clone();
        let mut turns = Vec::new();
        for execution in executions {
            let from = gone.remove(&execution.key());
            if from != Some(execution.status) {
                turns.push(Turn::from_to(execution, from, Some(execution.status)));
            }
        }
        let gone = gone.into_iter().map(|((job, _), from)| Turn {
            job,
            from: Some(from),
            to: None,
            details: Value::Null,
        });
        turns.extend(gone);
        turns
    }

    /// Tells what has changed: `notify` if an execution became pending or
    /// ceased to be, `notify-next` if another one is next.
    pub(super) fn notify(
        self,
        executions: &[Execution],
        thing: &str,
        time: Time,
        out: &mut Effects,
    ) {
        let now = Self::of(executions);
        let timestamp = time.unix_seconds();
        if now.pending != self.pending {
            let mut jobs = Map::new();
            for status in [Status::InProgress, Status::Queued] {
                let of = pending(executions).filter(|execution| execution.status == status);
                let summaries: Vec<Value> = of.map(Execution::summary).collect();
                if !summaries.is_empty() {
                    jobs.insert(status.name().to_owned(), summaries.into());
                }
            }
            let body = json!({"timestamp": timestamp, "jobs": jobs});
            out.publish_json(format!("$aws/things/{thing}/jobs/notify"), &body);
        }
        if now.next != self.next {
            let mut body = json!({"timestamp": timestamp});
            if let Some(next) = pending(executions).next() {
                json::set(&mut body, "execution", next.data(thing, time, true));
            }
            out.publish_json(format!("$aws/things/{thing}/jobs/notify-next"), &body);
        }
    }
}
