//! Clients over TLS.

use std::sync::Arc;

use evenkeel_broker::{Broker, EventKind, Tls};
use evenkeel_codec::{QoS, Version};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::*;

/// An authority, with certificates for a server and for a client.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Certificate and key as PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn server(&self, asks_clients: bool) -> Tls {
        let (chain, key) = self.issue("localhost");
        let authority = asks_clients.then_some(self.certificate.as_bytes());
        Tls::from_pem(chain.as_bytes(), key.as_bytes(), authority).unwrap()
    }

    fn client(&self, identity: Option<(String, String)>) -> ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }
}

/// A listener that asks for certificates, and a client that has one, with its DER.
pub(crate) fn asking() -> (Tls, TlsConnector, Vec<u8>) {
    let authority = Authority::new();
    let (chain, key) = authority.issue("localhost");
    let root = authority.certificate.as_bytes();
    let tls = Tls::from_pem_asking(chain.as_bytes(), key.as_bytes(), root).unwrap();
    let identity = authority.issue("client");
    let der = CertificateDer::from_pem_slice(identity.0.as_bytes()).unwrap().to_vec();
    (tls, TlsConnector::from(Arc::new(authority.client(Some(identity)))), der)
}

async fn open(broker: &Broker, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let address = broker.tls_addr().or_else(|| broker.websocket_tls_addr()).unwrap();
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn tls_with_a_server_certificate() {
    let authority = Authority::new();
    let tls = authority.server(false);
    let broker = Broker::builder().bind_tls("127.0.0.1:0", tls).start().await.unwrap();
    assert_eq!(broker.url(), format!("mqtts://{}", broker.tls_addr().unwrap()));
    for protocol in [None, Some(b"mqtt".to_vec())] {
        let mut config = authority.client(None);
        config.alpn_protocols = protocol.clone().into_iter().collect();
        let stream = open(&broker, config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), protocol.as_deref());
        let (mut client, _) = Client::connect(stream, Version::V5, "a").await;
        client.subscribe("t", QoS::AtLeastOnce).await;
        client.echo("t", &[1; 200_000]).await;
    }
}

#[tokio::test]
async fn a_goodbye_is_read_before_the_session_is_taken_over_by_tls() {
    let authority = Authority::new();
    let tls = authority.server(false);
    let broker = Broker::builder().bind_tls("127.0.0.1:0", tls).start().await.unwrap();
    let old = Client::new(open(&broker, authority.client(None)).await.unwrap(), Version::V5);
    let new = Client::new(open(&broker, authority.client(None)).await.unwrap(), Version::V5);
    crate::order::take_over_behind_a_goodbye(&broker, old, new).await;
}

/// What was agreed on is an event; AWS names a certificate by its SHA-256.
#[tokio::test]
async fn the_handshake_is_recorded_with_the_clients_certificate() {
    let authority = Authority::new();
    let (chain, key) = authority.issue("localhost");
    let root = authority.certificate.as_bytes();
    let tls = Tls::from_pem_asking(chain.as_bytes(), key.as_bytes(), root).unwrap();
    let broker = Broker::builder().bind_tls("127.0.0.1:0", tls).start().await.unwrap();
    let identity = authority.issue("client");
    let stranger = Authority::new().issue("client");
    for (identity, is_shown) in [(None, false), (Some(identity), true)] {
        let mut config = authority.client(identity);
        config.alpn_protocols = vec![b"x-amzn-mqtt-ca".to_vec()];
        let stream = open(&broker, config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"x-amzn-mqtt-ca"[..]));
        let (mut client, _) = Client::connect(stream, Version::V5, "a").await;
        client.ping().await;
        let told = broker.recorded().into_iter().rev().find_map(|event| match event.kind {
            EventKind::Tls { alpn, server_name, version, client_certificate } => {
                Some((event.connection, alpn, server_name, version, client_certificate))
            }
            _ => None,
        });
        let (connection, alpn, server_name, version, certificate) = told.unwrap();
        assert!(connection.is_some());
        assert_eq!(alpn.as_deref(), Some("x-amzn-mqtt-ca"));
        assert_eq!((server_name.as_deref(), version.as_str()), (Some("localhost"), "TLSv1_3"));
        let digits = certificate
            .map(|text| text.chars().all(|c| c.is_ascii_hexdigit()) as usize * text.len());
        assert_eq!(digits, is_shown.then_some(64));
    }
    // One of another authority is refused, as it is by a listener that demands one.
    let mut stream = open(&broker, authority.client(Some(stranger))).await.unwrap();
    assert!(tokio::io::AsyncReadExt::read_u8(&mut stream).await.is_err());
}

#[tokio::test]
async fn tls_that_demands_client_certificates() {
    let authority = Authority::new();
    let tls = authority.server(true);
    let broker = Broker::builder().bind_tls("127.0.0.1:0", tls).start().await.unwrap();
    let known = authority.client(Some(authority.issue("client")));
    let (mut client, _) =
        Client::connect(open(&broker, known).await.unwrap(), Version::V311, "a").await;
    client.ping().await;
    let stranger = Authority::new().issue("client");
    for identity in [None, Some(stranger)] {
        // With TLS 1.3 the client learns of the refusal when it reads.
        if let Ok(stream) = open(&broker, authority.client(identity)).await {
            let mut client = Client::new(stream, Version::V311);
            assert_eq!(client.recv().await, None);
        }
    }
    assert!(closed(&broker, 2).await.ends_with(r#""why":"no_connect","closer":"peer"}"#));
    assert!(closed(&broker, 3).await.ends_with(r#""why":"no_connect","closer":"peer"}"#));
    assert_eq!(broker.stats().connects_accepted, 1);
}

#[tokio::test]
async fn plain_mqtt_on_a_tls_port_is_closed() {
    let tls = Authority::new().server(false);
    let broker = Broker::builder().bind_tls("127.0.0.1:0", tls).start().await.unwrap();
    let stream = TcpStream::connect(broker.tls_addr().unwrap()).await.unwrap();
    let mut client = Client::new(stream, Version::V5);
    client.send(connect(Version::V5, "a")).await;
    assert!(closed(&broker, 1).await.ends_with(r#""why":"no_connect","closer":"peer"}"#));
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_not_waited_for() {
    let tls = Authority::new().server(false);
    let broker = Broker::builder()
        .bind_tls("127.0.0.1:0", tls)
        .configure(|config| config.limits.connect_timeout = std::time::Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    let _stream = TcpStream::connect(broker.tls_addr().unwrap()).await.unwrap();
    assert!(closed(&broker, 1).await.ends_with(r#""why":"no_connect","closer":"server"}"#));
}

#[cfg(feature = "websocket")]
#[tokio::test]
async fn websocket_inside_tls() {
    use crate::websocket::{Pipe, request};
    let authority = Authority::new();
    let tls = authority.server(false);
    let broker = Broker::builder().bind_websocket_tls("127.0.0.1:0", tls).start().await.unwrap();
    assert_eq!(broker.url(), format!("wss://{}/mqtt", broker.websocket_tls_addr().unwrap()));
    let stream = open(&broker, authority.client(None)).await.unwrap();
    let (stream, _) = tokio_tungstenite::client_async(request("mqtt"), stream).await.unwrap();
    let mut pipe = Pipe::new(stream, Version::V5);
    pipe.send(&[connect(Version::V5, "a")], 1000).await;
    assert!(matches!(pipe.recv().await, Some(evenkeel_codec::Packet::ConnAck(_))));
}
