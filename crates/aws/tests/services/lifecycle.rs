//! Lifecycle events.

use evenkeel_aws::{ConnectFailed, Connected, DisconnectReason, LifecycleLimits, Limits, Note};
use serde_json::{Value, json};

use crate::bench::{Bench, START, Sent};

const EVENTS: &str = "$aws/events/";

fn connect(bench: &mut Bench, client: &str, session: &str) -> Vec<Sent> {
    bench.with(|services, time, out| {
        let connected = Connected {
            session,
            client,
            principal: "cert-1",
            ip_address: "127.0.0.1",
            thing: None,
        };
        services.on_connected(time, &connected, out);
    })
}

fn disconnect(bench: &mut Bench, session: &str, reason: DisconnectReason) -> Vec<Sent> {
    bench.with(|services, time, out| services.on_disconnected(time, session, reason, out))
}

#[test]
fn a_connection_is_told_from_its_beginning_to_its_end() {
    let mut bench = Bench::default();
    let sent = connect(&mut bench, "lamp-1", "5e55");
    assert_eq!(sent[0].topic, format!("{EVENTS}presence/connected/lamp-1"));
    assert_eq!(
        sent[0].json(),
        json!({
            "clientId": "lamp-1",
            "timestamp": START * 1000,
            "eventType": "connected",
            "sessionIdentifier": "5e55",
            "principalIdentifier": "cert-1",
            "ipAddress": "127.0.0.1",
            "versionNumber": 0,
        })
    );

    for (kind, is_new) in [("subscribed", true), ("unsubscribed", false)] {
        let sent = bench.with(|services, time, out| {
            let filters = ["a/+", "b"];
            if is_new {
                services.on_subscribed(time, "5e55", &filters, out);
            } else {
                services.on_unsubscribed(time, "5e55", &filters, out);
            }
        });
        assert_eq!(sent[0].topic, format!("{EVENTS}subscriptions/{kind}/lamp-1"));
        assert_eq!(
            sent[0].json(),
            json!({
                "clientId": "lamp-1",
                "timestamp": START * 1000,
                "eventType": kind,
                "sessionIdentifier": "5e55",
                "principalIdentifier": "cert-1",
                "topics": ["a/+", "b"],
            })
        );
    }

    bench.now = 4;
    let sent = disconnect(&mut bench, "5e55", DisconnectReason::ConnectionLost);
    assert_eq!(sent[0].topic, format!("{EVENTS}presence/disconnected/lamp-1"));
    assert_eq!(
        sent[0].json(),
        json!({
            "clientId": "lamp-1",
            "timestamp": (START + 4) * 1000,
            "eventType": "disconnected",
            "sessionIdentifier": "5e55",
            "principalIdentifier": "cert-1",
            "versionNumber": 0,
            "clientInitiatedDisconnect": false,
            "disconnectReason": "CONNECTION_LOST",
        })
    );
    assert_eq!(disconnect(&mut bench, "5e55", DisconnectReason::ConnectionLost), [], "told once");
}

#[test]
fn each_reason_has_awss_name() {
    let reasons = [
        (DisconnectReason::AuthError, "AUTH_ERROR"),
        (DisconnectReason::ClientInitiated, "CLIENT_INITIATED_DISCONNECT"),
        (DisconnectReason::ClientError, "CLIENT_ERROR"),
        (DisconnectReason::ConnectionLost, "CONNECTION_LOST"),
        (DisconnectReason::DuplicateClientId, "DUPLICATE_CLIENTID"),
        (DisconnectReason::ForbiddenAccess, "FORBIDDEN_ACCESS"),
        (DisconnectReason::KeepAliveTimeout, "MQTT_KEEP_ALIVE_TIMEOUT"),
        (DisconnectReason::ServerError, "SERVER_ERROR"),
        (DisconnectReason::ServerInitiated, "SERVER_INITIATED_DISCONNECT"),
        (DisconnectReason::ApiInitiated, "API_INITIATED_DISCONNECT"),
        (DisconnectReason::Throttled, "THROTTLED"),
        (DisconnectReason::WebSocketTtlExpiration, "WEBSOCKET_TTL_EXPIRATION"),
        (DisconnectReason::CustomAuthTtlExpiration, "CUSTOMAUTH_TTL_EXPIRATION"),
    ];
    let mut bench = Bench::default();
    for (reason, name) in reasons {
        connect(&mut bench, "lamp", "s");
        let event = disconnect(&mut bench, "s", reason)[0].json();
        assert_eq!(event["disconnectReason"], name);
        let by_client = reason == DisconnectReason::ClientInitiated;
        assert_eq!(event["clientInitiatedDisconnect"], by_client);
    }
}

#[test]
fn version_numbers_grow_and_are_forgotten_after_an_hour_away() {
    let mut bench = Bench::default();
    let version = |sent: &[Sent]| sent[0].json()["versionNumber"].clone();
    assert_eq!(version(&connect(&mut bench, "lamp", "s1")), 0);
    // A connection takes over before the old one has ended.
    assert_eq!(version(&connect(&mut bench, "lamp", "s2")), 1);
    let ended = disconnect(&mut bench, "s1", DisconnectReason::DuplicateClientId);
    assert_eq!(version(&ended), 0, "both events of a connection share the number");
    assert_eq!(bench.wait(10_000), []);
    assert_eq!(version(&disconnect(&mut bench, "s2", DisconnectReason::ClientInitiated)), 1);
    bench.wait(3599);
    assert_eq!(version(&connect(&mut bench, "lamp", "s3")), 2);
    disconnect(&mut bench, "s3", DisconnectReason::ClientInitiated);
    bench.wait(3600);
    assert_eq!(bench.services.deadline(), None);
    assert_eq!(version(&connect(&mut bench, "lamp", "s4")), 0);
}

#[test]
fn a_client_id_that_would_be_a_filter_has_no_events() {
    let mut bench = Bench::default();
    for client in ["a+b", "a#"] {
        assert_eq!(connect(&mut bench, client, client), []);
        assert_eq!(disconnect(&mut bench, client, DisconnectReason::ConnectionLost), []);
    }
}

#[test]
fn a_thing_that_owns_its_certificate_is_named() {
    let mut bench = Bench::default();
    let sent = bench.with(|services, time, out| {
        let connected = Connected {
            session: "s",
            client: "lamp-1",
            principal: "cert-1",
            ip_address: "::1",
            thing: Some("lamp"),
        };
        services.on_connected(time, &connected, out);
        services.on_disconnected(time, "s", DisconnectReason::ConnectionLost, out);
    });
    assert!(sent.iter().all(|one| one.json()["thingName"] == "lamp"));
}

#[test]
fn a_refused_connect_is_told() {
    let mut bench = Bench::default();
    let sent = bench.with(|services, time, out| {
        let failed = ConnectFailed {
            client: "lamp-1",
            principal: "cert-1",
            session: "s",
            ip_address: "127.0.0.1",
        };
        services.on_connect_failed(time, &failed, out);
    });
    assert_eq!(sent[0].topic, format!("{EVENTS}presence/connect_failed/lamp-1"));
    let event: Value = sent[0].json();
    assert_eq!(event["connectFailureReason"], "AUTHORIZATION_FAILED");
    assert!(event.get("versionNumber").is_none());
}

#[test]
fn clients_beyond_the_limit_have_events_without_memory() {
    let lifecycle = LifecycleLimits { clients: 1, ..LifecycleLimits::AWS };
    let mut bench = Bench::new(Limits { lifecycle, ..Limits::AWS });
    connect(&mut bench, "a", "s1");
    assert!(bench.notes.is_empty());
    for session in ["s2", "s3"] {
        let event = connect(&mut bench, "b", session)[0].json();
        assert_eq!(event["versionNumber"], 0);
    }
    let note = Note::LimitReached { limit: "lifecycle.clients", value: 1 };
    assert_eq!(bench.notes, [note.clone(), note]);
}
