//! Who uses whom: the drawings of ARCHITECTURE.md, held against the manifests
//! and the sources.
//!
//! An arrow is drawn, stands in the manifest and is used by a line of code, or
//! it is none of these.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::code::without_comment;
use crate::{Fault, Repository};

/// The page with the drawings.
const PAGE: &str = "ARCHITECTURE.md";

/// Crates that judge the client, with what they must never reach by any path:
/// one bug would hide on both sides.
const APART: [(&str, &str); 3] = [
    ("evenkeel-broker", "evenkeel-proto"),
    ("evenkeel-doctor", "evenkeel-proto"),
    ("evenkeel-evidence", "evenkeel-proto"),
];

/// One package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// The name in its manifest.
    pub name: String,
    /// The manifest's file, relative to the repository.
    #[serde(default)]
    pub manifest_path: String,
    /// What its manifest lists.
    pub dependencies: Vec<Dependency>,
    /// The names of its features, with what each turns on.
    #[serde(default)]
    pub features: BTreeMap<String, Vec<String>>,
}

/// One line of a manifest's dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Dependency {
    /// The package depended on.
    pub name: String,
    /// `None` for normal ones, else `dev` or `build`.
    pub kind: Option<String>,
    /// Where it is, for packages of the same repository.
    pub path: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The workspace's packages, as cargo sees them.
pub fn packages(root: &Path) -> io::Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let mut metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(io::Error::other)?;
    for package in &mut metadata.packages {
        let manifest = Path::new(&package.manifest_path);
        if let Ok(path) = manifest.strip_prefix(root) {
            package.manifest_path = path.to_string_lossy().replace('\\', "/");
        }
    }
    Ok(metadata.packages)
}

/// Arrows that are not the same in the drawing, the manifest and the code.
pub fn check(packages: &[Package], repository: &Repository) -> Vec<Fault> {
    let page = repository.get(PAGE).map_or("", |page| page.text.as_str());
    let drawn = drawn(page);
    let mut faults = Vec::new();
    let mut real = BTreeSet::new();
    for package in packages {
        let mut fault = |text: String| faults.push(Fault::new(&package.manifest_path, 0, text));
        for dependency in package.of_ours() {
            let name = dependency.name.as_str();
            let is_dev = dependency.kind.as_deref() == Some("dev");
            if !is_dev {
                real.insert((package.name.as_str(), name));
            }
            if !package.uses(name, is_dev, repository) {
                fault(format!("depends on {name}, which no line of its code uses"));
            } else if !is_dev && !drawn.contains_key(&(package.name.as_str(), name)) {
                fault(format!("must not depend on {name}, which {PAGE} does not draw"));
            }
        }
        let row = format!("| `{}` | `{}` |", package.name, package.folder());
        if !page.contains(&row) {
            fault(format!("has no row in {PAGE}; hint: {row} what it is |"));
        }
    }
    for ((from, to), line) in &drawn {
        if !real.contains(&(*from, *to)) {
            let text = format!("draws {from} --> {to}, which does not exist");
            faults.push(Fault::new(PAGE, *line, text));
        }
    }
    for (judge, judged) in APART {
        if reaches(judge, judged, &real) {
            let text = format!("{judge} reaches {judged}, and must never use what it judges");
            faults.push(Fault::new(PAGE, 0, text));
        }
    }
    faults
}

impl Package {
    /// The folder in the repository.
    fn folder(&self) -> &str {
        self.manifest_path.strip_suffix("/Cargo.toml").unwrap_or_default()
    }

    /// The dependencies on packages of this repository. A package that depends
    /// on itself does so for the features its tests need.
    fn of_ours(&self) -> impl Iterator<Item = &Dependency> {
        let ours = self.dependencies.iter().filter(|dependency| dependency.path.is_some());
        ours.filter(|dependency| dependency.name != self.name)
    }

    /// True if a line of code names this dependency: for those of tests any
    /// line, else one that is built with the package itself.
    fn uses(&self, dependency: &str, in_tests: bool, repository: &Repository) -> bool {
        let name = dependency.replace('-', "_");
        let is_named = |line: &str| names_crate(without_comment(line), &name);
        let folder = format!("{}/", self.folder());
        let rust = repository.sources.iter().filter(|source| source.path.ends_with(".rs"));
        let mut files = rust.filter(|source| source.path.starts_with(&folder));
        if in_tests {
            return files.any(|source| source.text.lines().any(is_named));
        }
        let shipped = [format!("{folder}src/"), format!("{folder}build.rs")];
        files.any(|source| {
            shipped.iter().any(|start| source.path.starts_with(start))
                && source.shipped_lines().any(|(_, line)| is_named(line))
        })
    }
}

/// True if the code has this name as a word in front of `::`, `;` or a space,
/// as paths and imports do.
fn names_crate(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code.get(..at).unwrap_or_default();
        let after = code.get(at + name.len()..).unwrap_or_default();
        let is_import = before.trim_end().ends_with("use") || after.starts_with("::");
        is_import && !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

/// The arrows of the page's drawings, with their lines: `a --> b & c` in
/// fences of Mermaid.
fn drawn(page: &str) -> BTreeMap<(&str, &str), usize> {
    let mut arrows = BTreeMap::new();
    let mut in_drawing = false;
    for (index, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            in_drawing = line == "```mermaid";
        } else if in_drawing && let Some((from, to)) = line.split_once("-->") {
            let to = to.split('&').map(|to| ((from.trim(), to.trim()), index + 1));
            arrows.extend(to);
        }
    }
    arrows
}

/// True if arrows lead from one package to the other.
fn reaches(from: &str, to: &str, arrows: &BTreeSet<(&str, &str)>) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        for (_, user_of) in arrows.iter().filter(|(user, _)| *user == at) {
            if *user_of == to {
                return true;
            }
            if seen.insert(user_of) {
                next.push(user_of);
            }
        }
    }
    false
}
