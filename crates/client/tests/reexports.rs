//! Whoever depends on `evenkeel` alone can name every type that its API shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// All source of a crate, without comments and tests.
fn source(of: &str) -> String {
    fn read(folder: &Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
                code.for_each(|line| {
                    into.push_str(line);
                    into.push('\n');
                });
            }
        }
    }
    let mut text = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src"), &mut text);
    text
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}

/// What stands between the first brace and its partner.
fn braces(text: &str) -> &str {
    let Some(begin) = text.find('{') else { return "" };
    let mut depth = 0;
    for (at, letter) in text[begin..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[begin..begin + at];
        }
    }
    &text[begin..]
}

/// What the variants of an enum hold: the text without their names.
fn fields(variants: &str) -> String {
    let held = variants.lines().map(|line| match line.strip_prefix("    ") {
        Some(variant) if variant.starts_with(char::is_alphabetic) => {
            variant.trim_start_matches(char::is_alphanumeric)
        }
        _ => line,
    });
    held.flat_map(|line| [line, "\n"]).collect()
}

/// The public types of a crate, each with the part of its source that shows others:
/// its public fields or variants, and the signatures of its public methods.
fn types(source: &str) -> BTreeMap<&str, String> {
    let mut types = BTreeMap::new();
    for (kind, keyword) in [("enum", "pub enum "), ("struct", "pub struct ")] {
        for (at, _) in source.match_indices(&format!("\n{keyword}")) {
            let rest = &source[at + 1 + keyword.len()..];
            let Some(name) = words(rest).next() else { continue };
            let is_tuple = rest.find(['{', ';', '(']).is_some_and(|at| &rest[at..=at] != "{");
            let shown = match (kind, is_tuple) {
                (_, true) => rest.lines().next().unwrap_or_default().to_owned(),
                ("enum", _) => fields(braces(rest)),
                _ => (braces(rest).lines())
                    .filter(|line| line.starts_with("    pub ") && !line.contains("pub("))
                    .collect(),
            };
            types.insert(name, shown);
        }
    }
    // The errors of the codec are made by a macro.
    for (at, _) in source.match_indices("\nrules! {") {
        let body = braces(&source[at..]);
        let held = body.lines().filter(|line| line.starts_with("        ") && line.ends_with(','));
        let held = held.filter_map(|line| line.split_once(": ")).map(|(_, held)| held);
        if let Some(name) = words(body).next() {
            types.insert(name, held.collect::<Vec<_>>().join(" "));
        }
    }
    for (at, _) in source.match_indices("\nimpl ") {
        let head = source[at + 1..].split(['{', ';']).next().unwrap_or_default();
        if head.contains(" for ") {
            continue;
        }
        let Some(shown) = words(head).nth(1).and_then(|name| types.get_mut(name)) else { continue };
        let body = braces(&source[at..]);
        for (at, _) in body.match_indices("\n    pub ") {
            let rest = &body[at..];
            if !rest.starts_with("\n    pub(") {
                shown.push_str(rest.split('{').next().unwrap_or_default());
            }
        }
    }
    types
}

#[test]
fn all_types_of_public_signatures_can_be_named() {
    let own = source("client");
    // What is exported, under the name that it has in its crate.
    let mut exported = BTreeSet::new();
    for (at, _) in own.match_indices("pub use ") {
        let statement = own[at..].split(';').next().unwrap_or_default();
        exported.extend(words(statement));
    }
    let mut missing = BTreeSet::new();
    for of in ["codec", "proto"] {
        let source = source(of);
        let all = types(&source);
        for (name, shown) in &all {
            if exported.contains(name) {
                let named = words(shown).filter(|word| all.contains_key(word));
                missing.extend(
                    named
                        .filter(|word| !exported.contains(word))
                        .map(|word| format!("{of}: {name} shows {word}")),
                );
            }
        }
    }
    // The client of the core has the name of ours.
    missing.retain(|line| !line.starts_with("proto: Client "));
    assert!(missing.is_empty(), "{missing:#?}");
}
