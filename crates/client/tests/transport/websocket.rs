//! WebSocket against a server of the same process.

use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::pin::Pin;

use evenkeel::transport::internals::{ConnectProgress, Opener, Transport};
use evenkeel::transport::{
    ConfigError, ConnectError, Endpoint, MemoryListener, StreamError, Subprotocol,
    TransportOptions, WebSocketError, WebSocketOptions,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use crate::support::websocket::{accept, accept_as, echo_messages};
use crate::support::{assert_echo, endpoint, open, serve, soon};

fn options(websocket: WebSocketOptions) -> TransportOptions {
    let mut options = TransportOptions::default();
    options.websocket = websocket;
    options
}

/// Opens a WebSocket to a server that does as told once the handshake is over.
async fn connect<F>(
    server: impl FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
) -> Transport
where
    F: Future<Output = ()> + Send,
{
    let port = serve(|stream| async move { server(accept(stream).await).await }).await;
    open(&format!("ws://127.0.0.1:{port}/mqtt"), TransportOptions::default()).await.unwrap()
}

/// Waits until the client has gone, so that nothing is reset under it.
async fn wait_for_end(mut server: WebSocketStream<TcpStream>) {
    while let Some(Ok(_)) = server.next().await {}
}

//= [MQTT-6.0.0-3] test
//= [MQTT311-6.0.0-3] test
#[tokio::test]
async fn the_handshake_asks_for_mqtt() {
    let (sender, request) = oneshot::channel();
    let port = serve(|stream| async move {
        let mut seen = None;
        let server = accept_as(stream, |request: &Request, response: &mut Response| {
            seen = Some((request.uri().to_string(), request.headers().clone()));
            response.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
        })
        .await;
        sender.send(seen.unwrap()).unwrap();
        wait_for_end(server).await;
    })
    .await;
    let websocket = WebSocketOptions::new()
        .path("/unused")
        .header("Authorization", "Bearer t")
        .header("X-Twice", "1")
        .header("X-Twice", "2");
    let url = format!("ws://127.0.0.1:{port}/a%20b/mqtt?x=%2F&y");
    let _stream = open(&url, options(websocket)).await.unwrap();
    let (target, headers) = soon(request).await.unwrap();
    assert_eq!(target, "/a%20b/mqtt?x=%2F&y");
    assert_eq!(headers["sec-websocket-protocol"], "mqtt");
    assert_eq!(headers["host"], format!("127.0.0.1:{port}"));
    assert_eq!(headers["authorization"], "Bearer t");
    let twice: Vec<_> = headers.get_all("x-twice").iter().collect();
    assert_eq!(twice, ["1", "2"]);
}

#[tokio::test]
async fn settings_of_the_handshake() {
    for (websocket, target, host, subprotocol) in [
        (WebSocketOptions::new(), "/", None, "mqtt"),
        (WebSocketOptions::new().path("/ws?k=v"), "/ws?k=v", None, "mqtt"),
        (WebSocketOptions::new().header("host", "a.example"), "/", Some("a.example"), "mqtt"),
        (WebSocketOptions::new().subprotocol(Subprotocol::MqttV31), "/", None, "mqttv3.1"),
    ] {
        let (sender, request) = oneshot::channel();
        let port = serve(move |stream| async move {
            let mut seen = None;
            let server = accept_as(stream, |request: &Request, response: &mut Response| {
                seen = Some((request.uri().to_string(), request.headers().clone()));
                let offered = request.headers()["sec-websocket-protocol"].clone();
                response.headers_mut().insert("sec-websocket-protocol", offered);
            })
            .await;
            sender.send(seen.unwrap()).unwrap();
            wait_for_end(server).await;
        })
        .await;
        let _stream = open(&format!("ws://127.0.0.1:{port}"), options(websocket)).await.unwrap();
        let (seen_target, headers) = soon(request).await.unwrap();
        assert_eq!(seen_target, target);
        assert_eq!(headers["sec-websocket-protocol"], subprotocol);
        let default_host = format!("127.0.0.1:{port}");
        let hosts: Vec<_> = headers.get_all("host").iter().collect();
        assert_eq!(hosts, [host.unwrap_or(&default_host)]);
    }
}

//= [MQTT-6.0.0-2] test
//= [MQTT311-6.0.0-2] test
#[tokio::test]
async fn frames_are_no_borders() {
    let mut stream = connect(|mut server| async move {
        let fragment = |bytes: &'static [u8], opcode, last| {
            Message::Frame(Frame::message(bytes, OpCode::Data(opcode), last))
        };
        for message in [
            // Packets split over frames, several packets in one, and frames with nothing.
            Message::binary(vec![1]),
            Message::binary(vec![2, 3, 4, 5]),
            Message::binary(vec![]),
            Message::Ping(vec![9].into()),
            // A message in three fragments.
            fragment(&[6], Data::Binary, false),
            fragment(&[7], Data::Continue, false),
            fragment(&[8], Data::Continue, true),
            Message::Pong(vec![9].into()),
            Message::binary(vec![9]),
        ] {
            server.send(message).await.unwrap();
        }
        wait_for_end(server).await;
    })
    .await;
    let mut received = [0; 9];
    soon(stream.read_exact(&mut received[..3])).await.unwrap();
    soon(stream.read_exact(&mut received[3..])).await.unwrap();
    assert_eq!(received, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

//= [MQTT-6.0.0-1] test
//= [MQTT311-6.0.0-1] test
#[tokio::test]
async fn each_write_is_one_binary_frame() {
    let (sender, frames) = oneshot::channel();
    let mut stream = connect(|mut server| async move {
        let mut lengths = Vec::new();
        while let Some(Ok(message)) = server.next().await {
            match message {
                Message::Binary(payload) => lengths.push(payload.len()),
                Message::Close(_) => break,
                message => panic!("{message:?}"),
            }
        }
        sender.send(lengths).unwrap();
    })
    .await;
    assert!(stream.is_write_vectored());
    soon(async {
        stream.write_all(&[1; 10]).await.unwrap();
        let parts = [IoSlice::new(&[1; 2]), IoSlice::new(&[]), IoSlice::new(&[1; 20])];
        let written = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &parts)).await;
        assert_eq!(written.unwrap(), 22);
        // The largest frame is full at the edge of a slice, and within one.
        let large = [IoSlice::new(&[1; 65_000]), IoSlice::new(&[1; 1_000])];
        let written = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &large)).await;
        assert_eq!(written.unwrap(), 65_535);
        assert_eq!(stream.write(&[]).await.unwrap(), 0);
        stream.write_all(&[1; 65_536]).await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    assert_eq!(soon(frames).await.unwrap(), [10, 22, 65_535, 65_535, 1]);
}

#[tokio::test]
async fn many_bytes_both_ways_at_once() {
    let mut stream = connect(echo_messages).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    assert_echo(&mut stream, &bytes).await;
}

#[tokio::test]
async fn pings_are_answered_within_reads() {
    let mut stream = connect(|mut server| async move {
        server.send(Message::Ping(vec![4, 2].into())).await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap(), Message::Pong(vec![4, 2].into()));
        server.send(Message::binary(vec![1])).await.unwrap();
        wait_for_end(server).await;
    })
    .await;
    assert_eq!(soon(stream.read_u8()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_close_frame_is_the_end_and_keeps_its_code() {
    let away = CloseFrame { code: CloseCode::Away, reason: "restart".into() };
    for (frame, code, reason, shown) in
        [(Some(away), 1001, "restart", "code 1001 (\"restart\")"), (None, 1005, "", "code 1005")]
    {
        let (sender, answer) = oneshot::channel();
        let mut stream = connect(|mut server| async move {
            server.send(Message::binary(vec![7])).await.unwrap();
            server.send(Message::Close(frame)).await.unwrap();
            sender.send(server.next().await).unwrap();
        })
        .await;
        assert_eq!(soon(stream.read_u8()).await.unwrap(), 7);
        assert_eq!(stream.websocket_close(), None);
        for _ in 0..2 {
            assert_eq!(soon(stream.read(&mut [0; 8])).await.unwrap(), 0);
        }
        let close = stream.websocket_close().unwrap();
        assert_eq!((close.code, close.reason.as_str()), (code, reason));
        assert_eq!(close.to_string(), shown);
        assert!(matches!(soon(answer).await.unwrap(), Some(Ok(Message::Close(_)))));

        let error = StreamError::from(stream.write_all(&[1]).await.unwrap_err());
        assert_eq!(error, StreamError::WebSocket(WebSocketError::Closed));
        assert_eq!(format!("{error:#}"), "the WebSocket is closed");
    }
}

#[tokio::test]
async fn an_end_without_close_frame_is_an_end() {
    let mut stream = connect(|mut server| async move {
        server.send(Message::binary(vec![7])).await.unwrap();
        server.get_mut().shutdown().await.unwrap();
        wait_for_end(server).await;
    })
    .await;
    let mut received = Vec::new();
    soon(stream.read_to_end(&mut received)).await.unwrap();
    assert_eq!(received, [7]);
    assert_eq!(stream.websocket_close(), None);
}

#[tokio::test]
async fn shutting_down_sends_a_close_frame() {
    let (sender, last) = oneshot::channel();
    let mut stream = connect(|mut server| async move {
        sender.send(server.next().await).unwrap();
    })
    .await;
    soon(stream.shutdown()).await.unwrap();
    assert!(matches!(soon(last).await.unwrap(), Some(Ok(Message::Close(_)))));
}

//= [MQTT-6.0.0-1] test
//= [MQTT311-6.0.0-1] test
#[tokio::test]
async fn text_frames_are_refused() {
    for bytes in [b"hello".as_slice(), b"\xff"] {
        let mut stream = connect(move |mut server| async move {
            let frame = Frame::message(bytes, OpCode::Data(Data::Text), true);
            server.send(Message::Frame(frame)).await.unwrap();
            wait_for_end(server).await;
        })
        .await;
        let error = StreamError::from(soon(stream.read(&mut [0; 8])).await.unwrap_err());
        assert_eq!(error, StreamError::WebSocket(WebSocketError::TextFrame));
        assert_eq!(
            format!("{error:#}"),
            "the server sent a WebSocket text frame; \
             check that path and port belong to an MQTT broker"
        );
    }
}

#[tokio::test]
async fn incoming_messages_are_bounded() {
    for (length, fits) in [(1000, true), (1001, false)] {
        let port = serve(move |stream| async move {
            let mut server = accept(stream).await;
            server.send(Message::binary(vec![1; length])).await.unwrap();
            wait_for_end(server).await;
        })
        .await;
        let websocket = WebSocketOptions::new().maximum_message_size(1000);
        let url = format!("ws://127.0.0.1:{port}");
        let mut stream = open(&url, options(websocket)).await.unwrap();
        let result = soon(stream.read_exact(&mut [0; 1000])).await.map_err(StreamError::from);
        if fits {
            assert_eq!(result, Ok(1000));
        } else {
            let error = result.unwrap_err();
            let limit = WebSocketError::MessageTooLarge { limit: 1000 };
            assert_eq!(error, StreamError::WebSocket(limit));
            assert_eq!(
                format!("{error:#}"),
                "the server sent a WebSocket message of more than 1000 bytes; \
                 raise the WebSocket message limit"
            );
        }
    }
}

#[tokio::test]
async fn a_broken_frame_is_an_error() {
    let mut stream = connect(|mut server| async move {
        // A reserved opcode.
        server.get_mut().write_all(&[0x83, 0]).await.unwrap();
        wait_for_end(server).await;
    })
    .await;
    let error = StreamError::from(soon(stream.read(&mut [0; 8])).await.unwrap_err());
    assert!(matches!(error, StreamError::WebSocket(WebSocketError::Protocol { .. })));
    assert_eq!(format!("{error:#}"), "WebSocket failed: Encountered invalid opcode: 3");
}

/// Opens a WebSocket to a server that answers every request with this text and ends.
async fn answered(answer: &'static str) -> ConnectError {
    let port = serve(move |mut stream| async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    })
    .await;
    open(&format!("ws://127.0.0.1:{port}/x"), TransportOptions::default()).await.unwrap_err()
}

#[tokio::test]
async fn refusals_are_explained() {
    for (answer, text) in [
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            "the server refused the WebSocket with HTTP status 401; \
             check the headers, token or signature that the server wants",
        ),
        (
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "the server refused the WebSocket with HTTP status 404; \
             check the path; many brokers serve MQTT at /mqtt or /ws",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            "the server refused the WebSocket with HTTP status 503; try again later",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 90\r\n\r\n",
            "the server refused the WebSocket with HTTP status 503 (Retry-After 90 s); \
             try again later",
        ),
        (
            "HTTP/1.1 429 Slow Down\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n\r\n",
            "the server refused the WebSocket with HTTP status 429 (Retry-After 30 s); \
             try again later",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: wss://b.example/mqtt\r\n\r\n",
            "the server redirects the WebSocket to \"wss://b.example/mqtt\" (HTTP 302); \
             connect to that address instead",
        ),
        (
            "hello\r\n\r\n",
            "the server's answer is no WebSocket handshake: \
             it does not begin with an HTTP status line; \
             check the port, and whether it wants ws:// or wss://",
        ),
        (
            "",
            "the server closed the connection during the WebSocket handshake; \
             check the port, and whether it wants ws:// or wss://",
        ),
    ] {
        let error = answered(answer).await;
        assert!(matches!(error, ConnectError::WebSocket(_)), "{error:?}");
        assert_eq!(format!("{error:#}"), text);
    }
    let status = |error| match error {
        ConnectError::WebSocket(WebSocketError::Refused { status, location: None, .. }) => status,
        error => panic!("{error:?}"),
    };
    assert_eq!(status(answered("HTTP/1.1 403 Forbidden\r\n\r\n").await), 403);
}

#[tokio::test]
async fn a_reset_in_the_handshake_is_explained() {
    // Closing with unread bytes is a reset.
    let port = serve(|stream| async move { stream.readable().await.unwrap() }).await;
    let result = open(&format!("ws://127.0.0.1:{port}"), TransportOptions::default()).await;
    let error = result.unwrap_err();
    let ConnectError::WebSocket(WebSocketError::Io(reason)) = &error else { panic!("{error:?}") };
    assert_eq!(
        format!("{error:#}"),
        format!(
            "the connection broke during the WebSocket handshake: {reason}; \
             check the port, and whether it wants ws:// or wss://"
        )
    );
}

//= [MQTT-6.0.0-4] test
//= [MQTT311-6.0.0-4] test
#[tokio::test]
async fn a_server_without_the_subprotocol_is_refused() {
    for answer in [None, Some("chat"), Some("mqttv3.1")] {
        let port = serve(move |stream| async move {
            let server = accept_as(stream, |_: &Request, response: &mut Response| {
                if let Some(answer) = answer {
                    response
                        .headers_mut()
                        .insert("sec-websocket-protocol", answer.parse().unwrap());
                }
            });
            wait_for_end(server.await).await;
        })
        .await;
        let result = open(&format!("ws://127.0.0.1:{port}"), TransportOptions::default()).await;
        let error = result.unwrap_err();
        let expected = WebSocketError::SubprotocolRefused { offered: "mqtt" };
        assert_eq!(error, ConnectError::WebSocket(expected));
        assert_eq!(
            format!("{error:#}"),
            "the WebSocket server did not agree to the subprotocol 'mqtt'; \
             check that path and port belong to an MQTT broker"
        );
    }
}

#[test]
fn settings_that_can_not_be_used() {
    let check = |websocket| {
        Opener::new(options(websocket)).check(&endpoint("ws://h")).unwrap_err().to_string()
    };
    let new = WebSocketOptions::new;
    for (websocket, text) in [
        (
            new().path("mqtt"),
            "the WebSocket path is not a valid HTTP path; \
             begin it with '/' and percent-encode the rest",
        ),
        (
            new().path("/a b"),
            "the WebSocket path is not a valid HTTP path; \
             begin it with '/' and percent-encode the rest",
        ),
        (
            new().header("X-A\r\nX-B", "1"),
            "a WebSocket header has a name that HTTP forbids; \
             a name has no blanks and ends at the ':', as in 'Authorization: Bearer ...'",
        ),
        (
            new().path("/x#y"),
            "the WebSocket path is not a valid HTTP path; \
             begin it with '/' and percent-encode the rest",
        ),
        (
            new().header("X-A", "s3cret\r\nX-B: 1"),
            "the WebSocket header 'X-A' has a value that HTTP forbids; \
             use visible ASCII characters and no line breaks",
        ),
        (
            new().header("Sec-WebSocket-Protocol", "mqtt"),
            "the WebSocket header 'Sec-WebSocket-Protocol' is set by the handshake itself; \
             use the subprotocol setting instead",
        ),
        (
            new().header("sec-websocket-extensions", "permessage-deflate"),
            "the WebSocket header 'sec-websocket-extensions' is set by the handshake itself; \
             remove it",
        ),
        (
            new().header("Upgrade", "h2c"),
            "the WebSocket header 'Upgrade' is set by the handshake itself; remove it",
        ),
    ] {
        assert_eq!(check(websocket), text);
    }
    let shown = format!("{:?}", new().header("Authorization", "s3cret").path("/x?s3cret"));
    assert!(shown.contains("Authorization") && !shown.contains("s3cret"), "{shown}");
    let endpoint = endpoint("wss://h/mqtt?sig=s3cret");
    assert_eq!(
        format!("{endpoint} {endpoint:?}"),
        "wss://h:443/mqtt?*** Endpoint(wss://h:443/mqtt?***)"
    );
    assert_eq!(Opener::default().check(&endpoint), Ok(()));
    let bad = Endpoint::memory(MemoryListener::new(1, 1).connector()).with_websocket("x");
    assert_eq!(Opener::default().check(&bad), Err(ConfigError::WebSocketPath));
}

#[tokio::test]
async fn websocket_over_memory() {
    let mut listener = MemoryListener::new(1 << 12, 1);
    let endpoint = Endpoint::memory(listener.connector()).with_websocket("/mqtt");
    tokio::spawn(async move { echo_messages(accept(listener.accept().await).await).await });
    let (opener, progress) = (Opener::default(), ConnectProgress::new());
    let mut stream = soon(opener.open(&endpoint, &progress)).await.unwrap();
    assert_echo(&mut stream, &[8; 300_000]).await;
}

/// What tungstenite has decoded but not given out must not be waited for at the socket.
#[tokio::test]
async fn readiness_knows_of_decoded_frames() {
    let mut stream = connect(|mut server| async move {
        server.feed(Message::binary(vec![1])).await.unwrap();
        server.feed(Message::binary(vec![2])).await.unwrap();
        server.flush().await.unwrap();
        wait_for_end(server).await;
    })
    .await;
    for byte in [1, 2] {
        soon(poll_fn(|cx| stream.poll_read_ready(cx))).await.unwrap();
        assert_eq!(soon(stream.read_u8()).await.unwrap(), byte);
    }
}
