//! What a message looks like; the language itself has golden tests inside.

use crate::support::{broker, evenkeel, retain};

#[tokio::test]
async fn the_styles() {
    let broker = broker().await;
    retain(&broker, "a/b", "{\"x\": 1}").await;
    let show = |line: &str| {
        let run = evenkeel(&format!("sub a/b -C 1 -W 30 -q 1 {line}")).at(&broker).run();
        async { run.await.out() }
    };
    assert_eq!(show("").await, "{\"x\": 1}\n");
    assert_eq!(show("-v").await, "a/b {\"x\": 1}\n");
    assert_eq!(show("-N").await, "{\"x\": 1}");
    assert_eq!(show("-v -F %t:%l").await, "a/b:8\n");
    assert!(show("-F %J").await.ends_with("\"payload\":{\"x\":1}}\n"));
    assert!(show("-F %j --pretty").await.contains("\n\t\"payload\":\t\"{\\\"x\\\": 1}\"\n"));
    let json = show("--json").await;
    let expected = ",\"topic\":\"a/b\",\"qos\":1,\"retain\":true,\"dup\":false,\"packet_id\":1,\
                    \"payload_bytes\":8,\"payload\":\"{\\\"x\\\": 1}\"}\n";
    assert!(
        json.starts_with("{\"v\":1,\"type\":\"message\",\"time\":\"20") && json.ends_with(expected),
        "{json}"
    );
}

#[tokio::test]
async fn a_payload_that_is_no_json_is_said_and_no_success() {
    let broker = broker().await;
    retain(&broker, "a", "no json").await;
    let ran = evenkeel("sub a -C 1 -W 30 -F %J").at(&broker).run().await.expect(1);
    assert_eq!(ran.out, "");
    ran.says("Message payload is not valid JSON on topic a").says("hint: use %j");
}

#[tokio::test]
async fn a_reader_that_has_had_enough_is_success() {
    let broker = broker().await;
    retain(&broker, "a", "x").await;
    let port = broker.tcp_addr().unwrap().port();
    let program = crate::support::PROGRAM;
    let script =
        format!("{{ {program} sub a -p {port} -h 127.0.0.1 -W 50; echo code $? >&2; }} | head -1");
    let mut shell = crate::support::Run::of("sh", "-c").args([&script]).start();
    assert_eq!(shell.line().await, "x");
    // Messages that are written after `head` has gone.
    let more = async {
        loop {
            evenkeel("pub a more").at(&broker).run().await.expect(0);
        }
    };
    tokio::select! {
        said = shell.until_says("code") => assert_eq!(said, "code 0"),
        () = more => {}
    }
}
