//! `advisor`, with this program itself as the client.

use serde_json::Value;

use crate::support::{PROGRAM, Ran, evenkeel};

/// Runs cases against the subscriber, or another command of this program.
async fn advise(flags: &str, client: &str) -> Ran {
    let line = format!("advisor {flags} -- {PROGRAM} {client}");
    evenkeel(&line).run().await
}

const SUBSCRIBER: &str = "sub -h {host} -p {port} -i {client_id} -t {topic} -q 1 -c -k 30";

#[tokio::test]
async fn a_subscriber_passes_and_each_case_has_a_line() {
    let ids = [
        "MQTT_Connect",
        "MQTT_Subscribe",
        "MQTT_Client_Puback_Qos1",
        "MQTT_Persistent_Session_Happy_Case",
        "MQTT_Expired_Persistent_Session",
    ];
    let flags = ids.map(|id| format!("--case {id}")).join(" ");
    let out = advise(&flags, SUBSCRIBER).await.out();
    for (line, id) in out.lines().zip(ids) {
        assert!(line.starts_with(&format!("pass    {id} (")), "{out}");
    }
    assert!(out.ends_with("5 passed, 0 with warnings, 0 failed, 0 not run\n"), "{out}");
}

#[tokio::test]
async fn a_publisher_passes_and_may_end_by_itself() {
    let client = "pub -h {host} -p {port} -t {topic} -m hello -q 1";
    let out = advise("--case MQTT_Publish --topic site/7/level", client).await.out();
    assert!(out.starts_with("pass    MQTT_Publish ("), "{out}");
}

#[tokio::test]
async fn a_failure_is_told_with_its_evidence() {
    let folder = std::env::temp_dir().join(format!("evenkeel-advisor-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let (json, junit, html) = (file("a.json"), file("a.xml"), file("a.html"));
    let flags = format!(
        "--case MQTT_Publish --case TLS_Connect --timeout 2s \
         --json {json} --junit {junit} --html {html}"
    );
    let ran = advise(&flags, SUBSCRIBER).await.expect(9);
    assert!(ran.out.starts_with("fail    MQTT_Publish ("), "{}", ran.out);
    assert!(ran.out.contains("not run TLS_Connect"), "{}", ran.out);
    assert!(ran.err.starts_with("error: the client has not passed\nhint: "), "{}", ran.err);

    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report["cases"][0]["verdict"], "fail");
    let evidence = report["cases"][0]["evidence"].as_array().unwrap();
    let told: Vec<&str> = evidence.iter().filter_map(|one| one["what"].as_str()).collect();
    assert_eq!(told[0], "opened");
    assert_eq!(told[1], "client: CONNECT keep-alive 30 s");
    assert_eq!(told[2], "judge: CONNACK");
    assert!(told.iter().any(|what| what.contains("SUBSCRIBE id 1 \"evenkeel/advisor\"")));
    assert!(std::fs::read_to_string(&junit).unwrap().contains("failures=\"1\""));
    assert!(std::fs::read_to_string(&html).unwrap().contains("<svg "));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&html).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn mistakes_are_told_before_anything_runs() {
    let ran = advise("", "sub -t {topic}").await.expect(2);
    ran.says("error: the command does not say {port}\nwhy: ");
    let ran = advise("--case MQTT_Nothing", SUBSCRIBER).await.expect(2);
    ran.says("MQTT_No_Ack_PingResp");
    evenkeel("advisor").run().await.expect(2);
    for attempts in ["4", "11"] {
        let ran = advise(&format!("--attempts {attempts}"), SUBSCRIBER).await.expect(2);
        ran.says("from 5 to 10");
    }
    let ran = evenkeel("advisor -- /nonexistent/client {port}").run().await.expect(2);
    ran.says("the command 'client' cannot be started");
}
