//! What the packets of a connection have told of it.

use std::sync::Arc;

use bytes::BytesMut;
use evenkeel_codec::{Decoder, Packet, Publish, Version};

use super::cut::PACKET_MAX;
use super::{Faults, Side};
use crate::core::{ConnectionId, ReceivedAliases};
use crate::fault::{Subject, Trigger};

/// Topic aliases of each side that are known.
const ALIASES: u16 = 64;

/// The two that speak on one connection.
pub(super) struct Speaker {
    id: ConnectionId,
    /// The connection's number, of its client once that is known.
    number: u64,
    client: Option<Arc<str>>,
    from_client: Listener,
    from_server: Listener,
}

/// Reads what one side says.
struct Listener {
    decoder: Decoder,
    aliases: ReceivedAliases,
}

impl Listener {
    const fn new(decoder: Decoder) -> Self {
        Self { decoder, aliases: ReceivedAliases::new(ALIASES) }
    }
}

impl Speaker {
    pub(super) const fn new(number: u64) -> Self {
        Self {
            id: ConnectionId::new(number),
            number,
            client: None,
            from_client: Listener::new(Decoder::for_server(PACKET_MAX)),
            from_server: Listener::new(Decoder::new(Version::V5, PACKET_MAX)),
        }
    }

    pub(super) const fn id(&self) -> ConnectionId {
        self.id
    }

    pub(super) fn client(&self) -> Option<Arc<str>> {
        self.client.clone()
    }

    pub(super) const fn subject(&self, trigger: Trigger) -> Subject<'_> {
        Subject {
            trigger,
            connection: self.id,
            number: self.number,
            client: self.client.as_ref(),
            packet: None,
            topic: None,
        }
    }

    /// Decodes a packet, and remembers what it tells; `None` if it is malformed.
    pub(super) fn learn(
        &mut self,
        faults: &mut Faults,
        from: Side,
        packet: &[u8],
    ) -> Option<Packet> {
        let packet = self.listener_mut(from).decoder.decode(&mut BytesMut::from(packet)).ok()??;
        match &packet {
            Packet::Connect(connect) if from == Side::Client => {
                self.from_server = Listener::new(Decoder::new(connect.version, PACKET_MAX));
                if self.client.is_none() && !connect.client_id.is_empty() {
                    let client: Arc<str> = connect.client_id.as_str().into();
                    self.number = faults.count(&client);
                    self.client = Some(client);
                }
            }
            Packet::Publish(publish) => self.listener_mut(from).aliases.learn(publish),
            _ => {}
        }
        Some(packet)
    }

    /// The topic that a PUBLISH means.
    pub(super) fn topic<'a>(&'a self, from: Side, packet: &'a Packet) -> Option<&'a str> {
        let aliases = match from {
            Side::Client => &self.from_client.aliases,
            Side::Server => &self.from_server.aliases,
        };
        let topic = |publish: &'a Publish| aliases.meant(publish);
        if let Packet::Publish(publish) = packet { Some(topic(publish)) } else { None }
    }

    const fn listener_mut(&mut self, side: Side) -> &mut Listener {
        match side {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        }
    }
}
