//! A Python for programs of AWS's own SDKs.

use std::path::PathBuf;
use std::process::Command;

/// A Python that has AWS's SDK for devices (`awsiotsdk`); nothing, and it says so, if there is
/// none. On a CI machine that is a failure.
pub fn with_aws_sdk() -> Option<PathBuf> {
    with("awsiotsdk", "import awscrt, awsiot")
}

/// The same with AWS's SDK for programs (`boto3`).
pub fn with_boto3() -> Option<PathBuf> {
    with("boto3", "import boto3")
}

/// That of the virtual environment which CI makes, if there is one.
fn with(package: &str, import: &str) -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target =
        target.unwrap_or_else(|| [env!("CARGO_MANIFEST_DIR"), "../target"].iter().collect());
    let candidates = [target.join("venv/bin/python3"), PathBuf::from("python3")];
    let found = candidates.into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", import]).output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    if found.is_none() {
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!is_ci, "{package} is missing on a CI machine");
        eprintln!("SKIPPED: no Python with {package}; 'python3 -m venv target/venv' and");
        eprintln!("         'target/venv/bin/pip install {package}' get one");
    }
    found
}
