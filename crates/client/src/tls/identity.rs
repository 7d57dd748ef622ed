//! The client's own certificate and key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys};

use super::encrypted_key::KeyPassword;
use super::source::Source;
use super::{CertificateProblem, TlsConfigError};

/// A certificate chain, the client's own certificate first, and the private key to it (PKCS#8,
/// PKCS#1 or SEC1), each in PEM or DER.
///
/// What [`ClientBuilder::tls_identity`](crate::ClientBuilder::tls_identity) is asked for, and what
/// [`Endpoint::with_tls_identity`](crate::transport::Endpoint::with_tls_identity) takes. Nothing is
/// read or checked before it is used. `Debug` shows no certificate and no key.
#[derive(Clone)]
pub struct TlsIdentity(Kind);

#[derive(Clone)]
enum Kind {
    Sources { chain: Source, key: Source, password: Option<KeyPassword> },
    Finished(Arc<CertifiedKey>),
}

/// Certificates and key as they were read, before they are checked.
pub(super) enum Material {
    Read { chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static> },
    Finished(Arc<CertifiedKey>),
}

impl TlsIdentity {
    /// A certificate chain and its key from memory, PEM or DER. They are checked when
    /// they are used.
    pub fn from_bytes(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let chain = Source::Bytes(chain.into().into());
        Self(Kind::Sources { chain, key: Source::Bytes(key.into().into()), password: None })
    }

    /// A certificate chain and its key from files, PEM or DER, which are read anew for
    /// each attempt.
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (chain, key) = (Source::File(chain.into()), Source::File(key.into()));
        Self(Kind::Sources { chain, key, password: None })
    }

    /// The password that protects the key (PKCS#8 with PBES2), for builds with the feature
    /// `encrypted-keys`. A key that is not protected needs none, and one is no mistake then.
    #[must_use]
    pub fn key_password(self, password: impl Into<Vec<u8>>) -> Self {
        self.with_password(KeyPassword::Bytes(password.into().into()))
    }

    /// The file whose first line is that password; see [`Self::key_password`]. It is read anew
    /// for each attempt.
    #[must_use]
    pub fn key_password_file(self, path: impl Into<PathBuf>) -> Self {
        self.with_password(KeyPassword::File(path.into()))
    }

    fn with_password(mut self, given: KeyPassword) -> Self {
        if let Kind::Sources { password, .. } = &mut self.0 {
            *password = Some(given);
        }
        self
    }

    /// What rustls signs with; for keys that stay in hardware.
    pub fn from_rustls(identity: Arc<CertifiedKey>) -> Self {
        Self(Kind::Finished(identity))
    }

    pub(super) const fn is_on_disk(&self) -> bool {
        matches!(&self.0, Kind::Sources { chain, key, .. } if chain.is_on_disk() || key.is_on_disk())
    }

    pub(super) fn read(&self) -> Result<Material, TlsConfigError> {
        match &self.0 {
            Kind::Sources { chain, key, password } => Ok(Material::Read {
                chain: chain.certificates()?,
                key: key.key(password.as_ref())?,
            }),
            Kind::Finished(identity) => Ok(Material::Finished(identity.clone())),
        }
    }

    /// Checks that the key belongs to the certificate, too.
    pub(super) fn check(
        &self,
        material: Material,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, TlsConfigError> {
        match material {
            Material::Finished(identity) => Ok(identity),
            Material::Read { chain, key } => {
                let key = provider.key_provider.load_private_key(key);
                let key = key.map_err(|error| self.refused(&error))?;
                let identity = CertifiedKey::new(chain, key);
                match identity.keys_match() {
                    // It can't be told of a certificate that rustls does not parse, such as one
                    // of X.509 version 1: the server judges.
                    Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
                    Err(Error::InvalidCertificate(error)) if is_version1(&error) => {}
                    Err(error) => return Err(self.refused(&error)),
                }
                Ok(Arc::new(identity))
            }
        }
    }

    fn refused(&self, error: &Error) -> TlsConfigError {
        let Kind::Sources { chain, key, .. } = &self.0 else {
            return TlsConfigError::Refused { detail: error.to_string() };
        };
        let (chain, key) = (chain.origin(), key.origin());
        match error {
            Error::InconsistentKeys(_) => TlsConfigError::KeyMismatch { certificate: chain, key },
            Error::InvalidCertificate(_) => {
                TlsConfigError::BadCertificate { origin: chain, number: 1 }
            }
            _ => TlsConfigError::UnusableKey { origin: key },
        }
    }
}

fn is_version1(error: &CertificateError) -> bool {
    CertificateProblem::from(error) == CertificateProblem::Version1
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match &self.0 {
            Kind::Sources { chain, .. } => chain.origin().to_string(),
            Kind::Finished(_) => "rustls".to_owned(),
        };
        f.debug_tuple("TlsIdentity").field(&format_args!("{origin}")).finish()
    }
}
