//! The config file of the mosquitto tools: a flag and its value per line.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::personality::Personality;

/// No config file is longer.
const LARGEST_FILE: usize = 1024 * 1024;

/// Puts the file's flags before those of the command line, which so win.
pub(super) fn insert_defaults(
    personality: Personality,
    words: &mut Vec<OsString>,
) -> Result<(), Failure> {
    let Some(path) = path(personality.program()) else { return Ok(()) };
    let text = match fs::read_to_string(&path) {
        Ok(text) if text.len() <= LARGEST_FILE => text,
        Ok(_) => return Err(unusable(&path).why("it is larger than 1 MiB")),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(unusable(&path).why(error)),
    };
    let after_name = words.len().min(1);
    words.splice(after_name..after_name, parse(&text));
    Ok(())
}

fn unusable(path: &Path) -> Failure {
    Failure::usage(format!("the config file '{}' cannot be used", path.display()))
        .hint("it holds a flag and its value per line; remove it to go without")
}

/// `$XDG_CONFIG_HOME/NAME`, else `$HOME/.config/NAME`.
fn path(name: &str) -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(folder.join(name))
}

/// The words of the file: a flag, then the rest of its line as one value.
/// `-D` has three or four values, so its line is split at every blank.
fn parse(text: &str) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    for line in
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (flag, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        words.push(flag.into());
        match (flag, value.trim()) {
            (_, "") => {}
            ("-D" | "--property", values) => {
                words.extend(values.split_whitespace().map(OsString::from))
            }
            (_, value) => words.push(value.into()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_flag_and_the_rest_its_value() {
        let words = parse(
            "# a comment\n-h example.org\n\n  -m  hello  world \n-r\n-D publish user-property a b\n",
        );
        let expected = [
            "-h",
            "example.org",
            "-m",
            "hello  world",
            "-r",
            "-D",
            "publish",
            "user-property",
            "a",
            "b",
        ];
        assert_eq!(words, expected.map(OsString::from));
    }
}
