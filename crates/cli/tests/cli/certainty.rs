//! D13: what is called delivered is delivered, and what may be lost is said.

use crate::support::{Run, Running, broker, evenkeel, folder, saw, scripted, stop, subscribed};

/// The session ends with the connection, which ends behind PUBREC.
const LOST: &str = "[[rule]]\nsent = \"PUBREC\"\nnth = 1\naction = \"close_after\"\n";
/// The first PUBREL is not seen, so that the identifier stays in use.
const HELD: &str = "[[rule]]\nreceived = \"PUBREL\"\nnth = 1\naction = \"drop\"\n";

#[tokio::test]
async fn a_session_lost_behind_pubrec_is_8_and_said() {
    for version in ["5", "311"] {
        let publish = |broker: &_, more: &str| {
            evenkeel(&format!("pub a x -q 2 --json -V {version} {more}")).at(broker).run()
        };
        let ran = publish(&scripted(LOST).await, "").await.expect(8);
        assert!(ran.out.contains("\"type\":\"failed\""), "{}", ran.out);
        assert!(ran.out.contains("\"uncertain\":true"), "{}", ran.out);
        ran.says("message 1 to 'a' was not delivered: the server may have it, or may have lost it")
            .says("error: 1 of 1 messages were not acknowledged\nwhy: see the warnings above; the server may have them, or may have lost them\nhint: give --send-anew");
        let out = publish(&scripted(LOST).await, "--send-anew").await.out();
        assert!(out.contains("\"attempts\":2"), "{out}");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_not_said_to_be_with_the_server() {
    let broker = scripted(HELD).await;
    // The first message fills the window, so that the second one expires.
    let line = "pub -t a -l -q 2 -M 1 -D publish message-expiry-interval 1 -W 3";
    let ran = evenkeel(line).at(&broker).input("one\ntwo\n").run().await.expect(8);
    assert!(
        ran.err.contains("message 2 to 'a' was not delivered: it expired after 1"),
        "{}",
        ran.err
    );
}

/// A program that dies with its message under way, the broker holding its
/// identifier.
async fn dies(run: Run, broker: &evenkeel_broker::Broker) {
    let program: Running = run.at(broker).start();
    saw(broker, "fault").await;
    program.signal("KILL").await;
    program.ended().await;
}

#[tokio::test]
async fn an_identifier_that_the_server_holds_swallows_no_message() {
    for version in ["5", "311"] {
        let broker = scripted(HELD).await;
        let subscriber = tokio::spawn(evenkeel("sub a -q 2 -C 3 -W 50").at(&broker).run());
        subscribed(&broker, 1).await;
        let run = |word: &str| evenkeel(&format!("pub a {word} -q 2 -i dev -c -V {version}"));
        dies(run("first"), &broker).await;
        for word in ["second", "third"] {
            run(word).at(&broker).run().await.expect(0);
        }
        assert_eq!(subscriber.await.unwrap().out(), "first\nsecond\nthird\n");
    }
}

#[tokio::test]
async fn what_an_earlier_run_may_have_lost_is_8() {
    for (more, code) in [("", 8), ("--send-anew", 0)] {
        let broker = scripted(HELD).await;
        let store = folder().join("pump.session");
        let run = |line: &str| {
            evenkeel(&format!("pub -t a -q 2 {line} {more}"))
                .args(["--store", store.to_str().unwrap()])
        };
        dies(run("-m x"), &broker).await;
        stop(&broker, false).await;
        broker.resume().await.unwrap();
        let ran = run("-l").at(&broker).input("").run().await.expect(code);
        if code == 8 {
            ran.says("error: 1 of the messages of earlier runs may be lost\n");
        }
        run("-l").at(&broker).input("").run().await.expect(0);
    }
}

#[tokio::test]
async fn sending_anew_is_for_qos_2() {
    let broker = broker().await;
    evenkeel("pub a x -q 1 --send-anew").at(&broker).run().await.expect(2).says("needs QoS 2");
}
