//! A password that stands in a file, as tokens that something else renews do.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::hooks::CredentialsError;

/// The longest password that a packet can carry.
const LONGEST: usize = 65_535;

/// Reads the first line, without blocking the task.
pub(super) async fn read(path: PathBuf) -> Result<Bytes, CredentialsError> {
    let reading = tokio::task::spawn_blocking(move || first_line(&path));
    // Fails only if the runtime is going away.
    reading.await.unwrap_or_else(|_| Err(CredentialsError("reading was interrupted".to_owned())))
}

fn first_line(path: &Path) -> Result<Bytes, CredentialsError> {
    let failed = |what: &dyn std::fmt::Display| {
        CredentialsError(format!("the password file '{}' {what}", path.display()))
    };
    let unreadable = |error: io::Error| failed(&format_args!("cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let mut text = Vec::new();
    // Behind the longest password there may be the end of its line.
    file.take(LONGEST as u64 + 2).read_to_end(&mut text).map_err(unreadable)?;
    if let Some(end) = text.iter().position(|byte| *byte == b'\n') {
        text.truncate(end);
        text.truncate(text.strip_suffix(b"\r").map_or(end, <[u8]>::len));
    }
    match text.len() {
        // It is being written anew.
        0 => Err(failed(&"is empty")),
        1..=LONGEST => Ok(text.into()),
        _ => Err(failed(&"has a first line of more than 65,535 bytes")),
    }
}
