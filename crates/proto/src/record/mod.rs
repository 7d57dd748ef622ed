//! What a durable session is made of: the records a store keeps, and what it
//! gives back. How they look on disk is the store's own affair.
//!
//! A store is the sum of the records committed to it, in order. The core says
//! what to commit by `Output::Commit`, one [`Batch`] at a
//! time, and holds back every packet that promises something until the records
//! behind that promise are committed.

mod batch;
mod notice;
mod recovered;
mod time;

use core::fmt;

use evenkeel_codec::{PacketId, Publish, ReasonCode, Text, TopicFilter};

pub use batch::{Batch, BatchId, Committed, Read, StorageFailure, Window};
pub use notice::{Notice, NoticeKind};
pub use recovered::{
    Count, Phase, Recovered, StoreBounds, StoredExchange, StoredMessage, StoredState,
    StoredSubscription,
};
pub use time::{Age, BootId, Moment, StoredTime, UnixMillis};

/// Names one accepted message forever: ascending in order of acceptance,
/// never used twice in one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(pub u64);

impl Serial {
    /// The one after this; the last of all is followed by itself.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of the queued messages go first. Order is kept among messages of
/// equal priority only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// After all others.
    Low = 0,
    /// That of a message that says nothing else.
    #[default]
    Normal = 1,
    /// Before all others.
    High = 2,
}

impl Priority {
    /// All, the first to be sent first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The priority with this number, as in `Priority::High as u8`.
    pub const fn from_level(level: u8) -> Option<Self> {
        match level {
            0 => Some(Self::Low),
            1 => Some(Self::Normal),
            2 => Some(Self::High),
            _ => None,
        }
    }
}

/// One change of a durable session. Records that name a message, an exchange
/// or a filter the store does not know change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The client identifier under which the server holds the session.
    Identity {
        /// Never empty.
        client_id: Text,
    },
    /// A message was accepted: from now on it is queued.
    Accepted(Accepted),
    /// The exchange of a queued message began: it holds this packet
    /// identifier, and may be on its way.
    Sent {
        /// Which message.
        serial: Serial,
        /// Held until `Done` or `Quarantined`.
        packet_id: PacketId,
    },
    /// PUBREC came: the server owns the message, whose content is of no more
    /// use. PUBREL and PUBCOMP are left.
    Released {
        /// Which message.
        serial: Serial,
    },
    /// PUBREC came, as with `Released`, and the content is kept: if the server
    /// loses the session, the message is sent anew, which is another `Sent` that
    /// leaves the exchange its place in the order.
    ReleasedAndKept {
        /// Which message.
        serial: Serial,
    },
    /// The message has its outcome: nothing of it is left.
    Done {
        /// Which message, in whatever state.
        serial: Serial,
        /// How it ended.
        outcome: Outcome,
    },
    /// The message left its exchange and the queue, as connections died of it.
    /// It is kept to be looked at, removed or queued again.
    Quarantined {
        /// Which message.
        serial: Serial,
        /// Connections that were cut with it in flight.
        deaths: u8,
        /// How often it was sent.
        attempts: u32,
    },
    /// A QoS 2 message from the server is handled: PUBREC follows, and no copy
    /// of it is delivered from now on.
    Received {
        /// The server's identifier.
        packet_id: PacketId,
    },
    /// PUBREL came: PUBCOMP follows, and the identifier may mean another message.
    Finished {
        /// The server's identifier.
        packet_id: PacketId,
    },
    /// A QoS 2 exchange of ours was given up, and its message has left it: the
    /// server may hold this identifier until PUBREL, so that it is in use.
    Clearing {
        /// Held until `Freed`.
        packet_id: PacketId,
    },
    /// The server holds such an identifier no more.
    Freed {
        /// Which.
        packet_id: PacketId,
    },
    /// The server granted a subscription, or granted it anew.
    Subscribed(StoredSubscription),
    /// A subscription is over.
    Unsubscribed {
        /// Which.
        filter: TopicFilter,
    },
    /// The server has forgotten the session: what was `Received` is void, and
    /// `SessionUnknown` is over. Messages, exchanges and subscriptions stay; they
    /// are begun anew.
    SessionLost,
    /// The store is new: a session that the server has may be older, and hold
    /// packet identifiers that are not known here.
    SessionUnknown,
    /// A CONNECT goes out: the server may begin a session of which nothing
    /// here is true, and this process may die before it knows.
    Unproven,
    /// The server's session holds what is said here, subscriptions included.
    Proven,
    /// What all clocks showed at one moment. Each process begins with
    /// one; one with a lower age than the last changes nothing.
    Time(StoredTime),
}

/// A message as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Names it.
    pub serial: Serial,
    /// The message; packet identifier and DUP flag mean nothing.
    pub publish: Publish,
    /// When it was accepted, by the wall clock.
    pub accepted: UnixMillis,
    /// That time and how long it may wait; `None` forever. Whether it has
    /// expired is told by the age.
    pub expires: Option<UnixMillis>,
    /// How old the store was when it was accepted; `None` if it does not
    /// expire, and in stores of version 0.1.0.
    pub age: Option<Age>,
    /// Its place in the queue.
    pub priority: Priority,
}

/// How a message ended, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it.
    Delivered,
    /// The server refused it.
    Refused(ReasonCode),
    /// Its message expiry interval ended in the queue.
    Expired,
    /// What the server announced does not allow it.
    NotAllowed,
    /// It gave way to another one, by the policy for a full queue.
    Dropped,
    /// The application removed it.
    Removed,
    /// The application queued it again, under this name.
    Requeued(Serial),
    /// The server may have it, or may have lost it.
    Uncertain,
}
