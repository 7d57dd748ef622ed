//! The client's command.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::args::AdvisorArgs;
use crate::error::Failure;

/// The client's command, to be started once per case.
pub(super) struct Program {
    words: Vec<OsString>,
    client_id: String,
    topic: String,
    is_heard: bool,
}

impl Program {
    pub(super) fn new(args: &AdvisorArgs) -> Result<Self, Failure> {
        let tells_port =
            |word: &OsString| word.to_str().is_some_and(|word| word.contains("{port}"));
        if !args.command.iter().any(tells_port) {
            return Err(Failure::usage("the command does not say {port}")
                .why("each case listens on a port of its own")
                .hint("evenkeel advisor -- mosquitto_sub -h {host} -p {port} -t {topic}"));
        }
        Ok(Self {
            words: args.command.clone(),
            client_id: args.client_id.clone(),
            topic: args.topic.clone(),
            is_heard: args.verbosity.level() == crate::printer::Verbosity::Debug,
        })
    }

    /// The program's name alone: its arguments may be secret.
    pub(super) fn name(&self) -> String {
        let first = self.words.first().map(Path::new);
        let name = first.and_then(Path::file_name).unwrap_or_else(|| OsStr::new("client"));
        name.to_string_lossy().into_owned()
    }

    /// Starts the client against a port of this machine. It ends with what is
    /// returned.
    pub(super) fn start(&self, port: u16) -> Result<Child, Failure> {
        let mut words = self.words.iter().map(|word| self.filled(word, port));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).kill_on_drop(true).stdin(Stdio::null());
        if !self.is_heard {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        command.spawn().map_err(|error| {
            Failure::usage(format!("the command '{}' cannot be started", self.name())).why(error)
        })
    }

    fn filled(&self, word: &OsStr, port: u16) -> OsString {
        let Some(text) = word.to_str() else { return word.to_owned() };
        let text = text
            .replace("{host}", "127.0.0.1")
            .replace("{port}", &port.to_string())
            .replace("{client_id}", &self.client_id)
            .replace("{topic}", &self.topic);
        text.into()
    }
}
