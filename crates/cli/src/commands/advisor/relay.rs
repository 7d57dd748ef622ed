//! Between one connection of the client and the broker: writes down each
//! packet, keeps back what the plan says.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_aws::advisor::{Packet as Seen, Side, What};
use evenkeel_codec::{Decoder, Packet, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::held::Held;
use super::notes::Notes;
use super::orders::Orders;
use super::plan::{Fate, LIFE};

/// Packets that are larger end their connection.
const LARGEST: u32 = 1024 * 1024;

/// One connection of the client.
///
/// Its directions do not wait for each other: each holds one packet at most that the
/// other side does not take yet.
pub(super) struct Relay {
    orders: watch::Receiver<Orders>,
    pub(super) notes: Notes,
    /// The cuts before it: the next one ends it.
    cuts: u32,
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
    pub(super) fn new(orders: watch::Receiver<Orders>, notes: Notes) -> Self {
        let cuts = orders.borrow().cuts;
        Self { orders, notes, cuts }
    }

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
            () = self.cut() => Ok(Side::Judge),
            end = self.to_server(from_client, to_server, &version) => end,
            end = self.to_client(from_server, &mut to_client, &version) => end,
        };
        // What was sent last must not be lost to a reset; who does not read it may wait.
        let _ = tokio::time::timeout(LIFE, to_client.shutdown()).await;
        self.notes.add(What::Closed(end.unwrap_or(Side::Judge))).await;
    }

    /// Waits until all connections are to end.
    async fn cut(&self) {
        let mut orders = self.orders.clone();
        if orders.wait_for(|orders| orders.cuts != self.cuts).await.is_err() {
            // Nobody gives orders any more.
            std::future::pending::<()>().await;
        }
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
        let mut held = Held::default();
        loop {
            match before(end, self.hand_on(&mut half, &mut held, to)).await.transpose()? {
                Some(After::More) => {}
                Some(After::Life) => end = end.or_else(|| Some(Instant::now() + LIFE)),
                Some(After::End(side)) => return Ok(side),
                None => return Ok(Side::Judge),
            }
            loop {
                let next = [end, held.next()].into_iter().flatten().min();
                match before(next, half.read(&mut from)).await {
                    Some(true) => break,
                    None if next != end => self.release(&mut held, to).await?,
                    Some(false) | None => return Ok(Side::Judge),
                }
            }
        }
    }

    /// Sends what was held long enough.
    async fn release(&self, held: &mut Held, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while let Some((seen, bytes)) = held.take(Instant::now()) {
            to.write_all(&bytes).await?;
            to.flush().await?;
            self.notes.add(What::Sent(seen)).await;
        }
        Ok(())
    }

    /// Hands on the packets that are there and that the plan does not keep back.
    async fn hand_on(
        &self,
        half: &mut Half,
        held: &mut Held,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<After> {
        let number = self.notes.connection;
        let mut after = After::More;
        while let Some((packet, bytes)) = half.take()? {
            let kind = packet.packet_type();
            let Orders { plan, held: span, .. } = *self.orders.borrow();
            let fate = (plan.fate)(number, kind);
            let (seen, bytes) = match fate {
                Fate::Kept => continue,
                Fate::Held => match held.hold(Instant::now() + span, seen(&packet), bytes) {
                    Some(answer) => answer,
                    None => continue,
                },
                Fate::Sent | Fate::SentLast => (seen(&packet), bytes),
            };
            if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
                return Ok(After::End(Side::Client));
            }
            self.notes.add(What::Sent(seen)).await;
            if fate == Fate::SentLast {
                return Ok(After::End(Side::Judge));
            }
            if (plan.last)(number) == Some(kind) {
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
