//! Certificates and TLS servers.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{echo, soon};

pub(crate) fn provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    return Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(not(feature = "aws-lc-rs"))]
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A file of `tests/fixtures/tls`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixture_path(name)).unwrap()
}

pub(crate) fn fixture_path(name: &str) -> std::path::PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/tls", name].iter().collect()
}

/// A certificate chain and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: Vec<u8>,
}

impl Identity {
    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.clone()).unwrap()
    }
}

/// A certificate authority.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// An authority with a name of its own.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self::called(&format!("Test authority {}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn called(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        Self::with(params)
    }

    /// An authority whose own certificate is good for a server, except for being an authority's.
    pub(crate) fn for_name(name: &str) -> Self {
        Self::with(CertificateParams::new([name.to_owned()]).unwrap())
    }

    fn with(mut params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        roots
    }

    /// The authority's own certificate and key.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            certificate: self.certificate.der().clone(),
            key: self.issuer.key().serialize_der(),
        }
    }

    /// A server's certificate for these names or addresses.
    pub(crate) fn server(&self, names: &[&str]) -> Identity {
        self.server_with(names, |_| {})
    }

    pub(crate) fn server_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.der().clone(), key: key.serialize_der() }
    }

    /// A client's certificate, in PEM, for a key in PKCS#8 PEM.
    pub(crate) fn client_for_key(&self, key: &[u8]) -> String {
        let key = KeyPair::from_pem(std::str::from_utf8(key).unwrap()).unwrap();
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(&key, &self.issuer).unwrap().pem()
    }
}

pub(crate) fn server_config(identity: &Identity) -> ServerConfig {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .unwrap()
}

/// For a server that is itself for `localhost`, and lets in clients with a certificate of the
/// authority only.
pub(crate) fn mutual_config(authority: &Authority) -> ServerConfig {
    let identity = authority.server(&["localhost"]);
    let roots = Arc::new(authority.roots());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .unwrap()
}

/// What a server saw of the client in the handshake.
pub(crate) struct Seen {
    pub(crate) server_name: Option<String>,
    pub(crate) client_certificates: usize,
    pub(crate) alpn: Option<Vec<u8>>,
}

/// A TLS server for one connection.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: oneshot::Receiver<Seen>,
}

impl Server {
    /// Echoes.
    pub(crate) async fn start(config: ServerConfig) -> Self {
        Self::start_once(config, echo).await
    }

    /// Speaks one version only.
    pub(crate) async fn start_only(
        identity: &Identity,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate.clone()], identity.key())
            .unwrap();
        Self::start(config).await
    }

    /// Is itself for `localhost`, and lets in clients with a certificate of the authority only.
    pub(crate) async fn start_with_clients(authority: &Authority) -> Self {
        Self::start(mutual_config(authority)).await
    }

    pub(crate) async fn start_once<F>(
        config: ServerConfig,
        serve: impl FnOnce(TlsStream<TcpStream>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, seen) = oneshot::channel();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // A handshake that fails is what many tests are about.
            let Ok(stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else {
                return;
            };
            let (_, session) = stream.get_ref();
            let _ = sender.send(Seen {
                server_name: session.server_name().map(str::to_owned),
                client_certificates: session.peer_certificates().map_or(0, <[_]>::len),
                alpn: session.alpn_protocol().map(<[u8]>::to_vec),
            });
            serve(stream).await;
        });
        Self { port, seen }
    }

    /// What it saw, once the handshake is over.
    pub(crate) async fn seen(self) -> Seen {
        soon(self.seen).await.unwrap()
    }
}
