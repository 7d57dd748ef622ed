//! In-memory pairs and user-supplied streams.

use std::io;

use evenkeel::transport::internals::{ConnectProgress, Opener};
use evenkeel::transport::{
    ConnectError, Endpoint, MemoryListener, Proxy, StreamError, TransportOptions,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{assert_echo, echo, soon};

async fn open(
    endpoint: &Endpoint,
) -> Result<evenkeel::transport::internals::Transport, ConnectError> {
    soon(Opener::default().open(endpoint, &ConnectProgress::new())).await
}

#[tokio::test]
async fn an_in_memory_pair_carries_bytes_both_ways() {
    let mut listener = MemoryListener::new(64, 1);
    let endpoint = Endpoint::memory(listener.connector());
    let mut stream = open(&endpoint).await.unwrap();
    let server = listener.accept().await;
    tokio::spawn(echo(server));
    assert_echo(&mut stream, &[7; 1000]).await;
    assert_eq!(stream.addresses(), None);
    assert_eq!(endpoint.to_string(), "mqtt+memory");
}

#[tokio::test]
async fn dropping_either_end_ends_the_other() {
    let mut listener = MemoryListener::new(64, 1);
    let mut stream = open(&Endpoint::memory(listener.connector())).await.unwrap();
    drop(listener.accept().await);
    assert_eq!(soon(stream.read(&mut [0; 1])).await.unwrap(), 0);
    let error = soon(stream.write_all(&[0])).await.unwrap_err();
    let StreamError::Io(error) = StreamError::from(error) else { panic!("not an I/O error") };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);

    let stream = open(&Endpoint::memory(listener.connector())).await.unwrap();
    let mut server = listener.accept().await;
    drop(stream);
    assert_eq!(soon(server.read(&mut [0; 1])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_backlog_and_a_dropped_listener_refuse() {
    let mut listener = MemoryListener::new(64, 2);
    let endpoint = Endpoint::memory(listener.connector());
    let _first = open(&endpoint).await.unwrap();
    let _second = open(&endpoint).await.unwrap();
    let text = "cannot open in-memory server: connection refused; \
                check the port, and that the broker listens";
    assert_eq!(format!("{:#}", open(&endpoint).await.unwrap_err()), text);
    listener.accept().await;
    let _third = open(&endpoint).await.unwrap();
    drop(listener);
    assert_eq!(format!("{:#}", open(&endpoint).await.unwrap_err()), text);
}

#[tokio::test]
async fn a_user_supplied_stream_carries_bytes() {
    let endpoint = Endpoint::custom(|| async {
        let (near, far) = tokio::io::duplex(64);
        tokio::spawn(echo(far));
        Ok(near)
    });
    // Twice, as a connection that breaks needs a second stream.
    for _ in 0..2 {
        let mut stream = open(&endpoint).await.unwrap();
        assert_echo(&mut stream, b"hello").await;
    }
    assert_eq!(format!("{endpoint:?}"), "Endpoint(mqtt+custom)");
}

#[tokio::test]
async fn a_user_supplied_stream_may_fail_to_open() {
    let endpoint = Endpoint::custom(|| async {
        Err::<tokio::io::DuplexStream, _>(io::Error::other("the modem is off"))
    });
    let error = open(&endpoint).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "cannot open user-supplied stream: the modem is off");
    assert!(matches!(error, ConnectError::Stream { .. }));
}

#[tokio::test]
async fn a_proxy_is_refused_where_no_network_is() {
    let mut options = TransportOptions::default();
    options.proxy = Some(Proxy::parse("socks5h://127.0.0.1").unwrap());
    let opener = Opener::new(options);
    let endpoint = Endpoint::memory(MemoryListener::new(1, 1).connector());
    assert_eq!(
        opener.check(&endpoint).unwrap_err().to_string(),
        "a proxy can't reach a Unix socket or a stream of this process; \
         remove the proxy, or use a network URL"
    );
}
