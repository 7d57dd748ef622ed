//! Each rule of the doctor has traces beside it, and an id and a slug that never
//! change.

use crate::{Fault, Repository, Source};

/// The folder with the families of rules, a file for each rule.
const RULES: &str = "crates/doctor/src/rules/";
/// The list of all rules: an id and a slug in each line.
pub const LIST: &str = "crates/doctor/rules.txt";

/// Finds rules without traces, and rules that the list lacks or that are gone.
pub fn check(repository: &Repository, list: &str) -> Vec<Fault> {
    let listed: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let mut faults = Vec::new();
    let mut built = Vec::new();
    for source in repository.sources.iter().filter(|source| is_rule(source)) {
        faults.extend(check_traces(source));
        let (id, slug) = (field(&source.text, "id"), field(&source.text, "slug"));
        let (Some(id), Some(slug)) = (id, slug) else {
            faults.push(Fault::new(&source.path, 0, "has no id or no slug"));
            continue;
        };
        let file = format!("{}_{}.rs", id.to_lowercase(), slug.replace('-', "_"));
        if !source.path.ends_with(&format!("/{file}")) {
            faults.push(Fault::new(&source.path, 0, format!("its name; hint: {file}")));
        }
        built.push(format!("{id} {slug}"));
    }
    for rule in built.iter().filter(|rule| !listed.contains(&rule.as_str())) {
        faults.push(Fault::new(LIST, 0, format!("lacks the rule {rule}")));
    }
    for (index, rule) in listed.iter().enumerate() {
        if !built.iter().any(|one| one == rule) {
            let text = format!("{rule} is gone; hint: ids and slugs never change");
            faults.push(Fault::new(LIST, 0, text));
        }
        let id = |rule: &str| rule.split(' ').next().map(str::to_owned);
        if listed.iter().take(index).any(|other| id(other) == id(rule)) {
            faults.push(Fault::new(LIST, 0, format!("has the id of {rule} twice")));
        }
    }
    faults
}

/// A file of a family that is not the family's list.
fn is_rule(source: &Source) -> bool {
    let Some(file) = source.path.strip_prefix(RULES) else { return false };
    file.contains('/') && !file.ends_with("/mod.rs")
}

/// A rule is shown by one true trace at least, and by two that look alike.
fn check_traces(source: &Source) -> Option<Fault> {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let count = |name: &str| {
        let pairs = lines.iter().zip(lines.iter().skip(1));
        pairs.filter(|(one, next)| **one == "#[test]" && next.starts_with(name)).count()
    };
    let (trues, alikes) = (count("fn true_"), count("fn alike_"));
    let text = format!(
        "has {trues} true traces and {alikes} look-alikes; hint: one `fn true_..` and two \
         `fn alike_..` at least",
    );
    (trues < 1 || alikes < 2).then(|| Fault::new(&source.path, 0, text))
}

/// The value of a field of `Meta`, as rustfmt lays it out.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let begin = format!("{name}: \"");
    let mut lines = text.lines().map(str::trim);
    lines.find_map(|line| line.strip_prefix(begin.as_str())?.strip_suffix("\","))
}
