//! What the operator does with jobs: create, cancel, remove.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::execution::{Execution, Status};
use super::notify::Before;
use super::service::Jobs;
use crate::Time;
use crate::effects::Effects;
use crate::names;

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
    /// Gives things a job to do. One whose earlier execution has ended gets
    /// another, with the next number.
    ///
    /// # Errors
    /// If id, document or a thing's name is none, or a limit is reached. Then
    /// no thing has got it.
    pub fn create(
        &mut self,
        time: Time,
        id: &str,
        document: &Value,
        things: &[&str],
        out: &mut Effects,
    ) -> Result<(), CreateError> {
        if !names::is_job(id) {
            return Err(CreateError::Id { id: id.to_owned() });
        }
        let (found, limit) = (document.to_string().len(), self.limits.document_bytes);
        if found > limit {
            return Err(CreateError::DocumentTooLarge { found, limit });
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
        for thing in targets {
            self.queue(time, id, document, thing, out);
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
        for thing in &things {
            self.change(thing, time, out, |executions| {
                let of_job = executions.iter_mut().filter(|execution| execution.job == id);
                for execution in of_job.filter(|execution| execution.status.is_pending()) {
                    execution.become_status(Status::Canceled, time);
                }
            });
        }
        Ok(things.len())
    }

    /// Removes all executions of a job, whatever their state, and returns how
    /// many there were.
    pub fn remove(&mut self, time: Time, id: &str, out: &mut Effects) -> usize {
        let before = self.count;
        let has_job = |executions: &[Execution]| executions.iter().any(|one| one.job == id);
        let having = self.things.iter().filter(|(_, executions)| has_job(executions));
        let things: Vec<String> = having.map(|(name, _)| name.clone()).collect();
        for thing in &things {
            self.change(thing, time, out, |executions| executions.retain(|one| one.job != id));
        }
        before - self.count
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

    fn queue(&mut self, time: Time, id: &str, document: &Value, thing: &str, out: &mut Effects) {
        let limit = self.limits.executions_per_thing;
        self.change(thing, time, out, |executions| {
            let numbers = executions.iter().filter(|execution| execution.job == id);
            let number = numbers.map(|execution| execution.number).max().unwrap_or(0) + 1;
            if executions.len() >= limit
                && let Some(oldest) = executions.iter().position(|one| !one.status.is_pending())
            {
                executions.remove(oldest);
            }
            executions.push(Execution::new(id, number, document.clone(), time));
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
        for deadline in executions.iter().filter_map(|execution| execution.step_deadline) {
            self.timers.remove(&(deadline, thing.to_owned()));
        }
        self.count -= executions.len();
        let result = change(executions);
        self.count += executions.len();
        for deadline in executions.iter().filter_map(|execution| execution.step_deadline) {
            self.timers.insert((deadline, thing.to_owned()));
        }
        self.changed.insert(thing.to_owned());
        before.notify(executions, thing, time, out);
        if executions.is_empty() {
            self.things.remove(thing);
        }
        result
    }
}
