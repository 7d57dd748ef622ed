//! `evenkeel broker` as a program.

use crate::support::{evenkeel, folder, is_private};

/// The port in `listening on mqtt://127.0.0.1:PORT`.
fn port(line: &str) -> String {
    line.rsplit(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn it_listens_serves_and_stops() {
    let folder = folder();
    let (events, socket) = (folder.join("events.jsonl"), folder.join("socket"));
    let line = format!(
        "broker -p 0 --ws-port 0 --unix {} --events {}",
        socket.display(),
        events.display()
    );
    let mut running = evenkeel(&line).start();
    let tcp = port(&running.until_says("listening on mqtt://127.0.0.1:").await);
    let ws = port(&running.until_says("listening on ws://127.0.0.1:").await);
    running.until_says("listening on mqtt+unix://").await;
    running.until_says("warning: this broker is for development and tests").await;
    evenkeel(&format!("pub a x -q 1 -r -h 127.0.0.1 -p {tcp}")).run().await.expect(0);
    let got = evenkeel(&format!("sub a -C 1 -W 30 -L ws://127.0.0.1:{ws}")).run().await;
    assert_eq!(got.out(), "x\n");
    evenkeel("pub a y").args(["--unix", socket.to_str().unwrap()]).run().await.expect(0);
    running.signal("INT").await;
    running.ended().await.expect(0).says("stopping");
    assert!(!socket.exists(), "the socket is removed");
    is_private(&events);
    let written = std::fs::read_to_string(&events).unwrap();
    for name in ["listening", "opened", "connected", "subscribed", "closed", "stopped"] {
        assert!(written.contains(&format!("\"event\":\"{name}\"")), "{name} is not in\n{written}");
    }
    for line in written.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&event["v"], &event["type"]), (&2.into(), &"broker_event".into()), "{line}");
        let time = event["time"].as_str().expect("a time of the calendar");
        assert!(time.len() == 30 && time.ends_with('Z'), "{line}");
    }
}

#[tokio::test]
async fn events_are_of_the_version_that_was_asked_for() {
    for (flag, begins) in [
        ("", r#"{"v":2,"type":"broker_event","time":""#),
        (" --events-version 2", r#"{"v":2,"type":"broker_event","time":""#),
        (" --events-version 1", r#"{"time":"#),
    ] {
        let mut running = evenkeel(&format!("broker -p 0 --events -{flag}")).start();
        running.until_says("listening on").await;
        running.signal("TERM").await;
        let out = running.ended().await.expect(0).out;
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2, "listening, stopped: {out}");
        assert!(lines.iter().all(|line| line.starts_with(begins)), "{flag}: {out}");
    }
    let line = "broker -p 0 --events - --events-version 3";
    evenkeel(line).run().await.expect(2).says("error: '3' is no value for --events-version");
    let line = "broker -p 0 --events-version 1";
    evenkeel(line).run().await.expect(2).says("--events");
}

#[tokio::test]
async fn users_faults_and_limits_are_in_force() {
    let folder = folder();
    let (users, faults) = (folder.join("users"), folder.join("faults.toml"));
    std::fs::write(&users, "alice:secret\n").unwrap();
    std::fs::write(
        &faults,
        "[[rule]]\nreceived = \"PUBLISH\"\ntopic = \"lost\"\naction = \"drop\"\n",
    )
    .unwrap();
    let line = format!(
        "broker -p 0 --password-file {} --faults {} --max-qos 1 --max-packet-size 200 --events -",
        users.display(),
        faults.display()
    );
    let mut running = evenkeel(&line).start();
    let port = port(&running.until_says("listening on").await);
    let run = |flags: &str| evenkeel(&format!("pub -h 127.0.0.1 -p {port} {flags}")).run();
    run("a x").await.expect(3);
    run("a x -q 1 -u alice -P secret").await.expect(0);
    run("lost x -q 1 -W 0.5 -u alice -P secret").await.expect(8);
    run("a x -q 2 -u alice -P secret").await.expect(7).says("QoS 1 at most");
    run(&format!("a {} -u alice -P secret", "x".repeat(300))).await.expect(7);
    running.signal("TERM").await;
    let out = running.ended().await.expect(0).out;
    assert!(out.contains("\"event\":\"refused\"") && out.ends_with('\n'), "{out}");
}

#[tokio::test]
async fn a_taken_port_is_explained() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let ran = evenkeel(&format!("broker -p {port}")).run().await.expect(2);
    ran.says(&format!("error: the broker cannot start\nwhy: cannot listen on 127.0.0.1:{port}"));
}

#[tokio::test]
async fn it_enforces_a_profile_and_says_what_not() {
    let line =
        "broker -p 0 --profile aws-iot-core --strictness documented --hasten 1440 --events -";
    let mut running = evenkeel(line).start();
    let port = port(&running.until_says("listening on").await);
    running.until_says("enforcing ").await;
    running.until_says("not enforced at this level: min_ping_spacing").await;
    running.until_says("hastened: maximum_connection_age of 24 h").await;
    // Without the profile the client does not keep to it.
    let line = format!("sub a -h 127.0.0.1 -p {port} -k 60 -i {} -W 1", "x".repeat(129));
    evenkeel(&line).run().await;
    running.signal("TERM").await;
    let out = running.ended().await.expect(0).out;
    let broken = out.lines().find(|line| line.contains("\"event\":\"quota\"")).unwrap();
    for part in [
        "\"limit\":\"client_id_length\"",
        "\"seen\":\"129 B\"",
        "\"by\":\"client\"",
        "Connect.ClientError",
    ] {
        assert!(broken.contains(part), "{part} is not in {broken}");
    }
}

#[tokio::test]
async fn a_profile_that_is_none_is_explained() {
    let folder = folder();
    let file = folder.join("odd.toml");
    std::fs::write(
        &file,
        "name = \"odd\"\n[connection]\nkeep_alive.value = { minimum = 9, maximum = 3, zero_means = 3 }\n",
    )
    .unwrap();
    let odd = format!("broker --profile {}", file.display());
    for (line, says) in [
        ("broker --profile no-such-cloud", "error: there is no profile 'no-such-cloud'\nwhy: "),
        (
            "broker --profile ./no/such.toml",
            "error: the profile './no/such.toml' cannot be read\nwhy: ",
        ),
        (odd.as_str(), "why: keep_alive goes from 9 s to 3 s\nhint: "),
        (
            "broker --profile losant --strictness mild",
            "error: 'mild' is no value for --strictness\nwhy: there is no such level\nhint: ",
        ),
        ("broker --profile losant --hasten 0", "error: '0' is no value for --hasten\nwhy: "),
        ("broker --hasten 2", "--profile"),
        ("broker --tls-port 0 --optional-client-certificate", "--cafile"),
    ] {
        evenkeel(line).run().await.expect(2).says(says);
    }
}
