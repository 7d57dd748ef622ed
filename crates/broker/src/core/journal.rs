//! Events, counters and wake-ups that the core gives to its driver.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::PacketType;

use super::connection::{Closing, Connection, Phase};
use super::event::{CloseReason, Event, EventKind};
use super::ids::ConnectionId;
use super::recorded::Recorded;
use super::stats::{ClientStats, Stats};
use super::time::Instant;

/// What the core tells the outside: events, counters, and which connections
/// have something to do.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Kept until they are fetched; the oldest give way.
    pub(crate) events: Recorded,
    pub(crate) stats: Stats,
    /// Ends of connections, in the order of [`CloseReason::ALL`].
    pub(crate) ends: [u64; CloseReason::ALL.len()],
    /// Connections with output, a new deadline or an end.
    pub(crate) woken: Vec<ConnectionId>,
    /// Connections that are to be closed and still hold their session.
    pub(crate) to_end: Vec<ConnectionId>,
}

impl Journal {
    /// Notes an event about a connection.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        id: ConnectionId,
        connection: &Connection,
        kind: EventKind,
    ) {
        self.events.push(Event {
            connection: Some(id),
            client_id: connection.client_id.clone(),
            situation: connection.situation(now),
            ..Event::new(now, kind)
        });
    }

    /// Notes an event about a client without a connection, or about neither.
    pub(crate) fn note_of(&mut self, now: Instant, client: Option<&Arc<str>>, kind: EventKind) {
        self.events.push(Event { client_id: client.cloned(), ..Event::new(now, kind) });
    }

    /// Says that the connection's side has something to do.
    pub(crate) fn wake(&mut self, id: ConnectionId, connection: &mut Connection) {
        if !connection.is_woken {
            connection.is_woken = true;
            self.woken.push(id);
        }
    }

    /// Counts a CONNECT of this client; its number among them, or 0 if
    /// no more clients are counted.
    pub(crate) fn count_connect(&mut self, client: &Arc<str>, limit: usize) -> u64 {
        self.with_client(client, limit, |stats| {
            stats.connects += 1;
            stats.connects
        })
    }

    /// Counts a CONNECT that was accepted.
    pub(crate) fn count_accepted(&mut self, client: &Arc<str>, limit: usize) {
        self.stats.connects_accepted += 1;
        self.with_client(client, limit, |stats| {
            stats.connects_accepted += 1;
            stats.connects_accepted
        });
    }

    fn with_client(
        &mut self,
        client: &Arc<str>,
        limit: usize,
        change: impl FnOnce(&mut ClientStats) -> u64,
    ) -> u64 {
        let clients = &mut self.stats.clients;
        if clients.len() >= limit && !clients.contains_key(client) {
            return 0;
        }
        change(clients.entry(client.clone()).or_default())
    }

    /// Notes that a connection is over, why, and by whom.
    pub(crate) fn note_end(
        &mut self,
        now: Instant,
        id: ConnectionId,
        connection: &Connection,
        closing: Closing,
    ) {
        let Closing { why, closer, .. } = closing;
        if let Some(count) = self.ends.get_mut(why as usize) {
            *count += 1;
        }
        self.note(now, id, connection, EventKind::Closed { why, closer });
    }

    /// Adds the counters of a connection to the totals.
    pub(crate) fn add_counts(stats: &mut Stats, connection: &Connection) {
        let silence = match connection.phase {
            Phase::Opened | Phase::Pending(_) | Phase::Requested(_) | Phase::Authenticating(..) => {
                Duration::ZERO
            }
            Phase::Online(_) | Phase::Over => connection.keep_alive.longest(),
        };
        stats.packets.merge(&connection.counts);
        stats.longest_silence = stats.longest_silence.max(silence);
        let client = connection.client_id.as_ref();
        if let Some(stats) = client.and_then(|client| stats.clients.get_mut(client)) {
            stats.packets.merge(&connection.counts);
            stats.longest_silence = stats.longest_silence.max(silence);
        }
    }

    /// Counts a packet from the client, with its event if it has one.
    pub(crate) fn received(
        &mut self,
        now: Instant,
        id: ConnectionId,
        connection: &mut Connection,
        kind: PacketType,
    ) {
        connection.counts.add_received(kind);
        if kind == PacketType::PingReq {
            self.note(now, id, connection, EventKind::PingReceived);
        }
    }
}
