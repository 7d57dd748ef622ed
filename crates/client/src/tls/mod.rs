//! TLS settings, by rustls.
//!
//! Without settings, servers are verified against the operating system's trusted certificates.
//! The cryptography is chosen per configuration, never through rustls's process-wide default: it
//! is `aws-lc-rs` if that feature is on, else `ring`, or what
//! `TlsOptions::crypto_provider` gives.

mod config_error;
mod date;
mod error;

#[cfg(feature = "tls")]
mod classify;
#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
mod encrypted_key;
#[cfg(any(feature = "aws", feature = "azure"))]
mod hmac;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod options;
#[cfg(feature = "tls")]
mod renewal;
#[cfg(feature = "tls")]
mod source;
#[cfg(feature = "tls")]
mod spki;
#[cfg(feature = "tls")]
mod verifier;

pub use config_error::{Content, Origin, TlsConfigError};
pub use error::{CertificateProblem, TlsError};

#[cfg(feature = "tls")]
pub(crate) use config::server_name;

#[cfg(feature = "aws")]
pub(crate) use date::Date;
#[cfg(any(feature = "aws", feature = "azure"))]
pub(crate) use hmac::HmacSha256;

#[cfg(feature = "tls")]
pub(crate) use renewal::{TlsFiles, Unprepared};

#[cfg(feature = "tls")]
pub use identity::TlsIdentity;
#[cfg(feature = "tls")]
pub use options::{TlsOptions, TlsVersion};

/// The rustls that [`TlsOptions`] takes configurations and providers of.
#[cfg(feature = "tls")]
pub use rustls;

/// What an attempt to connect found in the files of certificates and keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsRenewal {
    /// They said something new, which this attempt uses.
    pub renewed: bool,
    /// Why what they say can't be used, so that this attempt uses what they said before.
    pub kept: Option<TlsConfigError>,
}

#[cfg(not(feature = "tls"))]
impl TlsError {
    /// Without TLS no I/O error comes from it.
    pub(crate) const fn in_stream(_error: &std::io::Error) -> Option<Self> {
        None
    }
}
