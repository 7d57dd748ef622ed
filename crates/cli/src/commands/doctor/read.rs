//! Reads files into the doctor.

use std::collections::HashSet;
use std::fmt;
use std::fs::{File, FileType};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use evenkeel_evidence::reader::{Evidence, EvidenceError, Options, Summary, formats};

use super::ending::Ending;
use super::intake::Intake;
use super::stdin::Stdin;
use super::unpack::unpacked;
use crate::args::{DoctorArgs, ReadingFlags};
use crate::commands::interrupted;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::signals::Stop;

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;

/// No key log is longer.
const LARGEST_KEYLOG: u64 = 64 << 20;

/// The lines of a key log that open something.
const LABELS: [&[u8]; 3] =
    [b"CLIENT_RANDOM", b"CLIENT_TRAFFIC_SECRET_0", b"SERVER_TRAFFIC_SECRET_0"];

/// The hexadecimal digits of a client's random number, and of the longest secret.
const RANDOM: usize = 64;
const SECRET: usize = 96;

/// What one file gave.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) name: String,
    /// The kind of file, in one word.
    pub(super) kind: String,
    /// What was understood, for people.
    pub(super) summary: String,
}

/// Reads every file, in the order in which they are given: the clocks of the first are
/// those that others are compared with, and a log behind a pipe has all that was written
/// to it meanwhile. `stop` is the end of a pipe, or ends the reading of the rest.
pub(super) fn all(
    args: &DoctorArgs,
    options: &Options,
    intake: &mut Intake,
    stop: &Stop,
    printer: Printer,
) -> Result<Vec<Read>, Failure> {
    let files = once(&args.files, printer);
    let mut ending = Ending::new(stop);
    let read = files.into_iter().map(|path| one(path, options, intake, &mut ending)).collect();
    intake.stopped = ending.has_ended_files();
    what_was_read(read, printer)
}

/// Every file, but none of them twice: what it shows would count twice.
pub(super) fn once(files: &[PathBuf], printer: Printer) -> Vec<&Path> {
    let mut known = HashSet::new();
    // Stdin and what is not there say so themselves.
    let is_new = |path: &&Path| path.canonicalize().map_or(true, |file| known.insert(file));
    let (once, again): (Vec<&Path>, Vec<&Path>) =
        files.iter().map(PathBuf::as_path).partition(is_new);
    if let Some((first, others)) = again.split_first() {
        let others = match others.len() {
            0 => "is".to_owned(),
            count => format!("and {count} more are"),
        };
        printer.warn(&format!("'{}' {others} given twice, and read once", name(first)));
    }
    once
}

/// What could be read. What could not is told on stderr; if nothing could be,
/// that is the end.
pub(super) fn what_was_read(
    files: Vec<Result<Read, Failure>>,
    printer: Printer,
) -> Result<Vec<Read>, Failure> {
    let mut all = Vec::new();
    let mut failed: Vec<Failure> = Vec::new();
    for file in files {
        match file {
            Ok(read) => all.push(read),
            Err(failure) => failed.push(failure),
        }
    }
    let mut end = None;
    if all.is_empty() {
        // That a signal came is why there is nothing, whatever else was wrong.
        let signal = failed.iter().rposition(|it| it.exit() == Exit::Interrupted);
        let told = signal.or_else(|| failed.len().checked_sub(1));
        end = told.map(|at| failed.remove(at));
    }
    failed.iter().for_each(|failure| printer.warn(&format!("{failure:#}")));
    end.map_or(Ok(all), Err)
}

pub(super) fn options(flags: &ReadingFlags) -> Result<Options, Failure> {
    let mut options = Options::default();
    if let Some(path) = &flags.keylog {
        options.capture.key_log = keylog(path)?;
    }
    if !flags.ports.is_empty() {
        options.capture.ports.clone_from(&flags.ports);
    }
    if let Some(name) = &flags.input
        && !formats().any(|format| format.name == name)
    {
        return Err(Failure::usage(format!("there is no kind of files '{name}'"))
            .why("--input names what the content of a file does not tell")
            .hint("evenkeel doctor formats lists the names"));
    }
    options.log.format.clone_from(&flags.input);
    Ok(options)
}

/// Whether a key log has the keys of any connection.
pub(super) fn has_keys(key_log: &[u8]) -> bool {
    key_log.split(|byte| *byte == b'\n').any(is_key)
}

/// Whether a line is one that the reader of captures takes.
fn is_key(line: &[u8]) -> bool {
    let mut words = line.trim_ascii().split(|byte| *byte == b' ');
    let (Some(label), Some(random), Some(secret)) = (words.next(), words.next(), words.next())
    else {
        return false;
    };
    let is_hex = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
    let is_secret = !secret.is_empty() && secret.len() % 2 == 0 && secret.len() <= SECRET;
    let is_whole = random.len() == RANDOM && is_secret;
    LABELS.contains(&label) && is_whole && is_hex(random) && is_hex(secret)
}

fn keylog(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| {
        Failure::usage(format!("the key log '{}' cannot be read", path.display()))
            .why(why)
            .hint("it is the text that SSLKEYLOGFILE makes a client or a broker write")
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = Vec::new();
    let read = file.take(LARGEST_KEYLOG + 1).read_to_end(&mut text);
    let read = read.map_err(|error| failed(error.to_string()))?;
    if read as u64 > LARGEST_KEYLOG {
        return Err(failed(format!("it is longer than {LARGEST_KEYLOG} bytes")));
    }
    Ok(text)
}

/// A file of which nothing can be told.
pub(super) fn unreadable(name: &str, error: &dyn fmt::Display) -> Failure {
    Failure::new(Exit::Unreadable, format!("'{name}' cannot be read"))
        .why(error)
        .hint("evenkeel doctor formats lists what can be read")
}

/// A file that the system does not let be read, or whose packed bytes cannot be.
pub(super) fn unopened(name: &str, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::IsADirectory => "name the files in it",
        io::ErrorKind::PermissionDenied => "let a user read it who may",
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => "pack it again",
        io::ErrorKind::Unsupported => "pack it again without --long and --patch-from, or unpack it",
        _ => "check what the path leads to",
    };
    Failure::new(Exit::Unreadable, format!("'{name}' cannot be read")).why(error).hint(hint)
}

/// Why a file was not read to its end.
enum Cut {
    Signal,
    Broken(io::Error),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal => f.write_str("a signal stopped the program"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

/// Reads one file to its end.
fn one(
    path: &Path,
    options: &Options,
    intake: &mut Intake,
    ending: &mut Ending<'_>,
) -> Result<Read, Failure> {
    let name = name(path);
    let (file, is_pipe) = open(path, ending.stop()).map_err(|error| unopened(&name, &error))?;
    let before = intake.events;
    let mut evidence = Evidence::new(&name, options);
    let mut feed = |bytes: &[u8]| evidence.feed(bytes, intake).is_ok();
    let cut = if is_pipe {
        // It ends by itself, also at the signal.
        let cut = pass_on(file, &mut feed, || false);
        ending.pipe_has_ended();
        cut
    } else {
        pass_on(file, &mut feed, || ending.ends_file())
    };
    let summary = evidence.end(intake);
    let events = intake.events - before;
    match cut {
        None => read(&name, summary, events),
        Some(cut) if events > 0 => Ok(part(&name, &cut)),
        Some(Cut::Broken(error)) => Err(unopened(&name, &error)),
        Some(Cut::Signal) => Err(interrupted(format!("'{name}' was not read to its end"))
            .hint("run it again, and wait for the end")),
    }
}

/// Hands on what a file holds, unpacked, as long as it is taken and `ends` does not
/// say that this is enough; why that is not all, if it is not.
fn pass_on(
    file: Box<dyn BufRead + Send>,
    mut feed: impl FnMut(&[u8]) -> bool,
    mut ends: impl FnMut() -> bool,
) -> Option<Cut> {
    let mut reader = match unpacked(file) {
        Ok(reader) => reader,
        Err(error) => return Some(Cut::Broken(error)),
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        if ends() {
            return Some(Cut::Signal);
        }
        let read = match reader.read(&mut chunk) {
            Ok(0) => return None,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Some(Cut::Broken(error)),
        };
        if !feed(chunk.get(..read).unwrap_or_default()) {
            // What came before it may be enough; the end tells both.
            return None;
        }
    }
}

/// What a file gave; an error if that is nothing.
pub(super) fn read(
    name: &str,
    summary: Result<Summary, EvidenceError>,
    events: u64,
) -> Result<Read, Failure> {
    match summary {
        Ok(summary) => Ok(Read {
            name: name.to_owned(),
            kind: kind(&summary).to_owned(),
            summary: summary.to_string(),
        }),
        Err(problem) if events == 0 => Err(unreadable(name, &problem)),
        Err(problem) => Ok(part(name, &problem)),
    }
}

/// A file of which something was read before it failed.
fn part(name: &str, why: &dyn fmt::Display) -> Read {
    let summary = format!("not read to its end: {why}");
    Read { name: name.to_owned(), kind: "part".to_owned(), summary }
}

/// The kind of file, in one word.
fn kind(summary: &Summary) -> &'static str {
    match summary {
        Summary::Log(log) => log.format,
        _ => "capture",
    }
}

/// A file, and whether it is a pipe or another thing that may never say more.
fn open(path: &Path, stop: &Stop) -> io::Result<(Box<dyn BufRead + Send>, bool)> {
    let waits = |kind: FileType| !kind.is_file() && !kind.is_dir();
    if path.as_os_str() == "-" || waits(std::fs::metadata(path)?.file_type()) {
        let pipe = Stdin::open(path, stop.clone(), CHUNK);
        return Ok((Box::new(BufReader::with_capacity(CHUNK, pipe)), true));
    }
    Ok((Box::new(BufReader::with_capacity(CHUNK, File::open(path)?)), false))
}

/// What people call a file.
pub(super) fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "stdin".into() } else { path.display().to_string() }
}
