//! One job on one thing.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::json;
use crate::{JobLimits, Time};

/// How far an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Waits for its thing.
    Queued,
    /// The thing is at it.
    InProgress,
    /// The thing could not do it.
    Failed,
    /// Done.
    Succeeded,
    /// The operator took it back.
    Canceled,
    /// The step timer ran out, or the time that the job gives.
    TimedOut,
    /// The thing refused it.
    Rejected,
    /// The thing is gone.
    Removed,
}

impl Status {
    /// As AWS writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::InProgress => "IN_PROGRESS",
            Self::Failed => "FAILED",
            Self::Succeeded => "SUCCEEDED",
            Self::Canceled => "CANCELED",
            Self::TimedOut => "TIMED_OUT",
            Self::Rejected => "REJECTED",
            Self::Removed => "REMOVED",
        }
    }

    /// True if the thing still has to do something about it.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Queued | Self::InProgress)
    }

    /// True if a thing may set it.
    pub(super) const fn is_for_things(self) -> bool {
        matches!(self, Self::InProgress | Self::Failed | Self::Succeeded | Self::Rejected)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One job on one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Execution {
    pub(super) job: String,
    /// Counts the executions of the same job on the same thing, from 1.
    pub(super) number: u64,
    pub(super) document: Value,
    pub(super) status: Status,
    pub(super) details: BTreeMap<String, String>,
    pub(super) queued_at: u64,
    pub(super) started_at: Option<u64>,
    pub(super) last_updated_at: u64,
    pub(super) version: u64,
    /// When the step timer runs out, by the elapsed time.
    pub(super) step_deadline: Option<Duration>,
    /// Minutes that it may take from its start, as its job says.
    pub(super) timeout: Option<u64>,
    /// When these are over, by the elapsed time.
    pub(super) progress_deadline: Option<Duration>,
}

impl Execution {
    pub(super) fn new(
        job: &str,
        number: u64,
        document: Value,
        timeout: Option<u64>,
        time: Time,
    ) -> Self {
        let now = time.unix_seconds();
        Self {
            job: job.to_owned(),
            number,
            document,
            status: Status::Queued,
            details: BTreeMap::new(),
            queued_at: now,
            started_at: None,
            last_updated_at: now,
            version: 1,
            step_deadline: None,
            timeout,
            progress_deadline: None,
        }
    }

    /// When it times out, if it does not go on.
    pub(super) fn deadline(&self) -> Option<Duration> {
        [self.step_deadline, self.progress_deadline].into_iter().flatten().min()
    }

    /// A thing begins with it. The job's own timer runs from now on, and nothing resets
    /// it.
    pub(super) fn start(&mut self, time: Time, limits: &JobLimits) {
        self.become_status(Status::InProgress, time);
        self.progress_deadline = self.timeout.map(|minutes| limits.after(time, minutes));
    }

    /// Names it among the executions of its thing.
    pub(super) fn key(&self) -> (String, u64) {
        (self.job.clone(), self.number)
    }

    /// Goes on to a state; the version grows by one.
    pub(super) fn become_status(&mut self, status: Status, time: Time) {
        let now = time.unix_seconds();
        if status == Status::InProgress && self.started_at.is_none() {
            self.started_at = Some(now);
        }
        if !status.is_pending() {
            (self.step_deadline, self.progress_deadline) = (None, None);
        }
        self.status = status;
        self.last_updated_at = now;
        self.version += 1;
    }

    /// `JobExecutionState` of AWS.
    pub(super) fn state(&self) -> Value {
        json!({
            "status": self.status,
            "statusDetails": self.details,
            "versionNumber": self.version,
        })
    }

    /// `JobExecutionSummary` of AWS.
    pub(super) fn summary(&self) -> Value {
        let mut summary = json!({
            "jobId": self.job,
            "queuedAt": self.queued_at,
            "lastUpdatedAt": self.last_updated_at,
            "versionNumber": self.version,
            "executionNumber": self.number,
        });
        if let Some(started) = self.started_at {
            json::set(&mut summary, "startedAt", started);
        }
        summary
    }

    /// `JobExecution` of AWS.
    pub(super) fn data(&self, thing: &str, time: Time, with_document: bool) -> Value {
        let mut data = self.summary();
        json::set(&mut data, "thingName", thing);
        json::set(&mut data, "status", self.status.name());
        if !self.details.is_empty() {
            json::set(&mut data, "statusDetails", json!(self.details));
        }
        if with_document {
            json::set(&mut data, "jobDocument", self.document.clone());
        }
        if let Some(deadline) = self.deadline() {
            let left = deadline.saturating_sub(time.elapsed).as_secs();
            json::set(&mut data, "approximateSecondsBeforeTimedOut", left);
        }
        data
    }
}
