//! `--follow`: goes on as files grow, through rotation and truncation.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_evidence::reader::{Evidence, Options};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::at_once::AtOnce;
use super::intake::Intake;
use super::read::{Read, name, once, read, unopened, unreadable, what_was_read};
use super::same::same;
use crate::args::DoctorArgs;
use crate::error::Failure;
use crate::printer::Printer;
use crate::signals::Stop;

/// How often the files are looked at: a finding is told within a second of its proof.
const EVERY: Duration = Duration::from_millis(250);

/// How much of a file is read before others are looked at.
const CHUNK: usize = 256 * 1024;

/// Follows the files until a signal, telling what is found as it is found. One
/// that cannot be followed any more does not end the others.
pub(super) async fn follow(
    args: &DoctorArgs,
    options: &Options,
    intake: &mut Intake,
    at_once: &AtOnce,
    printer: Printer,
    mut stop: Stop,
) -> Result<Vec<Read>, Failure> {
    let mut all: Vec<Followed<'_>> = Vec::new();
    let mut done: Vec<Result<Read, Failure>> = Vec::new();
    for path in once(&args.files, printer) {
        match Followed::open(path, options) {
            Ok(followed) => all.push(followed),
            Err(failure) => done.push(Err(failure)),
        }
    }
    if !all.is_empty() {
        // Told now, not when somebody ends the others.
        for failure in done.drain(..).filter_map(Result::err) {
            printer.warn(&format!("{failure:#}"));
        }
        printer.say("following; Ctrl-C ends it and tells the whole");
    }
    while !all.is_empty() {
        let mut more = false;
        let mut live = Vec::new();
        for mut followed in all {
            match followed.turn(intake, printer) {
                Ok(has_more) => {
                    more |= has_more;
                    live.push(followed);
                }
                Err(problem) => {
                    // That of the only one is told at the end.
                    if args.files.len() > 1 {
                        let failure = unreadable(&name(&followed.path), &problem);
                        printer.warn(&format!("{failure:#}"));
                    }
                    done.push(followed.end(intake));
                }
            }
        }
        all = live;
        all.iter().for_each(|followed| followed.tick(intake));
        at_once.tell(&mut intake.doctor, intake.names.as_ref())?;
        tokio::select! {
            biased;
            () = stop.requested() => break,
            () = yield_now(), if more => {}
            // The files tell nobody that they have grown: they have to be asked.
            () = sleep(EVERY), if !more => {}
        }
    }
    done.extend(all.into_iter().map(|followed| followed.end(intake)));
    what_was_read(done, printer)
}

/// A file that grows.
struct Followed<'a> {
    path: PathBuf,
    options: &'a Options,
    file: File,
    evidence: Evidence,
    /// How far it was read.
    at: u64,
    /// The sources of this file, and how many events they gave.
    sources: Range<usize>,
    events: u64,
    /// What the file gave that stood in its place before.
    before: Option<Read>,
    chunk: Vec<u8>,
}

impl<'a> Followed<'a> {
    fn open(path: &Path, options: &'a Options) -> Result<Self, Failure> {
        let name = name(path);
        if path.as_os_str() == "-" {
            return Err(Failure::usage("stdin cannot be followed")
                .hint("it is read as it comes; leave --follow out"));
        }
        let file = open(path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => Failure::usage(format!("'{name}' cannot be followed"))
                .why(error)
                .hint(format!("a pipe is read as it comes: evenkeel doctor - < {name}")),
            _ => unopened(&name, &error),
        })?;
        let evidence = Evidence::new(&name, options);
        Ok(Self {
            path: path.to_owned(),
            options,
            file,
            evidence,
            at: 0,
            sources: 0..0,
            events: 0,
            before: None,
            chunk: vec![0; CHUNK],
        })
    }

    /// Reads one piece of what is new; whether there may be more. A file that
    /// was replaced is read from its beginning, after the rest of the old one;
    /// so is one that was cut.
    fn turn(&mut self, intake: &mut Intake, printer: Printer) -> Result<bool, Problem> {
        let read = match self.file.read(&mut self.chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        if read > 0 {
            self.at += read as u64;
            self.feed(read, intake)?;
            return Ok(true);
        }
        self.evidence.settle(intake);
        let path = self.path.display();
        if self.was_cut() {
            printer.say(&format!("{path} was cut: reading it from its beginning"));
            self.file.rewind()?;
        } else if let Some(file) = self.replaced() {
            printer.say(&format!("{path} was replaced: reading the new one"));
            self.file = file;
        } else {
            return Ok(false);
        }
        self.begin_again(intake);
        Ok(true)
    }

    fn feed(&mut self, read: usize, intake: &mut Intake) -> Result<(), Problem> {
        let (sources, events) = (intake.sources(), intake.events);
        let bytes = self.chunk.get(..read).unwrap_or_default();
        intake.reads_now();
        let fed = self.evidence.feed(bytes, intake);
        if intake.sources() > sources {
            let first = if self.sources.is_empty() { sources } else { self.sources.start };
            self.sources = first..intake.sources();
        }
        self.events += intake.events - events;
        Ok(fed?)
    }

    /// What comes is another file, which may even be of another kind.
    fn begin_again(&mut self, intake: &mut Intake) {
        let name = name(&self.path);
        let fresh = Evidence::new(&name, self.options);
        let old = std::mem::replace(&mut self.evidence, fresh);
        if let Ok(read) = read(&name, old.end(intake), self.events) {
            self.before = Some(read);
        }
        (self.at, self.sources, self.events) = (0, 0..0, 0);
    }

    /// Time has passed, for this file and not for the ones before it.
    fn tick(&self, intake: &mut Intake) {
        self.sources.clone().for_each(|source| intake.tick(source));
    }

    fn was_cut(&self) -> bool {
        self.file.metadata().is_ok_and(|now| now.len() < self.at)
    }

    /// The file that stands in its place now, if it is another one.
    fn replaced(&self) -> Option<File> {
        let new = open(&self.path).ok()?;
        let (old, now) = (self.file.metadata().ok()?, new.metadata().ok()?);
        (!same(&old, &now)).then_some(new)
    }

    fn end(self, intake: &mut Intake) -> Result<Read, Failure> {
        let events = intake.events;
        let summary = self.evidence.end(intake);
        let read = read(&name(&self.path), summary, self.events + intake.events - events);
        // A new one may have nothing yet.
        read.or_else(|failure| self.before.ok_or(failure))
    }
}

/// Why a file cannot be followed any more.
type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Opens a file that can grow. Others are not even opened: that of a pipe waits
/// until somebody writes to it.
fn open(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    File::open(path)
}
