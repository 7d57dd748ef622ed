//! The operator's side of an emulated account: one request, and its answer as JSON.

use evenkeel_aws::emulator::Ask;
use serde_json::Value;

use crate::args::{AccountFlags, ConnectionAction, JobAction, ShadowAction, ShadowTarget};
use crate::emulator;
use crate::error::Failure;
use crate::printer::Printer;

/// A request, and whom it is for.
pub(in crate::commands) struct Request<'a> {
    pub(in crate::commands) ask: Ask,
    pub(in crate::commands) account: &'a AccountFlags,
}

impl Request<'_> {
    /// Asks, and prints the answer.
    pub(in crate::commands) async fn run(self, printer: Printer) -> Result<(), Failure> {
        let answer = emulator::ask(&self.account.folder, &self.ask).await?;
        printer.show(&format!("{answer:#}\n"))
    }
}

pub(in crate::commands) fn shadow(action: &ShadowAction) -> Result<Request<'_>, Failure> {
    let of = |target: &ShadowTarget| (target.thing.clone(), target.name.clone());
    let (ask, target) = match action {
        ShadowAction::Get(target) => {
            let (thing, name) = of(target);
            (Ask::ShadowGet { thing, name }, target)
        }
        ShadowAction::Update { target, document } => {
            let (thing, name) = of(target);
            let document = json(document)?;
            (Ask::ShadowUpdate { thing, name, document }, target)
        }
        ShadowAction::Delete(target) => {
            let (thing, name) = of(target);
            (Ask::ShadowDelete { thing, name }, target)
        }
    };
    Ok(Request { ask, account: &target.account })
}

pub(in crate::commands) fn job(action: &JobAction) -> Result<Request<'_>, Failure> {
    Ok(match action {
        JobAction::Create { job, document, things, timeout, account } => {
            let (job, document, things) = (job.clone(), json(document)?, things.clone());
            let ask = Ask::JobCreate { job, document, things, timeout: *timeout };
            Request { ask, account }
        }
        JobAction::Describe { job, thing, account } => {
            let (job, thing) = (job.clone(), thing.clone());
            Request { ask: Ask::JobDescribe { job, thing }, account }
        }
        JobAction::Delete { job, force, account } => {
            Request { ask: Ask::JobDelete { job: job.clone(), force: *force }, account }
        }
        JobAction::Cancel { job, thing, force, account } => {
            let (job, thing) = (job.clone(), thing.clone());
            Request { ask: Ask::JobCancel { job, thing, force: *force }, account }
        }
        JobAction::Ls { thing, account } => {
            Request { ask: Ask::JobList { thing: thing.clone() }, account }
        }
    })
}

pub(in crate::commands) fn connection(action: &ConnectionAction) -> Request<'_> {
    match action {
        ConnectionAction::Ls(account) => Request { ask: Ask::ConnectionList, account },
        ConnectionAction::Delete { client, account } => {
            Request { ask: Ask::ConnectionDelete { client: client.clone() }, account }
        }
    }
}

fn json(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::usage("the document is no JSON")
            .why(error)
            .hint(r#"in quotes of the shell: '{"state":{"desired":{"level":5}}}'"#)
    })
}
