//! What survives the process.

use std::time::Duration;

use evenkeel_aws::{
    Connected, DisconnectReason, JobLimits, Limits, ProvisioningLimits, Services, ShadowLimits,
    StateError, Time,
};
use serde_json::{Value, json};

use crate::bench::{Bench, START, at};

/// Services with something of everything, 100 seconds old.
fn filled() -> Bench {
    let mut bench = Bench::default();
    bench.now = 100;
    bench.publish("$aws/things/lamp/shadow/update", r#"{"state": {"desired": {"a": 1}}}"#);
    bench.publish("$aws/things/lamp/shadow/name/n/update", r#"{"state": {}}"#);
    bench.publish("$aws/things/lamp/shadow/name/n/delete", "");
    bench.with(|services, time, out| {
        services.jobs().create(time, "j", &json!({"do": 1}), &["lamp"], out).expect("created");
        let (session, client, principal, ip_address) = ("s", "lamp-1", "cert", "::1");
        let connected = Connected { session, client, principal, ip_address, thing: None };
        services.on_connected(time, &connected, out);
        services.on_disconnected(time, "s", DisconnectReason::ConnectionLost, out);
    });
    bench.publish("$aws/things/lamp/jobs/start-next", r#"{"stepTimeoutInMinutes": 5}"#);
    bench.publish("$aws/certificates/create/json", "{}");
    bench
}

fn deadline_after(away: u64) -> Option<Duration> {
    let mut bench = filled();
    let saved = bench.services.save(at(100));
    // The file is text; the new process's clock begins at 7.
    let saved: Value = serde_json::from_str(&saved.to_string()).expect("JSON");
    let unix = Duration::from_secs(START + 100 + away);
    let now = Time { elapsed: Duration::from_secs(7), unix };
    bench.services = Services::default();
    bench.services.load(saved, now).expect("loaded");
    bench.services.deadline()
}

#[test]
fn everything_is_there_again() {
    let bench = filled();
    let saved = bench.services.save(at(100));
    let mut fresh = Bench::default();
    fresh.services.load(saved.clone(), at(100)).expect("loaded");
    assert_eq!(fresh.services.save(at(100)), saved);

    fresh.now = 100;
    let shadow = fresh.ask("$aws/things/lamp/shadow/get", "").json();
    assert_eq!(shadow["state"]["delta"], json!({"a": 1}));
    let sent = fresh.publish("$aws/things/lamp/shadow/name/n/update", r#"{"state": {}}"#);
    assert_eq!(sent[0].json()["version"], 2, "the version of a deleted shadow is kept");
    let job = fresh.ask("$aws/things/lamp/jobs/j/get", "").json();
    assert_eq!(job["execution"]["status"], "IN_PROGRESS");
    let sent = fresh.with(|services, time, out| {
        let (session, client, principal, ip_address) = ("s", "lamp-1", "cert", "::1");
        let connected = Connected { session, client, principal, ip_address, thing: None };
        services.on_connected(time, &connected, out);
    });
    assert_eq!(sent[0].json()["versionNumber"], 1);
}

#[test]
fn timers_go_on_through_the_time_between() {
    // 300 s of the step timer are left, of which 40 pass.
    assert_eq!(deadline_after(0), Some(Duration::from_secs(307)));
    assert_eq!(deadline_after(40), Some(Duration::from_secs(267)));
    assert_eq!(deadline_after(10_000), Some(Duration::from_secs(7)), "due at once");
}

#[test]
fn a_newer_state_is_refused_whatever_it_holds() {
    let mut services = Services::default();
    let error = services.load(json!({"version": 2, "new": []}), at(0)).expect_err("newer");
    assert!(matches!(error, StateError::Newer { found: 2, known: 1 }), "{error}");
    assert!(error.to_string().contains("hint"));
}

/// Damages a state.
type Damage = fn(&mut Value);

#[test]
fn damage_is_refused_with_its_part_and_changes_nothing() {
    let good = filled().services.save(at(100));
    let mut bench = filled();
    let before = bench.services.save(at(100));
    let breaks: [(&str, Damage); 6] = [
        ("the services", |state| *state = json!([])),
        ("the services", |state| state["more"] = json!(1)),
        ("shadows", |state| state["shadows"]["lamp"][""]["version"] = json!("x")),
        ("jobs", |state| state["jobs"]["lamp"][0]["status"] = json!("PAUSED")),
        ("provisioning", |state| state["provisioning"]["token-1"]["deadline"] = json!(-1)),
        ("lifecycle", |state| state["lifecycle"]["lamp-1"] = json!(null)),
    ];
    for (expected, damage) in breaks {
        let mut state = good.clone();
        damage(&mut state);
        let error = bench.services.load(state, at(100)).expect_err(expected);
        assert!(std::error::Error::source(&error).is_some());
        let StateError::Malformed { part, .. } = error else { panic!("{error}") };
        assert_eq!(part, expected);
        assert_eq!(bench.services.save(at(100)), before);
    }
}

#[test]
fn more_than_the_limits_allow_is_refused() {
    let saved = filled().services.save(at(100));
    let shadow =
        |shadows| Limits { shadow: ShadowLimits { shadows, ..ShadowLimits::AWS }, ..Limits::AWS };
    assert!(Services::new(shadow(2)).load(saved.clone(), at(0)).is_ok());
    let error = Services::new(shadow(1)).load(saved.clone(), at(0)).expect_err("too much");
    assert!(matches!(error, StateError::TooMuch { value: 1, found: 2, .. }), "{error}");
    let jobs = JobLimits { executions: 0, ..JobLimits::AWS };
    let error = Services::new(Limits { jobs, ..Limits::AWS }).load(saved.clone(), at(0));
    assert!(matches!(error, Err(StateError::TooMuch { limit: "jobs.executions", .. })));
    let provisioning = ProvisioningLimits { pending: 0, ..ProvisioningLimits::AWS };
    let error = Services::new(Limits { provisioning, ..Limits::AWS }).load(saved, at(0));
    assert!(matches!(error, Err(StateError::TooMuch { limit: "provisioning.pending", .. })));
}

#[test]
fn the_revision_grows_with_changes_and_not_with_questions() {
    let mut bench = filled();
    let mut grows = |topic: &str, payload: &str| {
        let before = bench.services.revision();
        bench.publish(topic, payload);
        bench.services.revision() > before
    };
    assert!(grows("$aws/things/lamp/shadow/update", r#"{"state": {}}"#));
    assert!(!grows("$aws/things/lamp/shadow/get", ""));
    assert!(!grows("$aws/things/lamp/shadow/update", "{}"));
    assert!(grows("$aws/things/lamp/shadow/delete", ""));
    assert!(!grows("$aws/things/lamp/jobs/get", ""));
    assert!(!grows("$aws/things/lamp/jobs/j/get", ""));
    assert!(grows("$aws/things/lamp/jobs/j/update", r#"{"status": "FAILED"}"#));
    assert!(grows("$aws/certificates/create/json", ""));
    assert!(!grows("sensors/1", "x"));
}
