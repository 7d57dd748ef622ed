//! Who may depend on whom: the table of ARCHITECTURE.md.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Fault;

/// Each package with the packages of ours that it may use, tests aside.
const MAY_USE: [(&str, &[&str]); 12] = [
    ("evenkeel-codec", &[]),
    ("evenkeel-profile", &[]),
    ("evenkeel-proto", &["evenkeel-codec", "evenkeel-profile"]),
    ("evenkeel-store", &["evenkeel-proto"]),
    ("evenkeel", &["evenkeel-codec", "evenkeel-profile", "evenkeel-proto", "evenkeel-store"]),
    ("evenkeel-broker", &["evenkeel-codec", "evenkeel-profile"]),
    ("evenkeel-doctor", &["evenkeel-codec", "evenkeel-profile"]),
    ("evenkeel-cli", &["evenkeel", "evenkeel-store", "evenkeel-broker", "evenkeel-doctor"]),
    (
        "sim",
        &[
            "evenkeel-codec",
            "evenkeel-profile",
            "evenkeel-proto",
            "evenkeel-store",
            "evenkeel-broker",
            "evenkeel-doctor",
        ],
    ),
    ("evenkeel-interop", &["evenkeel", "evenkeel-broker"]),
    ("evenkeel-torture", &["evenkeel", "evenkeel-broker", "evenkeel-codec"]),
    ("xtask", &[]),
];

/// One package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// The name in its manifest.
    pub name: String,
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
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(io::Error::other)?;
    Ok(metadata.packages)
}

/// Finds dependencies the table does not allow.
pub fn check(packages: &[Package]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for package in packages {
        let manifest = format!("package {}", package.name);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == package.name) else {
            let text = "has no row in the table of layers; hint: xtask/src/tidy/layers.rs";
            faults.push(Fault::new(&manifest, 0, text));
            continue;
        };
        let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in ours.filter(|dependency| dependency.kind.as_deref() != Some("dev")) {
            if !allowed.contains(&dependency.name.as_str()) {
                let text = format!("must not depend on {}; hint: ARCHITECTURE.md", dependency.name);
                faults.push(Fault::new(&manifest, 0, text));
            }
        }
    }
    faults
}
