//! Client certificates: known by their fingerprint, and what is attached to them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::der::from_pem;

/// The identifier of a certificate: the SHA-256 of its DER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId([u8; 32]);

impl CertificateId {
    /// The identifier of a certificate's DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// The identifier of the first certificate in a PEM; nothing if it has none.
    #[must_use]
    pub fn of_pem(text: &str) -> Option<Self> {
        from_pem(text, "CERTIFICATE").map(|der| Self::of(&der))
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CertificateId {
    type Err = NoCertificateId;

    fn from_str(text: &str) -> Result<Self, NoCertificateId> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoCertificateId);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or(NoCertificateId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_error| NoCertificateId)?;
        }
        Ok(Self(bytes))
    }
}

/// A text is no identifier of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCertificateId;

impl fmt::Display for NoCertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no certificate id; hint: 64 hexadecimal digits, the SHA-256 of its DER")
    }
}

impl std::error::Error for NoCertificateId {}

/// Whether a certificate may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStatus {
    /// It may.
    Active,
    /// Not now; an operator may activate it.
    Inactive,
    /// Not until provisioning has registered its thing.
    PendingActivation,
    /// Never again.
    Revoked,
}

impl CertificateStatus {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Revoked => "REVOKED",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Active, Self::Inactive, Self::PendingActivation, Self::Revoked];
        all.into_iter().find(|status| status.name() == name)
    }
}

impl fmt::Display for CertificateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A certificate that the account knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whether it may be used.
    pub status: CertificateStatus,
    /// The names of its policies.
    pub policies: BTreeSet<String>,
    /// The names of the things that it is attached to.
    pub things: BTreeSet<String>,
    /// True if it belongs to its only thing alone, which then needs no client
    /// identifier of the same name.
    pub is_exclusive: bool,
}

impl Certificate {
    /// A certificate to which nothing is attached.
    #[must_use]
    pub const fn new(status: CertificateStatus) -> Self {
        Self { status, policies: BTreeSet::new(), things: BTreeSet::new(), is_exclusive: false }
    }

    /// The name of the thing that connects: the exclusive one, else the one
    /// whose name is the client identifier.
    #[must_use]
    pub fn thing(&self, client_id: &str) -> Option<&str> {
        let thing =
            if self.is_exclusive { self.things.first() } else { self.things.get(client_id) };
        thing.map(String::as_str)
    }
}
