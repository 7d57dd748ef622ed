//! What a driver asks so that what arrived first is handled first.

use bytes::BytesMut;
use evenkeel_codec::{Connect, Decoder, Packet};

use super::Core;
use super::connection::{Connection, Phase};
use super::ids::ConnectionId;
use super::time::Instant;

impl Core {
    /// The connection whose session this one is about to take over with the
    /// bytes that lie at its front, or with what a fault has delayed until now.
    ///
    /// All that has arrived on that connection came before: a driver reads it
    /// first, and gives it to [`Core::receive_all`]. Otherwise a DISCONNECT
    /// that lies unread would be lost, and a will published that must not be.
    pub fn takes_over(
        &self,
        now: Instant,
        id: ConnectionId,
        bytes: &BytesMut,
    ) -> Option<ConnectionId> {
        let connection = self.connections.get(&id)?;
        let client_id = match &connection.phase {
            Phase::Pending(held) => held.connect().client_id.clone(),
            Phase::Authenticating(connect, _) => connect.client_id.clone(),
            Phase::Opened => match connection.delayed.connect(now) {
                Some(connect) => connect.client_id.clone(),
                None => self.connect_at_front(connection, bytes)?.client_id,
            },
            Phase::Requested(_) | Phase::Online(_) | Phase::Over => return None,
        };
        let session = self.sessions.find(&client_id)?;
        self.sessions.get(session)?.connection
    }

    /// True for a connection that has its session.
    pub fn is_online(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.online().is_some())
    }

    /// Whether bytes of the client may be given to [`Core::receive_all`].
    pub fn listens(&self, now: Instant, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.reads(now, usize::MAX))
    }

    fn connect_at_front(&self, connection: &Connection, bytes: &BytesMut) -> Option<Connect> {
        // A CONNECT may come byte by byte: it is copied only when it is whole.
        if bytes.is_empty() || connection.decoder.missing(bytes) > 0 {
            return None;
        }
        let mut decoder = Decoder::for_server(self.config.offer.maximum_packet_size);
        match decoder.decode(&mut bytes.clone()) {
            Ok(Some(Packet::Connect(connect))) => Some(connect),
            Ok(_) | Err(_) => None,
        }
    }
}
