//! `MQTT_Long_Duration`: a client that passes all of it, and what becomes of each
//! scenario if a part of that is left out.

use std::time::Duration;

use evenkeel_aws::advisor::{
    Case, Moment, Operation, Packet, Scenario, Setting, Side, What, is_scenario_settled, judge,
};
use evenkeel_codec::PacketType;

use super::judge::check;
use super::scene::{at, closed, connack, received, sent};

const CASE: &str = "MQTT_Long_Duration";

fn connect(seconds: f64, connection: u32) -> Moment {
    let keep_alive = Some(Duration::from_secs(30));
    received(seconds, connection, Packet { keep_alive, ..Packet::new(PacketType::Connect) })
}

fn subscribe(seconds: f64) -> Moment {
    received(seconds, 1, Packet::new(PacketType::Subscribe).id(1).topic("a/b"))
}

fn publish(seconds: f64) -> Moment {
    received(seconds, 1, Packet::new(PacketType::Publish).id(2).qos(1).topic("a/b"))
}

/// A message of the judge and its PUBACK.
fn message(seconds: f64, connection: u32, id: u16) -> [Moment; 2] {
    let message = Packet::new(PacketType::Publish).id(id).qos(1).topic("a/b");
    let puback = Packet::new(PacketType::PubAck).id(id);
    [sent(seconds, connection, message), received(seconds + 0.1, connection, puback)]
}

/// A client that does everything right.
fn whole() -> Vec<Moment> {
    let begun = |seconds, scenario| at(seconds, 1, What::Begun(scenario));
    let again = |seconds, connection| {
        [connect(seconds, connection), connack(seconds + 0.1, connection, true)]
    };
    let away = |seconds| at(seconds, 1, What::Away);
    let back = |seconds| at(seconds, 1, What::Back);
    let mut moments = vec![
        begun(0.0, Scenario::Basic),
        connect(0.1, 1),
        connack(0.2, 1, false),
        subscribe(0.3),
        publish(0.4),
        subscribe(10.3),
        publish(10.4),
        sent(10.5, 1, Packet::new(PacketType::SubAck).id(1)),
        sent(10.6, 1, Packet::new(PacketType::PubAck).id(2)),
        begun(20.0, Scenario::Reconnect),
        closed(20.1, 1, Side::Judge),
    ];
    moments.extend(again(25.0, 2));
    moments.push(begun(30.0, Scenario::PubAckQos1));
    moments.extend(message(30.1, 2, 1));
    moments.push(begun(40.0, Scenario::ReceiveLargePayload));
    moments.extend(message(40.1, 2, 2));
    moments.push(begun(50.0, Scenario::PersistentSession));
    moments.push(closed(50.1, 2, Side::Judge));
    moments.extend(again(55.0, 3));
    moments.extend(message(55.2, 3, 3));
    moments.push(begun(60.0, Scenario::KeepAlive));
    moments.push(closed(60.1, 3, Side::Judge));
    moments.extend(again(65.0, 4));
    moments.push(closed(105.0, 4, Side::Client));
    moments.extend(again(109.0, 5));
    moments.push(begun(110.0, Scenario::IntermittentConnectivity));
    for (connection, start) in [(6, 110.1), (7, 150.0), (8, 190.0)] {
        moments.extend([away(start), back(start + 10.0)]);
        moments.extend(again(start + 12.0, connection));
    }
    moments.push(begun(230.0, Scenario::ReconnectBackOff));
    for (connection, seconds) in (9..).zip([231.0, 232.0, 235.7, 237.0, 246.0, 259.0]) {
        moments.extend(again(seconds, connection));
        moments.push(closed(seconds + 0.2, connection, Side::Judge));
    }
    moments.extend([begun(300.0, Scenario::LongServerDisconnect), away(300.1), back(3900.1)]);
    moments.extend(again(3950.0, 20));
    moments
}

/// Without what fits in a scenario.
fn without(scenario: Scenario, fits: impl Fn(&What) -> bool) -> Vec<Moment> {
    let mut current = None;
    let mut moments = whole();
    moments.retain(|moment| {
        if let What::Begun(begun) = moment.what {
            current = Some(begun);
        }
        current != Some(scenario) || !fits(&moment.what)
    });
    moments
}

fn answers(kind: PacketType) -> impl Fn(&What) -> bool {
    move |what| what.received(kind).is_some() || what.sent(kind).is_some()
}

#[test]
fn a_client_that_does_everything_passes() {
    let back_off =
        "11 of 11 passed; back-off with jitter: 1.0 3.7 1.3 9.0 13.0 s; keep-alive 30 s, ";
    check(CASE, &whole(), "pass", back_off);
    let rest = "session resumed, 15 connections, published to \"a/b\", subscribed to \"a/b\"";
    check(CASE, &whole(), "pass", rest);
}

#[test]
fn each_scenario_fails_by_itself() {
    use Scenario::{
        Basic, IntermittentConnectivity, KeepAlive, LongServerDisconnect, PersistentSession,
        PubAckQos1, ReceiveLargePayload, Reconnect, ReconnectBackOff,
    };
    let connack = PacketType::ConnAck;
    for (scenario, kind, part) in [
        (Basic, connack, "fail CONNECT: the client did not connect"),
        (Basic, PacketType::Publish, "fail PUBLISH: PUBLISH never came"),
        (Basic, PacketType::Subscribe, "fail SUBSCRIBE: SUBSCRIBE never came"),
        (Reconnect, connack, "fail RECONNECT: the client did not connect"),
        (PubAckQos1, PacketType::PubAck, "fail PUBACK_QOS_1: PUBACK never came"),
        (ReceiveLargePayload, PacketType::PubAck, "fail RECEIVE_LARGE_PAYLOAD: PUBACK never"),
        (PersistentSession, connack, "fail PERSISTENT_SESSION: the session was never resumed"),
        (PersistentSession, PacketType::PubAck, "fail PERSISTENT_SESSION: the PUBACK of"),
        (KeepAlive, connack, "fail KEEP_ALIVE: "),
        (
            IntermittentConnectivity,
            connack,
            "fail INTERMITTENT_CONNECTIVITY: the client did not come back, outage 1",
        ),
        (ReconnectBackOff, PacketType::Connect, "fail RECONNECT_BACK_OFF: 0 CONNECTs of 6"),
        (LongServerDisconnect, connack, "fail LONG_SERVER_DISCONNECT: the client did not"),
    ] {
        check(CASE, &without(scenario, answers(kind)), "fail", part);
        check(CASE, &without(scenario, answers(kind)), "fail", "10 of 11 passed");
    }
    let stays = without(KeepAlive, |what| *what == What::Closed(Side::Client));
    check(CASE, &stays, "fail", "fail KEEP_ALIVE: the client did not close the connection");
    let ended = without(LongServerDisconnect, |what| *what == What::Back);
    check(CASE, &ended, "fail", "ended while the server was away");
    let end = whole().iter().position(|one| one.what == What::Begun(KeepAlive)).unwrap();
    check(CASE, &whole()[..end], "fail", "fail LONG_SERVER_DISCONNECT: not reached");
    let second = without(IntermittentConnectivity, |_| false);
    let second: Vec<Moment> = second.into_iter().filter(|one| one.connection != 7).collect();
    check(CASE, &second, "fail", "did not come back, outage 2");
}

#[test]
fn what_is_not_sent_again_is_a_warning() {
    let mut moments = whole();
    moments.retain(|moment| moment.at != subscribe(10.3).at && moment.at != publish(10.4).at);
    check(CASE, &moments, "warn", "warn PUBLISH: not sent again while PUBACK was held");
    check(CASE, &moments, "warn", "warn SUBSCRIBE: not sent again while SUBACK was held");
}

#[test]
fn what_a_client_does_not_do_is_not_asked_for() {
    let of = |operations: &[Operation], moments: &[Moment]| {
        let topic = Some("a/b".to_owned());
        let setting = Setting { topic, operations: operations.to_vec(), ..Setting::default() };
        judge(Case::by_id(CASE).unwrap(), &setting, moments)
    };
    let silent = without(Scenario::Basic, answers(PacketType::Publish));
    let verdict = of(&[Operation::Subscribe], &silent);
    assert!(verdict.reason().starts_with("10 of 10 passed; "), "{verdict:?}");
    let silent = without(Scenario::PubAckQos1, |_| true);
    let verdict = of(&[Operation::Publish], &silent);
    assert!(verdict.reason().starts_with("7 of 7 passed; "), "{verdict:?}");
}

#[test]
fn a_scenario_ends_when_the_client_has_done_its_part() {
    let setting = Setting { topic: Some("a/b".to_owned()), ..Setting::default() };
    for scenario in Scenario::ALL {
        let moments = whole();
        let begin = moments.iter().position(|one| one.what == What::Begun(scenario)).unwrap() + 1;
        let settled = |end| is_scenario_settled(scenario, &setting, &moments[begin..end]);
        let end = (begin..=moments.len()).find(|end| settled(*end)).unwrap();
        assert!(!settled(begin), "{scenario:?}");
        let next = moments[begin..].iter().position(|one| matches!(one.what, What::Begun(_)));
        assert!(end <= next.map_or(moments.len(), |next| begin + next), "{scenario:?}");
    }
}
