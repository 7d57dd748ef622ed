//! Why a request of the HTTP API is refused, in AWS's names.

use serde_json::{Value, json};

use crate::jobs::JobsError;
use crate::shadow::ShadowError;

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HttpError {
    /// The status.
    pub(crate) status: u16,
    /// The name of the exception in AWS's SDKs.
    pub(crate) kind: &'static str,
    message: String,
}

impl HttpError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    /// Something is wrong with the request.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestException", message)
    }

    /// Who asks is not known, or may not. AWS says no more than this.
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "ForbiddenException", "Forbidden")
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// The path is known, but not with this method.
    pub(crate) fn method() -> Self {
        Self::new(405, "MethodNotAllowedException", "Method not allowed")
    }

    /// The body is over the limit.
    pub(crate) fn too_large() -> Self {
        let message = "The payload exceeds the maximum size allowed";
        Self::new(413, "RequestEntityTooLargeException", message)
    }

    /// What would have to be asked cannot be.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailableException", message)
    }

    pub(super) fn body(&self, trace: &str) -> Value {
        json!({"message": self.message, "traceId": trace})
    }
}

impl From<ShadowError> for HttpError {
    fn from(error: ShadowError) -> Self {
        let status = error.code();
        let kind = match status {
            401 => "UnauthorizedException",
            403 => "ForbiddenException",
            404 => "ResourceNotFoundException",
            409 => "ConflictException",
            413 => "RequestEntityTooLargeException",
            415 => "UnsupportedDocumentEncodingException",
            429 => "ThrottlingException",
            500 => "InternalFailureException",
            _ => "InvalidRequestException",
        };
        Self::new(status, kind, error.to_string())
    }
}

impl From<JobsError> for HttpError {
    fn from(error: JobsError) -> Self {
        let (status, kind) = match error {
            JobsError::InvalidTopic | JobsError::InvalidJson | JobsError::InvalidRequest { .. } => {
                (400, "InvalidRequestException")
            }
            JobsError::ResourceNotFound => (404, "ResourceNotFoundException"),
            JobsError::InvalidStateTransition { .. } => (409, "InvalidStateTransitionException"),
            // No exception of the jobs data plane is about versions; this is the one that
            // AWS IoT has for them.
            JobsError::VersionMismatch { .. } => (409, "VersionConflictException"),
            JobsError::TerminalStateReached { .. } => (410, "TerminalStateException"),
            JobsError::RequestThrottled => (429, "ThrottlingException"),
            JobsError::InternalError => (503, "ServiceUnavailableException"),
        };
        Self::new(status, kind, error.to_string())
    }
}
