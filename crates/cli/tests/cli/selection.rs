//! `sub`: which messages are shown, and when it ends.

use crate::support::{Ran, broker, evenkeel, retain, scripted, subscribed};

/// Runs a subscriber, publishes lines `topic message` once it has subscribed.
async fn listen(line: &str, retained: &[(&str, &str)], messages: &[(&str, &str)]) -> Ran {
    let broker = broker().await;
    for (topic, message) in retained {
        retain(&broker, topic, message).await;
    }
    let subscriber = tokio::spawn(evenkeel(line).at(&broker).run());
    subscribed(&broker, 1).await;
    for (topic, message) in messages {
        evenkeel("pub -q 1").args(["-t", topic, "-m", message]).at(&broker).run().await.expect(0);
    }
    subscriber.await.unwrap()
}

#[tokio::test]
async fn a_count_ends_it() {
    let ran = listen("sub # -v -q 1 -C 2 -W 30", &[], &[("a", "1"), ("b", "2"), ("c", "3")]).await;
    assert_eq!(ran.out(), "a 1\nb 2\n");
}

#[tokio::test]
async fn filtered_messages_are_neither_shown_nor_counted() {
    let line = "sub -t # -T a/# -T x -v -q 1 -C 1 -W 30";
    let ran = listen(line, &[], &[("a/b", "1"), ("x", "2"), ("c", "3")]).await;
    assert_eq!(ran.out(), "c 3\n");
}

#[tokio::test]
async fn retained_messages_alone_or_not_at_all() {
    let retained = [("r/1", "old"), ("r/2", "older")];
    let ran = listen("sub r/# -R -v -q 1 -C 1 -W 30", &retained, &[("r/1", "new")]).await;
    assert_eq!(ran.out(), "r/1 new\n");
    let ran = listen("sub r/# --retained-only -v -q 1 -W 30", &retained, &[("r/1", "new")]).await;
    assert_eq!(ran.out(), "r/1 old\nr/2 older\n");
}

#[tokio::test]
async fn retained_messages_are_removed_except_those_filtered_out() {
    let broker = broker().await;
    retain(&broker, "r/1", "a").await;
    retain(&broker, "r/keep", "b").await;
    let line = "sub r/# -T r/keep --remove-retained -R -W 1";
    evenkeel(line).at(&broker).run().await.expect(5);
    assert_eq!(evenkeel("sub r/# -v -C 1 -W 30").at(&broker).run().await.out(), "r/keep b\n");
    evenkeel("sub r/1 -C 1 -W 0.3").at(&broker).run().await.expect(5);
}

#[tokio::test]
async fn a_removal_that_is_refused_is_no_success() {
    let broker = broker().await;
    retain(&broker, "r", "a").await;
    let denial = evenkeel_broker::Denial {
        subscribe: false,
        ..evenkeel_broker::Denial::new("r".try_into().unwrap())
    };
    broker.configure(|config| config.access.denials.push(denial));
    let ran = evenkeel("sub r --remove-retained -C 1 -W 30").at(&broker).run().await.expect(8);
    ran.says(
        "error: a retained message was not removed\nwhy: the server refused it: Not authorized",
    );
}

#[tokio::test]
async fn e_ends_when_all_subscriptions_are_answered() {
    let broker = broker().await;
    let ran = evenkeel("sub a b -t c -E -c -i kept -q 1").at(&broker).run().await.expect(0);
    assert_eq!(ran.out, "");
    assert_eq!(broker.subscription_count(), 3, "the session and its subscriptions stay");
}

#[tokio::test]
async fn the_disconnect_may_end_a_kept_session() {
    let broker = broker().await;
    let line = "sub a -E -c -i kept -V 5";
    evenkeel(line).at(&broker).run().await.expect(0);
    assert_eq!(broker.session_count(), 1);
    let ends = ["-D", "disconnect", "session-expiry-interval", "0"];
    evenkeel(line).args(ends).at(&broker).run().await.expect(0);
    // The broker reads DISCONNECT a little later than the program has ended.
    for _ in 0..1000 {
        if broker.session_count() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the session is still there");
}

#[tokio::test]
async fn a_kept_session_has_what_came_meanwhile_and_what_was_not_shown() {
    let broker = broker().await;
    evenkeel("sub a -E -c -i kept -q 1").at(&broker).run().await.expect(0);
    for message in ["1", "2", "3"] {
        evenkeel(&format!("pub a {message} -q 1")).at(&broker).run().await.expect(0);
    }
    let first = evenkeel("sub a -c -i kept -q 1 -C 1 -W 30").at(&broker).run().await;
    assert_eq!(first.out(), "1\n");
    let rest = evenkeel("sub a -c -i kept -q 1 -C 2 -W 30").at(&broker).run().await;
    assert_eq!(rest.out(), "2\n3\n");
}

#[tokio::test]
async fn a_kept_session_has_its_messages_in_order_and_those_of_earlier_filters() {
    let broker = broker().await;
    evenkeel("sub a b -E -c -i kept -q 1").at(&broker).run().await.expect(0);
    let lines = |range: std::ops::Range<u32>| range.map(|n| format!("{n}\n")).collect::<String>();
    evenkeel("pub a -q 1 -l").input(&lines(0..300)).at(&broker).run().await.expect(0);
    evenkeel("pub b -q 1 -m earlier").at(&broker).run().await.expect(0);
    let ran = evenkeel("sub a -c -i kept -q 1 -C 301 -W 60").at(&broker).run().await;
    let out = ran.out();
    let of_a: String = out
        .lines()
        .filter(|line| *line != "earlier")
        .fold(String::new(), |lines, line| lines + line + "\n");
    assert_eq!(of_a, lines(0..300));
    assert_eq!(out.lines().count(), 301);
}

#[tokio::test]
async fn unsubscribing_alone_ends_at_once() {
    let broker = broker().await;
    evenkeel("sub a b -E -c -i kept").at(&broker).run().await.expect(0);
    evenkeel("sub -U a -c -i kept").at(&broker).run().await.expect(0);
    assert_eq!(broker.subscription_count(), 1);
}

#[tokio::test]
async fn a_time_limit_covers_connecting_subscribing_and_waiting() {
    let open = broker().await;
    let ran = evenkeel("sub a -C 3 -W 0.5").at(&open).run().await.expect(5);
    ran.says("error: timed out after 500 ms with 0 of 3 messages");
    let silent = scripted("[[rule]]\nsent = \"SUBACK\"\naction = \"drop\"\n").await;
    let ran = evenkeel("sub a -W 0.5").at(&silent).run().await.expect(5);
    ran.says("error: the subscription was not answered within 500 ms");
    let deaf = broker().await;
    deaf.set_accepting(false);
    let ran = evenkeel("sub a -W 0.5").at(&deaf).run().await.expect(5);
    ran.says("error: no connection within 500 ms\nwhy: the server did not answer");
}

#[tokio::test]
async fn subscriptions_refused_in_part_and_in_full() {
    let broker = scripted("[[access.denials]]\nfilter = \"denied/#\"\n").await;
    let ran = evenkeel("sub denied/a ok -E").at(&broker).run().await.expect(16);
    ran.says("the server refused the subscription to 'denied/a': Not authorized");
    let ran = evenkeel("sub denied/a denied/b -E").at(&broker).run().await.expect(15);
    ran.says("error: no subscription to 'denied/a', 'denied/b'\nwhy: ");
}

#[tokio::test]
async fn subscription_options_reach_the_broker() {
    let broker = broker().await;
    retain(&broker, "a", "old").await;
    evenkeel("sub a --retain-handling never -C 1 -W 0.3").at(&broker).run().await.expect(5);
    let subscriber = evenkeel("sub a --retain-as-published -R -C 1 -W 0.5").at(&broker);
    let subscriber = tokio::spawn(subscriber.run());
    subscribed(&broker, 2).await;
    retain(&broker, "a", "new").await;
    // The flag is kept, so -R hides the new message too.
    subscriber.await.unwrap().expect(5);
}
