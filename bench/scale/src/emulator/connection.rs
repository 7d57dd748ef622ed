//! One connection of a load, with MQTT 3.1.1.

use bytes::{Bytes, BytesMut};
use evenkeel_codec::{
    Ack, Connect, Decoder, Packet, PacketId, Properties, Publish, QoS, ReasonCode, Subscribe,
    SubscribeFilter, SubscribeOptions, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;

const VERSION: Version = Version::V311;

pub(crate) struct Connection {
    stream: TcpStream,
    input: BytesMut,
    output: Vec<u8>,
    decoder: Decoder,
}

impl Connection {
    pub(crate) async fn open(port: u16, client_id: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let decoder = Decoder::new(VERSION, u32::MAX);
        let (input, output) = (BytesMut::new(), Vec::new());
        let mut connection = Self { stream, input, output, decoder };
        connection.put(&Packet::Connect(Connect {
            version: VERSION,
            clean_start: true,
            keep_alive: 0,
            client_id: client_id.try_into()?,
            will: None,
            username: None,
            password: None,
            properties: Properties::new(),
        }))?;
        connection.flush().await?;
        match connection.next().await? {
            Packet::ConnAck(connack) if connack.reason == ReasonCode::SUCCESS => Ok(connection),
            other => Err(format!("{other:?} in answer to CONNECT").into()),
        }
    }

    pub(crate) async fn subscribe(&mut self, filter: &str, qos: QoS) -> Outcome {
        let options = SubscribeOptions { qos, ..SubscribeOptions::default() };
        self.put(&Packet::Subscribe(Subscribe {
            packet_id: PacketId::new(1).ok_or("no identifier")?,
            filters: vec![SubscribeFilter { filter: filter.try_into()?, options }],
            properties: Properties::new(),
        }))?;
        self.flush().await?;
        match self.next().await? {
            Packet::SubAck(suback) if !suback.codes[0].is_error() => Ok(()),
            other => Err(format!("{other:?} in answer to SUBSCRIBE").into()),
        }
    }

    pub(crate) fn publish(&mut self, topic: &str, qos: QoS, id: u16, payload: Bytes) -> Outcome {
        self.put(&Packet::Publish(Publish {
            dup: false,
            qos,
            retain: false,
            topic: topic.try_into()?,
            packet_id: if qos == QoS::AtMostOnce { None } else { PacketId::new(id) },
            payload,
            properties: Properties::new(),
        }))
    }

    pub(crate) fn acknowledge(&mut self, id: PacketId) -> Outcome {
        self.put(&Packet::PubAck(Ack::new(id, ReasonCode::SUCCESS)))
    }

    fn put(&mut self, packet: &Packet) -> Outcome {
        Ok(packet.encode(VERSION, &mut self.output)?)
    }

    pub(crate) async fn flush(&mut self) -> Outcome {
        self.stream.write_all(&self.output).await?;
        self.output.clear();
        Ok(())
    }

    /// What has come already.
    pub(crate) fn read_already(&mut self) -> Outcome<Option<Packet>> {
        Ok(self.decoder.decode(&mut self.input)?)
    }

    /// Waits until more has come. Cancel-safe.
    pub(crate) async fn fill(&mut self) -> Outcome {
        if self.stream.read_buf(&mut self.input).await? == 0 {
            return Err("the broker has closed a connection".into());
        }
        Ok(())
    }

    pub(crate) async fn next(&mut self) -> Outcome<Packet> {
        loop {
            if let Some(packet) = self.read_already()? {
                return Ok(packet);
            }
            self.fill().await?;
        }
    }
}
