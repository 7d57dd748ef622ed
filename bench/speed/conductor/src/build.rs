//! What it takes to build a program with each Rust client, from nothing.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::clients::Client;
use crate::options::Options;
use crate::results::{Build, Results};

pub(crate) fn all(options: &Options, clients: &[Client], results: &mut Results) {
    for client in clients.iter().filter(|client| !client.is_raw()) {
        let Some(package) = &client.package else { continue };
        eprint!("build {package} ");
        match one(options, package) {
            Ok(build) => {
                eprintln!("{:.0} s, {} bytes", build.seconds, build.bytes);
                results.builds.push(Build { client: client.name.clone(), ..build });
            }
            Err(error) => eprintln!("failed: {error}"),
        }
    }
}

fn one(options: &Options, package: &str) -> Result<Build, std::io::Error> {
    let target = std::env::temp_dir().join(format!("speed-build-{}", std::process::id()));
    let cargo = |args: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(&options.home).env("CARGO_TARGET_DIR", &target).args(args);
        command
    };
    let tree =
        cargo(&["tree", "--package", package, "--prefix", "none", "--edges", "normal,build"])
            .output()?;
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let crates: std::collections::BTreeSet<&str> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let begun = Instant::now();
    let done = cargo(&["build", "--release", "--locked", "--quiet", "--package", package])
        .stdout(Stdio::null())
        .status()?;
    let seconds = begun.elapsed().as_secs_f64();
    if !done.success() {
        return Err(std::io::Error::other("cargo build"));
    }
    let program = target.join("release").join(package);
    Command::new("strip").arg(&program).status()?;
    let bytes = std::fs::metadata(&program)?.len();
    std::fs::remove_dir_all(&target)?;
    Ok(Build { client: String::new(), seconds, bytes, crates: crates.len() })
}
