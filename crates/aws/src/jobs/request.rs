//! Requests of things, as they write them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{JobsError, Status};
use crate::json;
use crate::names;
use crate::{JobLimits, Time};

/// The longest value of a status detail, in bytes.
const DETAIL_BYTES: usize = 1024;

/// All that requests may hold; each reads what it knows and ignores the rest,
/// as AWS does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ask {
    pub(super) status: Option<Status>,
    pub(super) status_details: Option<BTreeMap<String, String>>,
    pub(super) step_timeout_in_minutes: Option<StepTimeout>,
    pub(super) expected_version: Option<u64>,
    pub(super) execution_number: Option<u64>,
    pub(super) include_job_document: Option<bool>,
    pub(super) include_job_execution_state: Option<bool>,
}

/// The minutes of a step timer; -1 stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct StepTimeout(i64);

impl StepTimeout {
    const STOP: Self = Self(-1);

    /// When the timer runs out; nothing if it is stopped.
    pub(super) fn deadline(self, limits: &JobLimits, time: Time) -> Option<Duration> {
        u64::try_from(self.0).ok().map(|minutes| limits.after(time, minutes))
    }

    fn is_within(self, limits: &JobLimits) -> bool {
        let minutes = u64::try_from(self.0).unwrap_or_default();
        self == Self::STOP || (1..=limits.step_timeout_minutes).contains(&minutes)
    }
}

/// The members of a payload; nothing at all is as good as `{}`.
pub(super) fn members(payload: &[u8]) -> Result<Map<String, Value>, JobsError> {
    if payload.is_empty() {
        return Ok(Map::new());
    }
    match json::parse(payload) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JobsError::request("The payload must be a JSON object")),
        Err(_) => Err(JobsError::InvalidJson),
    }
}

/// Takes the client token out, for the answer.
pub(super) fn take_token(
    members: &mut Map<String, Value>,
    limits: &JobLimits,
) -> Result<Option<String>, JobsError> {
    let limit = limits.client_token_bytes;
    match members.remove("clientToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.len() <= limit => Ok(Some(token)),
        Some(_) => {
            Err(JobsError::request(format!("clientToken must be a text of at most {limit} bytes")))
        }
    }
}

impl Ask {
    pub(super) fn parse(
        members: Map<String, Value>,
        limits: &JobLimits,
    ) -> Result<Self, JobsError> {
        let ask = Self::deserialize(Value::Object(members))
            .map_err(|error| JobsError::request(format!("Invalid request: {error}")))?;
        if let Some(details) = &ask.status_details {
            check_details(details, limits)?;
        }
        let longest = limits.step_timeout_minutes;
        if ask.step_timeout_in_minutes.is_some_and(|timeout| !timeout.is_within(limits)) {
            let problem = format!("stepTimeoutInMinutes must be 1 to {longest}, or -1");
            return Err(JobsError::request(problem));
        }
        Ok(ask)
    }
}

fn check_details(details: &BTreeMap<String, String>, limits: &JobLimits) -> Result<(), JobsError> {
    let limit = limits.status_details;
    if details.len() > limit {
        return Err(JobsError::request(format!("statusDetails has more than {limit} pairs")));
    }
    for (key, value) in details {
        if !names::is_detail(key) {
            let problem = "A key of statusDetails must be 1 to 128 letters, digits or :_-";
            return Err(JobsError::request(problem));
        }
        let is_printable = !value.chars().any(char::is_control);
        if value.is_empty() || value.len() > DETAIL_BYTES || !is_printable {
            let problem = format!(
                "The value of {key} in statusDetails must be 1 to {DETAIL_BYTES} bytes without \
                 control characters"
            );
            return Err(JobsError::request(problem));
        }
    }
    Ok(())
}
