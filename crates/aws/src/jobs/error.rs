//! Why a request of a thing is rejected, in AWS's codes.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::Status;
use crate::Time;
use crate::json;

/// A rejected request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum JobsError {
    /// The topic is below `jobs` and none of its requests.
    InvalidTopic,
    /// The payload is no JSON in UTF-8.
    InvalidJson,
    /// The payload is JSON that no request may have.
    InvalidRequest {
        /// What is wrong.
        problem: String,
    },
    /// The execution is in a state that does not lead to this one.
    InvalidStateTransition {
        /// The present state.
        from: Status,
        /// The one asked for.
        to: Status,
        /// The execution as it is.
        state: Value,
    },
    /// The thing has no such execution.
    ResourceNotFound,
    /// The execution has another version than expected.
    VersionMismatch {
        /// The expected one.
        expected: u64,
        /// The present one.
        found: u64,
        /// The execution as it is.
        state: Value,
    },
    /// The emulator failed.
    InternalError,
    /// The request is over a rate.
    RequestThrottled,
    /// An execution that has ended cannot be described.
    TerminalStateReached {
        /// How it ended.
        status: Status,
    },
}

impl JobsError {
    /// As in `code` of the answer.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidTopic => "InvalidTopic",
            Self::InvalidJson => "InvalidJson",
            Self::InvalidRequest { .. } => "InvalidRequest",
            Self::InvalidStateTransition { .. } => "InvalidStateTransition",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::VersionMismatch { .. } => "VersionMismatch",
            Self::InternalError => "InternalError",
            Self::RequestThrottled => "RequestThrottled",
            Self::TerminalStateReached { .. } => "TerminalStateReached",
        }
    }

    /// The payload of the answer on `../rejected`.
    #[must_use]
    pub fn answer(&self, time: Time, client_token: Option<&str>) -> Value {
        let mut answer = json::rejected(self.code(), self, time, client_token);
        if let Self::InvalidStateTransition { state, .. } | Self::VersionMismatch { state, .. } =
            self
        {
            json::set(&mut answer, "executionState", state.clone());
        }
        answer
    }

    pub(super) fn request(problem: impl Into<String>) -> Self {
        Self::InvalidRequest { problem: problem.into() }
    }
}

impl fmt::Display for JobsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidTopic => f.write_str("The topic is no request of the jobs service"),
            Self::InvalidJson => f.write_str("The payload is not valid JSON in UTF-8"),
            Self::InvalidRequest { problem } => f.write_str(problem),
            Self::InvalidStateTransition { from, to, .. } => {
                write!(f, "An execution in state {from} cannot become {to}")
            }
            Self::ResourceNotFound => f.write_str("There is no such job execution"),
            Self::VersionMismatch { expected, found, .. } => {
                write!(f, "Expected version {expected}, but the execution has version {found}")
            }
            Self::InternalError => f.write_str("Internal error"),
            Self::RequestThrottled => f.write_str("Too many requests"),
            Self::TerminalStateReached { status } => {
                write!(f, "The execution has ended in state {status}")
            }
        }
    }
}

impl Error for JobsError {}
