//! House rules that the compiler and clippy do not check.

mod code;
pub mod doctor_rules;
pub mod error_table;
pub mod feature_table;
pub mod habits;
pub mod layers;
pub mod links;
pub mod sizes;
pub mod vocabulary;
pub mod words;

use std::io;
use std::path::Path;

use crate::{Fault, Repository, Source};

/// Runs every check.
pub fn run(root: &Path) -> io::Result<Vec<Fault>> {
    let repository = Repository::read(root)?;
    let packages = layers::packages(root)?;
    let mut faults = layers::check(&packages, &repository);
    if let Some(client) = packages.iter().find(|package| package.name == "evenkeel") {
        let readme = std::fs::read_to_string(root.join("README.md"))?;
        faults.extend(feature_table::check(&readme, client));
    }
    let text = |path: &str| repository.sources.iter().find(|source| source.path == path);
    for (path, name) in error_table::ERRORS {
        if let (Some(page), Some(source)) = (text(error_table::PAGE), text(path)) {
            faults.extend(error_table::check(&page.text, source, name));
        }
    }
    let list = std::fs::read_to_string(root.join(doctor_rules::LIST))?;
    faults.extend(doctor_rules::check(&repository, &list));
    // The tests of these checks hold what they refuse; programs that measure
    // have rows of results.
    let is_code = |source: &&Source| {
        let others = ["xtask/tests/", "bench/"];
        source.path.ends_with(".rs") && !others.iter().any(|top| source.path.starts_with(top))
    };
    for source in repository.sources.iter().filter(is_code) {
        faults.extend(sizes::check(source));
        faults.extend(words::check(source));
    }
    faults.extend(words::check_core_attributes(&repository));
    let clean: Vec<&Source> =
        repository.sources.iter().filter(|source| vocabulary::is_checked(&source.path)).collect();
    for source in &clean {
        faults.extend(vocabulary::check(source));
    }
    let rust = |source: &&&Source| source.path.ends_with(".rs");
    let clean: Vec<&Source> = clean.iter().filter(rust).copied().collect();
    for source in &clean {
        faults.extend(habits::check(source));
    }
    faults.extend(habits::check_modules(&clean));
    faults.extend(vocabulary::check_where(&clean));
    for page in repository.markdown() {
        let exists = |path: &str| root.join(path).exists();
        faults.extend(links::check(page, exists));
        if page.path == "ARCHITECTURE.md" {
            faults.extend(links::check_paths(page, exists));
        }
    }
    faults.sort();
    Ok(faults)
}
