//! Why a shadow's request is rejected, in AWS's codes and texts.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use crate::Time;
use crate::json;

/// A rejected request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShadowError {
    /// The payload is no JSON.
    InvalidJson,
    /// There is no `state`.
    MissingState,
    /// `state` is no object.
    StateNotObject,
    /// `desired` is neither an object nor null.
    DesiredNotObject,
    /// `reported` is neither an object nor null.
    ReportedNotObject,
    /// `version` is no whole number.
    InvalidVersion,
    /// `clientToken` is no string, or too long.
    InvalidClientToken,
    /// Deeper than the limit.
    TooDeep {
        /// The limit.
        maximum: usize,
    },
    /// `state` holds something else than `desired` and `reported`, or an array
    /// holds null.
    InvalidNode,
    /// Who asks is not known.
    Unauthorized,
    /// Who asks may not.
    Forbidden,
    /// There is no such thing.
    ThingNotFound,
    /// There is no such shadow.
    NoShadow {
        /// The shadow's name; that of the thing for the classic one.
        name: String,
    },
    /// The request is for another version than there is.
    VersionConflict,
    /// Request or document is over the limit.
    TooLarge,
    /// The payload is not UTF-8.
    Encoding,
    /// More requests in flight on one connection than the limit.
    TooManyRequests,
    /// The emulator is at a limit of its own.
    Internal,
}

impl ShadowError {
    /// The code, that of HTTP.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::InvalidJson
            | Self::MissingState
            | Self::StateNotObject
            | Self::DesiredNotObject
            | Self::ReportedNotObject
            | Self::InvalidVersion
            | Self::InvalidClientToken
            | Self::TooDeep { .. }
            | Self::InvalidNode => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::ThingNotFound | Self::NoShadow { .. } => 404,
            Self::VersionConflict => 409,
            Self::TooLarge => 413,
            Self::Encoding => 415,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
        }
    }

    /// The payload of the answer on `../rejected`.
    #[must_use]
    pub fn answer(&self, time: Time, client_token: Option<&str>) -> Value {
        json::rejected(self.code(), self, time, client_token)
    }
}

impl fmt::Display for ShadowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidJson => "Invalid JSON",
            Self::MissingState => "Missing required node: state",
            Self::StateNotObject => "State node must be an object",
            Self::DesiredNotObject => "Desired node must be an object",
            Self::ReportedNotObject => "Reported node must be an object",
            Self::InvalidVersion => "Invalid version",
            Self::InvalidClientToken => "Invalid clientToken",
            Self::TooDeep { maximum } => {
                return write!(f, "JSON contains too many levels of nesting; maximum is {maximum}");
            }
            Self::InvalidNode => "State contains an invalid node",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::ThingNotFound => "Thing not found",
            Self::NoShadow { name } => {
                return write!(f, "No shadow exists with name: '{name}'");
            }
            Self::VersionConflict => "Version conflict",
            Self::TooLarge => "The payload exceeds the maximum size allowed",
            Self::Encoding => "Unsupported documented encoding; supported encoding is UTF-8",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "Internal service failure",
        })
    }
}

impl Error for ShadowError {}
