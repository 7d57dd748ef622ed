//! `pub`: where messages come from, and what arrives.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::support::{
    broker, dead_port, evenkeel, folder, restart, retain, scripted, stop, subscribed,
};

/// What a subscriber that wants `count` messages prints for the run of `lines`.
async fn received(count: u32, lines: &[(&str, &str)]) -> String {
    let broker = broker().await;
    let subscriber = evenkeel(&format!("sub # -q 2 -C {count} -W 30")).args(["-F", "%t|%p|%q|%r"]);
    let subscriber = tokio::spawn(subscriber.at(&broker).run());
    subscribed(&broker, 1).await;
    for (line, input) in lines {
        evenkeel(line).at(&broker).input(input).run().await.expect(0);
    }
    subscriber.await.unwrap().out()
}

#[tokio::test]
async fn words_flags_and_several_topics() {
    let got = received(
        5,
        &[
            ("pub a one -q 0", ""),
            ("pub -t a two -q 1", ""),
            ("publish a -m three -q 2 --json", ""),
            ("pub -t a -t b -m -4 -q 1", ""),
        ],
    )
    .await;
    assert_eq!(got, "a|one|0|0\na|two|1|0\na|three|2|0\na|-4|1|0\nb|-4|1|0\n");
}

#[tokio::test]
async fn stdin_files_and_nothing() {
    let path = folder().join("message");
    std::fs::write(&path, "of a\nfile").unwrap();
    let file = format!("pub -t f -q 1 -f {}", path.display());
    let got = received(
        6,
        &[
            ("pub -t s -s -q 1", "two\nlines\n"),
            ("pub -t l -l -q 1", "one\n\nthree"),
            (&file, ""),
            ("pub -t n -n -q 1", ""),
        ],
    )
    .await;
    assert_eq!(
        got,
        "s|two\nlines\n|1|0\nl|one|1|0\nl||1|0\nl|three|1|0\nf|of a\nfile|1|0\nn||1|0\n"
    );
}

#[tokio::test]
async fn repetitions() {
    let got = received(3, &[("pub a again --repeat 3 --repeat-delay 10ms -q 1", "")]).await;
    assert_eq!(got, "a|again|1|0\na|again|1|0\na|again|1|0\n");
}

#[tokio::test]
async fn many_lines_arrive_all_and_in_order() {
    let lines: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    let input = lines.join("\n");
    let got = received(3000, &[("pub -t l -l -q 1", &input)]).await;
    let expected: Vec<String> = lines.iter().map(|line| format!("l|{line}|1|0")).collect();
    assert_eq!(got.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn properties_arrive() {
    let broker = broker().await;
    let subscriber = evenkeel("sub a -C 1 -V 5 -W 30 -D subscribe subscription-identifier 9");
    let subscriber = subscriber.args(["-F", "%C|%D|%E|%F|%P|%R|%S"]).at(&broker);
    let subscriber = tokio::spawn(subscriber.run());
    subscribed(&broker, 1).await;
    let publish = evenkeel(
        "pub a x -D publish content-type text/plain -D publish correlation-data cd -D publish topic-alias 3 \
         -D publish message-expiry-interval 60 -D publish payload-format-indicator 1 \
         -D publish response-topic rt -D publish user-property k v -D publish user-property k v2",
    );
    publish.at(&broker).run().await.expect(0);
    assert_eq!(subscriber.await.unwrap().out(), "text/plain|cd|60|1|k:v k:v2|rt|9\n");
}

#[tokio::test]
async fn json_tells_the_outcome_of_each_message() {
    let broker = broker().await;
    let out = evenkeel("pub a hello -q 1 --json").at(&broker).run().await.out();
    assert!(out.starts_with("{\"v\":1,\"type\":\"published\",\"time\":\"20"), "{out}");
    let rest = out.split_once("\"topic\"").unwrap().1;
    let expected = ":\"a\",\"qos\":1,\"retain\":false,\"packet_id\":1,\"payload_bytes\":5,\
                    \"reason_code\":16,\"attempts\":1,\"round_trip_ms\":";
    assert!(rest.starts_with(expected), "{out}");
    let out = evenkeel("pub a hello --json").at(&broker).run().await.out();
    assert!(
        out.ends_with("\"qos\":0,\"retain\":false,\"payload_bytes\":5,\"attempts\":1}\n"),
        "{out}"
    );
}

#[tokio::test]
async fn a_refused_message_is_named_and_no_success() {
    let broker = scripted("[[access.denials]]\nfilter = \"denied/#\"\n").await;
    let ran = evenkeel("pub -t denied/a -t ok -m x -q 1 --json").at(&broker).run().await.expect(7);
    let ran = ran.says(
        "warning: message 1 to 'denied/a' was not delivered: the server refused it: Not authorized",
    );
    let ran = ran.says("error: 1 of 2 messages were refused");
    assert!(
        ran.out.contains("\"type\":\"failed\"") && ran.out.contains("\"type\":\"published\""),
        "{}",
        ran.out
    );
}

#[tokio::test]
async fn what_the_server_cannot_take_is_refused_before_it_is_sent() {
    let broker =
        scripted("[offer]\nmaximum_qos = 0\nretain = false\nmaximum_packet_size = 64\n").await;
    let run = |line: &str| evenkeel(line).at(&broker).run();
    run("pub a x -q 1").await.expect(7).says("the server takes QoS 0 at most");
    run("pub a x -r").await.expect(7).says("the server keeps no retained messages");
    let long = format!("pub a {}", "x".repeat(100));
    run(&long).await.expect(7).says("larger than the allowed 64");
    run("pub a x").await.expect(0);
}

#[tokio::test]
async fn the_deadline_says_what_was_not_acknowledged() {
    let broker = scripted("[[rule]]\nsent = \"PUBACK\"\nafter = 1\naction = \"drop\"\n").await;
    let ran =
        evenkeel("pub -t a -l -q 1 -W 1").input("1\n2\n3\n").at(&broker).run().await.expect(8);
    ran.says(
        "error: 2 of 3 messages were not acknowledged\nwhy: no acknowledgement came within 1.0 s",
    );
}

/// RabbitMQ 3 takes QoS 2 for QoS 1: the first message has identifier 1.
#[tokio::test]
async fn an_acknowledgement_of_another_qos_is_no_success() {
    for (qos, wrong, hint) in [(2, "40 02 00 01", "use QoS 1"), (1, "50 02 00 01", "use QoS 2")] {
        let script =
            format!("[[rule]]\nreceived = \"PUBLISH\"\naction = {{ inject = \"{wrong}\" }}\n");
        let broker = scripted(&script).await;
        let ran = evenkeel(&format!("pub a x -q {qos}")).at(&broker).run().await.expect(8);
        let ran = ran.says(hint).says("error: 1 of 1 messages were not acknowledged");
        ran.says("why: see the warnings above");
    }
}

#[tokio::test]
async fn several_servers_are_tried_in_turn() {
    let broker = broker().await;
    let (dead, live) = (dead_port(), broker.tcp_addr().unwrap());
    let line = format!("pub -L mqtt://127.0.0.1:{dead} -L mqtt://{live}/from/url -m x -q 1");
    evenkeel(&line).run().await.expect(0).says("attempt 1 failed");
    assert_eq!(broker.stats().publishes_received(), 1);
}

#[tokio::test]
async fn the_will_comes_when_the_publisher_is_killed() {
    let broker = broker().await;
    let subscriber = tokio::spawn(evenkeel("sub gone -C 1 -W 30 -v -q 1").at(&broker).run());
    subscribed(&broker, 1).await;
    let line = "pub -t a -l --will-topic gone --will-payload goodbye --will-qos 1";
    let publisher = evenkeel(line).at(&broker).start();
    // The second connection is the publisher's.
    let both = broker.wait_for(Duration::from_secs(30), {
        let mut connected = 0;
        move |event| {
            connected += u32::from(event.name() == "connected");
            connected == 2
        }
    });
    both.await.unwrap();
    publisher.signal("KILL").await;
    assert_eq!(subscriber.await.unwrap().out(), "gone goodbye\n");
}

#[tokio::test]
async fn a_retained_message_stays_and_an_empty_one_removes_it() {
    let broker = broker().await;
    retain(&broker, "r", "kept").await;
    assert_eq!(evenkeel("sub r -C 1 -W 30").at(&broker).run().await.out(), "kept\n");
    evenkeel("pub r -n -r -q 1").at(&broker).run().await.expect(0);
    evenkeel("sub r -C 1 -W 0.3").at(&broker).run().await.expect(5);
}

/// Whoever waits for the policy's next attempt does not wait for an acknowledgement.
#[tokio::test]
async fn waits_between_attempts_do_not_count_for_lines() {
    let broker = broker().await;
    let mut running = evenkeel("pub -t a -l -q 1 -W 1 --json").at(&broker).start();
    let mut stdin = running.stdin();
    stdin.write_all(b"one\n").await.unwrap();
    running.line().await;
    stop(&broker, true).await;
    running.until_says("attempt 2 in ").await;
    stdin.write_all(b"two\n").await.unwrap();
    // Their waits are of half a second, one and two at least.
    running.until_says("attempt 5 in ").await;
    broker.resume().await.unwrap();
    assert!(running.line().await.contains("\"type\":\"published\""));
    drop(stdin);
    running.ended().await.expect(0);
}

/// A server that was never reached is told within the time given.
#[tokio::test]
async fn waits_before_the_first_connection_count() {
    let line = format!("pub -t a -l -q 1 -W 1 -h 127.0.0.1 -p {}", dead_port());
    let ran = evenkeel(&line).input("one\n").run().await.expect(4);
    ran.says("error: no connection within 1.0 s\n");
}

/// An attempt that hangs is no wait of the policy.
#[tokio::test]
async fn attempts_count_for_lines() {
    let broker = broker().await;
    let mut running = evenkeel("pub -t a -l -q 1 -W 1 --json").at(&broker).start();
    let mut stdin = running.stdin();
    stdin.write_all(b"one\n").await.unwrap();
    running.line().await;
    // It accepts, and says nothing more.
    broker.add_fault(silence()).unwrap();
    restart(&broker, true, Duration::ZERO).await;
    stdin.write_all(b"two\n").await.unwrap();
    running.ended().await.expect(8).says("why: no acknowledgement came within 1.0 s");
}

fn silence() -> evenkeel_broker::fault::Rule {
    let text = "[[rule]]\nreceived = \"CONNECT\"\naction = \"drop\"\n";
    evenkeel_broker::fault::Script::parse(text).unwrap().rules.remove(0)
}

#[cfg(unix)]
#[tokio::test]
async fn a_message_that_does_not_end_is_bounded_by_the_time_limit() {
    let broker = broker().await;
    let fifo = folder().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let shown = fifo.display().to_string();
    let ran = evenkeel("pub a -W 0.3 -f").args([&shown]).at(&broker).run().await.expect(5);
    ran.says(&format!(
        "error: there was no message within 300 ms\nwhy: nobody wrote '{shown}' and closed it\nhint: "
    ));
    let mut running = evenkeel("pub a -s -W 0.3").at(&broker).start();
    let stdin = running.stdin();
    let ran = running.ended().await.expect(5);
    ran.says("error: there was no message within 300 ms\nwhy: stdin did not end\nhint: ");
    drop(stdin);
    // With a writer it is a message like others.
    let running = evenkeel("pub a -r -q 1 -f").args([&shown]).at(&broker).start();
    tokio::task::spawn_blocking(move || std::fs::write(fifo, "whole").unwrap()).await.unwrap();
    running.ended().await.expect(0);
    assert_eq!(evenkeel("sub a -C 1 -W 20").at(&broker).run().await.out(), "whole\n");
}

/// No number of JSON has digits that nobody measured.
#[tokio::test]
async fn numbers_of_json_have_no_noise() {
    let broker = broker().await;
    let events = folder().join("events.jsonl");
    let line = format!("sub a -E --events {}", events.display());
    evenkeel(&line).at(&broker).run().await.expect(0);
    let mut lines: Vec<String> =
        std::fs::read_to_string(events).unwrap().lines().map(str::to_owned).collect();
    lines.push(evenkeel("pub a x -q 1 --json").at(&broker).run().await.out());
    let mut count = 0;
    for line in lines {
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        for (name, value) in value.as_object().unwrap() {
            if !value.is_f64() {
                continue;
            }
            let number = value.as_f64().unwrap();
            let decimals = if name.ends_with("_ms") { 3 } else { 6 };
            assert_eq!(
                number,
                format!("{number:.decimals$}").parse::<f64>().unwrap(),
                "{name} in {line}"
            );
            count += 1;
        }
    }
    assert!(count >= 2, "{count} numbers");
}
