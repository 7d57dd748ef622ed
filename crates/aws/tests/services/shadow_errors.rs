//! Every code and text with which a shadow's request is rejected.

use evenkeel_aws::shadow::ShadowError;
use evenkeel_aws::{Limits, ShadowLimits};
use serde_json::{Value, json};

use crate::bench::{Bench, START, at};

const UPDATE: &str = "$aws/things/lamp/shadow/update";

fn rejection(bench: &mut Bench, payload: impl AsRef<[u8]>) -> (Value, Value) {
    let sent = bench.ask(UPDATE, payload);
    assert_eq!(sent.topic, format!("{UPDATE}/rejected"));
    let answer = sent.json();
    assert_eq!(answer["timestamp"], START);
    (answer["code"].clone(), answer["message"].clone())
}

#[test]
fn each_bad_request_has_its_code_and_text() {
    let token = "x".repeat(65);
    let too_long = format!(r#"{{"state": {{}}, "clientToken": "{token}"}}"#);
    let state = |state: &str| format!(r#"{{"state": {state}}}"#).into_bytes();
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (b"".to_vec(), 400, "Invalid JSON"),
        (b"{".to_vec(), 400, "Invalid JSON"),
        (b"[]".to_vec(), 400, "Invalid JSON"),
        (b"{} {}".to_vec(), 400, "Invalid JSON"),
        (b"{}".to_vec(), 400, "Missing required node: state"),
        (state("null"), 400, "State node must be an object"),
        (state("[]"), 400, "State node must be an object"),
        (state(r#"{"desired": 1}"#), 400, "Desired node must be an object"),
        (state(r#"{"reported": []}"#), 400, "Reported node must be an object"),
        (state(r#"{"delta": {}}"#), 400, "State contains an invalid node"),
        (state(r#"{"desired": {"a": [1, null]}}"#), 400, "State contains an invalid node"),
        (state(r#"{"desired": {"a": [{"b": null}]}}"#), 400, "State contains an invalid node"),
        (br#"{"state": {}, "version": "1"}"#.to_vec(), 400, "Invalid version"),
        (br#"{"state": {}, "version": -1}"#.to_vec(), 400, "Invalid version"),
        (br#"{"state": {}, "version": 1.5}"#.to_vec(), 400, "Invalid version"),
        (too_long.into_bytes(), 400, "Invalid clientToken"),
        (br#"{"state": {}, "clientToken": 1}"#.to_vec(), 400, "Invalid clientToken"),
        (br#"{"state": {}, "version": 7}"#.to_vec(), 409, "Version conflict"),
        (
            b"{\"state\": {\"desired\": {\"a\": \"\xff\"}}}".to_vec(),
            415,
            "Unsupported documented encoding; supported encoding is UTF-8",
        ),
    ];
    let mut bench = Bench::default();
    for (payload, code, text) in cases {
        let shown = String::from_utf8_lossy(&payload).into_owned();
        assert_eq!(rejection(&mut bench, payload), (json!(code), json!(text)), "{shown}");
    }
    let time = bench.time();
    assert!(bench.services.changes(time).is_empty(), "nothing has changed");
}

#[test]
fn what_no_request_provokes_has_its_code_and_text_too() {
    let cases = [
        (ShadowError::Unauthorized, 401, "Unauthorized"),
        (ShadowError::Forbidden, 403, "Forbidden"),
        (ShadowError::ThingNotFound, 404, "Thing not found"),
        (ShadowError::TooManyRequests, 429, "Too many requests"),
        (ShadowError::Internal, 500, "Internal service failure"),
    ];
    for (error, code, text) in cases {
        let answer = error.answer(at(2), Some("t"));
        let expected = json!({
            "code": code, "message": text, "timestamp": START + 2, "clientToken": "t",
        });
        assert_eq!(answer, expected);
    }
}

#[test]
fn a_missing_shadow_is_named() {
    let mut bench = Bench::default();
    for operation in ["get", "delete"] {
        let named = bench.ask(&format!("$aws/things/lamp/shadow/name/night/{operation}"), "");
        assert_eq!(named.json()["code"], 404);
        assert_eq!(named.json()["message"], "No shadow exists with name: 'night'");
        let classic = bench.ask(&format!("$aws/things/lamp/shadow/{operation}"), "");
        assert_eq!(classic.json()["message"], "No shadow exists with name: 'lamp'");
    }
}

#[test]
fn the_token_comes_back_and_64_bytes_are_enough() {
    let token = "x".repeat(64);
    let mut bench = Bench::default();
    let good = json!({"state": {}, "clientToken": token}).to_string();
    assert_eq!(bench.publish(UPDATE, good)[0].json()["clientToken"], json!(token));
    let bad = json!({"clientToken": token}).to_string();
    assert_eq!(bench.ask(UPDATE, bad).json()["clientToken"], json!(token));
    let sent = bench.ask("$aws/things/lamp/shadow/get", format!(r#"{{"clientToken":"{token}x"}}"#));
    assert_eq!(sent.json()["message"], "Invalid clientToken");
}

/// `{"state": {"desired": ..}}` with so many levels of keys.
fn nested(levels: usize) -> String {
    let (open, close) = (r#"{"k":"#.repeat(levels), "}".repeat(levels));
    format!(r#"{{"state":{{"desired":{open}1{close}}}}}"#)
}

#[test]
fn depth_has_a_limit_that_the_text_names() {
    let mut bench = Bench::default();
    assert_eq!(bench.publish(UPDATE, nested(8)).len(), 3);
    let text = json!("JSON contains too many levels of nesting; maximum is 8");
    assert_eq!(rejection(&mut bench, nested(9)), (json!(400), text.clone()));
    // Deeper than a parser that recurses could go.
    assert_eq!(rejection(&mut bench, "[".repeat(8000)), (json!(400), text));
    // Brackets in texts are no levels.
    let harmless = json!({"state": {"desired": {"a": "[\"{".repeat(500)}}}).to_string();
    assert_eq!(bench.publish(UPDATE, harmless).len(), 3);

    let shadow = ShadowLimits { depth: 6, ..ShadowLimits::AWS };
    let mut bench = Bench::new(Limits { shadow, ..Limits::AWS });
    assert_eq!(bench.publish(UPDATE, nested(6)).len(), 3);
    let text = json!("JSON contains too many levels of nesting; maximum is 6");
    assert_eq!(rejection(&mut bench, nested(7)), (json!(400), text));
}

#[test]
fn requests_and_documents_have_at_most_8_kilobytes() {
    let too_large = (json!(413), json!("The payload exceeds the maximum size allowed"));
    let of =
        |length: usize| format!(r#"{{"state":{{"desired":{{"k":"{}"}}}}}}"#, "x".repeat(length));
    let frame = of(0).len();
    let mut bench = Bench::default();
    assert_eq!(bench.publish(UPDATE, of(8192 - frame)).len(), 3);
    assert_eq!(rejection(&mut bench, of(8193 - frame)), too_large);

    // The document counts without metadata, desired and reported together.
    let mut bench = Bench::default();
    let set = |section: &str, length: usize| {
        json!({"state": {section: {"k": "x".repeat(length)}}}).to_string()
    };
    bench.publish(UPDATE, set("desired", 4000));
    let frame = json!({"desired": {"k": ""}, "reported": {"k": ""}}).to_string().len();
    let rest = 8192 - frame - 4000;
    assert_eq!(rejection(&mut bench, set("reported", rest + 1)), too_large);
    assert_eq!(bench.publish(UPDATE, set("reported", rest)).len(), 3);
}
