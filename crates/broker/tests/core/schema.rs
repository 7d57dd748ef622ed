//! Events against docs/broker-events.schema.json: the fields of each are exactly those
//! that the schema has, and their values are as it says.
//!
//! Every event of every test in this program goes through [`check`].

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use evenkeel_broker::{By, CloseReason, Closer, ConnectionId, Event, EventKind, Instant};
use evenkeel_codec::{PacketType, ReasonCode};
use serde_json::{Value, json};

fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    let text = include_str!("../../../../docs/broker-events.schema.json");
    SCHEMA.get_or_init(|| serde_json::from_str(text).expect("a schema"))
}

/// The schema of one event's own fields.
fn own(name: &str) -> &'static Value {
    let branches = schema()["oneOf"].as_array().unwrap();
    let mut fitting = branches.iter().filter(|one| one["properties"]["event"]["const"] == name);
    let found = fitting.next().unwrap_or_else(|| panic!("{name} is not in the schema"));
    assert!(fitting.next().is_none(), "{name} is twice in the schema");
    found
}

/// Fails if the event is not as the schema says.
pub(crate) fn check(event: &Event) {
    let json = event.to_json();
    assert!(!json.contains('\n'), "{json}");
    if let Err(problem) = conforms(&serde_json::from_str(&json).expect("JSON")) {
        panic!("{json}: {problem}");
    }
}

fn conforms(line: &Value) -> Result<(), String> {
    let name = line["event"].as_str().ok_or("no event")?;
    let (common, own) = (schema(), own(name));
    let declared = |schema: &Value| -> BTreeSet<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let found: BTreeSet<String> = line.as_object().unwrap().keys().cloned().collect();
    let wanted = &declared(common) | &declared(own);
    if found != wanted {
        return Err(format!("the fields are {found:?} and not {wanted:?}"));
    }
    for part in [common, own] {
        let required = part["required"].as_array().into_iter().flatten();
        let required: BTreeSet<_> =
            required.map(|name| name.as_str().unwrap().to_owned()).collect();
        let always: BTreeSet<_> = declared(part).into_iter().filter(|it| it != "event").collect();
        if !always.is_subset(&required) {
            return Err(format!("{always:?} are there, and {required:?} required"));
        }
        for (name, rule) in part["properties"].as_object().unwrap() {
            fits(&line[name], rule).map_err(|problem| format!("{name} {problem}"))?;
        }
    }
    Ok(())
}

/// As much of JSON Schema as the schema uses: it may use no more.
fn fits(value: &Value, rule: &Value) -> Result<(), String> {
    for (keyword, wanted) in rule.as_object().unwrap() {
        let is_good = match keyword.as_str() {
            "description" | "examples" => true,
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| is_of(value, one)),
                one => is_of(value, one),
            },
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "maximum" => value.as_f64() <= wanted.as_f64(),
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| fits(value, one).is_ok()),
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                fits(value, &schema()["$defs"][name])?;
                true
            }
            "pattern" => matches(value.as_str().unwrap_or_default(), wanted.as_str().unwrap()),
            "format" => value.is_null() || is_time(value.as_str().unwrap_or_default()),
            other => panic!("the check knows no {other}"),
        };
        if !is_good {
            return Err(format!("is {value}, and {keyword} wants {wanted}"));
        }
    }
    Ok(())
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "string" => value.is_string(),
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        other => panic!("the check knows no {other}"),
    }
}

fn matches(text: &str, pattern: &str) -> bool {
    let begins = |is: fn(&char) -> bool| text.chars().next().is_some_and(|first| is(&first));
    match pattern {
        "^[a-z][a-z0-9_]*$" => {
            let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            begins(char::is_ascii_lowercase) && text.chars().all(is_good)
        }
        "^[A-Z]+$" => {
            begins(char::is_ascii_uppercase) && text.chars().all(|c| c.is_ascii_uppercase())
        }
        other => panic!("the check knows no {other}"),
    }
}

/// `2026-01-02T03:04:05.000000006Z`
fn is_time(text: &str) -> bool {
    let digits_as_9 = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c });
    digits_as_9.eq("9999-99-99T99:99:99.999999999Z".chars())
}

/// Every kind, those that may lack something twice.
fn every() -> Vec<EventKind> {
    use EventKind::*;
    let (text, reason) = (|| "x".to_owned(), ReasonCode(0x87));
    let (packet, packet_id) = (PacketType::PubAck, Some(7));
    let tls = |told: Option<String>| Tls {
        alpn: told.clone(),
        server_name: told.clone(),
        version: "TLSv1_3".into(),
        client_certificate: told,
    };
    let quota = |code, metric| Quota {
        limit: "ban",
        value: text(),
        seen: text(),
        action: "disconnects-with",
        code,
        by: By::Service,
        metric,
    };
    vec![
        Listening { url: text() },
        Stopped { keeps_sessions: true },
        Opened { transport: "tcp", peer: "127.0.0.1:5000".into() },
        tls(None),
        tls(Some(text())),
        UpgradeRefused { status: 403 },
        HttpRequest { method: text(), path: text(), status: 200 },
        Connected {
            version: 5,
            number: 1,
            clean_start: true,
            session_present: false,
            keep_alive: 10,
            session_expiry: u32::MAX,
        },
        Refused { reason, why: "user name or password" },
        Authenticated { again: true },
        Denied { act: "publish", topic: text(), why: text() },
        Subscribed { filter: text(), reason },
        Unsubscribed { filter: text() },
        PublishReceived { topic: text(), qos: 1, bytes: 3, packet_id, dup: false },
        PublishSent { topic: text(), qos: 0, bytes: 3, packet_id: None, dup: true },
        MessageDropped { topic: text(), why: "queue_full" },
        PingReceived,
        PingAnswered,
        KeepAliveTimeout { silence: 1.5 },
        TakenOver { by: ConnectionId::new(2) },
        SessionEnded { why: "expired" },
        WillDelayed { delay: 5 },
        WillPublished { topic: text() },
        WillCancelled,
        Fault { rule: "1".into(), action: "close_after", packet: Some(packet) },
        Fault { rule: "1".into(), action: "close", packet: None },
        LimitReached { limit: "queue" },
        quota(Some(0x8A), Some("Connect.Throttle")),
        quota(None, None),
        AckHeld { subscriber: "a".into() },
        ProtocolError { rule: "MQTT-3.1.0-2", reason, detail: text() },
        AnswerTooLarge { packet },
        UnexpectedAck { packet, packet_id: 7 },
        DisconnectReceived { reason },
        DisconnectSent { reason },
        Closed { why: CloseReason::Quota, closer: Closer::Server },
        Service { service: "RuleNotFound", text: text() },
        StateNotSaved { text: text() },
        StepFailed { text: text() },
        NotEncodable { packet, rule: "MQTT-1.5.4-1" },
    ]
}

#[test]
fn every_kind_of_event_is_as_the_schema_says() {
    let names: BTreeSet<&str> = every().iter().map(EventKind::name).collect();
    assert_eq!(names, EventKind::NAMES.iter().copied().collect());
    let branches = schema()["oneOf"].as_array().unwrap();
    assert_eq!(branches.len(), names.len(), "the schema has no event that there is not");
    for kind in every() {
        let bare = Event::new(Instant::from_micros(1), kind);
        check(&bare);
        let (connection, client_id) = (Some(ConnectionId::new(1)), Some("a".into()));
        check(&Event {
            connection,
            client_id,
            unix: Some(Duration::new(1_767_323_045, 6)),
            ..bare
        });
    }
}

#[test]
fn the_schema_knows_every_way_to_close() {
    let closed = &own("closed")["properties"];
    assert_eq!(closed["why"]["examples"], json!(CloseReason::ALL));
    assert_eq!(closed["closer"]["enum"], json!(Closer::ALL));
}

/// A check that lets everything through would be none.
#[test]
fn what_is_not_as_the_schema_says_is_found() {
    let kind = EventKind::Closed { why: CloseReason::Quota, closer: Closer::Server };
    let json = Event::new(Instant::START, kind).to_json();
    let good: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(conforms(&good), Ok(()));
    for (field, wrong) in [
        ("v", json!(1)),
        ("type", json!("event")),
        ("time", json!("1970-01-01 00:00:00")),
        ("mono_ns", json!(0.5)),
        ("client_id", json!(1)),
        ("connection", json!("1")),
        ("last_sent_s", json!(-0.001)),
        ("queued", json!("none")),
        ("why", json!("keep-alive")),
        ("closer", json!("network")),
        ("more", json!(1)),
    ] {
        let mut line = good.clone();
        line[field] = wrong;
        assert!(conforms(&line).is_err(), "{line}");
    }
    for field in good.as_object().unwrap().keys() {
        let mut line = good.clone();
        line.as_object_mut().unwrap().remove(field);
        assert!(conforms(&line).is_err(), "{line}");
    }
}
