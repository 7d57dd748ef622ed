//! `--redact`: other names for clients, hosts and topics, once all is judged.
//! Rules read the true ones, so that nothing else in the report is different.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;

use evenkeel_doctor::Finding;

use super::told::Told;

/// Bytes of a name that the doctor's sentences show.
const LONGEST: usize = 128;

/// The names that were seen. What stands in their place is a hash by a key of
/// this run alone: nobody can try names against it.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// As sentences show them, and what stands in their place.
    all: BTreeMap<Box<str>, Box<str>>,
    key: RandomState,
}

impl Names {
    pub(super) fn add(&mut self, name: &str) {
        let shown = shown(name);
        if !self.all.contains_key(&*shown) {
            self.all.insert((*shown).into(), self.other(name).into());
        }
    }

    /// Hides the names in all that is told.
    pub(super) fn hide(&self, told: &mut Told) {
        told.findings.iter_mut().for_each(|finding| self.hide_in(finding));
        told.suspicions.iter_mut().for_each(|finding| self.hide_in(finding));
        for client in &mut told.report.clients {
            client.name = self.other(&client.name);
        }
        for differs in &mut told.compared.differences {
            differs.client = self.other(&differs.client);
        }
    }

    /// Hides the names in a finding and in what follows from it.
    pub(super) fn hide_in(&self, finding: &mut Finding) {
        finding.client = self.other(&finding.client);
        finding.sentence = self.text(&finding.sentence);
        finding.consequences.iter_mut().for_each(|it| self.hide_in(it));
    }

    /// The same for the same name within a run.
    fn other(&self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        format!("name-{:016x}", self.key.hash_one(name))
    }

    /// A text with other names in it.
    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut before, mut rest) = (None, text);
        while let Some(first) = rest.chars().next() {
            if let Some((name, other)) = self.longest(before, rest) {
                out.push_str(other);
                before = name.chars().next_back();
                rest = rest.strip_prefix(name).unwrap_or_default();
            } else {
                out.push(first);
                before = Some(first);
                rest = rest.strip_prefix(first).unwrap_or_default();
            }
        }
        out
    }

    /// The longest name that `text` begins with, if it is no part of a word.
    fn longest(&self, before: Option<char>, text: &str) -> Option<(&str, &str)> {
        let mut head = text;
        while !head.is_empty() {
            // Whatever name `head` begins with stands at or before it, and
            // begins as the one next to it does.
            let range = (Bound::Unbounded, Bound::Included(head));
            let (near, other) = self.all.range::<str, _>(range).next_back()?;
            let common = common(near, head);
            if common == near.len() {
                let rest = text.strip_prefix(&**near).unwrap_or_default();
                if !joins(before, near.chars().next())
                    && !joins(near.chars().next_back(), rest.chars().next())
                {
                    return Some((near, other));
                }
                let last = near.chars().next_back().map_or(1, char::len_utf8);
                head = head.get(..common - last)?;
            } else {
                head = head.get(..common)?;
            }
        }
        None
    }
}

/// A name as a sentence shows it: of a long one the first 128 bytes.
fn shown(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST {
        return Cow::Borrowed(name);
    }
    let cut = (0..=LONGEST).rev().find_map(|end| name.get(..end)).unwrap_or_default();
    Cow::Owned(format!("{cut}..."))
}

/// How many bytes both begin with.
fn common(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
}

/// Whether two characters stand within one word.
fn joins(one: Option<char>, other: Option<char>) -> bool {
    one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_goes_and_words_stay() {
        let mut names = Names::default();
        for name in ["pump", "pump-1", "pump-17", "a", "10.0.0.2", "x\u{e9}"] {
            names.add(name);
        }
        let hidden = names.text("pump-17 and pump, pumps; 10.0.0.2:50 and apart (x\u{e9}) pump-1z");
        let [long, short, host, odd] =
            ["pump-17", "pump", "10.0.0.2", "x\u{e9}"].map(|name| names.other(name));
        assert_eq!(
            hidden,
            format!("{long} and {short}, pumps; {host}:50 and apart ({odd}) {short}-1z")
        );
        // Sentences cut long names.
        let long = "a/\u{e9}".repeat(60);
        names.add(&long);
        let cut = format!("'{}...' is", "a/\u{e9}".repeat(32));
        assert_eq!(names.text(&cut), format!("'{}' is", names.other(&long)));
        // Another run has other names.
        assert_ne!(names.other("pump"), Names::default().other("pump"));
    }
}
