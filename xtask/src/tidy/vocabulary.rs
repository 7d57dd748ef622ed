//! Words of the dictionary (`docs/decisions/0005-words.md`) that we do not use.

use std::collections::BTreeMap;

use super::code::comment;
use crate::{Fault, Source};

/// Words that a machine can tell, with what to write instead. Words that also
/// have an everyday meaning (place, spare) are left to the reader.
pub const REFUSED: [(&str, &str); 21] = [
    ("be it", "even if"),
    ("bear", "allow, accept, carry"),
    ("borne", "allowed, accepted, carried"),
    ("but for", "except"),
    ("deed", "what it is"),
    ("farewell", "DISCONNECT, closing"),
    ("for ever", "forever, without end"),
    ("held for dead", "taken to be dead"),
    ("keeper", "what it is"),
    ("lest", "so that ... not"),
    ("mail", "what it is"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("mends", "fixes"),
    ("of use", "useful"),
    ("patience", "timeout, wait limit, spin"),
    ("save for", "except"),
    ("shelf", "what it is"),
    ("spoilt", "damaged, made useless"),
    ("struck off", "removed"),
];

/// Texts that must hold the words: the dictionary, this list and its tests,
/// what others have written, old names in the changelog, and the names of tests
/// in a report.
const QUOTING: [&str; 6] = [
    "CHANGELOG.md",
    "docs/decisions/0005-words.md",
    "docs/spec-coverage.md",
    "specs/",
    "xtask/src/tidy/vocabulary.rs",
    "xtask/tests/",
];

/// Of a thousand lines of comments in a crate, so many may hold the word
/// *where* inside a sentence: it is for places, and *if* is for conditions.
/// *Where it is* and the like are places for certain and do not count.
const WHERE_PER_THOUSAND: usize = 10;

/// How a place goes on behind *where*.
const PLACES: [&str; 4] = ["it is", "it was", "they are", "they were"];

/// True for files that are free of refused words and must stay so.
pub fn is_checked(path: &str) -> bool {
    !QUOTING.iter().any(|start| path.starts_with(start))
}

/// Finds refused words, in code as part of a name too.
pub fn check(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let words = words(line);
        for (refused, instead) in REFUSED {
            if words.contains(&format!(" {refused} ")) {
                let text = format!("the word \"{refused}\"; hint: {instead}");
                faults.push(Fault::new(&source.path, index + 1, text));
            }
        }
    }
    faults
}

/// The line in lower case with a space around each word: `ForEver` and
/// `for_ever` are two words each.
fn words(line: &str) -> String {
    let mut words = String::from(" ");
    let mut was_small = false;
    for c in line.chars() {
        let ends_word = c.is_uppercase() && was_small;
        if ends_word || !c.is_alphanumeric() {
            words.push(' ');
        }
        match c {
            '_' | ' ' => {}
            c if c.is_alphanumeric() => words.extend(c.to_lowercase()),
            // What stands between two words must not make a phrase of them.
            c => words.extend([c, ' ']),
        }
        was_small = c.is_lowercase();
    }
    words.push(' ');
    words
}

/// Finds folders (crates, mostly) whose comments say *where* too often.
pub fn check_where(sources: &[&Source]) -> Vec<Fault> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for source in sources {
        let (comments, found) = counts.entry(folder(&source.path)).or_default();
        for line in source.text.lines().filter_map(comment) {
            *comments += 1;
            *found += usize::from(is_doubtful(line));
        }
    }
    let mut faults = Vec::new();
    for (folder, (comments, found)) in counts {
        let limit = (comments * WHERE_PER_THOUSAND).div_ceil(1000);
        if found > limit {
            let text = format!(
                "{found} of {comments} comment lines say \"where\", at most {limit}; \
                 hint: if, when"
            );
            faults.push(Fault::new(folder, 0, text));
        }
    }
    faults
}

/// True for a comment that may say *where* for a condition.
fn is_doubtful(comment: &str) -> bool {
    let is_place = |rest: &str| PLACES.iter().any(|place| rest.starts_with(place));
    comment.split(" where ").skip(1).any(|rest| !is_place(rest))
        || comment.trim_start_matches(['/', '!', ' ']).starts_with("where ")
}

/// The crate below `crates/`, else the first folder.
fn folder(path: &str) -> &str {
    let parts = if path.starts_with("crates/") { 2 } else { 1 };
    let end = path.match_indices('/').nth(parts - 1).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path)
}
