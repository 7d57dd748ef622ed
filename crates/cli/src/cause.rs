//! Ends of connections as exit codes and as errors in three parts.

use std::io::ErrorKind;

use evenkeel::tls::{CertificateProblem, TlsError};
use evenkeel::transport::{ConnectError, StreamError, WebSocketError};
use evenkeel::url::Scheme;
use evenkeel::{
    CauseClass, ConnectPhase, DisconnectCause, ProtocolError, ReasonCode, TransportError,
    TransportFailure,
};

use crate::error::Failure;
use crate::exit::Exit;

/// How a connection, or an attempt at one, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) cause: DisconnectCause,
    /// The transport's own words.
    pub(crate) detail: Option<TransportError>,
    /// How the server was spoken to, as far as that is known.
    pub(crate) scheme: Option<Scheme>,
}

impl End {
    /// The class of the end, as an exit code.
    pub(crate) fn exit(&self) -> Exit {
        exit_of(&self.cause)
    }

    /// Why it ended, in a clause.
    pub(crate) fn why(&self) -> String {
        match &self.detail {
            // Which phase it was in, says the cause.
            Some(TransportError::Stream(StreamError::Io(_))) if self.says_phase() => {
                format!("{:#}", self.cause)
            }
            Some(detail) => detail.fact(),
            None => format!("{:#}", self.cause),
        }
    }

    const fn says_phase(&self) -> bool {
        use TransportFailure::{Eof, Reset, TimedOut};
        matches!(
            self.cause,
            DisconnectCause::Transport { failure: Eof | Reset | TimedOut, phase: Some(_) }
        )
    }

    /// The failure of a program that ends because of this.
    pub(crate) fn failure(&self, what: impl Into<String>) -> Failure {
        let exit = self.exit();
        let failure = Failure::new(exit, what).why(self.why());
        let failure = match &self.cause {
            DisconnectCause::Refused { wire_code, .. } => failure.connack(*wire_code),
            _ => failure,
        };
        match self.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl End {
    /// What to do: by the flag that does it if there is one, else in the library's words.
    fn hint(&self) -> Option<&'static str> {
        let library = || self.detail.as_ref().and_then(advice);
        self.flag_hint().or_else(library).or_else(|| self.exit_hint())
    }

    fn flag_hint(&self) -> Option<&'static str> {
        match &self.detail {
            Some(TransportError::Connect(ConnectError::Tls(error))) => tls_hint(error),
            Some(TransportError::Connect(ConnectError::WebSocket(error))) => websocket_hint(error),
            Some(TransportError::Stream(StreamError::Io(_))) | None => {
                answer_hint(&self.cause, self.scheme)
            }
            Some(_) => None,
        }
    }

    fn exit_hint(&self) -> Option<&'static str> {
        match self.exit() {
            // The reference may be missing, or name nothing.
            Exit::RefusedMoved if self.cause.class() == CauseClass::Redirect => {
                Some("connect to the server it names")
            }
            Exit::RefusedMoved => Some("ask who runs the server for its new address"),
            exit => hint_for(exit),
        }
    }
}

fn advice(error: &TransportError) -> Option<&'static str> {
    match error {
        TransportError::Connect(error) => error.hint(),
        TransportError::Stream(error) => error.hint(),
        _ => None,
    }
}

/// What a server that was reached and gave no CONNACK may be.
const fn answer_hint(cause: &DisconnectCause, scheme: Option<Scheme>) -> Option<&'static str> {
    let is_tls = match scheme {
        Some(scheme) => scheme.is_tls(),
        None => false,
    };
    match cause {
        DisconnectCause::ProtocolError(ProtocolError::TlsAnswer) => {
            Some("add --tls-use-os-certs, or --cafile FILE with the server's CA; in a URL mqtts://")
        }
        DisconnectCause::ProtocolError(ProtocolError::HttpAnswer) => Some(
            "MQTT is at port 1883, over TLS 8883; for MQTT over WebSocket give --protocol ws or wss",
        ),
        DisconnectCause::Transport {
            failure: TransportFailure::Eof | TransportFailure::Reset,
            phase: Some(ConnectPhase::Handshake),
        } if is_tls => Some(
            "check that the port is one for MQTT, and whether the server wants --cert and --key; \
             its log says why",
        ),
        DisconnectCause::Transport {
            failure: TransportFailure::Eof | TransportFailure::Reset,
            phase: Some(ConnectPhase::Handshake),
        } => Some(
            "a port for TLS (often 8883) needs --tls-use-os-certs or --cafile FILE; else the \
             server's log says why",
        ),
        DisconnectCause::ConnectTimeout { phase: ConnectPhase::Handshake, .. } => {
            Some("check that the port is one for MQTT, and not for HTTP or the like")
        }
        DisconnectCause::ConnectTimeout { .. } => {
            Some("check host and port, and firewalls on the way")
        }
        _ => None,
    }
}

fn tls_hint(error: &TlsError) -> Option<&'static str> {
    Some(match error {
        TlsError::NotTls => {
            "give the port for TLS by -p (often 8883), or leave out what turns TLS on: --cafile, \
             --capath, --cert, --tls-use-os-certs, mqtts://"
        }
        TlsError::ClosedInHandshake => CLOSED_IN_TLS,
        // Servers that close with bytes unread reset the connection.
        TlsError::Io(error) if error.kind() == ErrorKind::ConnectionReset => CLOSED_IN_TLS,
        TlsError::CertificateRejected(CertificateProblem::UnknownIssuer) => {
            "give the CA certificate that signed it by --cafile"
        }
        TlsError::CertificateRejected(CertificateProblem::WrongName { presented, .. })
            if !presented.is_empty() =>
        {
            "give a name that it is for by -h, or say by --tls-server-name which one to expect"
        }
        TlsError::CertificateRejected(
            CertificateProblem::Version1 | CertificateProblem::WrongName { .. },
        ) => {
            "sign it anew with: openssl x509 -req ... -extfile FILE, and in FILE: \
             subjectAltName=DNS:HOST; or accept just this one by --tls-pin"
        }
        TlsError::CertificateRejected(CertificateProblem::ChainTooLong) => {
            "trust one of the certificates between by --cafile, or raise the pathlen of the CA"
        }
        TlsError::AlertReceived { code: 116 } => "give a client certificate by --cert and --key",
        _ => return None,
    })
}

const CLOSED_IN_TLS: &str = "give the port for TLS by -p (often 8883), or leave TLS out; or the \
                             server wants a client certificate: --cert and --key";

fn websocket_hint(error: &WebSocketError) -> Option<&'static str> {
    match error {
        WebSocketError::ClosedInHandshake
        | WebSocketError::NotWebSocket { .. }
        | WebSocketError::Io(_) => Some(
            "check the port, and whether it is one for --protocol ws, wss (with TLS), mqtt or mqtts",
        ),
        _ => None,
    }
}

const fn hint_for(exit: Exit) -> Option<&'static str> {
    Some(match exit {
        Exit::RefusedCredentials => {
            "check --username and --password-file, and what the server allows this client"
        }
        Exit::RefusedIdentifier => "give another client identifier by --id",
        Exit::RefusedVersion => "try -V mqttv311, which every server speaks",
        Exit::RefusedBusy => "try again later, or give the program more time by --timeout",
        Exit::TakenOver => "give each client an identifier of its own by --id",
        Exit::ServerFault => "check that the port is one for MQTT, not for HTTP or the like",
        Exit::Tls => "check --cafile, and that the port is one for TLS",
        _ => return None,
    })
}

fn exit_of(cause: &DisconnectCause) -> Exit {
    match cause {
        DisconnectCause::Refused { reason, .. } => exit_of_refusal(*reason),
        DisconnectCause::ServerDisconnect { reason, .. } => match *reason {
            ReasonCode::SESSION_TAKEN_OVER => Exit::TakenOver,
            ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => Exit::RefusedMoved,
            ReasonCode::NOT_AUTHORIZED | ReasonCode::BANNED => Exit::RefusedCredentials,
            _ => Exit::Network,
        },
        // What a proxy says is not the server's word.
        DisconnectCause::Transport { phase: Some(ConnectPhase::Proxy), .. } => Exit::Network,
        DisconnectCause::Transport { failure, .. } => exit_of_transport(*failure),
        DisconnectCause::Malformed(_) | DisconnectCause::ProtocolError(_) => Exit::ServerFault,
        DisconnectCause::Authentication => Exit::RefusedCredentials,
        _ => Exit::Network,
    }
}

const fn exit_of_refusal(reason: ReasonCode) -> Exit {
    match reason {
        ReasonCode::BAD_USER_NAME_OR_PASSWORD
        | ReasonCode::NOT_AUTHORIZED
        | ReasonCode::BANNED
        | ReasonCode::BAD_AUTHENTICATION_METHOD => Exit::RefusedCredentials,
        ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => Exit::RefusedIdentifier,
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION => Exit::RefusedVersion,
        ReasonCode::SERVER_UNAVAILABLE
        | ReasonCode::SERVER_BUSY
        | ReasonCode::SERVER_SHUTTING_DOWN
        | ReasonCode::QUOTA_EXCEEDED
        | ReasonCode::CONNECTION_RATE_EXCEEDED => Exit::RefusedBusy,
        ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => Exit::RefusedMoved,
        _ => Exit::RefusedOther,
    }
}

const fn exit_of_transport(failure: TransportFailure) -> Exit {
    match failure {
        TransportFailure::Config => Exit::Usage,
        TransportFailure::TlsRefused
        | TransportFailure::Tls
        | TransportFailure::CertificateNotYetValid
        | TransportFailure::CertificateExpired => Exit::Tls,
        TransportFailure::WebSocketRefused(401 | 403)
        | TransportFailure::TryLater { status: 401 | 403, .. }
        | TransportFailure::ClockWrong { .. }
        | TransportFailure::Credentials
        | TransportFailure::Authenticator => Exit::RefusedCredentials,
        _ => Exit::Network,
    }
}

#[cfg(test)]
mod tests {
    use evenkeel::ConnectPhase;

    use super::*;
    use crate::personality::Personality;

    fn refused(reason: ReasonCode, wire_code: u8) -> End {
        let (text, server_reference, properties) = Default::default();
        let cause =
            DisconnectCause::Refused { reason, wire_code, text, server_reference, properties };
        End { cause, detail: None, scheme: None }
    }

    #[test]
    fn each_class_of_refusal_has_a_code_of_its_own() {
        for (reason, exit) in [
            (ReasonCode::BAD_USER_NAME_OR_PASSWORD, Exit::RefusedCredentials),
            (ReasonCode::NOT_AUTHORIZED, Exit::RefusedCredentials),
            (ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, Exit::RefusedIdentifier),
            (ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, Exit::RefusedVersion),
            (ReasonCode::SERVER_UNAVAILABLE, Exit::RefusedBusy),
            (ReasonCode::SERVER_MOVED, Exit::RefusedMoved),
            (ReasonCode::UNSPECIFIED_ERROR, Exit::RefusedOther),
        ] {
            assert_eq!(refused(reason, reason.0).exit(), exit, "{reason}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_wire_code_for_mosquittos_names() {
        let failure = refused(ReasonCode::NOT_AUTHORIZED, 5).failure("no connection");
        assert_eq!(failure.code(Personality::MosquittoSub), 5);
        assert_eq!(failure.code(Personality::Evenkeel), 3);
        let text = failure.render(Personality::Evenkeel, str::to_owned);
        assert!(text.contains("why: the server refused the connection: Not authorized"), "{text}");
        assert!(text.contains("hint: check --username"), "{text}");
    }

    /// A hint at a server that nobody has named helps nobody.
    #[test]
    fn a_server_that_has_moved_is_hinted_at_only_if_it_is_named() {
        for (reference, hint) in [
            (None, "hint: ask who runs the server for its new address"),
            (Some(" "), "hint: ask who runs the server for its new address"),
            (Some("http://a/"), "hint: ask who runs the server for its new address"),
            (Some("mqtt://b.example:1884"), "hint: connect to the server it names"),
        ] {
            let reason = ReasonCode::SERVER_MOVED;
            let server_reference = reference.map(|text| text.try_into().unwrap());
            let (text, properties) = Default::default();
            let wire_code = 0x9D;
            let cause =
                DisconnectCause::Refused { reason, wire_code, text, server_reference, properties };
            let end = End { cause, detail: None, scheme: None };
            let text = end.failure("no connection").render(Personality::Evenkeel, str::to_owned);
            assert!(text.contains(hint), "{text}");
            assert_eq!(text.contains("b.example:1884"), reference == Some("mqtt://b.example:1884"));
        }
    }

    #[test]
    fn failures_of_the_transport_say_which_layer_failed() {
        let end = |failure| {
            let cause = DisconnectCause::Transport { failure, phase: Some(ConnectPhase::Connect) };
            End { cause, detail: None, scheme: None }
        };
        assert_eq!(end(TransportFailure::Refused).exit(), Exit::Network);
        assert_eq!(end(TransportFailure::Eof).exit(), Exit::Network);
        assert_eq!(end(TransportFailure::TlsRefused).exit(), Exit::Tls);
        assert_eq!(end(TransportFailure::CertificateNotYetValid).exit(), Exit::Tls);
        assert_eq!(end(TransportFailure::CertificateExpired).exit(), Exit::Tls);
        assert_eq!(end(TransportFailure::Config).exit(), Exit::Usage);
        assert_eq!(end(TransportFailure::WebSocketRefused(401)).exit(), Exit::RefusedCredentials);
        let by_the_clock = TransportFailure::ClockWrong { status: 403 };
        assert_eq!(end(by_the_clock).exit(), Exit::RefusedCredentials);
        assert_eq!(end(TransportFailure::WebSocketRefused(404)).exit(), Exit::Network);
    }
}
