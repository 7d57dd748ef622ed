//! Which version is spoken: evidence, and turns if there is none (R14).

use bytes::Bytes;
use evenkeel_proto::codec::{Packet, ReasonCode, Version};
use evenkeel_proto::{
    Config, Credentials, DisconnectCause, Event, Halt, Pace, State, TransportFailure,
};

use crate::support::*;
use Version::{V5, V311};

fn falling_back() -> Config {
    let mut config = config(V5);
    config.fallback = true;
    config
}

/// The same with a session that the server keeps.
fn kept() -> Config {
    let mut config = quiet(lasting(V5));
    config.fallback = true;
    config
}

/// A server that closes where it is asked for MQTT 5, as RabbitMQ 3.10 and
/// the 3.1.1 port of rumqttd do. Returns the connects until it accepts.
fn reach_what_closes(rig: &mut Rig) -> u32 {
    for connects in 1..=10 {
        rig.await_open();
        if rig.accept().version == V311 {
            rig.send(&Packet::ConnAck(accepted()));
            return connects;
        }
        rig.cut();
    }
    panic!("3.1.1 has no turn")
}

/// The same for one that never answers MQTT 5, as aMQTT does.
fn reach_what_is_silent(rig: &mut Rig) -> u32 {
    for connects in 1..=10 {
        rig.await_open();
        if rig.accept().version == V311 {
            rig.send(&Packet::ConnAck(accepted()));
            return connects;
        }
        rig.advance(secs(30));
    }
    panic!("3.1.1 has no turn")
}

fn turns(rig: &mut Rig) -> Vec<Version> {
    let events = rig.take_events();
    let turns = events.into_iter().filter_map(|event| match event {
        Event::VersionFallback(version) => Some(version),
        _ => None,
    });
    turns.collect()
}

#[test]
fn a_refusal_of_mqtt_5_leads_to_3_1_1_at_once() {
    // As an old server says it, and as one of MQTT 5 would.
    for connack in [&[0x20, 2, 0, 1][..], &[0x20, 3, 0, 0x84, 0]] {
        let mut rig = Rig::started(falling_back());
        assert_eq!(rig.accept().version, V5);
        rig.send_bytes(connack);
        assert_eq!(rig.await_open(), secs(0));
        assert_eq!(rig.accept_with(&accepted()).version, V311);
        assert!(rig.client.state().is_online());
        assert_eq!(rig.client.limits().unwrap().version, V311);
        assert_eq!(turns(&mut rig), [V311]);
        assert_eq!(rig.reconnect_with(&accepted()).version, V311, "words hold");
        rig.advance(secs(3700));
        assert_eq!(rig.reconnect_with(&accepted()).version, V5, "until it may have been renewed");
    }
}

#[test]
fn an_old_connack_that_accepts_is_no_mqtt_5_connection() {
    let mut rig = Rig::started(falling_back());
    rig.accept();
    rig.send_bytes(&[0x20, 2, 0, 0]);
    assert!(!rig.client.state().is_online(), "the server did not answer in MQTT 5");
    assert_eq!(rig.await_open(), secs(0));
    assert_eq!(rig.accept_with(&accepted()).version, V311);
    assert!(rig.client.state().is_online());
}

#[test]
fn without_fallback_a_refused_version_is_final() {
    for connack in [&[0x20, 2, 0, 1][..], &[0x20, 2, 0, 0]] {
        let mut rig = Rig::started(config(V5));
        rig.accept();
        rig.send_bytes(connack);
        assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Refused, .. }));
        assert!(turns(&mut rig).is_empty());
    }
}

#[test]
fn without_fallback_closes_and_silence_change_nothing() {
    let mut rig = Rig::started(config(V5));
    for round in 0..4 {
        assert_eq!(rig.accept().version, V5);
        match round % 2 {
            0 => rig.cut(),
            _ => rig.advance(secs(30)),
        }
        rig.await_open();
    }
}

#[test]
fn a_server_that_refuses_both_versions_has_refused() {
    let mut rig = Rig::started(falling_back());
    for version in [V5, V311] {
        assert_eq!(rig.accept().version, version);
        rig.send_bytes(&[0x20, 2, 0, 1]);
    }
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Refused, .. }));
    assert_eq!(rig.opens.len(), 2);
}

/// A proxy in front of a broker that is starting closes each connection. Once
/// the broker is well, a client that guessed 3.1.1 is back at MQTT 5 with the
/// next connection.
#[test]
fn closes_give_each_version_its_turn_and_a_guess_lasts_for_its_connection() {
    for closes in 0..8 {
        let mut rig = Rig::started(falling_back());
        let mut versions = Vec::new();
        for _ in 0..closes {
            versions.push(rig.accept().version);
            rig.cut();
            rig.await_open();
        }
        versions.push(rig.accept_with(&accepted()).version);
        let expected = [V5, V311].into_iter().cycle();
        assert_eq!(versions, expected.take(closes + 1).collect::<Vec<_>>());
        assert_eq!(turns(&mut rig).len(), closes, "each turn is told");
        assert_eq!(rig.reconnect_with(&accepted()).version, V5, "after {closes} closes");
        rig.cut();
        rig.await_open();
        assert_eq!(rig.accept().version, V5);
    }
}

#[test]
fn a_server_that_only_closes_on_mqtt_5_is_reached_each_time_within_the_budget() {
    let mut rig = Rig::started(falling_back());
    for _ in 0..20 {
        assert_eq!(reach_what_closes(&mut rig), 2);
        rig.cut();
    }
    let opens: Vec<_> = rig.opens.iter().map(|(at, _)| *at).collect();
    for last in 8..opens.len() {
        assert!(opens[last].since(opens[last - 8]) >= secs(60), "the doubled ones count (R2)");
    }
}

/// The attempts come as for any other failure: by back-off and budget (R2, R3).
#[test]
fn a_server_that_is_silent_to_mqtt_5_is_reached_with_the_second_attempt() {
    let mut settings = falling_back();
    settings.reconnect.base = secs(10);
    let timeout = settings.connect_timeout;
    let mut rig = Rig::started(settings);
    assert_eq!(rig.accept().version, V5);
    rig.advance(timeout - MICRO);
    assert!(rig.link.is_some());
    rig.take_events();
    rig.advance(MICRO);
    let retries = rig.retries();
    let (retry, delay) = retries.last().unwrap();
    assert_eq!((retry.attempt, retry.pace), (2, Pace::BackOff));
    assert!(*delay >= secs(5), "{delay:?} (R3)");
    assert_eq!(rig.await_open(), *delay);
    assert_eq!(turns(&mut rig), [V311]);
    assert_eq!(rig.accept_with(&accepted()).version, V311);
    assert!(rig.client.state().is_online());
}

#[test]
fn silence_is_waited_for_at_most_once_an_hour() {
    let mut rig = Rig::started(quiet(falling_back()));
    let mut asked_for_v5 = Vec::new();
    for _ in 0..40 {
        let connects = reach_what_is_silent(&mut rig);
        if connects == 2 {
            asked_for_v5.push(rig.now);
        } else {
            assert_eq!(connects, 1);
        }
        rig.advance(secs(600));
        rig.cut();
    }
    assert!(asked_for_v5.len() >= 5, "{} times in 6.7 hours", asked_for_v5.len());
    for pair in asked_for_v5.windows(2) {
        let gap = pair[1].since(pair[0]);
        assert!(gap >= secs(3600) && gap < secs(4900), "{gap:?}");
    }
}

/// The hour holds whatever the older version meets meanwhile.
#[test]
fn closes_do_not_shorten_the_hour_after_silence() {
    let mut rig = Rig::started(falling_back());
    reach_what_is_silent(&mut rig);
    for _ in 0..5 {
        rig.cut();
        rig.await_open();
        assert_eq!(rig.accept().version, V311);
    }
}

#[test]
fn silence_to_both_is_no_evidence() {
    let mut rig = Rig::started(falling_back());
    let mut versions = Vec::new();
    for _ in 0..4 {
        versions.push(rig.accept().version);
        rig.advance(secs(30));
        rig.await_open();
    }
    assert_eq!(versions, [V5, V311, V5, V311]);
}

#[test]
fn only_ends_where_connack_is_due_say_something_of_the_version() {
    let mut rig = Rig::started(falling_back());
    for round in 0..6 {
        match round % 3 {
            0 => rig.drop_link(TransportFailure::Refused),
            1 => rig.drop_link(TransportFailure::Eof),
            _ => {
                rig.take_events();
                rig.advance(secs(30));
                assert!(matches!(rig.cause(), DisconnectCause::ConnectTimeout { .. }));
            }
        }
        rig.await_open();
    }
    assert_eq!(rig.accept().version, V5, "no CONNECT was sent");
}

/// The store, or a transport that takes no bytes, may keep CONNECT back.
#[test]
fn a_server_that_was_not_asked_owes_no_answer() {
    for end in 0..2 {
        let mut rig = Rig::started(falling_back());
        rig.writable = false;
        for _ in 0..3 {
            let conn = rig.conn();
            rig.client.handle(rig.now, evenkeel_proto::Input::Opened(conn, None));
            rig.settle();
            match end {
                0 => rig.cut(),
                _ => rig.advance(secs(30)),
            }
            rig.await_open();
        }
        rig.writable = true;
        assert_eq!(rig.accept().version, V5);
        assert!(turns(&mut rig).is_empty());
    }
}

#[test]
fn a_server_that_has_answered_in_mqtt_5_is_never_asked_for_less() {
    let refused = || rig_that_got(refused(ReasonCode::SERVER_BUSY));
    let accepting = || rig_that_got(accepted());
    for mut rig in [refused(), accepting()] {
        for round in 0..6 {
            if rig.link.is_some() {
                rig.cut();
            }
            rig.await_open();
            assert_eq!(rig.accept().version, V5);
            match round % 3 {
                0 => rig.cut(),
                1 => rig.advance(secs(30)),
                _ => rig.send(&Packet::ConnAck(refused_busy())),
            }
        }
        assert!(turns(&mut rig).is_empty());
    }
}

fn refused_busy() -> evenkeel_proto::codec::ConnAck {
    refused(ReasonCode::SERVER_BUSY)
}

fn rig_that_got(connack: evenkeel_proto::codec::ConnAck) -> Rig {
    let mut rig = Rig::started(falling_back());
    rig.accept_with(&connack);
    rig
}

/// What is in flight in a session that the server keeps would not survive
/// another version.
#[test]
fn a_guess_lasts_while_its_kept_session_has_exchanges_in_flight() {
    let mut rig = Rig::started(kept());
    reach_what_closes(&mut rig);
    rig.publish("a", AtLeastOnce, 1);
    for _ in 0..3 {
        rig.cut();
        rig.await_open();
        assert_eq!(rig.accept().version, V311, "also where it only closes");
    }
    rig.send(&Packet::ConnAck(resumed()));
    rig.show_life();
    let again = rig.expect_publish();
    rig.send(&puback(again.packet_id.unwrap()));
    assert!(rig.outcome(1).is_ok());
    rig.cut();
    rig.await_open();
    assert_eq!(rig.accept().version, V5, "nothing is in flight any more");
}

#[test]
fn exchanges_of_the_server_keep_the_version_too() {
    let mut rig = Rig::started(kept());
    reach_what_closes(&mut rig);
    rig.send(&Packet::Publish(delivery("a", ExactlyOnce, 7)));
    rig.handle_message();
    assert_eq!(rig.reconnect_with(&resumed()).version, V311);
    rig.send(&pubrel(id(7)));
    assert_eq!(rig.reconnect_with(&accepted()).version, V5);
}

/// A session that ends with its connection has nothing to keep.
#[test]
fn a_guess_without_a_kept_session_lasts_for_its_connection_alone() {
    let mut rig = Rig::started(quiet(falling_back()));
    reach_what_closes(&mut rig);
    rig.publish("a", AtLeastOnce, 1);
    assert_eq!(rig.reconnect_with(&accepted()).version, V5);
}

/// Another address of the same name is asked first, in the same version: what
/// closes may be the address.
#[test]
fn other_addresses_come_before_another_version() {
    let mut rig = Rig::started(falling_back());
    rig.has_alternatives(1);
    rig.accept();
    rig.cut();
    rig.await_open();
    assert_eq!(rig.accept().version, V5, "the other address");
    rig.advance(secs(30));
    rig.await_open();
    assert_eq!(rig.accept().version, V311, "no address is left");
}

/// What is known of one server is nothing of another.
#[test]
fn each_server_has_its_own_version() {
    let mut settings = quiet(falling_back());
    settings.servers = 2;
    let mut rig = Rig::started(settings);
    rig.accept();
    rig.send_bytes(&[0x20, 2, 0, 1]);
    rig.await_open();
    assert_eq!(rig.accept_with(&accepted()).version, V311);
    rig.advance(secs(40));
    rig.cut();
    rig.await_open();
    assert_eq!(rig.opens.last().unwrap().1.server, 1);
    assert_eq!(rig.accept_with(&accepted()).version, V5);
    for (server, version) in [(0, V311), (1, V5), (0, V311)] {
        rig.advance(secs(40));
        rig.cut();
        rig.await_open();
        assert_eq!(rig.opens.last().unwrap().1.server, server);
        assert_eq!(rig.accept_with(&accepted()).version, version);
    }
}

/// If 3.1.1 is refused in words, the guess was wrong.
#[test]
fn words_against_a_guess_lead_back_at_once() {
    let mut rig = Rig::started(falling_back());
    rig.accept();
    rig.cut();
    rig.await_open();
    assert_eq!(rig.accept().version, V311);
    rig.send_bytes(&[0x20, 2, 0, 1]);
    assert_eq!(rig.await_open(), secs(0));
    assert_eq!(rig.accept_with(&accepted()).version, V5);
}

/// A token without a user name cannot be said in 3.1.1: a guess must not turn
/// into an attempt that cannot be made.
#[test]
fn what_only_mqtt_5_can_carry_is_not_asked_for_in_less() {
    let token = Credentials { username: None, password: Some(Bytes::from_static(b"token")) };
    let mut rig = Rig::started(falling_back());
    for _ in 0..4 {
        assert_eq!(rig.accept_as(Some(token.clone())).version, V5);
        rig.cut();
        rig.await_open();
    }
    rig.accept_as(Some(token));
    rig.send(&Packet::ConnAck(accepted()));
    assert!(rig.client.state().is_online());
    assert_eq!(rig.client.limits().unwrap().version, V5);
}

//= [MQTT311-3.1.3-7] test
#[test]
fn a_fallback_without_identifier_asks_for_a_clean_session() {
    let mut settings = falling_back();
    settings.connect.client_id = text("");
    settings.connect.clean_start = false;
    settings.connect.session_expiry = 100;
    let mut rig = Rig::started(settings);
    rig.accept();
    rig.send_bytes(&[0x20, 2, 0, 1]);
    rig.await_open();
    let connect = rig.accept();
    assert_eq!(connect.version, V311);
    assert!(connect.client_id.is_empty() && connect.clean_start);
}
