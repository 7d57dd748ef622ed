//! Findings of live sources, told as soon as they are there.

use evenkeel_doctor::{Doctor, Finding, Time};

use super::redact::Names;
use super::render::{at_once, render};
use super::suppress::Suppressions;
use super::told::{Told, is_asked, kept};
use crate::args::{ReportFormat, TellingFlags};
use crate::error::Failure;
use crate::printer::Printer;

/// Tells what is new.
#[derive(Clone, Debug)]
pub(super) struct AtOnce {
    flags: TellingFlags,
    since: Option<Time>,
    suppressions: Suppressions,
    printer: Printer,
}

impl AtOnce {
    pub(super) fn new(
        flags: &TellingFlags,
        since: Option<Time>,
        suppressions: &Suppressions,
        printer: Printer,
    ) -> Self {
        Self { flags: flags.clone(), since, suppressions: suppressions.clone(), printer }
    }

    /// Tells what the doctor has found since.
    pub(super) fn tell(&self, doctor: &mut Doctor, names: Option<&Names>) -> Result<(), Failure> {
        let mut fresh = doctor.fresh();
        if fresh.is_empty() {
            return Ok(());
        }
        // What follows from a cause that is known waits for the report.
        let causes: Vec<Finding> = (doctor.findings().into_iter())
            .flat_map(|finding| kept(finding, &mut |it| self.wants(it)))
            .collect();
        let is_cause = |new: &Finding| {
            causes.iter().any(|it| it.rule.id == new.rule.id && it.client == new.client)
        };
        fresh.retain(is_cause);
        for mut finding in fresh {
            if let Some(names) = names {
                names.hide_in(&mut finding);
            }
            self.one(finding, doctor)?;
        }
        Ok(())
    }

    fn wants(&self, finding: &Finding) -> bool {
        is_asked(finding, self.since, &self.flags) && !self.suppressions.name(finding)
    }

    /// Stdout has what the form of the report allows there; the rest is for people.
    fn one(&self, finding: Finding, doctor: &Doctor) -> Result<(), Failure> {
        let text = match self.flags.format {
            ReportFormat::Text => at_once(&finding) + "\n",
            ReportFormat::Jsonl => {
                render(&Told::of(finding, doctor.report()), ReportFormat::Jsonl, false)
            }
            _ => {
                self.printer.say(&at_once(&finding));
                return Ok(());
            }
        };
        let mut data = self.printer.data();
        data.write_own(text)?;
        data.flush()
    }
}
