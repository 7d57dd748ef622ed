//! Certificates that are not valid at this time, or a clock that is wrong (R11).

use std::sync::Arc;
use std::time::Duration;

use evenkeel::tls::TlsOptions;
use evenkeel::{CauseClass, Client, ConnectError, Event, Halt, Reconnect, RefusedPolicy, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::soon;
use crate::support::tls::{Authority, Identity, server_config};

/// A certificate for these years only.
fn in_years(authority: &Authority, not_before: i32, not_after: i32) -> Identity {
    authority.server_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(not_before, 3, 1);
        params.not_after = rcgen::date_time_ymd(not_after, 3, 1);
    })
}

/// Serves MQTT with each certificate in turn, the last one from then on: to the
/// client that is as if its clock was set.
async fn serve(identities: Vec<Identity>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        for number in 0.. {
            let identity = &identities[number.min(identities.len() - 1)];
            let acceptor = TlsAcceptor::from(Arc::new(server_config(identity)));
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut connect = [0; 2];
            if stream.read_exact(&mut connect).await.is_ok() {
                stream.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
                held.push(stream);
            }
        }
    });
    port
}

fn client(port: u16, authority: &Authority, refused: RefusedPolicy) -> Client {
    let mut policy = Reconnect::default();
    policy.refused = refused;
    policy.base = Duration::from_millis(10);
    Client::builder(format!("mqtts://localhost:{port}"))
        .tls(TlsOptions::new().ca_bytes(authority.pem()))
        .reconnect(policy)
        .start()
        .unwrap()
}

/// The classes of the ends there were.
fn classes(client: &Client) -> Vec<CauseClass> {
    let mut events = client.events();
    let events = std::iter::from_fn(|| events.try_next());
    events
        .filter_map(|report| match report.event {
            Event::Disconnected { cause, .. } => Some(cause.class()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_client_is_there_soon_after_the_clock_is_right() {
    for refused in [RefusedPolicy::HaltUnlessProven, RefusedPolicy::Halt, RefusedPolicy::SlowLane] {
        let authority = Authority::new();
        let young = || in_years(&authority, 4000, 4001);
        let port = serve(vec![young(), young(), young(), authority.server(&["localhost"])]).await;
        let client = client(port, &authority, refused);
        soon(client.online()).await.unwrap();
        assert_eq!(classes(&client), [CauseClass::CertificateTime; 3]);
    }
}

#[tokio::test]
async fn an_expired_certificate_halts_only_who_asked_for_it() {
    for refused in [RefusedPolicy::HaltUnlessProven, RefusedPolicy::SlowLane] {
        let authority = Authority::new();
        let old = || in_years(&authority, 2000, 2001);
        let port = serve(vec![old(), old(), authority.server(&["localhost"])]).await;
        let client = client(port, &authority, refused);
        soon(client.online()).await.unwrap();
        assert_eq!(classes(&client), [CauseClass::CertificateTime; 2]);
    }
    let authority = Authority::new();
    let port = serve(vec![in_years(&authority, 2000, 2001)]).await;
    let client = client(port, &authority, RefusedPolicy::Halt);
    let error = soon(client.online()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Halted { halt: Halt::Refused, .. }), "{error:?}");
    assert!(format!("{error:#}").contains("it expired on 2001-03-01"), "{error}");
    assert!(matches!(client.state(), State::Halted { .. }));
}
