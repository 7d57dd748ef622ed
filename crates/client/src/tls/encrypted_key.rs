//! Private keys that a password protects: PKCS#8 with PBES2 (RFC 8018), as `openssl pkcs8 -topk8`
//! writes them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::source::read_file;
use super::{Origin, TlsConfigError};

/// The password of a private key. `Debug` does not show it.
#[derive(Clone)]
pub(super) enum KeyPassword {
    /// The first line of a file.
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl KeyPassword {
    /// What is compared to see whether it has changed is the key itself, so that only this reads it.
    fn read(&self) -> Result<Vec<u8>, TlsConfigError> {
        let mut password = match self {
            Self::Bytes(bytes) => return Ok(bytes.to_vec()),
            Self::File(path) => read_file(path)?,
        };
        if let Some(end) = password.iter().position(|byte| *byte == b'\n') {
            password.truncate(end);
            password.truncate(password.strip_suffix(b"\r").map_or(end, <[u8]>::len));
        }
        Ok(password)
    }
}

impl fmt::Debug for KeyPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPassword")
    }
}

/// Decrypts a key in PEM or DER.
#[cfg(feature = "encrypted-keys")]
pub(super) fn decrypt(
    key: &[u8],
    origin: &Origin,
    password: Option<&KeyPassword>,
) -> Result<rustls::pki_types::PrivateKeyDer<'static>, TlsConfigError> {
    use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument, pkcs5};

    let protected = || TlsConfigError::EncryptedKey { origin: origin.clone() };
    let unsupported = || TlsConfigError::KeyEncryption { origin: origin.clone() };
    let Some(password) = password else { return Err(protected()) };
    let document = match std::str::from_utf8(key) {
        // OpenSSL's own form has no header that PKCS#8 knows.
        Ok(pem) => SecretDocument::from_pem(pem).map_err(|_| unsupported())?.1,
        Err(_) => SecretDocument::try_from(key).map_err(|_| unsupported())?,
    };
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes());
    let decrypted = encrypted.map_err(|_| unsupported())?.decrypt(password.read()?);
    let decrypted = decrypted.map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. }
            | pkcs5::Error::NoPbes1CryptSupport,
        ) => unsupported(),
        // Wrong padding, or what is no key.
        _ => TlsConfigError::KeyPassword { origin: origin.clone() },
    })?;
    rustls::pki_types::PrivateKeyDer::try_from(decrypted.as_bytes().to_vec())
        .map_err(|_| TlsConfigError::KeyPassword { origin: origin.clone() })
}

#[cfg(not(feature = "encrypted-keys"))]
pub(super) fn decrypt(
    _key: &[u8],
    origin: &Origin,
    password: Option<&KeyPassword>,
) -> Result<rustls::pki_types::PrivateKeyDer<'static>, TlsConfigError> {
    // Read all the same, so that a wrong file is found out about.
    password.map(KeyPassword::read).transpose()?;
    Err(TlsConfigError::EncryptedKey { origin: origin.clone() })
}
