//! Random requests against a simple model of a thing's executions.

use evenkeel_aws::jobs::NewJob;
use serde_json::{Value, json};

use crate::bench::{Bench, Sent};

const JOBS: &str = "$aws/things/lamp/jobs/";
const IDS: [&str; 4] = ["a", "b", "c", "d"];
const STATUSES: [&str; 4] = ["IN_PROGRESS", "FAILED", "SUCCEEDED", "REJECTED"];

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// What the model knows of an execution.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    id: &'static str,
    number: u64,
    status: String,
    version: u64,
    /// When its step timer runs out.
    deadline: Option<u64>,
    /// Seconds that it may take from its start, and when these are over.
    timeout: Option<u64>,
    end: Option<u64>,
}

impl Known {
    fn is_pending(&self) -> bool {
        matches!(self.status.as_str(), "QUEUED" | "IN_PROGRESS")
    }

    fn go_on(&mut self, status: &str) {
        self.status = status.to_owned();
        self.version += 1;
        if !self.is_pending() {
            (self.deadline, self.end) = (None, None);
        }
    }

    /// Goes on to a state that a thing has set.
    fn become_status(&mut self, status: &str, now: u64) {
        if (self.status.as_str(), status) == ("QUEUED", "IN_PROGRESS") {
            self.end = self.timeout.map(|seconds| now + seconds);
        }
        self.go_on(status);
    }

    fn is_due(&self, now: u64) -> bool {
        [self.deadline, self.end].into_iter().flatten().any(|at| at <= now)
    }
}

/// Names an execution: its job and number.
type Key = (&'static str, u64);

#[derive(Default)]
struct Model(Vec<Known>);

impl Model {
    fn pending(&self) -> Vec<&Known> {
        let of = |status: &'static str| self.0.iter().filter(move |one| one.status == status);
        of("IN_PROGRESS").chain(of("QUEUED")).collect()
    }

    /// The list of pending ones in no order, and the next one.
    fn view(&self) -> (Vec<Key>, Option<Key>) {
        let keys: Vec<_> = self.pending().iter().map(|one| (one.id, one.number)).collect();
        let next = keys.first().copied();
        let mut keys = keys;
        keys.sort_unstable();
        (keys, next)
    }

    fn latest(&mut self, id: &str) -> Option<&mut Known> {
        self.0.iter_mut().rfind(|one| one.id == id)
    }
}

/// One random step in both, and the messages that went out.
fn step(random: &mut Random, bench: &mut Bench, model: &mut Model) -> Vec<Sent> {
    let id = IDS[random.below(IDS.len())];
    match random.below(9) {
        0 | 1 => create(random, bench, model, id),
        2 => start_next(random, bench, model),
        3 | 4 => update(random, bench, model, id),
        5 => bench.with(|services, time, out| {
            let canceled = services.jobs().cancel(time, id, None, true, out).is_ok();
            let known = model.latest(id).filter(|one| one.is_pending());
            assert_eq!(canceled, known.is_some());
            known.into_iter().for_each(|one| one.go_on("CANCELED"));
        }),
        6 => {
            let force = random.below(2) == 0;
            bench.with(|services, time, out| {
                let deleted = services.jobs().delete(time, id, force, out);
                let is_pending = model.latest(id).is_some_and(|one| one.is_pending());
                if force || !is_pending {
                    let count = model.0.iter().filter(|one| one.id == id).count();
                    assert_eq!(deleted.ok(), Some(count).filter(|count| *count > 0));
                    model.0.retain(|one| one.id != id);
                } else {
                    assert!(deleted.is_err());
                }
            })
        }
        7 if random.below(4) == 0 => bench.with(|services, time, out| {
            let removed = services.jobs().remove_thing(time, "lamp", out);
            let pending = model.0.iter_mut().filter(|one| one.is_pending());
            assert_eq!(removed, pending.map(|one| one.go_on("REMOVED")).count());
        }),
        _ => {
            let sent = bench.wait(25);
            let now = bench.now;
            for one in &mut model.0 {
                if one.is_due(now) {
                    one.go_on("TIMED_OUT");
                }
            }
            sent
        }
    }
}

fn create(
    random: &mut Random,
    bench: &mut Bench,
    model: &mut Model,
    id: &'static str,
) -> Vec<Sent> {
    let timeout = [None, Some(1), Some(2)][random.below(3)];
    bench.with(|services, time, out| {
        let job = NewJob { id, document: &json!({}), things: &["lamp"], timeout };
        let created = services.jobs().create_job(time, &job, out).is_ok();
        let earlier = model.latest(id).cloned();
        assert_eq!(created, !earlier.as_ref().is_some_and(Known::is_pending));
        if created {
            let number = earlier.map_or(0, |one| one.number) + 1;
            let status = "QUEUED".to_owned();
            let timeout = timeout.map(|minutes| 60 * minutes);
            let (version, deadline, end) = (1, None, None);
            model.0.push(Known { id, number, status, version, deadline, timeout, end });
        }
    })
}

fn start_next(random: &mut Random, bench: &mut Bench, model: &mut Model) -> Vec<Sent> {
    let minutes = [None, Some(1)][random.below(2)];
    let mut request = json!({});
    if let Some(minutes) = minutes {
        request["stepTimeoutInMinutes"] = json!(minutes);
    }
    let sent = bench.publish(&format!("{JOBS}start-next"), request.to_string());
    let answer = sent[0].json();
    let next = model.view().1;
    let known = next.and_then(|key| model.0.iter_mut().find(|one| (one.id, one.number) == key));
    let Some(known) = known else {
        assert!(answer.get("execution").is_none());
        return sent;
    };
    if known.status == "QUEUED" {
        known.become_status("IN_PROGRESS", bench.now);
    }
    if let Some(minutes) = minutes {
        known.deadline = Some(bench.now + 60 * minutes);
    }
    let execution = &answer["execution"];
    assert_eq!(execution["jobId"], known.id);
    assert_eq!(execution["status"], "IN_PROGRESS");
    assert_eq!(execution["versionNumber"], known.version);
    sent
}

fn update(
    random: &mut Random,
    bench: &mut Bench,
    model: &mut Model,
    id: &'static str,
) -> Vec<Sent> {
    let status = STATUSES[random.below(STATUSES.len())];
    let expected = [None, Some(1), Some(2)][random.below(3)];
    let mut request = json!({"status": status});
    if let Some(expected) = expected {
        request["expectedVersion"] = json!(expected);
    }
    let sent = bench.publish(&format!("{JOBS}{id}/update"), request.to_string());
    let code = match model.latest(id) {
        None => json!("ResourceNotFound"),
        Some(known) if expected.is_some_and(|expected| expected != known.version) => {
            json!("VersionMismatch")
        }
        Some(known) if !known.is_pending() => json!("InvalidStateTransition"),
        Some(known) => {
            known.become_status(status, bench.now);
            Value::Null
        }
    };
    assert_eq!(sent[0].json()["code"], code);
    sent
}

#[test]
fn random_requests_do_what_the_model_does() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let (mut bench, mut model) = (Bench::default(), Model::default());
        for number in 0..60 {
            let before = model.view();
            let sent = step(&mut random, &mut bench, &mut model);
            let after = model.view();
            let context = format!("seed {seed}, step {number}");
            let count = |topic: &str| sent.iter().filter(|one| one.topic.ends_with(topic)).count();
            // More timers than one may run out in one step, one after the other.
            assert_eq!(count("/notify") > 0, before.0 != after.0, "{context}");
            assert_eq!(count("/notify-next") > 0, before.1 != after.1, "{context}");

            let time = bench.time();
            let stored: Vec<_> = bench.services.jobs().of_thing(time, "lamp").collect();
            assert_eq!(stored.len(), model.0.len(), "{context}");
            for (stored, known) in stored.iter().zip(&model.0) {
                assert_eq!(stored["jobId"], known.id, "{context}");
                assert_eq!(stored["status"], known.status.as_str(), "{context}");
                assert_eq!(stored["versionNumber"], known.version, "{context}");
                assert_eq!(stored["executionNumber"], known.number, "{context}");
            }
        }
    }
}
