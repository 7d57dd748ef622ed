//! What can be wrong with TLS settings.

use std::fmt;
use std::path::PathBuf;

use crate::explain::{Below, explained_error};
use crate::io_error::IoError;

/// Why TLS settings can't be used. Found before any connection is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// A file or directory can't be read.
    Unreadable {
        /// Which.
        origin: Origin,
        /// What the operating system said.
        error: IoError,
    },
    /// A file is larger than any certificate collection (4 MiB).
    TooLarge {
        /// Which.
        origin: Origin,
    },
    /// No certificate, though one is expected.
    NoCertificate {
        /// Where.
        origin: Origin,
        /// What is there instead.
        found: Content,
    },
    /// PEM that ends early or has something else than base64 between its lines.
    BadPem {
        /// Where.
        origin: Origin,
    },
    /// A certificate that can't be parsed.
    BadCertificate {
        /// Where.
        origin: Origin,
        /// Which of those found there, counted from 1.
        number: usize,
    },
    /// No private key, though one is expected.
    NoKey {
        /// Where.
        origin: Origin,
        /// What is there instead.
        found: Content,
    },
    /// The private key is protected by a password, and none was given, or the build lacks the
    /// feature `encrypted-keys`.
    EncryptedKey {
        /// Where.
        origin: Origin,
    },
    /// The password does not open the private key.
    KeyPassword {
        /// Where the key is.
        origin: Origin,
    },
    /// The private key is protected in another way than by PBES2 of PKCS#8.
    KeyEncryption {
        /// Where.
        origin: Origin,
    },
    /// The private key is damaged, or of a kind that TLS does not use.
    UnusableKey {
        /// Where.
        origin: Origin,
    },
    /// The private key does not belong to the first client certificate.
    KeyMismatch {
        /// Where the certificate is.
        certificate: Origin,
        /// Where the key is.
        key: Origin,
    },
    /// The operating system gave no trusted certificates.
    NoSystemRoots,
    /// The name to expect in the server's certificate is neither a host name nor an address.
    InvalidServerName {
        /// The name.
        name: String,
    },
    /// An ALPN protocol name is empty or longer than 255 bytes.
    InvalidAlpn {
        /// Its length in bytes.
        length: usize,
    },
    /// No TLS version is allowed.
    NoVersion,
    /// The build has neither `ring` nor `aws-lc-rs`, and no provider was given.
    NoCryptoProvider,
    /// The TLS library refuses the settings for another reason.
    Refused {
        /// Its words.
        detail: String,
    },
}

/// Where a certificate or key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A directory.
    Directory(PathBuf),
    /// Bytes given by the program.
    Bytes,
}

/// What a file holds instead of what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Nothing: it is empty.
    Nothing,
    /// Certificates.
    Certificate,
    /// A private key.
    PrivateKey,
    /// PEM sections of other kinds.
    OtherPem,
    /// Neither PEM nor DER.
    Unknown,
}

explained_error!(TlsConfigError);

impl TlsConfigError {
    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { origin, .. } => write!(f, "cannot read {origin}"),
            Self::TooLarge { origin } => write!(f, "{origin} is larger than 4 MiB"),
            Self::NoCertificate { origin, found } => {
                write!(f, "no certificate in {origin} (found: {found})")
            }
            Self::BadPem { origin } => write!(f, "damaged PEM in {origin}"),
            Self::BadCertificate { origin, number } => {
                write!(f, "certificate {number} in {origin} is damaged")
            }
            Self::NoKey { origin, found } => {
                write!(f, "no private key in {origin} (found: {found})")
            }
            Self::EncryptedKey { origin } => {
                write!(f, "the private key in {origin} is protected by a passphrase")
            }
            Self::KeyPassword { origin } => {
                write!(f, "the password does not open the private key in {origin}")
            }
            Self::KeyEncryption { origin } => {
                write!(f, "the private key in {origin} is encrypted in a way that is not supported")
            }
            Self::UnusableKey { origin } => {
                write!(f, "the private key in {origin} is damaged or of an unknown kind")
            }
            Self::KeyMismatch { certificate, key } => {
                write!(
                    f,
                    "the private key in {key} does not belong to the certificate in {certificate}"
                )
            }
            Self::NoSystemRoots => f.write_str("this system has no trusted CA certificates"),
            Self::InvalidServerName { name } => {
                write!(f, "the TLS server name {name:?} is neither a host name nor an IP address")
            }
            Self::InvalidAlpn { length } => {
                write!(f, "an ALPN protocol name has {length} bytes, not 1 to 255")
            }
            Self::NoVersion => f.write_str("the TLS settings allow no TLS version"),
            Self::NoCryptoProvider => f.write_str("this build has no TLS cryptography"),
            Self::Refused { detail } => write!(f, "the TLS settings can't be used: {detail}"),
        }
    }

    pub(crate) fn below(&self) -> Below<'_> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some("check the path and its permissions"),
            Self::TooLarge { .. } => Some("is it really a certificate or key?"),
            Self::NoCertificate { found: Content::PrivateKey, .. } => {
                Some("were certificate and key swapped?")
            }
            Self::NoKey { found: Content::Certificate, .. } => {
                Some("give the file with the key, or append the key to this one")
            }
            Self::NoCertificate { origin: Origin::Directory(_), .. } => {
                Some("put PEM files with CA certificates into it")
            }
            Self::NoCertificate { .. } | Self::BadCertificate { .. } => {
                Some("X.509 certificates in PEM or DER are expected")
            }
            Self::BadPem { .. } => Some("copy it again, from the BEGIN line to the END line"),
            Self::NoKey { .. } | Self::UnusableKey { .. } => Some(
                "RSA, ECDSA or Ed25519 keys as PKCS#8, PKCS#1 or SEC1, PEM or DER, are expected",
            ),
            Self::EncryptedKey { .. } => {
                Some("remove the passphrase with: openssl pkey -in KEY -out NEW_KEY")
            }
            Self::KeyPassword { .. } => {
                Some("check the password: it is the first line of its file, without blanks around")
            }
            Self::KeyEncryption { .. } => Some(
                "encrypt it anew with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW_KEY",
            ),
            Self::KeyMismatch { .. } => Some("the client's own certificate must come first"),
            Self::NoSystemRoots => Some("install ca-certificates, or give a CA file"),
            Self::InvalidServerName { .. } => Some("write it without scheme, port and brackets"),
            Self::InvalidAlpn { .. } => Some("usual names are 'mqtt' and 'x-amzn-mqtt-ca'"),
            Self::NoVersion => Some("allow TLS 1.2, TLS 1.3 or both"),
            Self::NoCryptoProvider => Some("build with the feature 'ring' or 'aws-lc-rs'"),
            Self::Refused { .. } => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Directory(path) => write!(f, "'{}'", path.display()),
            Self::Bytes => f.write_str("the given bytes"),
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Certificate => "a certificate",
            Self::PrivateKey => "a private key",
            Self::OtherPem => "other PEM sections",
            Self::Unknown => "neither PEM nor DER",
        })
    }
}
