//! The operator's requests about things and certificates, while clients are connected.

use std::time::Duration;

use evenkeel_aws::gate::{CertificateId, CertificateStatus, Thing};
use evenkeel_aws::{Time, WrittenState};
use evenkeel_codec::{Packet, ReasonCode, Version};
use serde_json::{Value, json};

use crate::world::*;

fn ask(world: &mut World, request: Value) -> Value {
    let answer = world.core.ask(world.now, &request).expect("an emulator");
    world.wait(Duration::ZERO);
    answer
}

fn enter(world: &mut World, der: &[u8]) -> (Peer, Option<ReasonCode>) {
    let peer = world.open_tls(Version::V5, der, Some("localhost"));
    let reason = world.login(peer, connect(Version::V5, "lamp"));
    (peer, reason)
}

/// A world with a lamp that is connected, its certificate, and who hears of its end.
fn scene() -> (World, Peer, Vec<u8>, String) {
    let mut setup = Setup::new(OPEN);
    let der = setup.thing("lamp", CertificateStatus::Active);
    let mut world = setup.world();
    let (peer, reason) = enter(&mut world, &der);
    assert_eq!(reason, Some(ReasonCode::SUCCESS));
    let id = CertificateId::of(&der).to_string();
    (world, peer, der, id)
}

#[test]
fn who_came_by_a_certificate_goes_with_it() {
    let (mut world, lamp, der, id) = scene();
    let listener = world.connect("listener");
    world.subscribe(listener, "$aws/events/presence/disconnected/#");
    let other = world.connect("other");
    let request = json!({"ask": "certificate-status", "certificate": id, "status": "INACTIVE"});
    assert_eq!(ask(&mut world, request)["status"], "INACTIVE");
    let packets = world.recv(lamp);
    let [Packet::Disconnect(end)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!(end.reason, ReasonCode::NOT_AUTHORIZED);
    let heard = world.messages(listener);
    assert_eq!(heard.len(), 1, "nobody else goes: {heard:?}");
    assert_eq!(heard[0].1["disconnectReason"], "AUTH_ERROR");
    assert!(!world.is_closed(other));
    assert_eq!(enter(&mut world, &der).1, None);
    let request = json!({"ask": "certificate-status", "certificate": id, "status": "ACTIVE"});
    ask(&mut world, request);
    assert_eq!(enter(&mut world, &der).1, Some(ReasonCode::SUCCESS));
}

#[test]
fn nobody_sets_that_a_certificate_waits_for_provisioning() {
    let (mut world, lamp, der, id) = scene();
    for status in ["PENDING_ACTIVATION", "PENDING_TRANSFER", "active", ""] {
        let request = json!({"ask": "certificate-status", "certificate": id, "status": status});
        let answer = ask(&mut world, request);
        let why = format!("{status:?} is no status to set; hint: ACTIVE, INACTIVE or REVOKED");
        assert_eq!(answer["error"], why);
    }
    assert!(!world.is_closed(lamp));
    assert_eq!(enter(&mut world, &der).1, Some(ReasonCode::SUCCESS));
}

#[test]
fn a_certificate_is_added_whole_or_not_at_all() {
    let (mut world, ..) = scene();
    let (der, id) = certificate();
    let id = id.to_string();
    let add = |policies: &[&str], things: &[&str]| {
        json!({"ask": "certificate-add", "certificate": id, "status": "ACTIVE",
            "policies": policies, "things": things, "exclusive": false})
    };
    for (request, why) in
        [(add(&["own", "none"], &["lamp"]), "none"), (add(&["own"], &["nothing"]), "nothing")]
    {
        let answer = ask(&mut world, request);
        assert!(answer["error"].as_str().unwrap().contains(why), "{answer}");
        assert!(!ask(&mut world, json!({"ask": "certificate-list"})).to_string().contains(&id));
    }
    let added = ask(&mut world, add(&["own"], &["lamp"]));
    let expected = json!({"certificate": id, "status": "ACTIVE", "policies": ["own"],
        "things": ["lamp"], "exclusive": false});
    assert_eq!(added, expected);
    assert_eq!(enter(&mut world, &der).1, Some(ReasonCode::SUCCESS));
    let twice = ask(&mut world, add(&["own"], &["lamp"]));
    assert!(twice["error"].as_str().unwrap().contains("registered already"), "{twice}");
}

#[test]
fn what_was_refused_is_not_written_down() {
    let (mut world, ..) = scene();
    let (der, id) = certificate();
    for request in [
        json!({"ask": "certificate-status", "certificate": id.to_string(), "status": "ACTIVE"}),
        json!({"ask": "certificate-delete", "certificate": id.to_string(), "force": true}),
    ] {
        assert!(ask(&mut world, request)["error"].is_string());
    }
    let lines = world.whole();
    assert!(!world.changed().unwrap_or_default().contains(&id.to_string()));

    // By the next start the account has its file.
    let mut setup = Setup::new(OPEN);
    let registry = &mut setup.gate.registry;
    registry.set_thing("lamp", Thing::default()).unwrap();
    registry.register(id, CertificateStatus::Active).unwrap();
    registry.attach_policy(id, "own").unwrap();
    registry.attach_thing(id, "lamp", false).unwrap();
    let mut emulator = setup.emulator();
    let mut written = WrittenState::default();
    lines.iter().for_each(|line| written.add(line.as_bytes()).unwrap());
    let now = Time { elapsed: Duration::ZERO, unix: Duration::from_secs(NOW) };
    emulator.load(written, now).unwrap();
    assert_eq!(enter(&mut World::of(emulator), &der).1, Some(ReasonCode::SUCCESS));
}

#[test]
fn attaching_is_whole_or_not_at_all_and_counts_from_the_next_connect() {
    let (mut world, lamp, der, id) = scene();
    let change = |what: &str, policies: &[&str], things: &[&str]| {
        let mut request = json!({"ask": format!("certificate-{what}"), "certificate": id,
            "policies": policies, "things": things});
        if what == "attach" {
            request["exclusive"] = json!(false);
        }
        request
    };
    let refused = ask(&mut world, change("attach", &["all", "none"], &[]));
    assert!(refused["error"].as_str().unwrap().contains("none"), "{refused}");
    let list = ask(&mut world, json!({"ask": "certificate-list"}));
    assert_eq!(list[0]["policies"], json!(["own"]), "{list}");
    ask(&mut world, change("attach", &["all"], &[]));
    assert!(world.subscribe(lamp, "site/#").is_error(), "it keeps what it came with");
    let (lamp, _) = enter(&mut world, &der);
    assert!(!world.subscribe(lamp, "site/#").is_error());
    let refused = ask(&mut world, change("detach", &["all"], &["other"]));
    assert!(refused["error"].as_str().unwrap().contains("is not attached"), "{refused}");
    let left = ask(&mut world, change("detach", &["all"], &["lamp"]));
    assert_eq!((&left["policies"], &left["things"]), (&json!(["own"]), &json!([])));
}

#[test]
fn what_is_in_use_cannot_be_deleted() {
    let (mut world, _, _, id) = scene();
    let delete =
        |force: bool| json!({"ask": "certificate-delete", "certificate": id, "force": force});
    let thing = json!({"ask": "thing-delete", "thing": "lamp"});
    let mut refused = |request: Value, why: &str| {
        let answer = ask(&mut world, request);
        assert!(answer["error"].as_str().unwrap_or_default().contains(why), "{answer}");
    };
    refused(thing.clone(), "attached");
    refused(delete(true), "ACTIVE");
    let off = json!({"ask": "certificate-status", "certificate": id, "status": "INACTIVE"});
    ask(&mut world, off);
    let mut refused = |request: Value, why: &str| {
        let answer = ask(&mut world, request);
        assert!(answer["error"].as_str().unwrap_or_default().contains(why), "{answer}");
    };
    refused(delete(true), "detach it first");
    let detach = json!({"ask": "certificate-detach", "certificate": id, "policies": [],
        "things": ["lamp"]});
    ask(&mut world, detach);
    assert_eq!(ask(&mut world, thing), json!({"thing": "lamp"}));
    let answer = ask(&mut world, delete(false));
    assert!(answer["error"].as_str().unwrap().contains("--force"), "{answer}");
    assert_eq!(ask(&mut world, delete(true))["deleted"], true);
    assert_eq!(ask(&mut world, json!({"ask": "certificate-list"})), json!([]));
}
