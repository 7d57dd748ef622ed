//! `MQTT_Long_Duration`, hastened: an hour is three seconds.

use serde_json::Value;

use super::client;
use crate::support::folder;

const CASE: &str = "--suite long --hasten 1200 --operation subscribe";

#[tokio::test]
async fn a_client_that_comes_back_passes() {
    let json = folder().join("long.json");
    let flags = format!("{CASE} --json {}", json.display());
    let out = client::advise(&flags, "hasty").await.out();
    // By MQTT 5 nothing is sent again on the same connection.
    assert!(out.starts_with("warn    MQTT_Long_Duration ("), "{out}");
    assert!(out.contains("warn SUBSCRIBE: not sent again while SUBACK was held"), "{out}");
    assert!(out.contains("keep-alive 1 s, session resumed, "), "{out}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let evidence = report["cases"][0]["evidence"].as_array().unwrap();
    let scenarios =
        evidence.iter().filter_map(|one| one["what"].as_str()?.strip_prefix("scenario "));
    assert_eq!(scenarios.count(), 9);
}

#[tokio::test]
async fn a_client_without_pings_fails() {
    let out = client::advise(&format!("{CASE} --execution-timeout 4s"), "no-pings").await;
    let out = out.expect(9).out;
    assert!(out.starts_with("fail    MQTT_Long_Duration ("), "{out}");
    assert!(out.contains("fail KEEP_ALIVE: the client did not close the connection"), "{out}");
    assert_eq!(out.matches("fail ").count(), 2, "nothing else fails: {out}");
}

#[tokio::test]
async fn a_client_that_ends_fails() {
    let flags = "--suite long --hasten 1200 --operation publish --execution-timeout 2s";
    let out = super::advise(flags, "pub -h {host} -p {port} -t {topic} -m hello").await;
    let out = out.expect(9).out;
    assert!(out.contains("fail RECONNECT: "), "{out}");
    assert!(out.contains("fail LONG_SERVER_DISCONNECT: not reached"), "{out}");
    assert!(out.contains("the command had ended by itself, exit status: 0"), "{out}");
}
