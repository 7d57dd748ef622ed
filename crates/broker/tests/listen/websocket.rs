//! Clients over WebSocket.

use bytes::BytesMut;
use evenkeel_broker::Broker;
use evenkeel_codec::{Decoder, Packet, Version};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::*;

/// A client that chooses its frames itself.
pub(crate) struct Pipe<S> {
    frames: WebSocketStream<S>,
    version: Version,
    decoder: Decoder,
    input: BytesMut,
    received: Vec<usize>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pipe<S> {
    pub(crate) fn new(frames: WebSocketStream<S>, version: Version) -> Self {
        let decoder = Decoder::new(version, u32::MAX);
        Self { frames, version, decoder, input: BytesMut::new(), received: Vec::new() }
    }

    /// Sends packets in frames of this size, whatever their borders.
    pub(crate) async fn send(&mut self, packets: &[Packet], frame: usize) {
        let mut bytes = Vec::new();
        for packet in packets {
            packet.encode(self.version, &mut bytes).unwrap();
        }
        for chunk in bytes.chunks(frame) {
            self.frames.send(Message::Binary(chunk.to_vec().into())).await.unwrap();
        }
    }

    pub(crate) async fn recv(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = self.decoder.decode(&mut self.input).unwrap() {
                return Some(packet);
            }
            let next = tokio::time::timeout(TIMEOUT, self.frames.next());
            match next.await.expect("a frame in time") {
                Some(Ok(Message::Binary(bytes))) => {
                    self.received.push(bytes.len());
                    self.input.extend_from_slice(&bytes);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> crate::order::Speaker for Pipe<S> {
    async fn say(&mut self, bytes: &[u8]) {
        self.frames.send(Message::Binary(bytes.to_vec().into())).await.unwrap();
    }

    async fn hear(&mut self) -> Option<Packet> {
        self.recv().await
    }
}

pub(crate) fn request(subprotocol: &str) -> Request {
    let mut request = "ws://localhost/mqtt".into_client_request().unwrap();
    if !subprotocol.is_empty() {
        let value = subprotocol.parse().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", value);
    }
    request
}

async fn broker(frame: Option<usize>) -> Broker {
    Broker::builder()
        .bind_websocket("127.0.0.1:0")
        .configure(|config| config.behaviour.websocket_frame_size = frame)
        .start()
        .await
        .unwrap()
}

async fn open(broker: &Broker, subprotocol: &str) -> Result<Pipe<TcpStream>, Error> {
    let stream = TcpStream::connect(broker.websocket_addr().unwrap()).await.unwrap();
    let (frames, response) = tokio_tungstenite::client_async(request(subprotocol), stream).await?;
    let chosen = response.headers().get("Sec-WebSocket-Protocol").unwrap().to_str().unwrap();
    assert!(subprotocol.contains(chosen));
    let version = if chosen == "mqtt" { Version::V5 } else { Version::V31 };
    Ok(Pipe::new(frames, version))
}

//= [MQTT-6.0.0-2] test
#[tokio::test]
async fn packets_may_be_split_over_frames_and_share_them() {
    let broker = broker(None).await;
    assert_eq!(broker.url(), format!("ws://{}/mqtt", broker.websocket_addr().unwrap()));
    for frame in [1, 3, 100_000] {
        let mut pipe = open(&broker, "mqtt").await.unwrap();
        let packets = [connect(Version::V5, "a"), Packet::PingReq, publish_1("t", b"x")];
        pipe.send(&packets, frame).await;
        assert!(matches!(pipe.recv().await, Some(Packet::ConnAck(_))));
        assert_eq!(pipe.recv().await, Some(Packet::PingResp));
        assert!(matches!(pipe.recv().await, Some(Packet::PubAck(_))));
    }
}

#[tokio::test]
async fn a_goodbye_is_read_before_the_session_is_taken_over_by_websocket() {
    let broker = broker(None).await;
    let (old, new) = (open(&broker, "mqtt").await.unwrap(), open(&broker, "mqtt").await.unwrap());
    crate::order::take_over_behind_a_goodbye(&broker, old, new).await;
}

#[tokio::test]
async fn the_broker_splits_packets_over_frames_on_demand() {
    let broker = broker(Some(3)).await;
    let mut pipe = open(&broker, "mqtt").await.unwrap();
    pipe.send(&[connect(Version::V5, "a"), Packet::PingReq], 1000).await;
    assert!(matches!(pipe.recv().await, Some(Packet::ConnAck(_))));
    assert_eq!(pipe.recv().await, Some(Packet::PingResp));
    assert!(pipe.received.len() > 3 && pipe.received.iter().all(|len| *len <= 3));
}

//= [MQTT-6.0.0-4] test
#[tokio::test]
async fn the_subprotocol_is_mqtts() {
    let broker = broker(None).await;
    for known in ["mqtt", "mqttv3.1", "other, mqtt"] {
        open(&broker, known).await.unwrap();
    }
    for unknown in ["", "chat"] {
        match open(&broker, unknown).await.map(|_| ()) {
            Err(Error::Http(response)) => assert_eq!(response.status(), 400),
            other => panic!("{other:?}"),
        }
    }
}

//= [MQTT-6.0.0-1] test
#[tokio::test]
async fn text_frames_end_the_connection() {
    let broker = broker(None).await;
    let mut pipe = open(&broker, "mqtt").await.unwrap();
    pipe.send(&[connect(Version::V5, "a")], 1000).await;
    pipe.recv().await;
    pipe.frames.send(Message::Text("hello".into())).await.unwrap();
    assert_eq!(pipe.recv().await, None);
    assert!(closed(&broker, 1).await.ends_with(r#""why":"connection_lost","closer":"peer"}"#));
}

#[tokio::test]
async fn large_messages_and_a_polite_end() {
    let broker = broker(None).await;
    let mut pipe = open(&broker, "mqttv3.1").await.unwrap();
    pipe.send(&[connect(Version::V31, "a")], 1000).await;
    pipe.recv().await;
    pipe.send(&[publish_1("t", &[5; 3_000_000])], 500_000).await;
    assert!(matches!(pipe.recv().await, Some(Packet::PubAck(_))));
    broker.disconnect("a", evenkeel_codec::ReasonCode::ADMINISTRATIVE_ACTION);
    let end = tokio::time::timeout(TIMEOUT, pipe.frames.next()).await.unwrap();
    assert!(matches!(end, Some(Ok(Message::Close(_)))), "{end:?}");
}
