//! `evenkeel profile ls`.

use evenkeel_profile::{BUILT_IN, Profile};

use super::{Tally, json};
use crate::args::ProfileListArgs;
use crate::error::Failure;
use crate::printer::Printer;

/// Lists the built-in profiles.
pub(super) fn run(args: &ProfileListArgs, printer: Printer) -> Result<(), Failure> {
    let mut data = printer.data();
    if !args.json {
        data.line("NAME                  LIMITS  OBEYED  WHAT")?;
    }
    for profile in BUILT_IN.into_iter().filter_map(Profile::built_in) {
        if args.json {
            data.line(&json::profile(&profile))?;
            continue;
        }
        let Tally { limits, obeyed, .. } = Tally::of(&profile);
        let about = evenkeel_profile::about(&profile.name).unwrap_or_default();
        data.line(&format!("{:<20}  {limits:>6}  {obeyed:>6}  {about}", profile.name))?;
    }
    data.flush()
}
