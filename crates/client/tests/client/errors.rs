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
        let report = within_20_s(events.next()).await.unwrap();
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
    assert_eq!(error, HTTP_ANSWER);
}

const HTTP_ANSWER: &str = "the server answered in HTTP, not in MQTT: the port is one for HTTP";

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

/// What is told about a server that says this, instead of CONNACK or after it.
async fn words_about(bytes: &[u8], is_online: bool) -> String {
    let mut server = Server::new();
    let builder = server.client().version(Version::V5).reconnect(Reconnect::never());
    let client = builder.start().unwrap();
    let mut events = client.events();
    let mut peer = if is_online { server.online().await } else { server.connecting().await.0 };
    peer.send_bytes(bytes).await;
    loop {
        let report = soon(events.next()).await.unwrap();
        if let Event::Disconnected { cause, .. } = report.event {
            return cause.to_string();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_break_the_protocol_are_explained() {
    let framing = "; the sender or the framing is broken";
    let bad = |what: &str| format!("the server sent a bad packet: {what}");
    let cases: [(&[u8], String); 9] = [
        (b"\x36\x03\x00\x01a", bad("PUBLISH has QoS 3, which does not exist") + framing),
        (b"\x30\x04\x00\x01\x00\x00", bad("string holds the null character U+0000")),
        (
            b"\x30\x04\x00\x01#\x00",
            bad("the topic of PUBLISH is no topic name: ")
                + "topic name holds a wildcard, + or #, which only filters may",
        ),
        (b"\x30\x05\x00\x02\xc3\x28\x00", bad("string is not UTF-8 from byte 0 on")),
        (b"\x40\x02\x00\x00", bad("PUBACK has the packet identifier 0; it must be 1 or more")),
        (
            b"\xd0\x01\x00",
            bad("PINGRESP goes on for 1 bytes after its last field; ")
                + "its remaining length is wrong",
        ),
        (b"\xd1\x00", bad("PINGRESP has the reserved header flags 0b0001") + framing),
        (
            b"\x30\xff\xff\xff\xff\x01",
            bad("the remaining length goes on after four bytes") + framing,
        ),
        (b"\x30\x07\x00\x01a\x03\x23\x00\x00", bad("Topic Alias is 0; it must be 1 or more")),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(words_about(bytes, true).await, wanted, "{bytes:02x?}");
    }
}

#[tokio::test(start_paused = true)]
async fn packets_out_of_place_are_explained() {
    let broke = |what: &str| format!("the server broke the protocol: {what}");
    let cases: [(&[u8], bool, String); 9] = [
        (b"\x30\x07\x00\x01a\x03\x23\x01\x00", true, broke("it used a topic alias it may not use")),
        (b"\x20\x03\x00\x00\x00", true, broke("it sent a second CONNACK")),
        (b"\xc0\x00", true, broke("it sent a packet that only clients send")),
        (b"\xe0\x02\x8b\x00", true, "the server disconnected: Server shutting down (0x8b)".into()),
        (
            b"\x20\x03\x01\x00\x00",
            false,
            broke("it says a session is present although a clean start was asked for"),
        ),
        (b"\xd0\x00", false, broke("its first packet was not CONNACK")),
        (
            b"\x20\x03\x00\x87\x00",
            false,
            "the server refused the connection: Not authorized (0x87)".into(),
        ),
        (
            b"HELO\r\n",
            false,
            "the server sent a bad packet: PUBACK has the reserved header flags 0b1000; \
             the sender or the framing is broken"
                .into(),
        ),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", false, HTTP_ANSWER.into()),
    ];
    for (bytes, is_online, wanted) in cases {
        assert_eq!(words_about(bytes, is_online).await, wanted, "{bytes:02x?}");
    }
}

/// What ends with the client says why it has halted, and not that it has.
#[tokio::test]
async fn what_ends_by_a_halt_has_its_cause() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let builder = Client::builder(format!("mqtt://{address}")).reconnect(Reconnect::never());
    let client = builder.start().unwrap();
    let waiting = client.subscribe("a").await.unwrap_err().to_string();
    let halted = within_20_s(client.online()).await.unwrap_err().to_string();
    assert!(halted.contains(&address.to_string()), "{halted}");
    assert_eq!(waiting, halted);
    assert_eq!(client.subscribe("a").await.unwrap_err().to_string(), halted);
    assert_eq!(client.unsubscribe("a").await.unwrap_err().to_string(), halted);
    assert_eq!(client.publish("a", "1").qos(AtLeastOnce).await.unwrap_err().to_string(), halted);
}
