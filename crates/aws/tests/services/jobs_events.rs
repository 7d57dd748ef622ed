//! Jobs as a whole: their timer, their end, and what the account is told of it.

use evenkeel_aws::jobs::{CreateError, DeleteError, NewJob};
use evenkeel_aws::{Services, Time, WrittenState};
use serde_json::{Value, json};

use crate::bench::{Bench, START, Sent, at, topics};

const EVENTS: &str = "$aws/events/";
const ARN: &str = "arn:aws:iot:eu-west-1:123456789012";

fn create(bench: &mut Bench, id: &str, things: &[&str], timeout: Option<u64>) -> Vec<Sent> {
    bench.with(|services, time, out| {
        let document = json!({"do": id});
        let job = NewJob { id, document: &document, things, timeout };
        services.jobs().create_job(time, &job, out).expect("created");
    })
}

/// A bench whose account wants events.
fn told() -> Bench {
    let mut bench = Bench::default();
    bench.services.jobs().publish_events(ARN.to_owned());
    bench
}

/// The events among messages: topic and payload.
fn events(sent: &[Sent]) -> Vec<(&str, Value)> {
    let of = sent.iter().filter_map(|one| Some((one.topic.strip_prefix(EVENTS)?, one.json())));
    of.collect()
}

fn event_topics(sent: &[Sent]) -> Vec<&str> {
    events(sent).into_iter().map(|(topic, _)| topic).collect()
}

fn update(bench: &mut Bench, thing: &str, id: &str, status: &str) -> Vec<Sent> {
    let topic = format!("$aws/things/{thing}/jobs/{id}/update");
    let sent = bench.publish(&topic, json!({"status": status}).to_string());
    assert!(sent[0].topic.ends_with("/accepted"), "{sent:?}");
    sent
}

fn status(services: &mut Services, thing: &str, id: &str) -> String {
    let execution = services.jobs().describe_execution(at(0), thing, id).expect("an execution");
    execution["status"].as_str().expect("a status").to_owned()
}

#[test]
fn the_timer_of_a_job_runs_from_the_start_and_nothing_resets_it() {
    let mut bench = Bench::default();
    create(&mut bench, "j", &["lamp"], Some(2));
    assert_eq!(bench.wait(100_000), [], "it is queued for as long as it takes");
    let jobs = "$aws/things/lamp/jobs/";
    let sent = bench.publish(&format!("{jobs}start-next"), "{}");
    assert_eq!(sent[0].json()["execution"]["approximateSecondsBeforeTimedOut"], 120);
    bench.wait(60);
    // A step timer that is longer changes nothing, and a shorter one counts.
    let step = json!({"status": "IN_PROGRESS", "stepTimeoutInMinutes": 5}).to_string();
    bench.publish(&format!("{jobs}j/update"), step);
    let left = bench.ask(&format!("{jobs}j/get"), "{}").json();
    assert_eq!(left["execution"]["approximateSecondsBeforeTimedOut"], 60);
    assert_eq!(bench.wait(59), []);
    let sent = bench.wait(1);
    assert_eq!(topics(&sent, jobs), ["notify", "notify-next"]);
    assert_eq!(status(&mut bench.services, "lamp", "j"), "TIMED_OUT");
    assert_eq!(bench.services.deadline(), None);
}

#[test]
fn a_step_timer_within_the_jobs_ends_it_sooner_and_can_be_stopped() {
    let mut bench = Bench::default();
    for (id, stops, ends_after) in [("a", false, 60), ("b", true, 180)] {
        create(&mut bench, id, &["lamp"], Some(3));
        let jobs = "$aws/things/lamp/jobs/";
        bench.publish(&format!("{jobs}start-next"), r#"{"stepTimeoutInMinutes": 1}"#);
        if stops {
            let stop = json!({"status": "IN_PROGRESS", "stepTimeoutInMinutes": -1}).to_string();
            bench.publish(&format!("{jobs}{id}/update"), stop);
        }
        assert_eq!(bench.wait(ends_after - 1), [], "{id}");
        assert!(!bench.wait(1).is_empty(), "{id}");
        assert_eq!(status(&mut bench.services, "lamp", id), "TIMED_OUT");
    }
}

#[test]
fn a_timer_goes_on_through_a_restart() {
    let mut bench = Bench::default();
    create(&mut bench, "j", &["lamp"], Some(2));
    bench.publish("$aws/things/lamp/jobs/start-next", "{}");
    let mut written = WrittenState::default();
    for (name, value) in bench.services.state(at(0)) {
        written.add(WrittenState::line([(&*name, Some(&*value))]).as_bytes()).expect("a line");
    }
    let mut later = Services::default();
    let unix = std::time::Duration::from_secs(START + 30);
    let now = Time { elapsed: std::time::Duration::from_secs(7), unix };
    later.load(written, now).expect("loaded");
    assert_eq!(later.deadline(), Some(std::time::Duration::from_secs(97)));
    let job = later.jobs().describe_job("j").expect("the job");
    assert_eq!(job["timeoutConfig"], json!({"inProgressTimeoutInMinutes": 2}));
}

#[test]
fn timers_have_bounds() {
    let mut bench = Bench::default();
    for timeout in [0, 10_081] {
        bench.with(|services, time, out| {
            let document = json!({});
            let (things, timeout) = (&["lamp"][..], Some(timeout));
            let job = NewJob { id: "j", document: &document, things, timeout };
            let error = services.jobs().create_job(time, &job, out).expect_err("no time");
            assert!(matches!(error, CreateError::Timeout { limit: 10_080, .. }), "{error}");
            assert!(error.to_string().contains("hint"));
        });
    }
    create(&mut bench, "j", &["lamp"], Some(10_080));
    for (minutes, is_taken) in [(-2, false), (0, false), (10_081, false), (-1, true), (1, true)] {
        let ask = json!({"stepTimeoutInMinutes": minutes}).to_string();
        let sent = bench.publish("$aws/things/lamp/jobs/start-next", ask);
        assert_eq!(sent[0].topic.ends_with("/accepted"), is_taken, "{minutes}");
    }
}

#[test]
fn without_the_wish_there_are_no_events() {
    let mut bench = Bench::default();
    create(&mut bench, "j", &["lamp"], None);
    assert_eq!(events(&update(&mut bench, "lamp", "j", "SUCCEEDED")), []);
}

#[test]
fn the_account_is_told_of_each_end_and_of_the_last_one() {
    let mut bench = told();
    assert_eq!(events(&create(&mut bench, "j", &["a", "b", "c"], None)), []);
    assert_eq!(events(&update(&mut bench, "a", "j", "IN_PROGRESS")), []);
    for (thing, end, operation) in [("a", "SUCCEEDED", "succeeded"), ("b", "FAILED", "failed")] {
        let sent = update(&mut bench, thing, "j", end);
        assert_eq!(event_topics(&sent), [format!("jobExecution/j/{operation}")]);
        let event = &events(&sent)[0].1;
        assert_eq!(event["eventType"], "JOB_EXECUTION");
        assert_eq!(event["operation"], operation);
        assert_eq!(event["status"], end);
        assert_eq!(event["thingArn"], format!("{ARN}:thing/{thing}"));
    }
    bench.now = 9;
    let sent = update(&mut bench, "c", "j", "REJECTED");
    assert_eq!(event_topics(&sent), ["jobExecution/j/rejected", "job/j/completed"]);
    let (of_execution, of_job) = (&events(&sent)[0].1, &events(&sent)[1].1);
    assert_ne!(of_execution["eventId"], of_job["eventId"]);
    assert_eq!(of_job["eventType"], "JOB");
    assert_eq!(of_job["status"], "COMPLETED");
    assert_eq!(of_job["completedAt"], START + 9);
    let targets = ["a", "b", "c"].map(|thing| format!("{ARN}:thing/{thing}"));
    assert_eq!(of_job["targets"], json!(targets));
    assert_eq!(
        of_job["jobProcessDetails"],
        json!({"numberOfCanceledThings": 0, "numberOfFailedThings": 1,
            "numberOfRejectedThings": 1, "numberOfRemovedThings": 0,
            "numberOfSucceededThings": 1, "numberOfTimedOutThings": 0})
    );
}

#[test]
fn an_event_names_a_hundred_targets_and_no_more() {
    for (count, named) in [(99, 99), (100, 100), (101, 100), (2000, 100)] {
        let mut bench = told();
        let names: Vec<String> = (0..count).map(|n| format!("{n:04}{}", "x".repeat(124))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        create(&mut bench, "j", &names, None);
        let sent = bench.with(|services, time, out| {
            services.jobs().cancel(time, "j", None, false, out).expect("canceled");
        });
        let (topic, event) = events(&sent).pop().expect("an event");
        assert_eq!(topic, "job/j/canceled");
        let targets = event["targets"].as_array().expect("targets");
        assert_eq!(targets.len(), named);
        assert_eq!(targets[named - 1], format!("{ARN}:thing/{}", names[named - 1]));
        assert!(event.to_string().len() < 128 * 1024);
        let counted = &event["jobProcessDetails"]["numberOfCanceledThings"];
        assert_eq!(*counted, count, "all are counted");
    }
}

#[test]
fn a_job_that_times_out_is_told() {
    let mut bench = told();
    create(&mut bench, "j", &["a"], Some(1));
    update(&mut bench, "a", "j", "IN_PROGRESS");
    let sent = bench.wait(60);
    assert_eq!(event_topics(&sent), ["jobExecution/j/timed_out", "job/j/completed"]);
}

#[test]
fn a_job_that_is_canceled_is_not_completed() {
    let mut bench = told();
    create(&mut bench, "j", &["a", "b"], None);
    let sent = bench.with(|services, time, out| {
        services.jobs().cancel(time, "j", Some("a"), false, out).expect("canceled");
    });
    assert_eq!(event_topics(&sent), ["jobExecution/j/canceled"]);
    let sent = bench.with(|services, time, out| {
        services.jobs().cancel(time, "j", None, false, out).expect("canceled");
    });
    assert_eq!(event_topics(&sent), ["jobExecution/j/canceled", "job/j/canceled"]);
    let job = bench.services.jobs().describe_job("j").expect("the job");
    assert_eq!(job["status"], "CANCELED");
    assert_eq!(job["jobProcessDetails"]["numberOfCanceledThings"], 2);
    assert_eq!(job["targets"], json!(["a", "b"]));
}

#[test]
fn a_job_is_deleted_when_it_is_over_or_by_force() {
    let mut bench = told();
    create(&mut bench, "j", &["a"], None);
    let delete = |bench: &mut Bench, force| {
        let mut outcome = Ok(0);
        let sent = bench.with(|services, time, out| {
            outcome = services.jobs().delete(time, "j", force, out);
        });
        (outcome, event_topics(&sent).join(" "))
    };
    assert_eq!(delete(&mut bench, false), (Err(DeleteError::Pending), String::new()));
    let events = "job/j/deletion_in_progress jobExecution/j/deleted job/j/deleted".to_owned();
    assert_eq!(delete(&mut bench, true), (Ok(1), events.clone()));
    assert_eq!(delete(&mut bench, true), (Err(DeleteError::NotFound), String::new()));
    assert_eq!(bench.services.jobs().describe_job("j"), None);
    create(&mut bench, "j", &["a"], None);
    update(&mut bench, "a", "j", "SUCCEEDED");
    assert_eq!(delete(&mut bench, false), (Ok(1), events));
}

#[test]
fn what_a_thing_that_is_gone_had_to_do_is_removed() {
    let mut bench = told();
    create(&mut bench, "j", &["a", "b"], None);
    update(&mut bench, "b", "j", "SUCCEEDED");
    for (count, events) in [(1, &["jobExecution/j/removed", "job/j/completed"][..]), (0, &[][..])] {
        let mut removed = 0;
        let sent = bench.with(|services, time, out| {
            removed = services.jobs().remove_thing(time, "a", out);
        });
        assert_eq!((removed, &event_topics(&sent)[..]), (count, events));
    }
    assert_eq!(status(&mut bench.services, "a", "j"), "REMOVED");
    assert_eq!(status(&mut bench.services, "b", "j"), "SUCCEEDED");
}

#[test]
fn rules_see_events_of_jobs() {
    let mut bench = told();
    let sql = "SELECT * FROM '$aws/events/job/+/completed'";
    let rule =
        evenkeel_aws::rules::Rule::new(sql, "done/${topic(4)}", evenkeel_aws::QoS::AtLeastOnce);
    bench.services.rules().set("done", rule.expect("a rule")).expect("room");
    create(&mut bench, "j", &["a"], None);
    let sent = update(&mut bench, "a", "j", "SUCCEEDED");
    assert_eq!(sent.last().expect("messages").topic, "done/j");
    let sent = bench.with(|services, time, out| {
        services.jobs().create(time, "k", &json!({}), &["a"], out).expect("created");
        services.jobs().remove_thing(time, "a", out);
        services.apply_rules(time, out);
    });
    assert_eq!(sent.last().expect("messages").topic, "done/k");
}
