//! Every package with no feature, each one alone, its defaults, and all.
//!
//! A build of the whole workspace turns on the features of all its packages
//! together, and hides one that is missing from a manifest.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::Fault;
use crate::tidy::layers::{self, Package};

/// Runs clippy over each package with each set of features.
pub fn run(root: &Path) -> io::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for package in layers::packages(root)? {
        for flags in sets(&package) {
            println!("{} {}", package.name, flags.join(" "));
            if !clippy(root, &package.name, &flags)? {
                let manifest = format!("package {}", package.name);
                let text = format!("does not build with {}", flags.join(" "));
                faults.push(Fault::new(&manifest, 0, text));
            }
        }
    }
    Ok(faults)
}

/// The flags for each set. A package without features has one.
pub fn sets(package: &Package) -> Vec<Vec<String>> {
    let alone = |flags: &[&str]| flags.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut sets = vec![alone(&["--no-default-features"])];
    for feature in package.features.keys() {
        sets.push(match feature.as_str() {
            "default" => Vec::new(),
            feature => alone(&["--no-default-features", "--features", feature]),
        });
    }
    if package.features.len() > 1 {
        sets.push(alone(&["--all-features"]));
    }
    sets
}

/// Without tests, whose dependencies turn on features of their own.
fn clippy(root: &Path, package: &str, flags: &[String]) -> io::Result<bool> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["clippy", "--quiet", "--locked", "--package", package])
        .args(flags)
        .args(["--", "-D", "warnings"])
        .current_dir(root)
        .status()?;
    Ok(status.success())
}
