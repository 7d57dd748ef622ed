//! From rustls's errors to [`TlsError`].

use std::io;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, Error, InvalidMessage};

use super::{CertificateProblem, TlsError};

impl TlsError {
    /// Classifies what a handshake failed with.
    pub(crate) fn in_handshake(error: &io::Error) -> Self {
        match Self::in_stream(error) {
            Some(error) => error,
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::ClosedInHandshake,
            None => Self::Io(error.into()),
        }
    }

    /// Classifies what reading or writing failed with; `None` if it was not TLS that failed.
    pub(crate) fn in_stream(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map(Self::from)
    }
}

impl From<&Error> for TlsError {
    fn from(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::CertificateRejected(error.into()),
            Error::AlertReceived(alert) => Self::AlertReceived { code: u8::from(*alert) },
            // The first byte of a record says what it is; no plain-text protocol's first byte
            // is one of TLS's five.
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            Error::PeerIncompatible(_) => Self::Incompatible { detail: error.to_string() },
            _ => Self::Protocol { detail: error.to_string() },
        }
    }
}

impl From<&CertificateError> for CertificateProblem {
    fn from(error: &CertificateError) -> Self {
        use CertificateError as Rustls;
        match error {
            Rustls::UnknownIssuer => Self::UnknownIssuer,
            Rustls::Expired => Self::Expired { not_after: None },
            Rustls::ExpiredContext { not_after, .. } => {
                Self::Expired { not_after: Some(not_after.as_secs()) }
            }
            Rustls::NotValidYet => Self::NotYetValid { not_before: None },
            Rustls::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid { not_before: Some(not_before.as_secs()) }
            }
            Rustls::NotValidForName => {
                Self::WrongName { expected: String::new(), presented: Vec::new() }
            }
            Rustls::NotValidForNameContext { expected, presented }
                if is_marked_as_dns_name(expected, presented) =>
            {
                Self::MalformedName
            }
            Rustls::NotValidForNameContext { expected, presented } => Self::WrongName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| plain_name(name)).collect(),
            },
            Rustls::InvalidPurpose | Rustls::InvalidPurposeContext { .. } => Self::WrongPurpose,
            Rustls::Revoked => Self::Revoked,
            Rustls::BadSignature => Self::BadSignature,
            Rustls::UnsupportedSignatureAlgorithmContext { .. }
            | Rustls::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::Algorithm,
            Rustls::BadEncoding => Self::Malformed,
            Rustls::Other(other) => by_name(&format!("{other:?}"))
                .unwrap_or_else(|| Self::Other { detail: error.to_string() }),
            _ => Self::Other { detail: error.to_string() },
        }
    }
}

/// What rustls has no variants for: the type inside belongs to a private dependency.
fn by_name(error: &str) -> Option<CertificateProblem> {
    let known = [
        ("CaUsedAsEndEntity", CertificateProblem::AuthorityAsServer),
        ("UnsupportedCertVersion", CertificateProblem::Version1),
        ("NameConstraintViolation", CertificateProblem::NameConstraint),
        ("MaximumPathDepthExceeded", CertificateProblem::ChainTooLong),
        ("PathLenConstraintViolated", CertificateProblem::ChainTooLong),
        ("MalformedDnsIdentifier", CertificateProblem::MalformedName),
        ("NotPinned", CertificateProblem::NotPinned),
    ];
    known.into_iter().find(|(name, _)| error.contains(name)).map(|(_, problem)| problem)
}

/// An address is expected and is there, but as a DNS name.
fn is_marked_as_dns_name(expected: &ServerName<'_>, presented: &[String]) -> bool {
    let marked = format!("DnsName({:?})", expected.to_str());
    matches!(expected, ServerName::IpAddress(_)) && presented.contains(&marked)
}

/// rustls tells names as `DnsName("a.example")` and `IpAddress(192.0.2.7)`.
fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}
