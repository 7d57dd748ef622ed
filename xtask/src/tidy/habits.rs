//! Habits that a machine can tell and clippy cannot.

use super::code::without_comment;
use crate::{Fault, Source};

/// A condition written as a filter; in two parts, as this file is checked too.
const BLIND_FILTER: &str = concat!(".filter(|", "_| ");

/// How the arms of a match on a bool begin.
const BOOLS: [&str; 4] = ["true => ", "false => ", "true if ", "false if "];

/// Finds files that do not say what they are, and conditions that look like
/// filters.
pub fn check(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |line, text: &str| faults.push(Fault::new(&source.path, line, text));
    // A fuzz target begins with attributes, a script with its interpreter.
    let first = source.text.lines().find(|line| !line.starts_with('#') && !line.is_empty());
    if !first.is_some_and(|line| line.starts_with("//!")) {
        fault(0, "does not say what it is; hint: //! in its first line");
    }
    for (index, line) in source.text.lines().enumerate() {
        let code = without_comment(line);
        if code.contains(BLIND_FILTER) {
            fault(index + 1, "a filter that does not look at its item; hint: if");
        }
        if BOOLS.iter().any(|arm| code.trim_start().starts_with(arm)) {
            fault(index + 1, "a match on a bool; hint: if");
        }
    }
    faults
}

/// Finds modules written as `x.rs` beside a folder `x`: here they are
/// `x/mod.rs`.
pub fn check_modules(sources: &[&Source]) -> Vec<Fault> {
    let modules = sources.iter().filter(|source| source.path.contains("/src/"));
    let has_folder = |source: &&&Source| {
        source.path.strip_suffix(".rs").is_some_and(|module| {
            let folder = format!("{module}/");
            sources.iter().any(|other| other.path.starts_with(&folder))
        })
    };
    let text = "a module beside its folder; hint: mod.rs in the folder";
    modules.filter(has_folder).map(|source| Fault::new(&source.path, 0, text)).collect()
}
