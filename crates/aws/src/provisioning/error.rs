//! Why a request of fleet provisioning is rejected.

use std::error::Error;
use std::fmt;

use serde_json::{Value, json};

use super::issuer::IssueError;

/// A rejected request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// The payload is not what the topic says, or too large.
    Payload {
        /// What is wrong.
        problem: String,
    },
    /// The certificate signing request is none.
    Csr {
        /// What is wrong.
        problem: String,
    },
    /// The ownership token is missing, not one of ours, or over.
    Token {
        /// What is wrong.
        problem: &'static str,
    },
    /// There is no such template.
    NoTemplate {
        /// Its name.
        name: String,
    },
    /// The template cannot be filled in with these parameters.
    Parameters {
        /// What is wrong.
        problem: String,
    },
    /// As many certificates as the limit allows wait for their thing.
    TooMany {
        /// How many.
        limit: usize,
    },
    /// No certificate could be made.
    Internal {
        /// What is wrong.
        problem: String,
    },
}

impl ProvisioningError {
    /// As in `statusCode` of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Payload { .. }
            | Self::Csr { .. }
            | Self::Token { .. }
            | Self::Parameters { .. } => 400,
            Self::NoTemplate { .. } => 404,
            Self::TooMany { .. } => 429,
            Self::Internal { .. } => 500,
        }
    }

    /// As in `errorCode` of the answer.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Payload { .. } => "InvalidPayload",
            Self::Csr { .. } => "InvalidCertificateSigningRequest",
            Self::Token { .. } => "InvalidCertificateOwnershipToken",
            Self::NoTemplate { .. } => "TemplateNotFound",
            Self::Parameters { .. } => "InvalidParameters",
            Self::TooMany { .. } => "Throttled",
            Self::Internal { .. } => "InternalFailure",
        }
    }

    /// The payload of the answer on `../rejected`.
    #[must_use]
    pub fn answer(&self) -> Value {
        json!({
            "statusCode": self.status(),
            "errorCode": self.code(),
            "errorMessage": self.to_string(),
        })
    }

    pub(super) fn payload(problem: impl Into<String>) -> Self {
        Self::Payload { problem: problem.into() }
    }

    pub(super) fn parameters(problem: impl Into<String>) -> Self {
        Self::Parameters { problem: problem.into() }
    }
}

impl From<IssueError> for ProvisioningError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Request { problem } => Self::Csr { problem },
            IssueError::Unavailable { problem } => Self::Internal { problem },
        }
    }
}

impl fmt::Display for ProvisioningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload { problem } => write!(f, "Invalid payload: {problem}"),
            Self::Csr { problem } => write!(f, "Invalid certificate signing request: {problem}"),
            Self::Token { problem } => f.write_str(problem),
            Self::NoTemplate { name } => write!(f, "There is no template {name}"),
            Self::Parameters { problem } => write!(f, "Invalid parameters: {problem}"),
            Self::TooMany { limit } => {
                write!(f, "{limit} certificates wait for RegisterThing, which is the limit")
            }
            Self::Internal { problem } => write!(f, "Internal failure: {problem}"),
        }
    }
}

impl Error for ProvisioningError {}
