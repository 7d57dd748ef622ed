//! Why a signature does not hold.

use std::fmt;
use std::time::Duration;

use super::super::query::QueryProblem;
use super::{CLOCK_SKEW, LONGEST};

/// Why a signature does not hold. No secret, token or signature is part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The query cannot be read.
    Query(QueryProblem),
    /// A parameter is missing.
    Missing(&'static str),
    /// A parameter occurs more than once.
    Twice(&'static str),
    /// An algorithm other than `AWS4-HMAC-SHA256`.
    Algorithm(String),
    /// `X-Amz-Credential` has not five parts.
    Credential,
    /// A part of the credential's scope is not the one of this endpoint.
    Scope {
        /// `date`, `region`, `service` or `end`.
        part: &'static str,
        /// What it is here.
        expected: String,
        /// What the client says.
        found: String,
    },
    /// The header `Authorization` is malformed.
    Authorization,
    /// `X-Amz-Content-Sha256` is not the SHA-256 of the body.
    Payload,
    /// `X-Amz-Date` is malformed.
    Date(String),
    /// `X-Amz-Expires` is no number of seconds within bounds.
    Expires(String),
    /// `X-Amz-SignedHeaders` is malformed.
    SignedHeaders,
    /// The host is not signed.
    HostNotSigned,
    /// A header of AWS's own is not signed, so anybody might have added it.
    HeaderNotSigned(String),
    /// A signed header is not in the request.
    HeaderMissing(String),
    /// `X-Amz-Signature` has not 64 hexadecimal digits in lower case.
    SignatureForm,
    /// Made in the future.
    Early {
        /// How far.
        by: Duration,
    },
    /// No longer good.
    Late {
        /// Since when.
        by: Duration,
    },
    /// No key has this identifier.
    UnknownKey(String),
    /// The key itself has ended.
    KeyExpired {
        /// Since when.
        by: Duration,
    },
    /// A temporary key without its token.
    TokenMissing,
    /// A key that has no token, with one.
    TokenNotNeeded,
    /// Another token than the key's.
    TokenWrong,
    /// Everything has the right form, and the signature is another one.
    Mismatch {
        /// SHA-256 of the canonical request, to be compared with the client's.
        canonical: String,
        /// What has gone wrong, probably.
        guess: Guess,
    },
}

/// Why a signature is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// It fits if the token is signed, too.
    TokenSigned,
    /// Another secret, or another text.
    SecretOrText,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(problem) => write!(f, "the query has {problem}"),
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Twice(name) => write!(f, "{name} occurs twice"),
            Self::Algorithm(found) => {
                write!(f, "X-Amz-Algorithm is {found:?}; hint: AWS4-HMAC-SHA256")
            }
            Self::Credential => f.write_str(
                "X-Amz-Credential is malformed; hint: KEY/DATE/REGION/SERVICE/aws4_request",
            ),
            Self::Authorization => f.write_str(
                "Authorization is malformed; hint: AWS4-HMAC-SHA256 Credential=.., \
                 SignedHeaders=.., Signature=..",
            ),
            Self::Payload => f.write_str(
                "X-Amz-Content-Sha256 is not the SHA-256 of the body; hint: hash what is sent",
            ),
            Self::Scope { part, expected, found } => write!(
                f,
                "the credential's {part} is {found:?} and should be {expected:?}; \
                 hint: KEY/DATE/REGION/SERVICE/aws4_request"
            ),
            Self::Date(found) => {
                write!(f, "X-Amz-Date is {found:?}; hint: as in 20261129T120000Z")
            }
            Self::Expires(found) => {
                write!(f, "X-Amz-Expires is {found:?}; hint: 1 to {} seconds", LONGEST.as_secs())
            }
            Self::SignedHeaders => f.write_str(
                "X-Amz-SignedHeaders is malformed; hint: names in lower case and in order, \
                 parted by semicolons",
            ),
            Self::HostNotSigned => f.write_str("the host is not signed; hint: sign it"),
            Self::HeaderNotSigned(name) => {
                write!(
                    f,
                    "the header {name:?} is not signed; hint: sign all that begin with x-amz-"
                )
            }
            Self::HeaderMissing(name) => {
                write!(f, "the signed header {name:?} is not in the request")
            }
            Self::SignatureForm => {
                f.write_str("X-Amz-Signature has not 64 hexadecimal digits in lower case")
            }
            Self::Early { by } => write!(
                f,
                "signed {} s in the future, at most {} s are allowed; hint: set the client's clock",
                by.as_secs(),
                CLOCK_SKEW.as_secs()
            ),
            Self::Late { by } => write!(
                f,
                "the signature ended {} s ago; hint: sign anew for each attempt, set the clock",
                by.as_secs()
            ),
            Self::UnknownKey(id) => write!(f, "no access key is called {id:?}"),
            Self::KeyExpired { by } => {
                write!(f, "the access key ended {} s ago; hint: fetch new ones", by.as_secs())
            }
            Self::TokenMissing => f.write_str(
                "the key is a temporary one and X-Amz-Security-Token is missing; \
                 hint: append it, unsigned",
            ),
            Self::TokenNotNeeded => {
                f.write_str("X-Amz-Security-Token is there, and the key has none")
            }
            Self::TokenWrong => f.write_str("X-Amz-Security-Token is not the key's"),
            Self::Mismatch { canonical, guess } => {
                let hint = match guess {
                    Guess::TokenSigned => "the token must not be signed for iotdevicegateway",
                    Guess::SecretOrText => "another secret, or another text has been signed",
                };
                write!(
                    f,
                    "the signature does not fit the canonical request of SHA-256 {canonical}; \
                     hint: {hint}"
                )
            }
        }
    }
}

impl std::error::Error for SignatureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Query(problem) => Some(problem),
            _ => None,
        }
    }
}
