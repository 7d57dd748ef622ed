//! Why a connection is refused.

use std::fmt;
use std::time::Duration;

use super::authentication::AuthenticationType;
use super::authorizer::AuthorizerError;
use super::certificate::{CertificateId, CertificateStatus};
use super::policy::{Decision, StatementName};
use super::sigv4::SignatureError;

/// Why a connection is refused. For logs: a client is told less.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// TLS without the name of the server.
    ServerNameMissing,
    /// Port 443 without a protocol.
    AlpnMissing,
    /// A protocol that is no way in.
    Alpn(String),
    /// A WebSocket on another path than `/mqtt`.
    Path(String),
    /// No TLS, and plain connections have no policies.
    Plain,
    /// A certificate is needed.
    CertificateMissing,
    /// Neither a signature nor an authorizer.
    Nobody,
    /// The certificate cannot be read.
    CertificateForm(CertificateId),
    /// The account does not know the certificate.
    CertificateUnknown(CertificateId),
    /// The certificate may not be used.
    CertificateStatus {
        /// Which one.
        id: CertificateId,
        /// Its status.
        status: CertificateStatus,
    },
    /// The certificate is not good yet.
    CertificateEarly {
        /// Which one.
        id: CertificateId,
        /// How long it will take.
        by: Duration,
    },
    /// The certificate is no longer good.
    CertificateEnded {
        /// Which one.
        id: CertificateId,
        /// Since when.
        by: Duration,
    },
    /// The signature does not hold.
    Signature(SignatureError),
    /// The authorizer cannot be asked.
    Authorizer(AuthorizerError),
    /// The authorizer has said no.
    NotAuthenticated,
    /// The authorizer has given no answer that counts.
    AuthorizerFailed {
        /// Which one.
        authorizer: String,
        /// Why not.
        why: String,
    },
    /// The endpoint does not take this way in.
    AuthenticationType(AuthenticationType),
    /// The policies do not allow to connect.
    Connect {
        /// With this client identifier.
        client_id: String,
        /// The statement that denies it; nothing if none allows it.
        denied_by: Option<StatementName>,
    },
}

impl Refusal {
    /// The status of HTTP for a WebSocket.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Path(_) => 404,
            _ => 403,
        }
    }

    pub(super) fn connect(client_id: &str, decision: Decision<'_>) -> Self {
        let denied_by = match decision {
            Decision::Denied(statement) => Some(statement.clone()),
            Decision::Allowed(_) | Decision::NotMentioned => None,
        };
        Self::Connect { client_id: client_id.to_owned(), denied_by }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerNameMissing => {
                f.write_str("TLS without the server's name (SNI); hint: connect to a host by name")
            }
            Self::AlpnMissing => f.write_str(
                "port 443 without ALPN; hint: x-amzn-mqtt-ca with a certificate, \
                 mqtt with a custom authorizer, http/1.1 for a WebSocket",
            ),
            Self::Alpn(found) => {
                write!(f, "ALPN {found:?} is no way in here; hint: x-amzn-mqtt-ca or mqtt")
            }
            Self::Path(found) => write!(f, "a WebSocket at {found:?}; hint: /mqtt"),
            Self::Plain => f.write_str(
                "no TLS, and plain connections have no policies; hint: TLS, or give them some",
            ),
            Self::CertificateMissing => f.write_str("the client has sent no certificate"),
            Self::Nobody => f.write_str(
                "the request says not who sends it; hint: sign it, or name an authorizer; \
                 certificates are for port 8443, and here for ALPN x-amzn-http-ca",
            ),
            Self::CertificateForm(id) => write!(f, "the certificate {id} cannot be read"),
            Self::CertificateUnknown(id) => {
                write!(f, "the certificate {id} is not registered; hint: register it")
            }
            Self::CertificateStatus { id, status } => {
                write!(f, "the certificate {id} is {status}; hint: activate it")
            }
            Self::CertificateEarly { id, by } => {
                write!(f, "the certificate {id} is good in {} s only", by.as_secs())
            }
            Self::CertificateEnded { id, by } => {
                write!(f, "the certificate {id} ended {} s ago; hint: renew it", by.as_secs())
            }
            Self::Signature(error) => error.fmt(f),
            Self::Authorizer(error) => error.fmt(f),
            Self::NotAuthenticated => f.write_str("the authorizer has said no"),
            Self::AuthorizerFailed { authorizer, why } => {
                write!(f, "the authorizer {authorizer:?} has failed: {why}")
            }
            Self::AuthenticationType(kind) => {
                write!(f, "this is no way in with the authentication type {}", kind.name())
            }
            Self::Connect { client_id, denied_by: None } => write!(
                f,
                "no policy allows iot:Connect with the client identifier {client_id:?}; \
                 hint: attach one with client/{} as its resource",
                client_id.escape_debug()
            ),
            Self::Connect { client_id, denied_by: Some(StatementName { policy, index, .. }) } => {
                write!(
                    f,
                    "statement {index} of policy {policy:?} denies iot:Connect with the client \
                     identifier {client_id:?}"
                )
            }
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Signature(error) => Some(error),
            Self::Authorizer(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<AuthorizerError> for Refusal {
    fn from(error: AuthorizerError) -> Self {
        Self::Authorizer(error)
    }
}
