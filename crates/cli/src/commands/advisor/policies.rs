//! The policies of the device, from their files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use evenkeel_aws::gate::policy::Policy;

use crate::error::Failure;

/// Bytes of a file, white space and all.
const FILE_BYTES: u64 = 64 * 1024;

/// Reads each policy; its name is that of its file.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<(String, Policy)>, Failure> {
    paths.iter().map(|path| one(path)).collect()
}

fn one(path: &Path) -> Result<(String, Policy), Failure> {
    let text = text(path).map_err(|error| {
        Failure::usage(format!("'{}' cannot be read", path.display())).why(error)
    })?;
    let policy = Policy::parse(&text).map_err(|error| {
        Failure::usage(format!("'{}' is no policy", path.display()))
            .why(error)
            .hint("a policy document of AWS IoT, JSON")
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, policy))
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES {
        return Err(io::Error::other(format!("longer than {FILE_BYTES} bytes")));
    }
    Ok(text)
}
