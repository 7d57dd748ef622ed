//! What reports say, and what they must not let through.

use std::time::Duration;

use evenkeel_aws::advisor::report::{Counts, JSON_VERSION, Report};
use evenkeel_aws::advisor::{Case, Outcome, Packet, Side, Verdict};
use evenkeel_codec::PacketType;
use serde_json::json;

use super::scene::{closed, received, sent};

/// A topic as a hostile client could choose it.
const HOSTILE: &str = "</td><script>alert('x')</script>&\"\u{1b}[31m\u{0}\n]]>";

fn outcome(id: &str, verdict: Verdict) -> Outcome {
    let topic = Packet::new(PacketType::Subscribe).id(1).topic(HOSTILE);
    let moments = vec![
        received(0.25, 1, topic),
        sent(0.5, 1, Packet::new(PacketType::SubAck).id(1)),
        closed(2.0, 1, Side::Client),
    ];
    Outcome { case: Case::by_id(id).unwrap(), verdict, took: Duration::from_secs(2), moments }
}

fn report() -> Report {
    Report {
        program: "my<client>".to_owned(),
        began: Duration::from_secs(1_795_953_600),
        outcomes: vec![
            outcome("MQTT_Connect", Verdict::Pass("CONNECT after 0.1 s".into())),
            outcome("MQTT_Publish", Verdict::Warn(HOSTILE.into())),
            outcome("MQTT_Subscribe", Verdict::Fail(HOSTILE.into())),
            outcome("Job_Execution", Verdict::NotRun("no jobs here".into())),
        ],
    }
}

#[test]
fn json_has_a_version_and_the_evidence() {
    let json = report().to_json();
    assert_eq!(json["format"], "evenkeel-advisor");
    assert_eq!(json["version"], JSON_VERSION);
    assert_eq!(json["began"], 1_795_953_600_u64);
    assert_eq!(json["summary"], json!({"pass": 1, "warn": 1, "fail": 1, "not_run": 1}));
    let case = &json["cases"][2];
    assert_eq!((&case["id"], &case["verdict"]), (&json!("MQTT_Subscribe"), &json!("fail")));
    assert_eq!(case["reason"], HOSTILE);
    assert_eq!(case["seconds"], 2.0);
    assert_eq!(
        case["evidence"][1],
        json!({"at": 0.5, "connection": 1, "what": "judge: SUBACK id 1"})
    );
    let counts = Counts { pass: 1, warn: 1, fail: 1, not_run: 1 };
    assert_eq!(report().counts(), counts);
}

#[test]
fn junit_counts_and_escapes() {
    let xml = report().to_junit();
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>"));
    assert!(xml.contains("name=\"evenkeel advisor: my&lt;client&gt;\" tests=\"4\" failures=\"1\""));
    assert!(xml.contains("skipped=\"1\" time=\"8.000\""));
    assert!(xml.contains("<skipped message=\"no jobs here\"/>"));
    assert!(xml.contains("<system-out>warning: &lt;/td&gt;"));
    assert!(xml.contains("<failure message=\"&lt;/td&gt;&lt;script&gt;alert(&#39;x&#39;)"));
    assert!(xml.contains("0.500 #1 judge: SUBACK id 1\n"));
    no_hostile_text(&xml);
    assert!(!xml.contains("]]>"));
}

#[test]
fn html_stands_alone_and_escapes() {
    let html = report().to_html();
    assert!(html.starts_with("<!doctype html>"));
    assert!(html.contains("default-src 'none'"));
    assert!(html.contains("<h1>my&lt;client&gt;</h1>"));
    assert!(html.contains("1 passed, 1 with warnings, 1 failed, 1 not run"));
    assert!(html.contains("<span class=\"verdict not-run\">not run</span>Job_Execution"));
    assert!(html.contains("x1=\"125.0\""), "a moment at an eighth of the time");
    assert!(html.contains("x1=\"1000.0\""), "a moment at its end");
    for outside in ["http:", "https:", "src=", "url(", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
    no_hostile_text(&html);
}

#[test]
fn an_empty_run_and_an_empty_case() {
    let mut report = report();
    report.outcomes.clear();
    assert!(report.to_html().contains("0 passed"));
    assert!(report.to_junit().contains("tests=\"0\""));
    let mut empty = outcome("MQTT_Connect", Verdict::Fail("CONNECT never came".into()));
    empty.moments.clear();
    empty.took = Duration::ZERO;
    report.outcomes.push(empty);
    assert!(!report.to_html().contains("<svg"));
}

fn no_hostile_text(text: &str) {
    assert!(!text.contains("<script"), "markup came through");
    let is_bad = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(is_bad), "a control character came through");
}
