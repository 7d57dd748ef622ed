//! A client of a few lines over any stream.

use std::time::Duration;

use bytes::BytesMut;
use evenkeel_broker::Broker;
use evenkeel_codec::{
    Bytes, ConnAck, Connect, Decoder, Packet, PacketId, Properties, Property, Publish, QoS,
    ReasonCode, Subscribe, SubscribeFilter, SubscribeOptions, Version,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Nothing on loopback takes this long; a test that waits for it has failed.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct Client<S> {
    pub(crate) stream: S,
    version: Version,
    decoder: Decoder,
    input: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S, version: Version) -> Self {
        let decoder = Decoder::new(version, u32::MAX);
        Self { stream, version, decoder, input: BytesMut::new() }
    }

    /// CONNECT with a session that lasts, and its CONNACK.
    pub(crate) async fn connect(stream: S, version: Version, client_id: &str) -> (Self, ConnAck) {
        let mut client = Self::new(stream, version);
        client.send(connect(version, client_id)).await;
        match client.recv().await {
            Some(Packet::ConnAck(connack)) => (client, connack),
            other => panic!("{other:?} in place of CONNACK"),
        }
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next packet; `None` at the end of the stream.
    pub(crate) async fn recv(&mut self) -> Option<Packet> {
        tokio::time::timeout(TIMEOUT, self.next()).await.expect("a packet in time")
    }

    /// The same without a bound, for tests on paused time.
    pub(crate) async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = self.decoder.decode(&mut self.input).unwrap() {
                return Some(packet);
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, filter: &str, qos: QoS) {
        let options = SubscribeOptions { qos, ..SubscribeOptions::default() };
        let filters = vec![SubscribeFilter { filter: filter.try_into().unwrap(), options }];
        let properties = Properties::new();
        self.send(Packet::Subscribe(Subscribe { packet_id: pid(1), filters, properties })).await;
        match self.recv().await {
            Some(Packet::SubAck(suback)) => assert_eq!(suback.codes, [ReasonCode(qos.level())]),
            other => panic!("{other:?} in place of SUBACK"),
        }
    }

    /// Publishes to itself with QoS 1 and waits for both packets that come back.
    pub(crate) async fn echo(&mut self, topic: &str, payload: &[u8]) {
        self.send(publish_1(topic, payload)).await;
        let (mut acknowledged, mut echoed) = (false, false);
        while !(acknowledged && echoed) {
            match self.recv().await {
                Some(Packet::PubAck(_)) => acknowledged = true,
                Some(Packet::Publish(publish)) => {
                    assert!(publish.payload == payload, "{} bytes", publish.payload.len());
                    let ack = evenkeel_codec::Ack::new(publish.packet_id.unwrap(), ReasonCode(0));
                    self.send(Packet::PubAck(ack)).await;
                    echoed = true;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn ping(&mut self) {
        self.send(Packet::PingReq).await;
        assert_eq!(self.recv().await, Some(Packet::PingResp));
    }
}

pub(crate) fn connect(version: Version, client_id: &str) -> Packet {
    let properties = match version {
        Version::V5 => Properties::new().with(Property::SessionExpiryInterval(1000)),
        _ => Properties::new(),
    };
    Packet::Connect(Connect {
        version,
        clean_start: false,
        keep_alive: 0,
        client_id: client_id.try_into().unwrap(),
        will: None,
        username: None,
        password: None,
        properties,
    })
}

pub(crate) fn publish_1(topic: &str, payload: &[u8]) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: topic.try_into().unwrap(),
        packet_id: Some(pid(1)),
        payload: Bytes::copy_from_slice(payload),
        properties: Properties::new(),
    })
}

pub(crate) fn pid(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

/// Why the connection with this number ended.
pub(crate) async fn closed(broker: &Broker, connection: u64) -> String {
    let fits = |event: &evenkeel_broker::Event| {
        event.name() == "closed" && event.connection.is_some_and(|id| id.get() == connection)
    };
    broker.wait_for(TIMEOUT, fits).await.expect("a closed event").to_json()
}
