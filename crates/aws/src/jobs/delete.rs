//! What ends jobs and executions for good: deleting a job, removing a thing.

use std::error::Error;
use std::fmt;

use super::events::Turn;
use super::execution::{Execution, Status};
use super::service::Jobs;
use crate::Time;
use crate::effects::Effects;

/// A job that cannot be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeleteError {
    /// There is no such job.
    NotFound,
    /// Things have it to do.
    Pending,
}

impl fmt::Display for DeleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "there is no such job",
            Self::Pending => "things have it to do; hint: cancel it first, or delete by force",
        })
    }
}

impl Error for DeleteError {}

impl Jobs {
    /// Deletes a job with all its executions, and returns how many there were. One that
    /// things have to do is deleted by force alone.
    ///
    /// # Errors
    /// If there is no such job, or a thing has it to do. Then nothing has changed.
    pub fn delete(
        &mut self,
        time: Time,
        id: &str,
        by_force: bool,
        out: &mut Effects,
    ) -> Result<usize, DeleteError> {
        let job = self.jobs.get(id).ok_or(DeleteError::NotFound)?;
        if job.pending > 0 && !by_force {
            return Err(DeleteError::Pending);
        }
        Ok(self.remove(time, id, out))
    }

    /// Removes a job with all its executions, whatever their state, and returns how
    /// many there were.
    pub fn remove(&mut self, time: Time, id: &str, out: &mut Effects) -> usize {
        let before = self.count;
        let things = self.targets(id);
        self.tell_of_job(time, id, "deletion_in_progress", &things, out);
        for thing in &things {
            let mut gone = Vec::new();
            self.change(thing, time, out, |executions| {
                executions.retain(|one| {
                    if one.job == id {
                        gone.push(Turn::from_to(one, Some(one.status), None));
                    }
                    one.job != id
                });
            });
            for turn in gone {
                self.events.of_execution(time, thing, &turn, out);
            }
        }
        self.tell_of_job(time, id, "deleted", &things, out);
        if self.jobs.remove(id).is_some() {
            self.changed_jobs.insert(id.to_owned());
        }
        before - self.count
    }

    /// A thing is gone: what it had to do is `REMOVED`. Returns how many executions
    /// that were.
    pub fn remove_thing(&mut self, time: Time, thing: &str, out: &mut Effects) -> usize {
        let has_pending =
            |executions: &Vec<Execution>| executions.iter().any(|one| one.status.is_pending());
        if !self.things.get(thing).is_some_and(has_pending) {
            return 0;
        }
        self.change(thing, time, out, |executions| {
            let pending = executions.iter_mut().filter(|one| one.status.is_pending());
            pending.map(|one| one.become_status(Status::Removed, time)).count()
        })
    }

    /// The things that have executions of a job, in the order of their names.
    pub(super) fn targets(&self, id: &str) -> Vec<String> {
        let has_job = |executions: &[Execution]| executions.iter().any(|one| one.job == id);
        let having = self.things.iter().filter(|(_, executions)| has_job(executions));
        having.map(|(name, _)| name.clone()).collect()
    }
}
