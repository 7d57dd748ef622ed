//! The doctor's sentence: said as a command ends where something is wrong, and only there.

use std::time::Duration;

use serde_json::Value;

use crate::support::{
    PROGRAM, Ran, Run, broker, evenkeel, folder, named, restart, retain, saw, scripted, subscribed,
};

/// Each connection falls silent at its first ping.
const SILENT: &str =
    "[[rule]]\nreceived = \"PINGREQ\"\naction = { silence = { stop = \"both\" } }\n";

/// So often the broker disconnects instead of delivering, and blames a packet for its size.
fn blames(times: u32) -> String {
    format!(
        "[[rule]]\nsent = \"PUBLISH\"\ntimes = {times}\naction = {{ disconnect = {{ reason = 0x95 }} }}\n"
    )
}

#[track_caller]
fn is_silent(ran: &Ran) {
    assert!(!ran.err.contains("doctor:"), "{}", ran.err);
}

#[tokio::test]
async fn connections_that_die_are_named_as_sub_ends() {
    let broker = scripted(SILENT).await;
    let mut running = evenkeel("sub a -i pump-17 -k 1").at(&broker).start();
    for _ in 0..2 {
        running.until_says("connection lost after").await;
    }
    running.signal("INT").await;
    let ran = running.ended().await.expect(0);
    let told = ran.err.lines().last().unwrap();
    assert!(told.starts_with("doctor: pump-17 lost 2 connections in "), "{told}");
    assert!(
        told.ends_with(
            ": the server was silent until the connection was given up (NW01, shown); see: \
             evenkeel doctor explain NW01"
        ),
        "{told}"
    );
}

#[tokio::test]
async fn what_was_seen_twice_is_said_though_all_ends_well() {
    let broker = scripted(&blames(2)).await;
    retain(&broker, "a", "x").await;
    let ran = evenkeel("sub a -i pump-17 -C 1 -W 30").at(&broker).run().await.expect(0);
    assert_eq!(ran.out, "x\n");
    ran.says("doctor: pump-17 lost 2 connections in ")
        .says("(LM01, proven); see: evenkeel doctor explain LM01");
}

#[tokio::test]
async fn what_was_seen_once_is_not_said() {
    let broker = scripted(&blames(1)).await;
    retain(&broker, "a", "x").await;
    let ran = evenkeel("sub a -C 1 -W 30").at(&broker).run().await.expect(0);
    is_silent(&ran.says("connection lost"));
}

#[tokio::test]
async fn a_clean_run_says_nothing() {
    let broker = broker().await;
    retain(&broker, "a", "x").await;
    let ran = evenkeel("sub a -C 1 -W 30").at(&broker).run().await.expect(0);
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn a_restart_and_a_dead_connection_are_not_said() {
    let broker = scripted(&format!("{SILENT}times = 1\n")).await;
    let mut running = evenkeel("sub a -k 1").at(&broker).start();
    running.until_says("the link is dead").await;
    running.until_says("connected again").await;
    restart(&broker, true, Duration::from_millis(300)).await;
    running.until_says("connected again").await;
    running.signal("INT").await;
    is_silent(&running.ended().await.expect(0));
}

#[tokio::test]
async fn a_take_over_and_a_refusal_are_not_said() {
    let broker = broker().await;
    let mut first = evenkeel("sub a -i pump-17").at(&broker).start();
    subscribed(&broker, 1).await;
    evenkeel("sub a -i pump-17 -E").at(&broker).run().await.expect(0);
    saw(&broker, "taken_over").await;
    first.until_says("connected again").await;
    first.signal("INT").await;
    is_silent(&first.ended().await.expect(0));
    let refuses = "[[rule]]\nreceived = \"CONNECT\"\naction = { refuse = { code = 0x87 } }\n";
    let broker = scripted(refuses).await;
    is_silent(&evenkeel("sub a").at(&broker).run().await.expect(3));
}

#[tokio::test]
async fn quiet_and_mosquittos_tools_say_nothing() {
    let mosquitto = named("mosquitto_sub");
    for run in [
        Run::of(PROGRAM, "sub -t a -C 1 -W 30 --quiet"),
        Run::of(&mosquitto, "-t a -C 1 -W 30 -V mqttv5"),
    ] {
        let broker = scripted(&blames(2)).await;
        retain(&broker, "a", "x").await;
        is_silent(&run.at(&broker).run().await.expect(0));
        assert_eq!(broker.stats().faults_applied, 2, "both were disconnected");
    }
}

#[tokio::test]
async fn a_message_that_ends_connections_is_named_as_pub_ends() {
    let poison = "[[rule]]\nreceived = \"PUBLISH\"\ntopic = \"poison\"\naction = \"close\"\n";
    let broker = scripted(poison).await;
    let ran = evenkeel("pub poison -l -q 1 -i pump-17").input("x\n").at(&broker).run().await;
    ran.says("doctor: pump-17 lost 3 connections in ").says("(AU02, proven)");
}

/// Runs a soak with this fault file.
async fn soak(faults: &str, flags: &str) -> (Ran, Value) {
    let file = folder().join("faults.toml");
    std::fs::write(&file, faults).unwrap();
    // When its users publish is drawn: some seeds have next to nothing within seconds.
    let line = format!("soak --clients 2 --seed 6 --json --faults {} {flags}", file.display());
    let ran = evenkeel(&line).run().await.expect(0);
    let report = serde_json::from_str(&ran.out).unwrap();
    (ran, report)
}

#[tokio::test]
async fn a_soak_with_faults_of_its_users_ends_with_what_they_do() {
    let flaps = "[[rule]]\nclient = \"soak-1\"\nreceived = \"PUBLISH\"\nper = \"connection\"\nnth = 2\n\
                 action = { disconnect = { reason = 0x97 } }\n";
    let (ran, report) = soak(flaps, "--for 5s").await;
    assert!(report["trouble"]["faults of the file"].as_u64().unwrap() >= 2, "{report}");
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["client"], &finding["confidence"]),
        (&"LM06".into(), &"soak-1".into(), &"proven".into())
    );
    assert!(finding["lost"].as_u64().unwrap() >= 2, "{report}");
    ran.says("doctor: soak-1 lost ").says("; see: evenkeel doctor explain LM06");
}

#[tokio::test]
async fn a_soak_in_which_nothing_is_wrong_says_nothing() {
    let (ran, report) = soak("", "--for 1s").await;
    assert_eq!(
        (&report["findings"], &report["trouble"]["faults of the file"]),
        (&Value::Array(Vec::new()), &0.into())
    );
    assert_eq!(ran.err, "");
}
