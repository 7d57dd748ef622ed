//! A server that consists of one or more programs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Daemon, Doing, Memory, Server, Stop};
use crate::failed::Failed;
use crate::folder::Folder;
use crate::site::Site;

/// One program of a server.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it is called in logs.
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What it finds in its environment beside ours.
    pub environment: Vec<(&'static str, OsString)>,
}

impl Program {
    /// A program with arguments.
    pub fn new<Argument: Into<OsString>>(
        name: &'static str,
        path: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { name, path: path.into(), arguments, environment: Vec::new() }
    }

    /// With another variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A server that consists of these programs, started in order.
pub struct Programs {
    /// Where its clients go.
    pub site: Site,
    /// Its files.
    pub folder: Folder,
    /// What it consists of.
    pub programs: Vec<Program>,
    /// It is up when all these ports take connections.
    pub ports: Vec<u16>,
    /// How long that may take.
    pub limit: Duration,
    /// What runs.
    pub running: Vec<Daemon>,
}

impl Programs {
    async fn run(&mut self) -> Result<(), Failed> {
        for (number, program) in self.programs.iter().enumerate() {
            let log = self.folder.file(&format!("{}-{number}.log", program.name));
            self.running.push(Daemon::spawn(program.name, program.command(), log)?);
        }
        match self.running.last_mut() {
            Some(daemon) => daemon.listens(&self.ports, self.limit).await,
            None => Ok(()),
        }
    }
}

impl Server for Programs {
    fn site(&self) -> &Site {
        &self.site
    }

    fn stop(&mut self, memory: Memory) -> Doing<'_> {
        Box::pin(async move {
            // In reverse: the first may be needed by the others to the end.
            while let Some(mut daemon) = self.running.pop() {
                daemon.stop(Stop::Terminate).await;
            }
            match memory {
                Memory::Kept => Ok(()),
                Memory::Lost => Err(Failed::Server("its memory cannot be taken".to_owned())),
            }
        })
    }

    fn start(&mut self) -> Doing<'_> {
        Box::pin(self.run())
    }

    fn log(&self) -> String {
        self.running.iter().map(Daemon::log).collect::<Vec<_>>().join("\n")
    }
}
