//! What a long-lived subscriber and a publisher make of broken connections.

use std::time::Duration;

use crate::support::{
    broker, evenkeel, folder, is_private, restart, saw, scripted, stop, subscribed,
};

#[tokio::test]
async fn sub_survives_a_broker_restart_and_tells_it() {
    let broker = broker().await;
    let mut running = evenkeel("sub a -v").at(&broker).start();
    subscribed(&broker, 1).await;
    restart(&broker, false, Duration::from_millis(300)).await;
    let lost = running.until_says("connection lost ").await;
    assert!(lost.contains("the server closed the connection; attempt 2 in "), "{lost}");
    let again = running.until_says("connected again after").await;
    assert!(again.ends_with("a new session"), "{again}");
    subscribed(&broker, 2).await;
    evenkeel("pub a back -q 1").at(&broker).run().await.expect(0);
    assert_eq!(running.line().await, "a back");
    running.signal("INT").await;
    running.ended().await.expect(0);
}

#[tokio::test]
async fn pub_delivers_across_a_broker_restart() {
    let broker = broker().await;
    evenkeel("sub a -E -c -i kept -q 1").at(&broker).run().await.expect(0);
    stop(&broker, true).await;
    let publisher = tokio::spawn(evenkeel("pub a late -q 1").at(&broker).run());
    // Long enough for a first attempt to fail.
    tokio::time::sleep(Duration::from_millis(300)).await;
    broker.resume().await.unwrap();
    publisher.await.unwrap().expect(0).says("attempt 1 failed: cannot connect to 127.0.0.1:");
    assert_eq!(
        evenkeel("sub a -c -i kept -q 1 -C 1 -W 30").at(&broker).run().await.out(),
        "late\n"
    );
}

#[tokio::test]
async fn a_transient_refusal_is_outlived_and_a_permanent_one_is_not() {
    let busy =
        "[[rule]]\nreceived = \"CONNECT\"\ntimes = 1\naction = { refuse = { code = 0x88 } }\n";
    let broker = scripted(busy).await;
    let mut running = evenkeel("sub a").at(&broker).start();
    let told = running.until_says("attempt 1 failed").await;
    assert!(told.contains("Server unavailable (0x88); attempt 2 in "), "{told}");
    subscribed(&broker, 1).await;
    let banned = evenkeel_broker::fault::Script::parse(
        "[[rule]]\nreceived = \"CONNECT\"\naction = { refuse = { code = 0x8a } }\n",
    );
    for rule in banned.unwrap().rules {
        broker.add_fault(rule).unwrap();
    }
    restart(&broker, true, Duration::ZERO).await;
    let ran = running.ended().await.expect(3).says(
        "error: the connection ended for good\nwhy: the server refused the connection: Banned",
    );
    assert_eq!(ran.err.matches("Banned").count(), 1, "told once: {}", ran.err);
}

#[tokio::test]
async fn keep_trying_takes_the_slow_lane() {
    let never = "[[rule]]\nreceived = \"CONNECT\"\naction = { refuse = { code = 0x87 } }\n";
    let broker = scripted(never).await;
    let mut running = evenkeel("sub a --keep-trying -W 2").at(&broker).start();
    let told = running.until_says("attempt 2 in ").await;
    assert!(
        told.contains("min") && told.ends_with("(slowly, as trying again may not help)"),
        "{told}"
    );
    running.ended().await.expect(3);
}

#[tokio::test]
async fn status_and_events_tell_the_connection() {
    let broker = broker().await;
    let events = folder().join("events.jsonl");
    let line = format!("sub a -d --status=0.2 --events {}", events.display());
    let mut running = evenkeel(&line).at(&broker).start();
    running.until_says("subscribed to 'a'").await;
    let status = running.until_says("status: online for").await;
    assert!(
        status.ends_with("; received 0, connections 1, pings 0/0") && status.len() <= 80,
        "{status}"
    );
    restart(&broker, true, Duration::ZERO).await;
    running.until_says("status: offline, attempt 2 in ").await;
    running.until_says("status: online for").await;
    running.signal("INT").await;
    running.ended().await.expect(0);
    is_private(&events);
    let written = std::fs::read_to_string(&events).unwrap();
    let first = written.lines().next().unwrap();
    assert!(first.starts_with("{\"v\":2,\"type\":\"event\",\"time\":\"20"), "{first}");
    for text in [
        "\"event\":\"connected\",",
        "\"cause\":\"the server closed the connection\",\"class\":\"network\"",
        "\"event\":\"retry\",\"client_id\":",
        "\"attempt\":2,\"delay_s\":",
    ] {
        assert!(written.contains(text), "{text} is not in\n{written}");
    }
}

#[tokio::test]
async fn quiet_says_nothing_and_debug_everything() {
    let broker = broker().await;
    let mut running = evenkeel("sub a -d -k 1").at(&broker).start();
    for text in [
        "connecting, attempt 1",
        "connected in ",
        "subscribed to 'a' with QoS 0",
        "ping sent",
        "ping answered",
    ] {
        running.until_says(text).await;
    }
    running.signal("INT").await;
    running.ended().await.expect(0);
    let quiet = evenkeel("sub a --quiet").at(&broker).start();
    subscribed(&broker, 2).await;
    restart(&broker, false, Duration::ZERO).await;
    subscribed(&broker, 3).await;
    saw(&broker, "stopped").await;
    // The client knows of its new subscription a little later than the broker.
    tokio::time::sleep(Duration::from_millis(200)).await;
    quiet.signal("INT").await;
    assert_eq!(quiet.ended().await.expect(0).err, "");
}
