//! Enhanced authentication (MQTT 5 section 4.12).

use bytes::Bytes;
use evenkeel_proto::codec::{Auth, ConnAck, Packet, Property, ReasonCode, Version};
use evenkeel_proto::{
    CauseClass, Config, ConnectPhase, DisconnectCause, Event, Halt, ProtocolError, State,
};

use crate::support::*;

const METHOD: &str = "SCRAM";

fn authenticating() -> Config {
    let mut config = config(Version::V5);
    config.connect.authentication = Some((text(METHOD), Bytes::from_static(b"client-first")));
    config
}

fn auth(reason: ReasonCode, method: Option<&str>, data: &'static [u8]) -> Packet {
    let mut properties = evenkeel_proto::codec::Properties::new();
    if let Some(method) = method {
        properties.push(Property::AuthenticationMethod(text(method)));
    }
    if !data.is_empty() {
        properties.push(Property::AuthenticationData(Bytes::from_static(data)));
    }
    Packet::Auth(Auth { reason, properties })
}

fn challenge(data: &'static [u8]) -> Packet {
    auth(ReasonCode::CONTINUE_AUTHENTICATION, Some(METHOD), data)
}

fn success(data: &'static [u8]) -> ConnAck {
    let mut connack = with([Property::AuthenticationMethod(text(METHOD))]);
    connack.properties.push(Property::AuthenticationData(Bytes::from_static(data)));
    connack
}

/// The challenges the application was given since the last call.
fn challenges(rig: &mut Rig) -> Vec<(Bytes, bool)> {
    let challenges = std::mem::take(&mut rig.challenges);
    challenges.into_iter().map(|(_, challenge)| (challenge.data, challenge.done)).collect()
}

fn reply(rig: &mut Rig, data: Option<&'static [u8]>) {
    let conn = rig.conn();
    rig.client.authenticate(rig.now, conn, data.map(Bytes::from_static));
    rig.settle();
}

fn authenticated() -> Rig {
    let mut rig = Rig::started(authenticating());
    rig.accept_with(&success(b""));
    challenges(&mut rig);
    reply(&mut rig, Some(b""));
    rig
}

//= [MQTT-4.12.0-3] test
//= [MQTT-4.12.0-5] test
//= [MQTT-3.1.2-30] test
#[test]
fn challenges_are_answered_until_connack() {
    let mut rig = Rig::started(authenticating());
    rig.publish("a", AtLeastOnce, 1);
    rig.subscribe(&[("a", AtMostOnce)], 2);
    let connect = rig.accept();
    assert_eq!(connect.properties.authentication_method(), Some(text(METHOD)));
    assert_eq!(connect.properties.authentication_data().unwrap(), "client-first");
    for step in [&b"one"[..], b"two"] {
        rig.send(&challenge(step));
        assert_eq!(challenges(&mut rig), [(Bytes::from_static(step), false)]);
        rig.expect_nothing();
        reply(&mut rig, Some(b"answer"));
        let expected = auth(ReasonCode::CONTINUE_AUTHENTICATION, Some(METHOD), b"answer");
        assert_eq!(rig.expect(), expected);
        rig.expect_nothing();
    }
    rig.send(&Packet::ConnAck(success(b"server-final")));
    assert_eq!(challenges(&mut rig), [(Bytes::from_static(b"server-final"), true)]);
    rig.expect_nothing();
    reply(&mut rig, Some(b""));
    assert!(rig.client.state().is_online());
    assert!(matches!(rig.expect(), Packet::Subscribe(_)), "not before the verdict");
}

/// An impostor that accepts gets no message, and its own are not taken.
#[test]
fn nothing_happens_before_the_servers_last_word_is_believed() {
    let mut rig = Rig::started(authenticating());
    rig.publish("a", AtLeastOnce, 1);
    rig.accept_with(&success(b"proof"));
    rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 7)));
    rig.expect_nothing();
    assert!(matches!(rig.client.state(), State::Connecting { .. }));
    assert!(!rig.client.wants_read(), "what follows is left on the connection");
    assert!(rig.client.next_message().is_none());
    let connected =
        |rig: &mut Rig| rig.take_events().iter().any(|e| matches!(e, Event::Connected(_)));
    assert!(!connected(&mut rig));
    reply(&mut rig, Some(b""));
    assert!(connected(&mut rig) && rig.client.wants_read());
    assert!(matches!(rig.expect(), Packet::Publish(_)));
    rig.read();
    assert!(rig.client.next_message().is_some(), "it was kept meanwhile");
}

#[test]
fn a_verdict_that_never_comes_ends_with_the_connect_time_out() {
    let mut rig = Rig::started(authenticating());
    rig.accept_with(&success(b"proof"));
    rig.advance(secs(30));
    let phase = ConnectPhase::Handshake;
    assert_eq!(rig.cause(), DisconnectCause::ConnectTimeout { phase, after: secs(30) });
}

/// R12: a method with a nonce begins anew at each attempt.
#[test]
fn each_attempt_has_first_data_of_its_own() {
    let mut rig = Rig::started(authenticating());
    for data in [&b"nonce 1"[..], b"nonce 2"] {
        let conn = rig.conn();
        rig.client.begin_authentication(rig.now, conn, Bytes::from_static(data));
        let connect = rig.accept();
        assert_eq!(connect.properties.authentication_data().unwrap(), data);
        rig.cut();
        rig.await_open();
    }
    assert_eq!(rig.accept().properties.authentication_data().unwrap(), "client-first");
    let old = rig.conn();
    rig.cut();
    rig.await_open();
    rig.client.begin_authentication(rig.now, old, Bytes::from_static(b"late"));
    assert_eq!(rig.accept().properties.authentication_data().unwrap(), "client-first");
    assert_eq!(rig.stats().stale_inputs, 1);
}

#[test]
fn an_application_that_does_not_believe_the_servers_last_word_closes() {
    let mut rig = Rig::started(authenticating());
    rig.accept_with(&success(b"forged"));
    challenges(&mut rig);
    reply(&mut rig, None);
    assert_eq!(rig.expect_disconnect(), ReasonCode::NOT_AUTHORIZED);
    let events = rig.take_events();
    assert!(!events.iter().any(|event| matches!(event, Event::Connected(_))));
    let state = rig.client.state();
    assert!(matches!(state, State::Halted { reason: Halt::Refused, .. }), "never accepted");
    let ended = |event: &Event| matches!(event, Event::Disconnected { cause, .. } if **cause == DisconnectCause::Authentication);
    assert!(events.iter().any(ended));
}

#[test]
fn giving_up_closes_without_another_word() {
    let mut rig = Rig::started(authenticating());
    rig.accept();
    rig.send(&challenge(b"?"));
    reply(&mut rig, None);
    rig.expect_nothing();
    let cause = rig.cause();
    assert_eq!((cause.class(), cause), (CauseClass::Refused, DisconnectCause::Authentication));
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Refused, .. }));
}

#[test]
fn a_challenge_nobody_answers_ends_with_the_connect_time_out() {
    let mut rig = Rig::started(authenticating());
    rig.accept();
    rig.send(&challenge(b"?"));
    rig.advance(secs(30));
    let phase = ConnectPhase::Handshake;
    assert_eq!(rig.cause(), DisconnectCause::ConnectTimeout { phase, after: secs(30) });
}

#[test]
fn a_servers_auth_out_of_turn_ends_the_attempt() {
    let cases: [&[Packet]; 5] = [
        &[challenge(b"1"), challenge(b"2")],
        &[auth(ReasonCode::CONTINUE_AUTHENTICATION, Some("OTHER"), b"1")],
        &[auth(ReasonCode::SUCCESS, Some(METHOD), b"")],
        &[auth(ReasonCode::REAUTHENTICATE, Some(METHOD), b"")],
        &[auth(ReasonCode::SUCCESS, None, b"")],
    ];
    for packets in cases {
        let mut rig = Rig::started(authenticating());
        rig.accept();
        for packet in packets {
            rig.send(packet);
        }
        let expected = DisconnectCause::ProtocolError(ProtocolError::UnexpectedAuth);
        assert_eq!(rig.cause(), expected, "{packets:?}");
        rig.expect_nothing();
    }
}

#[test]
fn a_connack_with_another_method_is_not_ours() {
    let mut rig = Rig::started(authenticating());
    rig.accept_with(&with([Property::AuthenticationMethod(text("OTHER"))]));
    let expected = DisconnectCause::ProtocolError(ProtocolError::UnexpectedAuth);
    assert_eq!(rig.cause(), expected);
    let mut rig = Rig::started(authenticating());
    rig.accept_with(&accepted());
    reply(&mut rig, Some(b""));
    assert!(rig.client.state().is_online(), "leaving it out is forgiven");
}

//= [MQTT-4.12.0-7] test
#[test]
fn a_client_without_a_method_sends_no_auth() {
    let mut rig = Rig::started(config(Version::V5));
    rig.accept();
    assert!(!rig.client.reauthenticate(rig.now, Bytes::new()));
    reply(&mut rig, Some(b"data"));
    rig.expect_nothing();
    assert_eq!(rig.stats().stale_inputs, 1);
    rig.send(&Packet::ConnAck(accepted()));
    assert!(!rig.client.reauthenticate(rig.now, Bytes::from_static(b"data")));
    reply(&mut rig, Some(b"data"));
    rig.settle();
    rig.expect_nothing();
    assert!(challenges(&mut rig).is_empty());
}

//= [MQTT-4.12.1-1] test
//= [MQTT-4.12.0-5] test
#[test]
fn a_client_may_authenticate_anew_at_any_time() {
    let mut rig = authenticated();
    for _ in 0..2 {
        assert!(rig.client.reauthenticate(rig.now, Bytes::from_static(b"again")));
        rig.settle();
        assert_eq!(rig.expect(), auth(ReasonCode::REAUTHENTICATE, Some(METHOD), b"again"));
        assert!(!rig.client.reauthenticate(rig.now, Bytes::new()), "one at a time");
        rig.send(&challenge(b"?"));
        assert_eq!(challenges(&mut rig), [(Bytes::from_static(b"?"), false)]);
        // Everything else goes on meanwhile.
        rig.publish("a", AtMostOnce, 1);
        assert!(matches!(rig.expect(), Packet::Publish(_)));
        reply(&mut rig, Some(b"!"));
        assert_eq!(rig.expect(), challenge_answer());
        rig.send(&auth(ReasonCode::SUCCESS, Some(METHOD), b"done"));
        assert_eq!(challenges(&mut rig), [(Bytes::from_static(b"done"), true)]);
        assert!(!rig.client.reauthenticate(rig.now, Bytes::new()), "not judged yet");
        rig.take_events();
        reply(&mut rig, Some(b""));
        let conn = rig.conn();
        assert_eq!(rig.take_events(), [Event::Reauthenticated { conn }]);
        assert!(rig.client.state().is_online());
    }
    assert_eq!(rig.stats().connects, 1);
}

fn challenge_answer() -> Packet {
    auth(ReasonCode::CONTINUE_AUTHENTICATION, Some(METHOD), b"!")
}

#[test]
fn an_auth_nobody_asked_for_ends_the_connection() {
    for packet in [challenge(b"?"), auth(ReasonCode::SUCCESS, Some(METHOD), b"")] {
        let mut rig = authenticated();
        rig.send(&packet);
        assert_eq!(rig.expect_disconnect(), ReasonCode::PROTOCOL_ERROR);
        let expected = DisconnectCause::ProtocolError(ProtocolError::UnexpectedAuth);
        assert_eq!(rig.cause(), expected);
    }
}

#[test]
fn a_server_that_fails_re_authentication_at_the_last_step_is_left() {
    let mut rig = authenticated();
    rig.client.reauthenticate(rig.now, Bytes::new());
    rig.settle();
    rig.expect();
    rig.send(&auth(ReasonCode::SUCCESS, Some(METHOD), b"forged"));
    reply(&mut rig, None);
    assert_eq!(rig.expect_disconnect(), ReasonCode::NOT_AUTHORIZED);
    assert_eq!(rig.cause(), DisconnectCause::Authentication);
}

//= [MQTT-4.12.1-2] test
#[test]
fn a_failed_re_authentication_says_goodbye() {
    let mut rig = authenticated();
    rig.client.reauthenticate(rig.now, Bytes::new());
    rig.settle();
    rig.expect();
    rig.send(&challenge(b"?"));
    reply(&mut rig, None);
    assert_eq!(rig.expect_disconnect(), ReasonCode::NOT_AUTHORIZED);
    assert_eq!(rig.cause(), DisconnectCause::Authentication);
}

#[test]
fn an_answer_too_late_is_counted_and_goes_nowhere() {
    let mut rig = Rig::started(authenticating());
    rig.accept();
    rig.send(&challenge(b"?"));
    let old = rig.conn();
    rig.cut();
    rig.await_open();
    rig.accept();
    rig.client.authenticate(rig.now, old, Some(Bytes::from_static(b"late")));
    rig.settle();
    rig.expect_nothing();
    reply(&mut rig, Some(b"nobody asked"));
    rig.expect_nothing();
    assert_eq!(rig.stats().stale_inputs, 2);
}

#[test]
fn a_server_that_refuses_the_method_is_no_older_server() {
    let mut settings = authenticating();
    settings.fallback = true;
    let mut rig = Rig::started(settings);
    for _ in 0..5 {
        assert_eq!(rig.accept().version, Version::V5, "3.1.1 could not authenticate");
        rig.cut();
        rig.await_open();
    }
    rig.accept_with(&refused(ReasonCode::BAD_AUTHENTICATION_METHOD));
    assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Refused, .. }));
}

#[test]
fn challenges_show_no_secret() {
    let mut rig = Rig::started(authenticating());
    rig.accept();
    rig.send(&challenge(b"hunter2"));
    let shown = format!("{:?} {:?}", rig.challenges, rig.client);
    assert!(!shown.contains("hunter2") && !shown.contains("client-first"), "{shown}");
}

#[test]
fn data_larger_than_the_server_takes_ends_the_connection_in_order() {
    let mut connack = success(b"");
    connack.properties.push(Property::MaximumPacketSize(30));
    let mut rig = Rig::started(authenticating());
    rig.accept_with(&connack);
    reply(&mut rig, Some(b""));
    rig.client.reauthenticate(rig.now, Bytes::from(vec![b'x'; 100]));
    rig.settle();
    assert_eq!(rig.expect_disconnect(), ReasonCode::NOT_AUTHORIZED);
}
