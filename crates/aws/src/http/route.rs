//! Method and path of a request: what it asks for, and of what.

use std::borrow::Cow;

use super::{HttpError, Parameters};
use crate::gate::decode;
use crate::gate::policy::Action;
use crate::names;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Publish { topic: String },
    GetShadow { thing: String },
    UpdateShadow { thing: String },
    DeleteShadow { thing: String },
    ListShadows { thing: String },
    PendingJobs { thing: String },
    StartNextJob { thing: String },
    DescribeJob { thing: String, job: String },
    UpdateJob { thing: String, job: String },
    ListRetained,
    GetRetained { topic: String },
    DeleteConnection { client: String },
}

impl Operation {
    /// The services that it may be signed for.
    pub(crate) const fn services(&self) -> &'static [&'static str] {
        match self {
            Self::PendingJobs { .. }
            | Self::StartNextJob { .. }
            | Self::DescribeJob { .. }
            | Self::UpdateJob { .. } => &["iot-jobs-data"],
            _ => &["iotdata", "iotdevicegateway"],
        }
    }

    /// What policies must allow, and of what: of a named shadow `THING/SHADOW`. A message
    /// with RETAIN needs more.
    pub(crate) fn action(
        &self,
        parameters: &Parameters,
    ) -> Result<(Action, Cow<'_, str>), HttpError> {
        let (action, name) = self.action_of_path();
        let shadow = match action {
            Action::GetThingShadow | Action::UpdateThingShadow | Action::DeleteThingShadow => {
                parameters.shadow()?
            }
            _ => None,
        };
        let name = match shadow {
            Some(shadow) => Cow::from(format!("{name}/{shadow}")),
            None => Cow::from(name),
        };
        Ok((action, name))
    }

    fn action_of_path(&self) -> (Action, &str) {
        match self {
            Self::Publish { topic } => (Action::Publish, topic),
            Self::GetShadow { thing } => (Action::GetThingShadow, thing),
            Self::UpdateShadow { thing } => (Action::UpdateThingShadow, thing),
            Self::DeleteShadow { thing } => (Action::DeleteThingShadow, thing),
            Self::ListShadows { .. } => (Action::ListNamedShadowsForThing, ""),
            Self::PendingJobs { thing } => (Action::GetPendingJobExecutions, thing),
            Self::StartNextJob { thing } => (Action::StartNextPendingJobExecution, thing),
            Self::DescribeJob { thing, .. } => (Action::DescribeJobExecution, thing),
            Self::UpdateJob { thing, .. } => (Action::UpdateJobExecution, thing),
            Self::ListRetained => (Action::ListRetainedMessages, ""),
            Self::GetRetained { topic } => (Action::GetRetainedMessage, topic),
            Self::DeleteConnection { client } => (Action::DeleteConnection, client),
        }
    }
}

/// What method and path ask for. Topics and client identifiers may have their slashes
/// escaped or not.
pub(crate) fn operation(method: &str, path: &str) -> Result<Operation, HttpError> {
    let method_of = |wanted: &str| if method == wanted { Ok(()) } else { Err(HttpError::method()) };
    let rest_of = |prefix: &str| path.strip_prefix(prefix).filter(|rest| !rest.is_empty());
    if let Some(rest) = rest_of("/topics/") {
        method_of("POST")?;
        return Ok(Operation::Publish { topic: text(rest)? });
    }
    if let Some(rest) = rest_of("/retainedMessage/") {
        method_of("GET")?;
        return Ok(Operation::GetRetained { topic: text(rest)? });
    }
    let levels: Vec<&str> = path.splitn(8, '/').collect();
    match levels[..] {
        ["", "retainedMessage"] | ["", "retainedMessage", ""] => {
            method_of("GET").map(|()| Operation::ListRetained)
        }
        ["", "connections", client] => {
            method_of("DELETE")?;
            let client = text(client)?;
            if !(1..=CLIENT_ID).contains(&client.len()) || client.starts_with('$') {
                return Err(HttpError::invalid("Invalid client identifier"));
            }
            Ok(Operation::DeleteConnection { client })
        }
        ["", "api", "things", "shadow", "ListNamedShadowsForThing", thing] => {
            method_of("GET")?;
            Ok(Operation::ListShadows { thing: thing_name(thing)? })
        }
        ["", "things", thing, "shadow"] => {
            let thing = thing_name(thing)?;
            match method {
                "GET" => Ok(Operation::GetShadow { thing }),
                "POST" => Ok(Operation::UpdateShadow { thing }),
                "DELETE" => Ok(Operation::DeleteShadow { thing }),
                _ => Err(HttpError::method()),
            }
        }
        ["", "things", thing, "jobs"] => {
            method_of("GET")?;
            Ok(Operation::PendingJobs { thing: thing_name(thing)? })
        }
        ["", "things", thing, "jobs", job] => job_operation(method, thing, &text(job)?),
        _ => Err(HttpError::not_found("There is nothing at this path")),
    }
}

/// Bytes of the longest client identifier.
const CLIENT_ID: usize = 128;

fn job_operation(method: &str, thing: &str, job: &str) -> Result<Operation, HttpError> {
    let is_next = job == "$next";
    if !is_next && !names::is_job(job) {
        return Err(HttpError::invalid("Invalid job id"));
    }
    let (thing, job) = (thing_name(thing)?, job.to_owned());
    match method {
        "GET" => Ok(Operation::DescribeJob { thing, job }),
        "PUT" if is_next => Ok(Operation::StartNextJob { thing }),
        "POST" if !is_next => Ok(Operation::UpdateJob { thing, job }),
        _ => Err(HttpError::method()),
    }
}

fn text(escaped: &str) -> Result<String, HttpError> {
    decode(escaped).map_err(|problem| HttpError::invalid(format!("The path has {problem}")))
}

fn thing_name(escaped: &str) -> Result<String, HttpError> {
    let name = text(escaped)?;
    if names::is_thing(&name) { Ok(name) } else { Err(HttpError::invalid("Invalid thing name")) }
}
