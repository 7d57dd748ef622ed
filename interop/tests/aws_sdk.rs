//! AWS's own SDK for Python (`awsiotsdk`) at the broker of this repository: it comes in by
//! certificate, by a signed WebSocket and by a custom authorizer, publishes and receives.

#[path = "../../crates/client/tests/transport/support/sigv4.rs"]
mod sigv4;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use evenkeel_broker::{Broker, Tls};
use evenkeel_interop::certificates::Certificates;
use evenkeel_interop::folder::Folder;
use evenkeel_interop::python;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const ANY_PORT: &str = "127.0.0.1:0";

/// Runs the SDK at this port, and demands that it gets its own message.
async fn run(python: &Path, way: &'static str, port: u16) {
    let certificates = Certificates::shared();
    let folder = Folder::new().unwrap();
    let file = |name: &str, text: &str| folder.write(name, text).unwrap();
    let authority = file("ca.pem", &certificates.authority);
    let certificate = file("client.pem", &certificates.client.certificate);
    let key = file("client.key", &certificates.client.key);
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/aws_sdk.py"));
    command.arg(way).arg(port.to_string()).arg(authority);
    if way == "certificate" {
        command.arg(certificate).arg(key);
    }
    let run = tokio::task::spawn_blocking(move || command.output());
    let Output { status, stdout, stderr } = run.await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{way}: {status}\n{out}{err}");
    assert_eq!(out, format!("received: by {way}\n"));
}

/// What the broker saw of the SDK: a connection that it ended as it should.
fn assert_seen(broker: &Broker, way: &str) {
    let events: Vec<_> = broker.recorded().iter().map(|event| event.to_json()).collect();
    let of = |name: &str| {
        let (name, client) = (format!("\"{name}\""), format!("\"aws-sdk-{way}\""));
        events.iter().filter(|event| event.contains(&name) && event.contains(&client)).count()
    };
    for name in ["connected", "subscribed", "disconnect_received"] {
        assert_eq!(of(name), 1, "{name}: {events:#?}");
    }
}

fn tls(demands_client: bool) -> Tls {
    let certificates = Certificates::shared();
    let authority = demands_client.then_some(certificates.authority.as_bytes());
    let server = &certificates.server;
    Tls::from_pem(server.certificate.as_bytes(), server.key.as_bytes(), authority).unwrap()
}

/// What a client sends, out of TLS.
#[derive(Clone, Default)]
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    alpn: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Heard {
    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    fn alpn(&self) -> Option<Vec<u8>> {
        self.alpn.lock().unwrap().clone()
    }
}

/// TLS in front of a listener of the broker, that hears what passes; its port.
async fn front(behind: SocketAddr) -> (u16, Heard) {
    let certificates = Certificates::shared();
    let chain = CertificateDer::pem_slice_iter(certificates.server.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(certificates.server.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    config.alpn_protocols = vec![b"mqtt".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let hears = heard.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let stream = acceptor.accept(socket).await.unwrap();
            let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            *hears.alpn.lock().unwrap() = alpn;
            let (mut from_client, mut to_client) = tokio::io::split(stream);
            let server = TcpStream::connect(behind).await.unwrap();
            let (mut from_server, mut to_server) = server.into_split();
            let up = async {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    hears.bytes.lock().unwrap().extend_from_slice(bytes);
                    if to_server.write_all(bytes).await.is_err() {
                        break;
                    }
                }
                let _ = to_server.shutdown().await;
            };
            let down = async {
                let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
                let _ = to_client.shutdown().await;
            };
            tokio::join!(up, down);
        }
    });
    (port, heard)
}

#[tokio::test]
async fn by_certificate() {
    let Some(python) = python::with_aws_sdk() else { return };
    let broker = Broker::builder().bind_tls(ANY_PORT, tls(true)).start().await.unwrap();
    run(&python, "certificate", broker.tls_addr().unwrap().port()).await;
    assert_seen(&broker, "certificate");
}

#[tokio::test]
async fn by_a_signed_websocket() {
    let Some(python) = python::with_aws_sdk() else { return };
    let broker = Broker::builder().bind_websocket_tls(ANY_PORT, tls(false)).start().await.unwrap();
    run(&python, "websocket", broker.websocket_tls_addr().unwrap().port()).await;
    assert_seen(&broker, "websocket");

    let broker = Broker::builder().bind_websocket(ANY_PORT).start().await.unwrap();
    let (port, heard) = front(broker.websocket_addr().unwrap()).await;
    run(&python, "websocket", port).await;
    let request = String::from_utf8_lossy(&heard.bytes()).into_owned();
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let signed = sigv4::verify(target, header, "s3cret", "us-east-1").unwrap();
    assert_eq!(signed.access_key_id, "AKIDEXAMPLE");
    assert_eq!(signed.token.as_deref(), Some("to/ken+="));
}

#[tokio::test]
async fn by_a_custom_authorizer() {
    let Some(python) = python::with_aws_sdk() else { return };
    let broker = Broker::builder().bind_tls(ANY_PORT, tls(false)).start().await.unwrap();
    run(&python, "authorizer", broker.tls_addr().unwrap().port()).await;
    assert_seen(&broker, "authorizer");

    let broker = Broker::builder().bind_tcp(ANY_PORT).start().await.unwrap();
    let (port, heard) = front(broker.tcp_addr().unwrap()).await;
    run(&python, "authorizer", port).await;
    assert_eq!(heard.alpn().as_deref(), Some(b"mqtt".as_slice()));
    let connect = String::from_utf8_lossy(&heard.bytes()).into_owned();
    let username = "pump?x-amz-customauthorizer-name=Fleet\
                    &x-amz-customauthorizer-signature=c2ln%2B/%3D%3D&tok=t0ken&SDK=";
    assert!(connect.contains(username), "{connect}");
    assert!(connect.contains("\0\x04pass"), "{connect}");
}
