//! WebSocket over TLS.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use evenkeel::tls::{TlsError, TlsOptions};
use evenkeel::transport::internals::Transport;
use evenkeel::transport::{ConnectError, TransportOptions, WebSocketError};
use futures_util::SinkExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::support::tls::{Authority, Server, server_config};
use crate::support::websocket::{accept, echo_messages};
use crate::support::{assert_echo, open, spin};

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

/// Reads up to 16 bytes, as the given method does.
fn read_once(
    stream: &mut Transport,
    poll_read: impl FnOnce(
        Pin<&mut Transport>,
        &mut Context<'_>,
        &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>>,
) -> Poll<Vec<u8>> {
    let mut storage = [0; 16];
    let mut buffer = ReadBuf::new(&mut storage);
    let polled = poll_read(Pin::new(stream), &mut Context::from_waker(Waker::noop()), &mut buffer);
    polled.map(|result| {
        result.unwrap();
        buffer.filled().to_vec()
    })
}

/// Below TLS and WebSocket, too, a thorough read asks the operating system (K9). The server is in
/// another thread, so that this thread's reactor can be kept from seeing what it sends.
#[tokio::test]
async fn a_thorough_read_reaches_through_the_layers() {
    let authority = Authority::new();
    let config = server_config(&authority.server(&["localhost"]));
    let (port_sender, port) = mpsc::channel();
    let (told, tell) = mpsc::channel::<()>();
    let (done_sender, done) = mpsc::channel();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (sender, opened) = tokio::sync::oneshot::channel();
            let server = Server::start_once(config, |stream| async move {
                sender.send(accept(stream).await).ok();
            })
            .await;
            port_sender.send(server.port).unwrap();
            let mut socket = opened.await.unwrap();
            tell.recv().unwrap();
            socket.send(Message::binary(b"late".as_slice())).await.unwrap();
            done_sender.send(()).unwrap();
            tell.recv().unwrap();
        });
    });
    let url = format!("wss://localhost:{}", port.recv().unwrap());
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let mut stream = open(&url, options(tls)).await.unwrap();
    assert_eq!(read_once(&mut stream, Transport::poll_read_thoroughly), Poll::Pending);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stream.poll_read_ready(&mut cx).is_pending());

    told.send(()).unwrap();
    done.recv().unwrap();
    let late = spin(|| {
        assert_eq!(read_once(&mut stream, AsyncRead::poll_read), Poll::Pending);
        read_once(&mut stream, Transport::poll_read_thoroughly)
    });
    assert_eq!(late, b"late");

    told.send(()).unwrap();
    server.join().unwrap();
    // The server is gone: the end makes the stream ready, and is read as one.
    poll_fn(|cx| stream.poll_read_ready(cx)).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}
