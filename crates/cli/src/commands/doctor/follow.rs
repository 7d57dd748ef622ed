//! `--follow`: goes on as files grow, through rotation and truncation.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_doctor::Doctor;
use evenkeel_evidence::reader::{Evidence, Options};
use jiff::Timestamp;
use tokio::time::sleep;

use super::intake::{Intake, time};
use super::read::{Read, name, read, unreadable};
use super::render::told_at_once;
use super::same::same;
use crate::args::DoctorArgs;
use crate::error::Failure;
use crate::printer::Printer;
use crate::signals::Stop;

/// How often the files are looked at: a finding is told within a second of its proof.
const EVERY: Duration = Duration::from_millis(250);

/// How much of a file is read before others are looked at.
const CHUNK: usize = 256 * 1024;

/// Follows the files until a signal, telling what is found as it is found.
pub(super) async fn follow(
    args: &DoctorArgs,
    options: &Options,
    doctor: &mut Doctor,
    printer: Printer,
    mut stop: Stop,
) -> Result<Vec<Read>, Failure> {
    let mut all: Vec<Followed> = Vec::new();
    for path in &args.files {
        all.push(Followed::open(path, options)?);
    }
    printer.say("following; Ctrl-C ends it and tells the whole");
    loop {
        for followed in &mut all {
            followed.read(&mut Intake::new(doctor, &args.reading), printer)?;
        }
        doctor.tick_all(time(Timestamp::now()));
        for finding in doctor.fresh() {
            told_at_once(&finding, printer)?;
        }
        tokio::select! {
            () = stop.requested() => break,
            // The files tell nobody that they have grown: they have to be asked.
            () = sleep(EVERY) => {}
        }
    }
    let mut read = Vec::new();
    for followed in all {
        read.push(followed.end(&mut Intake::new(doctor, &args.reading))?);
    }
    Ok(read)
}

/// A file that grows.
struct Followed {
    path: PathBuf,
    file: File,
    evidence: Evidence,
    /// How far it was read.
    at: u64,
    chunk: Vec<u8>,
}

impl Followed {
    fn open(path: &Path, options: &Options) -> Result<Self, Failure> {
        let name = name(path);
        if path.as_os_str() == "-" {
            return Err(Failure::usage("stdin cannot be followed")
                .hint("it is read as it comes; leave --follow out"));
        }
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        let evidence = Evidence::new(&name, options);
        Ok(Self { path: path.to_owned(), file, evidence, at: 0, chunk: vec![0; CHUNK] })
    }

    /// Reads what is new. A file that was replaced is read from its beginning,
    /// after the rest of the old one; so is one that was cut.
    fn read(&mut self, sink: &mut Intake<'_>, printer: Printer) -> Result<(), Failure> {
        self.rest(sink)?;
        self.evidence.settle(sink);
        if self.was_cut() {
            printer.say(&format!("{} was cut: reading it from its beginning", self.path.display()));
            self.file.rewind().map_err(|error| self.unreadable(&error))?;
        } else if let Some(file) = self.replaced() {
            printer.say(&format!("{} was replaced: reading the new one", self.path.display()));
            self.file = file;
        } else {
            return Ok(());
        }
        self.at = 0;
        self.rest(sink)
    }

    fn rest(&mut self, sink: &mut Intake<'_>) -> Result<(), Failure> {
        loop {
            let read = match self.file.read(&mut self.chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.unreadable(&error)),
            };
            self.at += read as u64;
            let bytes = self.chunk.get(..read).unwrap_or_default();
            let fed = self.evidence.feed(bytes, sink);
            fed.map_err(|error| self.unreadable(&error))?;
        }
    }

    fn was_cut(&self) -> bool {
        self.file.metadata().is_ok_and(|now| now.len() < self.at)
    }

    /// The file that stands in its place now, if it is another one.
    fn replaced(&self) -> Option<File> {
        let new = File::open(&self.path).ok()?;
        let (old, now) = (self.file.metadata().ok()?, new.metadata().ok()?);
        (!same(&old, &now)).then_some(new)
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> Failure {
        unreadable(&name(&self.path), error)
    }

    fn end(self, sink: &mut Intake<'_>) -> Result<Read, Failure> {
        // A file that grew had something, or will have.
        let summary = self.evidence.end(sink);
        read(&name(&self.path), summary, sink.events.max(1))
    }
}
