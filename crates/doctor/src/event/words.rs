//! What logs say beside packets.

use core::time::Duration;

use super::Side;
use crate::texts::TextId;

/// What a log says. A packet that a log names is
/// [`What::Packet`](super::What::Packet), an end of TCP
/// [`What::Closing`](super::What::Closing).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// A side gave up as the other was silent for too long.
    KeepAliveTimeout {
        /// Who gave up.
        by: Side,
    },
    /// A client's timer looked whether its ping was answered.
    PingChecked,
    /// The client waits no longer for the answer to its newest ping; the connection stays.
    PingWrittenOff,
    /// A client closes by force, as its check found no answer.
    ForcedClose,
    /// Another connection took the session over.
    TakenOver,
    /// The connection ended with DISCONNECT, says a log that shows no packets.
    Goodbye,
    /// The server refused a right.
    Denied(Denied, TextId),
    /// The credentials have expired.
    CredentialsExpired,
    /// The longest life of a connection was reached.
    LifetimeReached,
    /// No acknowledgement came.
    NoAck,
    /// No CONNACK came in time.
    ConnAckTimeout,
    /// The client will try again after this time.
    Retry(Duration),
    /// The client will not try again.
    GaveUp,
    /// Messages for a client are dropped: its queue is full.
    Dropped,
    /// A packet was too large.
    TooLarge,
    /// QoS 2, or another QoS the server does not have.
    QosUnsupported,
    /// A retained message or will where none may be.
    RetainUnsupported,
    /// More in flight than Receive Maximum.
    ReceiveMaximum,
    /// A topic alias above the maximum.
    AliasInvalid,
    /// Messages or bytes came too fast, or a quota is used up.
    Throttled,
    /// Connections came too fast.
    ConnectRate,
    /// The client is kept out for a time.
    Banned,
    /// The broker's own count says that the client flaps.
    Flapping,
    /// The server has as many connections as it takes.
    Full,
    /// The server shuts down, or moves the client, or failed.
    ServerEvent,
    /// An operator or an API call ended the connection.
    Administrative,
    /// A packet broke the specification.
    ProtocolError,
    /// TLS failed with this alert, 0 if the log does not name one.
    TlsFailed(u8),
    /// TLS reached a listener without TLS.
    TlsOnPlain,
    /// A listener with TLS got bytes without it.
    PlainOnTls,
    /// The first bytes were not MQTT.
    NotMqtt,
    /// The upgrade to WebSocket failed with this status.
    WebSocket(u16),
    /// WiFi or another link went down.
    LinkDown,
    /// The clock jumped, or the machine slept.
    ClockJump,
    /// The client could not run for this long.
    Stalled(Duration),
    /// The client stopped reading for this long, its application did not keep up.
    ReadingPaused(Duration),
    /// A message or filter was set aside as it killed connections.
    Quarantined(TextId),
    /// A filter that matches nothing else: the log's own words, for people.
    Other(TextId),
    /// The test broker injected this fault. Rules never look at it.
    Fault(TextId),
}

/// Which right was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// To connect.
    Connect,
    /// To publish on the topic.
    Publish,
    /// To subscribe to the filter.
    Subscribe,
}
