//! TLS against a server of the same process.

use std::sync::Arc;

use evenkeel::tls::rustls::server::WebPkiClientVerifier;
use evenkeel::tls::rustls::version::{TLS12, TLS13};
use evenkeel::tls::{CertificateProblem, TlsError, TlsOptions, TlsVersion};
use evenkeel::transport::internals::{TlsSession, Transport};
use evenkeel::transport::{ConnectError, StreamError, TransportOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::tls::{Authority, Server, fixture, server_config};
use crate::support::{assert_echo, open, serve};

fn options(tls: TlsOptions) -> TransportOptions {
    let mut options = TransportOptions::default();
    options.tls = tls;
    options
}

async fn connect(server: &Server, host: &str, tls: TlsOptions) -> Result<Transport, ConnectError> {
    open(&format!("mqtts://{host}:{}", server.port), options(tls)).await
}

fn rejected(result: Result<Transport, ConnectError>) -> (CertificateProblem, String) {
    let error = result.unwrap_err();
    let text = format!("{error:#}");
    match error {
        ConnectError::Tls(TlsError::CertificateRejected(problem)) => (problem, text),
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_server_of_a_given_authority_is_trusted() {
    let authority = Authority::new();
    for (ca, host) in [
        (authority.pem().into_bytes(), "localhost"),
        (authority.der(), "localhost"),
        (authority.pem().into_bytes(), "127.0.0.1"),
    ] {
        let server =
            Server::start(server_config(&authority.server(&["localhost", "127.0.0.1"]))).await;
        let mut stream = connect(&server, host, TlsOptions::new().ca_bytes(ca)).await.unwrap();
        assert_echo(&mut stream, &[5; 200_000]).await;
        let session = stream.tls_session().unwrap();
        assert_eq!((session.version, session.alpn), (Some(TlsVersion::Tls13), None));
    }
}

#[tokio::test]
async fn a_server_of_another_authority_is_rejected() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let text = "the server's certificate was rejected: its issuer is not trusted; \
                give the CA certificate that signed it";
    for tls in [
        TlsOptions::new().ca_bytes(ours.pem()),
        // The operating system's roots have no test authority.
        TlsOptions::new().ca_bytes(ours.pem()).system_roots(true),
    ] {
        let server = Server::start(server_config(&theirs.server(&["localhost"]))).await;
        let rejected = rejected(connect(&server, "localhost", tls).await);
        assert_eq!(rejected, (CertificateProblem::UnknownIssuer, text.to_owned()));
    }
}

/// An authority that was made anew keeps its name, but not its key.
#[tokio::test]
async fn a_server_of_an_authority_of_the_same_name_is_rejected() {
    let (old, new) = (Authority::called("Our CA"), Authority::called("Our CA"));
    let server = Server::start(server_config(&new.server(&["localhost"]))).await;
    let tls = TlsOptions::new().ca_bytes(old.pem());
    let (problem, text) = rejected(connect(&server, "localhost", tls).await);
    assert_eq!(problem, CertificateProblem::BadSignature);
    assert_eq!(
        text,
        "the server's certificate was rejected: its signature is wrong; \
         the given CA has the issuer's name but another key; was the CA remade?"
    );
}

#[tokio::test]
async fn given_authorities_add_up() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Server::start(server_config(&ours.server(&["localhost"]))).await;
    let tls = TlsOptions::new().ca_bytes(other.pem()).ca_bytes(ours.pem()).system_roots(true);
    assert_echo(&mut connect(&server, "localhost", tls).await.unwrap(), b"hello").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_rejected() {
    let authority = Authority::new();
    let server = Server::start(server_config(&authority.server(&["a.example", "b.example"]))).await;
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let (problem, text) = rejected(connect(&server, "localhost", tls).await);
    let names = ["a.example".to_owned(), "b.example".to_owned()].to_vec();
    let expected = CertificateProblem::WrongName { expected: "localhost".into(), presented: names };
    assert_eq!(problem, expected);
    assert_eq!(
        text,
        "the server's certificate was rejected: it is for a.example, b.example, \
         not for 'localhost'; \
         connect by a name it is for, or set the server name to expect"
    );
}

#[tokio::test]
async fn certificates_out_of_their_time_are_rejected() {
    let authority = Authority::new();
    let day = |year| rcgen::date_time_ymd(year, 3, 1);
    for (not_before, not_after, text) in [
        (
            2000,
            2001,
            "the server's certificate was rejected: it expired on 2001-03-01; \
             have it renewed; if it is in date, check the clock",
        ),
        (
            4000,
            4001,
            "the server's certificate was rejected: it is not valid before 4000-03-01; \
             check this machine's clock",
        ),
    ] {
        let identity = authority.server_with(&["localhost"], |params| {
            params.not_before = day(not_before);
            params.not_after = day(not_after);
        });
        let server = Server::start(server_config(&identity)).await;
        let tls = TlsOptions::new().ca_bytes(authority.pem());
        assert_eq!(rejected(connect(&server, "localhost", tls).await).1, text);
    }
}

#[tokio::test]
async fn certificates_for_other_uses_are_rejected() {
    let authority = Authority::new();
    let client_only = authority.server_with(&["localhost"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let server = Server::start(server_config(&client_only)).await;
    let tls = TlsOptions::new().ca_bytes(authority.pem());
    let (problem, text) = rejected(connect(&server, "localhost", tls).await);
    assert_eq!(problem, CertificateProblem::WrongPurpose);
    assert_eq!(
        text,
        "the server's certificate was rejected: it is not meant for servers; \
         issue it with extendedKeyUsage=serverAuth"
    );

    // What `openssl req -x509` makes, and many put on a broker as it is.
    let own = Authority::for_name("localhost");
    let server = Server::start(server_config(&own.identity())).await;
    let tls = TlsOptions::new().ca_bytes(own.pem());
    let (problem, text) = rejected(connect(&server, "localhost", tls).await);
    assert_eq!(problem, CertificateProblem::AuthorityAsServer);
    assert_eq!(
        text,
        "the server's certificate was rejected: it is the certificate of a certificate \
         authority, not of a server; issue a server certificate (basicConstraints=CA:FALSE) \
         signed by that CA; a self-signed one by: openssl req -x509 -addext \
         basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST ..."
    );
}

#[tokio::test]
async fn the_server_name_can_be_overridden() {
    let authority = Authority::new();
    let server = Server::start(server_config(&authority.server(&["device.example"]))).await;
    let tls = TlsOptions::new().ca_bytes(authority.pem()).server_name("device.example");
    let mut stream = connect(&server, "127.0.0.1", tls).await.unwrap();
    assert_echo(&mut stream, b"hello").await;
    assert_eq!(server.seen().await.server_name.as_deref(), Some("device.example"));
}

#[tokio::test]
async fn the_insecure_switches() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let wrong_name = server_config(&ours.server(&["a.example"]));
    let wrong_authority = server_config(&theirs.server(&["localhost"]));
    let any_name = || TlsOptions::new().dangerously_skip_server_name_verification();
    let anything = || TlsOptions::new().dangerously_skip_server_verification();

    for (config, tls) in [
        (wrong_name.clone(), any_name().ca_bytes(ours.pem())),
        (wrong_name, anything()),
        (wrong_authority.clone(), anything().ca_bytes(ours.pem())),
    ] {
        let server = Server::start(config).await;
        assert_echo(&mut connect(&server, "localhost", tls).await.unwrap(), b"hello").await;
    }
    let server = Server::start(wrong_authority).await;
    let tls = any_name().ca_bytes(ours.pem());
    let (problem, _) = rejected(connect(&server, "localhost", tls).await);
    assert_eq!(problem, CertificateProblem::UnknownIssuer);
}

/// TLS 1.2 verifies by another path than 1.3.
#[tokio::test]
async fn the_insecure_switches_in_tls_1_2() {
    let authority = Authority::new();
    for tls in [
        TlsOptions::new().dangerously_skip_server_verification(),
        TlsOptions::new().ca_bytes(authority.pem()).dangerously_skip_server_name_verification(),
    ] {
        let server = Server::start(server_config(&authority.server(&["a.example"]))).await;
        let tls = tls.versions([TlsVersion::Tls12]);
        let mut stream = connect(&server, "localhost", tls).await.unwrap();
        assert_echo(&mut stream, b"hello").await;
        assert_eq!(stream.tls_session().unwrap().version, Some(TlsVersion::Tls12));
    }
}

#[tokio::test]
async fn alpn_is_negotiated() {
    let authority = Authority::new();
    let tls = || TlsOptions::new().ca_bytes(authority.pem());
    let mut config = server_config(&authority.server(&["localhost"]));
    config.alpn_protocols = vec![b"mqtt".to_vec()];

    let server = Server::start(config.clone()).await;
    let stream = connect(&server, "localhost", tls().alpn(["x-amzn-mqtt-ca", "mqtt"])).await;
    let session: TlsSession = stream.unwrap().tls_session().unwrap();
    assert_eq!(session.alpn.as_deref(), Some(b"mqtt".as_slice()));

    let server = Server::start(config).await;
    let error = connect(&server, "localhost", tls().alpn(["h2"])).await.unwrap_err();
    assert_eq!(error, ConnectError::Tls(TlsError::AlertReceived { code: 120 }));
    assert_eq!(
        format!("{error:#}"),
        "the server ended TLS with alert 120 (no application protocol); \
         the server knows none of the ALPN protocols offered"
    );
}

#[tokio::test]
async fn versions_can_be_chosen() {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"]);
    let tls = |version| TlsOptions::new().ca_bytes(authority.pem()).versions([version]);
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let server = Server::start(server_config(&identity)).await;
        let stream = connect(&server, "localhost", tls(version)).await.unwrap();
        assert_eq!(stream.tls_session().unwrap().version, Some(version));
    }
    for (servers, ours) in [(&TLS12, TlsVersion::Tls13), (&TLS13, TlsVersion::Tls12)] {
        let server = Server::start_only(&identity, servers).await;
        let error = connect(&server, "localhost", tls(ours)).await.unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "the server ended TLS with alert 70 (protocol version); \
             the server wants another TLS version"
        );
    }
}

#[tokio::test]
async fn every_form_of_client_key() {
    let authority = Authority::new();
    for (kind, keys) in [
        ("rsa", ["rsa.pkcs1.pem", "rsa.pkcs1.der", "rsa.pkcs8.pem", "rsa.pkcs8.der"].as_slice()),
        ("ec", ["ec.sec1.pem", "ec.sec1.der", "ec.pkcs8.pem"].as_slice()),
        ("ed25519", ["ed25519.pkcs8.pem"].as_slice()),
    ] {
        let chain = authority.client_for_key(&fixture(&format!("{kind}.pkcs8.pem")));
        for key in keys {
            let server = Server::start_with_clients(&authority).await;
            let tls = TlsOptions::new()
                .ca_bytes(authority.pem())
                .client_certificate_bytes(chain.as_bytes(), fixture(key));
            let mut stream = connect(&server, "localhost", tls).await.unwrap();
            assert_echo(&mut stream, b"hello").await;
            assert_eq!(server.seen().await.client_certificates, 1, "{key}");
        }
    }
}

/// In TLS 1.2 the refusal ends the handshake; in 1.3 the client believes to be connected, and
/// learns of it from its first read.
#[tokio::test]
async fn a_missing_client_certificate_is_explained() {
    let authority = Authority::new();
    let tls = || TlsOptions::new().ca_bytes(authority.pem());
    let text = "the server ended TLS with alert 116 (certificate required); \
                give a client certificate and its key";
    let server = Server::start_with_clients(&authority).await;
    let tls12 = tls().versions([TlsVersion::Tls12]);
    let error = connect(&server, "localhost", tls12).await.unwrap_err();
    assert_eq!(format!("{error:#}"), text);

    let server = Server::start_with_clients(&authority).await;
    let mut stream = connect(&server, "localhost", tls()).await.unwrap();
    let error = stream.read(&mut [0; 16]).await.unwrap_err();
    let error = StreamError::from(error);
    assert_eq!(error, StreamError::Tls(TlsError::AlertReceived { code: 116 }));
    assert_eq!(format!("{error:#}"), text);
}

#[tokio::test]
async fn an_unknown_client_certificate_is_explained() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Server::start_with_clients(&ours).await;
    let chain = theirs.client_for_key(&fixture("ec.pkcs8.pem"));
    let tls = TlsOptions::new()
        .ca_bytes(ours.pem())
        .client_certificate_bytes(chain.as_bytes(), fixture("ec.pkcs8.pem"));
    let mut stream = connect(&server, "localhost", tls).await.unwrap();
    let error = StreamError::from(stream.read(&mut [0; 16]).await.unwrap_err());
    assert_eq!(
        format!("{error:#}"),
        "the server ended TLS with alert 48 (unknown CA); \
         check that the server trusts the client certificate"
    );
}

#[tokio::test]
async fn servers_that_do_not_speak_tls() {
    let answering = serve(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    });
    let closing = serve(|mut stream| async move {
        stream.read_u8().await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    });
    // Closing with unread bytes is a reset.
    let resetting = serve(|stream| async move { stream.readable().await.unwrap() });
    let insecure = || options(TlsOptions::new().dangerously_skip_server_verification());
    let error = open(&format!("mqtts://127.0.0.1:{}", answering.await), insecure()).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the server's answer is not TLS; \
         check that the port is the TLS port (often 8883, not 1883)"
    );
    let error = open(&format!("mqtts://127.0.0.1:{}", closing.await), insecure()).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the server closed the connection during the TLS handshake; \
         check that the port is the TLS port, and whether it needs a client certificate"
    );
    let error = open(&format!("mqtts://127.0.0.1:{}", resetting.await), insecure()).await;
    let error = error.unwrap_err();
    let ConnectError::Tls(TlsError::Io(reason)) = &error else { panic!("{error:?}") };
    assert_eq!(
        format!("{error:#}"),
        format!(
            "the connection broke during the TLS handshake: {reason}; \
             check that the port is the TLS port, and whether it needs a client certificate"
        )
    );
}

/// Many servers end TCP without TLS's closing alert: an end like any other.
#[tokio::test]
async fn an_end_without_the_closing_alert_is_an_end() {
    let authority = Authority::new();
    for polite in [true, false] {
        let server = Server::start_once(
            server_config(&authority.server(&["localhost"])),
            move |mut stream| async move {
                stream.write_all(b"bye").await.unwrap();
                stream.flush().await.unwrap();
                if polite {
                    stream.shutdown().await.unwrap();
                }
            },
        )
        .await;
        let tls = TlsOptions::new().ca_bytes(authority.pem());
        let mut stream = connect(&server, "localhost", tls).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"bye");
    }
}

#[tokio::test]
async fn a_finished_rustls_configuration_can_be_given() {
    let authority = Authority::new();
    let server = Server::start(server_config(&authority.server(&["localhost"]))).await;
    let config = TlsOptions::new().ca_bytes(authority.pem()).alpn(["mqtt"]).prepare().unwrap();
    let tls = TlsOptions::from_rustls(config);
    assert_echo(&mut connect(&server, "localhost", tls).await.unwrap(), b"hello").await;
}

#[test]
fn the_test_server_asks_for_client_certificates() {
    // Guards the tests above: a verifier that lets anonymous clients in would prove nothing.
    let authority = Authority::new();
    let roots = Arc::new(authority.roots());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots, crate::support::tls::provider())
            .build()
            .unwrap();
    assert!(verifier.client_auth_mandatory());
}
