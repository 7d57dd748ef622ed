//! K4: every byte is a sign of life, also one of a WebSocket message that is not whole.

use std::time::Duration;

use evenkeel::transport::{Endpoint, MemoryListener, MemoryStream};
use evenkeel::{ClientBuilder, Clock, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The next connection, as a WebSocket, by hand: frames are to be sent in pieces.
async fn accept(listener: &mut MemoryListener) -> MemoryStream {
    let mut stream = listener.accept().await;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_slowly_keeps_the_connection() {
    let mut listener = MemoryListener::new(64 << 10, 1);
    let endpoint = Endpoint::memory(listener.connector()).with_websocket("/mqtt");
    let client = ClientBuilder::for_endpoint(endpoint).version(Version::V5).clock(Clock::tokio());
    let client = client.keep_alive(Duration::from_secs(10)).start().unwrap();
    let mut server = accept(&mut listener).await;
    // CONNACK, and a message of 10,000 bytes that never ends.
    server.write_all(&[0x82, 5, 0x20, 3, 0, 0, 0]).await.unwrap();
    client.online().await.unwrap();
    server.write_all(&[0x82, 126, 0x27, 0x10]).await.unwrap();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        server.write_all(&[0x30]).await.unwrap();
    }
    assert!(client.state().is_online(), "after 100 s without an answer to any ping");
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert!(client.state().is_online());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!client.state().is_online(), "1.5 keep-alives after the last byte");
}
