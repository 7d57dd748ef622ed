//! Answers to a WebSocket handshake, legal and illegal (RFC 6455, section 4; RFC 9110, section 5.6).

use std::time::Duration;

use evenkeel::transport::internals::Transport;
use evenkeel::transport::{
    ConnectError, StreamError, TransportOptions, WebSocketError, WebSocketOptions,
};
use evenkeel::{Client, Reconnect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::support::{endpoint, open, serve, soon};

/// A binary frame with one byte.
const FRAME: &[u8] = &[0x82, 1, 7];

/// Reads a request, and returns the answer's key.
async fn accept(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    derive_accept_key(key.unwrap().as_bytes())
}

/// Opens a WebSocket to a server that answers with these lines, `KEY` being the right key, and a
/// frame in the same write.
async fn answered(lines: &[&str], line_end: &str) -> Result<Transport, ConnectError> {
    let answer = [lines, &["", ""]].concat().join(line_end);
    let port = serve(|mut stream| async move {
        let answer = answer.replace("KEY", &accept(&mut stream).await);
        stream.write_all(&[answer.as_bytes(), FRAME].concat()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    })
    .await;
    open(&format!("ws://127.0.0.1:{port}/mqtt"), TransportOptions::default()).await
}

const STATUS: &str = "HTTP/1.1 101 Switching Protocols";
const UPGRADE: &str = "Upgrade: websocket";
const CONNECTION: &str = "Connection: Upgrade";
const ACCEPT: &str = "Sec-WebSocket-Accept: KEY";
const PROTOCOL: &str = "Sec-WebSocket-Protocol: mqtt";

#[tokio::test]
async fn every_legal_answer_opens_the_websocket() {
    let long = format!("X-Long: {}", "y".repeat(60_000));
    for lines in [
        &[STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL][..],
        // Lists of tokens, in any case, over several lines, with blanks and empty elements.
        &[STATUS, UPGRADE, "Connection: keep-alive, Upgrade", ACCEPT, PROTOCOL],
        &[STATUS, UPGRADE, "Connection:upgrade,keep-alive", ACCEPT, PROTOCOL],
        &[STATUS, UPGRADE, "Connection: keep-alive", "Connection: UPGRADE", ACCEPT, PROTOCOL],
        &[STATUS, UPGRADE, "Connection: , \t,Upgrade ,", ACCEPT, PROTOCOL],
        &[STATUS, "UPGRADE:   WebSocket\t", CONNECTION, ACCEPT, PROTOCOL],
        &[STATUS, UPGRADE, "Upgrade: WEBSOCKET", CONNECTION, ACCEPT, PROTOCOL],
        &[STATUS, UPGRADE, CONNECTION, "sec-websocket-accept:\tKEY  ", PROTOCOL],
        &[STATUS, UPGRADE, CONNECTION, ACCEPT, "sec-websocket-protocol:  mqtt "],
        &[STATUS, UPGRADE, CONNECTION, ACCEPT, "Sec-WebSocket-Protocol:", " mqtt"],
        // No extension is none.
        &[STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL, "Sec-WebSocket-Extensions: ,"],
        &["HTTP/1.1 101", UPGRADE, CONNECTION, ACCEPT, PROTOCOL],
        &["HTTP/1.1 101 ", "Set-Cookie: a=b, c", UPGRADE, CONNECTION, ACCEPT, PROTOCOL],
        &[STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL, &long],
        // Words on the way.
        &["HTTP/1.1 100 Continue", "", STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL],
        &["HTTP/1.1 103", "Link: x", "", STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL],
    ] {
        for line_end in ["\r\n", "\n"] {
            let mut stream = answered(lines, line_end).await.expect(lines[2]);
            assert_eq!(soon(stream.read_u8()).await.unwrap(), 7, "{lines:?}");
        }
    }
}

#[tokio::test]
async fn every_illegal_answer_says_what_is_wrong() {
    let too_long = format!("X-Long: {}", "y".repeat(70_000));
    let upgrade = "its Upgrade is not 'websocket'";
    let connection = "its Connection does not name Upgrade";
    let accept = "its Sec-WebSocket-Accept does not fit the request";
    let extensions = "it has extensions that were not asked for";
    for (lines, detail) in [
        (&[STATUS, CONNECTION, ACCEPT, PROTOCOL][..], upgrade),
        (&[STATUS, "Upgrade: h2c", CONNECTION, ACCEPT, PROTOCOL], upgrade),
        (&[STATUS, UPGRADE, "Upgrade: h2c", CONNECTION, ACCEPT, PROTOCOL], upgrade),
        (&[STATUS, "Upgrade: websockets", CONNECTION, ACCEPT, PROTOCOL], upgrade),
        (&[STATUS, UPGRADE, ACCEPT, PROTOCOL], connection),
        (&[STATUS, UPGRADE, "Connection: keep-alive", ACCEPT, PROTOCOL], connection),
        (&[STATUS, UPGRADE, "Connection: keep-alive Upgrade", ACCEPT, PROTOCOL], connection),
        (&[STATUS, UPGRADE, "Connection: Upgrades", ACCEPT, PROTOCOL], connection),
        (&[STATUS, UPGRADE, CONNECTION, PROTOCOL], accept),
        (&[STATUS, UPGRADE, CONNECTION, "Sec-WebSocket-Accept: key", PROTOCOL], accept),
        (&[STATUS, UPGRADE, CONNECTION, ACCEPT, "Sec-WebSocket-Accept: x", PROTOCOL], accept),
        (
            &[STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL, "sec-websocket-extensions: x; y=1"],
            extensions,
        ),
        (&["HTTP/1.0 101 x", UPGRADE, CONNECTION, ACCEPT, PROTOCOL], "it is HTTP 1.0"),
        (&[STATUS, "no header"], "a header has no name"),
        (&[STATUS, "A: b\0c"], "a header has a control character"),
        (&["mqtt"], "it does not begin with an HTTP status line"),
        (&[STATUS, &too_long], "its head has more than 64 KiB"),
    ] {
        let error = answered(lines, "\r\n").await.expect_err(detail);
        let expected = WebSocketError::NotWebSocket { detail: detail.to_owned() };
        assert_eq!(error, ConnectError::WebSocket(expected), "{lines:?}");
        assert_eq!(
            format!("{error:#}"),
            format!(
                "the server's answer is no WebSocket handshake: {detail}; \
                 check the port, and whether it wants ws:// or wss://"
            )
        );
    }
}

//= [MQTT-6.0.0-4] test
//= [MQTT311-6.0.0-4] test
#[tokio::test]
async fn the_subprotocol_is_the_one_that_was_offered() {
    for protocol in [
        "X: mqtt",
        "Sec-WebSocket-Protocol:",
        "Sec-WebSocket-Protocol: chat",
        "Sec-WebSocket-Protocol: MQTT",
        "Sec-WebSocket-Protocol: mqttv3.1",
        "Sec-WebSocket-Protocol: mqtt, chat",
    ] {
        let lines = [STATUS, UPGRADE, CONNECTION, ACCEPT, protocol];
        let error = answered(&lines, "\r\n").await.expect_err(protocol);
        let expected = WebSocketError::SubprotocolRefused { offered: "mqtt" };
        assert_eq!(error, ConnectError::WebSocket(expected), "{protocol}");
    }
}

/// Proxies refuse in HTTP 1.0.
#[tokio::test]
async fn a_refusal_is_one_in_every_version_of_http() {
    for (status, expected) in [
        ("HTTP/1.0 503 Service Unavailable", 503),
        ("HTTP/1.1 403 Forbidden", 403),
        ("HTTP/1.1 200 OK", 200),
        ("HTTP/1.1 426", 426),
    ] {
        let error = answered(&[status, "Content-Length: 3"], "\n").await.expect_err(status);
        let ConnectError::WebSocket(WebSocketError::Refused { status, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(status, expected);
    }
}

/// S1: what a redirect names is shown without its secrets.
#[tokio::test]
async fn a_redirect_loses_its_secrets() {
    for (location, shown) in [
        ("wss://b.example/mqtt", "wss://b.example/mqtt"),
        ("wss://anna:s3cret@b.example/mqtt?sig=s3cret#s3cret", "wss://***@b.example/mqtt?***"),
        ("/login?token=s3cret", "/login?***"),
        ("/login#s3cret", "/login#***"),
    ] {
        let lines = ["HTTP/1.1 302 Found", &format!("Location: {location}")];
        let error = answered(&lines, "\r\n").await.expect_err(location);
        assert_eq!(
            format!("{error:#}"),
            format!(
                "the server redirects the WebSocket to {shown:?} (HTTP 302); \
                 connect to that address instead"
            )
        );
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    let endless = format!("Location: /{}", "x".repeat(5000));
    let error = answered(&["HTTP/1.1 302", &endless], "\r\n").await.unwrap_err();
    assert!(format!("{error:#}").len() < 400, "{error}");
}

/// A server that sends frames without content, and nothing else, as fast as it can.
#[tokio::test]
async fn endless_frames_without_content_are_bounded() {
    for frame in [
        &[0x82, 0][..],
        &[0x89, 0],
        &[0x89, 2, 1, 2],
        &[0x8a, 0],
        // The library joins fragments without a word.
        &[0, 0],
    ] {
        let port = serve(move |mut stream| async move {
            let key = accept(&mut stream).await;
            let answer = [STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL, "", ""].join("\r\n");
            let begin: &[u8] = if frame[0] == 0 { &[2, 1, 7] } else { FRAME };
            let answer = [answer.replace("KEY", &key).as_bytes(), begin].concat();
            stream.write_all(&answer).await.unwrap();
            // The client is there.
            stream.read_u8().await.unwrap();
            let many = frame.repeat(1000);
            while stream.write_all(&many).await.is_ok() {}
        })
        .await;
        let url = format!("ws://127.0.0.1:{port}/mqtt");
        let mut stream = open(&url, TransportOptions::default()).await.unwrap();
        stream.write_all(&[1]).await.unwrap();
        stream.flush().await.unwrap();
        let mut bytes = Vec::new();
        let error = soon(stream.read_to_end(&mut bytes)).await.expect_err("a flood");
        let error = StreamError::from(error);
        assert_eq!(error, StreamError::WebSocket(WebSocketError::Flood { frames: 1000 }));
        assert_eq!(
            format!("{error:#}"),
            "the server sent more than 1000 WebSocket frames in a row without content; \
             check that path and port belong to an MQTT broker"
        );
    }
}

#[tokio::test]
async fn headers_of_the_endpoint_take_the_place_of_those_of_the_settings() {
    let port = serve(|mut stream| async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        // The answer is the request, as far as it says what came.
        let request = String::from_utf8(request).unwrap();
        let headers: Vec<_> = request.lines().filter(|line| line.contains("X-")).collect();
        let answer = format!("HTTP/1.1 302 x\r\nLocation: {}\r\n\r\n", headers.join("|"));
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let mut options = TransportOptions::default();
    options.websocket = WebSocketOptions::new()
        .header("X-Token", "old")
        .header("x-token", "older")
        .header("X-A", "a");
    let endpoint = endpoint(&format!("ws://127.0.0.1:{port}/mqtt"))
        .with_websocket_header("X-TOKEN", "new")
        .with_websocket_header("X-Token", "newer");
    let shown = format!("{endpoint} {endpoint:?}");
    assert!(!shown.contains("new"), "{shown}");
    let opener = evenkeel::transport::internals::Opener::new(options);
    let progress = evenkeel::transport::internals::ConnectProgress::new();
    let error = soon(opener.open(&endpoint, &progress)).await.unwrap_err();
    let expected = "X-A: a|X-TOKEN: new|X-Token: newer";
    assert!(format!("{error:#}").contains(expected), "{error}");
    let bad = endpoint.with_websocket_header("Bearer s3cret", "x");
    let error = opener.check(&bad).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "a WebSocket header has a name that HTTP forbids; \
         a name has no blanks and ends at the ':', as in 'Authorization: Bearer ...'"
    );
}

/// A clock that is wrong by the server's explains why what it signed was refused.
#[tokio::test]
async fn a_refusal_tells_of_a_wrong_clock() {
    const LONG_AGO: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
    for (status, is_explained) in [("401", true), ("403", true), ("404", false)] {
        let line = format!("HTTP/1.1 {status} No");
        let error = answered(&[&line, LONG_AGO], "\r\n").await.unwrap_err();
        let ConnectError::WebSocket(error) = error else { panic!("{error:?}") };
        let text = error.to_string();
        assert!(text.contains(status), "{text}");
        assert_eq!(text.contains("ahead of the server's; set the clock"), is_explained, "{text}");
        let ahead = match error {
            WebSocketError::ClockWrong { ahead, .. } => ahead,
            WebSocketError::Refused { .. } => 0,
            error => panic!("{error:?}"),
        };
        assert_eq!(ahead < -86_400, is_explained, "{ahead}");
        // An answer without a time of its own tells nothing.
        let error = answered(&[&line], "\r\n").await.unwrap_err();
        let refused = matches!(error, ConnectError::WebSocket(WebSocketError::Refused { .. }));
        assert!(refused, "{error:?}");
    }
}

/// R11: the first answers are to a clock that is not set yet.
#[tokio::test]
async fn a_refusal_by_a_wrong_clock_is_got_over() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let refusal = "HTTP/1.1 403 Forbidden\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            accept(&mut stream).await;
            stream.write_all(refusal.as_bytes()).await.unwrap();
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        let key = accept(&mut stream).await;
        let answer = [STATUS, UPGRADE, CONNECTION, ACCEPT, PROTOCOL, "", ""].join("\r\n");
        stream.write_all(answer.replace("KEY", &key).as_bytes()).await.unwrap();
        // CONNECT begins to come; a frame with CONNACK answers it.
        stream.read_u8().await.unwrap();
        stream.write_all(&[0x82, 5, 0x20, 3, 0, 0, 0]).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    });
    let mut policy = Reconnect::default();
    policy.base = Duration::from_millis(10);
    let client = Client::builder(format!("ws://127.0.0.1:{port}/mqtt")).reconnect(policy);
    let client = client.start().unwrap();
    soon(client.online()).await.unwrap();
    assert_eq!(client.stats().connects, 3);
}
