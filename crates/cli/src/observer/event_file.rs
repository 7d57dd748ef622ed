//! Events as JSON lines in a file.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use evenkeel::Report;

use crate::args::EventsVersion;
use crate::error::Failure;
use crate::printer::Printer;
use crate::private;

/// Where events go, one line each.
pub(crate) struct EventFile {
    to: Destination,
    version: EventsVersion,
}

enum Destination {
    Stderr,
    File(File),
    /// Writing failed once; said so, and given up.
    Broken,
}

impl EventFile {
    /// Opens the file for appending; `-` is stderr.
    pub(crate) fn open(path: &Path, version: EventsVersion) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self { to: Destination::Stderr, version });
        }
        let file = private::append(path).map_err(|error| {
            Failure::usage(format!("the events file '{}' cannot be written", path.display()))
                .why(error)
                .hint("check that the folder exists and may be written to")
        })?;
        Ok(Self { to: Destination::File(file), version })
    }

    /// Appends an event.
    pub(super) fn write(&mut self, report: &Report, printer: Printer) {
        let line = match self.version {
            EventsVersion::V1 => report.to_json_v1(),
            EventsVersion::V2 => report.to_json(),
        };
        match &mut self.to {
            Destination::Stderr => printer.say(&line),
            Destination::File(file) => {
                if let Err(error) = writeln!(file, "{line}") {
                    printer.warn(&format!("events are no longer recorded: {error}"));
                    self.to = Destination::Broken;
                }
            }
            Destination::Broken => {}
        }
    }
}
