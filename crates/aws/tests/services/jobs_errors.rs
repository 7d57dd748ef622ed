//! Every code with which a thing's request is rejected.

use evenkeel_aws::jobs::JobsError;
use serde_json::{Value, json};

use crate::bench::{Bench, CLIENT, START, at};

const JOBS: &str = "$aws/things/lamp/jobs/";

/// A thing with a job in progress, `run`, and one that has ended, `done`.
fn bench() -> Bench {
    let mut bench = Bench::default();
    bench.with(|services, time, out| {
        for id in ["run", "done"] {
            services.jobs().create(time, id, &json!({}), &["lamp"], out).expect("created");
        }
    });
    for (id, status) in [("run", "IN_PROGRESS"), ("done", "SUCCEEDED")] {
        bench.publish(&format!("{JOBS}{id}/update"), json!({"status": status}).to_string());
    }
    bench
}

fn rejection(bench: &mut Bench, topic: &str, payload: impl AsRef<[u8]>) -> Value {
    let sent = bench.ask(&format!("{JOBS}{topic}"), payload);
    assert_eq!(sent.topic, format!("{JOBS}{topic}/rejected"), "{:?}", sent.json());
    assert_eq!(sent.to.as_deref(), Some(CLIENT), "to the client that asked, subscribed or not");
    let answer = sent.json();
    assert_eq!(answer["timestamp"], START);
    assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()));
    answer
}

#[test]
fn each_bad_request_has_its_code() {
    let cases: [(&str, &str, &str); 24] = [
        ("nonsense", "{}", "InvalidTopic"),
        ("run/delete", "{}", "InvalidTopic"),
        ("$next/update", r#"{"status": "FAILED"}"#, "InvalidTopic"),
        ("get", "{", "InvalidJson"),
        ("start-next", "\u{1}", "InvalidJson"),
        ("get", "[]", "InvalidRequest"),
        ("get", r#"{"clientToken": 1}"#, "InvalidRequest"),
        ("run/update", "{}", "InvalidRequest"),
        ("run/update", r#"{"status": "PAUSED"}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "QUEUED"}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "CANCELED"}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "TIMED_OUT"}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "REMOVED"}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "FAILED", "statusDetails": {"a": 1}}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "FAILED", "statusDetails": {"a": ""}}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "FAILED", "statusDetails": {"a b": "c"}}"#, "InvalidRequest"),
        ("run/update", r#"{"status": "FAILED", "expectedVersion": "2"}"#, "InvalidRequest"),
        ("start-next", r#"{"stepTimeoutInMinutes": 0}"#, "InvalidRequest"),
        ("start-next", r#"{"stepTimeoutInMinutes": -2}"#, "InvalidRequest"),
        ("start-next", r#"{"stepTimeoutInMinutes": 10081}"#, "InvalidRequest"),
        ("none/get", "{}", "ResourceNotFound"),
        ("run/get", r#"{"executionNumber": 2}"#, "ResourceNotFound"),
        ("none/update", r#"{"status": "FAILED"}"#, "ResourceNotFound"),
        ("done/get", "{}", "TerminalStateReached"),
    ];
    let mut bench = bench();
    let time = bench.time();
    drop(bench.services.changes(time));
    for (topic, payload, code) in cases {
        let answer = rejection(&mut bench, topic, payload);
        assert_eq!(answer["code"], code, "{topic} {payload}");
        assert!(answer.get("executionState").is_none());
    }
    let answer = rejection(&mut bench, "get", b"\xff");
    assert_eq!(answer["code"], "InvalidJson");
    assert!(bench.services.changes(time).is_empty(), "nothing has changed");
}

#[test]
fn a_version_that_does_not_match_comes_with_the_state() {
    let mut bench = bench();
    let request = r#"{"status": "FAILED", "expectedVersion": 3, "clientToken": "t"}"#;
    let answer = rejection(&mut bench, "run/update", request);
    assert_eq!(answer["code"], "VersionMismatch");
    assert_eq!(answer["clientToken"], "t");
    let state = json!({"status": "IN_PROGRESS", "statusDetails": {}, "versionNumber": 2});
    assert_eq!(answer["executionState"], state);
}

#[test]
fn an_end_is_final_and_says_so_with_the_state() {
    let mut bench = bench();
    for status in ["IN_PROGRESS", "FAILED", "SUCCEEDED", "REJECTED"] {
        let request = json!({"status": status}).to_string();
        let answer = rejection(&mut bench, "done/update", request);
        assert_eq!(answer["code"], "InvalidStateTransition");
        assert_eq!(answer["executionState"]["status"], "SUCCEEDED");
    }
}

#[test]
fn what_no_request_provokes_has_its_code_too() {
    for (error, code) in [
        (JobsError::InternalError, "InternalError"),
        (JobsError::RequestThrottled, "RequestThrottled"),
    ] {
        let answer = error.answer(at(1), Some("t"));
        let message = error.to_string();
        let expected = json!({
            "code": code, "message": message, "timestamp": START + 1, "clientToken": "t",
        });
        assert_eq!(answer, expected);
    }
}

#[test]
fn details_and_tokens_are_good_up_to_their_limits() {
    let mut bench = bench();
    let mut details = |pairs: usize, key: usize, value: usize| {
        let pair = |number: usize| (format!("{number:0>key$}"), "v".repeat(value));
        let details: std::collections::BTreeMap<_, _> = (0..pairs).map(pair).collect();
        let request = json!({"status": "IN_PROGRESS", "statusDetails": details}).to_string();
        bench.ask(&format!("{JOBS}run/update"), request).topic.ends_with("/accepted")
    };
    assert!(details(10, 128, 1024));
    assert!(!details(11, 1, 1));
    assert!(!details(1, 129, 1));
    assert!(!details(1, 1, 1025));
    let mut token = |length: usize| {
        let request = json!({"clientToken": "t".repeat(length)}).to_string();
        bench.ask(&format!("{JOBS}get"), request).topic.ends_with("/accepted")
    };
    assert!(token(64));
    assert!(!token(65));
}
