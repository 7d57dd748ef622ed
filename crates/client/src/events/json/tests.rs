//! What is told of each event, in both versions.

use std::time::Duration;

use evenkeel_proto::record::{Serial, StorageFailure};

use super::*;
use crate::error::TransportError;
use crate::events::{Instant, Origin, Situation};

fn of(
    time: std::time::SystemTime,
    at: Instant,
    event: Event,
    error: Option<Box<TransportError>>,
) -> Report {
    Report { time, at, event, error, situation: Situation::NONE, origin: None }
}

fn ended() -> Report {
    let cause = Box::new(DisconnectCause::Transport {
        failure: evenkeel_proto::TransportFailure::Eof,
        phase: None,
    });
    let conn = evenkeel_proto::ConnectionId(3);
    let online_for = Some(Duration::from_millis(4_000));
    let event = Event::Disconnected { conn, cause, online_for };
    let at = Instant::from_micros(12_000_000);
    let mut report = of(std::time::UNIX_EPOCH, at, event, None);
    let activity = crate::events::Activity {
        sent: Some(Instant::from_micros(11_000_000)),
        received: Some(Instant::from_micros(10_500_000)),
    };
    report.situation = Situation::of(conn, 0, Some(Duration::from_secs(30)))
        .with_activity(at, activity)
        .with_load(2, 5);
    let client_id = evenkeel_codec::Text::try_from("pump-17").unwrap();
    let server_url = Some("mqtts://b.example:8883".to_owned());
    report.origin = Some(std::sync::Arc::new(Origin { client_id, server_url }));
    report
}

#[test]
fn an_event_says_whose_it_is_and_where_the_client_stood() {
    let told = r#"{"v":2,"type":"event","time":"1970-01-01T00:00:00.000000000Z","mono_ns":12000000000,"event":"disconnected","client_id":"pump-17","connection":3,"server_url":"mqtts://b.example:8883","keep_alive_s":30,"last_sent_s":1.0,"last_received_s":1.5,"in_flight":2,"queued":5,"#;
    let json = ended().to_json();
    assert_eq!(json.get(..told.len()), Some(told));
    let value: Value = serde_json::from_str(&json).unwrap();
    let own = ["class", "closer", "online_s", "reason_code"].map(|key| value[key].clone());
    assert_eq!(own, [json!("network"), json!("peer"), json!(4.0), Value::Null]);
}

#[test]
fn version_1_is_as_it_was() {
    let value: Value = serde_json::from_str(&ended().to_json_v1()).unwrap();
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted =
        ["v", "type", "time", "event", "cause", "class", "online_s", "reason_code"].to_vec();
    wanted.sort_unstable();
    let mut found = keys.clone();
    found.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!((&value["v"], &value["class"]), (&json!(1), &json!("Network")));
}

#[test]
fn version_1_has_its_own_names() {
    let of_v1 = |name: &str| {
        let event = samples().into_iter().find(|event| event.name() == name).unwrap();
        let report = of(std::time::UNIX_EPOCH, Instant::default(), event, None);
        let mut value: Value = serde_json::from_str(&report.to_json_v1()).unwrap();
        for common in ["v", "type", "time", "event"] {
            value.as_object_mut().unwrap().remove(common).unwrap();
        }
        value
    };
    assert_eq!(of_v1("retry"), json!({ "attempt": 1, "delay_s": 1.0, "pace": "BackOff" }));
    assert_eq!(of_v1("halted"), json!({ "reason": "Attempts(3)" }));
    assert_eq!(of_v1("loop"), json!({ "class": "Network", "count": 5, "period_s": 1.0 }));
    let recovered = json!({ "exchanges": 0, "queued": 0, "quarantined": 0, "subscriptions": 0 });
    assert_eq!(of_v1("recovered"), recovered);
}

#[test]
fn a_loop_has_its_suspects_since_version_2() {
    let (class, period) = (CauseClass::TakenOver, Duration::from_millis(2_500));
    let event = Event::Loop(Repetition { class, count: 5, period, lived: None });
    let report = of(std::time::UNIX_EPOCH, Instant::default(), event, None);
    let (old, new) = (fields(&report, Style::V1), fields(&report, Style::V2));
    assert_eq!(old, json!({ "class": "TakenOver", "count": 5, "period_s": 2.5 }));
    let wanted = json!({
        "class": "taken_over", "count": 5, "period_s": 2.5, "suspects": ["ID01"],
    });
    assert_eq!(new, wanted);
}

#[test]
fn what_is_not_known_is_null() {
    let report = of(std::time::UNIX_EPOCH, Instant::default(), Event::PingSent, None);
    let value: Value = serde_json::from_str(&report.to_json()).unwrap();
    for key in ["client_id", "connection", "server_url", "keep_alive_s", "last_sent_s"] {
        assert_eq!(value.get(key), Some(&Value::Null), "{key}");
    }
}

/// The field `heard` is younger than 0.1.0; nothing else about it is new.
#[test]
fn an_unanswered_ping_says_whether_anything_was_heard() {
    for heard in [true, false] {
        let event = Event::PingUnanswered { after: Duration::from_millis(1500), heard };
        let told = json!({ "after_s": 1.5, "heard": heard });
        let (time, at) = (std::time::UNIX_EPOCH, Instant::default());
        let report = of(time, at, event, None);
        assert_eq!((report.event.name(), fields(&report, Style::V2)), ("ping_unanswered", told));
    }
}

#[test]
fn what_holds_the_server_back_is_told() {
    for (event, name, what) in [
        (Event::ReadingPaused, "reading_paused", Value::Null),
        (Event::ReadingResumed, "reading_resumed", Value::Null),
        (
            Event::ReceiveMaximumExceeded { maximum: 20 },
            "receive_maximum_exceeded",
            json!({ "maximum": 20 }),
        ),
        (
            Event::DeliveryStalled { unacknowledged: 30 },
            "delivery_stalled",
            json!({ "unacknowledged": 30 }),
        ),
        (Event::DeliveryResumed, "delivery_resumed", Value::Null),
        (
            Event::AcknowledgementsWithheld {
                packet_ids: [1, 7].into_iter().filter_map(evenkeel_codec::PacketId::new).collect(),
                after: Duration::from_millis(31_500),
            },
            "acknowledgements_withheld",
            json!({ "packet_ids": [1, 7], "after_s": 31.5 }),
        ),
        (Event::Renewed { gap: Duration::from_micros(1500) }, "renewed", json!({ "gap_ms": 1.5 })),
    ] {
        assert_eq!((event.name(), more_fields(&event, Style::V2)), (name, what));
    }
}

#[test]
fn what_becomes_of_the_store_is_told() {
    let (exchanges, queued, quarantined, subscriptions) = (1, 2, 3, 4);
    let settled = |result| Event::Settled { serial: Serial(7), result };
    let (failure, retry) = (StorageFailure::Full, Duration::from_secs(2));
    for (event, name, what) in [
        (
            Event::Recovered { exchanges, queued, quarantined, subscriptions },
            "recovered",
            json!({ "exchanges": 1, "messages": 2, "quarantined": 3, "subscriptions": 4 }),
        ),
        (settled(Ok(())), "settled", json!({ "serial": 7, "error": null })),
        (
            settled(Err(DeliveryError::ConnectionLost)),
            "settled",
            json!({ "serial": 7, "error": DeliveryError::ConnectionLost.to_string() }),
        ),
        (
            settled(Err(DeliveryError::Uncertain { attempts: 2 })),
            "settled",
            json!({
                "serial": 7,
                "error": DeliveryError::Uncertain { attempts: 2 }.to_string(),
                "uncertain": true,
            }),
        ),
        (
            Event::StoreFailed { failure, retry },
            "store_failed",
            json!({ "failure": "the store is full", "retry_s": 2.0 }),
        ),
        (Event::StoreRestored, "store_restored", Value::Null),
    ] {
        assert_eq!((event.name(), more_fields(&event, Style::V2)), (name, what));
    }
}
#[test]
fn what_becomes_of_certificate_files_is_told() {
    let (conn, time) = (evenkeel_proto::ConnectionId(1), std::time::SystemTime::UNIX_EPOCH);
    let at = Instant::from_micros(0);
    let renewed = of(time, at, Event::FilesRenewed { conn }, None);
    assert_eq!((renewed.event.name(), fields(&renewed, Style::V2)), ("files_renewed", Value::Null));
    let error = crate::tls::TlsConfigError::NoVersion;
    let error = crate::transport::ConnectError::Config(error.into());
    let error = Some(Box::new(TransportError::Connect(error)));
    let kept = of(time, at, Event::FilesKept { conn }, error);
    let what = json!({ "error": "the TLS settings allow no TLS version" });
    assert_eq!((kept.event.name(), fields(&kept, Style::V2)), ("files_kept", what));
}

/// One event of each name.
fn samples() -> Vec<Event> {
    let conn = evenkeel_proto::ConnectionId(1);
    let connected = evenkeel_proto::Connected {
        conn,
        version: evenkeel_codec::Version::V5,
        session_present: false,
        assigned_client_id: None,
        response_information: None,
        properties: evenkeel_codec::Properties::new(),
        took: Duration::from_millis(3),
    };
    let second = Duration::from_secs(1);
    let retry = evenkeel_proto::Retry { attempt: 1, at: Instant::default(), pace: Pace::BackOff };
    let class = CauseClass::Network;
    let repetition = Repetition { class, count: 5, period: second, lived: None };
    let failure = StorageFailure::Full;
    let notice = Notice { file: "1.log".into(), kind: NoticeKind::GaveWay };
    let filter = evenkeel_codec::TopicFilter::try_from("a/#").unwrap();
    vec![
        Event::Connecting { conn, attempt: 1, server: 0 },
        Event::Connected(std::sync::Arc::new(connected)),
        Event::Reauthenticated { conn },
        ended().event,
        Event::RetryScheduled { retry, delay: second },
        Event::Halted(Halt::Attempts(3)),
        Event::VersionFallback(evenkeel_codec::Version::V311),
        Event::Loop(repetition),
        Event::PingSent,
        Event::PongReceived(Pong::Matched { round_trip: second }),
        Event::PongReceived(Pong::Unsolicited),
        Event::PingUnanswered { after: second, heard: true },
        Event::SubscriptionsRestoring { filters: 1 },
        Event::SubscriptionsForgotten { filters: 1 },
        Event::SubscriptionLost { filter, reason: evenkeel_codec::ReasonCode(0x87) },
        Event::ReadingPaused,
        Event::ReadingResumed,
        Event::ReceiveMaximumExceeded { maximum: 1 },
        Event::DeliveryStalled { unacknowledged: 1 },
        Event::DeliveryResumed,
        Event::Quarantined { topic: None, deaths: 3, serial: None },
        Event::Recovered { exchanges: 0, queued: 0, quarantined: 0, subscriptions: 0 },
        Event::StoreNotice(Box::new(notice)),
        Event::Settled { serial: Serial(1), result: Err(DeliveryError::Uncertain { attempts: 1 }) },
        Event::StoreFailed { failure, retry: second },
        Event::StoreRestored,
        Event::Renewed { gap: second },
        Event::AcknowledgementsWithheld { packet_ids: Vec::new(), after: second },
        Event::FilesRenewed { conn },
        Event::FilesKept { conn },
        Event::Lagged { lost: 1 },
    ]
}

#[test]
fn the_schema_has_every_event_with_the_fields_that_it_has() {
    let schema = std::fs::read_to_string("../../docs/events.schema.json").unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let common = schema["properties"].as_object().unwrap();
    let mut untold: Vec<&str> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|branch| branch["title"].as_str().unwrap())
        .collect();
    for event in samples() {
        let name = event.name();
        let report = of(std::time::UNIX_EPOCH, Instant::default(), event, None);
        let line: Value = serde_json::from_str(&report.to_json()).unwrap();
        let branches = schema["oneOf"].as_array().unwrap();
        let branch = branches.iter().find(|branch| branch["title"] == name);
        let own = branch.unwrap_or_else(|| panic!("{name} is not in the schema"))["properties"]
            .as_object()
            .unwrap();
        let mut declared: Vec<&String> = common.keys().chain(own.keys()).collect();
        declared.sort_unstable();
        declared.dedup();
        let mut found: Vec<&String> = line.as_object().unwrap().keys().collect();
        found.sort_unstable();
        assert_eq!(found, declared, "{name}");
        let shared = own.keys().filter(|key| common.contains_key(*key));
        assert_eq!(shared.collect::<Vec<_>>(), ["event"], "{name}: a name twice in one object");
        untold.retain(|told| *told != name);
    }
    assert_eq!(untold, ["rate_reached", "answered"], "only the core can make them");
    let mut codes: Vec<u16> = samples().iter().map(Event::code).chain([129, 132]).collect();
    codes.sort_unstable();
    assert_eq!(codes, (100..=132).collect::<Vec<_>>(), "each event has a sample");
}
