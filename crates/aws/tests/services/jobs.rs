//! Jobs: requests of things, notifications, timers, the operator's side.

use std::time::Duration;

use evenkeel_aws::jobs::{CancelError, CreateError};
use evenkeel_aws::{JobLimits, Limits, Services};
use serde_json::{Value, json};

use crate::bench::{Bench, CLIENT, START, Sent, topics};

const JOBS: &str = "$aws/things/lamp/jobs/";

/// Creates a job for one thing, and returns what goes out.
fn create(bench: &mut Bench, id: &str) -> Vec<Sent> {
    bench.with(|services, time, out| {
        let document = json!({"do": id});
        services.jobs().create(time, id, &document, &["lamp"], out).expect("created");
    })
}

fn publish(bench: &mut Bench, topic: &str, payload: &Value) -> Vec<Sent> {
    bench.publish(&format!("{JOBS}{topic}"), payload.to_string())
}

/// Asks, and returns the answer, which only the client that asked gets.
fn ask(bench: &mut Bench, topic: &str, payload: &Value) -> Value {
    let sent = publish(bench, topic, payload);
    assert_eq!(sent[0].to.as_deref(), Some(CLIENT));
    assert_eq!(sent[0].topic, format!("{JOBS}{topic}/accepted"), "{:?}", sent[0].json());
    sent[0].json()
}

fn statuses(services: &mut Services) -> Vec<(String, String)> {
    let executions = services.jobs().of_thing(crate::bench::at(0), "lamp");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    executions.map(|one| (text(&one["jobId"]), text(&one["status"]))).collect()
}

#[test]
fn a_job_runs_from_its_creation_to_its_end() {
    let mut bench = Bench::default();
    let sent = create(&mut bench, "j-1");
    assert_eq!(topics(&sent, JOBS), ["notify", "notify-next"]);
    assert!(sent.iter().all(|one| one.to.is_none()), "notifications go to subscribers");
    let summary = json!({
        "jobId": "j-1", "queuedAt": START, "lastUpdatedAt": START, "versionNumber": 1,
        "executionNumber": 1,
    });
    assert_eq!(sent[0].json(), json!({"timestamp": START, "jobs": {"QUEUED": [summary]}}));
    assert_eq!(sent[1].json()["execution"]["jobDocument"], json!({"do": "j-1"}));

    bench.now = 3;
    let request = json!({"statusDetails": {"step": "1"}, "clientToken": "t"});
    let sent = publish(&mut bench, "start-next", &request);
    assert_eq!(topics(&sent, JOBS), ["start-next/accepted"], "it is next as before");
    assert_eq!(
        sent[0].json(),
        json!({
            "execution": {
                "jobId": "j-1", "thingName": "lamp", "jobDocument": {"do": "j-1"},
                "status": "IN_PROGRESS", "statusDetails": {"step": "1"},
                "queuedAt": START, "startedAt": START + 3, "lastUpdatedAt": START + 3,
                "versionNumber": 2, "executionNumber": 1,
            },
            "timestamp": START + 3,
            "clientToken": "t",
        })
    );

    bench.now = 8;
    let request = json!({
        "status": "SUCCEEDED", "statusDetails": {"step": "2"}, "expectedVersion": 2,
        "executionNumber": 1, "includeJobExecutionState": true, "includeJobDocument": true,
    });
    let sent = publish(&mut bench, "j-1/update", &request);
    assert_eq!(topics(&sent, JOBS), ["j-1/update/accepted", "notify", "notify-next"]);
    assert_eq!(
        sent[0].json(),
        json!({
            "executionState": {
                "status": "SUCCEEDED", "statusDetails": {"step": "2"}, "versionNumber": 3,
            },
            "jobDocument": {"do": "j-1"},
            "timestamp": START + 8,
        })
    );
    assert_eq!(sent[1].json(), json!({"timestamp": START + 8, "jobs": {}}));
    assert_eq!(sent[2].json(), json!({"timestamp": START + 8}), "nothing is next");
}

#[test]
fn what_is_in_progress_comes_first_and_the_rest_by_creation() {
    let mut bench = Bench::default();
    for id in ["b", "a", "c"] {
        create(&mut bench, id);
    }
    let pending = |bench: &mut Bench| {
        let answer = ask(bench, "get", &json!({}));
        let ids = |list: &Value| -> Vec<String> {
            let items = list.as_array().expect("a list").iter();
            items.map(|one| one["jobId"].as_str().expect("an id").to_owned()).collect()
        };
        (ids(&answer["inProgressJobs"]), ids(&answer["queuedJobs"]))
    };
    let of = |ids: &[&str]| -> Vec<String> { ids.iter().map(ToString::to_string).collect() };
    assert_eq!(pending(&mut bench), (of(&[]), of(&["b", "a", "c"])));

    // Another one becomes next, and the list of pending ones is the same.
    let sent = publish(&mut bench, "c/update", &json!({"status": "IN_PROGRESS"}));
    assert_eq!(topics(&sent, JOBS), ["c/update/accepted", "notify-next"]);
    assert_eq!(sent[1].json()["execution"]["jobId"], "c");
    assert_eq!(pending(&mut bench), (of(&["c"]), of(&["b", "a"])));
    assert_eq!(ask(&mut bench, "start-next", &json!({}))["execution"]["jobId"], "c");
    assert_eq!(ask(&mut bench, "$next/get", &json!({}))["execution"]["jobId"], "c");
}

#[test]
fn starting_what_is_in_progress_changes_no_details() {
    let mut bench = Bench::default();
    create(&mut bench, "j");
    ask(&mut bench, "start-next", &json!({"statusDetails": {"a": "1"}}));
    let again = ask(&mut bench, "start-next", &json!({"statusDetails": {"a": "2"}}));
    assert_eq!(again["execution"]["statusDetails"], json!({"a": "1"}));
    assert_eq!(again["execution"]["versionNumber"], 2);
    ask(&mut bench, "j/update", &json!({"status": "IN_PROGRESS"}));
    let described = ask(&mut bench, "j/get", &json!({}));
    assert_eq!(
        described["execution"]["statusDetails"],
        json!({"a": "1"}),
        "not given, not changed"
    );
    assert_eq!(described["execution"]["versionNumber"], 3);
}

#[test]
fn without_pending_jobs_answers_have_no_execution() {
    let mut bench = Bench::default();
    assert_eq!(ask(&mut bench, "start-next", &json!({})), json!({"timestamp": START}));
    assert_eq!(ask(&mut bench, "$next/get", &json!({})), json!({"timestamp": START}));
    let pending = json!({"inProgressJobs": [], "queuedJobs": [], "timestamp": START});
    assert_eq!(ask(&mut bench, "get", &json!({})), pending);
    let sent = bench.publish(&format!("{JOBS}get"), "");
    assert_eq!(sent[0].json(), pending, "an empty payload is good, too");
}

#[test]
fn a_description_holds_the_document_unless_told_otherwise() {
    let mut bench = Bench::default();
    create(&mut bench, "j");
    assert!(ask(&mut bench, "j/get", &json!({}))["execution"].get("jobDocument").is_some());
    let without = ask(&mut bench, "j/get", &json!({"includeJobDocument": false}));
    assert!(without["execution"].get("jobDocument").is_none());
    let answer = ask(&mut bench, "j/update", &json!({"status": "IN_PROGRESS"}));
    assert_eq!(answer, json!({"timestamp": START}), "an update's answer holds what was asked for");
}

#[test]
fn a_step_timer_ends_the_execution_when_it_runs_out() {
    let mut bench = Bench::default();
    create(&mut bench, "j");
    create(&mut bench, "k");
    let answer = ask(&mut bench, "start-next", &json!({"stepTimeoutInMinutes": 2}));
    assert_eq!(answer["execution"]["approximateSecondsBeforeTimedOut"], 120);
    assert_eq!(bench.services.deadline(), Some(Duration::from_secs(120)));
    assert_eq!(bench.wait(119), []);

    // Set anew, it counts from now; an update without one leaves it.
    ask(&mut bench, "j/update", &json!({"status": "IN_PROGRESS", "stepTimeoutInMinutes": 1}));
    ask(&mut bench, "j/update", &json!({"status": "IN_PROGRESS"}));
    assert_eq!(bench.services.deadline(), Some(Duration::from_secs(179)));
    assert_eq!(bench.wait(59), []);
    let sent = bench.wait(1);
    assert_eq!(topics(&sent, JOBS), ["notify", "notify-next"]);
    assert_eq!(sent[1].json()["execution"]["jobId"], "k");
    assert_eq!(bench.services.deadline(), None);
    let expected = [("j", "TIMED_OUT"), ("k", "QUEUED")];
    assert_eq!(statuses(&mut bench.services), expected.map(|(a, b)| (a.into(), b.into())));
}

#[test]
fn an_end_stops_the_timer() {
    let mut bench = Bench::default();
    create(&mut bench, "j");
    ask(&mut bench, "start-next", &json!({"stepTimeoutInMinutes": 1}));
    ask(&mut bench, "j/update", &json!({"status": "FAILED"}));
    assert_eq!(bench.services.deadline(), None);
    assert_eq!(bench.wait(1000), []);
    assert_eq!(statuses(&mut bench.services), [("j".into(), "FAILED".into())]);
}

#[test]
fn a_job_may_run_again_under_the_next_number() {
    let mut bench = Bench::default();
    create(&mut bench, "j");
    ask(&mut bench, "j/update", &json!({"status": "REJECTED"}));
    create(&mut bench, "j");
    assert_eq!(ask(&mut bench, "j/get", &json!({}))["execution"]["executionNumber"], 2);
    let rejected = publish(&mut bench, "j/get", &json!({"executionNumber": 1}));
    assert_eq!(rejected[0].json()["code"], "TerminalStateReached");
    ask(&mut bench, "j/update", &json!({"status": "SUCCEEDED", "executionNumber": 2}));
}

#[test]
fn the_operator_cancels_and_removes() {
    let mut bench = Bench::default();
    create(&mut bench, "j");
    create(&mut bench, "k");
    ask(&mut bench, "start-next", &json!({}));
    let sent = bench.with(|services, time, out| {
        let jobs = services.jobs();
        let in_progress = CancelError::InProgress { thing: "lamp".to_owned() };
        assert_eq!(jobs.cancel(time, "j", None, false, out), Err(in_progress));
        assert_eq!(jobs.cancel(time, "none", None, true, out), Err(CancelError::NotFound));
        assert_eq!(jobs.cancel(time, "j", Some("fan"), true, out), Err(CancelError::NotFound));
        assert_eq!(jobs.cancel(time, "j", None, true, out), Ok(1));
    });
    assert_eq!(topics(&sent, JOBS), ["notify", "notify-next"]);
    let expected = [("j", "CANCELED"), ("k", "QUEUED")];
    assert_eq!(statuses(&mut bench.services), expected.map(|(a, b)| (a.into(), b.into())));

    let sent = bench.with(|services, time, out| {
        assert_eq!(services.jobs().remove(time, "j", out), 1);
    });
    assert_eq!(sent, [], "it was not pending");
    let sent = bench.with(|services, time, out| {
        assert_eq!(services.jobs().remove(time, "k", out), 1);
        assert_eq!(services.jobs().remove(time, "k", out), 0);
    });
    assert_eq!(topics(&sent, JOBS), ["notify", "notify-next"]);
    assert_eq!(statuses(&mut bench.services), []);
}

#[test]
fn jobs_are_created_for_all_things_or_none() {
    let mut bench = Bench::default();
    create(&mut bench, "j");
    bench.with(|services, time, out| {
        let mut create =
            |id: &str, things: &[&str]| services.jobs().create(time, id, &json!({}), things, out);
        let exists = CreateError::Exists { thing: "lamp".to_owned() };
        assert_eq!(create("j", &["fan", "lamp"]), Err(exists));
        assert!(matches!(create("k", &["fan", "a thing"]), Err(CreateError::Thing { .. })));
        assert!(matches!(create("a job", &["fan"]), Err(CreateError::Id { .. })));
        assert!(matches!(create(&"x".repeat(65), &["fan"]), Err(CreateError::Id { .. })));
        assert_eq!(create(&"x".repeat(64), &["door", "door"]), Ok(()));
    });
    bench.with(|services, time, _| {
        assert_eq!(services.jobs().of_thing(time, "fan").count(), 0);
        assert_eq!(services.jobs().of_thing(time, "door").count(), 1, "a target counts once");
    });
}

#[test]
fn a_document_nests_as_deep_as_a_request_may() {
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!([inner]));
    Bench::default().with(|services, time, out| {
        let mut create =
            |levels| services.jobs().create(time, "j", &nested(levels), &["lamp"], out);
        assert_eq!(create(101), Err(CreateError::DocumentTooDeep));
        assert_eq!(create(100), Ok(()));
    });
}

#[test]
fn documents_and_executions_are_bounded() {
    let jobs = JobLimits { executions_per_thing: 2, executions: 3, ..JobLimits::AWS };
    let mut bench = Bench::new(Limits { jobs, ..Limits::AWS });
    bench.with(|services, time, out| {
        let frame = json!("").to_string().len();
        let mut create = |id: &str, length: usize, thing: &str| {
            let document = json!("x".repeat(length));
            services.jobs().create(time, id, &document, &[thing], out)
        };
        let too_large = CreateError::DocumentTooLarge { found: 32_769, limit: 32_768 };
        assert_eq!(create("big", 32_769 - frame, "lamp"), Err(too_large));
        assert_eq!(create("big", 32_768 - frame, "lamp"), Ok(()));
        assert_eq!(create("b", 1, "lamp"), Ok(()));
        let full = CreateError::TooMany { limit: "jobs.executions_per_thing", value: 2 };
        assert_eq!(create("c", 1, "lamp"), Err(full));
        assert_eq!(create("c", 1, "fan"), Ok(()));
        let full = CreateError::TooMany { limit: "jobs.executions", value: 3 };
        assert_eq!(create("d", 1, "fan"), Err(full));
    });
    bench.with(|services, time, out| {
        assert_eq!(services.jobs().remove(time, "c", out), 1);
    });
    // The oldest that has ended makes room.
    ask(&mut bench, "b/update", &json!({"status": "SUCCEEDED"}));
    create(&mut bench, "d");
    let expected = [("big", "QUEUED"), ("d", "QUEUED")];
    assert_eq!(statuses(&mut bench.services), expected.map(|(a, b)| (a.into(), b.into())));
}
