//! From [`TlsOptions`] to rustls's configuration.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, Error, RootCertStore, SupportedProtocolVersion};
use rustls_platform_verifier::Verifier as PlatformVerifier;

use super::options::{Identity, Verification};
use super::verifier::{AcceptAnyName, AcceptAnything};
use super::{TlsConfigError, TlsOptions, TlsVersion};

/// Sessions kept for resumption, per configuration. A client has few servers, and rustls's 256
/// would be paid for by every client.
const RESUMABLE_SESSIONS: usize = 8;
const LONGEST_ALPN_NAME: usize = 255;

pub(super) fn build(options: &TlsOptions) -> Result<ClientConfig, TlsConfigError> {
    let provider = provider(options)?;
    let verifier = verifier(options, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(options)?)
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &options.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = (identity.chain.certificates()?, identity.key.key()?);
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| identity_refused(identity, &error))?
        }
    };
    config.alpn_protocols = alpn(options)?;
    config.resumption = Resumption::in_memory_sessions(RESUMABLE_SESSIONS);
    Ok(config)
}

fn provider(options: &TlsOptions) -> Result<Arc<CryptoProvider>, TlsConfigError> {
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

fn verifier(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
    match options.verification {
        Verification::Full => trusted(options, provider),
        Verification::AnyName => {
            tracing::warn!("the server's name is not verified: this TLS connection is insecure");
            Ok(Arc::new(AcceptAnyName(trusted(options, provider)?)))
        }
        Verification::Nothing => {
            tracing::warn!("the server is not verified at all: this TLS connection is insecure");
            // The files are read all the same, so that a wrong one is not found out about only
            // on the day when someone turns verification on.
            for source in &options.authorities {
                source.certificates()?;
            }
            Ok(Arc::new(AcceptAnything(provider.signature_verification_algorithms)))
        }
    }
}

fn trusted(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
    let (own, store) = own_authorities(options)?;
    if options.system_authorities.unwrap_or(own.is_empty()) {
        return match PlatformVerifier::new_with_extra_roots(own, provider.clone()) {
            Ok(verifier) => Ok(Arc::new(verifier)),
            Err(Error::General(_)) => Err(TlsConfigError::NoSystemRoots),
            Err(error) => Err(refused(error)),
        };
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
    match builder.build() {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(TlsConfigError::Refused { detail: error.to_string() }),
    }
}

fn own_authorities(
    options: &TlsOptions,
) -> Result<(Vec<CertificateDer<'static>>, RootCertStore), TlsConfigError> {
    let mut certificates = Vec::new();
    let mut store = RootCertStore::empty();
    for source in &options.authorities {
        for (index, certificate) in source.certificates()?.into_iter().enumerate() {
            store.add(certificate.clone()).map_err(|_| TlsConfigError::BadCertificate {
                origin: source.origin(),
                number: index + 1,
            })?;
            certificates.push(certificate);
        }
    }
    Ok((certificates, store))
}

fn identity_refused(identity: &Identity, error: &Error) -> TlsConfigError {
    let (chain, key) = (identity.chain.origin(), identity.key.origin());
    match error {
        Error::InconsistentKeys(_) => TlsConfigError::KeyMismatch { certificate: chain, key },
        Error::InvalidCertificate(_) => TlsConfigError::BadCertificate { origin: chain, number: 1 },
        _ => TlsConfigError::UnusableKey { origin: key },
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
