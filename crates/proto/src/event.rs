//! What the core tells of its own accord.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{PacketId, Properties, ReasonCode, Text, TopicFilter, Version};

use crate::cause::DisconnectCause;
use crate::io::ConnectionId;
use crate::keepalive::Pong;
use crate::operation::{Answer, DeliveryError};
use crate::pace::RateWait;
use crate::reconnect::{Halt, Repetition, Retry};
use crate::record::{Notice, Serial, StorageFailure};
use crate::time::Instant;

/// Something worth telling. Payloads and secrets are never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection is being opened.
    Connecting {
        /// The name of the connection in all that follows.
        conn: ConnectionId,
        /// Number of the attempt since the last stable connection, from 1.
        attempt: u32,
        /// Index of the server.
        server: usize,
    },
    /// CONNACK accepted the connection.
    Connected(Arc<Connected>),
    /// Re-authentication has succeeded, on both sides.
    Reauthenticated {
        /// The connection.
        conn: ConnectionId,
    },
    /// A connection is over, or an attempt has failed.
    Disconnected {
        /// The name of the connection in all that follows.
        conn: ConnectionId,
        /// Why.
        cause: Box<DisconnectCause>,
        /// How long it was online; `None` if it never was.
        online_for: Option<Duration>,
    },
    /// The next attempt is set.
    RetryScheduled {
        /// When and why then.
        retry: Retry,
        /// From now.
        delay: Duration,
    },
    /// There will be no further attempt.
    Halted(Halt),
    /// The next attempt speaks this version, and the last one another: 3.1.1
    /// if MQTT 5 was refused or met no answer, and MQTT 5 again after that.
    VersionFallback(Version),
    /// The same end over and over.
    Loop(Repetition),
    /// A PINGREQ was written.
    PingSent,
    /// A PINGRESP came.
    PongReceived(Pong),
    /// A ping was written off: it had no answer, though the connection is alive
    /// or the next one is due. An answer that comes yet closes nothing.
    PingUnanswered {
        /// Time since it was written.
        after: Duration,
        /// Whether anything came since: the link is alive then. If nothing
        /// came, the next ping goes out and the link is still in doubt.
        heard: bool,
    },
    /// Subscriptions are asked for again after the server lost the session.
    SubscriptionsRestoring {
        /// How many filters.
        filters: usize,
    },
    /// The server lost the session, and its subscriptions are not asked for
    /// again, as [`restore_subscriptions`](crate::Config::restore_subscriptions)
    /// is false.
    SubscriptionsForgotten {
        /// How many filters.
        filters: usize,
    },
    /// The server refused a filter that it had granted before.
    SubscriptionLost {
        /// Which.
        filter: TopicFilter,
        /// Its code.
        reason: ReasonCode,
    },
    /// Reading stopped, as the application does not take its messages.
    ReadingPaused,
    /// Reading goes on.
    ReadingResumed,
    /// The server said more than a code in a packet that no operation with a
    /// token waits for: in PUBREL, or about restored subscriptions.
    Answered(Box<Answer>),
    /// The server has more exchanges open with us than our receive maximum; told
    /// once for each connection, counted in
    /// [`Stats::receive_maximum_exceeded`](crate::Stats::receive_maximum_exceeded).
    /// It is held back as an application holds it back, and nothing is lost.
    ReceiveMaximumExceeded {
        /// What we announced.
        maximum: u16,
    },
    /// The application has finished no message for ten seconds, and those that
    /// wait for it use up our receive maximum: the server may send no further
    /// message of QoS 1 and 2. So it is if messages are to be acknowledged by
    /// hand and never are.
    DeliveryStalled {
        /// Messages that the server has no answer to.
        unacknowledged: usize,
    },
    /// The server may send again after [`DeliveryStalled`](Self::DeliveryStalled),
    /// or that connection is over.
    DeliveryResumed,
    /// A packet was in flight at the death of too many connections.
    Quarantined {
        /// The topic of the message, or the filter of the SUBSCRIBE or UNSUBSCRIBE.
        topic: Option<Text>,
        /// Deaths of connections with it in flight.
        deaths: u8,
        /// Names the message, which is kept: it can be looked at, removed, or
        /// queued again. `None` for a SUBSCRIBE or UNSUBSCRIBE.
        serial: Option<Serial>,
    },
    /// The store gave back what an earlier run had left.
    Recovered {
        /// Exchanges that were under way.
        exchanges: usize,
        /// Messages that wait to be sent.
        queued: usize,
        /// Messages in quarantine.
        quarantined: u64,
        /// Subscriptions.
        subscriptions: usize,
    },
    /// The store told something of its files as it was opened.
    StoreNotice(Box<Notice>),
    /// A stored message that nobody holds a receipt for has its outcome:
    /// mostly one that an earlier run accepted. So has one that was queued
    /// again out of quarantine, stored or not.
    Settled {
        /// Which message.
        serial: Serial,
        /// How it ended.
        result: Result<(), DeliveryError>,
    },
    /// The store failed; messages that would have to be stored are refused
    /// until it works again.
    StoreFailed {
        /// How.
        failure: StorageFailure,
        /// It is tried again after this time.
        retry: Duration,
    },
    /// The store works again.
    StoreRestored,
    /// The connection that was left to be renewed, before the end of its life or
    /// as acknowledgements were withheld, has its successor.
    Renewed {
        /// From the DISCONNECT of the one to the CONNACK of the other.
        gap: Duration,
    },
    /// The server, which is known to discard without a word what is published
    /// too fast, answers later packets and not these: it has discarded them. One
    /// renewed connection sends them again.
    AcknowledgementsWithheld {
        /// The exchanges, the oldest first, at most 100.
        packet_ids: Vec<PacketId>,
        /// How long the oldest has waited.
        after: Duration,
    },
    /// Files of certificates and keys say something new, which this attempt
    /// uses.
    FilesRenewed {
        /// The attempt.
        conn: ConnectionId,
    },
    /// Files of certificates and keys can't be used as they are, such as a new
    /// certificate beside the old key: this attempt uses what they said before.
    /// What is wrong stands beside the event.
    FilesKept {
        /// The attempt.
        conn: ConnectionId,
    },
    /// Something that could go out has waited for a rate, for a second or longer:
    /// more is published, or subscribed to, than that lets pass. Told once a minute
    /// at most; [`Client::waits_for_rate`](crate::Client::waits_for_rate) says how
    /// it stands.
    RateReached(Box<RateWait>),
    /// Events were lost because they were not taken in time, mostly others than
    /// those of attempts and connections.
    Lagged {
        /// How many.
        lost: u64,
    },
}

impl Event {
    /// Whether it says where an attempt or a connection stands (R5).
    pub(crate) const fn is_about_attempts(&self) -> bool {
        matches!(
            self,
            Self::Connecting { .. }
                | Self::Connected(_)
                | Self::Disconnected { .. }
                | Self::RetryScheduled { .. }
                | Self::Halted(_)
        )
    }
}

/// What CONNACK said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The connection that was accepted.
    pub conn: ConnectionId,
    /// The version that CONNECT asked for and the server accepted.
    pub version: Version,
    /// True if the server still held the session.
    pub session_present: bool,
    /// The identifier the server chose, if it did.
    pub assigned_client_id: Option<Text>,
    /// The basis for response topics, if asked for and given.
    pub response_information: Option<Text>,
    /// All that CONNACK says, reason string and user properties included;
    /// authentication data, a secret, is left out.
    pub properties: Properties,
    /// From opening to CONNACK.
    pub took: Duration,
}

/// Where a client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Made, not started.
    Stopped,
    /// Waits for the next attempt.
    Waiting {
        /// When and why then.
        retry: Retry,
        /// The end of the last connection; `None` before the first.
        cause: Option<Box<DisconnectCause>>,
    },
    /// Opens a connection.
    Connecting {
        /// Number of the attempt since the last stable connection, from 1.
        attempt: u32,
        /// Index of the server.
        server: usize,
        /// The end of the last connection; `None` before the first.
        cause: Option<Box<DisconnectCause>>,
    },
    /// Connected.
    Online {
        /// When CONNACK came.
        since: Instant,
        /// Whether the server held the session.
        session_present: bool,
    },
    /// Will not connect again of its own accord.
    Halted {
        /// Why.
        reason: Halt,
        /// The end of the last connection.
        cause: Option<Box<DisconnectCause>>,
    },
    /// Shut down.
    Closed,
}

impl State {
    /// True while connected.
    pub const fn is_online(&self) -> bool {
        matches!(self, Self::Online { .. })
    }
}
