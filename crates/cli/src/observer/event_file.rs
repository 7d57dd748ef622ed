//! Events as JSON lines in a file.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use evenkeel::Report;

use crate::error::Failure;
use crate::printer::Printer;
use crate::private;

/// Where events go, one line each.
pub(crate) enum EventFile {
    Stderr,
    File(File),
    /// Writing failed once; said so, and given up.
    Broken,
}

impl EventFile {
    /// Opens the file for appending; `-` is stderr.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stderr);
        }
        private::append(path).map(Self::File).map_err(|error| {
            Failure::usage(format!("the events file '{}' cannot be written", path.display()))
                .why(error)
                .hint("check that the folder exists and may be written to")
        })
    }

    /// Appends an event.
    pub(super) fn write(&mut self, report: &Report, printer: Printer) {
        let line = report.to_json();
        match self {
            Self::Stderr => printer.say(&line),
            Self::File(file) => {
                if let Err(error) = writeln!(file, "{line}") {
                    printer.warn(&format!("events are no longer recorded: {error}"));
                    *self = Self::Broken;
                }
            }
            Self::Broken => {}
        }
    }
}
