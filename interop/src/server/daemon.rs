//! A server that is a process of its own.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::TcpStream;

use crate::failed::Failed;

/// How often a process is looked at that cannot tell by itself how far it is.
const LOOK: Duration = Duration::from_millis(10);

/// How a daemon is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// By SIGTERM, and by SIGKILL if that does not help.
    Terminate,
    /// By SIGKILL.
    Kill,
}

/// A child process with its own process group, killed when dropped together
/// with its children.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
    /// Bytes that earlier processes had written to the same log.
    earlier: usize,
}

impl Daemon {
    /// Starts a program whose output goes to a file.
    pub fn spawn(name: &str, mut command: Command, log: PathBuf) -> Result<Self, Failed> {
        let failed = |error| Failed::Server(format!("{name} cannot be started: {error}"));
        let output = File::options().create(true).append(true).open(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let earlier = std::fs::read(&log).map_or(0, |bytes| bytes.len());
        let child = command.spawn().map_err(failed)?;
        Ok(Self { name: name.to_owned(), child, log, earlier })
    }

    /// Waits until every one of these ports takes connections, of whatever server.
    pub async fn listens(&mut self, ports: &[u16], limit: Duration) -> Result<(), Failed> {
        let began = Instant::now();
        for port in ports {
            // No broker says in a common way that it is ready: it is asked until it is.
            while TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await.is_err() {
                if let Some(status) = self.exit_status() {
                    return Err(self.failed(&format!("ended by itself ({status})")));
                }
                if began.elapsed() > limit {
                    return Err(self.failed(&format!("does not listen on port {port}")));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Waits until it has written this text.
    pub async fn says(&mut self, text: &str, limit: Duration) -> Result<(), Failed> {
        let began = Instant::now();
        while !self.log().contains(text) {
            if let Some(status) = self.exit_status() {
                return Err(self.failed(&format!("ended by itself ({status})")));
            }
            if began.elapsed() > limit {
                return Err(self.failed(&format!("does not say {text:?}")));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// An error with the last words of the process.
    fn failed(&self, what: &str) -> Failed {
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Failed::Server(format!("{} {what}: {}", self.name, tail.join(" | ")))
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.earlier..).unwrap_or_default()).into_owned()
    }

    /// Ends it and waits for its end.
    pub async fn stop(&mut self, how: Stop) {
        if how == Stop::Terminate {
            self.signal(Signal::TERM);
            let began = Instant::now();
            while self.exit_status().is_none() && began.elapsed() < Duration::from_secs(15) {
                tokio::time::sleep(LOOK).await;
            }
        }
        self.kill();
    }

    /// Signals the process and its children.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may be gone already, which is what is wanted in the end.
            let _ = kill_process_group(pid, signal);
        }
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
