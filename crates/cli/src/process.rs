//! A program that this one has started.

use std::io;

use tokio::process::{Child, Command};

/// A program that ends with this, and with it what it has started (by Unix: what is in
/// its process group).
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) child: Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        #[cfg(unix)]
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            child,
            #[cfg(unix)]
            group: group.and_then(rustix::process::Pid::from_raw),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            // All of them may have ended by themselves.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
