//! Messages from stdin.

use std::io::{self, BufRead, Read};

use evenkeel::Bytes;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::error::Failure;
use crate::settings::{LARGEST_PAYLOAD, too_long};

/// Lines read ahead of the publishing.
const READ_AHEAD: usize = 64;

/// All of stdin as one payload.
pub(super) async fn whole() -> Result<Bytes, Failure> {
    let read = spawn_blocking(|| {
        let mut bytes = Vec::new();
        io::stdin().lock().take(LARGEST_PAYLOAD + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = read.await.map_err(unreadable)?.map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_PAYLOAD {
        return Err(too_long("stdin"));
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
