//! From [`TlsOptions`] to rustls's configuration.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::hash::{Hash, HashAlgorithm};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, Error, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion};

use super::options::{Pin, Verification};
use super::verifier::{AcceptAnyName, AcceptAnything, AcceptOne, Pinned};
use super::{Content, TlsConfigError, TlsOptions, TlsVersion};

/// Sessions kept for resumption, per configuration. A client has few servers, and rustls's 256
/// would be paid for by every client.
const RESUMABLE_SESSIONS: usize = 8;
const LONGEST_ALPN_NAME: usize = 255;

/// A finished configuration with this identity in place of its own.
pub(super) fn with_identity(
    finished: &Arc<ClientConfig>,
    identity: Option<Arc<CertifiedKey>>,
) -> Arc<ClientConfig> {
    let Some(identity) = identity else { return finished.clone() };
    let mut config = ClientConfig::clone(finished);
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(identity));
    // Sessions of another identity are not to be resumed.
    config.resumption = Resumption::in_memory_sessions(RESUMABLE_SESSIONS);
    Arc::new(config)
}

/// Makes a configuration of its parts.
pub(super) fn assemble(
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<Arc<CertifiedKey>>,
) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(options)?)
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
        }
    };
    config.alpn_protocols = alpn(options)?;
    config.resumption = Resumption::in_memory_sessions(RESUMABLE_SESSIONS);
    Ok(Arc::new(config))
}

pub(super) fn provider(options: &TlsOptions) -> Result<Arc<CryptoProvider>, TlsConfigError> {
    if let Some(finished) = options.finished() {
        return Ok(finished.crypto_provider().clone());
    }
    options.provider.clone().or_else(built_in_provider).ok_or(TlsConfigError::NoCryptoProvider)
}

/// Never asks for the process-wide default: which one that is depends on what other crates of the
/// program do, and two candidates make rustls panic.
fn built_in_provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "aws-lc-rs")]
    return Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    None
}

fn versions(
    options: &TlsOptions,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsConfigError> {
    let all = [TlsVersion::Tls13, TlsVersion::Tls12];
    let allowed = options.versions.as_deref().unwrap_or(&all);
    let supported = all.iter().filter(|version| allowed.contains(version)).map(|v| match v {
        TlsVersion::Tls12 => &rustls::version::TLS12,
        TlsVersion::Tls13 => &rustls::version::TLS13,
    });
    let versions: Vec<_> = supported.collect();
    if versions.is_empty() { Err(TlsConfigError::NoVersion) } else { Ok(versions) }
}

fn alpn(options: &TlsOptions) -> Result<Vec<Vec<u8>>, TlsConfigError> {
    let fits = |name: &&Vec<u8>| (1..=LONGEST_ALPN_NAME).contains(&name.len());
    match options.alpn.iter().find(|name| !fits(name)) {
        Some(name) => Err(TlsConfigError::InvalidAlpn { length: name.len() }),
        None => Ok(options.alpn.clone()),
    }
}

/// The authorities that the options name.
pub(super) struct OwnAuthorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    store: RootCertStore,
}

pub(super) fn own_authorities(options: &TlsOptions) -> Result<OwnAuthorities, TlsConfigError> {
    let (mut certificates, mut store) = (Vec::new(), RootCertStore::empty());
    if let Verification::Pinned(pin) = &options.verification {
        // No authority counts, and what is pinned need not be fit for one.
        if let Pin::Certificate(source) = pin {
            certificates = source.certificates()?;
        }
        return Ok(OwnAuthorities { certificates, store });
    }
    for source in &options.authorities {
        for (index, certificate) in source.certificates()?.into_iter().enumerate() {
            store.add(certificate.clone()).map_err(|_| TlsConfigError::BadCertificate {
                origin: source.origin(),
                number: index + 1,
            })?;
            certificates.push(certificate);
        }
    }
    Ok(OwnAuthorities { certificates, store })
}

/// The operating system's certificates, if they are files. Elsewhere the system is asked about
/// each server, and is up to date by itself.
#[cfg(all(unix, not(target_os = "android"), not(target_vendor = "apple")))]
pub(super) fn system_authorities() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::debug!(%error, "a certificate of the operating system's can't be read");
    }
    found.certs
}

#[cfg(not(all(unix, not(target_os = "android"), not(target_vendor = "apple"))))]
pub(super) const fn system_authorities() -> Vec<CertificateDer<'static>> {
    Vec::new()
}

/// `system` has the operating system's certificates, if these count.
pub(super) fn verifier(
    options: &TlsOptions,
    own: OwnAuthorities,
    system: Option<Vec<CertificateDer<'static>>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
    let algorithms = provider.signature_verification_algorithms;
    match &options.verification {
        Verification::Full => match system {
            Some(system) => with_system(own, system, provider),
            None => only(own.store, provider),
        },
        Verification::AnyName => {
            tracing::warn!("the server's name is not verified: this TLS connection is insecure");
            let roots = match system {
                Some(system) => with_files_of_system(own.store, system)?,
                None => own.store,
            };
            let (trusted, roots) = (own.certificates, Arc::new(roots));
            Ok(Arc::new(AcceptAnyName { trusted, roots, algorithms }))
        }
        Verification::Pinned(pin) => {
            Ok(Arc::new(AcceptOne { pinned: pinned(pin, own, provider)?, algorithms }))
        }
        // The files are read all the same, so that a wrong one is not found out about only on
        // the day when someone turns verification on.
        Verification::Nothing => {
            tracing::warn!("the server is not verified at all: this TLS connection is insecure");
            Ok(Arc::new(AcceptAnything(algorithms)))
        }
    }
}

/// The certificate that is pinned: the first of the file, as servers' files have their own first.
fn pinned(
    pin: &Pin,
    own: OwnAuthorities,
    provider: &CryptoProvider,
) -> Result<Pinned, TlsConfigError> {
    let is_sha256 = |hash: &&dyn Hash| hash.algorithm() == HashAlgorithm::SHA256;
    let hashes = provider.cipher_suites.iter().map(|suite| match suite {
        SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
    });
    match (pin, own.certificates.into_iter().next()) {
        (Pin::Certificate(_), Some(certificate)) => Ok(Pinned::Certificate(certificate)),
        (Pin::Certificate(source), None) => {
            Err(TlsConfigError::NoCertificate { origin: source.origin(), found: Content::Nothing })
        }
        (Pin::Sha256(digest), _) => match hashes.into_iter().find(is_sha256) {
            Some(hash) => Ok(Pinned::Sha256(*digest, hash)),
            None => Err(TlsConfigError::NoCryptoProvider),
        },
    }
}

/// Elsewhere the operating system's certificates are no files, and only its own verifier has
/// them, which checks the name.
fn with_files_of_system(
    mut store: RootCertStore,
    system: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, TlsConfigError> {
    // Systems have some that rustls does not take; the others serve.
    store.add_parsable_certificates(system);
    if store.is_empty() { Err(TlsConfigError::NoSystemRoots) } else { Ok(store) }
}

#[cfg(all(unix, not(target_os = "android"), not(target_vendor = "apple")))]
fn with_system(
    own: OwnAuthorities,
    system: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
    only(with_files_of_system(own.store, system)?, provider)
}

#[cfg(not(all(unix, not(target_os = "android"), not(target_vendor = "apple"))))]
fn with_system(
    own: OwnAuthorities,
    _system: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
    use rustls_platform_verifier::Verifier;

    match Verifier::new_with_extra_roots(own.certificates, provider.clone()) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(Error::General(_)) => Err(TlsConfigError::NoSystemRoots),
        Err(error) => Err(refused(error)),
    }
}

fn only(
    store: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
    match builder.build() {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(TlsConfigError::Refused { detail: error.to_string() }),
    }
}

fn refused(error: Error) -> TlsConfigError {
    TlsConfigError::Refused { detail: error.to_string() }
}

/// Checks the name that the server's certificate must be for.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, TlsConfigError> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| TlsConfigError::InvalidServerName { name: name.to_owned() })
}
