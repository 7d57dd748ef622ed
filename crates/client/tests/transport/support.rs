//! Servers and shorthands that several modules need.

#[cfg(all(feature = "aws", any(feature = "ring", feature = "aws-lc-rs")))]
pub(crate) mod sigv4;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
pub(crate) mod tls;
#[cfg(feature = "websocket")]
pub(crate) mod websocket;

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use evenkeel::transport::internals::{ConnectProgress, Opener, Transport};
use evenkeel::transport::{ConnectError, Endpoint, TransportOptions};
use evenkeel::url::ServerUrl;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bounds what should be instant, so that a hanging test fails.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("nothing happened for 20 s")
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint::from(ServerUrl::parse(url).unwrap())
}

/// Opens a URL with these options.
pub(crate) async fn open(url: &str, options: TransportOptions) -> Result<Transport, ConnectError> {
    let opener = Opener::new(options);
    soon(opener.open(&endpoint(url), &ConnectProgress::new())).await
}

/// Serves one connection by `serve` and returns the port.
pub(crate) async fn serve<F>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    port
}

/// A port on which nothing listens.
pub(crate) async fn refusing_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Sends everything back until the peer ends.
pub(crate) async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..length]).await.unwrap();
        stream.flush().await.unwrap();
    }
}

/// Sends `bytes` and expects them back.
pub(crate) async fn assert_echo(stream: &mut Transport, bytes: &[u8]) {
    soon(async {
        let (mut read, mut write) = tokio::io::split(stream);
        let sending = async {
            write.write_all(bytes).await.unwrap();
            write.flush().await.unwrap();
        };
        let mut received = vec![0; bytes.len()];
        let (_, result) = tokio::join!(sending, read.read_exact(&mut received));
        result.unwrap();
        assert!(received == bytes, "other bytes came back");
    })
    .await;
}

/// Polls until something comes, without ever giving the thread back to tokio, so that its reactor
/// can't see what arrives. Sleeps between the polls, as the operating system may need a moment to
/// deliver what the other side has written.
pub(crate) fn spin<T>(mut poll: impl FnMut() -> Poll<T>) -> T {
    for _ in 0..20_000 {
        if let Poll::Ready(value) = poll() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("nothing came for 20 s");
}
