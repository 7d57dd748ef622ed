//! What is told about a transport that fails, in the report and by `online`.

use evenkeel::{ConnectError, Event, Reconnect, Report};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::*;

/// The report of the first end, and what `online` says.
async fn failure(builder: ClientBuilder) -> (Report, ConnectError) {
    let client = builder.reconnect(Reconnect::never()).start().unwrap();
    let mut events = client.events();
    let error = within_20_s(client.online()).await.unwrap_err();
    loop {
        let report = within_20_s(events.recv()).await.unwrap();
        if matches!(report.event, Event::Disconnected { .. }) {
            return (report, error);
        }
    }
}

/// The words of the transport, which both tell.
async fn words(builder: ClientBuilder) -> String {
    let (report, error) = failure(builder).await;
    let words = report.error.unwrap().to_string();
    assert_eq!(error.to_string(), words);
    words
}

/// A server that answers whatever comes with these bytes, and closes.
async fn answering(bytes: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(bytes).await.unwrap();
    });
    address
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let words = words(Client::builder(format!("mqtt://{address}"))).await;
    assert!(words.contains(&address.to_string()) && words.contains("refused"), "{words}");
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[tokio::test]
async fn a_server_that_speaks_no_tls() {
    let address = answering(b"I speak no TLS\r\n").await;
    let words = words(Client::builder(format!("mqtts://{address}"))).await;
    assert!(words.contains("TLS"), "{words}");
}

#[cfg(feature = "websocket")]
#[tokio::test]
async fn a_web_server_without_mqtt() {
    let address = answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    let words = words(Client::builder(format!("ws://{address}/mqtt"))).await;
    assert!(words.contains("404"), "{words}");
}

#[tokio::test]
async fn a_server_that_speaks_no_mqtt() {
    let address = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let (report, error) = failure(Client::builder(format!("mqtt://{address}"))).await;
    assert_eq!(report.error, None, "the transport is innocent");
    let error = error.to_string();
    assert!(error.starts_with("the server sent a bad packet: "), "{error}");
}

#[tokio::test]
async fn a_socket_that_is_not_there() {
    let words = words(Client::builder("mqtt+unix:///nowhere/mqtt.sock")).await;
    assert!(words.contains("/nowhere/mqtt.sock"), "{words}");
}

#[tokio::test]
async fn a_connection_that_is_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder(format!("mqtt://{}", listener.local_addr().unwrap()));
    let client = client.reconnect(Reconnect::never()).start().unwrap();
    let (stream, _) = within_20_s(listener.accept()).await.unwrap();
    // Makes the close a reset.
    socket2::SockRef::from(&stream).set_linger(Some(secs(0))).unwrap();
    drop(stream);
    let error = within_20_s(client.online()).await.unwrap_err().to_string();
    assert!(error.contains("reset"), "{error}");
}
