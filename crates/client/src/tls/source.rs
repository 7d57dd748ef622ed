//! Certificates and keys out of files, directories and memory.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::encrypted_key::{KeyPassword, decrypt};
use super::{Content, Origin, TlsConfigError};

/// The most that is read of one file. The roots of all public authorities together need a tenth.
const LARGEST_FILE: u64 = 4 << 20;
/// What every DER certificate and key begins with.
const DER_SEQUENCE: u8 = 0x30;
const DER_OBJECT_IDENTIFIER: u8 = 0x06;
/// Some editors put it at the front of text files.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where certificates or a key are.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Directory(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Source {
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::File(path) => Origin::File(path.clone()),
            Self::Directory(path) => Origin::Directory(path.clone()),
            Self::Bytes(_) => Origin::Bytes,
        }
    }

    pub(super) const fn is_on_disk(&self) -> bool {
        matches!(self, Self::File(_) | Self::Directory(_))
    }

    /// Loads every certificate; at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
        match self {
            Self::Directory(path) => certificates_in_directory(path),
            Self::File(_) | Self::Bytes(_) => parse_certificates(&self.read()?, &self.origin()),
        }
    }

    /// Loads the first private key, which may be protected by this password.
    pub(super) fn key(
        &self,
        password: Option<&KeyPassword>,
    ) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
        parse_key(&self.read()?, &self.origin(), password)
    }

    fn read(&self) -> Result<Cow<'_, [u8]>, TlsConfigError> {
        match self {
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::File(path) | Self::Directory(path) => read_file(path).map(Cow::Owned),
        }
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, TlsConfigError> {
    let origin = || Origin::File(path.to_owned());
    let unreadable = |error| TlsConfigError::Unreadable { origin: origin(), error };
    let file = File::open(path).map_err(|error| unreadable(error.into()))?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(error.into()))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(TlsConfigError::TooLarge { origin: origin() });
    }
    Ok(bytes)
}

/// Takes the certificates of every file, as `--capath` of mosquitto does, without asking for the
/// hashed names that OpenSSL wants. Files without any are skipped: such directories hold others.
fn certificates_in_directory(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let origin = Origin::Directory(path.to_owned());
    let unreadable = |error: std::io::Error| TlsConfigError::Unreadable {
        origin: origin.clone(),
        error: error.into(),
    };
    let entries = fs::read_dir(path).map_err(unreadable)?;
    let files: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = files.map_err(unreadable)?;
    // The same files are the same contents, in whatever order the system lists them.
    files.sort();
    let mut certificates = Vec::new();
    for file in files.into_iter().filter(|file| file.is_file()) {
        match parse_certificates(&read_file(&file)?, &Origin::File(file)) {
            Ok(found) => certificates.extend(found),
            Err(TlsConfigError::NoCertificate { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if certificates.is_empty() {
        return Err(TlsConfigError::NoCertificate { origin, found: Content::Nothing });
    }
    Ok(certificates)
}

fn parse_certificates(
    bytes: &[u8],
    origin: &Origin,
) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if is_der(bytes) {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let sections: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(bytes).collect();
    let certificates = sections.map_err(|_| TlsConfigError::BadPem { origin: origin.clone() })?;
    if certificates.is_empty() {
        return Err(TlsConfigError::NoCertificate {
            origin: origin.clone(),
            found: content(bytes),
        });
    }
    Ok(certificates)
}

fn parse_key(
    bytes: &[u8],
    origin: &Origin,
    password: Option<&KeyPassword>,
) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if is_encrypted_key(bytes) {
        return decrypt(bytes, origin, password);
    }
    let origin = || origin.clone();
    if is_der(bytes) {
        return PrivateKeyDer::try_from(bytes.to_vec())
            .map_err(|_| TlsConfigError::UnusableKey { origin: origin() });
    }
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            TlsConfigError::NoKey { origin: origin(), found: content(bytes) }
        }
        _ => TlsConfigError::BadPem { origin: origin() },
    })
}

fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&DER_SEQUENCE)
}

/// Recognises the three forms in which passphrases protect keys: PKCS#8 in PEM and DER, and
/// OpenSSL's own header in older PEM files.
fn is_encrypted_key(bytes: &[u8]) -> bool {
    if is_der(bytes) {
        // A plain key begins with its version number, an encrypted one with its algorithm, which
        // begins with an object identifier; so does no certificate.
        let first = der_content(bytes).filter(|first| is_der(first));
        return first.and_then(der_content).and_then(<[u8]>::first) == Some(&DER_OBJECT_IDENTIFIER);
    }
    contains(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || contains(bytes, b"Proc-Type: 4,ENCRYPTED")
}

/// Returns what follows the tag and length of a DER element.
fn der_content(bytes: &[u8]) -> Option<&[u8]> {
    let length = *bytes.get(1)?;
    let more_length_bytes = if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
    bytes.get(2 + more_length_bytes..)
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn content(bytes: &[u8]) -> Content {
    if bytes.is_empty() {
        Content::Nothing
    } else if contains(bytes, b"-----BEGIN CERTIFICATE-----") {
        Content::Certificate
    } else if contains(bytes, b"PRIVATE KEY-----") {
        Content::PrivateKey
    } else if contains(bytes, b"-----BEGIN ") {
        Content::OtherPem
    } else {
        Content::Unknown
    }
}
