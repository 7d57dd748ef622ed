//! Files of an account that were changed beside its saved state.

use std::time::Duration;

use evenkeel_aws::emulator::settings::{CertificateSettings, read};
use evenkeel_aws::emulator::{Emulator, LeftOut};
use evenkeel_aws::gate::{
    ACCOUNT_POLICIES, CERTIFICATES, CertificateId, CertificateStatus, RegistryError, THINGS, Thing,
};
use evenkeel_aws::{Time, WrittenState};
use evenkeel_codec::{ReasonCode, Version};
use serde_json::{Value, json};

use crate::world::*;

fn ask(world: &mut World, request: Value) -> Value {
    let answer = world.core.ask(world.now, &request).expect("an emulator");
    assert_eq!(answer.get("error"), None, "{request}");
    answer
}

/// What these requests leave of an account.
fn state(setup: Setup, requests: &[Value]) -> Vec<String> {
    let mut world = setup.world();
    for request in requests {
        ask(&mut world, request.clone());
    }
    world.whole()
}

/// The account of these files with that state.
fn load(setup: Setup, lines: &[String]) -> (Emulator, Vec<LeftOut>) {
    let mut written = WrittenState::default();
    lines.iter().for_each(|line| written.add(line.as_bytes()).unwrap());
    let mut emulator = setup.emulator();
    let now = Time { elapsed: Duration::ZERO, unix: Duration::from_secs(NOW) };
    let left_out = emulator.load(written, now).unwrap();
    (emulator, left_out)
}

fn things(world: &mut World, id: CertificateId) -> Value {
    let list = ask(world, json!({"ask": "certificate-list"}));
    let of_it = list.as_array().unwrap().iter().find(|one| one["certificate"] == id.to_string());
    of_it.map(|one| one["things"].clone()).unwrap_or_default()
}

fn add(id: CertificateId, things: &[&str], exclusive: bool) -> Value {
    json!({"ask": "certificate-add", "certificate": id.to_string(), "status": "ACTIVE",
        "policies": ["all"], "things": things, "exclusive": exclusive})
}

#[test]
fn a_file_that_names_a_deleted_thing_is_told_and_the_rest_counts() {
    let mut before = Setup::new(OPEN);
    before.gate.registry.set_thing("lamp", Thing::default()).unwrap();
    let lines = state(before, &[json!({"ask": "thing-delete", "thing": "lamp"})]);

    let mut after = Setup::new(OPEN);
    let der = after.all("lamp", CertificateStatus::Active);
    let id = CertificateId::of(&der);
    let (emulator, left_out) = load(after, &lines);
    assert_eq!(left_out, [LeftOut::Deleted { certificate: id, thing: "lamp".into() }]);
    let told = left_out[0].to_string();
    assert!(told.contains("\"lamp\", which was deleted; hint: "), "{told}");
    let mut world = World::of(emulator);
    assert_eq!(things(&mut world, id), json!([]));
    assert_eq!(ask(&mut world, json!({"ask": "thing-list"})), json!([]));
    let peer = world.open_tls(Version::V5, &der, Some("localhost"));
    let reason = world.login(peer, connect(Version::V5, "any"));
    assert_eq!(reason, Some(ReasonCode::SUCCESS), "its policies count");
}

#[test]
fn what_the_state_attaches_goes_before_what_a_file_would_have_alone() {
    let (_, own) = certificate();
    for (of_state, of_file) in [(true, false), (false, true)] {
        let mut before = Setup::new(OPEN);
        before.gate.registry.set_thing("lamp", Thing::default()).unwrap();
        let lines = state(before, &[add(own, &["lamp"], of_state)]);
        let mut after = Setup::new(OPEN);
        let (_, id) = certificate();
        let registry = &mut after.gate.registry;
        registry.set_thing("lamp", Thing::default()).unwrap();
        registry.register(id, CertificateStatus::Active).unwrap();
        registry.attach_thing(id, "lamp", of_file).unwrap();
        let (emulator, left_out) = load(after, &lines);
        assert_eq!(left_out, [LeftOut::Exclusive { certificate: id, thing: "lamp".into() }]);
        let mut world = World::of(emulator);
        assert_eq!(things(&mut world, id), json!([]));
        assert_eq!(things(&mut world, own), json!(["lamp"]));
    }
    // Neither wants it alone: nothing is in the way.
    let mut before = Setup::new(OPEN);
    before.gate.registry.set_thing("lamp", Thing::default()).unwrap();
    let lines = state(before, &[add(own, &["lamp"], false)]);
    let mut after = Setup::new(OPEN);
    after.thing("lamp", CertificateStatus::Active);
    assert_eq!(load(after, &lines).1, []);
}

#[test]
fn a_file_of_a_certificate_may_name_what_the_state_has() {
    let thing = |name: &str| json!({"ask": "thing-add", "thing": name, "thing_type": null, "attributes": {}});
    let (_, own) = certificate();
    let lines = state(Setup::new(OPEN), &[thing("lamp"), thing("own"), add(own, &["own"], true)]);
    let mut after = Setup::new(OPEN);
    let (_, id) = certificate();
    after.gate.registry.register(id, CertificateStatus::Active).unwrap();
    let (mut emulator, _) = load(after, &lines);
    let file = |text: &str| read::<CertificateSettings>(text).unwrap();
    let good = file("status = 'ACTIVE'\npolicies = ['all']\nthings = ['lamp']");
    assert_eq!(emulator.attach_of_file(id, &good), Ok(vec![]));
    let bad = file("status = 'ACTIVE'\nthings = ['nothing']");
    let error = RegistryError::NoThing("nothing".into());
    assert_eq!(emulator.attach_of_file(id, &bad), Err(error));
    let of_another = file("status = 'ACTIVE'\nthings = ['own']");
    let left_out = LeftOut::Exclusive { certificate: id, thing: "own".into() };
    assert_eq!(emulator.attach_of_file(id, &of_another), Ok(vec![left_out]));
    // Of a certificate that the state has, the file says nothing.
    assert_eq!(emulator.attach_of_file(own, &bad), Ok(vec![]));
    let mut world = World::of(emulator);
    assert_eq!(things(&mut world, id), json!(["lamp"]));
    assert_eq!(things(&mut world, own), json!(["own"]));
}

#[test]
fn of_files_beyond_the_bounds_the_last_are_left_out() {
    let (_, own) = certificate();
    let new = json!({"ask": "thing-add", "thing": "new", "thing_type": null, "attributes": {}});
    let mut lines = state(Setup::new(OPEN), &[new, add(own, &["new"], false)]);
    lines.push(format!(
        "{}\n",
        json!({"registry/policies/new-0": serde_json::from_str::<Value>(ALL).unwrap()})
    ));
    let mut after = Setup::new(OPEN);
    let der = after.thing("z-last", CertificateStatus::Active);
    let attached = CertificateId::of(&der);
    let registry = &mut after.gate.registry;
    for number in 1..THINGS {
        registry.set_thing(&format!("t-{number}"), Thing::default()).unwrap();
    }
    let mut ids = vec![attached];
    for number in 1..CERTIFICATES {
        ids.push(CertificateId::of(&number.to_be_bytes()));
        registry.register(ids[number], CertificateStatus::Active).unwrap();
    }
    for number in 2..ACCOUNT_POLICIES {
        let policy = evenkeel_aws::gate::policy::Policy::parse(ALL).unwrap();
        registry.set_policy(&format!("p-{number}"), policy).unwrap();
    }
    let last = *ids.iter().max().unwrap();
    let (emulator, left_out) = load(after, &lines);
    let expected = [
        LeftOut::Policy("p-9999".into()),
        LeftOut::Thing("z-last".into()),
        LeftOut::Certificate(last),
    ];
    assert_eq!(left_out, expected);
    let told = left_out[1].to_string();
    assert!(told.contains("more than 200000 are too many"), "{told}");
    let mut world = World::of(emulator);
    assert_eq!(things(&mut world, own), json!(["new"]), "all of the state is there");
}

#[test]
fn what_is_gone_is_remembered_only_if_a_file_has_it() {
    let setup = || {
        let mut setup = Setup::new(OPEN);
        setup.gate.registry.set_thing("filed", Thing::default()).unwrap();
        setup
            .gate
            .registry
            .register(CertificateId::of(b"filed"), CertificateStatus::Inactive)
            .unwrap();
        setup
    };
    let delete = |id: CertificateId| json!({"ask": "certificate-delete", "certificate": id.to_string(), "force": true});
    let mut requests =
        vec![json!({"ask": "thing-delete", "thing": "filed"}), delete(CertificateId::of(b"filed"))];
    let few = state(setup(), &requests).len();
    for number in 0..100 {
        let name = format!("t-{number}");
        let id = CertificateId::of(name.as_bytes());
        requests
            .push(json!({"ask": "thing-add", "thing": name, "thing_type": null, "attributes": {}}));
        requests.push(json!({"ask": "thing-delete", "thing": name}));
        requests.push(json!({"ask": "certificate-add", "certificate": id.to_string(),
            "status": "INACTIVE", "policies": [], "things": [], "exclusive": false}));
        requests.push(delete(id));
    }
    let mut world = setup().world();
    let mut lines = world.whole();
    for request in requests {
        ask(&mut world, request);
        lines.extend(world.changed());
    }
    assert_eq!(world.whole().len(), few);
    // Line by line it is the same.
    let (emulator, _) = load(setup(), &lines);
    let mut world = World::of(emulator);
    assert_eq!(ask(&mut world, json!({"ask": "thing-list"})), json!([]));
    assert_eq!(ask(&mut world, json!({"ask": "certificate-list"})), json!([]));
    assert_eq!(world.whole().len(), few);
    // Once no file has it, nothing need be remembered.
    let lines = world.whole();
    let mut world = World::of(load(Setup::new(OPEN), &lines).0);
    assert_eq!(world.whole().len(), few - 2);
    ask(
        &mut world,
        json!({"ask": "thing-add", "thing": "filed", "thing_type": null, "attributes": {}}),
    );
}
