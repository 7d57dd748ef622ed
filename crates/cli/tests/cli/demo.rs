//! The demo in full: the README's first command.

use crate::support::evenkeel;

#[tokio::test]
async fn the_demo_ends_well() {
    // It takes about 20 seconds; the limit is that of every command here.
    let ran = evenkeel("demo").run().await.expect(0);
    assert_eq!(ran.err, "");
    assert!(!ran.out.contains('\x1b'), "plain lines where stdout is no terminal");
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "wider than a terminal: {line}");
    }
    for text in [
        "ping, answered after",
        "loses the answer to a ping of the subscriber",
        "but messages came, so the connection stays",
        "connection lost after",
        "the connection was refused",
        "accepts a connection and closes it",
        "the session goes on",
        "verdict: good. No message of QoS 1 and 2 was lost",
        "and the lost PINGRESP cost no connection.",
    ] {
        assert!(ran.out.contains(text), "{text:?} is not in\n{}", ran.out);
    }
}

#[tokio::test]
async fn a_signal_ends_the_demo() {
    let mut running = evenkeel("demo").start();
    running.line().await;
    running.signal("INT").await;
    running.ended().await.expect(20);
}
