//! TLS for listeners.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, crypto::ring};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::ByteStream;
use crate::core::TlsFacts;

/// A server certificate with its key, and optionally the authority whose
/// client certificates are asked for or demanded.
///
/// Never shows its key in `Debug`.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Reads PEM texts: a certificate chain, its private key (PKCS#8, PKCS#1
    /// or SEC1), and for mutual TLS the certificates of the clients' authority.
    pub fn from_pem(
        chain: &[u8],
        key: &[u8],
        client_authority: Option<&[u8]>,
    ) -> Result<Self, TlsError> {
        Self::build(chain, key, client_authority, true)
    }

    /// The same, but clients are only asked for a certificate: one without is let
    /// in, one with another authority's is not.
    pub fn from_pem_asking(
        chain: &[u8],
        key: &[u8],
        client_authority: &[u8],
    ) -> Result<Self, TlsError> {
        Self::build(chain, key, Some(client_authority), false)
    }

    fn build(
        chain: &[u8],
        key: &[u8],
        client_authority: Option<&[u8]>,
        is_demanded: bool,
    ) -> Result<Self, TlsError> {
        let chain = certificates(chain, TlsPart::Chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Rustls)?;
        let builder = match client_authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(authority, TlsPart::ClientAuthority)? {
                    roots.add(certificate).map_err(TlsError::Rustls)?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier =
                    if is_demanded { verifier } else { verifier.allow_unauthenticated() };
                let verifier = verifier.build().map_err(TlsError::Verifier)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Rustls)?;
        // A client that offers no protocol, as most do, is accepted all the same.
        config.alpn_protocols = vec![b"mqtt".to_vec(), b"x-amzn-mqtt-ca".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Reads the same from files.
    pub fn from_files(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        client_authority: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let authority = client_authority.map(read).transpose()?;
        Self::from_pem(&read(chain.as_ref())?, &read(key.as_ref())?, authority.as_deref())
    }

    /// Reads what [`from_pem_asking`](Self::from_pem_asking) takes from files.
    pub fn from_files_asking(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        client_authority: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        let authority = read(client_authority.as_ref())?;
        Self::from_pem_asking(&read(chain.as_ref())?, &read(key.as_ref())?, &authority)
    }

    /// The server's half of the handshake.
    pub(super) async fn accept<S: ByteStream>(&self, stream: S) -> io::Result<TlsStream<S>> {
        TlsAcceptor::from(self.0.clone()).accept(stream).await
    }

    /// The same for other protocols than MQTT, the preferred one first.
    #[cfg(feature = "websocket")]
    pub(crate) fn speaking(self, protocols: &[&str]) -> Self {
        let mut config = ServerConfig::clone(&self.0);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }
}

/// What the handshake of a connection has agreed on.
pub(super) fn facts<S>(stream: &TlsStream<S>) -> TlsFacts {
    let connection = stream.get_ref().1;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let version = connection.protocol_version().map(|version| format!("{version:?}"));
    let leaf = connection.peer_certificates().and_then(|chain| chain.first());
    let suite = connection.negotiated_cipher_suite();
    TlsFacts {
        certificate: leaf.map(|leaf| Bytes::copy_from_slice(leaf)),
        fingerprint: leaf.and_then(|leaf| fingerprint(leaf)),
        server_name: connection.server_name().map(str::to_owned),
        alpn: connection.alpn_protocol().map(text),
        version: version.unwrap_or_default(),
        suite: suite.map(|suite| format!("{:?}", suite.suite())).unwrap_or_default(),
    }
}

/// SHA-256 in hexadecimal digits, by the provider of TLS.
fn fingerprint(bytes: &[u8]) -> Option<String> {
    let SupportedCipherSuite::Tls13(suite) = ring::cipher_suite::TLS13_AES_128_GCM_SHA256 else {
        return None;
    };
    let hash = suite.common.hash_provider.hash(bytes);
    Some(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path)
        .map_err(|error| TlsError::File { path: path.to_owned(), kind: error.kind() })
}

fn certificates(pem: &[u8], part: TlsPart) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| TlsError::Certificate { part, error })?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate { part });
    }
    Ok(found)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls { .. }")
    }
}

/// A file or text that TLS needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPart {
    /// The server's certificate chain.
    Chain,
    /// The certificates of the clients' authority.
    ClientAuthority,
}

/// Why TLS cannot be offered.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        kind: io::ErrorKind,
    },
    /// A text holds no certificate.
    NoCertificate {
        /// Which.
        part: TlsPart,
    },
    /// A certificate is no PEM.
    Certificate {
        /// Which.
        part: TlsPart,
        /// What is wrong with it.
        error: pem::Error,
    },
    /// The private key is no PEM of a known kind.
    Key(pem::Error),
    /// The authority's certificates cannot be used.
    Verifier(VerifierBuilderError),
    /// Key and certificate do not fit, or cannot be used.
    Rustls(rustls::Error),
}

impl fmt::Display for TlsPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "server certificate",
            Self::ClientAuthority => "client authority",
        })
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, kind } => write!(f, "cannot read {}: {kind}", path.display()),
            Self::NoCertificate { part } => {
                write!(f, "no certificate in the {part}; it must be PEM (BEGIN CERTIFICATE)")
            }
            Self::Certificate { part, .. } => write!(f, "the {part} is no PEM"),
            Self::Key(_) => f.write_str(
                "no private key; it must be PEM (PKCS#8, PKCS#1 or SEC1) without a password",
            ),
            Self::Verifier(_) => f.write_str("the client authority cannot be used"),
            Self::Rustls(_) => {
                f.write_str("certificate or key cannot be used; check that they belong together")
            }
        }?;
        match std::error::Error::source(self) {
            Some(below) if f.alternate() => write!(f, ": {below:#}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { .. } | Self::NoCertificate { .. } => None,
            Self::Certificate { error, .. } | Self::Key(error) => Some(error),
            Self::Verifier(error) => Some(error),
            Self::Rustls(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_files_are_named() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let text = |chain: &str, key: &str, authority: Option<&[u8]>| {
            let made = Tls::from_pem(chain.as_bytes(), key.as_bytes(), authority);
            made.map(|_| ()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(text(&chain, &key, Some(chain.as_bytes())), Ok(()));
        let cases = [
            (text("", &key, None), "no certificate in the server certificate"),
            (text(&chain, &chain, None), "no private key"),
            (text(&chain, &other.signing_key.serialize_pem(), None), "belong together"),
            (text(&chain, &key, Some(b"x")), "no certificate in the client authority"),
        ];
        for (result, part) in cases {
            assert!(result.as_ref().is_err_and(|text| text.contains(part)), "{part}: {result:?}");
        }
        let error = Tls::from_files("/nowhere/chain.pem", "/nowhere/key.pem", None).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nowhere/chain.pem: entity not found");
    }
}
