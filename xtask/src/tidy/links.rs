//! Links between Markdown files lead somewhere, and so do paths.

use crate::{Fault, Source};

/// Finds links to local files that do not exist.
pub fn check(page: &Source, exists: impl Fn(&str) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut in_code = false;
    for (index, line) in page.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            for target in targets(line) {
                let path = target.split('#').next().unwrap_or_default();
                if !path.is_empty() && !path.contains(':') && !exists(&resolve(&page.path, path)) {
                    let text = format!("link to {path}, which does not exist");
                    faults.push(Fault::new(&page.path, index + 1, text));
                }
            }
        }
    }
    faults
}

/// Finds paths of this repository, in backticks, that do not exist.
///
/// A path is a word of letters, digits and `-_.` with a `/` in it.
pub fn check_paths(page: &Source, exists: impl Fn(&str) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let is_path = |word: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        word.contains('/') && !word.contains("//") && word.chars().all(is_part)
    };
    for (index, line) in page.text.lines().enumerate() {
        // Every second piece stands in backticks.
        for path in line.split('`').skip(1).step_by(2).filter(|word| is_path(word)) {
            if !exists(path) {
                let text = format!("names {path}, which does not exist");
                faults.push(Fault::new(&page.path, index + 1, text));
            }
        }
    }
    faults
}

/// What stands in the parentheses of `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

/// The path of a link, relative to the repository.
fn resolve(page: &str, link: &str) -> String {
    let (mut parts, link): (Vec<&str>, &str) = match link.strip_prefix('/') {
        Some(link) => (Vec::new(), link),
        None => (page.split('/').collect(), link),
    };
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
