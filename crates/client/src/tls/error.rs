//! Why TLS refused a server, or a server us.

use std::fmt;
use std::io;

use super::date::Date;
use crate::explain::{Below, explained_error};
use crate::io_error::IoError;

const CLOSED_HINT: &str =
    "check that the port is the TLS port, and whether it needs a client certificate";

const SAN_HINT: &str = "sign it anew with: openssl x509 -req ... -extfile FILE, and in FILE: \
                        subjectAltName=DNS:HOST; or pin this one";

/// Why a TLS handshake, or an established TLS connection, failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// We rejected the server's certificate. Trying again gives the same answer until someone
    /// changes the certificate, the trusted roots or the name.
    CertificateRejected(CertificateProblem),
    /// The server ended the handshake, or the connection, with a fatal alert.
    AlertReceived {
        /// The alert's number, as RFC 8446 (section 6.2) assigns it.
        code: u8,
    },
    /// What the server sent is not TLS.
    NotTls,
    /// The two sides have no protocol version, cipher suite or the like in common.
    Incompatible {
        /// What is missing, in the TLS library's words.
        detail: String,
    },
    /// The server broke the TLS protocol.
    Protocol {
        /// How, in the TLS library's words.
        detail: String,
    },
    /// The server closed the connection before the handshake was over.
    ClosedInHandshake,
    /// The network failed during the handshake.
    Io(IoError),
}

/// What is wrong with a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// None of the trusted certificates has signed it.
    UnknownIssuer,
    /// It has expired.
    Expired {
        /// When, in seconds since 1970-01-01 UTC; `None` if the verifier does not say.
        not_after: Option<u64>,
    },
    /// It is not valid yet: it may be new, or this machine's clock may be wrong.
    NotYetValid {
        /// When it will be, in seconds since 1970-01-01 UTC; `None` if the verifier does not
        /// say.
        not_before: Option<u64>,
    },
    /// It is for other names than the one connected to.
    WrongName {
        /// The name connected to; empty if the verifier does not say.
        expected: String,
        /// The names it is for, as far as the verifier tells them.
        presented: Vec<String>,
    },
    /// It is of X.509 version 1, which has no extensions, so that it is for no name: typically one
    /// that `openssl x509 -req` made without `-extfile`.
    Version1,
    /// A name in its subjectAltName is none, such as an IP address marked as a DNS name.
    MalformedName,
    /// An authority above it may not sign certificates for its names.
    NameConstraint,
    /// There are more certificates between it and a trusted one than are followed, or than an
    /// authority allows.
    ChainTooLong,
    /// It, or one above it, is signed by an algorithm that this build's cryptography lacks, such
    /// as ECDSA with P-521 or anything with SHA-1.
    Algorithm,
    /// It can't be parsed.
    Malformed,
    /// It is another one than the pinned.
    NotPinned,
    /// A certificate authority's certificate is used as that of a server: typically a
    /// self-signed one made without `basicConstraints=CA:FALSE`.
    AuthorityAsServer,
    /// It is marked for another use than that of a server.
    WrongPurpose,
    /// It has been revoked.
    Revoked,
    /// Its signature does not fit the key of the authority that it names.
    BadSignature,
    /// Anything else.
    Other {
        /// The verifier's words.
        detail: String,
    },
}

explained_error!(TlsError);

impl TlsError {
    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateRejected(problem) => {
                write!(f, "the server's certificate was rejected: {problem}")
            }
            Self::AlertReceived { code } => {
                write!(f, "the server ended TLS with alert {code} ({})", alert_name(*code))
            }
            Self::NotTls => f.write_str("the server's answer is not TLS"),
            Self::Incompatible { detail } => {
                write!(f, "the server and this client share no TLS parameters: {detail}")
            }
            Self::Protocol { detail } => write!(f, "TLS failed: {detail}"),
            Self::ClosedInHandshake => {
                f.write_str("the server closed the connection during the TLS handshake")
            }
            Self::Io(_) => f.write_str("the connection broke during the TLS handshake"),
        }
    }

    pub(crate) fn below(&self) -> Below<'_> {
        match self {
            Self::Io(error) => Some(error),
            // The text has what is wrong with a certificate.
            _ => None,
        }
    }

    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::CertificateRejected(problem) => problem.hint(),
            Self::AlertReceived { code } => alert_hint(*code),
            Self::NotTls => Some("check that the port is the TLS port (often 8883, not 1883)"),
            Self::ClosedInHandshake => Some(CLOSED_HINT),
            // Servers that close with bytes unread reset the connection.
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => Some(CLOSED_HINT),
            Self::Incompatible { .. } => Some("check the TLS versions that both sides allow"),
            Self::Protocol { .. } | Self::Io(_) => None,
        }
    }
}

impl CertificateProblem {
    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownIssuer => Some("give the CA certificate that signed it"),
            Self::Expired { .. } => Some("have it renewed; if it is in date, check the clock"),
            Self::NotYetValid { .. } => Some("check this machine's clock"),
            Self::WrongName { presented, expected } if presented.is_empty() => {
                (!expected.is_empty()).then_some(SAN_HINT)
            }
            Self::Version1 => Some(SAN_HINT),
            Self::MalformedName => {
                Some("in its subjectAltName write an address as IP:192.0.2.7, not as DNS:192.0.2.7")
            }
            Self::NameConstraint => {
                Some("have it signed by a CA whose nameConstraints permit the name")
            }
            Self::ChainTooLong => Some(
                "trust one of the certificates between as a CA, or raise the pathlen of the CA",
            ),
            Self::Algorithm => Some(
                "sign it with SHA-256 or better (openssl: -sha256) by an RSA, Ed25519, P-256 or \
                 P-384 key",
            ),
            Self::Malformed => Some("look at it with: openssl x509 -noout -text -in FILE"),
            Self::NotPinned => {
                Some("compare it with: openssl s_client -connect HOST:PORT; was it renewed?")
            }
            Self::WrongName { .. } => {
                Some("connect by a name it is for, or set the server name to expect")
            }
            Self::AuthorityAsServer => Some(
                "issue a server certificate (basicConstraints=CA:FALSE) signed by that CA; a \
                 self-signed one by: openssl req -x509 -addext basicConstraints=critical,CA:FALSE \
                 -addext subjectAltName=DNS:HOST ...",
            ),
            Self::WrongPurpose => Some("issue it with extendedKeyUsage=serverAuth"),
            Self::BadSignature => {
                Some("the given CA has the issuer's name but another key; was the CA remade?")
            }
            Self::Revoked | Self::Other { .. } => None,
        }
    }
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer => f.write_str("its issuer is not trusted"),
            Self::Expired { not_after: Some(at) } => write!(f, "it expired on {}", Date(*at)),
            Self::Expired { not_after: None } => f.write_str("it has expired"),
            Self::NotYetValid { not_before: Some(at) } => {
                write!(f, "it is not valid before {}", Date(*at))
            }
            Self::NotYetValid { not_before: None } => f.write_str("it is not valid yet"),
            Self::WrongName { expected, .. } if expected.is_empty() => {
                f.write_str("it is for another name")
            }
            Self::WrongName { expected, presented } if presented.is_empty() => write!(
                f,
                "it is not for '{expected}': it has no subjectAltName, and a common name does not count"
            ),
            Self::WrongName { expected, presented } => {
                write!(f, "it is for {}, not for '{expected}'", presented.join(", "))
            }
            Self::Version1 => f.write_str(
                "it is of X.509 version 1, which has no extensions and so no subjectAltName",
            ),
            Self::MalformedName => f.write_str(
                "a name in its subjectAltName is not valid, such as an IP address marked as a DNS name",
            ),
            Self::NameConstraint => {
                f.write_str("the name constraints of a CA above it do not permit its names")
            }
            Self::ChainTooLong => {
                f.write_str("too many certificates stand between it and a trusted one")
            }
            Self::Algorithm => f.write_str(
                "it is signed by an algorithm that is not supported, such as ECDSA with P-521 or SHA-1",
            ),
            Self::Malformed => f.write_str("it can't be parsed"),
            Self::NotPinned => f.write_str("it is not the pinned one"),
            Self::AuthorityAsServer => {
                f.write_str("it is the certificate of a certificate authority, not of a server")
            }
            Self::WrongPurpose => f.write_str("it is not meant for servers"),
            Self::Revoked => f.write_str("it has been revoked"),
            Self::BadSignature => f.write_str("its signature is wrong"),
            Self::Other { detail } => f.write_str(detail),
        }
    }
}

/// The names of RFC 8446, section 6, and of the older alerts that servers still send.
fn alert_name(code: u8) -> &'static str {
    match code {
        0 => "close notify",
        10 => "unexpected message",
        20 => "bad record MAC",
        22 => "record overflow",
        40 => "handshake failure",
        42 => "bad certificate",
        43 => "unsupported certificate",
        44 => "certificate revoked",
        45 => "certificate expired",
        46 => "certificate unknown",
        47 => "illegal parameter",
        48 => "unknown CA",
        49 => "access denied",
        50 => "decode error",
        51 => "decrypt error",
        70 => "protocol version",
        71 => "insufficient security",
        80 => "internal error",
        86 => "inappropriate fallback",
        90 => "user cancelled",
        109 => "missing extension",
        110 => "unsupported extension",
        112 => "unrecognised name",
        113 => "bad certificate status response",
        115 => "unknown PSK identity",
        116 => "certificate required",
        120 => "no application protocol",
        _ => "unassigned",
    }
}

fn alert_hint(code: u8) -> Option<&'static str> {
    match code {
        40 => Some(
            "check TLS versions, whether the server needs a client certificate, and that its key is \
             RSA, Ed25519, P-256 or P-384",
        ),
        42..=46 | 48 | 49 => Some("check that the server trusts the client certificate"),
        51 => Some("check that the client key belongs to the client certificate"),
        70 => Some("the server wants another TLS version"),
        112 => Some("the server does not know the host name; set the server name it expects"),
        116 => Some("give a client certificate and its key"),
        120 => Some("the server knows none of the ALPN protocols offered"),
        _ => None,
    }
}
