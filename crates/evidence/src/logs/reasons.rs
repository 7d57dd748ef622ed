//! What texts about failures mean, whoever writes them.

use evenkeel_doctor::{OpenFailure, Side, Words};

/// The alert of TLS that a text of a TLS library names; 0 if it names none.
pub(crate) fn tls_alert(text: &str) -> u8 {
    const ALERTS: &[(&str, u8)] = &[
        ("unknown ca", 48),
        ("certificate expired", 45),
        ("certificate has expired", 45),
        ("self signed", 48),
        ("local issuer", 48),
        ("unable to verify", 48),
        ("altnames", 42),
        ("verify failed", 46),
        ("did not return a certificate", 116),
        ("unsupported protocol", 70),
        ("no shared cipher", 40),
        ("bad certificate", 42),
        ("certificate unknown", 46),
        ("unsupported certificate", 43),
        ("certificate revoked", 44),
        ("certificate required", 116),
        ("handshake failure", 40),
        ("protocol version", 70),
        ("decrypt error", 51),
        ("unrecognized name", 112),
        ("internal error", 80),
        ("access denied", 49),
    ];
    first(ALERTS, &plain(text)).unwrap_or(0)
}

/// What the OpenSSL of this side complains of; an end in the middle is no fault of TLS.
pub(crate) fn tls_words(of: Side, text: &str) -> Option<Words> {
    let text = plain(text);
    if text.contains("unexpected eof") {
        return None;
    }
    // What came from the other side is no record of TLS, or a request of the web.
    let no_tls = ["wrong version number", "http request", "unknown protocol"];
    let no_tls = no_tls.iter().any(|sign| text.contains(sign));
    Some(match of {
        _ if !no_tls => Words::TlsFailed(tls_alert(&text)),
        Side::Client => Words::TlsOnPlain,
        Side::Server => Words::PlainOnTls,
    })
}

/// Why a connection never came up.
pub(crate) fn open_failure(text: &str) -> OpenFailure {
    use OpenFailure::{Name, Refused, Silent, Tls, Unreachable};
    const FAILURES: &[(&str, OpenFailure)] = &[
        ("econnrefused", Refused),
        ("connection refused", Refused),
        ("errno 111", Refused),
        ("etimedout", Silent),
        ("timed out", Silent),
        ("timeout", Silent),
        ("ehostunreach", Unreachable),
        ("enetunreach", Unreachable),
        ("unreachable", Unreachable),
        ("no route", Unreachable),
        ("enotfound", Name),
        ("eai again", Name),
        ("getaddrinfo", Name),
        ("name or service", Name),
        ("name resolution", Name),
        ("resolve", Name),
        ("lookup error", Name),
        ("certificate", Tls),
        ("ssl", Tls),
        ("tls", Tls),
    ];
    first(FAILURES, &plain(text)).unwrap_or(OpenFailure::Other)
}

/// The return code of CONNACK before MQTT 5 that a text names.
pub(crate) fn refusal(text: &str) -> Option<u8> {
    const REFUSALS: &[(&str, u8)] = &[
        ("bad user", 4),
        ("malformed credentials", 4),
        ("not authori", 5),
        ("identifier rejected", 2),
        ("id rejected", 2),
        ("unacceptable protocol", 1),
        ("bad protocol", 1),
        ("server unavailable", 3),
    ];
    first(REFUSALS, &plain(text))
}

/// The reason code of MQTT 5 with this name.
pub(crate) fn code(name: &str) -> Option<u8> {
    const CODES: &[(&str, u8)] = &[
        ("success", 0),
        ("normal disconnection", 0),
        ("disconnect with will", 4),
        ("unspecified error", 128),
        ("malformed packet", 129),
        ("protocol error", 130),
        ("implementation specific", 131),
        ("unsupported protocol version", 132),
        ("client identifier not valid", 133),
        ("bad user name or password", 134),
        ("not authorized", 135),
        ("server unavailable", 136),
        ("server busy", 137),
        ("banned", 138),
        ("server shutting down", 139),
        ("bad authentication method", 140),
        ("keep alive timeout", 141),
        ("session taken over", 142),
        ("topic filter invalid", 143),
        ("topic name invalid", 144),
        ("packet identifier in use", 145),
        ("receive maximum exceeded", 147),
        ("topic alias invalid", 148),
        ("packet too large", 149),
        ("message rate too high", 150),
        ("quota exceeded", 151),
        ("administrative action", 152),
        ("payload format invalid", 153),
        ("retain not supported", 154),
        ("qos not supported", 155),
        ("use another server", 156),
        ("server moved", 157),
        ("shared subscription", 158),
        ("connection rate exceeded", 159),
        ("maximum connect time", 160),
        ("subscription identifiers not", 161),
        ("wildcard subscription", 162),
    ];
    first(CODES, &plain(name))
}

/// What a broker's reason for an end means.
pub(crate) fn words(text: &str) -> Option<Words> {
    use evenkeel_doctor::Side::Server;
    const WORDS: &[(&str, Words)] = &[
        ("keepalive timeout", Words::KeepAliveTimeout { by: Server }),
        ("keep alive timeout", Words::KeepAliveTimeout { by: Server }),
        ("keepalive expired", Words::KeepAliveTimeout { by: Server }),
        ("idle for too long", Words::KeepAliveTimeout { by: Server }),
        ("same client id", Words::TakenOver),
        ("with that id", Words::TakenOver),
        ("taken over", Words::TakenOver),
        ("takenover", Words::TakenOver),
        ("takeover", Words::TakenOver),
        ("discarded", Words::TakenOver),
        ("duplicate client", Words::TakenOver),
        ("duplicate id", Words::TakenOver),
        ("kicked", Words::Administrative),
        ("administrative", Words::Administrative),
        ("frame too large", Words::TooLarge),
        ("packet too large", Words::TooLarge),
        ("banned", Words::Banned),
        ("flapping", Words::Flapping),
        ("rate exceeded", Words::ConnectRate),
        ("quota", Words::Throttled),
        ("throttled", Words::Throttled),
        ("receive maximum", Words::ReceiveMaximum),
        ("alias", Words::AliasInvalid),
        ("credential expired", Words::CredentialsExpired),
        ("credentials expired", Words::CredentialsExpired),
        ("token expired", Words::CredentialsExpired),
        ("lifetime reached", Words::LifetimeReached),
        ("shutting down", Words::ServerEvent),
        ("shutdown", Words::ServerEvent),
        ("protocol error", Words::ProtocolError),
        ("malformed", Words::ProtocolError),
        ("retain", Words::RetainUnsupported),
        ("qos", Words::QosUnsupported),
    ];
    first(WORDS, &plain(text))
}

/// In lower case, with spaces between the words.
fn plain(text: &str) -> String {
    text.to_ascii_lowercase().replace(['_', '-'], " ")
}

fn first<T: Copy>(table: &[(&str, T)], text: &str) -> Option<T> {
    table.iter().find(|(name, _)| text.contains(name)).map(|(_, means)| *means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_mean_the_same_however_they_are_written() {
        assert_eq!(tls_alert("alert UNKNOWN_CA"), 48);
        assert_eq!(tls_alert("x"), 0);
        assert_eq!(open_failure("connect ECONNREFUSED 10.0.0.1:1883"), OpenFailure::Refused);
        assert_eq!(open_failure("getaddrinfo EAI_AGAIN broker"), OpenFailure::Name);
        assert_eq!(open_failure("x"), OpenFailure::Other);
        assert_eq!(refusal("Connection refused: Not authorized"), Some(5));
        assert_eq!(refusal("connect ECONNREFUSED"), None);
        assert_eq!(code("SESSION_TAKEN_OVER"), Some(142));
        assert_eq!(code("x"), None);
        assert_eq!(words("FRAME_TOO_LARGE"), Some(Words::TooLarge));
        assert_eq!(words("x"), None);
    }
}
