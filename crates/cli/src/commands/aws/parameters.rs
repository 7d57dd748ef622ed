//! Files for fleet provisioning: parameters and signing requests.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::Failure;

/// No payload of AWS is larger.
const LARGEST: u64 = 128 * 1024;

/// The parameters of a file: an object of texts.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let shown = path.display();
    let text = text(path, "parameters")?;
    serde_json::from_str(&text).map_err(|error| {
        // What the JSON library says may repeat a value.
        Failure::usage(format!("'{shown}' has no parameters"))
            .why(format!("line {} is no part of one JSON object of texts", error.line()))
            .hint(r#"write {"SerialNumber": "4711"}, with all values in quotes"#)
    })
}

/// The text of a file that is there for this.
pub(super) fn text(path: &Path, what: &str) -> Result<String, Failure> {
    bounded(path).map_err(|error| {
        Failure::usage(format!("the file '{}' with the {what} cannot be read", path.display()))
            .why(error)
            .hint("check the path and its permissions")
    })
}

fn bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 128 KiB"));
    }
    Ok(text)
}
