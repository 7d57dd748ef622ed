//! What the application asks for, and how each request ends (D1).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{PacketId, PacketType, Properties, ReasonCode};

use crate::cause::Refusal;
use crate::profile::BrokenLimit;
use crate::record::{Outcome, Serial, StorageFailure, StoredMessage};

/// The caller's number for an operation; comes back with its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// How the outcome of a message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Nobody asked. That of a stored message is an event all the same.
    Nobody,
    /// By a completion.
    Completion(Token),
    /// By an event: it was queued again, with a store or without.
    Event,
}

impl Report {
    /// What the caller asked for.
    pub(crate) const fn of(token: Option<Token>) -> Self {
        match token {
            Some(token) => Self::Completion(token),
            None => Self::Nobody,
        }
    }
}

/// Who asks for the outcome of a message, and which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) report: Report,
    pub(crate) serial: Serial,
    /// The store has it, or is about to.
    pub(crate) stored: bool,
}

/// How an accepted operation ended. Each accepted operation with a token
/// ends in exactly one of these; `Stored` and `Answered` are no ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Completion {
    /// A publish is stored: from now on it survives this process. Its outcome
    /// is still to come, or came before.
    Stored {
        /// That of the request.
        token: Token,
        /// Names the message in the store.
        serial: Serial,
    },
    /// The server said more than a code about an operation, whose outcome is
    /// still to come: PUBACK, PUBREC, PUBCOMP, SUBACK or UNSUBACK had a reason
    /// string or user properties. An operation that is sent in parts has one
    /// for each such answer.
    Answered {
        /// That of the request.
        token: Token,
        /// What it said.
        answer: Box<Answer>,
    },
    /// A publish is over.
    Publish {
        /// That of the request.
        token: Token,
        /// How it ended.
        result: Result<Delivered, DeliveryError>,
    },
    /// A subscribe is over: one code per filter, in order.
    Subscribe {
        /// That of the request.
        token: Token,
        /// Granted QoS or failure of each filter.
        result: Result<Vec<ReasonCode>, SubscribeError>,
    },
    /// An unsubscribe is over: one code per filter, in order.
    Unsubscribe {
        /// That of the request.
        token: Token,
        /// Outcome for each filter; all success before MQTT 5.
        result: Result<Vec<ReasonCode>, SubscribeError>,
    },
    /// A message was to be taken out of the queue or the quarantine.
    Removed {
        /// That of the request.
        token: Token,
        /// The message, which is the caller's now.
        result: Result<Box<StoredMessage>, QueueError>,
    },
    /// A message was to leave the quarantine for the queue.
    Requeued {
        /// That of the request.
        token: Token,
        /// Its new name, at the end of the queue of its priority.
        result: Result<Serial, QueueError>,
    },
}

impl Completion {
    /// That of the request.
    pub const fn token(&self) -> Token {
        match self {
            Self::Stored { token, .. }
            | Self::Answered { token, .. }
            | Self::Publish { token, .. }
            | Self::Subscribe { token, .. }
            | Self::Unsubscribe { token, .. }
            | Self::Removed { token, .. }
            | Self::Requeued { token, .. } => *token,
        }
    }
}

/// What an acknowledgement of the server says beside its outcome (MQTT 5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Which packet it was.
    pub packet_type: PacketType,
    /// Of which exchange.
    pub packet_id: PacketId,
    /// Its reason code; `None` for SUBACK and UNSUBACK, which have one for each
    /// filter.
    pub reason: Option<ReasonCode>,
    /// Reason string and user properties.
    pub properties: Properties,
}

/// What became of an acknowledgement that the application gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Acknowledged {
    /// It goes out as it was given.
    AsGiven,
    /// It goes out with another code: the packet has not the one that was
    /// given, or the version spoken has none.
    Replaced(ReasonCode),
    /// Nothing goes out: the connection or the exchange is over.
    Stale,
}

/// Why an acknowledgement is not sent; the message is still to be acknowledged,
/// unless it is `Stale`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// The version spoken has no codes and no properties in acknowledgements:
    /// there, nothing but success can be sent.
    NeedsV5,
    /// PUBACK and PUBREC have not this code.
    Reason(ReasonCode),
    /// PUBACK and PUBREC have reason string and user properties, and no other.
    Property(evenkeel_codec::PropertyId),
    /// The broker's profile does not allow it.
    Profile(Box<BrokenLimit>),
    /// The connection or the exchange is over: the server sends the message
    /// again if it is still to be acknowledged.
    Stale,
}

/// Why a queued message could not be removed or queued again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// There is no such message; it may have had its outcome meanwhile.
    Unknown,
    /// Its exchange is under way: its outcome is to come.
    InFlight,
    /// Only a message in quarantine can be queued again.
    NotQuarantined,
    /// The queue does not take it now.
    Rejected(RejectReason),
    /// The store could not be read.
    Storage(StorageFailure),
}

/// A message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Success, or no matching subscribers.
    pub reason: ReasonCode,
    /// The identifier it travelled under; `None` for QoS 0.
    pub packet_id: Option<PacketId>,
    /// How often it was sent.
    pub attempts: u32,
    /// From the last sending to the acknowledgement; `None` for QoS 0. The
    /// sending is dated by the instant given with the publish: in a task that
    /// publishes without ever yielding that may be the beginning of its loop.
    pub round_trip: Option<Duration>,
}

/// Why an accepted message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The server refused it with this code in PUBACK, PUBREC or PUBCOMP.
    Refused {
        /// The server's code, `0x80` or above.
        reason: ReasonCode,
        /// How often it was sent.
        attempts: u32,
    },
    /// The server answered it as if of another QoS: PUBACK when PUBREC is due
    /// for QoS 2 (RabbitMQ 3 does, having no QoS 2), or PUBREC when PUBACK is
    /// due for QoS 1. It has the message, but not on the terms asked for.
    WrongAcknowledgement {
        /// The packet that was due.
        expected: PacketType,
        /// The packet that came.
        came: PacketType,
        /// The code in it; success before MQTT 5.
        reason: ReasonCode,
        /// How often it was sent.
        attempts: u32,
    },
    /// Its message expiry interval ended in the queue.
    Expired {
        /// How long it was queued.
        queued: Duration,
    },
    /// QoS 0, and the connection ended before it was written.
    ConnectionLost,
    /// Two connections died with it in flight: quarantined.
    Quarantined {
        /// Deaths of connections while it was unacknowledged.
        deaths: u8,
        /// How often it was sent.
        attempts: u32,
    },
    /// What the server announced at the latest connect does not allow it.
    NotAllowed(PublishLimit),
    /// Undelivered when the client was shut down or halted.
    Abandoned {
        /// How often it was sent; 0 if never.
        attempts: u32,
    },
    /// Undelivered when the client halted, as it was refused for good; that is
    /// not the server's word about this message.
    ConnectionRefused {
        /// By whom and how.
        refusal: Refusal,
        /// How often it was sent; 0 if never.
        attempts: u32,
    },
    /// Undelivered when the client was shut down or halted; the store keeps
    /// it, and the next client with that store goes on with it.
    StillStored {
        /// How often it was sent; 0 if never.
        attempts: u32,
    },
    /// The store could not take it: it is not accepted, and was never sent.
    NotStored(StorageFailure),
    /// It gave way in a full queue ([`WhenFull`](crate::WhenFull)).
    Dropped,
    /// A later message of its topic took its place
    /// ([`WhenFull::LatestPerTopic`](crate::WhenFull::LatestPerTopic)).
    Superseded,
    /// The application took it out of the queue.
    Removed,
    /// The application gave it up in flight
    /// ([`Client::abandon`](crate::Client::abandon)): the server may have it.
    Withdrawn {
        /// How often it was sent; 0 if never.
        attempts: u32,
    },
    /// The server may have it, or may have lost it: QoS 2, and its
    /// session was lost between PUBREC and PUBCOMP; or its packet identifier
    /// may have stood for an older message of a session that this client did
    /// not begin. [`WhenUncertain`](crate::WhenUncertain) has it sent anew.
    Uncertain {
        /// How often it was sent.
        attempts: u32,
    },
}

impl Outcome {
    /// What the store is told; `None` if it keeps the message, or never had it.
    pub(crate) const fn of(result: &Result<Delivered, DeliveryError>) -> Option<Self> {
        Some(match result {
            Ok(_) => Self::Delivered,
            Err(DeliveryError::Refused { reason, .. }) => Self::Refused(*reason),
            Err(DeliveryError::WrongAcknowledgement { .. }) => {
                Self::Refused(ReasonCode::PROTOCOL_ERROR)
            }
            Err(DeliveryError::Expired { .. }) => Self::Expired,
            Err(DeliveryError::NotAllowed(_)) => Self::NotAllowed,
            Err(
                DeliveryError::Dropped | DeliveryError::Superseded | DeliveryError::ConnectionLost,
            ) => Self::Dropped,
            Err(
                DeliveryError::Removed
                | DeliveryError::Withdrawn { .. }
                | DeliveryError::Abandoned { .. }
                | DeliveryError::ConnectionRefused { .. },
            ) => Self::Removed,
            Err(DeliveryError::Uncertain { .. }) => Self::Uncertain,
            Err(
                DeliveryError::Quarantined { .. }
                | DeliveryError::StillStored { .. }
                | DeliveryError::NotStored(_),
            ) => return None,
        })
    }
}

/// Which limit a publish breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishLimit {
    /// The packet is longer than the server's or profile's maximum.
    PacketSize {
        /// Bytes of the whole packet.
        size: usize,
        /// The maximum.
        limit: u32,
    },
    /// The server's Maximum QoS is lower.
    QoS {
        /// The server's.
        maximum: evenkeel_codec::QoS,
    },
    /// The server keeps no retained messages.
    Retain,
    /// The protocol version that is spoken has no properties.
    Property {
        /// The first that the message has.
        id: evenkeel_codec::PropertyId,
        /// The version.
        version: evenkeel_codec::Version,
    },
    /// The application gave a topic alias above what the server takes
    /// ([`TopicAliases::Manual`](crate::TopicAliases::Manual)).
    TopicAlias {
        /// The alias.
        alias: u16,
        /// The server's maximum; 0 if it takes none.
        maximum: u16,
    },
    /// The message has a topic alias and no topic, and the alias was not used
    /// with a topic before.
    UnknownTopicAlias {
        /// The alias.
        alias: u16,
    },
    /// The packet cannot be encoded.
    Encode(evenkeel_codec::EncodeError),
    /// The broker's profile does not allow it.
    Profile(Box<BrokenLimit>),
}

/// Why a publish was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectReason {
    /// The queue is at its bound in messages or bytes: try again later.
    QueueFull {
        /// Messages queued.
        messages: usize,
        /// Bytes queued.
        bytes: usize,
    },
    /// The write buffer is at its bound: try again when bytes are written.
    WriteBufferFull,
    /// QoS 0 while offline, and the policy keeps none.
    Offline,
    /// A limit of the server or the configuration forbids it.
    NotAllowed(PublishLimit),
    /// It is useful only to those who are there now (a message expiry interval
    /// of 0), and the client is offline.
    Expired,
    /// The client is shutting down or halted.
    Closed,
    /// The client has halted, as it was refused for good.
    ConnectionRefused(Refusal),
    /// As many messages as may be are on their way into the store: try again
    /// when it has caught up.
    StoreBusy,
    /// The store fails: nothing is accepted until it works again.
    Storage(StorageFailure),
    /// All 65,535 packet identifiers are in use, and one was asked for: try
    /// again when an exchange is over.
    NoIdentifier,
}

impl RejectReason {
    /// True if the same message may be accepted later.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::QueueFull { .. } | Self::WriteBufferFull | Self::StoreBusy | Self::NoIdentifier
        )
    }
}

/// Why a SUBSCRIBE or UNSUBSCRIBE had no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// No filter was given.
    NoFilter,
    /// Too many operations wait already.
    TooManyOperations {
        /// The bound.
        limit: usize,
    },
    /// The server announced that it lacks this.
    NotSupported(SubscribeFeature),
    /// The packet is larger than the server accepts, or cannot be encoded, or the
    /// profile does not allow it.
    NotAllowed(PublishLimit),
    /// Two connections died with it unanswered: quarantined.
    Quarantined {
        /// Deaths of connections while it was unanswered.
        deaths: u8,
    },
    /// Unanswered when the client was shut down or halted.
    Abandoned,
    /// Unanswered when the client halted, as it was refused for good.
    ConnectionRefused(Refusal),
}

/// What a server may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscribeFeature {
    /// `+` and `#` in filters.
    Wildcards,
    /// `$share` filters.
    SharedSubscriptions,
    /// Subscription identifiers.
    SubscriptionIdentifiers,
    /// Properties of SUBSCRIBE and UNSUBSCRIBE, before MQTT 5.
    Properties,
    /// To leave out what the client publishes itself, before MQTT 5.
    NoLocal,
    /// The retain flag as published, before MQTT 5.
    RetainAsPublished,
    /// A choice of when retained messages are sent, before MQTT 5.
    RetainHandling,
}
