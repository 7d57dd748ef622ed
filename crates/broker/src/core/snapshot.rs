//! How the broker stands, for metrics.

use std::collections::BTreeMap;

use super::Core;
use super::event::CloseReason;
use super::journal::Journal;
use super::stats::Stats;

/// How the broker stands, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The counters of all clients together: [`Stats::clients`] is empty.
    pub stats: Stats,
    /// How many connections ended for each reason.
    pub ends: Vec<(CloseReason, u64)>,
    /// Sessions, with and without a connection.
    pub sessions: usize,
    /// Subscriptions of all sessions.
    pub subscriptions: usize,
    /// Retained messages, `$SYS` included.
    pub retained: usize,
    /// Messages that wait for a client, those on the way not counted.
    pub queued: usize,
    /// What the messages of all sessions take, in bytes.
    pub session_bytes: usize,
    /// Whether clients can connect.
    pub listening: bool,
}

impl Core {
    /// How it stands; goes through connections and sessions. A core does not listen.
    pub fn snapshot(&self) -> Snapshot {
        let counted = &self.journal.stats;
        let mut stats = Stats {
            quota_breaks: counted.quota_breaks.clone(),
            packets: counted.packets.clone(),
            clients: BTreeMap::new(),
            ..*counted
        };
        for connection in self.connections.values() {
            Journal::add_counts(&mut stats, connection);
        }
        Snapshot {
            stats,
            ends: CloseReason::ALL.into_iter().zip(self.journal.ends).collect(),
            sessions: self.sessions.len(),
            subscriptions: self.router.len(),
            retained: self.retained.len(),
            queued: self.sessions.queued(),
            session_bytes: self.sessions.held_bytes(),
            listening: false,
        }
    }
}
