//! Users and denied topics.

use evenkeel_broker::{CloseReason, Denial, Users};
use evenkeel_codec::{Bytes, Connect, Packet, QoS, ReasonCode};

use crate::world::*;

fn credentials(connect: Connect, name: &str, password: &'static str) -> Connect {
    let password = Some(Bytes::from_static(password.as_bytes()));
    Connect { username: Some(text(name)), password, ..connect }
}

#[test]
fn only_listed_users_are_let_in() {
    let mut world = World::with(|config| {
        config.access.users = Some(Users::parse("alice:s3cret").unwrap());
    });
    for right in
        [credentials(v5("a"), "alice", "s3cret"), credentials(v311("b"), "alice", "s3cret")]
    {
        assert_eq!(world.try_connect(right).1.reason, ReasonCode::SUCCESS);
    }
    for wrong in [credentials(v5("a"), "alice", "secret"), credentials(v5("a"), "bob", ""), v5("a")]
    {
        let (peer, connack) = world.try_connect(wrong);
        assert_eq!(connack.reason, ReasonCode::BAD_USER_NAME_OR_PASSWORD);
        assert_eq!(world.why_closed(peer), CloseReason::Refused);
    }
    let (_, connack) = world.try_connect(credentials(v311("b"), "alice", "x"));
    assert_eq!(connack.wire_code, 4);
    // Credentials that expire.
    world.core.configure(|config| {
        config.access.users.as_mut().unwrap().set("alice", "new");
    });
    let (_, connack) = world.try_connect(credentials(v5("a"), "alice", "s3cret"));
    assert_eq!(connack.reason, ReasonCode::BAD_USER_NAME_OR_PASSWORD);
    let log: String = world.events().iter().map(evenkeel_broker::Event::to_json).collect();
    assert!(!log.contains("s3cret") && !log.contains("secret"), "{log}");
}

#[test]
fn a_denied_publish_gets_its_code_or_ends_the_connection() {
    let denial = Denial::new("poison/#".try_into().unwrap());
    let ends = Denial { disconnect: true, ..Denial::new("deadly".try_into().unwrap()) };
    let mut world = World::with(|config| config.access.denials = vec![denial, ends]);
    let peer = world.connect(v5("a"));
    world.send(peer, publish_1("poison/x", "x", 1));
    let Packet::PubAck(ack) = world.recv_one(peer) else { panic!("no PUBACK") };
    assert_eq!(ack.reason, ReasonCode::NOT_AUTHORIZED);
    assert!(ack.properties.reason_string().is_some());
    world.send(peer, publish_2("poison/x", "x", 2));
    let Packet::PubRec(ack) = world.recv_one(peer) else { panic!("no PUBREC") };
    assert_eq!(ack.reason, ReasonCode::NOT_AUTHORIZED);
    world.send(peer, publish_1("good", "x", 3));
    assert!(!world.is_closed(peer));
    world.recv(peer);
    world.send(peer, publish_1("deadly", "x", 4));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::NOT_AUTHORIZED);
    let old = world.connect(v311("b"));
    world.send(old, publish_1("poison/x", "x", 1));
    assert_eq!(world.recv_one(old), puback(1));
    world.send(old, publish_1("deadly", "x", 2));
    assert_eq!(world.why_closed(old), CloseReason::NotAuthorized);
}

#[test]
fn a_denied_subscribe_gets_its_code_or_ends_the_connection() {
    let mut denial = Denial::new("poison/#".try_into().unwrap());
    let mut world = World::with(|config| config.access.denials = vec![denial.clone()]);
    let peer = world.connect(v5("a"));
    world.send(peer, subscribe_with(&["good", "poison/+"], Default::default(), None));
    let codes = world.suback(peer).codes;
    assert_eq!(codes, [ReasonCode::SUCCESS, ReasonCode::NOT_AUTHORIZED]);
    denial.disconnect = true;
    world.core.configure(|config| config.access.denials = vec![denial]);
    world.send(peer, subscribe("poison/x", QoS::AtMostOnce));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::NOT_AUTHORIZED);
}

#[test]
fn problem_information_can_be_declined() {
    use evenkeel_codec::{Properties, Property};
    let denial = Denial::new("poison".try_into().unwrap());
    let mut world = World::with(|config| config.access.denials = vec![denial]);
    let properties = Properties::new().with(Property::RequestProblemInformation(0));
    let peer = world.connect(Connect { properties, ..v5("a") });
    world.send(peer, publish_1("poison", "x", 1));
    let Packet::PubAck(ack) = world.recv_one(peer) else { panic!("no PUBACK") };
    assert_eq!(ack.reason, ReasonCode::NOT_AUTHORIZED);
    assert!(ack.properties.is_empty());
}
