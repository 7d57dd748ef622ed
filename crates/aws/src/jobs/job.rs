//! A job as a whole: how long its executions may take, and how many have ended how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::execution::Status;
use crate::Time;
use crate::json;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Things have to do it, or are at it.
    InProgress,
    /// All executions have ended.
    Completed,
    /// The operator took it back.
    Canceled,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    pub(super) status: JobStatus,
    /// Minutes that an execution may take, from its start.
    pub(super) timeout: Option<u64>,
    created_at: u64,
    last_updated_at: u64,
    completed_at: Option<u64>,
    /// Executions that have not ended.
    pub(super) pending: u64,
    ended: BTreeMap<Status, u64>,
}

impl Job {
    pub(super) fn new(timeout: Option<u64>, time: Time) -> Self {
        let now = time.unix_seconds();
        Self {
            status: JobStatus::InProgress,
            timeout,
            created_at: now,
            last_updated_at: now,
            completed_at: None,
            pending: 0,
            ended: BTreeMap::new(),
        }
    }

    /// One of its executions is there, has ended or is gone. True if it was the last
    /// one that the job has waited for.
    pub(super) fn count(&mut self, from: Option<Status>, to: Option<Status>, time: Time) -> bool {
        let is_pending = |status: Option<Status>| status.is_some_and(Status::is_pending);
        self.last_updated_at = time.unix_seconds();
        self.pending += u64::from(!is_pending(from) && is_pending(to));
        if !is_pending(from) || is_pending(to) {
            return false;
        }
        self.pending = self.pending.saturating_sub(1);
        // One that was deleted has not ended.
        let Some(to) = to else { return false };
        *self.ended.entry(to).or_default() += 1;
        let is_over = self.pending == 0 && self.status == JobStatus::InProgress;
        if is_over {
            self.end(JobStatus::Completed, time);
        }
        is_over
    }

    pub(super) fn end(&mut self, status: JobStatus, time: Time) {
        self.status = status;
        self.last_updated_at = time.unix_seconds();
        self.completed_at = Some(time.unix_seconds());
    }

    /// What the operator and events are told of it.
    pub(super) fn data(&self, id: &str) -> Value {
        let mut data = json!({
            "jobId": id,
            "status": self.status,
            "createdAt": self.created_at,
            "lastUpdatedAt": self.last_updated_at,
            "targetSelection": "SNAPSHOT",
            "jobProcessDetails": self.details(),
        });
        if let Some(completed) = self.completed_at {
            json::set(&mut data, "completedAt", completed);
        }
        if let Some(timeout) = self.timeout {
            json::set(&mut data, "timeoutConfig", json!({"inProgressTimeoutInMinutes": timeout}));
        }
        data
    }

    /// `jobProcessDetails` of AWS.
    fn details(&self) -> Value {
        let kinds = [
            ("numberOfCanceledThings", Status::Canceled),
            ("numberOfFailedThings", Status::Failed),
            ("numberOfRejectedThings", Status::Rejected),
            ("numberOfRemovedThings", Status::Removed),
            ("numberOfSucceededThings", Status::Succeeded),
            ("numberOfTimedOutThings", Status::TimedOut),
        ];
        let count = |status| self.ended.get(status).copied().unwrap_or_default();
        let counts = kinds.iter().map(|(name, status)| ((*name).into(), count(status).into()));
        Value::Object(counts.collect::<Map<String, Value>>())
    }
}
