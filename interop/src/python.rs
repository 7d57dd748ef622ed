//! A Python for programs of AWS's own SDK.

use std::path::PathBuf;
use std::process::Command;

/// A Python that has the SDK; that of the virtual environment which CI makes, if there is
/// one. Without any it says so, and how to get one; on a CI machine that is a failure.
pub fn with_aws_sdk() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target =
        target.unwrap_or_else(|| [env!("CARGO_MANIFEST_DIR"), "../target"].iter().collect());
    let candidates = [target.join("venv/bin/python3"), PathBuf::from("python3")];
    let found = candidates.into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", "import awscrt, awsiot"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    if found.is_none() {
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!is_ci, "awsiotsdk is missing on a CI machine");
        eprintln!("SKIPPED: no Python with awsiotsdk; 'python3 -m venv target/venv' and");
        eprintln!("         'target/venv/bin/pip install awsiotsdk' get one");
    }
    found
}
