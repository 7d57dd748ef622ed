//! Between one connection of the client and the broker: writes down each
//! packet, keeps back what the plan says.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_aws::advisor::{Kind, Moment, Packet as Seen, Side, What};
use evenkeel_codec::{Decoder, Packet, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::plan::{Fate, LIFE, Plan};

/// Packets that are larger end their connection.
const LARGEST: u32 = 1024 * 1024;

/// One connection of the client.
pub(super) struct Relay {
    pub(super) number: u32,
    pub(super) plan: Plan,
    pub(super) began: Instant,
    pub(super) notes: UnboundedSender<Moment>,
}

/// A stream of bytes with the packets in it.
struct Half {
    decoder: Decoder,
    buffer: BytesMut,
    /// What is in the buffer, as it came: the decoder takes it apart.
    raw: BytesMut,
}

impl Half {
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
    pub(super) async fn run(self, mut client: TcpStream, mut server: DuplexStream) {
        self.note(What::Opened);
        let side = self.relay(&mut client, &mut server).await.unwrap_or(Side::Judge);
        // What was sent last must not be lost to a reset.
        let _ = client.shutdown().await;
        self.note(What::Closed(side));
    }

    /// Who has closed the connection.
    async fn relay(&self, client: &mut TcpStream, server: &mut DuplexStream) -> io::Result<Side> {
        let half = |decoder| Half { decoder, buffer: BytesMut::new(), raw: BytesMut::new() };
        let mut from_client = half(Decoder::for_server(LARGEST));
        let mut from_server = half(Decoder::new(Version::V5, LARGEST));
        let mut end: Option<Instant> = None;
        loop {
            let until = end.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(until), if end.is_some() => return Ok(Side::Judge),
                more = from_client.read(client) => {
                    if !more {
                        return Ok(Side::Client);
                    }
                    while let Some((packet, bytes)) = from_client.take()? {
                        if let Packet::Connect(connect) = &packet {
                            from_server.decoder = Decoder::new(connect.version, LARGEST);
                        }
                        self.note(What::Received(seen(&packet)));
                        server.write_all(&bytes).await?;
                    }
                }
                more = from_server.read(server) => {
                    if !more {
                        return Ok(Side::Judge);
                    }
                    while let Some((packet, bytes)) = from_server.take()? {
                        let kind = packet.packet_type();
                        let fate = (self.plan.fate)(self.number, kind);
                        if fate == Fate::Kept {
                            continue;
                        }
                        client.write_all(&bytes).await?;
                        self.note(What::Sent(seen(&packet)));
                        if fate == Fate::SentLast {
                            return Ok(Side::Judge);
                        }
                        if (self.plan.last)(self.number) == Some(kind) {
                            end = end.or_else(|| Some(Instant::now() + LIFE));
                        }
                    }
                }
            }
        }
    }

    fn note(&self, what: What) {
        let moment = Moment { at: self.began.elapsed(), connection: self.number, what };
        // Nobody listens any more when the case is over.
        let _ = self.notes.send(moment);
    }
}

/// What matters of a packet.
fn seen(packet: &Packet) -> Seen {
    match packet {
        Packet::Connect(connect) => {
            let keep_alive = Some(Duration::from_secs(connect.keep_alive.into()));
            Seen { keep_alive, ..Seen::new(Kind::Connect) }
        }
        Packet::ConnAck(connack) => {
            Seen { session_present: connack.session_present, ..Seen::new(Kind::ConnAck) }
        }
        Packet::Publish(publish) => {
            let id = publish.packet_id.map(evenkeel_codec::PacketId::get);
            let seen = Seen::new(Kind::Publish).qos(publish.qos.level());
            Seen { id, ..seen.topic(publish.topic.as_str()) }
        }
        Packet::Subscribe(subscribe) => {
            let seen = Seen::new(Kind::Subscribe).id(subscribe.packet_id.get());
            subscribe.filters.iter().fold(seen, |seen, one| seen.topic(one.filter.as_str()))
        }
        Packet::PubAck(ack) => Seen::new(Kind::PubAck).id(ack.packet_id.get()),
        Packet::SubAck(ack) => Seen::new(Kind::SubAck).id(ack.packet_id.get()),
        Packet::Unsubscribe(unsubscribe) => {
            Seen::new(Kind::Unsubscribe).id(unsubscribe.packet_id.get())
        }
        Packet::UnsubAck(ack) => Seen::new(Kind::UnsubAck).id(ack.packet_id.get()),
        Packet::PingReq => Seen::new(Kind::PingReq),
        Packet::PingResp => Seen::new(Kind::PingResp),
        Packet::Disconnect(_) => Seen::new(Kind::Disconnect),
        _ => Seen::new(Kind::Other),
    }
}
