//! Why a connection ended or never began, with the evidence.

use core::time::Duration;

use evenkeel_codec::{DecodeError, Properties, ReasonCode, Text};

use crate::keepalive::Death;
use crate::reference::NamedServer;

/// How far an attempt to connect had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConnectPhase {
    /// The credentials hook runs.
    #[default]
    Credentials,
    /// The endpoint hook runs.
    Endpoint,
    /// The host name is being resolved.
    Resolve,
    /// The transport is being connected (TCP, unix socket).
    Connect,
    /// A proxy is being talked to.
    Proxy,
    /// The TLS handshake runs.
    Tls,
    /// The WebSocket upgrade runs.
    WebSocket,
    /// CONNECT is sent, CONNACK awaited.
    Handshake,
}

/// What went wrong with a transport, as far as policy needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportFailure {
    /// The peer closed the stream in order.
    Eof,
    /// The peer or a middlebox reset the connection.
    Reset,
    /// The peer refused the connection.
    Refused,
    /// No way to the peer.
    Unreachable,
    /// The system gave up on the peer.
    TimedOut,
    /// The host name has no address.
    Resolve,
    /// The peer's certificate was not accepted, or ours not by the peer.
    TlsRefused,
    /// The peer's certificate is not valid yet by our clock, which may be wrong.
    CertificateNotYetValid,
    /// A certificate has expired: the peer's by our clock, or ours by the
    /// peer's. Either clock may be wrong.
    CertificateExpired,
    /// Another failure of the TLS layer.
    Tls,
    /// The proxy did not accept our credentials, or forbids the server.
    ProxyRefused,
    /// The WebSocket upgrade was answered with this HTTP status.
    WebSocketRefused(u16),
    /// The same, and the server said when to come again (`Retry-After`).
    TryLater {
        /// The HTTP status.
        status: u16,
        /// How long it asks not to be bothered.
        after: Duration,
    },
    /// The same, and the server's clock shows another time than this
    /// machine's: a signature or token made here is not valid there.
    ClockWrong {
        /// The HTTP status.
        status: u16,
    },
    /// Another failure of the WebSocket layer.
    WebSocket,
    /// The credentials hook failed or ran out of time.
    Credentials,
    /// The endpoint hook failed or ran out of time.
    Endpoint,
    /// The authenticator panicked or ran out of time.
    Authenticator,
    /// The configuration makes connecting impossible.
    Config,
    /// Any other failure, with the system's error number if it gave one.
    Other(Option<i32>),
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectCause {
    /// The server answered CONNECT with a refusal.
    Refused {
        /// The translated reason.
        reason: ReasonCode,
        /// The byte on the wire.
        wire_code: u8,
        /// The server's explanation for people.
        text: Option<Text>,
        /// Another server it names.
        server_reference: Option<Text>,
        /// All that CONNACK says, user properties included; authentication
        /// data, a secret, is left out.
        properties: Properties,
    },
    /// The server sent DISCONNECT.
    ServerDisconnect {
        /// Its reason.
        reason: ReasonCode,
        /// Its explanation for people.
        text: Option<Text>,
        /// Another server it names.
        server_reference: Option<Text>,
        /// All that DISCONNECT says, user properties included.
        properties: Properties,
    },
    /// The transport failed or was closed by the peer.
    Transport {
        /// What failed.
        failure: TransportFailure,
        /// How far the attempt had come; `None` after CONNACK.
        phase: Option<ConnectPhase>,
    },
    /// The attempt took longer than the connect time-out, or CONNACK longer than
    /// [`ServerHabits::expected`](crate::ServerHabits::expected) leaves it.
    ConnectTimeout {
        /// Where it ran out.
        phase: ConnectPhase,
        /// How long the attempt took.
        after: Duration,
    },
    /// The keep-alive engine found the link dead.
    KeepAlive(Death),
    /// The server sent bytes that break a rule.
    Malformed(DecodeError),
    /// The server sent a valid packet that has no place here.
    ProtocolError(ProtocolError),
    /// Enhanced authentication failed on our side.
    Authentication,
    /// The application asked for a new connection.
    ReconnectRequested,
    /// The connection was to be renewed: before the end of its life, or as
    /// acknowledgements were withheld. The next one follows at once.
    Renewal,
    /// The application shut the client down.
    Shutdown,
}

/// A refusal for good, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// By the server, in CONNACK or DISCONNECT.
    Reason(ReasonCode),
    /// Below MQTT: TLS, HTTP, a proxy.
    Transport(TransportFailure),
    /// Enhanced authentication failed on our side.
    Authentication,
}

/// What a server did against the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A packet other than CONNACK or AUTH came first ([MQTT-3.2.0-1]).
    NotConnAck,
    /// A record of TLS came in place of CONNACK: the port is one for TLS.
    TlsAnswer,
    /// An answer of HTTP came in place of CONNACK: the port is one for HTTP.
    HttpAnswer,
    /// A second CONNACK ([MQTT-3.2.0-2]).
    SecondConnAck,
    /// A packet only clients send.
    ClientPacket,
    /// A session is said to be present though none was asked for ([MQTT-3.2.2-4]).
    UnexpectedSession,
    /// More unacknowledged publishes than our receive maximum ([MQTT-3.3.4-7]),
    /// if that is not allowed, or than there are identifiers.
    ReceiveMaximumExceeded,
    /// A topic alias of 0, above our maximum, or never defined ([MQTT-3.3.2-9]).
    TopicAliasInvalid,
    /// AUTH that no one asked for, or with another method ([MQTT-4.12.0-5]).
    UnexpectedAuth,
    /// SUBACK or UNSUBACK with another number of codes than filters.
    WrongCodeCount,
}

/// Who ended a connection, or let an attempt fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closer {
    /// This side: the application, the keep-alive, or as the server broke a rule.
    Client,
    /// The server, which said so in MQTT.
    Server,
    /// The other end, without a word of MQTT: the server, or something on the way.
    Peer,
    /// Nobody: the network failed.
    Network,
}

/// What a cause means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CauseClass {
    /// Refused for good: credentials, authorisation, identifier, version, ban, TLS.
    Refused,
    /// A certificate, or what was signed, is not valid at this time: a clock
    /// may be wrong.
    CertificateTime,
    /// Another connection with our client identifier took the session.
    TakenOver,
    /// The server asks for less: busy, quota, rate.
    Throttled,
    /// The server names another server.
    Redirect,
    /// The server is going away or not available.
    ServerGoingAway,
    /// The link was found dead.
    KeepAliveDeath,
    /// A packet was too large, asked for what the server has not, or was
    /// otherwise not accepted.
    PacketFault,
    /// The network, or a close without a reason.
    Network,
    /// This side wanted it.
    Local,
}

impl DisconnectCause {
    /// The class that decides how to go on.
    pub fn class(&self) -> CauseClass {
        match self {
            Self::Refused { reason, server_reference, .. }
            | Self::ServerDisconnect { reason, server_reference, .. } => {
                class_of_reason(*reason, names_a_server(server_reference.as_ref()))
            }
            Self::Transport { failure, .. } => class_of_failure(*failure),
            Self::ConnectTimeout { .. } => CauseClass::Network,
            Self::KeepAlive(_) => CauseClass::KeepAliveDeath,
            Self::Malformed(_) | Self::ProtocolError(_) => CauseClass::PacketFault,
            Self::Authentication => CauseClass::Refused,
            Self::ReconnectRequested | Self::Renewal | Self::Shutdown => CauseClass::Local,
        }
    }

    /// True if this side ended the connection or gave up the attempt.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::ConnectTimeout { .. } | Self::ReconnectRequested)
    }

    /// True if a server that keeps out who breaks its limits may do so from here
    /// on (R15): it says so, or it closes without a word though something was
    /// `published`.
    pub(crate) fn may_ban(&self, published: bool) -> bool {
        match self {
            Self::Refused { reason, .. } | Self::ServerDisconnect { reason, .. } => {
                *reason == ReasonCode::BANNED || self.class() == CauseClass::Throttled
            }
            Self::Transport { failure, phase: None } => {
                published && matches!(failure, TransportFailure::Eof | TransportFailure::Reset)
            }
            _ => false,
        }
    }

    /// The refusal in short; `None` for a cause that is none, or none for good.
    pub fn refusal(&self) -> Option<Refusal> {
        if self.class() != CauseClass::Refused && !self.has_expired() {
            return None;
        }
        match self {
            Self::Refused { reason, .. } | Self::ServerDisconnect { reason, .. } => {
                Some(Refusal::Reason(*reason))
            }
            Self::Transport { failure, .. } => Some(Refusal::Transport(*failure)),
            Self::Authentication => Some(Refusal::Authentication),
            _ => None,
        }
    }

    /// A certificate is said to have expired, not to be too young.
    pub(crate) const fn has_expired(&self) -> bool {
        matches!(self, Self::Transport { failure: TransportFailure::CertificateExpired, .. })
    }

    /// How long the server asked not to be bothered, if it did.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Transport { failure: TransportFailure::TryLater { after, .. }, .. } => {
                Some(*after)
            }
            _ => None,
        }
    }

    /// What the peer said of other servers, if anything; it need not name one:
    /// see [`NamedServer::all_of`].
    pub const fn server_reference(&self) -> Option<&Text> {
        match self {
            Self::Refused { server_reference, .. }
            | Self::ServerDisconnect { server_reference, .. } => server_reference.as_ref(),
            _ => None,
        }
    }
}

/// A blank or malformed reference names nothing.
fn names_a_server(reference: Option<&Text>) -> bool {
    reference.is_some_and(|text| NamedServer::all_of(text).next().is_some())
}

const fn class_of_reason(reason: ReasonCode, has_reference: bool) -> CauseClass {
    match reason {
        ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED if has_reference => {
            CauseClass::Redirect
        }
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION
        | ReasonCode::CLIENT_IDENTIFIER_NOT_VALID
        | ReasonCode::BAD_USER_NAME_OR_PASSWORD
        | ReasonCode::NOT_AUTHORIZED
        | ReasonCode::BANNED
        | ReasonCode::BAD_AUTHENTICATION_METHOD => CauseClass::Refused,
        ReasonCode::SESSION_TAKEN_OVER => CauseClass::TakenOver,
        ReasonCode::SERVER_BUSY
        | ReasonCode::QUOTA_EXCEEDED
        | ReasonCode::CONNECTION_RATE_EXCEEDED
        | ReasonCode::MESSAGE_RATE_TOO_HIGH => CauseClass::Throttled,
        ReasonCode::MALFORMED_PACKET
        | ReasonCode::PROTOCOL_ERROR
        | ReasonCode::PACKET_TOO_LARGE
        | ReasonCode::TOPIC_NAME_INVALID
        | ReasonCode::TOPIC_FILTER_INVALID
        | ReasonCode::TOPIC_ALIAS_INVALID
        | ReasonCode::RECEIVE_MAXIMUM_EXCEEDED
        | ReasonCode::PAYLOAD_FORMAT_INVALID
        | ReasonCode::RETAIN_NOT_SUPPORTED
        | ReasonCode::QOS_NOT_SUPPORTED
        | ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
        | ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED
        | ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED => CauseClass::PacketFault,
        ReasonCode::KEEP_ALIVE_TIMEOUT => CauseClass::KeepAliveDeath,
        _ => CauseClass::ServerGoingAway,
    }
}

const fn class_of_failure(failure: TransportFailure) -> CauseClass {
    match failure {
        TransportFailure::TlsRefused
        | TransportFailure::ProxyRefused
        | TransportFailure::Config
        | TransportFailure::WebSocketRefused(400..=407 | 410..=428 | 430..=499) => {
            CauseClass::Refused
        }
        TransportFailure::CertificateNotYetValid
        | TransportFailure::CertificateExpired
        | TransportFailure::ClockWrong { .. } => CauseClass::CertificateTime,
        // One that says when to come again does not refuse for good.
        TransportFailure::WebSocketRefused(429) | TransportFailure::TryLater { .. } => {
            CauseClass::Throttled
        }
        _ => CauseClass::Network,
    }
}
