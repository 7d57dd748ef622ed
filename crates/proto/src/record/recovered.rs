//! What a store gives back.

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::{PacketId, Properties, Publish, SubscribeFilter, Text};

use super::{Age, Notice, Priority, Serial, StoredTime, UnixMillis};

/// What a store holds when it is opened, except the queue, of which it tells
/// the size only: that is read piece by piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The client identifier of the session; `None` for a store that is new.
    pub client_id: Option<Text>,
    /// The exchanges that hold packet identifiers, in the order in which they
    /// began (of their `Sent` records).
    pub exchanges: Vec<StoredExchange>,
    /// Identifiers of QoS 2 exchanges that were given up, and are not free yet.
    pub clearing: Vec<PacketId>,
    /// Identifiers of QoS 2 messages received and not finished.
    pub received: Vec<PacketId>,
    /// The last of the records `Unproven` and `Proven` is `Unproven`.
    pub unproven: bool,
    /// The last of the records `Time`, advanced to the age of the last message
    /// accepted since; `None` if there is none.
    pub time: Option<StoredTime>,
    /// The record `SessionUnknown` is there, and no `SessionLost` after it.
    pub session_unknown: bool,
    /// The subscriptions, in any order.
    pub subscriptions: Vec<StoredSubscription>,
    /// Queued messages by priority, index as in `Priority::Low as usize`.
    pub queued: [Count; 3],
    /// Messages in quarantine.
    pub quarantined: u64,
    /// Above every serial that any record of the store ever had.
    pub next_serial: Serial,
    /// What the store takes at most.
    pub bounds: StoreBounds,
    /// What was found as it was opened, and what was done about it.
    pub notices: Vec<Notice>,
}

/// What a store takes at most; no bounds unless it says so. Beyond them
/// messages are refused when they are handed in, before the store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreBounds {
    /// Queued messages.
    pub messages: u64,
    /// The weight of all queued messages, by [`Publish::weight`](evenkeel_codec::Publish::weight).
    pub bytes: u64,
    /// Bytes of one message, as MQTT 5 would send it.
    pub message_bytes: u64,
}

impl Default for StoreBounds {
    fn default() -> Self {
        Self { messages: u64::MAX, bytes: u64::MAX, message_bytes: u64::MAX }
    }
}

/// Messages and their weight, by [`Publish::weight`](evenkeel_codec::Publish::weight).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Their number.
    pub messages: u64,
    /// The weight of them all.
    pub bytes: u64,
}

/// An exchange of an outgoing message that was under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredExchange {
    /// In use until the exchange is over.
    pub packet_id: PacketId,
    /// The serial of the message, by which the queue names it.
    pub serial: Serial,
    /// What it waits for.
    pub phase: Phase,
}

/// What a stored exchange waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// PUBACK or PUBREC: the message may have to be sent again.
    Unanswered(Box<StoredMessage>),
    /// PUBCOMP: PUBREL has to be sent again.
    Released,
    /// PUBCOMP; the message may have to be sent anew.
    ReleasedAndKept(Box<StoredMessage>),
}

/// A message out of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its name in the queue and in the store, never given twice.
    pub serial: Serial,
    /// The message.
    pub publish: Publish,
    /// When it was accepted, by the wall clock.
    pub accepted: UnixMillis,
    /// That time and how long it may wait; `None` forever. Whether it has
    /// expired is told by the age.
    pub expires: Option<UnixMillis>,
    /// How old the store was when it was accepted, if that is known.
    pub age: Option<Age>,
    /// Its place in the queue.
    pub priority: Priority,
    /// Queued, in flight or in quarantine.
    pub state: StoredState,
}

/// Where a stored message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredState {
    /// Waits to be sent.
    Queued,
    /// Its exchange is under way.
    Sent(PacketId),
    /// In quarantine.
    Quarantined {
        /// Connections that were cut with it in flight.
        deaths: u8,
        /// How often it was sent.
        attempts: u32,
    },
}

/// A subscription that the server granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSubscription {
    /// Filter and options.
    pub filter: SubscribeFilter,
    /// Subscription identifier and user properties.
    pub properties: Properties,
}
