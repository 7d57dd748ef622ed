//! What `--events` writes, and in which version.

use serde_json::Value;

use crate::support::{broker, evenkeel, folder};

/// The events of a subscription that ends once it is granted.
async fn written(flags: &str) -> Vec<Value> {
    let broker = broker().await;
    let events = folder().join("events.jsonl");
    let line = format!("sub a -E -i boat -k 30 --events {} {flags}", events.display());
    evenkeel(&line).at(&broker).run().await.expect(0);
    let text = std::fs::read_to_string(events).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> &'a Value {
    events.iter().find(|event| event["event"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[tokio::test]
async fn events_say_whose_they_are() {
    let events = written("").await;
    for event in &events {
        assert_eq!((&event["v"], &event["client_id"]), (&Value::from(2), &Value::from("boat")));
        assert_eq!(event["connection"], 1);
        let url = event["server_url"].as_str().unwrap();
        assert!(url.starts_with("mqtt://127.0.0.1:"), "{url}");
        assert!(event["mono_ns"].is_u64(), "{event}");
    }
    assert_eq!(named(&events, "connecting")["keep_alive_s"], Value::Null);
    assert_eq!(named(&events, "connected")["keep_alive_s"], 30);
    let ended = named(&events, "disconnected");
    assert_eq!((&ended["class"], &ended["closer"]), (&"local".into(), &"client".into()));
    assert!(ended["last_sent_s"].is_f64() && ended["last_received_s"].is_f64(), "{ended}");
}

#[tokio::test]
async fn a_url_with_secrets_is_written_without() {
    let broker = broker().await;
    let events = folder().join("events.jsonl");
    let port = broker.tcp_addr().unwrap().port();
    let line = format!("sub a -E -L mqtt://me:hush@127.0.0.1:{port} --events {}", events.display());
    evenkeel(&line).run().await.expect(0);
    let text = std::fs::read_to_string(events).unwrap();
    assert!(text.contains("\"server_url\":\"mqtt://"), "{text}");
    assert!(!text.contains("hush") && !text.contains("me:"), "{text}");
}

#[tokio::test]
async fn version_1_is_written_if_it_is_asked_for() {
    let events = written("--events-version 1").await;
    for event in &events {
        assert_eq!((&event["v"], event.get("client_id")), (&Value::from(1), None));
    }
    assert_eq!(named(&events, "disconnected")["class"], "Local");
}

#[tokio::test]
async fn a_version_that_is_not_there_is_refused() {
    let ran = evenkeel("sub a --events - --events-version 3").run().await.expect(2);
    ran.says("error: '3' is no value for --events-version\n");
    evenkeel("sub a --events-version 1").run().await.expect(2).says("--events");
}
