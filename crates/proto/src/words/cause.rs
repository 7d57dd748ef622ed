//! Why a connection ended or was refused, and what follows.

use core::error::Error;
use core::fmt;

use evenkeel_codec::Text;

use crate::cause::{
    CauseClass, ConnectPhase, DisconnectCause, ProtocolError, Refusal, TransportFailure,
};
use crate::keepalive::Death;
use crate::reconnect::{Halt, Pace, Repetition, Retry};
use crate::reference::NamedServer;

impl fmt::Display for DisconnectCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason, wire_code, text, .. } => {
                write!(f, "the server refused the connection: {reason}")?;
                if reason.0 != *wire_code {
                    write!(f, ", return code {wire_code}")?;
                }
                explanation(text.as_ref(), self, f)
            }
            Self::ServerDisconnect { reason, text, .. } => {
                write!(f, "the server disconnected: {reason}")?;
                explanation(text.as_ref(), self, f)
            }
            Self::Transport { failure, phase: Some(phase) } => write!(f, "{failure} {phase}"),
            Self::Transport { failure, phase: None } => failure.fmt(f),
            Self::ConnectTimeout { phase, after } => {
                write!(f, "no connection within {after:?}, ran out {phase}")
            }
            Self::KeepAlive(death) => death.fmt(f),
            Self::Malformed(error) => write!(f, "the server sent a bad packet: {error:#}"),
            // No word of MQTT, so no rule of it is broken.
            Self::ProtocolError(error @ (ProtocolError::TlsAnswer | ProtocolError::HttpAnswer)) => {
                error.fmt(f)
            }
            Self::ProtocolError(error) => write!(f, "the server broke the protocol: {error}"),
            Self::Authentication => f.write_str("enhanced authentication was given up"),
            Self::ReconnectRequested => f.write_str("a new connection was asked for"),
            Self::Renewal => f.write_str("the connection is renewed as planned"),
            Self::Shutdown => f.write_str("the client was shut down"),
        }
    }
}

impl Error for DisconnectCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Each has its text in this one, which is not said twice.
            Self::Transport { failure, .. } => failure.source(),
            Self::KeepAlive(death) => death.source(),
            Self::ProtocolError(error) => error.source(),
            Self::Malformed(_)
            | Self::Refused { .. }
            | Self::ServerDisconnect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Authentication
            | Self::ReconnectRequested
            | Self::Renewal
            | Self::Shutdown => None,
        }
    }
}

/// What the server says beside its reason: a text, and other servers.
fn explanation(
    text: Option<&Text>,
    cause: &DisconnectCause,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if let Some(text) = text {
        write!(f, " ({text})")?;
    }
    let reference = cause.server_reference().map_or("", |reference| reference.as_str());
    for (index, server) in NamedServer::all_of(reference).enumerate() {
        f.write_str(if index == 0 { "; it names " } else { ", " })?;
        if server.host.contains(':') {
            write!(f, "[{}]", server.host)?;
        } else {
            f.write_str(server.host)?;
        }
        if let Some(port) = server.port {
            write!(f, ":{port}")?;
        }
    }
    Ok(())
}

impl fmt::Display for TransportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eof => "the server closed the connection",
            Self::Reset => "the connection was reset",
            Self::Refused => "the connection was refused",
            Self::Unreachable => "the server is unreachable",
            Self::TimedOut => "the connection timed out",
            Self::Resolve => "the host name cannot be resolved",
            Self::TlsRefused => "TLS verification failed",
            Self::CertificateNotYetValid => {
                "the server's certificate is not valid yet, or this machine's clock is wrong"
            }
            Self::CertificateExpired => "a certificate has expired, or a clock is wrong",
            Self::Tls => "TLS failed",
            Self::ProxyRefused => "the proxy refused the connection",
            Self::WebSocketRefused(status) => {
                return write!(f, "the WebSocket upgrade was answered with HTTP status {status}");
            }
            Self::TryLater { status, after } => {
                let after = after.as_secs();
                return write!(f, "the HTTP answer had status {status} (Retry-After {after} s)");
            }
            Self::ClockWrong { status } => {
                return write!(
                    f,
                    "the WebSocket upgrade was answered with HTTP status {status}, and this \
                     machine's clock is wrong by the server's"
                );
            }
            Self::WebSocket => "the WebSocket layer failed",
            Self::Credentials => "the credentials hook failed",
            Self::Endpoint => "the endpoint hook failed",
            Self::Authenticator => "the authenticator failed",
            Self::Config => "the settings make connecting impossible",
            Self::Other(Some(code)) => {
                return write!(f, "the connection failed (system error {code})");
            }
            Self::Other(None) => "the connection failed",
        })
    }
}

impl Error for TransportFailure {}

/// To follow what was going on: "the connection was reset *while connecting*".
impl fmt::Display for ConnectPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "while waiting for credentials",
            Self::Endpoint => "while waiting for the endpoint",
            Self::Resolve => "while resolving the host name",
            Self::Connect => "while connecting",
            Self::Proxy => "while waiting for the proxy",
            Self::Tls => "in the TLS handshake",
            Self::WebSocket => "in the WebSocket handshake",
            Self::Handshake => "while waiting for CONNACK",
        })
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWritten { .. } => "the link is dead: a ping could not be written",
            Self::NoResponse { .. } => {
                "the link is dead: a ping was not answered and nothing else came"
            }
        })
    }
}

impl Error for Death {}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnAck => "its first packet was not CONNACK",
            Self::TlsAnswer => "the server answered in TLS, not in MQTT: the port is one for TLS",
            Self::HttpAnswer => {
                "the server answered in HTTP, not in MQTT: the port is one for HTTP"
            }
            Self::SecondConnAck => "it sent a second CONNACK",
            Self::ClientPacket => "it sent a packet that only clients send",
            Self::UnexpectedSession => {
                "it says a session is present although a clean start was asked for"
            }
            Self::ReceiveMaximumExceeded => "it sent more than our receive maximum",
            Self::TopicAliasInvalid => "it used a topic alias it may not use",
            Self::UnexpectedAuth => "it sent AUTH that was not asked for",
            Self::WrongCodeCount => "its answer has another number of codes than filters",
        })
    }
}

impl Error for ProtocolError {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reason(reason) => write!(f, "the server refused the connection: {reason}"),
            Self::Transport(TransportFailure::WebSocketRefused(status)) => {
                write!(f, "the server refused the WebSocket with HTTP status {status}")
            }
            Self::Transport(failure) => failure.fmt(f),
            Self::Authentication => f.write_str("enhanced authentication was given up"),
        }
    }
}

impl Error for Refusal {}

impl fmt::Display for CauseClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused for good",
            Self::CertificateTime => "a certificate is not valid at this time",
            Self::TakenOver => "taken over by another client with the same identifier",
            Self::Throttled => "the server asks for less",
            Self::Redirect => "sent to another server",
            Self::ServerGoingAway => "the server is not available",
            Self::KeepAliveDeath => "the link was found dead",
            Self::PacketFault => "a packet was not accepted",
            Self::Network => "the network failed",
            Self::Local => "this side closed it",
        })
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("connections are not opened again"),
            Self::Refused => f.write_str("the connection was refused for good"),
            Self::TakenOver => f.write_str("another client uses the same client identifier"),
            Self::Attempts(1) => f.write_str("one attempt failed, and no more are allowed"),
            Self::Attempts(count) => {
                write!(f, "{count} attempts failed, and no more are allowed")
            }
        }
    }
}

impl Error for Halt {}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtOnce => "without delay",
            Self::BackOff => "after the back-off",
            Self::Floor => "after the least time between two CONNECTs",
            Self::Ban => "after the time for which the server may keep this client out",
            Self::Budget => "when the budget of CONNECTs allows it",
            Self::SlowLane => "after minutes, as repeating may not help",
            Self::Throttled => "when the server asked to come again",
        })
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {} {}", self.attempt, self.pace)
    }
}

impl fmt::Display for Repetition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections in a row ended alike ({})", self.count, self.class)?;
        if !self.period.is_zero() {
            write!(f, ", one every {:?}", self.period)?;
        }
        Ok(())
    }
}
