//! The client's command.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::process::Stdio;

use evenkeel_aws::advisor::Case;
use tokio::process::Command;

use super::files::Files;
use crate::args::AdvisorArgs;
use crate::error::Failure;
use crate::process::Process;

/// The client's command, to be started once per case.
pub(super) struct Program {
    words: Vec<OsString>,
    client_id: String,
    topic: String,
    thing: String,
    shadow: String,
    is_heard: bool,
}

/// What is new in each case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub(super) case: &'static Case,
    pub(super) port: u16,
    pub(super) uses_tls: bool,
}

/// The names that a command may hold in braces. In the environment they have capitals
/// and `EVENKEEL_ADVISOR_` before them.
const NAMES: [&str; 11] =
    ["case", "host", "port", "url", "ca", "cert", "key", "client_id", "topic", "thing", "shadow"];

impl Program {
    pub(super) fn new(args: &AdvisorArgs, thing: &str) -> Result<Self, Failure> {
        let has = |names: &[&str]| {
            let texts = args.command.iter().filter_map(|word| word.to_str());
            let mut parts = texts.flat_map(|text| names.iter().map(move |name| (text, name)));
            parts.any(|(text, name)| text.contains(&format!("{{{name}}}")))
        };
        // A command without any of them reads the environment.
        if has(&NAMES) && !has(&["port", "url"]) {
            return Err(Failure::usage("the command does not say {port}")
                .why("each case listens on a port of its own")
                .hint("evenkeel advisor -- mosquitto_sub -h {host} -p {port} -t {topic}"));
        }
        Ok(Self {
            words: args.command.clone(),
            client_id: args.client_id.clone(),
            topic: args.topic.clone(),
            thing: thing.to_owned(),
            shadow: args.device.shadow.clone().unwrap_or_default(),
            is_heard: args.verbosity.level() == crate::printer::Verbosity::Debug,
        })
    }

    /// The program's name alone: its arguments may be secret.
    pub(super) fn name(&self) -> String {
        let first = self.words.first().map(Path::new);
        let name = first.and_then(Path::file_name).unwrap_or_else(|| OsStr::new("client"));
        name.to_string_lossy().into_owned()
    }

    /// Starts the client against a port of this machine.
    pub(super) fn start(&self, stage: &Stage, files: &Files) -> Result<Process, Failure> {
        let values = self.values(stage, files);
        let mut words = self.words.iter().map(|word| filled(word, &values));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).stdin(Stdio::null());
        for (name, value) in NAMES.iter().zip(&values) {
            command.env(format!("EVENKEEL_ADVISOR_{}", name.to_ascii_uppercase()), value);
        }
        if !self.is_heard {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        Process::start(&mut command).map_err(|error| {
            Failure::usage(format!("the command '{}' cannot be started", self.name())).why(error)
        })
    }

    /// The values of [`NAMES`], in their order.
    fn values(&self, stage: &Stage, files: &Files) -> [String; NAMES.len()] {
        // By TLS servers are known by name.
        let (scheme, host) =
            if stage.uses_tls { ("mqtts", "localhost") } else { ("mqtt", "127.0.0.1") };
        let port = stage.port;
        let file = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
        [
            stage.case.id.to_owned(),
            host.to_owned(),
            port.to_string(),
            format!("{scheme}://{host}:{port}"),
            file(files.ca()),
            file(files.certificate()),
            file(files.key()),
            self.client_id.clone(),
            self.topic.clone(),
            self.thing.clone(),
            self.shadow.clone(),
        ]
    }
}

/// The word with what stands for something replaced, once: values are left as they are.
fn filled(word: &OsStr, values: &[String]) -> OsString {
    let Some(mut rest) = word.to_str() else { return word.to_owned() };
    let mut out = String::new();
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let found = NAMES.iter().zip(values).find_map(|(name, value)| {
            let after = behind.strip_prefix(name)?.strip_prefix('}')?;
            Some((value, after))
        });
        match found {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out.into()
}

impl fmt::Debug for Program {
    /// Its arguments may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("name", &self.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_something_is_replaced_once() {
        let mut values = NAMES.map(|name| format!("<{name}>"));
        values[8] = "a/{port}".to_owned();
        for (word, expected) in [
            ("{host}:{port}", "<host>:<port>"),
            ("{topic}", "a/{port}"),
            ("{nothing} {port {}", "{nothing} {port {}"),
            ("{{port}}", "{<port>}"),
            ("plain", "plain"),
        ] {
            assert_eq!(filled(OsStr::new(word), &values), OsStr::new(expected));
        }
    }
}
