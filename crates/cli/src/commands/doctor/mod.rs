//! `evenkeel doctor`: why connections flap.

mod at_once;
mod compare;
mod ending;
mod explain;
mod follow;
mod intake;
mod proxy;
mod read;
mod redact;
mod render;
mod same;
mod stdin;
mod suppress;
mod told;
mod unpack;

use std::path::{Path, PathBuf};

use evenkeel_doctor::{Bounds, Doctor};

use crate::args::{DoctorAction, DoctorArgs, TellingFlags};
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::settings::profile_named_or_read;
use at_once::AtOnce;
use compare::Compared;
use intake::Intake;
use suppress::Suppressions;
use told::Told;

/// Does what the command line asks for.
pub(super) fn run(args: &DoctorArgs, printer: Printer) -> Result<(), Failure> {
    match &args.action {
        None => examine(args, printer),
        Some(DoctorAction::Proxy(args)) => proxy::run(args, printer),
        Some(DoctorAction::Explain { rule, .. }) => explain::explain(rule, printer),
        Some(DoctorAction::Rules { json, .. }) => explain::rules(*json, printer),
        Some(DoctorAction::Formats { json, .. }) => explain::formats(*json, printer),
    }
}

/// Reads the evidence and tells what it shows.
fn examine(args: &DoctorArgs, printer: Printer) -> Result<(), Failure> {
    spare_inputs(args)?;
    let suppressions = Suppressions::read(args.telling.suppress.as_deref())?;
    let profile = match &args.reading.profile {
        Some(name) => profile_named_or_read(name)?,
        None => evenkeel_profile::Profile::empty(),
    };
    let mut doctor = Doctor::new(profile, Bounds::default());
    set_thresholds(&mut doctor, &args.reading.thresholds)?;
    let options = read::options(&args.reading)?;
    if let Some(path) = &args.reading.keylog
        && !read::has_keys(&options.capture.key_log)
    {
        printer.warn(&format!("the key log '{}' has no keys: it opens nothing", path.display()));
    }
    let since = args.reading.since.map(intake::time);
    let mut intake = Intake::new(doctor, args.reading.redact);
    if args.files.len() > 1 {
        intake.compare_sources();
    }
    let read = if args.reading.follow {
        let at_once = AtOnce::new(&args.telling, since, &suppressions, printer);
        super::in_runtime(printer, true, async |stop| {
            follow::follow(args, &options, &mut intake, &at_once, printer, stop).await
        })?
    } else {
        super::in_runtime(printer, false, async |stop| {
            read::all(args, &options, &mut intake, &stop, printer)
        })?
    };
    let Intake { mut doctor, names, witnesses, stopped, .. } = intake;
    doctor.finish();
    let compared = witnesses.map(|all| Compared::new(all.compare(), &mut doctor));
    let told = Told::new(doctor.report(), read, since, &args.telling, &suppressions);
    let mut told = told.map_err(|unseen| if stopped { in_part(&unseen) } else { unseen })?;
    if let Some(compared) = compared {
        told.compare(compared, since, &args.telling);
    }
    if let Some(names) = names {
        names.hide(&mut told);
    }
    let verdict = tell(&told, &args.telling, printer);
    if stopped && verdict.as_ref().err().is_none_or(|it| it.exit() == Exit::Findings) {
        return Err(super::interrupted("not all of the files were read")
            .hint("the report is of what came before it"));
    }
    verdict
}

/// A client that was not seen may be in what was not read.
fn in_part(unseen: &Failure) -> Failure {
    super::interrupted(format!("{unseen} in what was read"))
        .hint("run it again, and wait for the end: not all of the files were read")
}

/// What is read is never written: the report may not take the place of an input.
fn spare_inputs(args: &DoctorArgs) -> Result<(), Failure> {
    let Some(output) = &args.telling.output else { return Ok(()) };
    let files = [&args.reading.keylog, &args.telling.suppress];
    let profile = args.reading.profile.as_ref().map(Path::new);
    let mut inputs =
        args.files.iter().chain(files.into_iter().flatten()).map(PathBuf::as_path).chain(profile);
    match inputs.find(|input| same::same_file(output, input)) {
        Some(input) => Err(Failure::usage(format!(
            "--output '{}' is an input, '{}'",
            output.display(),
            input.display()
        ))
        .hint("name another file: what is read is never written")),
        None => Ok(()),
    }
}

fn set_thresholds(doctor: &mut Doctor, all: &[(String, u64)]) -> Result<(), Failure> {
    for (name, value) in all {
        doctor.set_threshold(name, *value).map_err(|_| {
            Failure::usage(format!("no rule has a threshold '{name}'"))
                .hint("evenkeel doctor explain RULE lists those of a rule")
        })?;
    }
    Ok(())
}

/// Writes the report; the exit code is its verdict.
fn tell(told: &Told, flags: &TellingFlags, printer: Printer) -> Result<(), Failure> {
    let mut data = printer.data();
    let colour = flags.output.is_none() && data.is_colored();
    let text = render::render(told, flags.format, colour);
    match &flags.output {
        Some(path) => crate::private::write(path, text.as_bytes()).map_err(|error| {
            Failure::new(Exit::Failed, format!("'{}' cannot be written", path.display()))
                .why(error)
                .hint("name a file that can be, or leave --output out: the report goes to stdout")
        })?,
        None => {
            data.write_own(&text)?;
            data.flush()?;
        }
    }
    if told.fails(flags.fail_on) { Err(Failure::silent(Exit::Findings)) } else { Ok(()) }
}
