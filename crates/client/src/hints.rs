//! What to do about the end of an attempt, if the transport has no word on it.

use evenkeel_codec::ReasonCode;
use evenkeel_proto::{ConnectPhase, DisconnectCause, ProtocolError, Refusal, TransportFailure};

pub(crate) fn of_cause(cause: &DisconnectCause) -> Option<&'static str> {
    if let Some(Refusal::Reason(code)) = cause.refusal() {
        return of_refusal(code);
    }
    match cause {
        DisconnectCause::ProtocolError(ProtocolError::TlsAnswer) => {
            Some("connect with TLS: mqtts:// or wss://")
        }
        DisconnectCause::ProtocolError(ProtocolError::HttpAnswer) => {
            Some("MQTT over WebSocket is ws:// or wss://; plain MQTT mostly has port 1883")
        }
        DisconnectCause::Transport {
            failure: TransportFailure::Eof | TransportFailure::Reset,
            phase: Some(ConnectPhase::Handshake),
        } => Some("if the port is one for TLS, such as 8883, connect with mqtts://"),
        DisconnectCause::ConnectTimeout { phase: ConnectPhase::Handshake, .. } => {
            Some("check that the port is one for MQTT")
        }
        DisconnectCause::ConnectTimeout { .. } => {
            Some("check host and port, and firewalls on the way")
        }
        _ => None,
    }
}

const fn of_refusal(code: ReasonCode) -> Option<&'static str> {
    match code {
        ReasonCode::NOT_AUTHORIZED | ReasonCode::BAD_USER_NAME_OR_PASSWORD => {
            Some("check user name and password, and what the server allows this client")
        }
        ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => Some("give another client identifier"),
        _ => None,
    }
}
