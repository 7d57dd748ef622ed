//! Citations of statements in comments.

use crate::{Fault, Source};

/// A comment `//= [ID]` or `//= [ID] test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The statement.
    pub id: String,
    /// What stands below the comment.
    pub kind: Kind,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
}

/// What a citation stands above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Code that obeys the statement.
    Code,
    /// A test that proves it.
    Test,
}

/// The citations of a file, and those that are malformed.
pub fn citations(source: &Source) -> (Vec<Citation>, Vec<Fault>) {
    let mut citations = Vec::new();
    let mut faults = Vec::new();
    let holds_tests = source.is_test() || source.text.contains("test]");
    for (index, line) in source.text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("//=") else { continue };
        let line = index + 1;
        match parse(comment) {
            None => {
                let text = "malformed citation; hint: `//= [MQTT-1.2.3-4]`, with ` test` after it above a test";
                faults.push(Fault::new(&source.path, line, text));
            }
            Some((_, Kind::Test)) if !holds_tests => {
                let text = "cites a test in a file without tests";
                faults.push(Fault::new(&source.path, line, text));
            }
            Some((id, kind)) => {
                let path = source.path.clone();
                citations.push(Citation { id: id.to_owned(), kind, path, line });
            }
        }
    }
    (citations, faults)
}

fn parse(comment: &str) -> Option<(&str, Kind)> {
    let (id, rest) = comment.strip_prefix(" [")?.split_once(']')?;
    match rest {
        "" => Some((id, Kind::Code)),
        " test" => Some((id, Kind::Test)),
        _ => None,
    }
}

/// Everything in the text that looks like a statement's id, with its line:
/// ids in error messages and documentation must exist, too.
pub fn mentions(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (start, _) in line.match_indices("MQTT") {
            if let Some(id) = line.get(start..).and_then(id_at_start) {
                found.push((index + 1, id));
            }
        }
    }
    found
}

/// The id at the start of the text: `MQTT-` or `MQTT311-`, a section, `-`, a number.
fn id_at_start(text: &str) -> Option<&str> {
    let after = text.strip_prefix("MQTT")?;
    let after = after.strip_prefix("311").unwrap_or(after).strip_prefix('-')?;
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-');
    let tail = after.get(..end.unwrap_or(after.len()))?.trim_end_matches(['.', '-']);
    let (section, number) = tail.split_once('-')?;
    (section.contains('.') && !number.is_empty())
        .then(|| text.get(..text.len() - after.len() + tail.len()))?
}
