//! The doctor of a command with one client.

use evenkeel::Report;
use evenkeel_profile::Profile;

use super::Diagnosis;
use crate::printer::{Printer, Verbosity};
use crate::settings::ConnectionSettings;

/// Follows the one client of a command, and says at the end what is wrong.
#[derive(Debug)]
pub(crate) struct OwnDoctor {
    diagnosis: Diagnosis,
    printer: Printer,
}

impl OwnDoctor {
    /// None where nobody would hear it: `--quiet` says nothing, and mosquitto's tools
    /// have no doctor.
    pub(crate) fn new(settings: &ConnectionSettings, printer: Printer) -> Option<Self> {
        let is_heard =
            printer.verbosity() >= Verbosity::Normal && !printer.personality().is_mosquitto();
        let profile = settings.profile.as_ref().map(|chosen| chosen.profile.clone());
        is_heard.then(|| Self {
            diagnosis: Diagnosis::new(1, profile.unwrap_or_else(Profile::empty)),
            printer,
        })
    }

    /// Takes an event of the client in.
    pub(crate) fn note(&mut self, report: &Report) {
        self.diagnosis.client_event(report);
    }

    /// Says what is wrong, if anything is: the strongest finding, as the end of a program
    /// is no place for a report.
    pub(crate) fn end(mut self) {
        if let Some(said) = self.diagnosis.findings().first() {
            self.printer.say(&said.line());
        }
    }
}
