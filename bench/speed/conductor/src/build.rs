//! What it takes to build a program with each Rust client, from nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::clients::Client;
use crate::options::Options;
use crate::results::{Build, Builds, now};

/// Builds `minimal/` with one client at a time: all it takes is its feature.
pub(crate) fn all(options: &Options, clients: &[Client]) -> Result<Builds, String> {
    let clients: Vec<&Client> = clients.iter().filter(|client| client.package.is_some()).collect();
    let named = clients.iter().map(|one| (one.name.clone(), one.version.clone()));
    let mut builds = Builds { date: now(), clients: named.collect(), built: Vec::new() };
    for client in &clients {
        let feature = client.name.to_lowercase();
        for (tls, feature) in [(false, feature.clone()), (true, format!("{feature}-tls"))] {
            if !knows(options, &feature)? {
                continue;
            }
            eprint!("build {feature:20} ");
            match one(options, &client.name, tls, &feature) {
                Ok(build) => {
                    let Build { seconds, bytes, crates, .. } = build;
                    eprintln!("{seconds:.0} s, {bytes} bytes, {crates} crates");
                    builds.built.push(build);
                }
                Err(error) => eprintln!("failed: {error}"),
            }
        }
    }
    Ok(builds)
}

/// True if the minimal program has this feature: some clients cannot do
/// without TLS, and one has no TLS of its own.
fn knows(options: &Options, feature: &str) -> Result<bool, String> {
    let manifest = crate::read(&options.home.join("minimal/Cargo.toml"))?;
    Ok(manifest.lines().any(|line| line.starts_with(&format!("{feature} = ["))))
}

fn one(options: &Options, client: &str, tls: bool, feature: &str) -> Result<Build, String> {
    let target = std::env::temp_dir().join(format!("speed-build-{}", std::process::id()));
    let built = build(options, &target, feature);
    let program = target.join("minimal").join(format!("minimal-{}", client.to_lowercase()));
    let size = std::fs::metadata(&program).map(|file| file.len());
    let _ = std::fs::remove_dir_all(&target);
    let seconds = built?;
    let bytes = size.map_err(|error| crate::in_file(&program, error))?;
    let crates = crates(options, feature)?;
    Ok(Build { client: client.into(), tls, seconds, bytes, crates })
}

/// Seconds that it took.
fn build(options: &Options, target: &Path, feature: &str) -> Result<f64, String> {
    let begun = Instant::now();
    let done = cargo(options, "build", feature)
        .args(["--profile", "minimal", "--offline", "--quiet", "--jobs", "2", "--target-dir"])
        .arg(target)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    let seconds = begun.elapsed().as_secs_f64();
    if done.success() { Ok(seconds) } else { Err(format!("{feature} was not built")) }
}

/// How many crates are compiled.
fn crates(options: &Options, feature: &str) -> Result<usize, String> {
    let tree = cargo(options, "tree", feature)
        .args(["--offline", "--prefix", "none", "--edges", "normal,build"])
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    // Without the program itself.
    Ok(crates.len().saturating_sub(1))
}

fn cargo(options: &Options, command: &str, feature: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&options.home).env_remove("CARGO_TARGET_DIR");
    cargo.args([command, "--locked", "--package", "speed-minimal", "--features", feature]);
    cargo
}
