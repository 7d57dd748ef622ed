//! What survives the process.

use std::time::Duration;

use evenkeel_aws::{
    Connected, DisconnectReason, JobLimits, Limits, ProvisioningLimits, Services, ShadowLimits,
    StateError, Time, WrittenState,
};
use serde_json::json;

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

/// The whole state in lines, a part in each.
fn lines(services: &Services) -> Vec<String> {
    let parts = services.state(at(100));
    parts.map(|(name, value)| WrittenState::line([(&*name, Some(&*value))])).collect()
}

fn written(lines: &[String]) -> WrittenState {
    let mut written = WrittenState::default();
    lines.iter().for_each(|line| written.add(line.as_bytes()).expect("a line"));
    written
}

fn deadline_after(away: u64) -> Option<Duration> {
    let mut bench = filled();
    let saved = written(&lines(&bench.services));
    // The new process's clock begins at 7.
    let unix = Duration::from_secs(START + 100 + away);
    let now = Time { elapsed: Duration::from_secs(7), unix };
    bench.services = Services::default();
    bench.services.load(saved, now).expect("loaded");
    bench.services.deadline()
}

#[test]
fn everything_is_there_again() {
    let saved = lines(&filled().services);
    let mut fresh = Bench::default();
    fresh.services.load(written(&saved), at(100)).expect("loaded");
    assert_eq!(lines(&fresh.services), saved);
    assert!(fresh.services.changes(at(100)).is_empty());

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

/// Each change in a line, behind a state that has nothing yet: the same comes out.
#[test]
fn changes_add_up_to_the_whole() {
    let mut bench = Bench::default();
    let mut log = lines(&bench.services);
    let mut step = |bench: &mut Bench, topic: &str, payload: &str| {
        bench.publish(topic, payload);
        let changes = bench.services.changes(bench.time());
        if !changes.is_empty() {
            log.push(WrittenState::line_of(&changes));
        }
        let mut fresh = Services::default();
        fresh.load(written(&log), at(100)).expect("loaded");
        let (is, was) = (lines(&fresh), lines(&bench.services));
        assert_eq!(is, was, "{topic}");
        changes.into_keys().filter(|part| part != "time").collect::<Vec<_>>()
    };
    let mut change = |topic: &str, payload: &str, parts: &[&str]| {
        assert_eq!(step(&mut bench, topic, payload), parts, "{topic}");
        if topic.ends_with("create/json") {
            // Its token is over after an hour; nothing else is due before.
            bench.wait(3600);
        }
    };
    let shadow = "$aws/things/lamp/shadow";
    change(&format!("{shadow}/update"), r#"{"state": {"desired": {"a": 1}}}"#, &["shadows/lamp/"]);
    change(&format!("{shadow}/name/n/update"), r#"{"state": {}}"#, &["shadows/lamp/n"]);
    change(&format!("{shadow}/get"), "", &[]);
    change(&format!("{shadow}/update"), "{}", &[]);
    change(&format!("{shadow}/delete"), "", &["shadows/lamp/"]);
    change("$aws/certificates/create/json", "", &["provisioning/cert-1"]);
    change("sensors/1", "x", &["provisioning/cert-1"]);
    change("sensors/1", "x", &[]);
}

/// Damages a line.
type Damage = fn(&str) -> Option<String>;

#[test]
fn damage_is_refused_with_its_line_and_part_and_changes_nothing() {
    let good = lines(&filled().services);
    let mut bench = filled();
    let before = lines(&bench.services);
    let breaks: [(&str, Damage); 6] = [
        ("time", |line| line.contains("\"time\"").then(|| "{\"time\":[]}\n".into())),
        ("shadows/lamp/", |line| {
            line.contains("shadows/lamp/\"")
                .then(|| line.replace("\"version\":1", "\"version\":\"x\""))
        }),
        ("jobs/lamp", |line| {
            line.contains("jobs/lamp").then(|| line.replace("IN_PROGRESS", "PAUSED"))
        }),
        ("provisioning/cert-1", |line| {
            line.contains("cert-1").then(|| line.replace("\"secs\":", "\"secs\":-"))
        }),
        ("lifecycle/lamp-1", |line| {
            line.contains("lamp-1").then(|| line.replace("\"number\":0", "\"numbers\":0"))
        }),
        ("shadows/lamp/n", |line| {
            line.contains("lamp/n")
                .then(|| line.replace("\"is_deleted\"", "\"more\":1,\"is_deleted\""))
        }),
    ];
    for (expected, damage) in breaks {
        let mut damaged = good.clone();
        let at_line = damaged.iter_mut().position(|line| {
            damage(line).is_some_and(|worse| {
                assert_ne!(*line, worse, "{expected}");
                *line = worse;
                true
            })
        });
        let error = bench.services.load(written(&damaged), at(100)).expect_err(expected);
        assert!(std::error::Error::source(&error).is_some());
        let StateError::Malformed { line, part, .. } = error else { panic!("{error}") };
        assert_eq!((part.as_str(), Some(line - 1)), (expected, at_line));
        assert_eq!(lines(&bench.services), before);
    }
}

#[test]
fn more_than_the_limits_allow_is_refused() {
    let saved = lines(&filled().services);
    let load = |limits| Services::new(limits).load(written(&saved), at(0));
    let shadow =
        |shadows| Limits { shadow: ShadowLimits { shadows, ..ShadowLimits::AWS }, ..Limits::AWS };
    assert!(load(shadow(2)).is_ok());
    let error = load(shadow(1)).expect_err("too much");
    assert!(matches!(error, StateError::TooMuch { value: 1, found: 2, .. }), "{error}");
    let jobs = JobLimits { executions: 0, ..JobLimits::AWS };
    let error = load(Limits { jobs, ..Limits::AWS });
    assert!(matches!(error, Err(StateError::TooMuch { limit: "jobs.executions", .. })));
    let provisioning = ProvisioningLimits { pending: 0, ..ProvisioningLimits::AWS };
    let error = load(Limits { provisioning, ..Limits::AWS });
    assert!(matches!(error, Err(StateError::TooMuch { limit: "provisioning.pending", .. })));
}
