//! What a user says about TLS.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;

use super::renewal::{Made, Unprepared};
use super::source::Source;
use super::{TlsConfigError, TlsIdentity};

/// How TLS connections are secured. The default trusts what the operating system trusts, offers
/// TLS 1.2 and 1.3, and has no client certificate.
///
/// Files are read anew for each attempt to connect, so what is renewed on disk, or by the
/// operating system, is used from the next attempt on. While they can't be used, as between
/// the replacements of certificate and key, what they said before serves.
/// [`TlsOptions::prepare`] reports everything that is wrong with them. `Debug` shows no
/// certificate and no key.
///
/// ```no_run
/// use evenkeel::tls::TlsOptions;
///
/// let options = TlsOptions::new()
///     .ca_file("ca.pem")
///     .client_certificate_files("device.crt", "device.key")
///     .alpn(["mqtt"]);
/// options.prepare()?;
/// # Ok::<(), evenkeel::tls::TlsConfigError>(())
/// ```
#[derive(Clone, Default)]
pub struct TlsOptions {
    pub(super) authorities: Vec<Source>,
    pub(super) system_authorities: Option<bool>,
    pub(super) identity: Option<TlsIdentity>,
    pub(super) alpn: Vec<Vec<u8>>,
    server_name: Option<String>,
    pub(super) versions: Option<Vec<TlsVersion>>,
    pub(super) verification: Verification,
    pub(super) provider: Option<Arc<CryptoProvider>>,
    finished: Option<Arc<ClientConfig>>,
}

/// A version of TLS. Older ones are not secure and not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// How much of a server's certificate is checked.
#[derive(Clone, Debug, Default)]
pub(super) enum Verification {
    #[default]
    Full,
    AnyName,
    Pinned(Pin),
    Nothing,
}

/// The one certificate that is accepted.
#[derive(Clone)]
pub(super) enum Pin {
    Certificate(Source),
    Sha256([u8; 32]),
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(source) => fmt::Debug::fmt(&source.origin(), f),
            Self::Sha256(_) => f.write_str("Sha256"),
        }
    }
}

impl TlsOptions {
    /// Makes the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses a finished rustls configuration; every other setting except [`Self::server_name`] is
    /// then without effect. An identity that is given for an attempt takes the place of its own.
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self { finished: Some(config), ..Self::default() }
    }

    /// Trusts the certificates of a file (PEM or DER), *instead of* the operating system's.
    ///
    /// May be given several times, as [`Self::ca_bytes`] and [`Self::ca_directory`] may; what
    /// they name adds up.
    #[must_use]
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.authority(Source::File(path.into()))
    }

    /// Trusts the certificates in `bytes` (PEM or DER); see [`Self::ca_file`].
    #[must_use]
    pub fn ca_bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.authority(Source::Bytes(bytes.into().into()))
    }

    /// Trusts the certificates of every file in a directory, whatever the files are called; see
    /// [`Self::ca_file`]. Subdirectories and files without certificates are skipped.
    #[must_use]
    pub fn ca_directory(self, path: impl Into<PathBuf>) -> Self {
        self.authority(Source::Directory(path.into()))
    }

    fn authority(mut self, source: Source) -> Self {
        self.authorities.push(source);
        self
    }

    /// Says whether the operating system's trusted certificates are used. By default they are
    /// if no other CA certificate is given; `true` adds them to the given ones.
    #[must_use]
    pub fn system_roots(mut self, used: bool) -> Self {
        self.system_authorities = Some(used);
        self
    }

    /// Identifies the client by a certificate chain, its own certificate first, and the private
    /// key (PKCS#8, PKCS#1 or SEC1), both as PEM or DER files.
    #[must_use]
    pub fn client_certificate_files(
        mut self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some(TlsIdentity::from_files(chain, key));
        self
    }

    /// Identifies the client by this; for a key that a password protects.
    #[must_use]
    pub fn client_identity(mut self, identity: TlsIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Identifies the client as [`Self::client_certificate_files`] does, from memory.
    #[must_use]
    pub fn client_certificate_bytes(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = Some(TlsIdentity::from_bytes(chain, key));
        self
    }

    /// Offers application protocols (ALPN), most wanted first, such as `mqtt`, or
    /// `x-amzn-mqtt-ca` for AWS IoT Core on port 443.
    #[must_use]
    pub fn alpn<T: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = T>) -> Self {
        self.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Expects this name in the server's certificate and sends it as SNI, instead of the host
    /// that is connected to. An IP address is expected but not sent, as SNI has no addresses.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Allows only these versions.
    #[must_use]
    pub fn versions(mut self, versions: impl IntoIterator<Item = TlsVersion>) -> Self {
        self.versions = Some(versions.into_iter().collect());
        self
    }

    /// Accepts a certificate for any name, as `--insecure` of the mosquitto tools does: whoever
    /// has any certificate of a trusted authority can pose as the server. Logs a warning.
    #[must_use]
    pub fn dangerously_skip_server_name_verification(mut self) -> Self {
        self.verification = Verification::AnyName;
        self
    }

    /// Accepts this one certificate of the server and no other, the first in a PEM or DER file.
    /// Its names, its time, who signed it and its X.509 version are not looked at, and CA
    /// certificates do not count.
    #[must_use]
    pub fn pin_certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.verification = Verification::Pinned(Pin::Certificate(Source::File(path.into())));
        self
    }

    /// Accepts the one certificate of the server that has this SHA-256 fingerprint, as
    /// `openssl x509 -noout -fingerprint -sha256` prints it; see [`Self::pin_certificate_file`].
    #[must_use]
    pub fn pin_certificate_sha256(mut self, fingerprint: [u8; 32]) -> Self {
        self.verification = Verification::Pinned(Pin::Sha256(fingerprint));
        self
    }

    /// Accepts any certificate at all: whoever is on the way can pose as the server and read
    /// and change everything, the password included. Logs a warning.
    #[must_use]
    pub fn dangerously_skip_server_verification(mut self) -> Self {
        self.verification = Verification::Nothing;
        self
    }

    /// Uses this cryptography instead of the one built in.
    #[must_use]
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Reads the files and makes the rustls configuration.
    ///
    /// Blocks while it reads: for a millisecond or so with the operating system's certificates.
    pub fn prepare(&self) -> Result<Arc<ClientConfig>, TlsConfigError> {
        let prepared = Made::default().renew(self, None).map_err(Unprepared::into_error)?;
        Ok(prepared.config)
    }

    pub(crate) const fn finished(&self) -> Option<&Arc<ClientConfig>> {
        self.finished.as_ref()
    }

    /// Whether the operating system's certificates count.
    pub(super) fn uses_system(&self) -> bool {
        let by_default = self.authorities.is_empty();
        match self.verification {
            Verification::Nothing | Verification::Pinned(_) => false,
            Verification::Full | Verification::AnyName => {
                self.system_authorities.unwrap_or(by_default)
            }
        }
    }

    pub(super) fn is_on_disk(&self) -> bool {
        let identity = self.identity.as_ref().is_some_and(TlsIdentity::is_on_disk);
        let is_pinned = matches!(self.verification, Verification::Pinned(Pin::Certificate(_)));
        let reads = identity || is_pinned || self.authorities.iter().any(Source::is_on_disk);
        self.finished.is_none() && (reads || self.uses_system())
    }

    /// The name to expect, where it is not that of the host.
    pub(crate) fn expected_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn: Vec<_> = self.alpn.iter().map(|name| String::from_utf8_lossy(name)).collect();
        f.debug_struct("TlsOptions")
            .field("authorities", &self.authorities.iter().map(Source::origin).collect::<Vec<_>>())
            .field("system_authorities", &self.system_authorities)
            .field("client_certificate", &self.identity)
            .field("alpn", &alpn)
            .field("server_name", &self.server_name)
            .field("versions", &self.versions)
            .field("verification", &self.verification)
            .field("from_rustls", &self.finished.is_some())
            .finish_non_exhaustive()
    }
}

impl TlsVersion {
    pub(crate) const fn from_rustls(version: rustls::ProtocolVersion) -> Option<Self> {
        match version {
            rustls::ProtocolVersion::TLSv1_2 => Some(Self::Tls12),
            rustls::ProtocolVersion::TLSv1_3 => Some(Self::Tls13),
            _ => None,
        }
    }
}
