//! Who comes in, and what they may do.

use std::time::Duration;

use evenkeel_aws::gate::CertificateStatus;
use evenkeel_codec::{Connect, Packet, ReasonCode, Version};

use crate::world::*;

const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

#[test]
fn a_certificate_lets_its_thing_in_and_no_other_name() {
    let mut setup = Setup::new("");
    let der = setup.thing("lamp", CertificateStatus::Active);
    let mut world = setup.world();
    for version in VERSIONS {
        let peer = world.open_tls(version, &der, Some("localhost"));
        assert_eq!(world.login(peer, connect(version, "lamp")), Some(ReasonCode::SUCCESS));
        let peer = world.open_tls(version, &der, Some("localhost"));
        let refused = world.login(peer, connect(version, "other"));
        assert_eq!(refused, Some(ReasonCode::NOT_AUTHORIZED));
        assert!(world.is_closed(peer));
    }
    let told = world.told();
    assert!(told.iter().any(|line| line.contains("no policy allows iot:Connect")), "{told:?}");
}

#[test]
fn what_tls_would_refuse_is_closed_without_a_word() {
    let mut setup = Setup::new("");
    let active = setup.thing("a", CertificateStatus::Active);
    let inactive = setup.thing("b", CertificateStatus::Inactive);
    let (unknown, _) = certificate();
    let mut world = setup.world();
    let cases = [
        (&inactive[..], Some("localhost"), "INACTIVE"),
        (&unknown[..], Some("localhost"), "not registered"),
        (&active[..], None, "SNI"),
        (&[], Some("localhost"), "no certificate"),
    ];
    for (der, name, why) in cases {
        let peer = world.open_tls(Version::V5, der, name);
        assert_eq!(world.login(peer, connect(Version::V5, "a")), None, "{why}");
        assert!(world.is_closed(peer), "{why}");
        assert!(world.told().iter().any(|line| line.contains(why)), "{why}: {:?}", world.told());
    }
    let peer = world.open("tcp", Version::V5);
    assert_eq!(world.login(peer, connect(Version::V5, "a")), None, "no way in without TLS");
}

#[test]
fn what_no_policy_allows_is_refused_or_ends_the_connection() {
    let mut setup = Setup::new("");
    let der = setup.thing("lamp", CertificateStatus::Active);
    let mut world = setup.world();
    for version in VERSIONS {
        let mut enter = || {
            let peer = world.open_tls(version, &der, Some("localhost"));
            assert_eq!(world.login(peer, connect(version, "lamp")), Some(ReasonCode::SUCCESS));
            peer
        };
        let peer = enter();
        assert!(!world.subscribe(peer, "$aws/things/lamp/shadow/+").is_error());
        let packets = world.publish(peer, "site/7", "x");
        match version {
            Version::V5 => {
                let [Packet::PubAck(ack)] = &packets[..] else { panic!("{packets:?}") };
                assert_eq!(ack.reason, ReasonCode::NOT_AUTHORIZED);
                assert_eq!(world.subscribe(peer, "site/#"), ReasonCode::NOT_AUTHORIZED);
                assert!(!world.is_closed(peer));
                let quick = evenkeel_codec::Publish {
                    qos: evenkeel_codec::QoS::AtMostOnce,
                    packet_id: None,
                    ..publish("site/7", "x")
                };
                world.send(peer, Packet::Publish(quick));
                let packets = world.recv(peer);
                let [Packet::Disconnect(end)] = &packets[..] else { panic!("{packets:?}") };
                assert_eq!(end.reason, ReasonCode::NOT_AUTHORIZED);
            }
            _ => assert!(packets.is_empty() && world.is_closed(peer), "{packets:?}"),
        }
    }
    let told = world.told();
    let why = "no policy allows iot:Publish on topic/site/7";
    assert!(told.iter().any(|line| line.contains("denied") && line.contains(why)), "{told:?}");
}

#[test]
fn a_will_needs_the_right_to_publish_it() {
    let mut setup = Setup::new("");
    let der = setup.thing("lamp", CertificateStatus::Active);
    let mut world = setup.world();
    let cases = [
        ("$aws/things/lamp/jobs/get", ReasonCode::SUCCESS),
        ("site/7", ReasonCode::NOT_AUTHORIZED),
    ];
    for (topic, reason) in cases {
        let peer = world.open_tls(Version::V5, &der, Some("localhost"));
        let connect = Connect { will: will(topic), ..connect(Version::V5, "lamp") };
        assert_eq!(world.login(peer, connect), Some(reason), "{topic}");
    }
}

#[test]
fn an_authorizer_lets_in_for_a_time() {
    let settings = r#"
[authorizers.Fleet]
answer = '''{"isAuthenticated": true, "principalId": "pump", "disconnectAfterInSeconds": 300,
  "refreshAfterInSeconds": 300, "policyDocuments": [{"Version": "2012-10-17", "Statement":
  {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]}'''
[authorizers.Strict]
answer = '{"isAuthenticated": false}'
"#;
    let mut world = Setup::new(settings).world();
    let mut enter = |name: &str| {
        let peer = world.open_tls(Version::V5, &[], Some("localhost"));
        let username = format!("u?x-amz-customauthorizer-name={name}");
        let username = Some(username.as_str().try_into().unwrap());
        let connect = Connect { username, ..connect(Version::V5, "pump") };
        (peer, world.login(peer, connect))
    };
    assert_eq!(enter("Strict").1, Some(ReasonCode::NOT_AUTHORIZED));
    assert_eq!(enter("None").1, Some(ReasonCode::NOT_AUTHORIZED));
    let (peer, reason) = enter("Fleet");
    assert_eq!(reason, Some(ReasonCode::SUCCESS));
    world.wait(Duration::from_millis(299_999));
    assert!(!world.is_closed(peer));
    world.wait(Duration::from_millis(1));
    let packets = world.recv(peer);
    let [Packet::Disconnect(end)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!(end.reason, ReasonCode::MAXIMUM_CONNECT_TIME);
}
