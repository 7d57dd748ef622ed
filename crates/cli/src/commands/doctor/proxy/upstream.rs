//! The server behind the proxy.

use std::io;
use std::path::Path;
use std::sync::Arc;

use evenkeel::url::{Scheme, ServerUrl};
use evenkeel_broker::relay::Speech;
use evenkeel_doctor::OpenFailure;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::relay::Stream;
use crate::error::Failure;

/// Where the traffic goes.
pub(super) struct Upstream {
    address: Arc<(String, u16)>,
    speech: Speech,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Upstream {
    /// The server of a URL. Its TLS is verified, by the system's authorities or
    /// by those of a file.
    pub(super) fn new(url: &str, authorities: Option<&Path>) -> Result<Self, Failure> {
        let parsed: ServerUrl = url.parse().map_err(|error| {
            Failure::usage(format!("'{url}' is no server"))
                .why(error)
                .hint("such as mqtts://broker.example.com")
        })?;
        let (host, port, secure) = parts(&parsed).ok_or_else(|| {
            Failure::usage(format!("'{url}' has no host and port"))
                .hint("the proxy speaks mqtt://, mqtts://, ws:// and wss://")
        })?;
        let tls = if secure { Some(connector(&host, authorities)?) } else { None };
        let speech = match parsed.scheme() {
            Scheme::Ws | Scheme::Wss => Speech::WebSocket,
            _ => Speech::Mqtt,
        };
        Ok(Self { address: Arc::new((host, port)), speech, tls })
    }

    /// The server, for people.
    pub(super) fn address(&self) -> Arc<(String, u16)> {
        self.address.clone()
    }

    /// What packets come in.
    pub(super) const fn speech(&self) -> Speech {
        self.speech
    }

    /// Connects, TLS included.
    pub(super) async fn open(&self) -> Result<Box<dyn Stream>, OpenFailure> {
        let addresses = lookup_host((self.address.0.as_str(), self.address.1)).await;
        let addresses: Vec<_> = addresses.map_err(|_| OpenFailure::Name)?.collect();
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|it| failure(&it))?;
        let _ = stream.set_nodelay(true);
        let Some((connector, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let stream = connector.connect(name.clone(), stream).await;
        Ok(Box::new(stream.map_err(|_| OpenFailure::Tls)?))
    }
}

/// Why there is no connection.
fn failure(error: &io::Error) -> OpenFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => OpenFailure::Refused,
        io::ErrorKind::TimedOut => OpenFailure::Silent,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            OpenFailure::Unreachable
        }
        _ => OpenFailure::Other,
    }
}

/// Host and port, and whether TLS is spoken.
fn parts(url: &ServerUrl) -> Option<(String, u16, bool)> {
    let secure = match url.scheme() {
        Scheme::Mqtt | Scheme::Ws => false,
        Scheme::Mqtts | Scheme::Wss => true,
        _ => return None,
    };
    Some((url.host()?.certificate_name(), url.port()?, secure))
}

fn connector(
    host: &str,
    authorities: Option<&Path>,
) -> Result<(TlsConnector, ServerName<'static>), Failure> {
    let failed = |what: String, error: &dyn std::fmt::Display| Failure::usage(what).why(error);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| failed(format!("'{host}' is no name for TLS"), &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("TLS cannot be set up".into(), &error))?;
    let config = match authorities {
        None => builder
            .with_platform_verifier()
            .map_err(|error| failed("the system's authorities cannot be read".into(), &error))?
            .with_no_client_auth(),
        Some(path) => {
            let what = || format!("the authorities in '{}' cannot be used", path.display());
            let mut roots = RootCertStore::empty();
            let all =
                CertificateDer::pem_file_iter(path).map_err(|error| failed(what(), &error))?;
            for certificate in all {
                let certificate = certificate.map_err(|error| failed(what(), &error))?;
                roots.add(certificate).map_err(|error| failed(what(), &error))?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok((TlsConnector::from(Arc::new(config)), name))
}
