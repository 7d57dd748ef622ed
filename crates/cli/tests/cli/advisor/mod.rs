//! `advisor`, with this program itself as the client, and with clients that do what a
//! test wants.

mod client;
mod long;
mod service;
mod tls;

use serde_json::Value;

use crate::support::{PROGRAM, Ran, evenkeel, folder};

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
        "--case MQTT_Publish --case Security_Device_Policies --execution-timeout 2s \
         --json {json} --junit {junit} --html {html}"
    );
    let ran = advise(&flags, SUBSCRIBER).await.expect(9);
    assert!(ran.out.starts_with("fail    MQTT_Publish ("), "{}", ran.out);
    assert!(ran.out.contains("not run Security_Device_Policies"), "{}", ran.out);
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
async fn a_command_that_ends_is_told_from_a_client_that_fails() {
    let out = advise("--case MQTT_Connect", "sub --no-such-flag").await.expect(9).out;
    assert!(out.contains("never came; the command had ended by itself, exit status: 2"), "{out}");
    let out = advise("--case MQTT_Publish --execution-timeout 1s", SUBSCRIBER).await.expect(9).out;
    assert!(!out.contains("had ended"), "{out}");
}

#[tokio::test]
async fn mistakes_are_told_before_anything_runs() {
    let ran = advise("", "sub -t {topic}").await.expect(2);
    ran.says("error: the command does not say {port}\nwhy: ");
    let ran = advise("--case MQTT_Conect", SUBSCRIBER).await.expect(2);
    ran.says("did you mean MQTT_Connect, ");
    let ran = advise("--suite shadows", SUBSCRIBER).await.expect(2);
    ran.says("did you mean shadow, ");
    let ran = advise("--operation publsh", SUBSCRIBER).await.expect(2);
    ran.says("did you mean publish, ");
    advise("--hasten 0", SUBSCRIBER).await.expect(2);
    let ran = advise("--suite zzzzzzzzzzzz", SUBSCRIBER).await.expect(2);
    ran.says("known are ");
    for flag in ["--reported 1", "--desired {", "--thing a/b", "--shadow a/b"] {
        advise(flag, SUBSCRIBER).await.expect(2);
    }
    evenkeel("advisor").run().await.expect(2);
    for attempts in ["4", "11"] {
        let ran = advise(&format!("--attempts {attempts}"), SUBSCRIBER).await.expect(2);
        ran.says("from 5 to 10");
    }
    let ran = evenkeel("advisor -- /nonexistent/client {port}").run().await.expect(2);
    ran.says("the command 'client' cannot be started");
}

/// S2: what a client needs for TLS is there while it runs, and its owner's alone.
#[cfg(unix)]
#[tokio::test]
async fn files_are_private_and_removed() {
    let folder = folder();
    let seen = folder.join("seen");
    let script = folder.join("client.sh");
    let text = format!(
        "stat -c %a \"$EVENKEEL_ADVISOR_KEY\" \"$(dirname \"$EVENKEEL_ADVISOR_KEY\")\" > {0}.part\n\
         head -n 1 \"$EVENKEEL_ADVISOR_CA\" \"$EVENKEEL_ADVISOR_CERT\" >> {0}.part\n\
         echo \"$EVENKEEL_ADVISOR_KEY $EVENKEEL_ADVISOR_URL $EVENKEEL_ADVISOR_CASE\" >> {0}.part\n\
         mv {0}.part {0}\n",
        seen.display()
    );
    std::fs::write(&script, text).unwrap();
    let line =
        format!("advisor --case MQTT_Connect --execution-timeout 20s -- sh {}", script.display());
    evenkeel(&line).run().await.expect(9);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.starts_with("600\n700\n"), "{seen}");
    assert_eq!(seen.matches("-----BEGIN CERTIFICATE-----").count(), 2, "{seen}");
    let last = seen.lines().last().unwrap();
    assert!(last.contains(" mqtt://127.0.0.1:") && last.ends_with(" MQTT_Connect"), "{last}");
    let key = last.split(' ').next().unwrap();
    assert!(!std::path::Path::new(key).exists(), "{key} is left");
}

/// What the client has started holds stdout, and would keep this test waiting.
#[cfg(unix)]
#[tokio::test]
async fn what_a_client_has_started_ends_with_its_case() {
    let script = folder().join("client.sh");
    let text = format!("sleep 300 &\n{PROGRAM} sub -h \"$1\" -p \"$2\" -t \"$3\"\n");
    std::fs::write(&script, text).unwrap();
    let words = format!("sh {} {{host}} {{port}} {{topic}}", script.display());
    let line = format!("advisor --debug --case MQTT_Subscribe -- {words}");
    let out = evenkeel(&line).run().await.out();
    assert!(out.contains("pass    MQTT_Subscribe ("), "{out}");
}

#[tokio::test]
async fn megabytes_go_both_ways_at_once() {
    let case = "--case MQTT_Publish --execution-timeout 30s";
    let out = client::advise(case, "both-ways").await.out();
    assert!(out.starts_with("pass    MQTT_Publish ("), "{out}");
}
