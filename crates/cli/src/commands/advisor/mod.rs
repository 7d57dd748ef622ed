//! `advisor`: the acceptance tests of AWS Device Advisor, against any client.
//!
//! Each case is a listener of its own and a new process of the client. Between
//! the client and a broker in memory sits a [`relay`] that writes down each
//! packet, and keeps back or cuts what the case's [`Plan`](plan::Plan) says.

mod account;
mod files;
mod held;
mod long;
mod notes;
mod orders;
mod plan;
mod policies;
mod program;
mod relay;
mod run;
mod secure;

use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_aws::advisor::report::{Counts, Report};
use evenkeel_aws::advisor::{Case, Group, Outcome, Scenario, Setting, Suite, judge};

use crate::args::AdvisorArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::{Data, Printer};
use crate::private;
use crate::signals::Stop;
use account::Identity;
use files::Files;
use long::Times;
use program::Program;
use run::Common;

/// Runs the cases, one after the other; an error if one has failed.
pub(super) async fn run(
    args: &AdvisorArgs,
    printer: Printer,
    mut stop: Stop,
) -> Result<(), Failure> {
    let cases = chosen(args);
    let common = common(args, &cases)?;
    let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut report = Report { program: common.program.name(), began, outcomes: Vec::new() };
    let mut data = printer.data();
    for case in cases {
        if printer.shows_progress() {
            printer.progress(&format!("{}: {}", case.id, case.passes));
        }
        let times = Times {
            timeout: args.execution_timeout.unwrap_or(case.timeout),
            hasten: args.long.hasten,
        };
        let outcome = tokio::select! {
            biased;
            () = stop.requested() => {
                end_progress(printer);
                return Err(super::interrupted("the tests were not run to their end"));
            }
            outcome = of_case(case, &common, times, printer) => outcome?,
        };
        end_progress(printer);
        show(&mut data, &outcome)?;
        report.outcomes.push(outcome);
    }
    write_all(args, &report)?;
    conclude(&mut data, report.counts(), args.strict)
}

/// The cases that are asked for, each once and in the order of the list; those about
/// MQTT if none is.
fn chosen(args: &AdvisorArgs) -> Vec<&'static Case> {
    let mqtt = [Suite::Group(Group::Mqtt)];
    let is_any = args.suites.is_empty() && args.cases.is_empty();
    let suites = if is_any { &mqtt[..] } else { &args.suites };
    let mut chosen: Vec<&'static Case> = Vec::new();
    let of_suites = suites.iter().flat_map(|suite| suite.cases());
    for case in of_suites.chain(args.cases.iter().copied()) {
        if !chosen.contains(&case) {
            chosen.push(case);
        }
    }
    chosen
}

fn common(args: &AdvisorArgs, cases: &[&'static Case]) -> Result<Common, Failure> {
    let thing = args.device.thing.as_ref().unwrap_or(&args.client_id);
    if !evenkeel_aws::is_thing_name(thing) {
        return Err(Failure::usage(format!("'{thing}' is no name of a thing"))
            .why("AWS takes 1 to 128 letters, digits and :_-")
            .hint("--thing pump-17"));
    }
    let program = Program::new(args, thing)?;
    let usual = Setting::default();
    let setting = Setting {
        topic: Some(args.topic.clone()),
        attempts: args.attempts,
        reported: args.device.reported.clone(),
        desired: args.device.desired.clone().unwrap_or(usual.desired),
        operations: if args.long.operations.is_empty() {
            usual.operations
        } else {
            args.long.operations.clone()
        },
        policies: policies::read(&args.device.policies)?,
    };
    let identity = Identity {
        thing: thing.clone(),
        shadow: args.device.shadow.clone(),
        job_document: args.device.job_document.clone().unwrap_or_else(account::job_document),
    };
    let uses_tls = args.tls || cases.iter().any(|case| case.group == Group::Tls);
    let files = Files::make(thing)?;
    Ok(Common { program, setting, identity, files, uses_tls })
}

fn end_progress(printer: Printer) {
    if printer.shows_progress() {
        printer.end_progress();
    }
}

async fn of_case(
    case: &'static Case,
    common: &Common,
    times: Times,
    printer: Printer,
) -> Result<Outcome, Failure> {
    if case.group == Group::Long {
        let tell = |scenario: Scenario| {
            if printer.shows_progress() {
                printer.progress(&format!("{}: {}", case.id, scenario.name()));
            }
        };
        return long::run(case, common, times, tell).await;
    }
    match plan::Plan::of(case) {
        Some(plan) => run::run(case, plan, common, times.timeout).await,
        None => {
            let verdict = judge(case, &common.setting, &[]);
            Ok(Outcome { case, verdict, took: Duration::ZERO, moments: Vec::new() })
        }
    }
}

fn show(data: &mut Data, outcome: &Outcome) -> Result<(), Failure> {
    let Outcome { case, verdict, took, .. } = outcome;
    let seconds = took.as_secs_f64();
    let (word, reason) = (verdict.word(), verdict.reason());
    data.line(&format!("{word:<7} {} ({seconds:.1} s): {reason}", case.id))?;
    data.flush()
}

fn conclude(data: &mut Data, counts: Counts, strict: bool) -> Result<(), Failure> {
    let Counts { pass, warn, fail, not_run } = counts;
    data.line(&format!("{pass} passed, {warn} with warnings, {fail} failed, {not_run} not run"))?;
    data.flush()?;
    if fail > 0 || (strict && warn > 0) {
        return Err(Failure::new(Exit::BadVerdict, "the client has not passed").hint(
            "--html FILE shows what happened when, --debug what the client says, and docs/advisor.md \
             what each case is about",
        ));
    }
    Ok(())
}

fn write_all(args: &AdvisorArgs, report: &Report) -> Result<(), Failure> {
    if let Some(path) = &args.json {
        write(path, &format!("{:#}\n", report.to_json()))?;
    }
    if let Some(path) = &args.junit {
        write(path, &report.to_junit())?;
    }
    if let Some(path) = &args.html {
        write(path, &report.to_html())?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    private::write(path, text.as_bytes()).map_err(|error| {
        let what = format!("the report '{}' cannot be written", path.display());
        Failure::new(Exit::Failed, what).why(error)
    })
}
