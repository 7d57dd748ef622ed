//! Enhanced authentication.

use evenkeel_broker::{Challenge, CloseReason};
use evenkeel_codec::{Auth, Bytes, Connect, Packet, Properties, Property, ReasonCode};

use crate::world::*;

const METHOD: &str = "EVENKEEL-TEST";

fn world(rounds: u32) -> World {
    World::with(|config| {
        config.access.challenge = Some(Challenge { rounds, ..Challenge::default() });
    })
}

fn asking(method: &str) -> Connect {
    let properties = Properties::new().with(Property::AuthenticationMethod(text(method)));
    Connect { properties, ..v5("a") }
}

fn auth(reason: ReasonCode, method: &str, data: Bytes) -> Packet {
    let properties = Properties::new()
        .with(Property::AuthenticationMethod(text(method)))
        .with(Property::AuthenticationData(data));
    Packet::Auth(Auth { reason, properties })
}

/// The right answer to the challenge that the client has received.
fn answer(world: &mut World, peer: Peer) -> Packet {
    let Packet::Auth(challenge) = world.recv_one(peer) else { panic!("no AUTH") };
    assert_eq!(challenge.reason, ReasonCode::CONTINUE_AUTHENTICATION);
    assert_eq!(challenge.properties.authentication_method(), Some(text(METHOD)));
    let data = challenge.properties.authentication_data().unwrap();
    auth(ReasonCode::CONTINUE_AUTHENTICATION, METHOD, data.iter().rev().copied().collect())
}

//= [MQTT-4.12.0-2] test
//= [MQTT-4.12.0-5] test
#[test]
fn right_answers_are_let_in() {
    for rounds in 0..3 {
        let mut world = world(rounds);
        let peer = world.open(evenkeel_codec::Version::V5);
        world.send(peer, asking(METHOD));
        for _ in 0..rounds {
            let reply = answer(&mut world, peer);
            world.send(peer, reply);
        }
        let Packet::ConnAck(connack) = world.recv_one(peer) else { panic!("no CONNACK") };
        assert_eq!(connack.reason, ReasonCode::SUCCESS);
        assert_eq!(connack.properties.authentication_method(), Some(text(METHOD)));
    }
}

//= [MQTT-4.12.0-1] test
//= [MQTT-4.12.0-4] test
#[test]
fn other_methods_and_wrong_answers_are_refused() {
    let mut world = world(1);
    let (peer, connack) = world.try_connect(asking("SCRAM-SHA-1"));
    assert_eq!(connack.reason, ReasonCode::BAD_AUTHENTICATION_METHOD);
    assert_eq!(world.why_closed(peer), CloseReason::Refused);
    let peer = world.open(evenkeel_codec::Version::V5);
    world.send(peer, asking(METHOD));
    world.recv(peer);
    let wrong = auth(ReasonCode::CONTINUE_AUTHENTICATION, METHOD, Bytes::from_static(b"?"));
    world.send(peer, wrong);
    let Packet::ConnAck(connack) = world.recv_one(peer) else { panic!("no CONNACK") };
    assert_eq!(connack.reason, ReasonCode::NOT_AUTHORIZED);
    let (_, connack) = World::new().try_connect(asking(METHOD));
    assert_eq!(connack.reason, ReasonCode::BAD_AUTHENTICATION_METHOD, "none is on offer");
}

//= [MQTT-4.12.1-2] test
#[test]
fn a_client_may_authenticate_again() {
    let mut world = world(1);
    let peer = world.open(evenkeel_codec::Version::V5);
    world.send(peer, asking(METHOD));
    let reply = answer(&mut world, peer);
    world.send(peer, reply);
    world.recv(peer);
    for _ in 0..2 {
        world.send(peer, auth(ReasonCode::REAUTHENTICATE, METHOD, Bytes::new()));
        let reply = answer(&mut world, peer);
        world.send(peer, Packet::PingReq);
        assert_eq!(world.recv_one(peer), Packet::PingResp, "other packets may pass");
        world.send(peer, reply);
        let Packet::Auth(done) = world.recv_one(peer) else { panic!("no AUTH") };
        assert_eq!(done.reason, ReasonCode::SUCCESS);
        assert_eq!(done.properties.authentication_method(), Some(text(METHOD)));
    }
    world.send(peer, auth(ReasonCode::REAUTHENTICATE, METHOD, Bytes::new()));
    world.recv(peer);
    world.send(peer, auth(ReasonCode::CONTINUE_AUTHENTICATION, METHOD, Bytes::from_static(b"?")));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::NOT_AUTHORIZED);
}

//= [MQTT-4.12.0-7] test
#[test]
fn auth_out_of_turn_is_a_protocol_error() {
    let mut world = world(0);
    let peer = world.connect(v5("b"));
    world.send(peer, auth(ReasonCode::REAUTHENTICATE, METHOD, Bytes::new()));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR);
    let peer = world.connect(asking(METHOD));
    world.send(peer, auth(ReasonCode::REAUTHENTICATE, "OTHER", Bytes::new()));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR);
    let peer = world.connect(asking(METHOD));
    world.send(peer, auth(ReasonCode::CONTINUE_AUTHENTICATION, METHOD, Bytes::new()));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PROTOCOL_ERROR);
}
