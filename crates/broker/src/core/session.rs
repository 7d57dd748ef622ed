use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use evenkeel_codec::{PacketId, PacketType, TopicFilter};

use super::connection::ConnectionId;
use super::inflight::Inflight;
use super::queue::Queue;
use super::router::Subscription;
use super::time::Instant;
use super::will::PendingWill;

/// Numbers a session; never used again, so a late timer finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId(pub(crate) u64);

/// What the broker keeps for a client identifier, connected or not.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client_id: Arc<str>,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) subscriptions: BTreeMap<TopicFilter, Subscription>,
    pub(crate) queue: Queue,
    pub(crate) inflight: Inflight,
    /// QoS 2 messages received and not yet released, by packet identifier.
    pub(crate) unreleased: BTreeSet<u16>,
    /// Seconds the session outlives its connection; `u32::MAX` is for ever.
    pub(crate) expiry: u32,
    pub(crate) will: Option<PendingWill>,
    /// When it ends, while it has no connection.
    pub(crate) ends: Option<Instant>,
    /// Acknowledgements held back until the queue is shorter.
    pub(crate) held: VecDeque<Held>,
    /// When the first of them has waited for long enough.
    pub(crate) held_timer: Option<Instant>,
    /// A full queue has been reported and has not been half empty since.
    pub(crate) full_reported: bool,
}

/// An acknowledgement that a publisher waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) until: Instant,
    pub(crate) publisher: ConnectionId,
    pub(crate) kind: PacketType,
    pub(crate) packet_id: PacketId,
}

impl Session {
    fn new(client_id: Arc<str>) -> Self {
        Self {
            client_id,
            connection: None,
            subscriptions: BTreeMap::new(),
            queue: Queue::default(),
            inflight: Inflight::default(),
            unreleased: BTreeSet::new(),
            expiry: 0,
            will: None,
            ends: None,
            held: VecDeque::new(),
            held_timer: None,
            full_reported: false,
        }
    }
}

/// All sessions, by number and by client identifier.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_id: BTreeMap<SessionId, Session>,
    by_client: BTreeMap<Arc<str>, SessionId>,
    created: u64,
    /// Bytes in all queues.
    pub(crate) queued_bytes: usize,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn find(&self, client_id: &str) -> Option<SessionId> {
        self.by_client.get(client_id).copied()
    }

    pub(crate) fn ids(&self) -> Vec<SessionId> {
        self.by_id.keys().copied().collect()
    }

    pub(crate) fn is_online(&self, id: SessionId) -> bool {
        self.get(id).is_some_and(|session| session.connection.is_some())
    }

    /// Makes a session; the caller has ended an earlier one of this client.
    pub(crate) fn create(&mut self, client_id: Arc<str>) -> SessionId {
        self.created += 1;
        let id = SessionId(self.created);
        self.by_client.insert(client_id.clone(), id);
        self.by_id.insert(id, Session::new(client_id));
        id
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.by_id.remove(&id)?;
        self.by_client.remove(&session.client_id);
        self.queued_bytes -= session.queue.bytes();
        Some(session)
    }
}
