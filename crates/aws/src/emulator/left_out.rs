//! What of an account's files the saved state leaves no room for.

use std::fmt;

use crate::gate::{ACCOUNT_POLICIES, CERTIFICATES, CertificateId, THINGS};

/// A piece of the account's files that does not go with the saved state, which goes
/// before them: the account starts without it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftOut {
    /// A certificate is not attached to a thing that was deleted.
    Deleted {
        /// The certificate.
        certificate: CertificateId,
        /// The thing.
        thing: String,
    },
    /// A certificate is not attached to a thing that belongs to another one alone, or
    /// is to be its own alone while another one has it.
    Exclusive {
        /// The certificate.
        certificate: CertificateId,
        /// The thing.
        thing: String,
    },
    /// A thing is one too many.
    Thing(String),
    /// A certificate is one too many.
    Certificate(CertificateId),
    /// A policy is one too many.
    Policy(String),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted { thing, .. } => write!(
                f,
                "it is not attached to the thing {thing:?}, which was deleted; \
                 hint: take the thing out of the file, or add it again by evenkeel aws thing add"
            ),
            Self::Exclusive { thing, .. } => write!(
                f,
                "it is not attached to the thing {thing:?}, as that and a certificate would belong \
                 to each other alone; hint: evenkeel aws certificate ls says which one has it"
            ),
            Self::Thing(_) => too_many(f, "things", THINGS),
            Self::Certificate(_) => too_many(f, "certificates", CERTIFICATES),
            Self::Policy(_) => too_many(f, "policies", ACCOUNT_POLICIES),
        }
    }
}

fn too_many(f: &mut fmt::Formatter<'_>, what: &str, limit: usize) -> fmt::Result {
    write!(
        f,
        "it is left out, as the saved state has {what} too, and more than {limit} are too many; \
         hint: delete some"
    )
}
