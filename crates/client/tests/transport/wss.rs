//! WebSocket over TLS.

use evenkeel::tls::{TlsError, TlsOptions};
use evenkeel::transport::{ConnectError, TransportOptions, WebSocketError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::tls::{Authority, Server, server_config};
use crate::support::websocket::{accept, echo_messages};
use crate::support::{assert_echo, open};

fn options(tls: TlsOptions) -> TransportOptions {
    let mut options = TransportOptions::default();
    options.tls = tls;
    options
}

#[tokio::test]
async fn wss_carries_bytes() {
    let authority = Authority::new();
    let config = server_config(&authority.server(&["localhost"]));
    let server = Server::start_once(config, |stream| async move {
        echo_messages(accept(stream).await).await;
    })
    .await;
    let url = format!("wss://localhost:{}/mqtt", server.port);
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let mut stream = open(&url, options(tls)).await.unwrap();
    assert_echo(&mut stream, &[6; 500_000]).await;
    assert!(stream.tls_session().is_some());
    assert!(stream.addresses().is_some());
}

#[tokio::test]
async fn an_unknown_authority_fails_in_tls_not_in_the_websocket() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Server::start(server_config(&theirs.server(&["localhost"]))).await;
    let url = format!("wss://localhost:{}", server.port);
    let error = open(&url, options(TlsOptions::new().ca_bytes(ours.pem()))).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls(TlsError::CertificateRejected(_))), "{error:?}");
}

/// The alert of a TLS 1.3 server comes only when the WebSocket handshake is already under way.
#[tokio::test]
async fn a_missing_client_certificate_is_no_fault_of_the_websocket() {
    let authority = Authority::new();
    let server = Server::start_with_clients(&authority).await;
    let url = format!("wss://localhost:{}", server.port);
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let error = open(&url, options(tls)).await.unwrap_err();
    assert_eq!(error, ConnectError::Tls(TlsError::AlertReceived { code: 116 }));
}

#[tokio::test]
async fn a_server_may_end_tls_instead_of_answering() {
    let authority = Authority::new();
    for polite in [true, false] {
        let config = server_config(&authority.server(&["localhost"]));
        let server = Server::start_once(config, move |mut stream| async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            if polite {
                stream.shutdown().await.unwrap();
            }
        })
        .await;
        let url = format!("wss://localhost:{}", server.port);
        let tls = TlsOptions::new().ca_bytes(authority.pem());
        let error = open(&url, options(tls)).await.unwrap_err();
        assert_eq!(error, ConnectError::WebSocket(WebSocketError::ClosedInHandshake));
    }
}
