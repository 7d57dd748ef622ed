//! Between one connection of the client and the broker: writes down each
//! packet, keeps back what the plan says.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_aws::advisor::{Packet as Seen, Side, What};
use evenkeel_codec::{Decoder, Packet, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::notes::Notes;
use super::plan::{Fate, LIFE, Plan};

/// Packets that are larger end their connection.
const LARGEST: u32 = 1024 * 1024;

/// One connection of the client.
///
/// Its directions do not wait for each other: each holds one packet at most that the
/// other side does not take yet.
pub(super) struct Relay {
    pub(super) plan: Plan,
    pub(super) notes: Notes,
}

/// A stream of bytes with the packets in it.
struct Half {
    decoder: Decoder,
    buffer: BytesMut,
    /// What is in the buffer, as it came: the decoder takes it apart.
    raw: BytesMut,
}

impl Half {
    fn new(decoder: Decoder) -> Self {
        Self { decoder, buffer: BytesMut::new(), raw: BytesMut::new() }
    }

    /// Reads more bytes; false at the end of the stream.
    async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> bool {
        let before = self.buffer.len();
        let more = from.read_buf(&mut self.buffer).await.is_ok_and(|count| count > 0);
        self.raw.extend_from_slice(self.buffer.get(before..).unwrap_or_default());
        more
    }

    /// The next whole packet with its bytes.
    fn take(&mut self) -> io::Result<Option<(Packet, BytesMut)>> {
        let packet = self.decoder.decode(&mut self.buffer).map_err(io::Error::other)?;
        let whole = self.raw.split_to(self.raw.len() - self.buffer.len());
        Ok(packet.map(|packet| (packet, whole)))
    }
}

impl Relay {
    /// Runs until either side closes the connection, or the plan does.
    pub(super) async fn run(
        self,
        client: impl AsyncRead + AsyncWrite + Unpin,
        server: DuplexStream,
    ) {
        let (from_client, mut to_client) = tokio::io::split(client);
        let (from_server, to_server) = tokio::io::split(server);
        let version = OnceLock::new();
        let end = tokio::select! {
            biased;
            end = self.to_server(from_client, to_server, &version) => end,
            end = self.to_client(from_server, &mut to_client, &version) => end,
        };
        // What was sent last must not be lost to a reset; who does not read it may wait.
        let _ = tokio::time::timeout(LIFE, to_client.shutdown()).await;
        self.notes.add(What::Closed(end.unwrap_or(Side::Judge))).await;
    }

    /// Hands on what the client sends. The version that it speaks is for the answers.
    async fn to_server(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        version: &OnceLock<Version>,
    ) -> io::Result<Side> {
        let mut half = Half::new(Decoder::for_server(LARGEST));
        while half.read(&mut from).await {
            while let Some((packet, bytes)) = half.take()? {
                if let Packet::Connect(connect) = &packet {
                    // A second CONNECT is the broker's to refuse.
                    let _ = version.set(connect.version);
                }
                self.notes.add(What::Received(seen(&packet))).await;
                to.write_all(&bytes).await?;
            }
        }
        Ok(Side::Client)
    }

    /// Hands on what the broker sends, until the plan's end of the connection.
    async fn to_client(
        &self,
        mut from: impl AsyncRead + Unpin,
        to: &mut (impl AsyncWrite + Unpin),
        version: &OnceLock<Version>,
    ) -> io::Result<Side> {
        let mut half = Half::new(Decoder::new(Version::V5, LARGEST));
        if !half.read(&mut from).await {
            return Ok(Side::Judge);
        }
        // The broker is silent before CONNECT, so this is known now.
        if let Some(version) = version.get() {
            half.decoder = Decoder::new(*version, LARGEST);
        }
        let mut end = None;
        loop {
            match before(end, self.hand_on(&mut half, to)).await.transpose()? {
                Some(After::More) => {}
                Some(After::Life) => end = end.or_else(|| Some(Instant::now() + LIFE)),
                Some(After::End(side)) => return Ok(side),
                None => return Ok(Side::Judge),
            }
            if before(end, half.read(&mut from)).await != Some(true) {
                return Ok(Side::Judge);
            }
        }
    }

    /// Hands on the packets that are there and that the plan does not keep back.
    async fn hand_on(
        &self,
        half: &mut Half,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<After> {
        let number = self.notes.connection;
        let mut after = After::More;
        while let Some((packet, bytes)) = half.take()? {
            let kind = packet.packet_type();
            let fate = (self.plan.fate)(number, kind);
            if fate == Fate::Kept {
                continue;
            }
            if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
                return Ok(After::End(Side::Client));
            }
            self.notes.add(What::Sent(seen(&packet))).await;
            if fate == Fate::SentLast {
                return Ok(After::End(Side::Judge));
            }
            if (self.plan.last)(number) == Some(kind) {
                after = After::Life;
            }
        }
        Ok(after)
    }
}

/// How a connection goes on.
enum After {
    /// As before.
    More,
    /// For [`LIFE`].
    Life,
    /// Not at all.
    End(Side),
}

/// What comes out before the end, if there is one.
async fn before<T>(end: Option<Instant>, step: impl Future<Output = T>) -> Option<T> {
    match end {
        Some(end) => tokio::time::timeout_at(end, step).await.ok(),
        None => Some(step.await),
    }
}

/// What matters of a packet.
fn seen(packet: &Packet) -> Seen {
    let kind = Seen::new(packet.packet_type());
    match packet {
        Packet::Connect(connect) => {
            let keep_alive = Some(Duration::from_secs(connect.keep_alive.into()));
            Seen { keep_alive, ..kind }
        }
        Packet::ConnAck(connack) => Seen { session_present: connack.session_present, ..kind },
        Packet::Publish(publish) => {
            let id = publish.packet_id.map(evenkeel_codec::PacketId::get);
            Seen { id, ..kind.qos(publish.qos.level()).topic(publish.topic.as_str()) }
        }
        Packet::Subscribe(subscribe) => {
            let seen = kind.id(subscribe.packet_id.get());
            subscribe.filters.iter().fold(seen, |seen, one| seen.topic(one.filter.as_str()))
        }
        Packet::PubAck(ack) => kind.id(ack.packet_id.get()),
        Packet::SubAck(ack) => kind.id(ack.packet_id.get()),
        Packet::Unsubscribe(unsubscribe) => kind.id(unsubscribe.packet_id.get()),
        Packet::UnsubAck(ack) => kind.id(ack.packet_id.get()),
        _ => kind,
    }
}
