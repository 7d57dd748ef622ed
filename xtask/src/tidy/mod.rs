//! House rules that the compiler and clippy do not check.

mod code;
pub mod feature_table;
pub mod layers;
pub mod links;
pub mod sizes;
pub mod words;

use std::io;
use std::path::Path;

use crate::{Fault, Repository};

/// Runs every check.
pub fn run(root: &Path) -> io::Result<Vec<Fault>> {
    let repository = Repository::read(root)?;
    let packages = layers::packages(root)?;
    let mut faults = layers::check(&packages, &repository);
    if let Some(client) = packages.iter().find(|package| package.name == "evenkeel") {
        let readme = std::fs::read_to_string(root.join("README.md"))?;
        faults.extend(feature_table::check(&readme, client));
    }
    for source in repository.rust() {
        faults.extend(sizes::check(source));
        faults.extend(words::check(source));
    }
    faults.extend(words::check_core_attributes(&repository));
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
