//! A scripted server over the in-memory transport.

use bytes::BytesMut;
use evenkeel::transport::{BoxedStream, Endpoint, MemoryListener};
use evenkeel::{ClientBuilder, Clock, Messages, Version};
use evenkeel_codec::{
    Ack, ConnAck, Connect, Decoder, Packet, PacketId, Publish, Subscribe, Unsubscribe,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Client, QoS, accepted, secs, soon, suback};

/// Bytes that the connections buffer each way.
const BUFFER: usize = 64 * 1024;

/// Where scripted connections come in.
pub(crate) struct Server {
    listener: MemoryListener,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with_buffer(BUFFER)
    }

    /// Connections of this server buffer so many bytes each way.
    pub(crate) fn with_buffer(bytes: usize) -> Self {
        Self { listener: MemoryListener::new(bytes, 16) }
    }

    /// The way to this server.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::memory(self.listener.connector())
    }

    /// A client of this server, with tokio's clock.
    pub(crate) fn client(&self) -> ClientBuilder {
        ClientBuilder::for_endpoint(self.endpoint()).client_id("boat").clock(Clock::tokio()).seed(7)
    }

    /// The next connection, not yet spoken to.
    pub(crate) async fn accept(&mut self) -> Peer {
        // Longer than any delay between two attempts.
        let stream = tokio::time::timeout(secs(200), self.listener.accept()).await;
        Peer::new(stream.expect("no connection for 200 s"))
    }

    /// The next connection with its CONNECT.
    pub(crate) async fn connecting(&mut self) -> (Peer, Connect) {
        let mut peer = self.accept().await;
        let connect = peer.expect_connect().await;
        (peer, connect)
    }

    /// The next connection, answered with this CONNACK.
    pub(crate) async fn online_with(&mut self, connack: ConnAck) -> Peer {
        let (mut peer, _) = self.connecting().await;
        peer.send(Packet::ConnAck(connack)).await;
        peer
    }

    /// The next connection, accepted.
    pub(crate) async fn online(&mut self) -> Peer {
        self.online_with(accepted()).await
    }

    /// True if no connection comes within this time.
    pub(crate) async fn is_left_alone_for(&mut self, time: std::time::Duration) -> bool {
        tokio::time::timeout(time, self.listener.accept()).await.is_err()
    }
}

/// The server's end of one connection.
pub(crate) struct Peer {
    stream: BoxedStream,
    decoder: Decoder,
    buffer: BytesMut,
}

impl Peer {
    pub(crate) fn new(stream: impl evenkeel::transport::ByteStream + 'static) -> Self {
        let decoder = Decoder::for_server(u32::MAX);
        Self { stream: Box::new(stream), decoder, buffer: BytesMut::new() }
    }

    pub(crate) fn version(&self) -> Version {
        self.decoder.version().unwrap_or(Version::V5)
    }

    /// The next packet; `None` at the end of the stream.
    pub(crate) async fn receive(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = self.decoder.decode(&mut self.buffer).unwrap() {
                return Some(packet);
            }
            match soon(self.stream.read_buf(&mut self.buffer)).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
    }

    /// The next packet that is no PINGREQ; those are answered.
    pub(crate) async fn expect(&mut self) -> Packet {
        loop {
            match self.receive().await.expect("the client ended the connection") {
                Packet::PingReq => self.send(Packet::PingResp).await,
                packet => return packet,
            }
        }
    }

    pub(crate) async fn expect_connect(&mut self) -> Connect {
        match self.expect().await {
            Packet::Connect(connect) => connect,
            other => panic!("CONNECT expected, not {other:?}"),
        }
    }

    pub(crate) async fn expect_publish(&mut self) -> Publish {
        match self.expect().await {
            Packet::Publish(publish) => publish,
            other => panic!("PUBLISH expected, not {other:?}"),
        }
    }

    pub(crate) async fn expect_puback(&mut self) -> Ack {
        match self.expect().await {
            Packet::PubAck(ack) => ack,
            other => panic!("PUBACK expected, not {other:?}"),
        }
    }

    pub(crate) async fn expect_pubrel(&mut self) -> PacketId {
        match self.expect().await {
            Packet::PubRel(ack) => ack.packet_id,
            other => panic!("PUBREL expected, not {other:?}"),
        }
    }

    pub(crate) async fn expect_subscribe(&mut self) -> Subscribe {
        match self.expect().await {
            Packet::Subscribe(subscribe) => subscribe,
            other => panic!("SUBSCRIBE expected, not {other:?}"),
        }
    }

    pub(crate) async fn expect_unsubscribe(&mut self) -> Unsubscribe {
        match self.expect().await {
            Packet::Unsubscribe(unsubscribe) => unsubscribe,
            other => panic!("UNSUBSCRIBE expected, not {other:?}"),
        }
    }

    /// Expects DISCONNECT and the end of the connection, and hangs up.
    pub(crate) async fn expect_disconnect(&mut self) {
        match self.expect().await {
            Packet::Disconnect(_) => {}
            other => panic!("DISCONNECT expected, not {other:?}"),
        }
        assert_eq!(self.receive().await, None, "nothing may follow DISCONNECT");
        self.stream.shutdown().await.unwrap();
    }

    /// The next packet, if one comes within a while of (paused) time.
    pub(crate) async fn poll(&mut self) -> Option<Packet> {
        tokio::time::timeout(super::millis(50), self.receive()).await.ok().flatten()
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut bytes = Vec::new();
        packet.encode(self.version(), &mut bytes).unwrap();
        self.send_bytes(&bytes).await;
    }

    /// Sends a packet if the client still listens.
    pub(crate) async fn try_send(&mut self, packet: Packet) {
        let mut bytes = Vec::new();
        packet.encode(self.version(), &mut bytes).unwrap();
        // An error means that the client is gone, which is allowed here.
        let _ = soon(self.stream.write_all(&bytes)).await;
    }

    pub(crate) async fn publish(&mut self, publish: Publish) {
        self.send(Packet::Publish(publish)).await;
    }

    /// Sends a message over and over, until the client ends the connection.
    pub(crate) async fn flood(&mut self, publish: Publish) {
        let mut bytes = Vec::new();
        Packet::Publish(publish).encode(self.version(), &mut bytes).unwrap();
        let bytes = bytes.repeat(100);
        // More than any bound of the client; a client that has none ends it.
        for _ in 0..5_000 {
            if self.stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Subscribes `client` to one filter and grants it, and before it what is
    /// subscribed anew for its sake (D17).
    pub(crate) async fn grant(&mut self, client: &Client, filter: &str, qos: QoS) -> Messages {
        let granting = async {
            loop {
                let subscribe = self.expect_subscribe().await;
                let codes = vec![qos.level(); subscribe.filters.len()];
                self.send(suback(&subscribe, &codes)).await;
                if subscribe.filters.iter().any(|wanted| wanted.filter.as_str() == filter) {
                    return;
                }
            }
        };
        let (messages, ()) = tokio::join!(client.subscribe(filter).qos(qos), granting);
        messages.unwrap()
    }
}
