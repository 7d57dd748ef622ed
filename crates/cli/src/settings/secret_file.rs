//! Secrets out of files, whose first line they are.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::args::Secret;
use crate::error::Failure;

/// As long as a password of MQTT can be, and a line end.
const LONGEST: usize = 65_537;

/// The first line of a file that holds a secret of this kind, such as `password`. Nothing of it,
/// and no path that may be the secret itself, is shown; `without` says what goes without one.
pub(crate) fn first_line(file: &Path, kind: &str, without: &str) -> Result<Secret, Failure> {
    let text = read(file).map_err(|error| {
        Failure::usage(format!("the {kind} file{} cannot be read", shown_path(file)))
            .why(error)
            .hint(format!(
                "check the path and its permissions; the flag takes a file, not the {kind}"
            ))
    })?;
    match text.lines().next().unwrap_or_default() {
        "" => Err(Failure::usage(format!("the {kind} file{} is empty", shown_path(file)))
            .why(format!("the {kind} is its first line"))
            .hint(without)),
        line => Ok(Secret(line.to_owned())),
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    // A longer file may have a line that is short enough.
    if bytes.len() > LONGEST && !bytes.contains(&b'\n') {
        return Err(io::Error::other("its first line is longer than 65535 bytes"));
    }
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = str::from_utf8(line).map_err(|_| io::Error::other("its first line is not UTF-8"))?;
    Ok(text.to_owned())
}

/// A path as it may be shown if a secret may have been given for one: only if it is written
/// as one.
fn shown_path(path: &Path) -> String {
    let is_path = ["/", "./", "../"]
        .iter()
        .any(|start| path.as_os_str().as_encoded_bytes().starts_with(start.as_bytes()));
    if is_path { format!(" '{}'", path.display()) } else { String::new() }
}
