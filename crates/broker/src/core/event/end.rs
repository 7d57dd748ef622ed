//! How connections end.

use serde::Serialize;

/// What ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CloseReason {
    /// The client sent DISCONNECT.
    Disconnected,
    /// The client closed the transport without DISCONNECT, or it broke.
    ConnectionLost,
    /// No whole CONNECT came in time, or the TLS or WebSocket handshake failed.
    NoConnect,
    /// CONNECT was refused.
    Refused,
    /// The client was silent for 1.5 times its keep alive.
    KeepAliveTimeout,
    /// A newer connection took the session.
    TakenOver,
    /// The client broke a rule of MQTT.
    ProtocolError,
    /// The client's Maximum Packet Size leaves no room for an answer it must get.
    AnswerTooLarge,
    /// A bound of the broker, such as its connections.
    Limit,
    /// A topic the client may not use.
    NotAuthorized,
    /// A limit of the profile, or an end that the service has planned.
    Quota,
    /// A fault rule.
    Fault,
    /// The broker's owner asked for it.
    Administrative,
    /// The broker went down.
    Stopped,
}

impl CloseReason {
    /// Who ended the connection, if it was not the transport that ended.
    pub(crate) const fn closer(self) -> Closer {
        match self {
            Self::Disconnected => Closer::Client,
            _ => Closer::Server,
        }
    }
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Closer {
    /// The client, by DISCONNECT.
    Client,
    /// The broker.
    Server,
    /// The other end, without a word of MQTT: the transport ended, or a handshake
    /// before MQTT failed.
    Peer,
}

impl Closer {
    /// Each of them.
    pub const ALL: &[Self] = &[Self::Client, Self::Server, Self::Peer];
}
