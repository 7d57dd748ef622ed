//! Authorizers that somebody outside answers for.

use std::time::Duration;

use evenkeel_aws::Services;
use evenkeel_aws::emulator::settings::{Settings, read};
use evenkeel_aws::gate::{CertificateId, CertificateStatus, Gate};
use evenkeel_broker::core::{ADMISSION_TIMEOUT, Question};
use evenkeel_broker::{CloseReason, ConnectionId, EventKind};
use evenkeel_codec::{Connect, Packet, ReasonCode, Version};
use serde_json::{Value, json};

use crate::world::*;

pub(crate) const SETTINGS: &str = "[authorizers.Fleet]\ncommand = [\"./auth\"]\n";

pub(crate) fn yes(action: &str, refresh_after: u64) -> String {
    json!({
        "isAuthenticated": true, "principalId": "pump", "disconnectAfterInSeconds": 3600,
        "refreshAfterInSeconds": refresh_after,
        "policyDocuments": [{"Version": "2012-10-17", "Statement":
            {"Effect": "Allow", "Action": ["iot:Connect", action], "Resource": "*"}}],
    })
    .to_string()
}

/// A client that waits for its authorizer, and the question about it.
fn asked(world: &mut World, version: Version, der: &[u8]) -> (Peer, Question) {
    let peer = world.open_tls(version, der, Some("localhost"));
    let username = "u?x-amz-customauthorizer-name=Fleet&tok=t0ken".try_into().unwrap();
    let password = Some(evenkeel_codec::Bytes::from_static(b"s3cret"));
    let connect = Connect { username: Some(username), password, ..connect(version, "pump-17") };
    world.send(peer, Packet::Connect(connect));
    assert_eq!(world.recv(peer), [], "it waits");
    let question = world.core.next_question().expect("a question");
    assert_eq!((question.id, question.whom.as_str()), (peer.id, "Fleet"));
    (peer, question)
}

fn answer(world: &mut World, peer: Peer, answer: Result<&str, &str>) -> Option<ReasonCode> {
    world.core.answer(world.now, peer.id, answer);
    world.wait(Duration::ZERO);
    match world.recv(peer).pop() {
        Some(Packet::ConnAck(connack)) => Some(connack.reason),
        Some(Packet::Disconnect(end)) => Some(end.reason),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_is_the_event_of_a_function() {
    let mut world = Setup::new(SETTINGS).world();
    let (_, question) = asked(&mut world, Version::V5, &[]);
    let mut event = question.content;
    let id = event["connectionMetadata"]["id"].take();
    assert_eq!(id.as_str().map(|id| (id.len(), id.matches('-').count())), Some((36, 4)), "{id}");
    let expected = json!({
        "signatureVerified": false,
        "protocols": ["mqtt", "tls"],
        "protocolData": {
            "tls": {"serverName": "localhost"},
            "mqtt": {
                "username": "u?x-amz-customauthorizer-name=Fleet&tok=t0ken",
                "password": "czNjcmV0",
                "clientId": "pump-17",
            },
        },
        "connectionMetadata": {"id": Value::Null},
    });
    assert_eq!(event, expected);
    let told = world.told().join("\n");
    assert!(!told.contains("t0ken") && !told.contains("s3cret"), "{told}");
}

#[test]
fn answers_and_faults_let_in_or_refuse() {
    let mut world = Setup::new(SETTINGS).world();
    let (success, refused) = (ReasonCode::SUCCESS, ReasonCode::NOT_AUTHORIZED);
    let good = yes("iot:Publish", 300);
    for (text, reason, why) in [
        (Ok(good.as_str()), success, ""),
        (Ok(r#"{"isAuthenticated": false}"#), refused, "the authorizer has said no"),
        (Ok("{"), refused, "\\\"Fleet\\\" has failed: its answer: no JSON from line 1"),
        (Err("it took longer than 5 s"), refused, "has failed: it took longer than 5 s"),
    ] {
        for version in [Version::V311, Version::V5] {
            let (peer, _) = asked(&mut world, version, &[]);
            assert_eq!(answer(&mut world, peer, text), Some(reason), "{text:?}");
            assert_eq!(world.is_closed(peer), reason.is_error(), "{text:?}");
            let told = world.told().join("\n");
            assert!(told.contains(why), "{why}: {told}");
        }
    }
}

#[test]
fn what_the_answer_allows_is_allowed() {
    let mut world = Setup::new(SETTINGS).world();
    let (peer, _) = asked(&mut world, Version::V5, &[]);
    assert_eq!(answer(&mut world, peer, Ok(&yes("iot:Publish", 300))), Some(ReasonCode::SUCCESS));
    let packets = world.publish(peer, "a", "{}");
    assert!(matches!(&packets[..], [Packet::PubAck(ack)] if !ack.reason.is_error()));
    assert_eq!(world.subscribe(peer, "a"), ReasonCode::NOT_AUTHORIZED);
}

#[test]
fn an_authorizer_is_asked_again_and_its_new_answer_counts() {
    let mut world = Setup::new(SETTINGS).world();
    let (peer, first) = asked(&mut world, Version::V5, &[]);
    answer(&mut world, peer, Ok(&yes("iot:Publish", 300)));
    world.wait(Duration::from_millis(299_999));
    assert!(!world.core.has_question());
    world.wait(Duration::from_millis(1));
    assert_eq!(world.core.next_question(), Some(first), "the same is asked again");
    // Until the answer is there, the old one counts.
    assert!(world.subscribe(peer, "a").is_error());
    assert_eq!(answer(&mut world, peer, Ok(&yes("iot:Subscribe", 400))), None);
    assert!(!world.subscribe(peer, "a").is_error());
    world.wait(Duration::from_secs(400));
    assert!(world.core.next_question().is_some());
    let ended = answer(&mut world, peer, Err("it ended with exit status: 1"));
    assert_eq!(ended, Some(ReasonCode::NOT_AUTHORIZED));
    assert!(world.told().iter().any(|line| line.contains("exit status: 1")));
    world.cut(peer);
    world.wait(Duration::from_secs(1000));
    assert!(!world.core.has_question(), "nobody is asked about who has gone");
}

#[test]
fn who_goes_or_waits_too_long_is_asked_about_no_more() {
    let mut world = Setup::new(SETTINGS).world();
    let gone = world.open_tls(Version::V5, &[], Some("localhost"));
    let username = Some("u?x-amz-customauthorizer-name=Fleet".try_into().unwrap());
    let login = Connect { username, ..connect(Version::V5, "gone") };
    world.send(gone, Packet::Connect(login));
    assert!(world.core.has_question());
    world.cut(gone);
    assert_eq!(world.core.next_question(), None);

    let (peer, _) = asked(&mut world, Version::V5, &[]);
    world.wait(ADMISSION_TIMEOUT);
    let Some(Packet::ConnAck(connack)) = world.recv(peer).pop() else { panic!("no CONNACK") };
    assert_eq!(connack.reason, ReasonCode::SERVER_UNAVAILABLE);
    assert_eq!(closed(&mut world, peer.id), Some(CloseReason::Refused));
    let told = world.told().join("\n");
    let why = "of \\\"pump-17\\\": the authorizer \\\"Fleet\\\" has failed: no answer within 15 s";
    assert!(told.contains(why), "{told}");
    assert_eq!(answer(&mut world, peer, Ok(&yes("iot:Publish", 300))), None);
}

fn closed(world: &mut World, id: ConnectionId) -> Option<CloseReason> {
    world.told();
    world.events.iter().find_map(|event| match event.kind {
        EventKind::Closed { why, .. } if event.connection == Some(id) => Some(why),
        _ => None,
    })
}

#[test]
fn an_authorizer_can_be_asked_on_top_of_a_certificate() {
    let settings = format!("authentication_type = \"CUSTOM_AUTH_X509\"\n{SETTINGS}");
    let mut setup = Setup::new(&settings);
    let der = setup.thing("pump-17", CertificateStatus::Active);
    let inactive = setup.thing("pump-18", CertificateStatus::Inactive);
    let mut world = setup.world();
    let (peer, question) = asked(&mut world, Version::V5, &der);
    let tls = &question.content["protocolData"]["tls"];
    let id = CertificateId::of(&der);
    assert_eq!(tls["principalId"], id.to_string());
    let pem = tls["x509CertificatePem"].as_str().unwrap();
    assert_eq!(CertificateId::of_pem(pem), Some(id));
    // Policies of the answer may ask about the certificate.
    let policy = json!({"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "iot:*", "Resource": "*",
         "Condition": {"StringEquals": {"iot:CertificateId": id.to_string()}}}});
    let text = json!({
        "isAuthenticated": true, "principalId": "pump", "disconnectAfterInSeconds": 3600,
        "refreshAfterInSeconds": 300, "policyDocuments": [policy],
    })
    .to_string();
    assert_eq!(answer(&mut world, peer, Ok(&text)), Some(ReasonCode::SUCCESS));

    for (der, why) in [(&inactive[..], "is INACTIVE"), (&[][..], "no certificate")] {
        let peer = world.open_tls(Version::V5, der, Some("localhost"));
        let username = Some("u?x-amz-customauthorizer-name=Fleet".try_into().unwrap());
        let connect = Connect { username, ..connect(Version::V5, "pump-18") };
        assert_eq!(world.login(peer, connect), None, "{why}");
        assert_eq!(world.core.next_question(), None, "{why}");
        assert!(world.told().iter().any(|line| line.contains(why)), "{why}");
    }
    let peer = world.open_tls(Version::V5, &der, Some("localhost"));
    let unnamed = world.login(peer, connect(Version::V5, "pump-17"));
    assert_eq!(unnamed, Some(ReasonCode::NOT_AUTHORIZED), "a certificate alone is not enough");
}

#[test]
fn who_came_by_an_authorizer_on_top_of_a_certificate_goes_with_the_certificate() {
    for status in ["INACTIVE", "REVOKED"] {
        let settings = format!("authentication_type = \"CUSTOM_AUTH_X509\"\n{SETTINGS}");
        let mut setup = Setup::new(&settings);
        let der = setup.thing("pump-17", CertificateStatus::Active);
        let mut world = setup.world();
        let good = yes("iot:Publish", 300);
        let (online, _) = asked(&mut world, Version::V5, &der);
        assert_eq!(answer(&mut world, online, Ok(&good)), Some(ReasonCode::SUCCESS));
        let waits = world.open_tls(Version::V5, &der, Some("localhost"));
        let username = Some("u?x-amz-customauthorizer-name=Fleet".try_into().unwrap());
        let login = Connect { username, ..connect(Version::V5, "pump-18") };
        world.send(waits, Packet::Connect(login));
        world.core.next_question().expect("a question");

        let certificate = CertificateId::of(&der).to_string();
        let off =
            json!({"ask": "certificate-status", "certificate": certificate, "status": status});
        let answered = world.core.ask(world.now, &off).unwrap();
        assert_eq!(answered["status"], status, "{answered}");
        world.wait(Duration::ZERO);
        let packets = world.recv(online);
        let [Packet::Disconnect(end)] = &packets[..] else { panic!("{packets:?}") };
        assert_eq!(end.reason, ReasonCode::NOT_AUTHORIZED);
        assert_eq!(answer(&mut world, waits, Ok(&good)), None, "without a word");
        assert!(world.is_closed(waits));
        let told = world.told().join("\n");
        assert!(told.contains(&format!("{certificate} is {status}")), "{told}");
    }
}

#[test]
fn an_endpoint_takes_the_ways_of_its_type_alone() {
    for (kind, by_certificate) in [
        ("AWS_X509", Some(ReasonCode::SUCCESS)),
        ("AWS_SIGV4", None),
        ("CUSTOM_AUTH", Some(ReasonCode::NOT_AUTHORIZED)),
        ("DEFAULT", Some(ReasonCode::SUCCESS)),
    ] {
        let mut setup = Setup::new(&format!("authentication_type = \"{kind}\"\n{SETTINGS}"));
        let der = setup.thing("lamp", CertificateStatus::Active);
        let mut world = setup.world();
        let peer = world.open_tls(Version::V5, &der, Some("localhost"));
        let found = world.login(peer, connect(Version::V5, "lamp"));
        assert_eq!(found, by_certificate, "{kind}");
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    for (text, problem) in [
        ("authentication_type = \"x\"", "authentication_type: \"x\"; hint: DEFAULT, AWS_X509"),
        ("[authorizers.A]", "authorizers.A: it needs either answer or command"),
        ("[authorizers.A]\nanswer = '{}'\ncommand = [\"x\"]", "either answer or command"),
        ("[authorizers.A]\ncommand = []", "authorizers.A: command has no program"),
        ("[authorizers.A]\ncommand = [\"\"]", "authorizers.A: command has no program"),
    ] {
        let settings: Settings = read(text).unwrap();
        let error = settings.apply(&mut Gate::default(), &mut Services::default()).unwrap_err();
        assert!(error.to_string().contains(problem), "{text}: {error}");
    }
}
