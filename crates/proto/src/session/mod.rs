//! What survives a connection: exchanges in flight, the queue, received
//! QoS 2 identifiers and subscriptions (laws D1-D9). With a store it survives
//! the process too, by what the journal records.

pub(crate) mod control;
pub(crate) mod doubts;
pub(crate) mod flights;
mod held;
pub(crate) mod inbound;
pub(crate) mod journal;
mod levels;
mod owed;
pub(crate) mod quarantine;
pub(crate) mod queue;
mod receipts;
pub(crate) mod replay;
mod slots;
pub(crate) mod subscriptions;

use crate::config::Config;
use crate::operation::{Claim, Report};
use crate::record::Serial;
use crate::time::{Instant, StoreClock};

use doubts::Doubts;
use flights::Flights;
use inbound::Inbound;
use journal::Slot;
use quarantine::Quarantine;
use queue::Queue;
use replay::Replay;
use subscriptions::Subscriptions;

/// The client's half of the session state.
#[derive(Debug)]
pub(crate) struct Session {
    /// Exchanges that hold a packet identifier.
    pub(crate) flights: Flights,
    /// Identifiers that the server may hold without our knowledge.
    pub(crate) doubts: Doubts,
    /// Messages accepted and not yet sent.
    pub(crate) queue: Queue,
    /// Messages that connections died of, if no store keeps them.
    pub(crate) quarantine: Quarantine,
    /// What has to be sent again before anything new.
    pub(crate) replay: Replay,
    /// What the server has sent us and we have not finished.
    pub(crate) inbound: Inbound,
    /// Filters, and the SUBSCRIBE and UNSUBSCRIBE operations on their way.
    pub(crate) subscriptions: Subscriptions,
    /// Between all this and the store, if there is one.
    pub(crate) journal: Slot,
    /// True once the server has accepted this session.
    pub(crate) established: bool,
    /// A CONNECT went out that no CONNACK answered: the server may have begun
    /// a session with it that we take for ours when it is resumed.
    pub(crate) unproven: bool,
    /// An earlier run began this session.
    pub(crate) inherited: bool,
    /// If the server has a session, it may be one that nothing here knows of.
    pub(crate) unknown: bool,
    /// When an identifier was given back last.
    pub(crate) clearing_since: Instant,
    /// By it stored times are read.
    pub(crate) clock: StoreClock,
    next_serial: Serial,
}

impl Session {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            flights: Flights::default(),
            doubts: Doubts::default(),
            queue: Queue::new(config.queue),
            quarantine: Quarantine::default(),
            replay: Replay::default(),
            inbound: Inbound::default(),
            subscriptions: Subscriptions::default(),
            journal: Slot::default(),
            established: false,
            unproven: false,
            inherited: false,
            unknown: true,
            clearing_since: Instant::default(),
            clock: StoreClock::default(),
            next_serial: Serial(1),
        }
    }

    /// Names the messages to come from this one on.
    #[cfg(feature = "store")]
    pub(crate) const fn number_from(&mut self, next: Serial) {
        // 0 is no name.
        self.next_serial = if next.0 == 0 { Serial(1) } else { next };
    }

    /// A message in the store may expire, as it does if there is a time.
    pub(crate) fn note_expiry(&mut self, expires: Option<Instant>) {
        if expires.is_some()
            && let Some(journal) = self.journal.as_mut()
        {
            journal.watch_time();
        }
    }

    /// The serial of the message that is accepted next.
    pub(crate) const fn upcoming(&self) -> Serial {
        self.next_serial
    }

    /// A name for a message that is accepted.
    pub(crate) const fn claim(&mut self, report: Report, stored: bool) -> Claim {
        let serial = self.next_serial;
        self.next_serial = serial.next();
        Claim { report, serial, stored }
    }
}
