//! What a transport's failure means to the reconnect policy.

use std::io;

use evenkeel_proto::TransportFailure;

use crate::io_error::IoError;
use crate::tls::{CertificateProblem, TlsError};
use crate::transport::{ConnectError, ProxyError, StreamError, WebSocketError};

pub(crate) fn connect(error: &ConnectError) -> TransportFailure {
    match error {
        ConnectError::Config(_) => TransportFailure::Config,
        ConnectError::Identity(_) => TransportFailure::Credentials,
        ConnectError::Resolve { .. } => TransportFailure::Resolve,
        ConnectError::NoInterface { .. } => TransportFailure::Unreachable,
        ConnectError::Network { attempts } => {
            attempts.first().map_or(TransportFailure::Unreachable, |attempt| by_io(&attempt.error))
        }
        ConnectError::Stream { error, .. } => by_io(error),
        ConnectError::Proxy(error) => by_proxy(error),
        ConnectError::Tls(error) => by_tls(error),
        ConnectError::WebSocket(error) => by_websocket(error),
    }
}

pub(crate) fn stream(error: &StreamError) -> TransportFailure {
    match error {
        StreamError::Io(error) => by_io(error),
        StreamError::Tls(error) => by_tls(error),
        StreamError::WebSocket(error) => by_websocket(error),
    }
}

fn by_io(error: &IoError) -> TransportFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TransportFailure::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => TransportFailure::Reset,
        io::ErrorKind::UnexpectedEof => TransportFailure::Eof,
        io::ErrorKind::TimedOut => TransportFailure::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => TransportFailure::Unreachable,
        _ => TransportFailure::Other(error.os_code()),
    }
}

fn by_tls(error: &TlsError) -> TransportFailure {
    match error {
        TlsError::CertificateRejected(CertificateProblem::NotYetValid { .. }) => {
            TransportFailure::CertificateNotYetValid
        }
        // Alert 45: ours, by the server's clock.
        TlsError::CertificateRejected(CertificateProblem::Expired { .. })
        | TlsError::AlertReceived { code: 45 } => TransportFailure::CertificateExpired,
        // Alerts about certificates: bad, unsupported, revoked, unknown, unknown
        // authority, access denied, of another key, required.
        TlsError::CertificateRejected(_)
        | TlsError::AlertReceived { code: 42..=44 | 46 | 48 | 49 | 51 | 116 } => {
            TransportFailure::TlsRefused
        }
        TlsError::Io(error) => by_io(error),
        TlsError::ClosedInHandshake => TransportFailure::Eof,
        _ => TransportFailure::Tls,
    }
}

fn by_proxy(error: &ProxyError) -> TransportFailure {
    match error {
        ProxyError::Unreachable { error, .. } => connect(error),
        // By the proxy's rules: SOCKS5 says 2, HTTP 403.
        ProxyError::NoAuthenticationMethod
        | ProxyError::CredentialsRejected
        | ProxyError::SocksRefused { code: 2 }
        | ProxyError::HttpRefused { status: 403 } => TransportFailure::ProxyRefused,
        ProxyError::TryLater { status, after } => {
            TransportFailure::TryLater { status: *status, after: *after }
        }
        ProxyError::SocksRefused { code: 3 | 4 } => TransportFailure::Unreachable,
        ProxyError::SocksRefused { code: 5 } => TransportFailure::Refused,
        ProxyError::Closed => TransportFailure::Eof,
        ProxyError::Io(error) => by_io(error),
        _ => TransportFailure::Other(None),
    }
}

fn by_websocket(error: &WebSocketError) -> TransportFailure {
    match error {
        WebSocketError::Refused { status, retry_after: Some(after), .. } => {
            TransportFailure::TryLater { status: *status, after: *after }
        }
        WebSocketError::Refused { status, .. } => TransportFailure::WebSocketRefused(*status),
        WebSocketError::ClockWrong { status, .. } => {
            TransportFailure::ClockWrong { status: *status }
        }
        WebSocketError::Io(error) => by_io(error),
        WebSocketError::ClosedInHandshake | WebSocketError::Closed => TransportFailure::Eof,
        _ => TransportFailure::WebSocket,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_about_certificates_do_not_pass_by_themselves() {
        let class = |code| by_tls(&TlsError::AlertReceived { code });
        for code in [42, 43, 44, 46, 48, 49, 51, 116] {
            assert_eq!(class(code), TransportFailure::TlsRefused, "alert {code}");
        }
        for code in [40, 47, 50, 70, 80] {
            assert_eq!(class(code), TransportFailure::Tls, "alert {code}");
        }
    }

    /// R11: a clock may be wrong, here or there.
    #[test]
    fn certificates_out_of_their_time_are_told_from_others() {
        let class = |problem| by_tls(&TlsError::CertificateRejected(problem));
        let not_before = Some(1);
        assert_eq!(
            class(CertificateProblem::NotYetValid { not_before }),
            TransportFailure::CertificateNotYetValid
        );
        assert_eq!(
            class(CertificateProblem::Expired { not_after: None }),
            TransportFailure::CertificateExpired
        );
        assert_eq!(
            by_tls(&TlsError::AlertReceived { code: 45 }),
            TransportFailure::CertificateExpired
        );
        assert_eq!(class(CertificateProblem::Revoked), TransportFailure::TlsRefused);
        assert_eq!(class(CertificateProblem::UnknownIssuer), TransportFailure::TlsRefused);
    }

    /// R11: a clock that is set later makes the same signature good.
    #[test]
    fn a_refusal_by_a_wrong_clock_is_not_for_good() {
        let error = WebSocketError::ClockWrong { status: 403, ahead: 3600 };
        assert_eq!(by_websocket(&error), TransportFailure::ClockWrong { status: 403 });
    }

    /// R13.
    #[test]
    fn a_refusal_that_says_when_to_come_again_keeps_that() {
        let (status, location) = (503, None);
        for (retry_after, expected) in [
            (None, TransportFailure::WebSocketRefused(503)),
            (
                Some(std::time::Duration::from_secs(7)),
                TransportFailure::TryLater { status, after: std::time::Duration::from_secs(7) },
            ),
        ] {
            let location = location.clone();
            let error = WebSocketError::Refused { status, location, retry_after };
            assert_eq!(by_websocket(&error), expected);
        }
    }

    #[test]
    fn a_proxy_that_refuses_is_told_from_one_that_fails() {
        let class = |error| connect(&ConnectError::Proxy(error));
        assert_eq!(class(ProxyError::CredentialsRejected), TransportFailure::ProxyRefused);
        assert_eq!(class(ProxyError::NoAuthenticationMethod), TransportFailure::ProxyRefused);
        assert_eq!(class(ProxyError::SocksRefused { code: 2 }), TransportFailure::ProxyRefused);
        assert_eq!(class(ProxyError::SocksRefused { code: 5 }), TransportFailure::Refused);
        assert_eq!(class(ProxyError::HttpRefused { status: 403 }), TransportFailure::ProxyRefused);
        assert_eq!(class(ProxyError::HttpRefused { status: 502 }), TransportFailure::Other(None));
        assert_eq!(class(ProxyError::Closed), TransportFailure::Eof);
        let (status, after) = (407, std::time::Duration::from_secs(7));
        assert_eq!(
            class(ProxyError::TryLater { status, after }),
            TransportFailure::TryLater { status, after }
        );
    }
}
