//! TLS that must not come about ends in one attempt and an error that says why.

use evenkeel::tls::{CertificateProblem, TlsError, TlsOptions};
use evenkeel::transport::{ConnectError as OpenError, StreamError};
use evenkeel::{ConnectError, Halt, TransportError, Version};
use evenkeel_interop::case::Case;
use evenkeel_interop::certificates::Certificates;
use evenkeel_interop::failed::soon;
use evenkeel_interop::server::{Kind, Setting};
use evenkeel_interop::site::Transport;

/// Lets a client with these settings run into every server.
async fn refusals(tls: impl Fn(&Certificates) -> TlsOptions) -> Vec<(String, TlsError)> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        if !kind.require().unwrap() {
            continue;
        }
        for transport in [Transport::Tls, Transport::SecureWebSocket] {
            let server = kind.start(Setting::default()).await.unwrap();
            let certificates = server.site().certificates.clone().unwrap();
            let name = format!("{} over {}", kind.name(), transport.name());
            let case = Case::new(server, transport, Some(Version::V5));
            let builder = case.builder("stranger").unwrap().tls(tls(&certificates));
            let client = case.start("stranger", builder).unwrap();
            let refused = soon("the refusal", client.online()).await;
            let error = match refused {
                Ok(online) => online.unwrap_err(),
                Err(error) => panic!("{name}: {error}: {:?}", case.close().await),
            };
            assert_eq!(client.stats().connects, 1, "{name}");
            found.push((name, in_tls(error)));
            case.close().await;
        }
    }
    found
}

/// The TLS layer's words in an error that ended a client for good.
fn in_tls(error: ConnectError) -> TlsError {
    let ConnectError::Halted { halt: Halt::Refused, detail: Some(detail), .. } = error else {
        panic!("not refused for good: {error:?}");
    };
    match detail {
        TransportError::Connect(OpenError::Tls(error))
        | TransportError::Stream(StreamError::Tls(error)) => error,
        other => panic!("no TLS error: {other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_refuses_clients_without() {
    let tls =
        |certificates: &Certificates| TlsOptions::new().ca_bytes(certificates.authority.as_str());
    for (name, error) in refusals(tls).await {
        // TLS 1.3 has an alert for this (116), TLS 1.2 says "handshake failure" (40).
        assert_eq!(error, TlsError::AlertReceived { code: 116 }, "{name}");
        let text = error.to_string();
        assert!(text.contains("client certificate"), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_server_refuses_a_certificate_of_another_authority() {
    let other = Certificates::make().unwrap();
    let tls = |certificates: &Certificates| {
        TlsOptions::new()
            .ca_bytes(certificates.authority.as_str())
            .client_certificate_bytes(other.client.certificate.as_str(), other.client.key.as_str())
    };
    for (name, error) in refusals(tls).await {
        // "Bad certificate" or "unknown authority": libraries differ.
        assert!(matches!(error, TlsError::AlertReceived { code: 42 | 48 }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_refused() {
    let other = Certificates::make().unwrap();
    let tls = |_: &Certificates| TlsOptions::new().ca_bytes(other.authority.as_str());
    for (name, error) in refusals(tls).await {
        let expected = TlsError::CertificateRejected(CertificateProblem::UnknownIssuer);
        assert_eq!(error, expected, "{name}");
    }
}

#[tokio::test]
async fn a_server_with_another_name_is_refused() {
    let tls = |certificates: &Certificates| {
        TlsOptions::new().ca_bytes(certificates.authority.as_str()).server_name("pump.example")
    };
    for (name, error) in refusals(tls).await {
        let TlsError::CertificateRejected(CertificateProblem::WrongName { expected, .. }) = error
        else {
            panic!("{name}: {error:?}");
        };
        assert_eq!(expected, "pump.example", "{name}");
    }
}
