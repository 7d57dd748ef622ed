//! Who makes keys and certificates: the driver, as it takes randomness and a
//! clock.

use std::error::Error;
use std::fmt;

use crate::Time;

/// Makes certificates of the emulator's own authority.
pub trait Issuer {
    /// A key pair and its certificate.
    ///
    /// # Errors
    /// If none can be made.
    fn create(&mut self, time: Time) -> Result<Issued, IssueError>;

    /// A certificate for the key of a signing request in PEM.
    ///
    /// # Errors
    /// If the request is none, or no certificate can be made.
    fn sign(&mut self, time: Time, request: &str) -> Result<Issued, IssueError>;
}

/// A certificate that was just made. `Debug` shows neither key nor token.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// 64 hexadecimal digits: the SHA-256 of its DER.
    pub certificate_id: String,
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The private key in PEM, if it was made here.
    pub private_key: Option<String>,
    /// A secret that nobody can guess: it proves ownership.
    pub ownership_token: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("certificate_id", &self.certificate_id)
            .finish_non_exhaustive()
    }
}

/// No certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// The signing request is wrong.
    Request {
        /// What is wrong.
        problem: String,
    },
    /// Whatever the request, there is no certificate.
    Unavailable {
        /// Why.
        problem: String,
    },
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { problem } => write!(f, "the signing request: {problem}"),
            Self::Unavailable { problem } => write!(f, "no certificate can be made: {problem}"),
        }
    }
}

impl Error for IssueError {}

/// Makes nothing: for emulators without an authority.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIssuer;

impl NoIssuer {
    fn refuse() -> Result<Issued, IssueError> {
        Err(IssueError::Unavailable { problem: "there is no authority here".to_owned() })
    }
}

impl Issuer for NoIssuer {
    fn create(&mut self, _: Time) -> Result<Issued, IssueError> {
        Self::refuse()
    }

    fn sign(&mut self, _: Time, _: &str) -> Result<Issued, IssueError> {
        Self::refuse()
    }
}
