//! Ctrl-C, SIGTERM and SIGHUP: first gracefully, then at once.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::support::{broker, evenkeel, saw, scripted, subscribed};

#[tokio::test]
async fn the_first_signal_says_disconnect_and_an_open_ended_sub_has_done_its_job() {
    for signal in ["INT", "TERM", "HUP"] {
        let broker = broker().await;
        let mut running = evenkeel("sub a -d").at(&broker).start();
        running.until_says("subscribed to 'a'").await;
        running.signal(signal).await;
        running.ended().await.expect(0);
        let closed = saw(&broker, "closed").await;
        assert!(closed.to_json().contains("\"why\":\"disconnected\""), "{}", closed.to_json());
    }
}

#[tokio::test]
async fn a_signal_before_the_subscription_is_no_success() {
    let broker = broker().await;
    broker.set_accepting(false);
    let mut running = evenkeel("sub a -d").at(&broker).start();
    running.until_says("connecting").await;
    running.signal("INT").await;
    running.ended().await.expect(20);
}

#[tokio::test]
async fn messages_under_way_are_finished_after_the_first_signal() {
    let slow = "[[rule]]\nsent = \"PUBACK\"\naction = { delay = \"400ms\" }\n";
    let broker = scripted(slow).await;
    let mut running = evenkeel("pub -t a -l -q 1 --json").at(&broker).start();
    // Open to the end: there may be more lines.
    let mut stdin = running.stdin();
    stdin.write_all(b"one\n").await.unwrap();
    let received = broker.wait_for(Duration::from_secs(30), |event| event.name() == "fault").await;
    assert!(received.is_some(), "the message is under way");
    running.signal("INT").await;
    assert!(running.line().await.contains("\"type\":\"published\""));
    running
        .ended()
        .await
        .expect(20)
        .says("error: 1 of 1 messages were delivered\nwhy: a signal stopped");
}

#[tokio::test]
async fn the_second_signal_ends_it_at_once() {
    let never = "[[rule]]\nsent = \"PUBACK\"\naction = \"drop\"\n";
    let broker = scripted(never).await;
    let running = evenkeel("pub a x -q 1").at(&broker).start();
    saw(&broker, "fault").await;
    running.signal("INT").await;
    // The two signals must not become one.
    tokio::time::sleep(Duration::from_millis(200)).await;
    running.signal("INT").await;
    // The first alone would have ended it with another code.
    running.ended().await.expect(130);
}

/// coreutils' `timeout` signals the program, and at once the group it is in.
#[tokio::test]
async fn two_signals_at_once_are_one() {
    let broker = broker().await;
    let mut running = evenkeel("sub a -d").at(&broker).start();
    running.until_says("subscribed to 'a'").await;
    // While it is stopped, neither is delivered: then both are, however busy
    // the machine.
    for signal in ["STOP", "INT", "TERM", "CONT"] {
        running.signal(signal).await;
    }
    running.ended().await.expect(0);
    let closed = saw(&broker, "closed").await.to_json();
    assert!(closed.contains("\"why\":\"disconnected\""), "{closed}");
}

/// Nobody reads the output any more: the first signal ends the program all the
/// same, with a DISCONNECT.
#[tokio::test]
async fn a_blocked_stdout_does_not_stop_the_first_signal() {
    let broker = broker().await;
    let running = evenkeel("sub a -q 1 -i blocked").at(&broker).start();
    subscribed(&broker, 1).await;
    let flood = "x".repeat(60_000);
    evenkeel("pub -t a --repeat 100").args(["-m", &flood]).at(&broker).run().await.expect(0);
    running.signal("TERM").await;
    let ran = running.ended_unread().await.expect(20);
    ran.says("nobody reads its standard output");
    let said = |event: &evenkeel_broker::Event| {
        let event = event.to_json();
        event.contains("\"closed\"")
            && event.contains("\"blocked\"")
            && event.contains("\"disconnected\"")
    };
    assert!(broker.wait_for(Duration::from_secs(30), said).await.is_some(), "no DISCONNECT");
}

#[tokio::test]
async fn a_blocked_stdout_neither_stops_pings_nor_the_second_signal() {
    let broker = broker().await;
    let running = evenkeel("sub a -k 1 -i blocked").at(&broker).start();
    subscribed(&broker, 1).await;
    // More than the pipe and every buffer hold; nobody reads.
    let flood = "x".repeat(60_000);
    evenkeel("pub -t a --repeat 100").args(["-m", &flood]).at(&broker).run().await.expect(0);
    let pings = broker.wait_for(Duration::from_secs(30), {
        let mut pings = 0;
        move |event| {
            pings += u32::from(event.name() == "ping_answered");
            pings >= 3
        }
    });
    assert!(pings.await.is_some(), "the blocked subscriber pings");
    assert_eq!(broker.stats().keep_alive_timeouts, 0);
    running.signal("INT").await;
    // The two signals must not become one.
    tokio::time::sleep(Duration::from_millis(200)).await;
    running.signal("INT").await;
    running.ended().await.expect(130);
}

/// `nohup` has SIGHUP ignored, and it stays so.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hangup_that_is_ignored_ends_nothing() {
    let broker = broker().await;
    let port = broker.tcp_addr().unwrap().port().to_string();
    let line = format!("{} sub a -d -h 127.0.0.1", crate::support::PROGRAM);
    let mut running = crate::support::Run::of("nohup", &line).args(["-p", &port]).start();
    running.until_says("subscribed to 'a'").await;
    running.signal("HUP").await;
    evenkeel("pub a x").at(&broker).run().await.expect(0);
    assert_eq!(running.line().await, "x");
    running.signal("TERM").await;
    running.ended().await.expect(0);
}
