//! The gate: who comes in, and what they may do.
//!
//! [`Gate`] holds what an account has: a [`Registry`] of things, certificates
//! and policies, keys of AWS, custom authorizers. A driver tells it of each
//! [`Arrival`] and each [`Login`], and is given a [`Principal`] that says what
//! is allowed, or a [`Refusal`] that says why not.

mod arrival;
mod authentication;
pub mod authorizer;
mod by_authorizer;
mod certificate;
mod connect;
mod date;
mod der;
mod http;
pub mod policy;
mod query;
mod refusal;
mod registry;
mod request;
mod session_expiry;
pub mod sigv4;
mod way;
mod x509;

pub use arrival::{Arrival, Login, TlsFacts};
pub use authentication::AuthenticationType;
pub use certificate::{Certificate, CertificateId, CertificateStatus, NoCertificateId};
pub use connect::{Admission, Gate, Principal};
pub use query::QueryProblem;
pub(crate) use query::{Query, decode};
pub use refusal::Refusal;
pub use registry::{
    ACCOUNT_POLICIES, CERTIFICATES, Registry, RegistryError, THING_ATTRIBUTES, THINGS, Thing,
};
pub use request::Request;
pub use session_expiry::SessionExpiry;
pub use way::Way;
pub use x509::X509;
