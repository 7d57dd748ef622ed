//! What is known of a client over its connections.

use alloc::vec::Vec;

use super::Round;
use super::swaps::may_be_old;
use crate::event::ConnectionId;
use crate::ring::Ring;
use crate::source::SourceId;
use crate::texts::TextId;
use crate::time::Time;

/// Who a client is: its identifier, or, if no source shows that, its host and
/// the server it connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Id(TextId),
    Host { host: TextId, server: TextId },
}

/// The hosts from which a client connected, the newest few.
const HOSTS: usize = 4;

/// A client as one source sees it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) number: u32,
    pub(crate) source: SourceId,
    pub(crate) key: Key,
    /// The connections that have ended, at most 32 of them.
    pub(crate) rounds: Ring<Round, 32>,
    /// All connections that have ended, kept or not.
    pub(crate) ended: u32,
    /// When each of the newest connections began.
    pub(crate) begun: Ring<Time, 32>,
    /// Those that have not ended.
    pub(crate) live: Vec<ConnectionId>,
    /// Hosts and when each was last seen to connect.
    pub(crate) hosts: Ring<(TextId, Time), HOSTS>,
    /// The number of the newest event that was about it.
    pub(crate) touched: u64,
    /// For a host: its newest identifiers, and how many in a row were new, each
    /// after the one before had gone. For an identifier: which of that row it is.
    pub(crate) ids: Ring<TextId, 8>,
    pub(crate) new_ids: u16,
    /// For a host: the only identifier seen from it; `OTHER` if there are several.
    pub(crate) only_id: TextId,
    /// Which of its connections was the newest that may have ended as another one
    /// began, as a log says it and on the wire; counted as they ended, from 1 on.
    newest_old: [u32; 2],
    /// It has subscribed in a session that was kept.
    pub(crate) kept_session: bool,
}

impl Client {
    /// The bytes at most of what it holds beside itself and its connections.
    pub(crate) const BESIDE: usize =
        Ring::<Time, 32>::FULL + Ring::<(TextId, Time), HOSTS>::FULL + Ring::<TextId, 8>::FULL;

    pub(crate) fn new(number: u32, source: SourceId, key: Key, touched: u64) -> Self {
        Self {
            number,
            source,
            key,
            rounds: Ring::default(),
            ended: 0,
            begun: Ring::default(),
            live: Vec::new(),
            hosts: Ring::default(),
            ids: Ring::default(),
            new_ids: 0,
            touched,
            only_id: TextId::NONE,
            newest_old: [0; 2],
            kept_session: false,
        }
    }

    /// Its identifier, if it is known.
    pub(crate) fn id(&self) -> TextId {
        match self.key {
            Key::Id(id) => id,
            Key::Host { .. } => TextId::NONE,
        }
    }

    /// This connection is not, or no longer, one of its live ones.
    pub(crate) fn leaves(&mut self, connection: ConnectionId) {
        // Most that end are among the newest.
        if let Some(at) = self.live.iter().rposition(|other| *other == connection) {
            self.live.remove(at);
        }
        if self.live.len() < self.live.capacity() / 4 {
            self.live.shrink_to(self.live.len().saturating_mul(2));
        }
    }

    /// A connection began at this time.
    pub(crate) fn saw_begin(&mut self, began: Time) {
        if self.begun.last().is_none_or(|last| *last < began) {
            self.begun.push(began);
        }
    }

    pub(crate) fn saw_host(&mut self, host: TextId, at: Time) {
        if host.is_none() {
            return;
        }
        if let Some((_, seen)) = self.hosts.iter_mut().find(|(known, _)| *known == host) {
            *seen = at;
            return;
        }
        self.hosts.push((host, at));
    }

    /// For a host: counts identifiers in a row that are new. `gone`: the one
    /// before has no connection any more.
    pub(crate) fn saw_id(&mut self, id: TextId, gone: bool) -> u16 {
        let known = self.ids.iter().any(|known| *known == id);
        self.new_ids = if known || !gone { 0 } else { self.new_ids.saturating_add(1) };
        if !known {
            self.ids.push(id);
        }
        self.new_ids
    }

    /// A connection of it has ended.
    pub(super) fn add_round(&mut self, round: Round) {
        self.ended = self.ended.saturating_add(1);
        self.kept_session |= round.keeps_session();
        for (newest, wire) in self.newest_old.iter_mut().zip([false, true]) {
            if may_be_old(&round, wire) {
                *newest = self.ended;
            }
        }
        self.rounds.push(round);
    }

    /// Whether any of its rounds may have ended as another one began.
    pub(crate) fn may_have_swaps(&self, wire: bool) -> bool {
        let [in_log, on_wire] = self.newest_old;
        let newest = if wire { on_wire } else { in_log };
        newest > 0 && (self.ended.saturating_sub(newest) as usize) < self.rounds.len()
    }
}
