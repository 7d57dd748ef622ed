//! `$aws/events/job/..` and `$aws/events/jobExecution/..`: what the account is told of
//! jobs, if it wants to be.

use serde_json::{Value, json};

use super::execution::{Execution, Status};
use crate::Time;
use crate::effects::Effects;
use crate::json;

/// Targets that an event names: a message of AWS has 128 KiB at most. The number is ours.
const TARGETS: usize = 100;

/// Whether there are events, and how they name things.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// How ARNs of the account begin; without it there are no events.
    pub(super) arn: Option<String>,
    /// Events so far.
    count: u64,
}

/// What has become of an execution.
pub(super) struct Turn {
    pub(super) job: String,
    pub(super) from: Option<Status>,
    pub(super) to: Option<Status>,
    /// Its status details.
    pub(super) details: Value,
}

impl Turn {
    pub(super) fn from_to(of: &Execution, from: Option<Status>, to: Option<Status>) -> Self {
        Self { job: of.job.clone(), from, to, details: json!(of.details) }
    }
}

impl Events {
    /// A job has come so far. `data` is what is known of it, `things` its targets, of which
    /// the first [`TARGETS`] are named.
    pub(super) fn of_job<'a>(
        &mut self,
        time: Time,
        job: &str,
        operation: &str,
        mut data: Value,
        things: impl Iterator<Item = &'a str>,
        out: &mut Effects,
    ) {
        let Some(arn) = self.arn.clone() else { return };
        let targets: Vec<String> =
            things.take(TARGETS).map(|thing| format!("{arn}:thing/{thing}")).collect();
        json::set(&mut data, "targets", targets);
        self.publish(time, &format!("job/{job}/{operation}"), "JOB", operation, data, out);
    }

    /// An execution has ended, or is gone.
    pub(super) fn of_execution(&mut self, time: Time, thing: &str, turn: &Turn, out: &mut Effects) {
        let Some(arn) = &self.arn else { return };
        let operation = match turn.to {
            Some(Status::Queued | Status::InProgress) => return,
            Some(Status::Failed) => "failed",
            Some(Status::Succeeded) => "succeeded",
            Some(Status::Canceled) => "canceled",
            Some(Status::TimedOut) => "timed_out",
            Some(Status::Rejected) => "rejected",
            Some(Status::Removed) => "removed",
            None => "deleted",
        };
        let Turn { job, details, .. } = turn;
        let mut data = json!({"jobId": job, "thingArn": format!("{arn}:thing/{thing}")});
        if let Some(status) = turn.to.or(turn.from) {
            json::set(&mut data, "status", status.name());
        }
        if details.as_object().is_some_and(|details| !details.is_empty()) {
            json::set(&mut data, "statusDetails", details.clone());
        }
        let topic = format!("jobExecution/{job}/{operation}");
        self.publish(time, &topic, "JOB_EXECUTION", operation, data, out);
    }

    fn publish(
        &mut self,
        time: Time,
        topic: &str,
        kind: &str,
        operation: &str,
        mut data: Value,
        out: &mut Effects,
    ) {
        self.count += 1;
        json::set(&mut data, "eventType", kind);
        json::set(&mut data, "eventId", format!("{:016x}{:016x}", time.unix_millis(), self.count));
        json::set(&mut data, "timestamp", time.unix_seconds());
        json::set(&mut data, "operation", operation);
        out.publish_json(format!("$aws/events/{topic}"), &data);
    }
}
