//! Messages from stdin.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use evenkeel::Bytes;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::error::Failure;
use crate::settings::{LARGEST_PAYLOAD, Payload, too_long, unreadable_file};

/// Lines read ahead of the publishing.
const READ_AHEAD: usize = 64;

/// All of stdin, or of a pipe, as one payload.
pub(super) async fn whole(source: &Payload) -> Result<Bytes, Failure> {
    let source = source.clone();
    let read = spawn_blocking(move || match source {
        Payload::Known(payload) => Ok(payload),
        Payload::Pipe(path) => pipe(&path),
        Payload::Stdin | Payload::Lines => read_to_end(io::stdin().lock(), "stdin", unreadable),
    });
    read.await.map_err(unreadable)?
}

fn pipe(path: &Path) -> Result<Bytes, Failure> {
    let what = format!("the file '{}'", path.display());
    let failed = |error: io::Error| unreadable_file(path, &error);
    read_to_end(File::open(path).map_err(failed)?, &what, failed)
}

fn read_to_end(
    from: impl Read,
    what: &str,
    failed: impl FnOnce(io::Error) -> Failure,
) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    from.take(LARGEST_PAYLOAD + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_PAYLOAD {
        return Err(too_long(what));
    }
    Ok(bytes.into())
}

/// The lines of stdin, without their ends, as they come.
pub(super) fn lines() -> mpsc::Receiver<Result<Bytes, Failure>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    spawn_blocking(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next_line(&mut input) {
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

fn next_line(input: &mut impl BufRead) -> Option<Result<Bytes, Failure>> {
    let mut line = Vec::new();
    match input.take(LARGEST_PAYLOAD + 1).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(_) => {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if line.len() as u64 > LARGEST_PAYLOAD {
                return Some(Err(too_long("a line of stdin")));
            }
            Some(Ok(line.into()))
        }
        Err(error) => Some(Err(unreadable(error))),
    }
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(crate::exit::Exit::Failed, "stdin cannot be read").why(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends_and_the_last_needs_none() {
        let mut input = &b"one\n\ntwo\r\nthree"[..];
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input) {
            lines.push(line.unwrap());
        }
        assert_eq!(lines, [&b"one"[..], b"", b"two\r", b"three"]);
    }
}
