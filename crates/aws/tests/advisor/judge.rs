//! Each case on both sides.

use std::time::Duration;

use evenkeel_aws::advisor::{CASES, Case, Group, Moment, Packet, Setting, Side, Verdict, judge};
use evenkeel_codec::PacketType;

use super::scene::{closed, connack, connects, received, sent};

fn verdict(id: &str, setting: &Setting, moments: &[Moment]) -> Verdict {
    judge(Case::by_id(id).unwrap(), setting, moments)
}

/// Asserts the word of a verdict, and a part of its reason.
pub(crate) fn check(id: &str, moments: &[Moment], word: &str, part: &str) {
    let setting = Setting { topic: Some("a/b".to_owned()), ..Setting::default() };
    let verdict = verdict(id, &setting, moments);
    assert_eq!(verdict.word(), word, "{id}: {}", verdict.reason());
    assert!(verdict.reason().contains(part), "{id}: {}", verdict.reason());
}

#[test]
fn nothing_seen_passes_nothing() {
    for case in &CASES {
        let word = if case.group == Group::Security { "not run" } else { "fail" };
        check(case.id, &[], word, "");
    }
}

#[test]
fn packets_and_topics() {
    let subscribe =
        |topic: &str| received(1.0, 1, Packet::new(PacketType::Subscribe).id(1).topic(topic));
    let publish = |topic: &str| received(1.0, 1, Packet::new(PacketType::Publish).topic(topic));
    check("MQTT_Connect", &connects(&[]), "pass", "after 0.0 s");
    check("MQTT_Subscribe", &[subscribe("a/b")], "pass", "SUBSCRIBE");
    check("MQTT_Subscribe", &[subscribe("a/c")], "fail", "in place of \"a/b\"");
    check("MQTT_Subscribe", &[publish("a/b")], "fail", "never");
    check("MQTT_Publish", &[publish("a/b")], "pass", "PUBLISH");
    check("MQTT_Publish", &[publish("a/c")], "fail", "\"a/c\"");
    let any = Setting::default();
    assert_eq!(verdict("MQTT_Publish", &any, &[publish("x")]).word(), "pass");
}

#[test]
fn acknowledgements() {
    let publish = sent(1.0, 1, Packet::new(PacketType::Publish).id(7).qos(1).topic("a/b"));
    let puback = |connection, id| received(1.5, connection, Packet::new(PacketType::PubAck).id(id));
    let case = "MQTT_Client_Puback_Qos1";
    check(case, &[publish.clone(), puback(1, 7)], "pass", "500 ms");
    check(case, &[publish.clone(), puback(1, 8)], "fail", "never");
    check(case, &[publish, puback(2, 7)], "fail", "never");
    check(case, &[puback(1, 7)], "fail", "did not subscribe");
}

#[test]
fn retries_keep_identifier_and_connection() {
    for (case, kind) in [
        ("MQTT_Publish_Retry_No_Puback", PacketType::Publish),
        ("MQTT_Subscribe_Retry_No_Suback", PacketType::Subscribe),
    ] {
        let packet = |at, connection, id| received(at, connection, Packet::new(kind).id(id).qos(1));
        check(case, &[packet(1.0, 1, 7), packet(6.0, 1, 7)], "pass", "again after 5.0 s with id 7");
        check(case, &[packet(1.0, 1, 7), packet(6.0, 1, 8)], "fail", "never again");
        check(case, &[packet(1.0, 1, 7), packet(6.0, 2, 7)], "fail", "never again");
        let after_reconnect = [packet(1.0, 1, 7), packet(6.0, 2, 7), packet(9.0, 2, 7)];
        check(case, &after_reconnect, "pass", "again after 3.0 s");
        let without_id = received(1.0, 1, Packet::new(kind));
        check(case, &[without_id.clone(), without_id], "fail", "never came");
    }
}

#[test]
fn a_dead_connection_is_closed_in_time() {
    let connect = |seconds| {
        let keep_alive = Some(Duration::from_secs(seconds));
        received(0.0, 1, Packet { keep_alive, ..Packet::new(PacketType::Connect) })
    };
    let case = "MQTT_No_Ack_PingResp";
    let end = |at, side| vec![connect(20), connack(0.5, 1, false), closed(at, 1, side)];
    check(case, &end(31.5, Side::Client), "pass", "closed 31.0 s after CONNACK, 31 s allowed");
    check(case, &end(31.6, Side::Client), "warn", "closed 31.1 s");
    check(case, &end(20.0, Side::Judge), "fail", "did not close");
    let other = [connect(20), connack(0.5, 1, false), closed(20.0, 2, Side::Client)];
    check(case, &other, "fail", "did not close");
    check(case, &[connect(0), connack(0.5, 1, false)], "fail", "keep-alive is 0");
}

#[test]
fn distances_of_attempts() {
    let jitter = [0.6, 1.3, 3.4, 6.7, 15.7, 27.3];
    let pure = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    let linear = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let constant = [5.0; 6];
    let waiting = [2.0, 31.1, 31.3, 30.2, 31.2, 31.0];
    let shrinking = [9.0, 6.0, 7.0, 3.0, 2.0, 1.0];
    for (id, gaps, word, part) in [
        ("Unstable_Connection", jitter, "pass", "with jitter: 0.6 1.3 3.4"),
        ("Unstable_Connection", pure, "warn", "exponential"),
        ("Unstable_Connection", linear, "fail", "linear"),
        ("Unstable_Connection", constant, "fail", "constant"),
        ("Server_Disconnect", jitter, "pass", "with jitter"),
        ("Server_Disconnect", constant, "fail", "constant"),
        ("Server_Disconnect", waiting, "fail", "constant: 31.1 31.3"),
    ] {
        let id = format!("MQTT_Reconnect_Backoff_Retries_On_{id}");
        check(&id, &connects(&gaps), word, part);
        check(&id, &connects(&gaps[..4]), "fail", "5 CONNECTs of 6");
    }
    let id = "MQTT_Connect_Exponential_Backoff_Retries";
    for (gaps, word, part) in [
        (jitter, "pass", "with jitter"),
        (pure, "pass", "exponential"),
        (linear, "fail", "linear"),
        (constant, "fail", "constant"),
        (shrinking, "fail", "no growth"),
    ] {
        check(id, &connects(&gaps), word, part);
    }
    check(id, &connects(&pure[..4]), "pass", "exponential");
    check(id, &connects(&pure[..3]), "fail", "4 CONNECTs of 5");
}

#[test]
fn the_worst_of_two_rounds_counts() {
    let id = "MQTT_Connect_Jitter_Backoff_Retries";
    let jitter = [5.6, 6.8, 7.4, 11.9, 15.6];
    let pure = [1.0, 2.0, 4.0, 8.0, 16.0];
    let constant = [5.0; 5];
    for (first, second, word) in [
        (jitter, jitter, "pass"),
        (jitter, pure, "warn"),
        (pure, jitter, "warn"),
        (constant, jitter, "fail"),
        (jitter, constant, "fail"),
    ] {
        let gaps = [&first[..], &[60.0], &second[..]].concat();
        check(id, &connects(&gaps), word, "; ");
        check(id, &connects(&gaps[..10]), "fail", "11 CONNECTs of 12");
    }
}

#[test]
fn sessions_are_resumed_or_made_anew() {
    let subscribe = |at, connection| {
        received(at, connection, Packet::new(PacketType::Subscribe).id(1).topic("a/b"))
    };
    let kept = sent(5.1, 2, Packet::new(PacketType::Publish).id(7).qos(1).topic("a/b"));
    let puback = received(5.2, 2, Packet::new(PacketType::PubAck).id(7));
    let first = [connack(0.1, 1, false), subscribe(0.2, 1)];
    let resumed = [&first[..], &[connack(5.0, 2, true), kept]].concat();
    let with = |more: &[Moment]| [&resumed[..], more].concat();
    let case = "MQTT_Persistent_Session_Happy_Case";
    check(case, &with(std::slice::from_ref(&puback)), "pass", "without SUBSCRIBE");
    check(case, &with(&[puback, subscribe(5.3, 2)]), "warn", "all the same");
    check(case, &with(&[]), "fail", "kept message never came");
    check(case, &[&first[..], &[connack(5.0, 2, true)]].concat(), "fail", "no subscription");
    check(case, &[&first[..], &[connack(5.0, 2, false)]].concat(), "fail", "never resumed");

    let case = "MQTT_Expired_Persistent_Session";
    let anew = [&first[..], &[connack(5.0, 2, false)]].concat();
    check(case, &[&anew[..], &[subscribe(5.3, 2)]].concat(), "pass", "subscribed anew");
    check(case, &anew, "fail", "SUBSCRIBE never came");
    check(case, &first, "fail", "did not connect again");
}
