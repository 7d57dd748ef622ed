//! What is published: one message, or a stream of them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use evenkeel::Bytes;

use crate::args::PayloadFlags;
use crate::error::Failure;

/// The longest payload MQTT can frame, less what a topic needs.
pub(crate) const LARGEST: u64 = 268_435_455;

/// Where the payloads come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Known already.
    Known(Bytes),
    /// All of stdin.
    Stdin,
    /// All of a file that is none, such as a FIFO: its end is for others to say.
    Pipe(PathBuf),
    /// Each line of stdin is a message.
    Lines,
}

/// Settles on the one payload that the flags and the free word give.
pub(super) fn collect(
    flags: &PayloadFlags,
    lines: bool,
    word: Option<&OsStr>,
) -> Result<Option<Payload>, Failure> {
    let mut found: Vec<(&str, Payload)> = Vec::new();
    if let Some(message) = word {
        found.push(("a message", known(message)));
    }
    if let Some(message) = &flags.message {
        found.push(("--message", known(message)));
    }
    if flags.null_message {
        found.push(("--null-message", Payload::Known(Bytes::new())));
    }
    if flags.stdin_file {
        found.push(("--stdin-file", Payload::Stdin));
    }
    if lines {
        found.push(("--stdin-line", Payload::Lines));
    }
    if let Some(path) = &flags.file {
        // The file is read last: a contradiction shows without it.
        let payload = if found.is_empty() { file(path)? } else { Payload::Known(Bytes::new()) };
        found.push(("--file", payload));
    }
    if let [(first, _), (second, _), ..] = found.as_slice() {
        return Err(Failure::usage(format!("{first} and {second} contradict each other"))
            .why("one kind of message can be sent at a time")
            .hint("leave one of them out"));
    }
    Ok(found.pop().map(|(_, payload)| payload))
}

fn known(message: &OsStr) -> Payload {
    Payload::Known(Bytes::copy_from_slice(message.as_encoded_bytes()))
}

fn file(path: &Path) -> Result<Payload, Failure> {
    let unreadable = |error| unreadable_file(path, &error);
    // To open a FIFO waits for whoever writes it.
    let kind = fs::metadata(path).map_err(unreadable)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Ok(Payload::Pipe(path.to_owned()));
    }
    let mut contents = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut contents).map_err(unreadable)?;
    if contents.len() as u64 > LARGEST {
        return Err(too_long(&format!("the file '{}'", path.display())));
    }
    Ok(Payload::Known(contents.into()))
}

/// A file to publish that cannot be read.
pub(crate) fn unreadable_file(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("the file '{}' cannot be read", path.display()))
        .why(error)
        .hint("--file takes the path of the message")
}

/// A payload that no MQTT packet can hold.
pub(crate) fn too_long(what: &str) -> Failure {
    Failure::usage(format!("{what} is too long for a message"))
        .why("an MQTT packet has at most 268,435,455 bytes")
        .hint("split it, or send where to fetch it")
}
