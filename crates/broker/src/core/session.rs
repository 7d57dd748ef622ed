//! Sessions: what outlives a connection.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use evenkeel_codec::{PacketId, PacketType, TopicFilter};

use super::ids::{ConnectionId, SessionId};
use super::inflight::Inflight;
use super::queue::Queue;
use super::subscription::Subscription;
use super::time::Instant;
use super::will::PendingWill;

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
    /// Seconds the session outlives its connection; `u32::MAX` is without end.
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
    /// On whose account it is.
    pub(crate) owner: Arc<str>,
    /// Counts the ends of connections: the lower, the longer it has none.
    pub(crate) away_since: u64,
    /// What the will takes, that of the connection or one that waits.
    pub(crate) will_bytes: usize,
}

/// How many messages a session holds for its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Sent, and not acknowledged.
    pub(crate) in_flight: u32,
    /// Waiting.
    pub(crate) queued: u32,
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
            owner: Arc::default(),
            away_since: 0,
            will_bytes: 0,
        }
    }

    /// Messages that were stored for the client.
    pub(crate) fn stored(&self) -> usize {
        self.queue.len() + self.inflight.stored()
    }

    pub(crate) fn load(&self) -> Load {
        let fit = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Load { in_flight: fit(self.inflight.stored()), queued: fit(self.queue.len()) }
    }

    /// True if something may be sent within this window.
    pub(crate) fn has_unsent(&self, window: u16) -> bool {
        self.inflight.unsent() > 0 || self.queue.has_next(self.inflight.has_room(window))
    }

    /// What messages take that wait, that are on their way and that may come
    /// of a will, in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.queue.bytes() + self.inflight.bytes() + self.will_bytes
    }
}

/// All sessions, by number and by client identifier.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// In boxes, as a map keeps room for more.
    by_id: BTreeMap<SessionId, Box<Session>>,
    by_client: BTreeMap<Arc<str>, SessionId>,
    created: u64,
    /// Ends of connections so far.
    left: u64,
    /// What the messages of all sessions take.
    held_bytes: usize,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Messages that wait, of all sessions.
    pub(crate) fn queued(&self) -> usize {
        self.by_id.values().map(|session| session.queue.len()).sum()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.by_id.get(&id).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.by_id.get_mut(&id).map(Box::as_mut)
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

    /// What the messages of all sessions take, in bytes.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Says that the messages of a session have changed from so many bytes.
    pub(crate) fn recount(&mut self, id: SessionId, before: usize) {
        let now = self.get(id).map_or(0, Session::bytes);
        self.held_bytes = (self.held_bytes + now).saturating_sub(before);
    }

    /// The session has lost its connection.
    pub(crate) fn on_left(&mut self, id: SessionId) {
        self.left += 1;
        let left = self.left;
        if let Some(session) = self.get_mut(id) {
            session.connection = None;
            session.away_since = left;
        }
    }

    /// The session that gives way to a new one: of those without a connection,
    /// the one that has been so for longest, of the owner who has most sessions.
    pub(crate) fn oldest_away(&self) -> Option<SessionId> {
        let mut owned = BTreeMap::<&str, usize>::new();
        for session in self.by_id.values() {
            *owned.entry(&session.owner).or_default() += 1;
        }
        let away = self.by_id.iter().filter(|(_, session)| session.connection.is_none());
        let rank =
            |session: &Session| (owned.get(&*session.owner).copied(), Reverse(session.away_since));
        away.max_by_key(|(_, session)| rank(session)).map(|(id, _)| *id)
    }

    /// Makes a session; the caller has ended an earlier one of this client.
    pub(crate) fn create(&mut self, client_id: Arc<str>) -> SessionId {
        self.created += 1;
        let id = SessionId(self.created);
        self.by_client.insert(client_id.clone(), id);
        self.by_id.insert(id, Box::new(Session::new(client_id)));
        id
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.by_id.remove(&id)?;
        self.by_client.remove(&session.client_id);
        self.held_bytes = self.held_bytes.saturating_sub(session.bytes());
        debug_assert!(!self.by_id.is_empty() || self.held_bytes == 0, "all is counted");
        Some(*session)
    }
}
