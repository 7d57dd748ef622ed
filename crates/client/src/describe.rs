//! Says in words what the core says in types.

use std::fmt;

use evenkeel_proto::keepalive::Death;
use evenkeel_proto::{
    ConnectPhase, DeliveryError, DisconnectCause, NamedServer, ProtocolError, RejectReason,
    SubscribeError, SubscribeFeature, TransportFailure,
};

/// Says why a connection ended, for people.
pub(crate) fn cause(cause: &DisconnectCause, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match cause {
        DisconnectCause::Refused { reason, wire_code, text, .. } => {
            write!(f, "the server refused the connection: {reason}")?;
            if reason.0 != *wire_code {
                write!(f, ", return code {wire_code}")?;
            }
            explanation(text.as_ref(), cause, f)
        }
        DisconnectCause::ServerDisconnect { reason, text, .. } => {
            write!(f, "the server disconnected: {reason}")?;
            explanation(text.as_ref(), cause, f)
        }
        DisconnectCause::Transport { failure, phase } => {
            transport(*failure, f)?;
            phase.map_or(Ok(()), |phase| write!(f, " {}", during(phase)))
        }
        DisconnectCause::ConnectTimeout { phase, after } => {
            write!(f, "no connection within {after:?}, ran out {}", during(*phase))
        }
        DisconnectCause::KeepAlive(Death::NotWritten { .. }) => {
            f.write_str("the link is dead: a ping could not be written")
        }
        DisconnectCause::KeepAlive(Death::NoResponse { .. }) => {
            f.write_str("the link is dead: a ping was not answered and nothing else came")
        }
        DisconnectCause::Malformed(error) => write!(f, "the server sent a bad packet: {error}"),
        DisconnectCause::ProtocolError(error) => {
            write!(f, "the server broke the protocol: {}", protocol(*error))
        }
        DisconnectCause::Authentication => f.write_str("enhanced authentication was given up"),
        DisconnectCause::ReconnectRequested => f.write_str("a new connection was asked for"),
        DisconnectCause::Shutdown => f.write_str("the client was shut down"),
        other => write!(f, "{other:?}"),
    }
}

/// What the server says beside its reason: a text, and other servers.
fn explanation(
    text: Option<&evenkeel_codec::Text>,
    cause: &DisconnectCause,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if let Some(text) = text {
        write!(f, " ({text})")?;
    }
    let reference = cause.server_reference().map_or("", |reference| reference.as_str());
    for (index, server) in NamedServer::all_of(reference).enumerate() {
        f.write_str(if index == 0 { "; it names " } else { ", " })?;
        match server.host.contains(':') {
            true => write!(f, "[{}]", server.host)?,
            false => f.write_str(server.host)?,
        }
        if let Some(port) = server.port {
            write!(f, ":{port}")?;
        }
    }
    Ok(())
}

fn transport(failure: TransportFailure, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match failure {
        TransportFailure::Eof => "the server closed the connection",
        TransportFailure::Reset => "the connection was reset",
        TransportFailure::Refused => "the connection was refused",
        TransportFailure::Unreachable => "the server is unreachable",
        TransportFailure::TimedOut => "the connection timed out",
        TransportFailure::Resolve => "the host name cannot be resolved",
        TransportFailure::TlsRefused => "TLS verification failed",
        TransportFailure::CertificateNotYetValid => {
            "the server's certificate is not valid yet, or this machine's clock is wrong"
        }
        TransportFailure::CertificateExpired => "a certificate has expired, or a clock is wrong",
        TransportFailure::Tls => "TLS failed",
        TransportFailure::ProxyRefused => "the proxy refused the connection",
        TransportFailure::WebSocketRefused(status) => {
            return write!(f, "the WebSocket upgrade was answered with HTTP status {status}");
        }
        TransportFailure::TryLater { status, after } => {
            return write!(
                f,
                "the WebSocket upgrade was answered with HTTP status {status} (Retry-After {} s)",
                after.as_secs()
            );
        }
        TransportFailure::WebSocket => "the WebSocket layer failed",
        TransportFailure::Credentials => "the credentials hook failed",
        TransportFailure::Endpoint => "the endpoint hook failed",
        TransportFailure::Authenticator => "the authenticator failed",
        TransportFailure::Config => "the settings make connecting impossible",
        TransportFailure::Other(Some(code)) => {
            return write!(f, "the connection failed (system error {code})");
        }
        _ => "the connection failed",
    })
}

const fn during(phase: ConnectPhase) -> &'static str {
    match phase {
        ConnectPhase::Credentials => "while waiting for credentials",
        ConnectPhase::Endpoint => "while waiting for the endpoint",
        ConnectPhase::Resolve => "while resolving the host name",
        ConnectPhase::Connect => "while connecting",
        ConnectPhase::Proxy => "while waiting for the proxy",
        ConnectPhase::Tls => "in the TLS handshake",
        ConnectPhase::WebSocket => "in the WebSocket handshake",
        ConnectPhase::Handshake => "while waiting for CONNACK",
        _ => "while connecting",
    }
}

const fn protocol(error: ProtocolError) -> &'static str {
    match error {
        ProtocolError::NotConnAck => "its first packet was not CONNACK",
        ProtocolError::SecondConnAck => "it sent a second CONNACK",
        ProtocolError::ClientPacket => "it sent a packet that only clients send",
        ProtocolError::UnexpectedSession => {
            "it says a session is present although a clean start was asked for"
        }
        ProtocolError::ReceiveMaximumExceeded => "it sent more than our receive maximum",
        ProtocolError::TopicAliasInvalid => "it used a topic alias it may not use",
        ProtocolError::UnexpectedAuth => "it sent AUTH that was not asked for",
        ProtocolError::WrongCodeCount => "its answer has another number of codes than filters",
        _ => "an unnamed rule",
    }
}

pub(crate) fn reject(reason: RejectReason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        RejectReason::QueueFull { messages, bytes } => {
            write!(f, "the queue is full with {messages} messages, {bytes} bytes")
        }
        RejectReason::WriteBufferFull => f.write_str("the write buffer is full"),
        RejectReason::Offline => f.write_str("offline, and QoS 0 messages are not kept"),
        RejectReason::NotAllowed(broken) => write!(f, "{broken}"),
        RejectReason::ConnectionRefused(refusal) => write!(f, "{refusal}"),
        RejectReason::Expired => {
            f.write_str("offline, and an expiry of 0 is for those who are there now")
        }
        RejectReason::Closed => f.write_str("the client is closed or has halted"),
        other => write!(f, "{other:?}"),
    }
}

pub(crate) fn subscribe(error: SubscribeError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        SubscribeError::NoFilter => f.write_str("no filter is given"),
        SubscribeError::TooManyOperations { limit } => {
            write!(f, "{limit} operations wait for an answer already")
        }
        SubscribeError::NotSupported(SubscribeFeature::Properties) => {
            f.write_str("properties need MQTT 5, and the server speaks an older version")
        }
        SubscribeError::NotSupported(
            feature @ (SubscribeFeature::NoLocal
            | SubscribeFeature::RetainAsPublished
            | SubscribeFeature::RetainHandling),
        ) => write!(
            f,
            "{} needs MQTT 5, and the server speaks an older version",
            match feature {
                SubscribeFeature::NoLocal => "no local",
                SubscribeFeature::RetainAsPublished => "retain as published",
                _ => "retain handling",
            }
        ),
        SubscribeError::NotSupported(feature) => write!(
            f,
            "the server does not support {}",
            match feature {
                SubscribeFeature::Wildcards => "wildcard subscriptions",
                SubscribeFeature::SharedSubscriptions => "shared subscriptions",
                SubscribeFeature::SubscriptionIdentifiers => "subscription identifiers",
                _ => "this",
            }
        ),
        SubscribeError::NotAllowed(broken) => write!(f, "{broken}"),
        SubscribeError::Quarantined { deaths } => {
            write!(f, "quarantined: {deaths} connections died with it unanswered")
        }
        SubscribeError::ConnectionRefused(refusal) => write!(f, "{refusal}"),
        SubscribeError::Abandoned => f.write_str("the client closed or halted before the answer"),
        other => write!(f, "{other:?}"),
    }
}

/// Shows a value of the core in words: `Words(&cause).to_string()`.
#[derive(Debug)]
pub struct Words<'a, T>(pub &'a T);

/// As events and states have it.
impl fmt::Display for Words<'_, Box<DisconnectCause>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cause(self.0, f)
    }
}

impl fmt::Display for Words<'_, DisconnectCause> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cause(self.0, f)
    }
}

impl fmt::Display for Words<'_, DeliveryError> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
