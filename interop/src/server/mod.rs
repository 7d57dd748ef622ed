//! Servers under test.

mod daemon;
mod evenkeel;
mod mosquitto;
mod programs;

use std::future::Future;
use std::pin::Pin;

use crate::failed::Failed;
use crate::site::Site;

pub use daemon::{Daemon, Stop};
pub use evenkeel::Evenkeel;
pub use mosquitto::Mosquitto;
pub use programs::{Program, Programs};

/// Something done to a server.
pub type Doing<'a> = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send + 'a>>;

/// A server that conversations can stop and start.
pub trait Server: Send {
    /// Where it is; the same after every start.
    fn site(&self) -> &Site;

    /// Lets it end as an administrator would.
    fn stop(&mut self, memory: Memory) -> Doing<'_>;

    /// Starts it again, at the same places.
    fn start(&mut self) -> Doing<'_>;

    /// What it wrote about what it saw.
    fn log(&self) -> String;
}

/// What becomes of sessions and retained messages over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// They are there again.
    Kept,
    /// They are gone.
    Lost,
}

/// What a server must be made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Lets in only those with the user name and password of the site.
    pub password: bool,
    /// Exchanges that mosquitto may have open with one client; its default is
    /// 20. The broker of this repository needs no such setting.
    pub in_flight: Option<u16>,
}

/// A kind of server that the tests can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Eclipse Mosquitto, as installed on this machine.
    Mosquitto,
    /// The broker of this repository.
    Evenkeel,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Mosquitto, Self::Evenkeel];

    /// A short name, as in names of tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mosquitto => "mosquitto",
            Self::Evenkeel => "evenkeel",
        }
    }

    /// True if one can be made.
    pub fn is_installed(self) -> bool {
        match self {
            Self::Mosquitto => Mosquitto::is_installed(),
            Self::Evenkeel => true,
        }
    }

    /// Whether tests may go on with it. Says loudly that it is missing, and is
    /// an error if it must not be: on a CI machine.
    pub fn require(self) -> Result<bool, Failed> {
        let installed = self.is_installed();
        if !installed && std::env::var("CI").is_ok_and(|value| value == "true") {
            return Err(Failed::Server(format!("{} is missing on a CI machine", self.name())));
        }
        if !installed {
            eprintln!("SKIPPED: {} is not installed", self.name());
        }
        Ok(installed)
    }

    /// Makes one with a memory, ports and files of its own.
    pub async fn start(self, setting: Setting) -> Result<Box<dyn Server>, Failed> {
        Ok(match self {
            Self::Mosquitto => Box::new(Mosquitto::start(setting).await?),
            Self::Evenkeel => Box::new(Evenkeel::start(setting).await?),
        })
    }
}
