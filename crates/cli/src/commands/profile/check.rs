//! `evenkeel profile check`.

use super::{Tally, json};
use crate::args::ProfileCheckArgs;
use crate::error::Failure;
use crate::printer::Printer;
use crate::settings::read_profile;

/// Reads a file; what is wrong with it is the failure.
pub(super) fn run(args: &ProfileCheckArgs, printer: Printer) -> Result<(), Failure> {
    let profile = read_profile(&args.file)?;
    let mut data = printer.data();
    if args.json {
        data.line(&json::profile(&profile))?;
    } else {
        let Tally { limits, breakable, obeyed } = Tally::of(&profile);
        data.line(&format!(
            "{}: profile {} is valid: {limits} limits; a client can break {breakable} of them, \
             this one obeys {obeyed}",
            args.file.display(),
            profile.name
        ))?;
    }
    data.flush()
}
