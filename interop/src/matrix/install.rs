//! Getting brokers, through the usual package managers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failed::Failed;

/// A folder outside of the repository for what is installed.
#[derive(Clone, Debug)]
pub struct Cache(PathBuf);

impl Cache {
    /// This folder; made when something is installed.
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The usual place: under `XDG_CACHE_HOME`, or `~/.cache`.
    pub fn usual() -> Self {
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
        Self(base.unwrap_or_else(std::env::temp_dir).join("evenkeel-interop"))
    }

    /// The path of something in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

/// Runs a command to its end, with its output where ours goes.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<(), Failed> {
    eprintln!("$ {program} {}", arguments.join(" "));
    let failed = |what: String| Failed::Server(format!("{program}: {what}"));
    let status = Command::new(program)
        .args(arguments)
        // Debian starts what it installs; these brokers are started here.
        .env("RUNLEVEL", "1")
        .env("DEBIAN_FRONTEND", "noninteractive")
        // RabbitMQ's package leaves Erlang's name server behind.
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .status()
        .map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(status.to_string())) }
}

/// Installs a package of Debian's; needs root.
pub(super) fn apt(package: &str) -> Result<(), Failed> {
    run("apt-get", &["update", "-q"])?;
    run("apt-get", &["install", "-q", "-y", "--no-install-recommends", package])
}

/// What a command prints, if it runs at all.
pub(super) fn output(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program.as_ref()).args(arguments).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The first word of a text that begins like a version.
pub(super) fn version_in(text: &str) -> Option<String> {
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let trim = |c: char| !c.is_ascii_alphanumeric();
    let mut words =
        text.split_whitespace().map(|word| word.trim_start_matches('v').trim_matches(trim));
    words.find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let found = |text| version_in(text).unwrap();
        assert_eq!(found("mosquitto version 2.0.11\n\nmosquitto is an MQTT"), "2.0.11");
        assert_eq!(found("nats-server: v2.9.10"), "2.9.10");
        assert_eq!(found("\"version\": \"1.2.0\","), "1.2.0");
        assert_eq!(version_in("none"), None);
    }
}
