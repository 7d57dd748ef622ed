//! Several sources of the same connections: one timeline, and what they do not agree on.

use serde_json::Value;

use super::{file, recorded};
use crate::support::evenkeel;

/// The report of several files, whatever its verdict.
async fn report(files: &[&str]) -> (Value, String) {
    let line = files.join(" ");
    let json = evenkeel(&format!("doctor --format json {line}")).run().await.out;
    let text = evenkeel(&format!("doctor {line}")).run().await.out;
    (serde_json::from_str(&json).unwrap(), text)
}

/// A recorded log with other words in it, in a file of its own.
fn changed(log: &str, name: &str, change: impl Fn(&str) -> String) -> String {
    file(name, change(&std::fs::read_to_string(recorded(log)).unwrap()).as_bytes())
}

const CRON: [&str; 2] = ["benign-cron-publisher.pcap", "benign-cron-publisher.mosquitto.log"];
const KILLED: [&str; 2] = ["keepalive-killed-plain.pcap", "keepalive-killed-plain.mosquitto.log"];

#[tokio::test]
async fn alike_sources_with_one_clock_differ_in_nothing() {
    for names in [
        &CRON[..],
        &[KILLED[0], KILLED[1], "keepalive-killed-plain.mqttjs.log"],
        &["orphan-timer-plain.pcap", "orphan-timer-plain.mqttjs.log"],
        &["takeover-fight-v311.pcap", "takeover-fight-v311.mosquitto.log"],
        &[
            "nat-half-open-mosquitto_sub.client.pcap",
            "nat-half-open-mosquitto_sub.client.log",
            "nat-half-open-mosquitto_sub.mosquitto.log",
        ],
    ] {
        let files: Vec<String> = names.iter().map(|name| recorded(name)).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let (report, text) = report(&files).await;
        assert_eq!(report["differences"], serde_json::json!([]), "{names:?}");
        assert!(!text.contains("do not agree"), "{text}");
        let clocks = report["clocks"].as_array().unwrap();
        assert!(clocks.len() >= names.len() - 1, "{clocks:?}");
        for clock in clocks {
            assert!(clock["ahead_s"].as_f64().unwrap().abs() < 1.0, "{clock}");
            assert_eq!(
                (&clock["gains_s_per_hour"], &clock["why_not"]),
                (&0.0.into(), &Value::Null)
            );
        }
        assert!(text.contains(" agree within "), "{text}");
    }
}

/// The places of a finding stand in the order of one clock, each with its own time.
#[tokio::test]
async fn a_log_an_hour_off_joins_the_timeline() {
    let capture = recorded("orphan-timer-plain.pcap");
    let log =
        changed("orphan-timer-plain.mqttjs.log", "hour.log", |log| log.replace("T14:", "T15:"));
    let (report, text) = report(&[&capture, &log]).await;
    let clock = &report["clocks"][0];
    assert!((clock["ahead_s"].as_f64().unwrap() - 3600.0).abs() < 0.1, "{clock}");
    assert_eq!((&clock["joined"], &clock["of"]), (&6.into(), &6.into()));
    assert!(text.contains("hour.log is 3600 s ahead of"), "{text}");
    assert!(text.contains("another time zone (by 6 of 6 connections)"), "{text}");
    assert_eq!(report["differences"], serde_json::json!([]));
    let own = |proof: &Value| proof["at"].as_str().unwrap().replace("T15:", "T14:");
    let proof = report["findings"][0]["proof"].as_array().unwrap();
    let sources: Vec<&Value> = proof.iter().map(|it| &it["source"]).collect();
    assert!(sources.contains(&&0.into()) && sources.contains(&&1.into()), "{sources:?}");
    // Within the millisecond of the log.
    let times: Vec<String> = proof.iter().map(|it| own(it)[..22].to_owned()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

/// What a broker and what a client says of connections, an hour long; the
/// client's clock is another one.
fn broker_and_client(begins: &[f64], clock: impl Fn(f64) -> f64) -> [String; 2] {
    let stamp = |at: f64| format!("{:.3}", 1_767_323_045.0 + at);
    let mut logs = [String::new(), String::new()];
    for (number, &at) in begins.iter().enumerate() {
        let (broker, client) = (stamp(at + 0.02), |after| stamp(clock(at + after)));
        logs[0] += &format!(
            "{broker}: New connection from 10.0.0.1:{port} on port 1883.\n\
             {broker}: New client connected from 10.0.0.1:{port} as pump (p2, c1, k60).\n\
             {}: Client pump closed its connection.\n",
            stamp(at + 9.0),
            port = 50_000 + number,
        );
        logs[1] += &format!(
            "{}: Client pump sending CONNECT\n{}: Client pump received CONNACK (0)\n",
            client(0.0),
            client(0.04)
        );
    }
    logs
}

#[tokio::test]
async fn a_clock_that_drifts_is_told() {
    let begins = [3, 21, 70, 214, 240, 631, 900, 1311, 1712, 2500, 2530, 3333].map(f64::from);
    let [broker, client] = broker_and_client(&begins, |at| at * 1.0008 + 500.0);
    let (broker, client) =
        (file("steady.log", broker.as_bytes()), file("drifts.log", client.as_bytes()));
    let (report, text) = report(&[&broker, &client]).await;
    let clock = &report["clocks"][0];
    assert!((clock["gains_s_per_hour"].as_f64().unwrap() - 2.88).abs() < 0.05, "{clock}");
    assert_eq!(clock["joined"], 12);
    assert!(text.contains("drifts.log gains 2.9 s an hour"), "{text}");
}

#[tokio::test]
async fn too_few_connections_align_nothing() {
    let [broker, client] = broker_and_client(&[3.0, 70.0], |at| at + 3600.0);
    let (broker, client) = (file("two.log", broker.as_bytes()), file("few.log", client.as_bytes()));
    let (report, text) = report(&[&broker, &client]).await;
    assert_eq!(report["clocks"][0]["ahead_s"], Value::Null);
    assert_eq!(report["clocks"][0]["why_not"], "too few connections match");
    assert!(text.contains("are not compared: 2 connections may be in both"), "{text}");
}

#[tokio::test]
async fn what_sources_do_not_agree_on_is_told() {
    let capture = recorded(KILLED[0]);
    let log = changed(KILLED[1], "other.log", |log| log.replace("(p2, c1, k4)", "(p2, c1, k40)"));
    let (report_, text) = report(&[&capture, &log]).await;
    let difference = &report_["differences"][0];
    assert_eq!(
        (&difference["kind"], &difference["client"]),
        (&"keep-alive".into(), &"device-2".into())
    );
    assert_eq!(difference["times"], 4);
    assert!(difference["places"][0]["byte"].is_u64() && difference["places"][1]["line"].is_u64());
    assert!(text.contains("what the sources do not agree on:"), "{text}");
    assert!(text.contains("keep-alive of 4 s"), "{text}");

    let log = changed(KILLED[1], "closed.log", |log| {
        log.replace(
            "device-2 has exceeded timeout, disconnecting",
            "device-2 closed its connection",
        )
    });
    let (report_, _) = report(&[&capture, &log]).await;
    let sentence = report_["differences"][0]["sentence"].as_str().unwrap();
    assert!(sentence.contains("the server ended its connection, "), "{sentence}");
    assert!(sentence.contains("that the client did"), "{sentence}");
    // What differs is no finding: the exit code does not depend on it.
    let line = format!("doctor {} {}", recorded(CRON[0]), gone(5));
    let out = evenkeel(&line).run().await.expect(0).out;
    assert!(out.starts_with("nothing is wrong"), "{out}");
    assert!(out.contains("cron-1: its connection is in "), "{out}");
}

/// The log of the cron job without one of its connections.
fn gone(number: usize) -> String {
    changed(CRON[1], &format!("without-{number}.log"), |log| {
        let begins = |line: &str| line.contains("New connection from");
        let mut seen = 0;
        let kept = log.lines().filter(|line| {
            seen += usize::from(begins(line));
            seen != number
        });
        kept.map(|line| format!("{line}\n")).collect()
    })
}

/// Under TLS a client has no name; a log of the same connections has it.
#[tokio::test]
async fn an_encrypted_client_has_its_name_from_a_log() {
    let capture = recorded("orphan-timer-tls13.pcap");
    let log = recorded("orphan-timer-plain.mqttjs.log");
    let (report, _) = report(&[&capture, &log]).await;
    let clients = report["clients"].as_array().unwrap();
    assert!(clients.iter().all(|it| it["client"] == "device-1"), "{clients:?}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_form_for_people_has_what_differs() {
    let (capture, log) = (recorded(CRON[0]), gone(5));
    for format in ["text", "md", "html"] {
        let line = format!("doctor --redact --format {format} {capture} {log}");
        let out = evenkeel(&line).run().await.expect(0).out;
        assert!(out.contains("its connection is in "), "{format}: {out}");
        assert!(!out.contains("cron-1:"), "{format}: {out}");
    }
    let line = format!("doctor --client other --format json {capture} {log}");
    evenkeel(&line).run().await.expect(2);
}

#[tokio::test]
async fn what_differed_before_the_time_that_is_asked_for_is_left_out() {
    let capture = recorded(KILLED[0]);
    let log = changed(KILLED[1], "since.log", |log| log.replace("(p2, c1, k4)", "(p2, c1, k40)"));
    let (whole, _) = report(&[&capture, &log]).await;
    // The first of four is before it, and the last is not.
    let first = whole["differences"][0]["places"][0]["at"].as_str().unwrap();
    let later = first.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_millis(1);
    let (since, _) = report(&["--since", &later.to_string(), &capture, &log]).await;
    assert_eq!(since["differences"], whole["differences"]);
    let end = whole["sources"].as_array().unwrap().iter().map(|it| it["to"].as_str().unwrap());
    let end = end.max().unwrap();
    let (since, text) = report(&["--since", end, &capture, &log]).await;
    assert_eq!(since["differences"], serde_json::json!([]));
    assert!(!text.contains("do not agree"), "{text}");
}

#[tokio::test]
async fn what_differs_is_cut_with_a_word_for_the_rest() {
    let log = |keep_alive: u32| {
        let line = |client: u32| {
            let at = 1_767_323_045 + client;
            format!(
                "{at}: New client connected from 10.0.0.1:{client} as pump-{client} (p2, c1, k{keep_alive}).\n"
            )
        };
        (1..=300).map(line).collect::<String>()
    };
    let (one, other) = (file("k60.log", log(60).as_bytes()), file("k30.log", log(30).as_bytes()));
    for (format, shown) in [("text", 8), ("md", 50), ("html", 200)] {
        let out = evenkeel(&format!("doctor --format {format} {one} {other}")).run().await.out;
        assert_eq!(out.matches("it asks for a keep-alive").count(), shown, "{format}");
        let more = format!(".. and {} more", 300 - shown);
        assert_eq!(out.matches(&more).count(), 1, "{format}: {out}");
    }
}

/// An identifier is assigned after the attempt has begun.
#[tokio::test]
async fn events_of_a_client_that_gets_its_identifier_are_of_one_client() {
    let event = |second: u32, event: &str, client: &str, connection: u32, more: &str| {
        format!(
            r#"{{"v":2,"type":"event","time":"2026-01-02T03:04:{second:02}Z","event":"{event}","client_id":"{client}","connection":{connection},"server_url":"mqtt://b:1883"{more}}}"#
        ) + "\n"
    };
    let connected = r#","version":5,"keep_alive_s":30,"took_ms":1000,"assigned_client_id":"#;
    let (assigned, known) = (format!(r#"{connected}"auto-1""#), format!("{connected}null"));
    let lost = r#","class":"network","closer":"server","online_s":2.0"#;
    let log = [
        event(1, "connecting", "", 1, ""),
        event(2, "connected", "auto-1", 1, &assigned),
        event(4, "disconnected", "auto-1", 1, lost),
        event(5, "connecting", "auto-1", 2, ""),
        event(6, "connected", "auto-1", 2, &known),
        event(8, "disconnected", "auto-1", 2, lost),
    ];
    let log = file("assigned.jsonl", log.concat().as_bytes());
    let (report, _) = report(&[&log]).await;
    let [client] = report["clients"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&client["client"], &client["ended"]), (&"auto-1".into(), &2.into()));
    assert_eq!(client["connections"].as_array().unwrap().len(), 2);
}
