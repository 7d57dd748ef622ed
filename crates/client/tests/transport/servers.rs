//! Servers and addresses in turn (R10), with real sockets and the real clock.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use evenkeel::transport::TcpOptions;
use evenkeel::{Client, ClientBuilder, Credentials, ReasonCode, Reconnect, State};
use evenkeel_codec::{ConnAck, Decoder, Packet, Property, Text};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::soon;

/// What a scripted server does with each connection.
#[derive(Clone)]
enum Manner {
    /// Takes TCP and says nothing.
    Silent,
    /// Closes once CONNECT has come.
    Closes,
    /// Answers with this code.
    Says(ReasonCode),
    /// The same, and names other servers.
    Names(String),
    /// Refuses all passwords but this one.
    Wants(&'static str),
    Accepts,
}

/// A scripted server that counts the CONNECT packets it gets.
struct Scripted {
    address: SocketAddr,
    connects: Arc<AtomicUsize>,
}

impl Scripted {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connects = Arc::new(AtomicUsize::new(0));
        let counted = connects.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(behave(stream, manner.clone(), counted.clone()));
            }
        });
        Self { address, connects }
    }

    fn connects(&self) -> usize {
        self.connects.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }
}

async fn behave(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    manner: Manner,
    connects: Arc<AtomicUsize>,
) {
    let (mut decoder, mut buffer) = (Decoder::for_server(u32::MAX), BytesMut::new());
    loop {
        while let Some(packet) = decoder.decode(&mut buffer).unwrap() {
            let Packet::Connect(connect) = packet else { continue };
            connects.fetch_add(1, Ordering::SeqCst);
            let mut connack = ConnAck::default();
            match &manner {
                Manner::Silent => continue,
                Manner::Closes => return,
                Manner::Says(reason) => connack.reason = *reason,
                Manner::Names(others) => {
                    connack.reason = ReasonCode::USE_ANOTHER_SERVER;
                    let others = Text::try_from(others.as_str()).unwrap();
                    connack.properties.push(Property::ServerReference(others));
                }
                Manner::Wants(password) => {
                    if connect.password.as_deref() != Some(password.as_bytes()) {
                        connack.reason = ReasonCode::NOT_AUTHORIZED;
                    }
                }
                Manner::Accepts => {}
            }
            connack.wire_code = connack.reason.0;
            let refused = connack.reason.is_error();
            let mut bytes = Vec::new();
            Packet::ConnAck(connack).encode(connect.version, &mut bytes).unwrap();
            stream.write_all(&bytes).await.unwrap();
            if refused {
                return;
            }
        }
        if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
            return;
        }
    }
}

/// A name that has these addresses, in this order.
fn named(servers: &[&Scripted]) -> ClientBuilder {
    let addresses = servers.iter().map(|server| server.address);
    quick(Client::builder("mqtt://broker.test"))
        .tcp(TcpOptions::new().resolve_to("Broker.Test", addresses))
}

/// With delays fit for the real clock. Nothing that is tested lasts so long but silence.
fn quick(builder: ClientBuilder) -> ClientBuilder {
    let mut policy = Reconnect::default();
    policy.base = Duration::from_millis(20);
    policy.cap = Duration::from_millis(40);
    builder.reconnect(policy).connect_timeout(Duration::from_secs(2)).version(evenkeel::Version::V5)
}

fn bad_manners() -> Vec<Manner> {
    vec![
        Manner::Silent,
        Manner::Closes,
        Manner::Says(ReasonCode::SERVER_UNAVAILABLE),
        Manner::Says(ReasonCode::NOT_AUTHORIZED),
        Manner::Says(ReasonCode::BANNED),
        Manner::Says(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION),
    ]
}

#[tokio::test]
async fn the_next_address_of_a_name_is_used_after_one_failure_above_tcp() {
    for manner in bad_manners() {
        let (bad, good) = (Scripted::start(manner).await, Scripted::start(Manner::Accepts).await);
        let client = named(&[&bad, &good]).start().unwrap();
        soon(client.online()).await.unwrap();
        assert_eq!((bad.connects(), good.connects()), (1, 1));
        // What failed is remembered, whoever takes TCP first.
        for again in 2..5 {
            client.reconnect();
            soon(async {
                while good.connects() < again {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
            soon(client.online()).await.unwrap();
        }
        assert_eq!(bad.connects(), 1);
    }
}

#[tokio::test]
async fn the_client_halts_once_every_address_has_refused() {
    let refusing = || Scripted::start(Manner::Says(ReasonCode::NOT_AUTHORIZED));
    let servers = [refusing().await, refusing().await, refusing().await];
    let client = named(&servers.each_ref()).start().unwrap();
    assert!(soon(client.online()).await.is_err());
    assert!(matches!(client.state(), State::Halted { .. }));
    assert_eq!(servers.map(|server| server.connects()), [1, 1, 1]);
}

#[tokio::test]
async fn the_next_server_of_the_list_is_used_after_one_failure() {
    for manner in bad_manners() {
        let (bad, good) = (Scripted::start(manner).await, Scripted::start(Manner::Accepts).await);
        let client = quick(Client::builder(bad.url()).server(good.url())).start().unwrap();
        soon(client.online()).await.unwrap();
        assert_eq!((bad.connects(), good.connects()), (1, 1));
    }
}

#[tokio::test]
async fn the_next_host_of_a_server_reference_is_used_after_one_failure() {
    for manner in bad_manners() {
        let (bad, good) = (Scripted::start(manner).await, Scripted::start(Manner::Accepts).await);
        let names = Manner::Names(format!("{} {}", bad.address, good.address));
        let first = Scripted::start(names).await;
        let client = quick(Client::builder(first.url())).start().unwrap();
        soon(client.online()).await.unwrap();
        assert_eq!((first.connects(), bad.connects(), good.connects()), (1, 1, 1));
    }
}

/// The token is renewed while the client tries a server that is down.
#[tokio::test]
async fn a_server_that_refused_is_asked_again_with_other_credentials() {
    let wants = Scripted::start(Manner::Wants("new")).await;
    let down = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let asked = Arc::new(Mutex::new(0));
    let hook = asked.clone();
    let client = quick(Client::builder(wants.url()).server(format!("mqtt://{down}")))
        .credentials(move || {
            let mut asked = hook.lock().unwrap();
            *asked += 1;
            let password = if *asked < 4 { "old" } else { "new" };
            std::future::ready(Ok(Credentials::new("me", password)))
        })
        .start()
        .unwrap();
    soon(client.online()).await.unwrap();
    assert_eq!(wants.connects(), 2, "not with the old one again");
    let asked = *asked.lock().unwrap();
    assert!((4..=5).contains(&asked), "as soon as the hook answers otherwise: {asked}");
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tls {
    use evenkeel::tls::TlsOptions;
    use tokio_rustls::TlsAcceptor;

    use crate::support::tls::{Authority, Identity, server_config};

    use super::*;

    async fn start(identity: &Identity, manner: Manner) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connects = Arc::new(AtomicUsize::new(0));
        let counted = connects.clone();
        let acceptor = TlsAcceptor::from(Arc::new(server_config(identity)));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A handshake that fails is what is tested.
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(behave(stream, manner.clone(), counted.clone()));
                }
            }
        });
        Scripted { address, connects }
    }

    /// An old node beside a good one.
    #[tokio::test]
    async fn a_bad_certificate_at_one_address_is_not_that_of_all() {
        let (ours, theirs) = (Authority::new(), Authority::new());
        let bad = start(&theirs.server(&["broker.test"]), Manner::Accepts).await;
        let good = start(&ours.server(&["broker.test"]), Manner::Accepts).await;
        let addresses = [bad.address, good.address];
        let client = quick(Client::builder("mqtts://broker.test"))
            .tcp(TcpOptions::new().resolve_to("broker.test", addresses))
            .tls(TlsOptions::new().ca_bytes(ours.pem()))
            .start()
            .unwrap();
        soon(client.online()).await.unwrap();
        assert_eq!((bad.connects(), good.connects()), (0, 1));
    }

    /// The name that the user expects is that of the configured server. A
    /// server that was named by it has to prove its own.
    #[tokio::test]
    async fn a_host_that_a_server_names_is_verified_by_its_own_name() {
        let ca = Authority::new();
        let secret = Manner::Wants("secret");
        let other = start(&ca.server(&["expected.test"]), secret.clone()).await;
        let right = start(&ca.server(&["named.test"]), secret).await;
        let names =
            format!("named.test:{} named.test:{}", other.address.port(), right.address.port());
        let first = start(&ca.server(&["expected.test"]), Manner::Names(names)).await;
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let client = quick(Client::builder(format!("mqtts://{}", first.address)))
            .tcp(TcpOptions::new().resolve_to("named.test", [local]))
            .tls(TlsOptions::new().ca_bytes(ca.pem()).server_name("expected.test"))
            .username("me")
            .password("secret")
            .start()
            .unwrap();
        soon(client.online()).await.unwrap();
        assert_eq!((first.connects(), other.connects(), right.connects()), (1, 0, 1));
    }

    /// No CONNECT, and so no password, goes to a host named by a TLS server but
    /// over TLS.
    #[tokio::test]
    async fn a_host_that_a_tls_server_names_gets_no_password_without_tls() {
        let ca = Authority::new();
        let plain = Scripted::start(Manner::Accepts).await;
        let first =
            start(&ca.server(&["127.0.0.1"]), Manner::Names(plain.address.to_string())).await;
        let client = quick(Client::builder(format!("mqtts://{}", first.address)))
            .tls(TlsOptions::new().ca_bytes(ca.pem()))
            .username("me")
            .password("secret")
            .start()
            .unwrap();
        soon(async {
            while first.connects() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(plain.connects(), 0);
        assert!(!client.state().is_online());
    }
}
