//! What the operator does with jobs: create and cancel.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::events::Turn;
use super::execution::{Execution, Status};
use super::job::{Job, JobStatus};
use super::notify::Before;
use super::service::Jobs;
use crate::Time;
use crate::effects::Effects;
use crate::json;
use crate::names;

/// A job to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// Its id.
    pub id: &'a str,
    /// What there is to do.
    pub document: &'a Value,
    /// Who has to.
    pub things: &'a [&'a str],
    /// Minutes that a thing may take, from its start; `inProgressTimeoutInMinutes`.
    pub timeout: Option<u64>,
}

/// A job that cannot be created.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateError {
    /// Its id is none.
    Id {
        /// The id.
        id: String,
    },
    /// A target is no name of a thing.
    Thing {
        /// The name.
        name: String,
    },
    /// Its document is too long.
    DocumentTooLarge {
        /// Its bytes.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Its document nests deeper than a client's request may.
    DocumentTooDeep,
    /// Its timer is none.
    Timeout {
        /// Its minutes.
        found: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// A thing has the job to do already.
    Exists {
        /// The thing.
        thing: String,
    },
    /// There are as many executions as the limits allow.
    TooMany {
        /// Which limit.
        limit: &'static str,
        /// Its value.
        value: usize,
    },
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { id } => write!(
                f,
                "{id:?} is no id of a job; hint: 1 to 64 letters, digits, hyphens and underscores"
            ),
            Self::Thing { name } => {
                write!(f, "{name:?} is no name of a thing; hint: 1 to 128 letters, digits, and :_-")
            }
            Self::DocumentTooLarge { found, limit } => {
                write!(f, "the job's document has {found} bytes, and at most {limit} are allowed")
            }
            Self::DocumentTooDeep => {
                f.write_str("the job's document nests too deep; hint: 100 levels at most")
            }
            Self::Timeout { found, limit } => {
                write!(f, "{found} minutes are no time for a job; hint: 1 to {limit}")
            }
            Self::Exists { thing } => write!(
                f,
                "{thing} has this job to do already; hint: cancel it, or choose another id"
            ),
            Self::TooMany { limit, value } => {
                write!(f, "the limit {limit} = {value} is reached; hint: remove jobs")
            }
        }
    }
}

impl Error for CreateError {}

/// A job that cannot be canceled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelError {
    /// No thing has it to do.
    NotFound,
    /// A thing is at it.
    InProgress {
        /// The thing.
        thing: String,
    },
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no thing has this job to do"),
            Self::InProgress { thing } => {
                write!(f, "{thing} is at it; hint: cancel by force")
            }
        }
    }
}

impl Error for CancelError {}

impl Jobs {
    /// Gives things a job to do, for as long as it takes.
    ///
    /// # Errors
    /// As [`create_job`](Self::create_job).
    pub fn create(
        &mut self,
        time: Time,
        id: &str,
        document: &Value,
        things: &[&str],
        out: &mut Effects,
    ) -> Result<(), CreateError> {
        self.create_job(time, &NewJob { id, document, things, timeout: None }, out)
    }

    /// Gives things a job to do. One whose earlier execution has ended gets
    /// another, with the next number.
    ///
    /// # Errors
    /// If id, document or a thing's name is none, or a limit is reached. Then
    /// no thing has got it.
    pub fn create_job(
        &mut self,
        time: Time,
        job: &NewJob<'_>,
        out: &mut Effects,
    ) -> Result<(), CreateError> {
        let NewJob { id, document, things, timeout } = *job;
        if !names::is_job(id) {
            return Err(CreateError::Id { id: id.to_owned() });
        }
        let text = document.to_string();
        let (found, limit) = (text.len(), self.limits.document_bytes);
        if found > limit {
            return Err(CreateError::DocumentTooLarge { found, limit });
        }
        if json::is_too_deep(&text) {
            return Err(CreateError::DocumentTooDeep);
        }
        let limit = self.limits.step_timeout_minutes;
        if let Some(found) = timeout.filter(|minutes| !(1..=limit).contains(minutes)) {
            return Err(CreateError::Timeout { found, limit });
        }
        let value = self.limits.jobs;
        if self.jobs.len() >= value && !self.jobs.contains_key(id) {
            return Err(CreateError::TooMany { limit: "jobs.jobs", value });
        }
        let mut targets = things.to_vec();
        targets.sort_unstable();
        targets.dedup();
        for thing in &targets {
            self.check_target(id, thing)?;
        }
        let value = self.limits.executions;
        if self.count.saturating_add(targets.len()) > value {
            return Err(CreateError::TooMany { limit: "jobs.executions", value });
        }
        let is_over = |job: &Job| job.status != JobStatus::InProgress;
        if self.jobs.get(id).is_none_or(is_over) {
            self.jobs.insert(id.to_owned(), Job::new(timeout, time));
        }
        self.changed_jobs.insert(id.to_owned());
        for thing in targets {
            self.queue(time, job, thing, out);
        }
        Ok(())
    }

    /// Takes a job back from all things, or from one. Things that are at it
    /// keep it unless `by_force`. Returns how many executions that were.
    ///
    /// # Errors
    /// If nobody has it to do, or a thing is at it. Then nothing has changed.
    pub fn cancel(
        &mut self,
        time: Time,
        id: &str,
        thing: Option<&str>,
        by_force: bool,
        out: &mut Effects,
    ) -> Result<usize, CancelError> {
        let is_meant = |name: &str| thing.is_none_or(|thing| thing == name);
        let mut things = Vec::new();
        for (name, executions) in self.things.iter().filter(|(name, _)| is_meant(name)) {
            let mut of_job = executions.iter().filter(|execution| execution.job == id);
            match of_job.find(|execution| execution.status.is_pending()).map(|found| found.status) {
                Some(Status::InProgress) if !by_force => {
                    return Err(CancelError::InProgress { thing: name.clone() });
                }
                Some(_) => things.push(name.clone()),
                None => {}
            }
        }
        if things.is_empty() {
            return Err(CancelError::NotFound);
        }
        if thing.is_none()
            && let Some(job) = self.jobs.get_mut(id)
        {
            job.end(JobStatus::Canceled, time);
        }
        for thing in &things {
            self.change(thing, time, out, |executions| {
                let of_job = executions.iter_mut().filter(|execution| execution.job == id);
                for execution in of_job.filter(|execution| execution.status.is_pending()) {
                    execution.become_status(Status::Canceled, time);
                }
            });
        }
        if thing.is_none() {
            self.tell_of_job(time, id, "canceled", &things, out);
        }
        Ok(things.len())
    }

    /// A job, with who has to do it and how far they are.
    #[must_use]
    pub fn describe_job(&self, id: &str) -> Option<Value> {
        let mut data = self.jobs.get(id)?.data(id);
        json::set(&mut data, "targets", self.targets(id));
        Some(data)
    }

    /// The latest execution of a job on a thing, with its document.
    #[must_use]
    pub fn describe_execution(&self, time: Time, thing: &str, id: &str) -> Option<Value> {
        Some(self.find(thing, id, None)?.data(thing, time, true))
    }

    /// Tells the account of a job, if it wants to be told.
    pub(super) fn tell_of_job(
        &mut self,
        time: Time,
        id: &str,
        operation: &str,
        things: &[String],
        out: &mut Effects,
    ) {
        let Some(job) = self.jobs.get(id) else { return };
        let things = things.iter().map(String::as_str);
        self.events.of_job(time, id, operation, job.data(id), things, out);
    }

    /// The executions of a thing in the order of their creation, with their
    /// documents.
    pub fn of_thing(&self, time: Time, thing: &str) -> impl Iterator<Item = Value> {
        let executions = self.things.get(thing).into_iter().flatten();
        executions.map(move |execution| execution.data(thing, time, true))
    }

    fn check_target(&self, id: &str, thing: &str) -> Result<(), CreateError> {
        if !names::is_thing(thing) {
            return Err(CreateError::Thing { name: thing.to_owned() });
        }
        let Some(executions) = self.things.get(thing) else { return Ok(()) };
        let is_pending = |execution: &&Execution| execution.status.is_pending();
        if executions.iter().filter(is_pending).any(|execution| execution.job == id) {
            return Err(CreateError::Exists { thing: thing.to_owned() });
        }
        let value = self.limits.executions_per_thing;
        if executions.iter().filter(is_pending).count() >= value {
            return Err(CreateError::TooMany { limit: "jobs.executions_per_thing", value });
        }
        Ok(())
    }

    fn queue(&mut self, time: Time, job: &NewJob<'_>, thing: &str, out: &mut Effects) {
        let NewJob { id, document, timeout, .. } = *job;
        let limit = self.limits.executions_per_thing;
        self.change(thing, time, out, |executions| {
            let numbers = executions.iter().filter(|execution| execution.job == id);
            let number = numbers.map(|execution| execution.number).max().unwrap_or(0) + 1;
            if executions.len() >= limit
                && let Some(oldest) = executions.iter().position(|one| !one.status.is_pending())
            {
                executions.remove(oldest);
            }
            executions.push(Execution::new(id, number, document.clone(), timeout, time));
        });
    }

    /// Changes the executions of a thing: counts, timers and notifications follow.
    pub(super) fn change<T>(
        &mut self,
        thing: &str,
        time: Time,
        out: &mut Effects,
        change: impl FnOnce(&mut Vec<Execution>) -> T,
    ) -> T {
        let executions = self.things.entry(thing.to_owned()).or_default();
        let before = Before::of(executions);
        for deadline in executions.iter().filter_map(Execution::deadline) {
            self.timers.remove(&(deadline, thing.to_owned()));
        }
        self.count -= executions.len();
        let result = change(executions);
        self.count += executions.len();
        for deadline in executions.iter().filter_map(Execution::deadline) {
            self.timers.insert((deadline, thing.to_owned()));
        }
        self.changed.insert(thing.to_owned());
        let turns = before.turns(executions);
        before.notify(executions, thing, time, out);
        if executions.is_empty() {
            self.things.remove(thing);
        }
        for turn in turns {
            self.count_turn(time, thing, &turn, out);
        }
        result
    }

    /// An execution has changed its state: its job counts it, and the account is told
    /// of its end. Of what is gone it is told by who has deleted it.
    fn count_turn(&mut self, time: Time, thing: &str, turn: &Turn, out: &mut Effects) {
        if turn.to.is_some() {
            self.events.of_execution(time, thing, turn, out);
        }
        let Some(job) = self.jobs.get_mut(&turn.job) else { return };
        self.changed_jobs.insert(turn.job.clone());
        if job.count(turn.from, turn.to, time) {
            let things = self.targets(&turn.job);
            self.tell_of_job(time, &turn.job, "completed", &things, out);
        }
    }
}
