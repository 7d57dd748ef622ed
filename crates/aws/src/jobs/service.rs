//! The executions of all things, and the requests of the things.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::JobsError;
use super::events::Events;
use super::execution::{Execution, Status};
use super::job::Job;
use super::notify::pending;
use super::request::{Ask, members, take_token};
use crate::effects::{Effects, Message};
use crate::json;
use crate::state::{self, Parts, Shift, StateError, WrittenState};
use crate::{JobLimits, JobsOperation, Request, Time};

/// How its parts of the state begin.
const PREFIX: &str = "jobs/";
const JOB: &str = "job/";

/// The job executions of all things.
#[derive(Debug)]
pub struct Jobs {
    pub(super) limits: JobLimits,
    /// By thing, each in the order of creation.
    pub(super) things: BTreeMap<String, Vec<Execution>>,
    /// When timers run out, by the elapsed time, and whose they are.
    pub(super) timers: BTreeSet<(Duration, String)>,
    /// Executions in all.
    pub(super) count: usize,
    /// By id.
    pub(super) jobs: BTreeMap<String, Job>,
    pub(super) events: Events,
    /// Things whose executions have changed since that was asked last, and jobs.
    pub(super) changed: BTreeSet<String>,
    pub(super) changed_jobs: BTreeSet<String>,
}

impl Jobs {
    pub(crate) fn new(limits: JobLimits) -> Self {
        Self {
            limits,
            things: BTreeMap::new(),
            timers: BTreeSet::new(),
            count: 0,
            jobs: BTreeMap::new(),
            events: Events::default(),
            changed: BTreeSet::new(),
            changed_jobs: BTreeSet::new(),
        }
    }

    /// Publishes events of jobs and executions from now on, as AWS does for accounts
    /// that want them. ARNs begin with `arn`, such as `arn:aws:iot:eu-west-1:123456789012`.
    pub fn publish_events(&mut self, arn: String) {
        self.events.arn = Some(arn);
    }

    /// A request that came by MQTT. The answer goes to the client that asked,
    /// subscribed or not, and to nobody else.
    pub(crate) fn on_request(
        &mut self,
        request: &Request<'_>,
        thing: &str,
        operation: JobsOperation<'_>,
        out: &mut Effects,
    ) {
        let Request { time, client, topic, payload } = *request;
        // Notifications of the change go out behind the answer to it.
        let mut news = Effects::new();
        let (outcome, answer) = self.answer(time, thing, operation, payload, &mut news);
        out.send(client, Message::json(format!("{topic}/{outcome}"), &answer));
        out.append(news);
    }

    fn answer(
        &mut self,
        time: Time,
        thing: &str,
        operation: JobsOperation<'_>,
        payload: &[u8],
        out: &mut Effects,
    ) -> (&'static str, Value) {
        let mut token = None;
        let answer = members(payload).and_then(|mut members| {
            token = take_token(&mut members, &self.limits)?;
            self.call(time, thing, operation, members, out)
        });
        match answer {
            Err(error) => ("rejected", error.answer(time, token.as_deref())),
            Ok(mut answer) => {
                json::set(&mut answer, "timestamp", time.unix_seconds());
                json::add_token(&mut answer, token.as_deref());
                ("accepted", answer)
            }
        }
    }

    /// A request of a thing, however it came. The answer lacks `timestamp` and
    /// `clientToken`, which MQTT's has.
    ///
    /// # Errors
    /// If it is rejected. Then nothing has changed.
    pub fn call(
        &mut self,
        time: Time,
        thing: &str,
        operation: JobsOperation<'_>,
        members: Map<String, Value>,
        out: &mut Effects,
    ) -> Result<Value, JobsError> {
        let ask = Ask::parse(members, &self.limits);
        match operation {
            JobsOperation::Invalid => Err(JobsError::InvalidTopic),
            JobsOperation::GetPending => ask.map(|_| self.get_pending(thing)),
            JobsOperation::StartNext => Ok(self.start_next(time, thing, ask?, out)),
            JobsOperation::Describe(job) => self.describe(time, thing, job, &ask?),
            JobsOperation::Update(job) => self.update(time, thing, job, ask?, out),
        }
    }

    fn get_pending(&self, thing: &str) -> Value {
        let of = |status| -> Vec<Value> {
            let executions = pending(self.of(thing));
            executions.filter(|one| one.status == status).map(Execution::summary).collect()
        };
        json!({"inProgressJobs": of(Status::InProgress), "queuedJobs": of(Status::Queued)})
    }

    fn start_next(&mut self, time: Time, thing: &str, ask: Ask, out: &mut Effects) -> Value {
        let Some((job, number)) = pending(self.of(thing)).next().map(Execution::key) else {
            return json!({});
        };
        let limits = self.limits;
        let deadline = ask.step_timeout_in_minutes.map(|timeout| timeout.deadline(&limits, time));
        self.change(thing, time, out, |executions| {
            let mut found = executions.iter_mut().filter(|one| one.job == job);
            let Some(next) = found.find(|one| one.number == number) else { return };
            if next.status == Status::Queued {
                next.start(time, &limits);
                next.details = ask.status_details.unwrap_or_default();
            }
            next.step_deadline = deadline.unwrap_or(next.step_deadline);
        });
        let started = self.find(thing, &job, Some(number));
        started.map_or_else(|| json!({}), |one| json!({"execution": one.data(thing, time, true)}))
    }

    fn describe(&self, time: Time, thing: &str, job: &str, ask: &Ask) -> Result<Value, JobsError> {
        let with_document = ask.include_job_document.unwrap_or(true);
        let execution = if job == "$next" {
            let Some(next) = pending(self.of(thing)).next() else { return Ok(json!({})) };
            next
        } else {
            let found = self.find(thing, job, ask.execution_number);
            found.ok_or(JobsError::ResourceNotFound)?
        };
        if !execution.status.is_pending() {
            return Err(JobsError::TerminalStateReached { status: execution.status });
        }
        Ok(json!({"execution": execution.data(thing, time, with_document)}))
    }

    fn update(
        &mut self,
        time: Time,
        thing: &str,
        job: &str,
        ask: Ask,
        out: &mut Effects,
    ) -> Result<Value, JobsError> {
        let status = ask.status.filter(|status| status.is_for_things()).ok_or_else(|| {
            JobsError::request("status must be IN_PROGRESS, FAILED, SUCCEEDED or REJECTED")
        })?;
        let execution = self.find(thing, job, ask.execution_number);
        let execution = execution.ok_or(JobsError::ResourceNotFound)?;
        let number = execution.number;
        if let Some(expected) = ask.expected_version
            && expected != execution.version
        {
            let (found, state) = (execution.version, execution.state());
            return Err(JobsError::VersionMismatch { expected, found, state });
        }
        if !execution.status.is_pending() {
            let (from, state) = (execution.status, execution.state());
            return Err(JobsError::InvalidStateTransition { from, to: status, state });
        }
        let limits = self.limits;
        let deadline = ask.step_timeout_in_minutes.map(|timeout| timeout.deadline(&limits, time));
        self.change(thing, time, out, |executions| {
            let mut found = executions.iter_mut().filter(|one| one.job == job);
            if let Some(execution) = found.find(|one| one.number == number) {
                execution.step_deadline = deadline.unwrap_or(execution.step_deadline);
                if (execution.status, status) == (Status::Queued, Status::InProgress) {
                    execution.start(time, &limits);
                } else {
                    execution.become_status(status, time);
                }
                if let Some(details) = ask.status_details {
                    execution.details = details;
                }
            }
        });
        let mut answer = json!({});
        if let Some(execution) = self.find(thing, job, Some(number)) {
            if ask.include_job_execution_state == Some(true) {
                json::set(&mut answer, "executionState", execution.state());
            }
            if ask.include_job_document == Some(true) {
                json::set(&mut answer, "jobDocument", execution.document.clone());
            }
        }
        Ok(answer)
    }

    /// When the next timer runs out.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|(deadline, _)| *deadline)
    }

    /// Ends executions whose timer has run out, that of a step or of the job.
    pub(crate) fn tick(&mut self, time: Time, out: &mut Effects) {
        while self.deadline().is_some_and(|deadline| deadline <= time.elapsed) {
            let Some((_, thing)) = self.timers.pop_first() else { return };
            let is_due = |one: &&mut Execution| {
                one.deadline().is_some_and(|deadline| deadline <= time.elapsed)
            };
            self.change(&thing, time, out, |executions| {
                for execution in executions.iter_mut().filter(is_due) {
                    execution.become_status(Status::TimedOut, time);
                }
            });
        }
    }

    /// What has changed since the last call.
    pub(crate) fn changes(&mut self, into: &mut Parts) {
        for thing in std::mem::take(&mut self.changed) {
            let executions = self.things.get(&thing).map(state::text);
            into.insert(format!("{PREFIX}{thing}"), executions);
        }
        for id in std::mem::take(&mut self.changed_jobs) {
            let job = self.jobs.get(&id).map(state::text);
            into.insert(format!("{JOB}{id}"), job);
        }
    }

    /// All executions, as they are written down.
    pub(crate) fn state(&self) -> impl Iterator<Item = (String, String)> {
        let things = self.things.iter();
        let things =
            things.map(|(thing, executions)| (format!("{PREFIX}{thing}"), state::text(executions)));
        let jobs = self.jobs.iter().map(|(id, job)| (format!("{JOB}{id}"), state::text(job)));
        things.chain(jobs)
    }

    /// Takes what was written; whether there are events stays.
    pub(crate) fn load(
        &self,
        written: &mut WrittenState,
        shift: Shift,
    ) -> Result<Self, StateError> {
        let limits = self.limits;
        let mut jobs = Self::new(limits);
        jobs.events.arn.clone_from(&self.events.arn);
        for (thing, mut executions) in written.take_all::<Vec<Execution>>(PREFIX)? {
            for execution in &mut executions {
                let of = [&mut execution.step_deadline, &mut execution.progress_deadline];
                for deadline in of.into_iter().flatten() {
                    *deadline = shift.apply(*deadline);
                }
                jobs.timers.extend(execution.deadline().map(|deadline| (deadline, thing.clone())));
            }
            jobs.count += executions.len();
            jobs.things.insert(thing, executions);
        }
        state::at_most("jobs.executions", limits.executions, jobs.count)?;
        jobs.jobs = written.take_all::<Job>(JOB)?.into_iter().collect();
        state::at_most("jobs.jobs", limits.jobs, jobs.jobs.len())?;
        Ok(jobs)
    }

    fn of(&self, thing: &str) -> &[Execution] {
        self.things.get(thing).map(Vec::as_slice).unwrap_or_default()
    }

    /// The execution of a job with this number, or its latest.
    pub(super) fn find(&self, thing: &str, job: &str, number: Option<u64>) -> Option<&Execution> {
        let is_meant =
            |one: &&Execution| one.job == job && number.is_none_or(|number| one.number == number);
        self.of(thing).iter().rfind(is_meant)
    }
}
